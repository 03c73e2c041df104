/* settings: from the file's text to a snapshot.
 *
 * libconfuse reads the syntax; every value is kept as text there and read by options.c, at the moment the parser sees it, so that
 * each complaint carries file and line. Then the snapshot is filled; what concerns several options is checked last. */
#include "settings/settings.h"

#include "lib/must.h"
#include "settings/keys.h"
#include "settings/options.h"

#include <confuse.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* libconfuse's callbacks carry no context of ours: parsing is single-threaded per thread. */
static _Thread_local struct fault *parse_fault;
static _Thread_local const char *parse_name;

static const char *const doors[] = {[DOOR_MX] = "mx", [DOOR_SUBMISSION] = "submission", [DOOR_SUBMISSIONS] = "submissions"};
static const char *const tls_words[] = {
    [TLS_OPPORTUNISTIC] = "opportunistic", [TLS_NONE] = "none", [TLS_REQUIRED] = "required", [TLS_VERIFIED] = "verified"};

static int word_find(const char *const *words, size_t n, const char *w)
{
    for (size_t i = 0; i < n; i++)
        if (words[i] && strcmp(words[i], w) == 0)
            return (int)i;
    return -1;
}

/* ---- checks at the line where a value stands ---- */

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char text[700];
    vsnprintf(text, sizeof text, fmt, ap);
    if (parse_fault && !parse_fault->text[0])
        fault_set(parse_fault, "%s:%d: %s", parse_name, cfg->line, text);
}

static const struct option *row_of(const char *section, const char *name)
{
    if (strcmp(section, "lane") == 0) {
        for (size_t i = 0; i < lane_row_count; i++)
            if (strcmp(lane_rows[i].name, name) == 0)
                return &lane_rows[i];
        return NULL;
    }
    for (size_t i = 0; i < option_count; i++)
        if (strcmp(option_rows[i].name, name) == 0 && strcmp(option_rows[i].section, section) == 0)
            return &option_rows[i];
    return NULL;
}

static int check_row(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *section = strcmp(cfg_name(cfg), "root") == 0 ? "" : cfg_name(cfg);
    const struct option *o = row_of(section, opt->name);
    must(o);
    for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
        union {
            struct str s;
            struct cidr c;
            uint64_t u;
            double d;
            bool b;
            struct sockaddr_storage ss;
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

static int check_listen(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *v = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
    struct sockaddr_storage sa;
    socklen_t len;
    if (strcmp(opt->name, "door") == 0 && word_find(doors, 3, v) < 0) {
        cfg_error(cfg, "door = \"%s\": expected mx, submission or submissions", v);
        return -1;
    }
    if (strcmp(opt->name, "address") == 0)
        for (unsigned i = 0; i < cfg_opt_size(opt); i++)
            if (v = cfg_opt_getnstr(opt, i), strncmp(v, "unix:", 5) == 0 || !net_parse(str_of(v), &sa, &len)) {
                cfg_error(cfg, "address \"%s\": expected IP:port, such as 0.0.0.0:25 or [::]:25", v);
                return -1;
            }
    return 0;
}

/* "smtp:host[:port]", "lmtp:host:port", "lmtp:unix:/path", "maildir:/path". */
static bool target_read(struct str text, struct arena *a, struct route_rule *r)
{
    struct str rest = text, scheme = str_split(&rest, ':');
    r->port = 0;
    if (rest.p == NULL || rest.n == 0)
        return false;
    if (str_eq(scheme, STR("maildir"))) {
        r->kind = ROUTE_MAILDIR;
        r->maildir = arena_str(a, rest);
        return rest.p[0] == '/';
    }
    r->kind = str_eq(scheme, STR("lmtp")) ? ROUTE_LMTP : ROUTE_SMTP;
    if (r->kind == ROUTE_SMTP && !str_eq(scheme, STR("smtp")))
        return false;
    if (str_starts_nocase(rest, STR("unix:/"))) {
        r->host = arena_str(a, rest);
        return r->kind == ROUTE_LMTP;
    }
    uint64_t port = r->kind == ROUTE_LMTP ? 24 : 25;
    const char *colon = memrchr(rest.p, ':', rest.n), *bracket = memrchr(rest.p, ']', rest.n);
    struct str host = rest;
    if (colon && (!bracket || colon > bracket)) {
        host.n = (size_t)(colon - rest.p);
        if (!str_to_u64(str_mem(colon + 1, rest.n - host.n - 1), 65535, &port) || port == 0)
            return false;
    }
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = str_mem(host.p + 1, host.n - 2);
    r->host = arena_str(a, host);
    r->port = (uint16_t)port;
    return host.n > 0;
}

static int check_route(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *v = cfg_opt_getnstr(opt, 0);
    if (strcmp(opt->name, "tls") == 0 && word_find(tls_words, 4, v) < 0) {
        cfg_error(cfg, "tls = \"%s\": expected opportunistic, none, required or verified", v);
        return -1;
    }
    struct arena a = {0};
    struct route_rule r = {0};
    bool good = strcmp(opt->name, "to") != 0 || target_read(str_of(v), &a, &r);
    arena_done(&a);
    if (!good)
        cfg_error(cfg, "to = \"%s\": expected smtp:host[:port], lmtp:host:port, lmtp:unix:/path or maildir:/path", v);
    return good ? 0 : -1;
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

static void fill_listeners(cfg_t *cfg, struct settings *s)
{
    size_t n = 0;
    for (unsigned i = 0; i < cfg_size(cfg, "listen"); i++)
        n += cfg_size(cfg_getnsec(cfg, "listen", i), "address");
    s->listener = arena_alloc(&s->arena, (n + 1) * sizeof *s->listener);
    for (unsigned i = 0; i < cfg_size(cfg, "listen"); i++) {
        cfg_t *sec = cfg_getnsec(cfg, "listen", i);
        int door = word_find(doors, 3, cfg_getstr(sec, "door"));
        for (unsigned k = 0; k < cfg_size(sec, "address"); k++) {
            struct settings_listener *l = &s->listener[s->listeners++];
            l->text = arena_str(&s->arena, str_of(cfg_getnstr(sec, "address", k)));
            l->door = (enum door)door;
            must(net_parse(l->text, &l->addr, &l->addr_len));
        }
    }
}

static bool fill_routes(cfg_t *cfg, struct settings *s, struct fault *f)
{
    size_t n = cfg_size(cfg, "route");
    s->route.rule = arena_alloc(&s->arena, (n + 1) * sizeof *s->route.rule);
    for (unsigned i = 0; i < n; i++) {
        cfg_t *sec = cfg_getnsec(cfg, "route", i);
        struct route_rule *r = &s->route.rule[s->route.rules++];
        const char *to = cfg_getstr(sec, "to");
        if (!to)
            return fault_set(f, "%s:%d: route \"%s\": says not where to: add a line such as to = \"smtp:mail.example.pl:25\"",
                             parse_name, sec->line, cfg_title(sec));
        must(target_read(str_of(to), &s->arena, r));
        r->domain = arena_str(&s->arena, str_of(cfg_title(sec)));
        r->tls = (enum route_tls)word_find(tls_words, 4, cfg_getstr(sec, "tls"));
        r->login = arena_str(&s->arena, str_of(cfg_getstr(sec, "login")));
        r->password = arena_str(&s->arena, str_of(cfg_getstr(sec, "password")));
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
        for (size_t k = 0; k < lane_row_count; k++)
            fill_row(sec, &lane_rows[k], &r->limits, &s->arena);
    }
    if (has_all)
        return;
    struct lane_rule *r = &s->schedule.rule[s->schedule.rules++];
    char why[200];
    r->site = STR("*");
    for (size_t k = 0; k < lane_row_count; k++)
        must(option_read(&lane_rows[k], str_of(lane_rows[k].fallback), &s->arena, (char *)&r->limits + lane_rows[k].at, why));
}

/* What each room needs to know of the others' settings, and checks over several options. */
static bool settle(struct settings *s, const char *name, struct fault *f)
{
    if (s->workers == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        s->workers = cores < 1 ? 1 : cores > 64 ? 64 : (uint32_t)cores;
    }
    s->accept.hostname = s->prepare.hostname = s->route.hostname = s->hostname;
    if (s->source.ehlo.n == 0)
        s->source.ehlo = s->hostname;
    s->source.name = STR("default");
    if (s->segment_bytes % (1024 * 1024))
        return fault_set(f, "%s: log.segment_bytes must be a whole number of megabytes", name);
    if ((uint64_t)s->accept.message_bytes_max + 2 * 1024 * 1024 > s->segment_bytes)
        return fault_set(
            f, "%s: accept.message_bytes_max (%u) must be at least 2M less than log.segment_bytes (%u): raise the latter", name,
            s->accept.message_bytes_max, s->segment_bytes);
    if ((s->tls_certificate.n == 0) != (s->tls_key.n == 0))
        return fault_set(f, "%s: tls.certificate and tls.key go together: set both or none", name);
    return true;
}

/* ---- the parser ---- */

enum { SECTIONS_MAX = 8, ROWS_MAX = 40 };

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
    static const char *const names[] = {"tls", "accept", "log", "schedule", "deliver", "source", "notify"};
    static _Thread_local cfg_opt_t section[SECTIONS_MAX][ROWS_MAX], lane[ROWS_MAX], root[ROWS_MAX];
    static cfg_opt_t listen[] = {CFG_STR("door", "submission", CFGF_NONE), CFG_STR_LIST("address", "{}", CFGF_NONE), CFG_END()};
    static cfg_opt_t route[] = {CFG_STR("to", NULL, CFGF_NODEFAULT), CFG_STR("tls", "opportunistic", CFGF_NONE),
                                CFG_STR("login", "", CFGF_NONE), CFG_STR("password", "", CFGF_NONE), CFG_END()};
    size_t n = opts_of_section("", option_rows, option_count, root);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        opts_of_section(names[i], option_rows, option_count, section[i]);
        root[n++] = (cfg_opt_t)CFG_SEC(names[i], section[i], CFGF_NONE);
    }
    opts_of_section("lane", lane_rows, lane_row_count, lane);
    listen[0].validcb = listen[1].validcb = check_listen;
    route[0].validcb = route[1].validcb = check_route;
    root[n++] = (cfg_opt_t)CFG_SEC("listen", listen, CFGF_MULTI | CFGF_TITLE);
    root[n++] = (cfg_opt_t)CFG_SEC("route", route, CFGF_MULTI | CFGF_TITLE);
    root[n++] = (cfg_opt_t)CFG_SEC("lane", lane, CFGF_MULTI | CFGF_TITLE);
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
    parse_name = name;
    parse_fault = &own;
    bool good = cfg_parse_buf(cfg, arena_strz(&s->arena, text)) == CFG_SUCCESS;
    parse_fault = NULL;
    if (!good && !own.text[0])
        fault_set(&own, "%s: cannot be read as a settings file", name);
    if (good) {
        fill_rows(cfg, s);
        fill_listeners(cfg, s);
        good = fill_routes(cfg, s, &own);
        fill_lanes(cfg, s);
        good = good && settle(s, name, &own);
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

bool settings_load(struct settings **ret, const char *path, struct fault *f)
{
    struct buf text = {.max = 16 * 1024 * 1024};
    struct settings *s = NULL;
    bool good = keys_read_file(path, &text, f) && settings_parse(&s, path, buf_str(&text), f);
    buf_done(&text);
    if (good && !keys_fill(s, f)) {
        settings_free(&s);
        return false;
    }
    if (good)
        *ret = s;
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
}

bool settings_unpack(struct settings **ret, struct str packed, struct fault *f)
{
    bool ok = true;
    struct str name = str_take_str(&packed, &ok), text = str_take_str(&packed, &ok);
    struct str chain = str_take_str(&packed, &ok), key = str_take_str(&packed, &ok);
    if (!ok)
        return fault_set(f, "the settings handed over are cut short");
    char z[1024];
    snprintf(z, sizeof z, "%.*s", STR_ARGS(name));
    if (!settings_parse(ret, z, text, f))
        return false;
    (*ret)->tls_chain_pem = arena_str(&(*ret)->arena, chain);
    (*ret)->tls_key_pem = arena_str(&(*ret)->arena, key);
    return true;
}

void settings_print_defaults(FILE *out)
{
    const char *section = "";
    for (size_t i = 0; i < option_count; i++) {
        const struct option *o = &option_rows[i];
        if (strcmp(section, o->section) != 0) {
            fprintf(out, "%s%s {\n", *section ? "}\n" : "", o->section);
            section = o->section;
        }
        bool list = option_element_bytes(o->kind) != 0;
        fprintf(out, "%s# %s\n%s%s = %s%s%s\n", *section ? "    " : "", o->sentence, *section ? "    " : "", o->name,
                list ? "{" : "\"", o->fallback, list ? "}" : "\"");
    }
    fputs(*section ? "}\n" : "", out);
    fputs("lane \"*\" {\n", out);
    for (size_t i = 0; i < lane_row_count; i++)
        fprintf(out, "    # %s\n    %s = \"%s\"\n", lane_rows[i].sentence, lane_rows[i].name, lane_rows[i].fallback);
    fputs("}\n# listen \"name\" { door = \"mx|submission|submissions\" address = {\"0.0.0.0:25\", \"[::]:25\"} }\n", out);
    fputs("# route \"domain or *\" { to = \"smtp:host:port|lmtp:unix:/path|maildir:/path/%d/%u\" tls = "
          "\"opportunistic|none|required|verified\" }\n",
          out);
}
