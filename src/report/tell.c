/* tell: see tell.h. A sentence is a pattern with places: %n the number, %t to whom, %d at whom (which in Polish is another
 * case), %s a moment that follows "since" or "until", %o one at which something was, %w what happened; a number's three forms
 * (one, few, many) are three patterns, so that everything agrees. */
#include "report/tell.h"

#include "explain/explain.h"
#include "store/waiting.h"

#include <stdio.h>
#include <time.h>

enum { HOSTS_SHOWN = 2 };

/* A form that is missing is as the first. */
struct sentence {
    const char *en[2], *pl[3];
};

static const struct sentence waiting = {
    {"1 message to %t has been waiting since %s: %w", "%n messages to %t have been waiting since %s: %w"},
    {"1 wiadomość do %t czeka od %s: %w", "%n wiadomości do %t czekają od %s: %w", "%n wiadomości do %t czeka od %s: %w"}};
static const struct sentence held = {{"1 message to %t has been held since %s.", "%n messages to %t have been held since %s."},
                                     {"1 wiadomość do %t jest wstrzymana od %s.", "%n wiadomości do %t są wstrzymane od %s.",
                                      "%n wiadomości do %t jest wstrzymanych od %s."}};
static const struct sentence refused = {{"Mail to 1 recipient at %t was refused for good %o: %w",
                                         "Mail to %n recipients at %t has been refused for good since %s: %w"},
                                        {"Poczta do 1 odbiorcy %d została ostatecznie odrzucona %o: %w",
                                         "Poczta do %n odbiorców %d jest ostatecznie odrzucana od %s: %w",
                                         "Poczta do %n odbiorców %d jest ostatecznie odrzucana od %s: %w"}};
static const struct sentence paused = {{"Mail to %t is paused by an operator.", NULL},
                                       {"Poczta do %t jest zatrzymana przez operatora.", NULL, NULL}};
static const struct sentence barred = {{"Mail to %t rests until %s, because 1 refusal is about this server: %w",
                                        "Mail to %t rests until %s, because %n refusals in a row are about this server: %w"},
                                       {"Poczta do %t czeka do %s, bo 1 odmowa dotyczy tego serwera: %w",
                                        "Poczta do %t czeka do %s, bo %n kolejne odmowy dotyczą tego serwera: %w",
                                        "Poczta do %t czeka do %s, bo %n kolejnych odmów dotyczy tego serwera: %w"}};
static const struct sentence down = {{"Mail to %t rests until %s, because no server there can be reached.", NULL},
                                     {"Poczta do %t czeka do %s, bo z żadnym serwerem nie można się tam połączyć.", NULL, NULL}};
static const struct sentence probe = {
    {" Then one message is tried; once it is taken, the others follow.", NULL},
    {" Wtedy na próbę wyjdzie jedna wiadomość; gdy zostanie przyjęta, ruszą pozostałe.", NULL, NULL}};
static const struct sentence in_line = {
    {" 1 recipient is in line for it.", " %n recipients are in line for it."},
    {" W kolejce jest 1 odbiorca.", " W kolejce są %n odbiorcy.", " W kolejce jest %n odbiorców."}};

/* What fills the places of a pattern. */
struct places {
    uint64_t n;
    const struct receiver *to;
    int64_t at_ms, now_ms;
    const char *what;
};

static bool is_pl(const char *lang) { return strcmp(lang, "pl") == 0; }

/* ---- numbers and moments ---- */

unsigned tell_form(uint64_t n, const char *lang)
{
    if (n == 1)
        return 0;
    bool few = n % 10 >= 2 && n % 10 <= 4 && !(n % 100 >= 12 && n % 100 <= 14);
    return is_pl(lang) && few ? 1 : 2;
}

/* Polish parts the digits from five on. */
void tell_number(uint64_t n, const char *lang, struct buf *b)
{
    char digits[24];
    int count = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    struct str mark = !is_pl(lang) ? STR(",") : count > 4 ? STR("\u00a0") : STR("");
    for (int i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0)
            buf_add_str(b, mark);
        buf_add(b, &digits[i], 1);
    }
}

void tell_time(int64_t at_ms, int64_t now_ms, char out[TELL_TIME])
{
    time_t at = (time_t)(at_ms / 1000), now = (time_t)(now_ms / 1000);
    struct tm then, today;
    localtime_r(&at, &then);
    localtime_r(&now, &today);
    bool same = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    strftime(out, TELL_TIME, same ? "%H:%M" : "%Y-%m-%d %H:%M", &then);
}

/* ---- to whom ---- */

/* Polish puts a noun before the name, which takes the case, so that names stay as they are. */
static const struct noun {
    const char *en, *to_pl, *at_pl;
} nouns[] = {{"", "usługi ", "w usłudze "}, {"", "domeny ", "w domenie "}, {"the servers ", "serwerów ", "na serwerach "}};
enum noun_kind { NOUN_PROVIDER, NOUN_DOMAIN, NOUN_SERVERS };

static void put_hosts(struct str site, struct buf *b)
{
    for (int i = 0; i < HOSTS_SHOWN && site.n; i++) {
        struct str host = str_split(&site, ',');
        buf_addf(b, "%s%.*s", i ? ", " : "", STR_ARGS(host));
    }
    if (site.n)
        buf_add_str(b, STR(", ..."));
}

/* A provider by its name, one domain by its own, several domains of servers that nobody is known to run by these. */
static void put_receiver(const struct receiver *to, bool at, const char *lang, struct buf *b)
{
    enum noun_kind kind = to->title ? NOUN_PROVIDER : to->domains == 1 ? NOUN_DOMAIN : NOUN_SERVERS;
    const struct noun *noun = &nouns[kind];
    buf_add_str(b, str_of(!is_pl(lang) ? noun->en : at ? noun->at_pl : noun->to_pl));
    if (kind == NOUN_PROVIDER)
        buf_add_str(b, str_of(to->title));
    else if (kind == NOUN_DOMAIN)
        buf_add_str(b, to->domain[0].domain);
    else
        put_hosts(to->site, b);
}

/* ---- sentences ---- */

static const char *pattern(const struct sentence *s, uint64_t n, const char *lang)
{
    unsigned form = tell_form(n, lang);
    const char *one = is_pl(lang) ? s->pl[0] : s->en[0], *text = is_pl(lang) ? s->pl[form] : s->en[form > 0];
    return text ? text : one;
}

/* "at 10:05", "on 2026-11-24 at 10:05". */
static void put_when(int64_t at_ms, int64_t now_ms, const char *lang, struct buf *b)
{
    char moment[TELL_TIME];
    tell_time(at_ms, now_ms, moment);
    char *hour = strchr(moment, ' ');
    if (hour) {
        *hour = '\0';
        buf_addf(b, "%s%s ", is_pl(lang) ? "" : "on ", moment);
    }
    buf_addf(b, "%s %s", is_pl(lang) ? "o" : "at", hour ? hour + 1 : moment);
}

static void put_place(char which, const struct places *x, const char *lang, struct buf *b)
{
    char moment[TELL_TIME];
    switch (which) {
    case 'n':
        tell_number(x->n, lang, b);
        break;
    case 't':
    case 'd':
        put_receiver(x->to, which == 'd', lang, b);
        break;
    case 's':
        tell_time(x->at_ms, x->now_ms, moment);
        buf_add_str(b, str_of(moment));
        break;
    case 'o':
        put_when(x->at_ms, x->now_ms, lang, b);
        break;
    case 'w':
        buf_add_str(b, str_of(x->what));
        break;
    }
}

static void put(const struct sentence *s, const struct places *x, const char *lang, struct buf *b)
{
    for (const char *p = pattern(s, x->n, lang); *p; p++)
        if (*p == '%')
            put_place(*++p, x, lang, b);
        else
            buf_add(b, p, 1);
}

/* What happened, as who runs this server needs to know it. */
static const char *what_of(struct str name, const char *lang)
{
    const struct cause *c = cause_find(name);
    return cause_for_postmaster(c ? c : cause_find(STR("unknown")), lang)->what;
}

void tell_waiting(const struct standing_group *g, const char *lang, int64_t now_ms, struct buf *b)
{
    struct places x = {g->messages, &g->to, g->since_ms, now_ms, what_of(g->cause, lang)};
    put(str_eq(g->cause, STR(STORE_HELD)) ? &held : &waiting, &x, lang, b);
}

void tell_refused(const struct standing_group *g, const char *lang, int64_t now_ms, struct buf *b)
{
    struct places x = {g->recipients, &g->to, g->since_ms, now_ms, what_of(g->cause, lang)};
    put(&refused, &x, lang, b);
}

void tell_rest(const struct standing_rest *r, const char *lang, int64_t now_ms, struct buf *b)
{
    const struct sentence *s = r->kind == REST_PAUSED ? &paused : r->kind == REST_BARRED ? &barred : &down;
    int64_t until_ms = r->until_ms ? r->until_ms : now_ms;
    struct places x = {r->kind == REST_BARRED ? r->bars : 1, &r->to, until_ms, now_ms,
                       what_of(r->cause ? str_of(r->cause) : STR("unknown"), lang)};
    put(s, &x, lang, b);
    if (r->kind != REST_PAUSED)
        put(&probe, &x, lang, b);
    x.n = r->recipients;
    if (r->recipients)
        put(&in_line, &x, lang, b);
}

const char *tell_whose(struct str cause, const char *lang)
{
    const struct cause *c = cause_find(cause);
    return c ? whose_text(c->whose, lang) : "";
}

const char *tell_advice(struct str cause, const char *lang)
{
    const struct cause *c = cause_find(cause);
    if (str_eq(cause, STR(STORE_HELD)))
        return is_pl(lang) ? "Wypuści je „goniec queue release”." : "\"goniec queue release\" lets them go.";
    return c ? cause_for_postmaster(c, lang)->advice : "";
}
