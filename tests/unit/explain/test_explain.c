#include "../mail/check.h"
#include "explain/explain.h"
#include "explain/noticed.h"

static struct explanation ask(enum phase phase, const struct reply *r, struct str note)
{
    struct explain_input in = {.text = r->text, .code = r->code, .enhanced = r->enhanced, .phase = phase, .note = note};
    return explain(&in);
}

static struct explanation reply_at(enum phase phase, const char *line)
{
    struct reply r = {.code = atoi(line)};
    struct str text = str_of(strlen(line) > 4 ? line + 4 : "");
    enhanced_take(&text, r.code, &r.enhanced);
    r.text = text;
    return ask(phase, &r, STR(""));
}

static void is(enum phase phase, const char *line, const char *cause)
{
    struct explanation v = reply_at(phase, line);
    if (strcmp(v.cause->name, cause) != 0)
        fail_msg("\"%s\": expected %s, got %s by %s", line, cause, v.cause->name, v.rule);
    assert_int_equal(v.permanent, line[0] == '5');
}

static void words_win_over_a_code_that_misleads(void **state)
{
    (void)state;
    is(PHASE_RCPT, "550 5.1.1 sender is blacklisted", "sender-refused");
    is(PHASE_RCPT, "550 5.1.1 your IP 192.0.2.1 is blacklisted, see http://bl.example", "ip-listed");
    is(PHASE_RCPT, "550 5.2.1 Mailbox unavailable. Your IP address 192.0.2.1 is blacklisted", "ip-listed");
    is(PHASE_RCPT, "552 5.1.1 5.2.2 mailbox is full", "mailbox-full");
    is(PHASE_RCPT, "550 5.1.0 blocked by SPF", "spf-failed");
    is(PHASE_RCPT, "450 4.2.0 Greylisted, see http://postgrey.example", "greylisted");
    is(PHASE_BODY, "550 5.7.0 Virus detected in message", "virus");
    is(PHASE_RCPT, "550 5.7.1 <x@y.pl>: Relay access denied", "relay-denied");
    is(PHASE_RCPT, "550 5.4.1 Recipient address rejected: Access denied.", "user-unknown");
    is(PHASE_BANNER, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org", "ip-listed");
    is(PHASE_BODY, "554 5.7.1 Message contains a URL listed in multi.surbl.org", "url-listed");
    is(PHASE_MAIL, "450 4.7.1 Client host rejected: cannot find your reverse hostname", "no-reverse-dns");
    is(PHASE_BODY,
       "554 5.7.1 Nie przyjmiemy tej wiadomo\xC5\x9B"
       "ci, poniewa\xC5\xBC jest to SPAM",
       "spam-content");
}

static void enhanced_codes_are_understood(void **state)
{
    (void)state;
    is(PHASE_RCPT, "550 5.1.1 <x@y.pl>", "user-unknown");
    is(PHASE_RCPT, "552 5.2.2 sorry", "mailbox-full");
    is(PHASE_RCPT, "556 5.1.10 no mail", "null-mx");
    is(PHASE_BODY, "552 5.3.4 no", "message-too-large");
    is(PHASE_MAIL, "550 5.7.23 no", "spf-failed");
    is(PHASE_MAIL, "550 5.7.25 no", "no-reverse-dns");
    is(PHASE_MAIL, "550 5.6.7 no", "smtputf8-unsupported");
    is(PHASE_BODY, "451 4.3.2 later", "receiver-overloaded");
    is(PHASE_BODY, "554 5.4.6 no", "mail-loop");
    is(PHASE_RCPT, "550 5.7.1 no", "policy");                 /* never a dead address on the code alone */
    is(PHASE_RCPT, "550 5.7.133 no", "recipient-restricted"); /* one provider's own */
    is(PHASE_RCPT, "550 5.7.999 no", "policy");
}

static void bare_codes_by_phase(void **state)
{
    (void)state;
    is(PHASE_RCPT, "550 no", "user-unknown");
    is(PHASE_MAIL, "550 no", "sender-refused");
    is(PHASE_BODY, "550 no", "policy");
    is(PHASE_RCPT, "450 later", "greylisted");
    is(PHASE_RCPT, "552 no", "mailbox-full");
    is(PHASE_BODY, "552 no", "message-too-large");
    is(PHASE_NONE, "535 no", "auth-failed");
    is(PHASE_NONE, "599", "unknown");
    assert_true(reply_at(PHASE_RCPT, "550 no").confidence <= 40);
}

static void before_rcpt_the_recipient_is_not_to_blame(void **state)
{
    (void)state;
    is(PHASE_MAIL, "550 5.1.1 user unknown", "sender-refused");
    is(PHASE_AUTH, "535 5.7.8 account is disabled", "auth-failed");
    is(PHASE_BANNER, "554 no such user", "ip-blocked");
    is(PHASE_RCPT, "550 5.1.1 user unknown", "user-unknown");
    is(PHASE_BODY, "550 5.1.1 user unknown", "user-unknown"); /* LMTP, or a receiver that checks late */
}

static void confidence_grows_with_agreement(void **state)
{
    (void)state;
    uint8_t both = reply_at(PHASE_RCPT, "550 5.1.1 no such user").confidence;
    uint8_t words = reply_at(PHASE_RCPT, "550 no such user").confidence;
    uint8_t status = reply_at(PHASE_RCPT, "550 5.1.1 x").confidence;
    uint8_t code = reply_at(PHASE_RCPT, "550 x").confidence;
    uint8_t against = reply_at(PHASE_RCPT, "550 5.1.1 ip blacklisted").confidence;
    assert_true(both > words && words > status && status > code && against < words);
}

static void every_code_of_the_standards_has_a_cause(void **state)
{
    (void)state;
    static const int codes[] = {420, 421, 422, 431, 432, 441, 442, 446, 447, 449, 450, 451, 452, 454, 455, 500, 501, 502,
                                503, 504, 521, 523, 524, 525, 530, 534, 535, 538, 550, 551, 552, 553, 554, 555, 556};
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct reply r = {.code = codes[i], .text = STR("")};
        assert_non_null(ask(PHASE_NONE, &r, STR("")).cause);
    }
}

static void without_a_reply_the_note_decides(void **state)
{
    (void)state;
    static const struct {
        enum phase phase;
        const char *note, *cause;
        bool permanent;
    } cases[] = {
        {PHASE_CONNECT, "refused", "connection-refused", false},
        {PHASE_CONNECT, "connect-timeout", "timeout", false},
        {PHASE_CONNECT, "connect-failed EACCES", "host-unreachable", false},
        {PHASE_BODY, "hung-up", "connection-lost", false},
        {PHASE_RCPT, "silence", "timeout", false},
        {PHASE_TLS, "tls-failed certificate verify failed", "tls-failed", false},
        {PHASE_TLS, "hung-up", "tls-failed", false},
        {PHASE_DNS, "dnssec-bogus example.pl", "dns-failure", false},
        {PHASE_LOCAL, "box-failed ENOSPC", "local-error", false},
        {PHASE_LOCAL, "box-name", "address-syntax", true},
        {PHASE_EHLO, "no-smtp", "protocol-error", false},
        {PHASE_BODY, "stopped", "interrupted", false},
        {PHASE_AUTH, "no-login", "auth-failed", false},
        {PHASE_MAIL, "too-large", "message-too-large", true},
        {PHASE_MAIL, "no-8bit", "8bit-unsupported", true},
        {PHASE_MAIL, "no-smtputf8", "smtputf8-unsupported", true},
        {PHASE_RCPT, "", "connection-lost", false},
        {PHASE_CONNECT, "what another version noticed", "host-unreachable", false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct reply none = {0};
        struct explanation v = ask(cases[i].phase, &none, str_of(cases[i].note));
        assert_string_equal(v.cause->name, cases[i].cause);
        assert_int_equal(v.permanent, cases[i].permanent);
    }
}

/* Words that every English sentence has some of and no Polish one has. */
static bool has_english(struct str s)
{
    static const char *const words[] = {" the ", " is ",   " was ",  " not ",  " and ",
                                        " of ",  " with ", " this ", " that ", "nothing "};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(s.p, s.n, words[i], strlen(words[i])))
            return true;
    return false;
}

static void polish_texts_of_causes_and_codes_have_no_english(void **state)
{
    (void)state;
    for (unsigned i = 0; cause_at(i); i++) {
        const struct told *of[] = {&cause_at(i)->sender_pl, &cause_at(i)->postmaster_pl};
        for (unsigned k = 0; k < 2; k++)
            assert_false(has_english(str_of(of[k]->what)) || has_english(str_of(of[k]->advice)));
        assert_true(has_english(str_of(cause_at(i)->postmaster_en.what)) ||
                    has_english(str_of(cause_at(i)->postmaster_en.advice)));
    }
    for (unsigned i = 0; code_meaning_at(i); i++)
        assert_false(has_english(str_of(code_meaning_at(i)->pl.what)) || has_english(str_of(code_meaning_at(i)->pl.advice)));
}

static struct str told(const char *note, enum phase phase, const char *lang, struct buf *b)
{
    b->n = 0;
    noticed_tell(str_of(note), phase, lang, b);
    return buf_str(b);
}

static void every_note_is_told_in_both_languages_and_has_a_cause_of_the_table(void **state)
{
    struct buf en = {0}, pl = {0};
    char note[NOTE_MAX];
    (void)state;
    for (unsigned n = NOTE_NONE + 1; n < NOTE_COUNT; n++) {
        note_put(note, (enum note)n,
                 n == NOTE_SUPPRESSED      ? "address 2026-11-25 - hardbounce auto shop"
                 : n == NOTE_DEMAND        ? "3 3 4 mx.test old.test"
                 : n == NOTE_NO_TLSA       ? "2 4 8 mx.test "
                 : n == NOTE_NO_REQUIRETLS ? "5 3 10 mx.test mx.test"
                                           : "D1");
        const struct noticed_meaning *m = noticed_meaning(str_of(note));
        assert_non_null(m);
        assert_true(!*m->cause || cause_find(str_of(m->cause)));
        struct str a = told(note, PHASE_RCPT, "en", &en), b = told(note, PHASE_RCPT, "pl", &pl);
        assert_true(a.n > 0 && b.n > 0 && !str_eq(a, b) && !has_english(b));
        assert_null(memchr(a.p, '%', a.n));
        assert_null(memchr(b.p, '%', b.n));
    }
    buf_done(&en);
    buf_done(&pl);
}

static void a_note_is_told_with_its_detail_and_what_was_waited_for(void **state)
{
    struct buf b = {0};
    (void)state;
    assert_true(
        str_eq(told("silence", PHASE_RCPT, "en", &b), STR("nothing came for too long while waiting for the reply to RCPT TO")));
    assert_true(str_eq(told("reset ECONNRESET", PHASE_BANNER, "pl", &b),
                       STR("połączenie zostało zerwane (ECONNRESET) podczas oczekiwania na powitanie")));
    struct str twice = told("hung-up", PHASE_BODY, "en", &b);
    assert_non_null(memmem(twice.p, twice.n, "a second copy is possible", 25));
    assert_true(str_eq(
        told("suppressed domain 2026-11-25 2027-01-31 abuse hand *", PHASE_NONE, "en", &b),
        STR("the whole domain has been suppressed since 2026-11-25 (until 2027-01-31) on this server: abuse, added by hand")));
    assert_true(str_eq(told("suppressed address 2026-11-25 - hardbounce auto ", PHASE_NONE, "pl", &b),
                       STR("adres jest na czarnej liście od 2026-11-25: hardbounce, wpis automatyczny")));
    assert_true(str_eq(told("what another version noticed", PHASE_NONE, "pl", &b), STR("what another version noticed")));
    buf_done(&b);
}

static bool throttles(const char *line)
{
    struct reply r = {.code = atoi(line), .text = str_of(line + 4)};
    enhanced_take(&r.text, r.code, &r.enhanced);
    enum action a = ask(PHASE_MAIL, &r, STR("")).action;
    return a == ACTION_SLOW_DOWN || a == ACTION_PAUSE_LANE || a == ACTION_OTHER_SOURCE;
}

static void overload_pace_and_mistrust_are_about_the_lane(void **state)
{
    (void)state;
    assert_true(throttles("421 4.7.0 try again later"));
    assert_true(throttles("450 4.2.1 user is receiving mail too quickly"));
    assert_true(throttles("421 too many concurrent connections"));
    assert_true(throttles("451 4.7.650 rate limited due to IP reputation"));
    assert_true(throttles("451 4.3.2 server busy"));
    assert_true(throttles("550 5.4.5 daily sending limit exceeded"));
    assert_false(throttles("450 4.7.1 greylisted"));
    assert_false(throttles("550 5.1.1 user unknown"));
    assert_true(throttles("554 5.7.1 blocked using zen.spamhaus.org"));
    assert_false(throttles("554 5.7.1 message rejected as spam"));
    assert_false(throttles("452 4.2.2 mailbox full"));
}

static void every_cause_is_told_in_both_languages(void **state)
{
    (void)state;
    unsigned n = 0;
    for (const struct cause *c; (c = cause_at(n)); n++) {
        const char *texts[] = {c->sender_en.what,     c->sender_pl.what,     c->sender_en.advice,     c->sender_pl.advice,
                               c->postmaster_en.what, c->postmaster_pl.what, c->postmaster_en.advice, c->postmaster_pl.advice};
        assert_ptr_equal(cause_find(str_of(c->name)), c);
        for (unsigned i = 0; i < 8; i++) {
            size_t length = strlen(texts[i]);
            assert_true(length > 20 && texts[i][length - 1] == '.');
        }
        for (const char *p = c->name; *p; p++)
            assert_true((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-');
        assert_true(strlen(whose_text(c->whose, "pl")) > 3 && strlen(whose_text(c->whose, "en")) > 3);
    }
    assert_true(n >= 40);
    assert_null(cause_find(STR("nonsense")));
}

static void causes_that_other_rooms_name_exist(void **state)
{
    (void)state;
    static const char *const names[] = {"domain-not-found", "null-mx",          "no-mail-host",     "dns-failure",
                                        "loop-to-self",     "expired",          "host-unreachable", "suppressed",
                                        "limit-exceeded",   "account-suspended"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_non_null(cause_find(str_of(names[i])));
}

static void long_and_odd_texts_are_bounded(void **state)
{
    (void)state;
    static char big[100000];
    struct reply r = {.code = 550, .text = str_mem(big, sizeof big)};
    memset(big, 'x', sizeof big);
    assert_string_equal(ask(PHASE_RCPT, &r, STR("")).cause->name, "user-unknown");
    memset(big, 0, sizeof big);
    assert_string_equal(ask(PHASE_RCPT, &r, STR("")).cause->name, "user-unknown");
}

static struct explanation as_received(const char *text)
{
    struct explain_input in = {.text = str_of(text)};
    return explain(&in);
}

static void codes_are_found_in_what_others_quote(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *enhanced;
        enum phase phase;
    } rows[] = {
        {"550 5.1.1 no such user", 550, "5.1.1", PHASE_NONE},
        {"550-5.1.1 no such\r\n550 5.1.1 user", 550, "5.1.1", PHASE_NONE},
        {"host mx.x.pl[192.0.2.9] said: 552 5.2.2 <a@x.pl>: full (in reply to RCPT TO command)", 552, "5.2.2", PHASE_RCPT},
        {"host mx.x.pl[192.0.2.9] said: 554 rejected (in reply to end of DATA command)", 554, "", PHASE_BODY},
        {"SMTP error from remote mail server after MAIL FROM:<a@x.pl>: 550 no", 550, "", PHASE_MAIL},
        {"smtp; 550-5.1.1 gone", 550, "5.1.1", PHASE_NONE},
        {"Remote Server returned '550 5.4.1 Recipient address rejected'", 550, "5.4.1", PHASE_NONE},
        {"#5.1.1", 0, "5.1.1", PHASE_NONE},
        {"#<mx.x.pl #5.1.1 smtp;550 5.1.1 <a@x.pl>: unknown>", 550, "5.1.1", PHASE_NONE},
        {"Remote host said: 554 sorry (#5.7.1)", 554, "5.7.1", PHASE_NONE},
        {"551 4.7.17 mailbox owner has changed", 551, "4.7.17", PHASE_NONE},
        {"connect to 192.0.2.250[192.0.2.250]:25 with Exim 4.94.2 after 550 seconds", 0, "", PHASE_NONE},
        {"421 192.0.2.1 4.500.500.1 busy", 421, "", PHASE_NONE},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct explanation e = as_received(rows[i].text);
        char enhanced[12];
        enhanced_text(e.enhanced, enhanced);
        if (e.code != rows[i].code || strcmp(enhanced, rows[i].enhanced) != 0 || e.phase != rows[i].phase)
            fail_msg("\"%s\": got %d %s at %s", rows[i].text, e.code, enhanced, phase_name(e.phase));
    }
}

static void polish_is_read_in_every_charset(void **state)
{
    (void)state;
    static const char *const ways[] = {
        "554 5.7.1 Nie przyjmiemy tej wiadomo\xC5\x9B"
        "ci, poniewa\xC5\xBC jest to SPAM", /* UTF-8 */
        "554 5.7.1 Nie przyjmiemy tej wiadomo\xB6"
        "ci, poniewa\xBF jest to SPAM", /* ISO-8859-2 */
        "554 5.7.1 Nie przyjmiemy tej wiadomo\x9C"
        "ci, poniewa\xBF jest to SPAM", /* Windows-1250 */
        "554 5.7.1 Nie przyjmiemy tej wiadomosci, poniewaz jest to SPAM",
        "554 5.7.1 Nie przyjmiemy tej wiadomo?ci, poniewa? jest to SPAM",
        "554 5.7.1 Nie przyjmiemy tej wiadomo??ci, poniewa?? jest to SPAM",
        "554 5.7.1 Nie przyjmiemy tej wiadomo\xEF\xBF\xBD"
        "ci, poniewa\xEF\xBF\xBD jest to SPAM",
        "554 5.7.1 =?UTF-8?Q?Nie_przyjmiemy_tej_wiadomo=C5=9Bci=2C_poniewa=C5=BC_jest_to_SPAM?=",
        "554 5.7.1 =?iso-8859-2?Q?Nie_przyjmiemy_tej?= =?iso-8859-2?Q?_wiadomo=B6ci=2C_poniewa=BF_jest_to_SPAM?=",
        "554 5.7.1 =?UTF-8?B?TmllIHByenlqbWllbXkgdGVqIHdpYWRvbW/Fm2NpLCBwb25pZXdhxbwgamVzdCB0byBTUEFN?=",
        "554-5.7.1 NIE PRZYJMIEMY TEJ WIADOMO\xC5\x9A"
        "CI,\n554 5.7.1 PONIEWA\xC5\xBB JEST TO SPAM",
    };
    for (unsigned i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct explanation e = as_received(ways[i]);
        if (strcmp(e.rule, "polish/spam-content") != 0)
            fail_msg("way %u: %s by %s", i, e.cause->name, e.rule);
    }
    assert_string_equal(as_received("550 5.1.1 U\xBFytkownik nie istnieje").cause->name, "user-unknown");
    assert_string_equal(as_received("552 Skrzynka jest przepe\xB3niona").cause->name, "mailbox-full");
}

static void the_evidence_is_in_the_original_text(void **state)
{
    (void)state;
    static const char text[] = "550-5.1.1 Sorry, there is NO  SUCH\r\n550 5.1.1 User <anna@x.pl> here";
    struct explanation e = as_received(text);
    assert_str(str_mem(text + e.evidence.offset, e.evidence.length), "NO  SUCH\r\n550 5.1.1 User");
    static const char encoded[] = "554 =?utf-8?q?Wiadomo=C5=9B=C4=87?= =?utf-8?q?_uznana_za_spam?= koniec";
    e = as_received(encoded);
    assert_string_equal(e.cause->name, "spam-content");
    assert_true(e.evidence.offset >= 4 && e.evidence.offset + e.evidence.length < sizeof encoded - 8);
    static const char russian[] = "550 \xD0\xAF\xD1\x89\xD0\xB8\xD0\xBA \xD0\xBF\xD0\xBE\xD0\xBB\xD0\xBE\xD0\xBD.";
    e = as_received(russian);
    assert_string_equal(e.cause->name, "mailbox-full");
    assert_str(str_mem(russian + e.evidence.offset, e.evidence.length),
               "\xD0\xAF\xD1\x89\xD0\xB8\xD0\xBA \xD0\xBF\xD0\xBE\xD0\xBB\xD0\xBE\xD0\xBD");
    e = as_received("550");
    assert_int_equal(e.evidence.length, 0);
}

static enum action action_at_rcpt(const char *text)
{
    struct explain_input in = {.text = str_of(text), .phase = PHASE_RCPT};
    return explain(&in).action;
}

static void only_a_certainly_dead_address_is_suppressed(void **state)
{
    (void)state;
    assert_int_equal(action_at_rcpt("550 5.1.1 <a@x.pl>: Recipient address rejected: User unknown"), ACTION_SUPPRESS);
    assert_int_equal(action_at_rcpt("550 5.2.1 The mailbox is disabled"), ACTION_SUPPRESS);
    assert_int_equal(action_at_rcpt("550 5.1.1 <a@x.pl>"), ACTION_SUPPRESS);
    assert_int_equal(action_at_rcpt("556 5.1.10 null MX"), ACTION_SUPPRESS);
    assert_int_equal(action_at_rcpt("550 no"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.1.1 sender is blacklisted"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.1.1 User unknown; your IP is listed at zen.spamhaus.org"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.1.1 User unknown (spam)"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.1.1 blocked"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("450 4.1.1 User unknown"), ACTION_RETRY);
    assert_int_equal(action_at_rcpt("552 5.2.2 Mailbox full"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.7.1 Relay access denied"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.7.1 policy"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("554 5.7.1 SPF check failed: no such user"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.2.1 Mailbox unavailable"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 message sending for this account is disabled"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.7.1 Your sender account is suspended"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 your account does not exist"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 unknown user in From header"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 client host not found"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 address not found in whitelist"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 invalid domain name"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("535 5.7.8 user unknown"), ACTION_STOP);
}

/* "Blocked" raises a doubt, and so does "try again later"; inside the words that tell that the mailbox is switched off they do
 * not. */
static void a_word_of_doubt_counts_outside_the_reason_only(void **state)
{
    (void)state;
    assert_int_equal(action_at_rcpt("550 5.2.1 account blocked due to inactivity"), ACTION_SUPPRESS);
    assert_int_equal(action_at_rcpt("550 5.2.1 account blocked due to inactivity; your IP is blocked"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 5.1.1 user unknown; try again later"), ACTION_STOP);
    assert_int_equal(action_at_rcpt("550 mailbox of a blocked sender's friend is disabled"), ACTION_STOP);
}

/* A rule that names its enhanced codes knows what they mean there: Exchange's edge says 5.4.1 of an address it does not find. */
static void a_rule_with_codes_of_its_own_is_not_contradicted_by_them(void **state)
{
    (void)state;
    assert_int_equal(action_at_rcpt("550 5.4.1 Recipient address rejected: Access denied"), ACTION_SUPPRESS);
    assert_int_equal(action_at_rcpt("550 5.7.1 Recipient address rejected: Access denied"), ACTION_STOP);
}

static void a_letter_without_a_code_may_mean_something_else(void **state)
{
    (void)state;
    assert_string_equal(as_received("Unrouteable address").cause->name, "domain-not-found");
    assert_string_equal(as_received("550 Unrouteable address").cause->name, "user-unknown");
}

/* "exceeded [mailbox|...] (mailbox limit|quota|...)": the word that may stand between must not take the next one's place. */
static void a_word_that_may_be_missing_takes_none_from_the_next(void **state)
{
    (void)state;
    assert_string_equal(as_received("552 exceeded mailbox limit").cause->name, "mailbox-full");
    assert_string_equal(as_received("552 exceeded the mailbox quota").cause->name, "mailbox-full");
    assert_string_equal(as_received("552 exceeded quota").cause->name, "mailbox-full");
}

static void what_we_can_do_ourselves_decides_the_action(void **state)
{
    (void)state;
    struct explain_input in = {.text = STR("554 5.7.1 blocked using zen.spamhaus.org"), .phase = PHASE_RCPT};
    assert_int_equal(explain(&in).action, ACTION_PAUSE_LANE);
    in.other_source = true;
    assert_int_equal(explain(&in).action, ACTION_OTHER_SOURCE);
    in.text = STR("554 5.7.1 Relay access denied");
    assert_int_equal(explain(&in).whose, WHOSE_RECEIVER);
    in.relayed = true;
    assert_int_equal(explain(&in).whose, WHOSE_US);
}

static void the_host_says_whose_words_they_are(void **state)
{
    (void)state;
    struct explain_input in = {.text = STR("550 No such user"), .host = STR("MX.WP.PL.")};
    assert_string_equal(explain(&in).provider, "wp");
    assert_string_equal(explain(&in).rule, "wp/user-unknown");
    in.host = STR("notwp.pl");
    assert_string_equal(explain(&in).provider, "");
    assert_string_equal(as_received("550 5.2.1 x https://support.google.com/mail/?p=DisabledUser gsmtp").provider, "gmail");
}

static void every_code_has_a_meaning_of_its_own(void **state)
{
    (void)state;
    static const int codes[] = {420, 421, 432, 449, 450, 451, 452, 455, 500, 501, 502, 503, 504, 521,
                                523, 524, 525, 530, 534, 535, 538, 550, 551, 552, 553, 554, 555, 556};
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct explain_input in = {.code = codes[i]};
        struct explanation e = explain(&in);
        assert_non_null(e.of_code);
        assert_ptr_equal(e.of_code, code_meaning(codes[i]));
        assert_true(e.confidence <= CONFIDENCE_CODE_ONLY && e.action != ACTION_SUPPRESS);
        assert_string_not_equal(e.cause->name, "unknown");
    }
    for (const struct code_meaning *m, *before = NULL;
         (m = code_meaning_at(before ? (unsigned)(before - code_meaning_at(0)) + 1 : 0)); before = m) {
        assert_non_null(cause_find(str_of(m->cause)));
        assert_true(strlen(m->en.what) > 9 && strlen(m->pl.what) > 9 && strlen(m->en.advice) > 9 && strlen(m->pl.advice) > 9);
    }
    assert_string_equal(enhanced_meaning((struct enhanced){4, 7, 1})->name, "x.7.1");
    assert_null(enhanced_meaning((struct enhanced){5, 7, 999}));
    assert_null(code_meaning(999));
}

static void a_verdict_is_what_the_log_keeps(void **state)
{
    (void)state;
    struct explanation e = as_received("550 5.1.1 No such user");
    struct verdict v = explain_verdict(&e);
    assert_str(v.cause, "user-unknown");
    assert_int_equal(v.action, ACTION_SUPPRESS);
    assert_true(v.permanent && v.confidence == e.confidence && v.rule.n > 0);
    v = explain_decided(cause_find(STR("null-mx")), true);
    assert_int_equal(v.confidence, 100);
    assert_int_equal(v.action, ACTION_STOP);
}

static void a_provider_is_known_by_any_of_its_hosts(void **state)
{
    const char *name = NULL, *title = NULL;
    (void)state;
    assert_true(explain_provider(STR("alt2.ASPMX.l.google.com."), &name, &title));
    assert_string_equal(name, "gmail");
    assert_string_equal(title, "Gmail");
    assert_true(explain_provider(STR("mx.wp.pl"), &name, &title));
    assert_string_equal(title, "WP/o2");
    assert_false(explain_provider(STR("notgoogle.com"), &name, &title));
    assert_false(explain_provider(STR(""), &name, &title));
    assert_true(explain_is_provider(STR("GMail")));
    assert_false(explain_is_provider(STR("gmai")) || explain_is_provider(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_provider_is_known_by_any_of_its_hosts),
        cmocka_unit_test(words_win_over_a_code_that_misleads),
        cmocka_unit_test(enhanced_codes_are_understood),
        cmocka_unit_test(bare_codes_by_phase),
        cmocka_unit_test(before_rcpt_the_recipient_is_not_to_blame),
        cmocka_unit_test(confidence_grows_with_agreement),
        cmocka_unit_test(every_code_of_the_standards_has_a_cause),
        cmocka_unit_test(without_a_reply_the_note_decides),
        cmocka_unit_test(polish_texts_of_causes_and_codes_have_no_english),
        cmocka_unit_test(every_note_is_told_in_both_languages_and_has_a_cause_of_the_table),
        cmocka_unit_test(a_note_is_told_with_its_detail_and_what_was_waited_for),
        cmocka_unit_test(overload_pace_and_mistrust_are_about_the_lane),
        cmocka_unit_test(every_cause_is_told_in_both_languages),
        cmocka_unit_test(causes_that_other_rooms_name_exist),
        cmocka_unit_test(long_and_odd_texts_are_bounded),
        cmocka_unit_test(codes_are_found_in_what_others_quote),
        cmocka_unit_test(polish_is_read_in_every_charset),
        cmocka_unit_test(the_evidence_is_in_the_original_text),
        cmocka_unit_test(only_a_certainly_dead_address_is_suppressed),
        cmocka_unit_test(a_word_of_doubt_counts_outside_the_reason_only),
        cmocka_unit_test(a_rule_with_codes_of_its_own_is_not_contradicted_by_them),
        cmocka_unit_test(a_letter_without_a_code_may_mean_something_else),
        cmocka_unit_test(a_word_that_may_be_missing_takes_none_from_the_next),
        cmocka_unit_test(what_we_can_do_ourselves_decides_the_action),
        cmocka_unit_test(the_host_says_whose_words_they_are),
        cmocka_unit_test(every_code_has_a_meaning_of_its_own),
        cmocka_unit_test(a_verdict_is_what_the_log_keeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
