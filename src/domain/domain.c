/* domain: see domain.h. The index of keys (sign/index.h) is the truth; after each change the engine is told to read it again.
 *
 * A key's way: made -> seen in DNS (check) -> signs -> signs no more (rotate --use) -> gone (rotate --retire). A domain's first
 * keys sign as soon as check sees them; later ones when they are told to, so that no receiver meets a signature whose key it
 * cannot find. */
#include "domain/domain.h"

#include "domain/around.h"
#include "domain/show.h"
#include "mail/mailbox.h"
#include "sign/key.h"
#include "verify/resolver.h"
#include "verp/paths.h"

#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { KEEP_S = 7 * 86400 /* an old key's record stays for the queue's life (5 days) and what receivers hold back */ };

struct call {
    struct common common;
    struct around around;
    struct sender sender;
    const char *keys; /* directory */
    struct key_index index;
    struct arena arena;
    struct record record[RECORDS_MAX];
    struct checked checked[RECORDS_MAX];
    unsigned records;
    bool only_new; /* people are shown the records of new keys alone */
};

/* ---- keys of one domain ---- */

static bool of_domain(const struct call *c, size_t i) { return str_eq(c->index.row[i].domain, c->sender.domain); }

static struct key_row *first_key(struct call *c)
{
    for (size_t i = 0; i < c->index.n; i++)
        if (of_domain(c, i))
            return &c->index.row[i];
    return NULL;
}

static bool is_taken(const struct call *c, struct str selector)
{
    for (size_t i = 0; i < c->index.n; i++)
        if (of_domain(c, i) && str_eq(c->index.row[i].selector, selector))
            return true;
    return false;
}

/* "g20261125r", "g20261125-2r" when a day sees more of them. */
static void name_selector(const struct call *c, bool ed25519, char out[40])
{
    time_t now = time(NULL);
    struct tm t;
    char day[16];
    gmtime_r(&now, &t);
    strftime(day, sizeof day, "g%Y%m%d", &t);
    snprintf(out, 40, "%s%c", day, ed25519 ? 'e' : 'r');
    for (int n = 2; is_taken(c, str_of(out)); n++)
        snprintf(out, 40, "%s-%d%c", day, n, ed25519 ? 'e' : 'r');
}

static bool make_pair(struct call *c, const char *account, struct fault *f)
{
    for (int ed25519 = 0; ed25519 < 2; ed25519++) {
        char selector[40], path[800];
        name_selector(c, ed25519, selector);
        struct key_row r = {c->sender.domain, str_of(account), str_of(selector), ed25519, time(NULL), 0, 0, 0};
        key_index_path(c->keys, &r, path);
        if (!key_index_folder(c->keys, c->sender.domain, f) || !key_make(path, ed25519, f))
            return false;
        key_index_add(&c->index, &r);
    }
    return true;
}

/* ---- what every command ends with ---- */

static bool store(struct call *c, struct fault *f)
{
    if (!key_index_write(&c->index, c->keys, f))
        return false;
    common_reload(&c->common, "reload-domains");
    return true;
}

static void keep_new(struct call *c)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->records; i++)
        if (c->record[i].key && !c->record[i].key->used_s)
            c->record[n++] = c->record[i];
    c->records = n;
}

static bool show(struct call *c, const struct checked *checked, bool ready, struct fault *f)
{
    if (!records_make(&c->sender, &c->index, &c->arena, c->record, &c->records, f))
        return false;
    struct key_row *k = first_key(c);
    if (c->only_new && !c->common.json)
        keep_new(c);
    if (c->common.json)
        show_json(&c->sender, k ? k->account : STR(""), c->record, checked, c->records, ready);
    else if (c->common.zone)
        show_zone(c->record, c->records);
    else
        show_text(&c->sender, c->record, checked, c->records, c->common.lang);
    return true;
}

/* Where to tell people what the output for programs does not. */
static FILE *aside(const struct call *c) { return c->common.json || c->common.zone ? stderr : stdout; }

static void say(const struct call *c, const struct key_row *k, enum domain_text t)
{
    bool command = t == DT_SEEN || t == DT_SWITCHED; /* that ends with one to type, which needs the domain */
    fprintf(aside(c), "%.*s._domainkey.%.*s: %s%s%.*s\n", STR_ARGS(k->selector), STR_ARGS(k->domain),
            domain_text(c->common.lang, t), command ? " " : "", command ? (int)k->domain.n : 0, k->domain.p);
}

static bool must_exist(struct call *c, struct fault *f)
{
    return first_key(c) || fault_set(f, "%.*s is no sending domain here: goniec domain add %.*s", STR_ARGS(c->sender.domain),
                                     STR_ARGS(c->sender.domain));
}

/* ---- the commands ---- */

static int add(struct call *c, struct fault *f)
{
    if (first_key(c)) {
        fault_set(f, "%.*s is there already: goniec domain list %.*s shows its records", STR_ARGS(c->sender.domain),
                  STR_ARGS(c->sender.domain));
        return EX_DATAERR;
    }
    return make_pair(c, c->common.account ? c->common.account : "", f) && store(c, f) && show(c, NULL, false, f) ? 0
                                                                                                                 : EX_CANTCREAT;
}

static enum domain_text state_of(const struct key_row *r)
{
    return r->retired_s ? DT_KEY_OLD : r->used_s ? DT_KEY_SIGNS : r->published_s ? DT_KEY_SEEN : DT_KEY_MADE;
}

static void list_json(const struct call *c)
{
    static const char *const words[] = {"made", "seen", "signs", "old"};
    struct buf b = {0};
    for (size_t i = 0; i < c->index.n; i++) {
        const struct key_row *r = &c->index.row[i];
        buf_addf(&b, "%s{\"domain\":\"%.*s\",\"account\":", i ? ",\n" : "", STR_ARGS(r->domain));
        common_json(r->account, &b);
        buf_addf(&b, ",\"selector\":\"%.*s\",\"algorithm\":\"%s\",\"state\":\"%s\"}", STR_ARGS(r->selector),
                 r->ed25519 ? "ed25519" : "rsa", words[state_of(r) - DT_KEY_MADE]);
    }
    printf("[%.*s]\n", STR_ARGS(buf_str(&b)));
    buf_done(&b);
}

static int list(struct call *c, struct fault *f)
{
    if (c->sender.domain.n)
        return must_exist(c, f) && show(c, NULL, false, f) ? 0 : EX_DATAERR;
    if (c->common.json) {
        list_json(c);
        return 0;
    }
    if (c->index.n == 0)
        printf("%s\n", domain_text(c->common.lang, DT_NO_DOMAINS));
    for (size_t i = 0; i < c->index.n; i++) {
        const struct key_row *r = &c->index.row[i];
        printf("%-30.*s %-16.*s %-16.*s %-8s %s\n", STR_ARGS(r->domain), STR_ARGS(r->account), STR_ARGS(r->selector),
               r->ed25519 ? "ed25519" : "rsa", domain_text(c->common.lang, state_of(r)));
    }
    return 0;
}

/* Does another key of its kind sign for the domain? */
static bool has_signing(const struct call *c, bool ed25519)
{
    for (size_t i = 0; i < c->index.n; i++)
        if (of_domain(c, i) && c->index.row[i].ed25519 == ed25519 && key_row_signs(&c->index.row[i]))
            return true;
    return false;
}

/* Notes which keys DNS shows; returns how many it does not, but should: *ret_waiting: new ones beside a key that signs. */
static unsigned note_seen(struct call *c, bool *changed, unsigned *ret_waiting)
{
    unsigned absent = 0;
    *ret_waiting = 0;
    for (unsigned i = 0; i < c->records; i++) {
        struct key_row *k = c->record[i].key;
        if (!k)
            continue;
        bool wrong = c->checked[i].state != CHECK_RIGHT, waiting = !k->used_s && has_signing(c, k->ed25519);
        absent += wrong && !waiting;
        *ret_waiting += wrong && waiting;
        if (!wrong && !k->published_s) {
            k->published_s = time(NULL);
            *changed = true;
        }
    }
    return absent;
}

static bool ask_dns(struct call *c, struct fault *f)
{
    struct resolver *r;
    struct asking asking;
    const struct str given = str_of(c->common.resolver);
    const struct route_settings *s = &c->around.settings->route;
    if (!records_make(&c->sender, &c->index, &c->arena, c->record, &c->records, f) ||
        !resolver_open(&r, given.p ? &given : s->resolver, given.p ? 1 : s->resolvers, f))
        return false;
    asking_init(&asking, r);
    struct verify_dns dns = asking_dns(&asking);
    for (unsigned i = 0; i < c->records; i++)
        check_record(&c->sender, &c->record[i], &dns, &c->arena, &c->checked[i]);
    resolver_close(&r);
    return asking.answers > 0 ||
           fault_set(f,
                     "no name server gave an answer about %.*s (asked: %s): check that it runs and can be "
                     "reached, or name another with --resolver",
                     STR_ARGS(c->sender.domain), given.p ? given.p : "those of the settings, or the system's");
}

/* The first keys of their kind begin to sign. */
static void begin_first(struct call *c, bool *changed)
{
    for (size_t i = 0; i < c->index.n; i++) {
        struct key_row *k = &c->index.row[i];
        if (!of_domain(c, i) || !k->published_s || k->used_s)
            continue;
        bool first = !has_signing(c, k->ed25519);
        if (first) {
            k->used_s = time(NULL);
            *changed = true;
        }
        say(c, k, first ? DT_BEGUN : DT_SEEN);
    }
}

/* ---- the return path ---- */

static bool return_path_set(struct call *c, bool use, bool *changed, struct fault *f)
{
    struct paths p;
    struct key_row *k = first_key(c);
    bool good = paths_read(&p, c->keys, f), news = good && paths_use(&p, c->sender.domain, k->account, use, time(NULL));
    if (news)
        good = paths_write(&p, c->keys, time(NULL), f);
    paths_done(&p);
    if (news && good) {
        *changed = true;
        fprintf(c->common.json || c->common.zone ? stderr : stdout, "bounces.%.*s: %s\n", STR_ARGS(c->sender.domain),
                domain_text(c->common.lang, use ? DT_PATH_BEGUN : DT_PATH_ENDED));
    }
    return good;
}

/* It is in use while DNS leads it here and lets it pass. A DNS that does not answer changes nothing. */
static bool return_path_check(struct call *c, bool *changed, struct fault *f)
{
    unsigned right = 0, wrong = 0;
    for (unsigned i = 0; i < c->records; i++) {
        if (c->record[i].kind != RECORD_RETURN_MX && c->record[i].kind != RECORD_RETURN_SPF)
            continue;
        right += c->checked[i].state == CHECK_RIGHT;
        wrong += c->checked[i].state != CHECK_RIGHT && c->checked[i].state != CHECK_NO_ANSWER;
    }
    return wrong ? return_path_set(c, false, changed, f) : right < 2 || return_path_set(c, true, changed, f);
}

static int check(struct call *c, struct fault *f)
{
    bool changed = false;
    if (!must_exist(c, f))
        return EX_DATAERR;
    if (!ask_dns(c, f))
        return EX_UNAVAILABLE;
    unsigned waiting;
    bool ready = note_seen(c, &changed, &waiting) == 0;
    begin_first(c, &changed);
    if (!return_path_check(c, &changed, f) || (changed && !store(c, f)) || !show(c, c->checked, ready, f))
        return EX_CANTCREAT;
    if (!c->common.json)
        printf("\n%s%s%s\n", domain_text(c->common.lang, ready ? DT_READY : DT_NOT_READY), ready && waiting ? " " : "",
               ready && waiting ? domain_text(c->common.lang, DT_WAITING) : "");
    return ready ? 0 : 1;
}

/* Its newest key that DNS shows takes over from the others of its kind. */
static bool switch_kind(struct call *c, bool ed25519)
{
    struct key_row *newest = NULL;
    for (size_t i = 0; i < c->index.n; i++) {
        struct key_row *k = &c->index.row[i];
        if (of_domain(c, i) && k->ed25519 == ed25519 && k->published_s && !k->used_s)
            newest = k;
    }
    for (size_t i = 0; newest && i < c->index.n; i++) {
        struct key_row *k = &c->index.row[i];
        if (of_domain(c, i) && k->ed25519 == ed25519 && key_row_signs(k)) {
            k->retired_s = time(NULL);
            say(c, k, DT_SWITCHED);
        }
    }
    if (newest) {
        newest->used_s = time(NULL);
        say(c, newest, DT_BEGUN);
    }
    return newest != NULL;
}

static int use_new(struct call *c, struct fault *f)
{
    bool changed = false;
    unsigned waiting;
    if (!ask_dns(c, f))
        return EX_UNAVAILABLE;
    note_seen(c, &changed, &waiting);
    bool rsa = switch_kind(c, false), ed25519 = switch_kind(c, true);
    if (!rsa && !ed25519) {
        fault_set(f, "%.*s has no new key that DNS shows: goniec domain check %.*s says which records it waits for",
                  STR_ARGS(c->sender.domain), STR_ARGS(c->sender.domain));
        return EX_TEMPFAIL;
    }
    return store(c, f) ? 0 : EX_CANTCREAT;
}

static void drop_key(struct call *c, size_t at)
{
    char path[800];
    key_index_path(c->keys, &c->index.row[at], path);
    unlink(path);
    say(c, &c->index.row[at], DT_GONE);
    key_index_drop(&c->index, at);
}

static int retire(struct call *c, struct fault *f)
{
    int64_t now_s = time(NULL), wait_s = -1;
    unsigned gone = 0;
    for (size_t i = 0; i < c->index.n;) {
        const struct key_row *k = &c->index.row[i];
        int64_t left_s = k->retired_s + KEEP_S - now_s;
        if (of_domain(c, i) && k->retired_s && left_s <= 0) {
            drop_key(c, i);
            gone++;
            continue;
        }
        if (of_domain(c, i) && k->retired_s && left_s > wait_s)
            wait_s = left_s;
        i++;
    }
    if (gone)
        return store(c, f) ? 0 : EX_CANTCREAT;
    if (wait_s >= 0)
        fault_set(f, "mail signed with the old keys may still be on its way: they go in %lld hours",
                  (long long)(wait_s / 3600 + 1));
    else
        fault_set(f, "%.*s has no key that was replaced", STR_ARGS(c->sender.domain));
    return wait_s >= 0 ? EX_TEMPFAIL : EX_DATAERR;
}

static int rotate(struct call *c, struct fault *f)
{
    struct key_row *k = first_key(c);
    if (!must_exist(c, f))
        return EX_DATAERR;
    if (c->common.use || c->common.retire)
        return c->common.use ? use_new(c, f) : retire(c, f);
    for (size_t i = 0; i < c->index.n; i++)
        if (of_domain(c, i) && !c->index.row[i].used_s) {
            fault_set(f, "%.*s has new keys already that wait for DNS: goniec domain check %.*s", STR_ARGS(c->sender.domain),
                      STR_ARGS(c->sender.domain));
            return EX_DATAERR;
        }
    c->only_new = true;
    if (!make_pair(c, arena_strz(&c->arena, k->account), f) || !store(c, f) || !show(c, NULL, false, f))
        return EX_CANTCREAT;
    fprintf(aside(c), "\n%s %.*s\n", domain_text(c->common.lang, DT_ROTATED), STR_ARGS(c->sender.domain));
    return 0;
}

static int drop(struct call *c, struct fault *f)
{
    char folder[900];
    bool changed;
    if (!must_exist(c, f))
        return EX_DATAERR;
    if (!return_path_set(c, false, &changed, f))
        return EX_CANTCREAT;
    for (size_t i = 0; i < c->index.n;)
        if (of_domain(c, i))
            drop_key(c, i);
        else
            i++;
    snprintf(folder, sizeof folder, "%s/%.*s", c->keys, STR_ARGS(c->sender.domain));
    rmdir(folder);
    return store(c, f) ? 0 : EX_CANTCREAT;
}

static const struct verb {
    const char *name;
    int least, most; /* arguments */
    bool change;
    int (*run)(struct call *c, struct fault *f);
} verbs[] = {
    {"add", 1, 1, true, add},       {"list", 0, 1, false, list},  {"check", 1, 1, true, check},
    {"rotate", 1, 1, true, rotate}, {"remove", 1, 1, true, drop},
};

/* ---- the call ---- */

/* Where keys are, who we are. */
static bool look_around(struct call *c, struct fault *f)
{
    struct around *a = &c->around;
    if (!around_read(a, c->common.config, f))
        return false;
    c->common.data = a->data;
    c->sender.keys = c->keys = a->keys;
    c->sender.host = a->settings->hostname;
    for (int i = 0; i < 2; i++)
        c->sender.address[i] = a->address[i];
    return true;
}

static bool read_domain(struct call *c, const char *text, struct fault *f)
{
    const char *why = "not a domain name";
    struct str domain = str_of(text);
    return (domain_valid(domain, true) && memchr(domain.p, '.', domain.n) &&
            domain_ascii(domain, &c->arena, &c->sender.domain, &why)) ||
           fault_set(f, "\"%s\" is no domain name (%s): expected one such as example.pl", text, why);
}

static bool account_good(const char *name)
{
    for (const char *p = name; p && *p; p++)
        if ((unsigned char)*p < 33 || *p == 127)
            return false;
    return !name || *name;
}

static int run(struct call *c, const struct verb *v, const char *domain)
{
    struct fault f = {0};
    int code = EX_CONFIG;
    if (!account_good(c->common.account))
        return common_fail(EX_USAGE, "an account's name has no white space and no control characters");
    if (domain && !read_domain(c, domain, &f))
        return common_fail(EX_DATAERR, "%s", f.text);
    if (look_around(c, &f)) {
        code = key_index_open(&c->index, c->keys, v->change, &f) ? v->run(c, &f) : EX_NOINPUT;
        key_index_done(&c->index);
        around_done(&c->around);
    }
    return f.text[0] ? common_fail(code, "%s", f.text) : code;
}

int domain_main(const struct command *me, int argc, char **argv)
{
    struct call *c = calloc(1, sizeof *c);
    if (!c)
        return EX_OSERR;
    c->index.lock = -1;
    int code = command_options(me, argc, argv, &c->common), n = argc - c->common.first - 1;
    bool known = false;
    for (size_t i = 0; code < 0 && !known && n >= 0 && i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(argv[c->common.first], verbs[i].name) == 0 && n >= verbs[i].least && n <= verbs[i].most) {
            known = true;
            code = run(c, &verbs[i], n ? argv[c->common.first + 1] : NULL);
        }
    if (code < 0)
        code = command_misused(me, "expected add, check, rotate or remove and one domain, or list");
    arena_done(&c->arena);
    free(c);
    return code;
}
