/* password: checks logins: blocks, the slow hash off the loop, the memory of what was right lately, and what to write down.
 *
 * A wrong password is tried again without the white space around it, only to be able to say so in the log: people paste a space
 * along, and nobody tells them. It is never accepted that way.
 *
 * A guess learns nothing but that it is wrong: where some accounts have the slow hash, every wrong guess pays for one, whatever
 * the login; and the answer's delay counts from the guess, so that the work does not show in it either. */
#include "accept/inner.h"

#include "lib/must.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

enum { PROVEN_MS = 60000, CHORES_MAX = 200, DELAY_STEP_MS = 500, DELAY_MAX_MS = 5000, NETWORK_FACTOR = 4 };

struct check {
    struct chore chore;
    struct session *session;
    struct accounts *accounts; /* keeps the credential alive */
    const struct credential *credential;
    const char *refusal; /* why the guess is wrong whatever the hash says; NULL: the hash decides */
    int64_t began_ms;
    struct buf login, password;
    bool good, good_trimmed;
};

/* Bytes of white space at p: ASCII's, or the no-break space that word processors and chats paste along; 0: none. */
static size_t white_bytes(const char *p, size_t n)
{
    if (n > 0 && p[0] && strchr(" \t\r\n", p[0]))
        return 1;
    return n > 1 && memcmp(p, "\xC2\xA0", 2) == 0 ? 2 : 0;
}

static struct str trimmed(struct str s)
{
    for (size_t w; (w = white_bytes(s.p, s.n)) > 0;)
        s = str_mem(s.p + w, s.n - w);
    while (s.n && (white_bytes(s.p + s.n - 1, 1) || (s.n > 1 && white_bytes(s.p + s.n - 2, 2) == 2)))
        s.n -= white_bytes(s.p + s.n - 1, 1) ? 1 : 2;
    return s;
}

static struct str buf_view(const struct buf *b) { return str_mem(b->p ? b->p : "", b->n); }

/* ---- the memory of what was right ---- */

static void digest_of(const struct accept *a, const struct credential *c, struct str password, uint8_t out[32])
{
    struct buf text = {0};
    unsigned n = 32;
    buf_put_str(&text, c->login);
    buf_put_str(&text, str_of(c->argon2 ? c->argon2 : ""));
    buf_put_str(&text, password);
    must(HMAC(EVP_sha256(), a->proven_key, sizeof a->proven_key, (const unsigned char *)text.p, text.n, out, &n));
    OPENSSL_cleanse(text.p, text.cap);
    buf_done(&text);
}

static struct proven *proven_slot(struct accept *a, const uint8_t digest[32])
{
    return &a->proven[(digest[0] | digest[1] << 8) % PROVEN_SLOTS];
}

static bool was_right_lately(struct accept *a, const struct credential *c, struct str password)
{
    uint8_t digest[32];
    digest_of(a, c, password, digest);
    struct proven *p = proven_slot(a, digest);
    return p->until_ms > loop_now_ms(a->loop) && CRYPTO_memcmp(p->digest, digest, sizeof digest) == 0;
}

static void remember(struct accept *a, const struct credential *c, struct str password)
{
    uint8_t digest[32];
    digest_of(a, c, password, digest);
    struct proven *p = proven_slot(a, digest);
    memcpy(p->digest, digest, sizeof digest);
    p->until_ms = loop_now_ms(a->loop) + PROVEN_MS;
}

/* ---- what follows ---- */

static void tell(struct session *s, enum accept_event_kind kind, struct str login, const char *text)
{
    struct accept *a = session_accept(s);
    struct accept_event e = {kind, session_ip(s), login, str_of(text)};
    a->hooks->event(a->ctx, &e);
}

/* One more failure of a key; returns how many it has. */
static uint32_t count_failure(struct session *s, uint64_t key, uint32_t most, struct str login, const char *blocked_text)
{
    struct accept *a = session_accept(s);
    uint32_t n = shared_failed(a->shared, key, most, a->settings->auth_block_ms, loop_now_ms(a->loop));
    if (n == most)
        tell(s, ACCEPT_AUTH_BLOCKED, login, blocked_text);
    return n;
}

static void wrong(struct session *s, struct str login, const char *text, int64_t began_ms)
{
    struct accept *a = session_accept(s);
    uint32_t most = a->settings->auth_failures_max;
    a->stats.auth_failures++;
    tell(s, ACCEPT_AUTH_FAILED, login, text);
    uint32_t n =
        count_failure(s, session_address_key(s), most, login, "too many failed logins, the address is blocked for a while");
    uint32_t k = count_failure(s, shared_key_text(SHARED_LOGIN, login), most, login,
                               "too many failed logins, the account is blocked for a while");
    count_failure(s, session_network_key(s), most * NETWORK_FACTOR, login,
                  "too many failed logins, the network around the address is blocked for a while");
    int64_t delay = (int64_t)(n > k ? n : k) * DELAY_STEP_MS;
    int64_t left = began_ms + (delay > DELAY_MAX_MS ? DELAY_MAX_MS : delay) - loop_now_ms(a->loop);
    session_login(s, LOGIN_WRONG, NULL, left > 1 ? left : 1);
}

/* What this login did wrong is forgiven, to it and to where it comes from; guesses at others' are not: a guesser may have an
 * account of its own. */
static void forgive(struct session *s, struct str login)
{
    struct accept *a = session_accept(s);
    int64_t now = loop_now_ms(a->loop);
    uint32_t n = shared_forgive(a->shared, shared_key_text(SHARED_LOGIN, login), UINT32_MAX, now);
    shared_forgive(a->shared, session_address_key(s), n, now);
    shared_forgive(a->shared, session_network_key(s), n, now);
}

static void right(struct session *s, const struct credential *c)
{
    forgive(s, c->login);
    shared_seen(session_accept(s)->shared, shared_key_text(SHARED_LOGIN, c->login), session_address_key(s));
    if (c->status == ACCOUNT_SUSPENDED) {
        tell(s, ACCEPT_REFUSED, c->login, "the account is suspended");
        session_login(s, LOGIN_SUSPENDED, c, 0);
        return;
    }
    session_login(s, LOGIN_GOOD, c, 0);
}

/* Guesses from elsewhere do not lock out whoever logged in from here before: then only this address's own count. */
static bool blocked(struct session *s, struct str login)
{
    struct accept *a = session_accept(s);
    int64_t now = loop_now_ms(a->loop);
    uint64_t address = session_address_key(s), key = shared_key_text(SHARED_LOGIN, login);
    bool here = shared_blocked(a->shared, address, now);
    bool around = shared_blocked(a->shared, session_network_key(s), now) || shared_blocked(a->shared, key, now);
    if (!here && (!around || shared_known(a->shared, key, address)))
        return false;
    tell(s, ACCEPT_AUTH_BLOCKED, login, "a login was refused while blocked");
    session_login(s, LOGIN_BLOCKED, NULL, 0);
    return true;
}

/* Why it was wrong, as far as it helps an honest person. */
static const char *reason(const struct accounts *a, struct str login, struct str password, bool known, bool good_trimmed)
{
    if (good_trimmed && trimmed(password).n < password.n)
        return "wrong password: it would be right without the white space around it";
    if (!known && trimmed(login).n < login.n && accounts_find(a, trimmed(login)))
        return "unknown login: it would be known without the white space around it";
    return known ? "wrong password" : "unknown login";
}

/* ---- the slow hash, on a chore thread ---- */

static void check_work(void *ctx)
{
    struct check *k = ctx;
    struct str password = buf_view(&k->password), short_one = trimmed(password);
    k->good = credential_check(k->credential, password) && !k->refusal;
    k->good_trimmed = !k->good && !k->refusal && short_one.n < password.n && credential_check(k->credential, short_one);
}

static void check_done(void *ctx)
{
    struct check *k = ctx;
    struct accept *a = session_accept(k->session);
    struct str login = buf_view(&k->login), password = buf_view(&k->password);
    if (k->good)
        remember(a, k->credential, password);
    if (session_let_go(k->session)) {
        if (k->good)
            right(k->session, k->credential);
        else
            wrong(k->session, login, k->refusal ? k->refusal : reason(k->accounts, login, password, true, k->good_trimmed),
                  k->began_ms);
    }
    OPENSSL_cleanse(k->password.p, k->password.cap);
    buf_done(&k->login);
    buf_done(&k->password);
    accounts_free(&k->accounts);
    free(k);
}

static void check_slowly(struct session *s, const struct credential *c, const char *refusal, struct str login,
                         struct str password)
{
    struct accept *a = session_accept(s);
    if (chore_backlog(a->chores) >= CHORES_MAX) {
        tell(s, ACCEPT_BOUND_HIT, login, "too many logins at once");
        session_login(s, LOGIN_OVERLOADED, NULL, 0);
        return;
    }
    struct check *k = calloc(1, sizeof *k);
    must(k);
    k->session = s;
    k->accounts = accounts_ref(a->settings->accounts);
    k->credential = c;
    k->refusal = refusal;
    k->began_ms = loop_now_ms(a->loop);
    buf_add_str(&k->login, login);
    buf_add_str(&k->password, password);
    buf_reserve(&k->password, 1);
    k->chore = (struct chore){.work = check_work, .done = check_done, .ctx = k, .home = a->loop};
    session_hold(s);
    chore_start(a->chores, &k->chore);
}

/* ---- the two questions ---- */

/* The guess is wrong, as a look has shown. */
static void wrong_at_once(struct session *s, const char *refusal, struct str login, struct str password)
{
    struct accept *a = session_accept(s);
    const struct credential *slow = accounts_slow(a->settings->accounts);
    if (slow)
        check_slowly(s, slow, refusal, login, password);
    else
        wrong(s, login, refusal, loop_now_ms(a->loop));
}

void password_check(struct session *s, struct str login, struct str password)
{
    struct accept *a = session_accept(s);
    const struct accounts *all = a->settings->accounts;
    const struct credential *c = accounts_find(all, login);
    if (blocked(s, login))
        return;
    if (!c)
        wrong_at_once(s, reason(all, login, password, false, false), login, password);
    else if (c->argon2 && !was_right_lately(a, c, password))
        check_slowly(s, c, NULL, login, password);
    else if (c->argon2 || credential_check(c, password))
        right(s, c);
    else
        wrong_at_once(s, reason(all, login, password, true, credential_check(c, trimmed(password))), login, password);
}

void password_proven(struct session *s, struct str login, bool good)
{
    const struct credential *c = accounts_find(session_accept(s)->settings->accounts, login);
    if (blocked(s, login))
        return;
    if (good && c)
        right(s, c);
    else
        wrong(s, login, reason(session_accept(s)->settings->accounts, login, STR(""), c != NULL, false),
              loop_now_ms(session_accept(s)->loop));
}
