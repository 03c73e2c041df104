/* settings: from the file's text to a snapshot.
 *
 * libconfuse reads the syntax; every value is kept as text there and read by options.c, at the moment the parser sees it, so that
 * each complaint carries file and line. Then the snapshot is filled; what concerns several options is checked last. */
#include "settings/settings.h"

#include "lib/must.h"
#include "lib/nearest.h"
#include "mail/mailbox.h"
#include "settings/keys.h"
#include "settings/options.h"
#include "settings/shape.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { SECTIONS_MAX = 12, ROWS_MAX = 40 };

/* libconfuse's callbacks carry no context of ours: parsing is single-threaded per thread. */
static _Thread_local struct fault *parse_fault;
static _Thread_local const char *parse_name;

static _Thread_local unsigned parse_line[ROWS_MAX * SECTIONS_MAX]; /* by row of option_rows: where it stands; 0: nowhere */

/* ---- checks at the line where a value stands ---- */

static const char *section_of(cfg_t *cfg) { return strcmp(cfg_name(cfg), "root") == 0 ? "" : cfg_name(cfg); }

#define WORD_BYTES "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

/* libconfuse's own words for what people get wrong most are replaced by ours, which say what was probably meant. */
static void no_such_option(cfg_t *cfg, const char *name)
{
    const char *names[ROWS_MAX], *section = section_of(cfg);
    const char *meant = nearest(str_of(name), names, option_names(section, names, ROWS_MAX));
    fault_set(parse_fault, "%s:%d: there is no option \"%s\" %s%s%s%s%s", parse_name, cfg->line,
              strspn(name, WORD_BYTES) == strlen(name) ? name : "?", *section ? "in section " : "at the top level", section,
              meant ? ": did you mean " : "", meant ? meant : "", meant ? "?" : "");
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[700];
    if (!parse_fault || parse_fault->text[0])
        return;
    if (strncmp(fmt, "no such option", 14) == 0) {
        no_such_option(cfg, va_arg(ap, const char *));
        return;
    }
    if (strncmp(fmt, "found duplicate title", 21) == 0)
        snprintf(text, sizeof text, "there is a section %s \"%s\" already: put everything into one, or give it another title",
                 cfg_name(cfg), va_arg(ap, const char *));
    else
        vsnprintf(text, sizeof text, fmt, ap);
    fault_set(parse_fault, "%s:%d: %s", parse_name, cfg->line, text);
}

static int check_row(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct option *o = option_find(section_of(cfg), opt->name);
    must(o);
    if (o >= option_rows && o < option_rows + option_count)
        parse_line[o - option_rows] = (unsigned)cfg->line;
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        union {
            struct str s;
            struct cidr c;
            uint64_t u;
            double d;
            bool b;
            struct sockaddr_storage ss;
            struct settings_listener l;
            struct route_rule r;
            enum sign_unknown unknown;
        } scratch;
        struct arena a = {0};
        char why[200];
        bool good = option_read(o, str_of(cfg_opt_getnstr(opt, i)), &a, &scratch, why);
        arena_done(&a);
        if (!good) {
            cfg_error(cfg, "%s = \"%s\": %s", opt->name, cfg_opt_getnstr(opt, i), why);
            return -1;
        }
    }
    return 0;
}

/* ---- filling the snapshot ---- */

static void fill_row(cfg_t *sec, const struct option *o, void *base, struct arena *a)
{
    char why[200];
    void *to = (char *)base + o->at;
    size_t each = option_element_bytes(o->kind);
    if (!each) {
        must(option_read(o, str_of(cfg_getstr(sec, o->name)), a, to, why));
        return;
    }
    size_t n = cfg_size(sec, o->name);
    char *list = arena_alloc(a, n * each + 1);
    for (unsigned i = 0; i < n; i++)
        must(option_read(o, str_of(cfg_getnstr(sec, o->name, i)), a, list + i * each, why));
    *(void **)to = list;
    *(size_t *)((char *)to + sizeof(void *)) = n;
}

static const struct option_table *table_of(const char *titled)
{
    size_t t = 1;
    while (strcmp(option_tables[t].titled, titled) != 0)
        must(++t < option_table_count);
    return &option_tables[t];
}

static void fill_table(cfg_t *sec, const char *titled, void *base, struct arena *a)
{
    const struct option_table *t = table_of(titled);
    for (size_t i = 0; i < t->n; i++)
        fill_row(sec, &t->rows[i], base, a);
}

static int by_text(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    int c = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return c ? c : (x->n > y->n) - (x->n < y->n);
}

static void fill_rows(cfg_t *cfg, struct settings *s)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_rows[i];
        fill_row(*o->section ? cfg_getsec(cfg, o->section) : cfg, o, s, &s->arena);
    }
    qsort(s->accept.hosted, s->accept.hosted_n, sizeof *s->accept.hosted, by_text);
}

/* Two listeners with one address would fail only when the server is started. */
static bool add_listener(struct settings *s, cfg_t *sec, const struct settings_listener *l, enum door door, struct fault *f)
{
    for (size_t i = 0; i < s->listeners; i++)
        if (s->listener[i].addr_len == l->addr_len && memcmp(&s->listener[i].addr, &l->addr, l->addr_len) == 0)
            return fault_set(f, "%s:%d: listen \"%s\": the address %.*s stands in the file twice: remove one", parse_name,
                             sec->line, cfg_title(sec), STR_ARGS(l->text));
    s->listener[s->listeners] = *l;
    s->listener[s->listeners++].door = door;
    return true;
}

static bool fill_listeners(cfg_t *cfg, struct settings *s, struct fault *f)
{
    size_t n = 0;
    for (unsigned i = 0; i < cfg_size(cfg, "listen"); i++)
        n += cfg_size(cfg_getnsec(cfg, "listen", i), "address");
    s->listener = arena_alloc(&s->arena, (n + 1) * sizeof *s->listener);
    for (unsigned i = 0; i < cfg_size(cfg, "listen"); i++) {
        cfg_t *sec = cfg_getnsec(cfg, "listen", i);
        struct listen_section read = {0};
        fill_table(sec, "listen", &read, &s->arena);
        for (size_t k = 0; k < read.addresses; k++)
            if (!add_listener(s, sec, &read.address[k], read.door, f))
                return false;
    }
    return true;
}

static bool fill_routes(cfg_t *cfg, struct settings *s, struct fault *f)
{
    size_t n = cfg_size(cfg, "route");
    s->route.rule = arena_alloc(&s->arena, (n + 1) * sizeof *s->route.rule);
    for (unsigned i = 0; i < n; i++) {
        cfg_t *sec = cfg_getnsec(cfg, "route", i);
        struct route_rule *r = &s->route.rule[s->route.rules++];
        if (!*cfg_getstr(sec, "to"))
            return fault_set(f, "%s:%d: route \"%s\": says not where to: add a line such as to = \"smtp:mail.example.pl:25\"",
                             parse_name, sec->line, cfg_title(sec));
        fill_table(sec, "route", r, &s->arena);
        r->domain = arena_str(&s->arena, str_of(cfg_title(sec)));
    }
    return true;
}

static void fill_lanes(cfg_t *cfg, struct settings *s)
{
    size_t n = cfg_size(cfg, "lane");
    bool has_all = false;
    s->schedule.rule = arena_alloc(&s->arena, (n + 1) * sizeof *s->schedule.rule);
    for (unsigned i = 0; i < n; i++) {
        cfg_t *sec = cfg_getnsec(cfg, "lane", i);
        struct lane_rule *r = &s->schedule.rule[s->schedule.rules++];
        r->site = arena_str(&s->arena, str_of(cfg_title(sec)));
        has_all |= str_eq(r->site, STR("*"));
        fill_table(sec, "lane", &r->limits, &s->arena);
    }
    if (has_all)
        return;
    struct lane_rule *r = &s->schedule.rule[s->schedule.rules++];
    char why[200];
    r->site = STR("*");
    const struct option_table *lane = table_of("lane");
    for (size_t k = 0; k < lane->n; k++)
        must(option_read(&lane->rows[k], str_of(lane->rows[k].fallback), &s->arena, (char *)&r->limits + lane->rows[k].at, why));
}

/* A small machine is not filled by what strangers send at once, a large one gains nothing from more. A buffer that grows is at
 * most twice its message. */
static uint64_t share_of_memory(const struct settings *s)
{
    uint64_t least = UINT64_C(2) * s->accept.message_bytes_max, most = UINT64_C(512) * 1024 * 1024;
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    uint64_t share = pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes / 8 / s->workers : 0;
    share = share > most ? most : share;
    return share < least ? least : share;
}

/* What each room needs to know of the others' settings, and checks over several options. */
static bool settle(struct settings *s, struct fault *f)
{
    if (s->workers == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        s->workers = cores < 1 ? 1 : cores > 64 ? 64 : (uint32_t)cores;
    }
    s->accept.hostname = s->prepare.hostname = s->route.hostname = s->hostname;
    if (s->source.ehlo.n == 0)
        s->source.ehlo = s->hostname;
    if (s->sign.domain.n == 0)
        s->sign.domain = s->hostname;
    if (s->accept.return_age_s > s->keep_stories_s)
        s->accept.return_age_s = s->keep_stories_s;
    s->source.name = STR("default");
    if (s->accept.memory_max == 0)
        s->accept.memory_max = share_of_memory(s);
    char where[SETTINGS_WHERE];
    if (s->accept.memory_max < s->accept.message_bytes_max)
        return fault_set(f,
                         "%s: accept.memory_max must be at least accept.message_bytes_max (%u): raise it, or such a message is "
                         "never taken",
                         settings_where(s, "accept", "memory_max", where), s->accept.message_bytes_max);
    if (s->segment_bytes % (1024 * 1024))
        return fault_set(f, "%s: log.segment_bytes must be a whole number of megabytes",
                         settings_where(s, "log", "segment_bytes", where));
    if ((uint64_t)s->accept.message_bytes_max + 2 * 1024 * 1024 > s->segment_bytes)
        return fault_set(
            f, "%s: accept.message_bytes_max (%u) must be at least 2M less than log.segment_bytes (%u): raise the latter",
            settings_where(s, "log", "segment_bytes", where), s->accept.message_bytes_max, s->segment_bytes);
    if (s->sign.seal && !s->verify.incoming)
        return fault_set(f, "%s: arc_seal seals what was found: it needs verify_incoming = yes",
                         settings_where(s, "", "arc_seal", where));
    struct mailbox from;
    const char *why;
    if (s->tls_report_from.n && (!mailbox_parse(s->tls_report_from, false, &from, &why) || !from.domain.n))
        return fault_set(f, "%s: tls.report_from must be an address such as postmaster@example.pl",
                         settings_where(s, "tls", "report_from", where));
    if ((s->tls_certificate.n == 0) != (s->tls_key.n == 0))
        return fault_set(f, "%s: tls.certificate and tls.key go together: set both or none",
                         settings_where(s, "tls", s->tls_key.n ? "key" : "certificate", where));
    return true;
}

/* ---- the parser ---- */

static size_t opts_of_section(const char *section, const struct option *rows, size_t n, cfg_opt_t *out)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].section, section) == 0) {
            cfg_opt_t scalar = CFG_STR(rows[i].name, rows[i].fallback, CFGF_NONE);
            cfg_opt_t list = CFG_STR_LIST(rows[i].name, "{}", CFGF_NONE);
            must(k + 1 < ROWS_MAX);
            out[k] = option_element_bytes(rows[i].kind) ? list : scalar;
            out[k++].validcb = check_row;
        }
    out[k] = (cfg_opt_t)CFG_END();
    return k;
}

static cfg_t *parser_new(void)
{
    static const char *const names[] = {"tls",    "accept", "log",         "schedule",   "deliver",
                                        "source", "notify", "suppression", "return_path"};
    static _Thread_local cfg_opt_t section[SECTIONS_MAX][ROWS_MAX], titled[SECTIONS_MAX][ROWS_MAX], root[ROWS_MAX];
    size_t n = opts_of_section("", option_rows, option_count, root);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        opts_of_section(names[i], option_rows, option_count, section[i]);
        root[n++] = (cfg_opt_t)CFG_SEC(names[i], section[i], CFGF_NONE);
    }
    for (size_t i = 1; i < option_table_count; i++) {
        const struct option_table *t = &option_tables[i];
        opts_of_section(t->titled, t->rows, t->n, titled[i]);
        root[n++] = (cfg_opt_t)CFG_SEC(t->titled, titled[i], CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES);
    }
    root[n] = (cfg_opt_t)CFG_END();
    must(n < ROWS_MAX);
    cfg_t *cfg = cfg_init(root, CFGF_NONE);
    must(cfg);
    cfg_set_error_function(cfg, on_error);
    return cfg;
}

bool settings_parse(struct settings **ret, const char *name, struct str text, struct fault *f)
{
    struct fault own = {0};
    struct settings *s = calloc(1, sizeof *s);
    must(s);
    atomic_init(&s->refs, 1);
    cfg_t *cfg = parser_new();
    memset(parse_line, 0, sizeof parse_line);
    parse_name = name;
    parse_fault = &own;
    bool good = shape_check(name, text, &own) && cfg_parse_buf(cfg, arena_strz(&s->arena, text)) == CFG_SUCCESS;
    parse_fault = NULL;
    if (!good && !own.text[0])
        fault_set(&own, "%s: cannot be read as a settings file", name);
    if (good) {
        s->file = arena_str(&s->arena, str_of(name));
        s->line = arena_alloc(&s->arena, option_count * sizeof *s->line);
        memcpy(s->line, parse_line, option_count * sizeof *s->line);
        fill_rows(cfg, s);
        good = fill_listeners(cfg, s, &own) && fill_routes(cfg, s, &own);
        fill_lanes(cfg, s);
        good = good && settle(s, &own);
    }
    cfg_free(cfg);
    if (good)
        *ret = s;
    else
        settings_free(&s);
    if (!good && f)
        *f = own;
    return good;
}

static bool load(struct settings **ret, const char *path, bool (*keys)(struct settings *s, struct fault *f), struct fault *f)
{
    struct buf text = {.max = 16 * 1024 * 1024};
    struct settings *s = NULL;
    bool good = keys_read_file(path, &text, f) && settings_parse(&s, path, buf_str(&text), f);
    buf_done(&text);
    if (good && !keys(s, f)) {
        settings_free(&s);
        return false;
    }
    if (good)
        *ret = s;
    return good;
}

bool settings_load(struct settings **ret, const char *path, struct fault *f) { return load(ret, path, keys_fill, f); }

bool settings_check(const char *path, struct fault *f)
{
    struct settings *s = NULL;
    bool good = load(&s, path, keys_check, f);
    settings_free(&s);
    return good;
}

struct settings *settings_ref(struct settings *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void settings_free(struct settings **s)
{
    struct settings *x = *s;
    *s = NULL;
    if (!x || atomic_fetch_sub(&x->refs, 1) > 1)
        return;
    arena_done(&x->arena);
    free(x);
}

void settings_pack(const char *name, struct str text, const struct settings *s, struct buf *b)
{
    buf_put_str(b, str_of(name));
    buf_put_str(b, text);
    buf_put_str(b, s->tls_chain_pem);
    buf_put_str(b, s->tls_key_pem);
    buf_put_str(b, s->deliver.tls_trusted_pem);
}

bool settings_unpack(struct settings **ret, struct str packed, struct fault *f)
{
    bool ok = true;
    struct str name = str_take_str(&packed, &ok), text = str_take_str(&packed, &ok);
    struct str chain = str_take_str(&packed, &ok), key = str_take_str(&packed, &ok);
    struct str trusted = str_take_str(&packed, &ok);
    if (!ok)
        return fault_set(f, "the settings handed over are cut short");
    char z[1024];
    snprintf(z, sizeof z, "%.*s", STR_ARGS(name));
    if (!settings_parse(ret, z, text, f))
        return false;
    (*ret)->tls_chain_pem = arena_str(&(*ret)->arena, chain);
    (*ret)->tls_key_pem = arena_str(&(*ret)->arena, key);
    (*ret)->deliver.tls_trusted_pem = arena_str(&(*ret)->arena, trusted);
    return true;
}

const char *settings_where(const struct settings *s, const char *section, const char *name, char out[SETTINGS_WHERE])
{
    const struct option *o = option_find(section, name);
    must(o >= option_rows && o < option_rows + option_count);
    unsigned line = s->line[o - option_rows];
    snprintf(out, SETTINGS_WHERE, line ? "%.*s:%u" : "%.*s", STR_ARGS(s->file), line);
    return out;
}

void settings_each(settings_option_fn *fn, void *ctx)
{
    for (size_t t = 0; t < option_table_count; t++)
        for (size_t i = 0; i < option_tables[t].n; i++) {
            const struct option *o = &option_tables[t].rows[i];
            fn(ctx, &(struct settings_option){.section = o->section,
                                              .titled = option_tables[t].titled != NULL,
                                              .list = option_element_bytes(o->kind) != 0,
                                              .name = o->name,
                                              .fallback = o->fallback,
                                              .form = option_form(o->kind),
                                              .sentence = o->sentence});
        }
}

struct defaults {
    FILE *out;
    const char *section, *mark; /* the one that is open; "# ": it is only an example */
};

/* As a file that can be read again; the sections with titles are examples, but for the lane that every site has. */
static void print_option(void *ctx, const struct settings_option *o)
{
    struct defaults *d = ctx;
    if (strcmp(d->section, o->section) != 0) {
        if (*d->section)
            fprintf(d->out, "%s}\n", d->mark);
        d->mark = o->titled && strcmp(o->section, "lane") != 0 ? "# " : "";
        d->section = o->section;
        fprintf(d->out, "%s%s%s {\n", d->mark, o->section, o->titled ? " \"*\"" : "");
    }
    const char *indent = *d->section ? "    " : "", *open = o->list ? "{" : "\"", *close = o->list ? "}" : "\"";
    fprintf(d->out, "%s# %s\n%s%s%s = %s%s%s\n", indent, o->sentence, d->mark, indent, o->name, open, o->fallback, close);
}

void settings_print_defaults(FILE *out)
{
    struct defaults d = {out, "", ""};
    settings_each(print_option, &d);
    fprintf(out, "%s}\n", d.mark);
}
