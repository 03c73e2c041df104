/* lanes: see lanes.h. The engine answers a line a lane (engine/numbers.h), worker by worker; here they are put in the order in
 * which an operator looks for trouble: where most waits comes first. */
#include "cli/lanes.h"

#include "cli/story.h"
#include "cli/text.h"
#include "lib/clock.h"
#include "lib/must.h"
#include "mail/date.h"

#include <stdlib.h>

enum { ANSWER_MAX = 64 * 1024 * 1024, SITE_WIDTH_MAX = 48 };
enum number { WAITING, RUNNING, ENDED, REST_S, CONNECTIONS, CONNECTIONS_MAX, NUMBERS };

struct lane_row {
    struct str site, stream, state, rate;
    uint64_t number[NUMBERS];
};

static const struct {
    const char *name;
    enum text text;
    bool rests;
} states[] = {{"open", TEXT_LANE_OPEN, false},
              {"slowed", TEXT_LANE_SLOWED, false},
              {"paused", TEXT_LANE_PAUSED, false},
              {"down", TEXT_LANE_DOWN, true},
              {"barred", TEXT_LANE_BARRED, true}};

/* ---- reading ---- */

static bool read_row(struct str line, struct lane_row *r)
{
    bool good = true;
    r->site = str_split(&line, '\t');
    r->stream = str_split(&line, '\t');
    r->state = str_split(&line, '\t');
    for (int i = 0; i < NUMBERS; i++)
        good &= str_to_u64(str_split(&line, '\t'), UINT64_MAX, &r->number[i]);
    r->rate = str_split(&line, '\t');
    return good && r->rate.n > 0;
}

static int most_waiting_first(const void *a, const void *b)
{
    const struct lane_row *x = a, *y = b;
    if (x->number[WAITING] != y->number[WAITING])
        return x->number[WAITING] > y->number[WAITING] ? -1 : 1;
    int c = memcmp(x->site.p, y->site.p, x->site.n < y->site.n ? x->site.n : y->site.n);
    return c ? c : (x->site.n > y->site.n) - (x->site.n < y->site.n);
}

/* The rows in a new array; lines that are not understood, of an engine of another version, are left out. */
static size_t read_rows(struct str text, struct lane_row **ret)
{
    size_t n = 0, lines = 0;
    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    *ret = calloc(lines + 1, sizeof **ret);
    must(*ret);
    while (n < lines && text.p)
        n += read_row(str_split(&text, '\n'), &(*ret)[n]);
    qsort(*ret, n, sizeof **ret, most_waiting_first);
    return n;
}

/* ---- a table for people ---- */

static size_t width(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += (s.p[i] & 0xc0) != 0x80;
    return n;
}

static void put_column(struct buf *b, struct str s, size_t wide)
{
    common_safe(s, 600, b);
    for (size_t n = width(s); n < wide; n++)
        buf_add_str(b, STR(" "));
    buf_add_str(b, STR("  "));
}

static void put_number(struct buf *b, struct str s, size_t wide)
{
    for (size_t n = width(s); n < wide; n++)
        buf_add_str(b, STR(" "));
    put_column(b, s, 0);
}

static void put_state(struct buf *b, const struct lane_row *r, int64_t now_ms, enum lang l)
{
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        if (!str_eq(r->state, str_of(states[i].name)))
            continue;
        char date[STORY_TIME];
        story_time(now_ms + (int64_t)r->number[REST_S] * 1000, date);
        if (states[i].rests && r->number[REST_S])
            buf_addf(b, "%s %s: ", text(l, TEXT_LANE_RESTS), date);
        else if (states[i].rests)
            buf_addf(b, "%s: ", text(l, TEXT_LANE_PROBED));
        buf_add_str(b, str_of(text(l, states[i].text)));
    }
}

static size_t widest(const struct lane_row *r, size_t n, bool stream, size_t least)
{
    for (size_t i = 0; i < n; i++) {
        size_t w = width(stream ? r[i].stream : r[i].site);
        if (w > least && w <= SITE_WIDTH_MAX)
            least = w;
    }
    return least;
}

static void put_table(const struct lane_row *r, size_t n, int64_t now_ms, enum lang l, struct buf *b)
{
    static const enum text heads[] = {TEXT_LANE_WAITING, TEXT_LANE_CONNECTIONS, TEXT_LANE_RATE};
    struct str name[3];
    size_t site = widest(r, n, false, width(str_of(text(l, TEXT_LANE_SITE))));
    size_t stream = widest(r, n, true, width(str_of(text(l, TEXT_LANE_STREAM))));
    put_column(b, str_of(text(l, TEXT_LANE_SITE)), site);
    put_column(b, str_of(text(l, TEXT_LANE_STREAM)), stream);
    for (int i = 0; i < 3; i++)
        put_column(b, name[i] = str_of(text(l, heads[i])), 0);
    buf_addf(b, "%s\n", text(l, TEXT_LANE_STATE));
    for (size_t i = 0; i < n; i++) {
        char waiting[24], connections[64];
        snprintf(waiting, sizeof waiting, "%llu", (unsigned long long)r[i].number[WAITING]);
        snprintf(connections, sizeof connections, "%llu/%llu", (unsigned long long)r[i].number[RUNNING],
                 (unsigned long long)r[i].number[CONNECTIONS]);
        put_column(b, r[i].site, site);
        put_column(b, r[i].stream, stream);
        put_number(b, str_of(waiting), width(name[0]));
        put_number(b, str_of(connections), width(name[1]));
        put_number(b, str_eq(r[i].rate, STR("0")) ? STR("-") : r[i].rate, width(name[2]));
        put_state(b, &r[i], now_ms, l);
        buf_add_str(b, STR("\n"));
    }
}

/* ---- JSON ---- */

static void put_json(const struct lane_row *r, int64_t now_ms, struct buf *b)
{
    static const struct {
        const char *name;
        enum number which;
    } numbers[] = {{"waiting", WAITING},
                   {"running", RUNNING},
                   {"ended", ENDED},
                   {"connections", CONNECTIONS},
                   {"connections_max", CONNECTIONS_MAX}};
    const struct {
        const char *name;
        struct str value;
    } texts[] = {{"site", r->site}, {"stream", r->stream}, {"state", r->state}};
    for (size_t i = 0; i < 3; i++) {
        buf_addf(b, "%s\"%s\":", i ? "," : "{", texts[i].name);
        common_json(texts[i].value, b);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        buf_addf(b, ",\"%s\":%llu", numbers[i].name, (unsigned long long)r->number[numbers[i].which]);
    buf_addf(b, ",\"messages_per_s\":%.*s,\"rests_until\":", STR_ARGS(str_eq(r->rate, STR("0")) ? STR("null") : r->rate));
    char date[DATE_TEXT];
    date_rfc3339(now_ms + (int64_t)r->number[REST_S] * 1000, date);
    if (r->number[REST_S])
        buf_addf(b, "\"%s\"}", date);
    else
        buf_add_str(b, STR("null}"));
}

static void put_list(const struct lane_row *r, size_t n, int64_t now_ms, struct buf *b)
{
    for (size_t i = 0; i < n; i++) {
        buf_add_str(b, i ? STR(",\n") : STR("["));
        put_json(&r[i], now_ms, b);
    }
    buf_add_str(b, n ? STR("]\n") : STR("[]\n"));
}

int lanes_tell(const struct common *c)
{
    struct buf answer = {.max = ANSWER_MAX}, out = {0};
    struct lane_row *r = NULL;
    int code = common_ask(c, "lanes", &answer);
    if (!code) {
        size_t n = read_rows(buf_str(&answer), &r);
        int64_t now_ms = clock_wall_ms();
        if (c->json)
            put_list(r, n, now_ms, &out);
        else if (n)
            put_table(r, n, now_ms, c->lang, &out);
        else
            buf_addf(&out, "%s\n", text(c->lang, TEXT_NO_LANES));
        fwrite(out.p, 1, out.n, stdout);
    }
    free(r);
    buf_done(&answer);
    buf_done(&out);
    return code;
}
