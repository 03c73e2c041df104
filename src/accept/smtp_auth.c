/* smtp_auth: AUTH PLAIN, LOGIN and SCRAM-SHA-256 (RFC 4954, 4616, 7677). Here what a client says becomes a login and a password
 * or a proof; whether they are right, and what follows from it, is the driver's matter. An unknown login is answered like a wrong
 * password. */
#include "accept/smtp_in.h"

#include "lib/base64.h"
#include "lib/must.h"

#include <openssl/crypto.h>

enum { SECRET_MAX = 12288 / 4 * 3 }; /* what a line of RFC 4954 4 decodes to */

/* Other servers do not log in, and clients have ports of their own (RFC 8314 3.3): where anybody may knock, no password is tried.
 */
static bool takes_logins(const struct smtp_in *m) { return m->door == DOOR_SUBMISSION || m->door == DOOR_SUBMISSIONS; }

/* No login in the clear, unless the network is trusted anyway. */
bool smtp_auth_offered(const struct smtp_in *m) { return takes_logins(m) && (m->tls || m->trusted) && !m->account.n; }

static void challenge(struct smtp_in *m, struct str text, enum auth_step next)
{
    buf_add_str(m->out, STR("334 "));
    base64_encode(text, m->out);
    buf_add_str(m->out, STR("\r\n"));
    m->auth_step = next;
    m->phase = SMTP_AUTH;
}

void smtp_auth_stop(struct smtp_in *m)
{
    m->phase = SMTP_COMMAND;
    scram_done(&m->scram);
    buf_done(&m->auth_name);
}

static void malformed(struct smtp_in *m)
{
    smtp_auth_stop(m);
    smtp_refuse(m, 501, ENHANCED(5, 5, 2), "The login is not encoded as it should be");
}

/* ---- what the driver answers ---- */

static const struct {
    int code;
    struct enhanced enhanced;
    const char *text;
} answers[] = {
    [LOGIN_GOOD] = {235, {2, 7, 0}, "Logged in"},
    [LOGIN_WRONG] = {535, {5, 7, 8}, "Login or password is wrong"},
    [LOGIN_BLOCKED] = {454, {4, 7, 0}, "Too many failed logins, try again in a while"},
    [LOGIN_OVERLOADED] = {454, {4, 7, 0}, "Too many logins at once, try again"},
    [LOGIN_SUSPENDED] = {535, {5, 7, 1}, "The account is suspended, ask its owner or this server's operator"},
    [LOGIN_TOO_MANY] = {421, {4, 7, 0}, "The account has as many sessions as it may, close one first"},
};

void smtp_in_login(struct smtp_in *m, enum login_verdict v, const struct credential *c)
{
    smtp_auth_stop(m);
    if (v == LOGIN_GOOD) {
        m->account = arena_str(&m->arena, c->account);
        m->login = arena_str(&m->arena, c->login);
        m->stream = arena_str(&m->arena, c->stream);
        smtp_say(m, answers[v].code, answers[v].enhanced, answers[v].text);
    } else if (v == LOGIN_TOO_MANY) {
        smtp_in_quit(m, answers[v].code, answers[v].enhanced, answers[v].text);
    } else {
        smtp_refuse(m, answers[v].code, answers[v].enhanced, answers[v].text);
    }
}

static void ask(struct smtp_in *m, struct str login, struct str password)
{
    m->phase = SMTP_BUSY;
    m->hooks->password(m->ctx, login, password);
}

/* ---- the mechanisms ---- */

/* authzid NUL login NUL password (RFC 4616); acting for another is not offered. */
static void plain(struct smtp_in *m, struct str text)
{
    struct str rest = text, authzid = str_split(&rest, '\0'), login = str_split(&rest, '\0');
    if (!rest.p || !login.n || memchr(rest.p, '\0', rest.n))
        malformed(m);
    else if (authzid.n && !str_eq(authzid, login)) {
        smtp_auth_stop(m);
        smtp_refuse(m, 535, ENHANCED(5, 7, 8), "A login cannot act for another one");
    } else
        ask(m, login, rest);
}

static void login_name(struct smtp_in *m, struct str text)
{
    m->auth_name.n = 0;
    buf_add_str(&m->auth_name, text);
    challenge(m, STR("Password:"), AUTH_LOGIN_PASSWORD);
}

static void scram_begin(struct smtp_in *m, struct str text)
{
    struct buf reply = {0};
    scram_done(&m->scram);
    if (scram_first(&m->scram, text, m->settings->accounts, m->settings->login_key, &reply))
        challenge(m, buf_str(&reply), AUTH_SCRAM_FINAL);
    else
        malformed(m);
    buf_done(&reply);
}

static void scram_prove(struct smtp_in *m, struct str text)
{
    struct buf reply = {0};
    if (scram_final(&m->scram, text, &reply)) {
        challenge(m, buf_str(&reply), AUTH_SCRAM_END);
    } else {
        m->phase = SMTP_BUSY;
        m->hooks->proven(m->ctx, m->scram.login, false);
    }
    buf_done(&reply);
}

static void scram_accept(struct smtp_in *m, struct str text)
{
    if (text.n) {
        malformed(m);
        return;
    }
    m->phase = SMTP_BUSY;
    m->hooks->proven(m->ctx, m->scram.login, true);
}

static void step(struct smtp_in *m, struct str text)
{
    switch (m->auth_step) {
    case AUTH_PLAIN:
        plain(m, text);
        break;
    case AUTH_LOGIN_NAME:
        login_name(m, text);
        break;
    case AUTH_LOGIN_PASSWORD:
        ask(m, buf_str(&m->auth_name), text);
        break;
    case AUTH_SCRAM_FIRST:
        scram_begin(m, text);
        break;
    case AUTH_SCRAM_FINAL:
        scram_prove(m, text);
        break;
    case AUTH_SCRAM_END:
        scram_accept(m, text);
        break;
    }
}

static void step_encoded(struct smtp_in *m, struct str line)
{
    struct buf b = {.max = SECRET_MAX};
    if (base64_decode(line, &b))
        step(m, buf_str(&b));
    else
        malformed(m);
    if (b.p)
        OPENSSL_cleanse(b.p, b.cap);
    buf_done(&b);
}

void smtp_auth_line(struct smtp_in *m, struct str line)
{
    if (str_eq(line, STR("*"))) { /* RFC 4954 4 */
        smtp_auth_stop(m);
        smtp_refuse(m, 501, ENHANCED(5, 7, 0), "The login was given up");
        return;
    }
    step_encoded(m, line);
}

static bool mechanism_find(struct str name, enum auth_step *ret)
{
    static const struct {
        const char *name;
        enum auth_step step;
    } known[] = {{"PLAIN", AUTH_PLAIN}, {"LOGIN", AUTH_LOGIN_NAME}, {"SCRAM-SHA-256", AUTH_SCRAM_FIRST}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eq_nocase(name, str_of(known[i].name))) {
            *ret = known[i].step;
            return true;
        }
    return false;
}

static bool begin_allowed(struct smtp_in *m)
{
    if (!takes_logins(m))
        smtp_refuse(m, 502, ENHANCED(5, 5, 1), "No login is taken here: connect to the submission port, 587 or 465");
    else if (m->account.n)
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "You are logged in already");
    else if (m->t.open)
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "A login cannot come in the middle of a message");
    else if (!m->extended)
        smtp_refuse(m, 503, ENHANCED(5, 5, 1), "Say EHLO first");
    else if (!smtp_auth_offered(m))
        smtp_refuse(m, 538, ENHANCED(5, 7, 11), "Encryption is required before a login: issue STARTTLS first");
    else
        return true;
    return false;
}

void smtp_auth_begin(struct smtp_in *m, struct str rest)
{
    struct command_refusal why;
    struct str mechanism, initial;
    if (!begin_allowed(m))
        return;
    if (!command_auth(rest, &mechanism, &initial, &why))
        smtp_refuse(m, why.code, why.enhanced, why.text);
    else if (!mechanism_find(mechanism, &m->auth_step))
        smtp_refuse(m, 504, ENHANCED(5, 5, 4), "This way of logging in is not known: use PLAIN, LOGIN or SCRAM-SHA-256");
    else if (initial.p && initial.n)
        step_encoded(m, initial);
    else if (initial.p)
        step(m, initial);
    else
        challenge(m, m->auth_step == AUTH_LOGIN_NAME ? STR("Username:") : STR(""), m->auth_step);
}
