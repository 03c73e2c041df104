/* smtp_return: recipients at return paths of ours (verp/verp.h), from whomever: an address there says by its seal whether we gave
 * it out. A forged one is refused here, so that nobody's invention becomes a bounce of anything; so is one whose mail is long
 * over. */
#include "accept/smtp_in.h"

/* A bounce is about one recipient, and so comes to one address. */
enum { RETURNS_MAX = 10 };

static bool take(struct smtp_in *m)
{
    if (m->t.returns == RETURNS_MAX) {
        smtp_say(m, 452, ENHANCED(4, 5, 3), "Too many return paths: send the rest in a transaction of their own");
        return false;
    }
    m->t.returns++;
    return true;
}

static bool refuse(struct smtp_in *m, struct enhanced enhanced, const char *event, const char *text)
{
    m->hooks->event(m->ctx, ACCEPT_REFUSED, m->login, event);
    smtp_refuse(m, 550, enhanced, text);
    return false;
}

static void to_postmaster(struct smtp_in *m, struct rcpt *r)
{
    struct buf b = {0};
    buf_addf(&b, "postmaster@%.*s", STR_ARGS(m->settings->hostname));
    r->address = arena_str(&m->t.arena, buf_str(&b));
    r->domain = arena_str(&m->t.arena, m->settings->hostname);
    buf_done(&b);
}

bool smtp_return_allowed(struct smtp_in *m, struct str local, struct rcpt *r)
{
    struct verp_token about;
    switch (verp_read(m->settings->returns, local, r->domain, m->wall_ms, (int64_t)m->settings->return_age_s * 1000, &about)) {
    case VERP_RETURN:
    case VERP_COMPLAINTS:
    case VERP_DMARC:
    case VERP_TLS_REPORTS:
        return take(m);
    case VERP_POSTMASTER:
        to_postmaster(m, r);
        return true;
    case VERP_FORGED:
        return refuse(m, ENHANCED(5, 7, 1), "a forged return path",
                      "This return path was not given out by this server: its seal is wrong");
    case VERP_OLD:
        return refuse(m, ENHANCED(5, 1, 1), "a return path that is too old",
                      "This return path is no longer in use: its message was sent too long ago");
    case VERP_NOBODY:
        break;
    }
    return refuse(m, ENHANCED(5, 1, 1), "nobody's address at a return path", "There is no such address at this return path");
}
