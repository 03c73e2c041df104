/* site: limits, pace and health of one receiving site as seen from one pool. */
#include "schedule/inner.h"

enum { DOWN_FIRST_MS = 10 * 1000, DOWN_MAX_MS = 30 * 60 * 1000 };
enum { BARS_TO_REST = 3, BARRED_FIRST_MS = 10 * 60 * 1000, BARRED_MAX_MS = 4 * 3600 * 1000 };

/* xorshift64*: spreads retries, nothing secret. */
uint64_t schedule_random(struct schedule *s)
{
    s->seed ^= s->seed >> 12;
    s->seed ^= s->seed << 25;
    s->seed ^= s->seed >> 27;
    return s->seed * UINT64_C(0x2545f4914f6cdd1d);
}

/* "*" fits all; "wp.pl" fits a site one of whose hosts is wp.pl or ends in .wp.pl; a whole site name fits itself. Returns how
 * exact. */
static size_t rule_fits(struct str rule, struct str site)
{
    if (str_eq(rule, STR("*")))
        return 1;
    if (str_eq_nocase(rule, site))
        return SIZE_MAX;
    for (struct str rest = site; rest.p;) {
        struct str host = str_split(&rest, ','), port = host;
        host = str_split(&port, ':');
        if (str_eq_nocase(host, rule))
            return rule.n + 1;
        if (host.n > rule.n && host.p[host.n - rule.n - 1] == '.' &&
            str_eq_nocase(str_mem(host.p + host.n - rule.n, rule.n), rule))
            return rule.n + 1;
    }
    return 0;
}

static struct str site_of(const struct site *t)
{
    struct str name = str_of(t->name);
    return str_split(&name, '\n');
}

bool site_is_named(const struct site *t, struct str name) { return rule_fits(name, site_of(t)) > 0; }

void site_refresh(struct schedule *s, struct site *t)
{
    struct str site = site_of(t);
    size_t best = 0;
    for (size_t i = 0; i < s->settings->rules; i++) {
        size_t fit = rule_fits(s->settings->rule[i].site, site);
        if (fit > best) {
            best = fit;
            t->limits = s->settings->rule[i].limits;
        }
    }
    if (t->allowed > t->limits.connections || t->allowed < 1)
        t->allowed = t->limits.connections;
}

/* The bucket holds one second's worth, at least one message. */
static bool has_token(struct site *t, int64_t now_ms, int64_t *wake_ms)
{
    double rate = t->limits.messages_per_s, most = rate < 1 ? 1 : rate;
    if (rate <= 0)
        return true;
    t->tokens += (double)(now_ms - t->tokens_ms) * rate / 1000;
    t->tokens_ms = now_ms;
    if (t->tokens > most)
        t->tokens = most;
    if (t->tokens >= 1)
        return true;
    *wake_ms = now_ms + 1 + (int64_t)((1 - t->tokens) * 1000 / rate);
    return false;
}

bool site_may_start(struct site *t, int64_t now_ms, int64_t *wake_ms)
{
    *wake_ms = INT64_MAX;
    if (t->paused)
        return false;
    if (t->down_until_ms) {
        if (t->running > 0)
            return false; /* one probe at a time */
        if (now_ms < t->down_until_ms) {
            *wake_ms = t->down_until_ms;
            return false;
        }
        return true;
    }
    return t->running < (uint32_t)t->allowed && has_token(t, now_ms, wake_ms);
}

void site_started(struct site *t)
{
    t->running++;
    if (t->limits.messages_per_s > 0)
        t->tokens -= 1;
}

bool site_is_plain(const struct site *t, int64_t now_ms)
{
    double rate = t->limits.messages_per_s, most = rate < 1 ? 1 : rate;
    bool rested = rate <= 0 || t->tokens + (double)(now_ms - t->tokens_ms) * rate / 1000 >= most;
    return rested && !t->paused && !t->down_until_ms && !t->bars && t->allowed >= t->limits.connections;
}

/* Nothing starts for a while, jittered by a quarter; each time in a row it is twice as long. What ended while it rests already
 * began before and tells nothing new. Returns how long; 0: it rested already. */
static int64_t rest(struct schedule *s, struct site *t, int64_t now_ms, int64_t first_ms, int64_t most_ms)
{
    if (t->down_until_ms && now_ms < t->down_until_ms)
        return 0;
    t->back_off_ms = t->back_off_ms * 2 < first_ms ? first_ms : t->back_off_ms * 2;
    if (t->back_off_ms > most_ms)
        t->back_off_ms = most_ms;
    int64_t wait_ms = t->back_off_ms * 3 / 4 + (int64_t)(schedule_random(s) % (uint64_t)(t->back_off_ms / 2));
    t->down_until_ms = now_ms + wait_ms;
    return wait_ms;
}

bool site_is_barred(const struct site *t) { return t->bars >= BARS_TO_REST; }

/* One refusal of our address may be a rule about that message; several in a row, with nothing taken in between, are about us. A
 * probe that is refused again prolongs the rest at once. */
static int64_t barred(struct schedule *s, struct site *t, int64_t now_ms)
{
    t->bars++;
    if (!site_is_barred(t))
        return 0;
    t->allowed = 1; /* when it takes mail again, it is not flooded */
    return rest(s, t, now_ms, BARRED_FIRST_MS, BARRED_MAX_MS);
}

/* Additive increase, multiplicative decrease (Chiu and Jain, 1989). */
int64_t site_feedback(struct schedule *s, struct site *t, enum lane_feedback how, int64_t now_ms)
{
    t->running--;
    if (how == LANE_UNTRIED)
        return 0;
    t->proven = how != LANE_DOWN;
    if (how == LANE_DOWN)
        return rest(s, t, now_ms, DOWN_FIRST_MS, DOWN_MAX_MS);
    if (how == LANE_BARRED)
        return barred(s, t, now_ms);
    t->down_until_ms = t->back_off_ms = 0;
    t->bars = 0;
    if (how == LANE_BUSY)
        t->allowed = t->allowed / 2 < 1 ? 1 : t->allowed / 2;
    else if (t->allowed < t->limits.connections)
        t->allowed += 1 / t->allowed;
    if (t->allowed > t->limits.connections)
        t->allowed = t->limits.connections;
    return 0;
}
