/* dsn_text: see dsn_text.h. What happened, whose doing it is, what to do, and the evidence, for each recipient; nothing that
 * only the operators of servers understand, for that follows in the technical part. */
#include "explain/dsn_text.h"

#include "explain/explain.h"
#include "explain/mime.h"
#include "mail/date.h"

enum { EN, PL, LANGUAGES };
enum { RECIPIENTS_TOLD = 100, EVIDENCE_MAX = 1000, COLUMNS = 72, MESSAGE_ID_MAX = 250 };

/* Each phrase in each language. */
struct phrases {
    const char *author, *subject[DSN_DELIVERED + 1], *intro[DSN_DELIVERED + 1];
    const char *until, *from, *accepted, *message_id, *id;
    const char *what, *whose, *advice, *reply_of, *reply, *note, *more, *technical, *unknown;
};

static const struct phrases phrases[LANGUAGES] = {
    [EN] = {.author = "Mail delivery system",
            .subject = {[DSN_FAILED] = "Not delivered",
                        [DSN_DELAYED] = "Not delivered yet",
                        [DSN_RELAYED] = "Passed on",
                        [DSN_DELIVERED] = "Delivered"},
            .intro = {[DSN_FAILED] = "your message could not be delivered to the recipients below. No more attempts are made.",
                      [DSN_DELAYED] =
                          "your message has not been delivered to the recipients below yet. You need not send it again: "
                          "this server keeps trying automatically.",
                      [DSN_RELAYED] = "your message was passed on to a server that does not confirm deliveries. You will get no "
                                      "further notice unless it fails there.",
                      [DSN_DELIVERED] = "your message was delivered to the recipients below."},
            .until = "Attempts go on until",
            .from = "This is the mail server",
            .accepted = "Message of",
            .message_id = "Message-ID",
            .id = "Number on this server",
            .what = "What happened",
            .whose = "Where the cause lies",
            .advice = "What to do",
            .reply_of = "Reply of the server",
            .reply = "Reply",
            .note = "Observed",
            .more = "More recipients are listed in the technical part:",
            .technical = "The technical part for administrators follows.",
            .unknown = "The reason is not known."},
    [PL] = {.author = "System dostarczania poczty",
            .subject = {[DSN_FAILED] = "Nie dostarczono",
                        [DSN_DELAYED] = "Jeszcze nie dostarczono",
                        [DSN_RELAYED] = "Przekazano",
                        [DSN_DELIVERED] = "Dostarczono"},
            .intro = {[DSN_FAILED] =
                          "Twojej wiadomości nie udało się dostarczyć do poniższych odbiorców. Dalszych prób nie będzie.",
                      [DSN_DELAYED] = "Twojej wiadomości jeszcze nie dostarczono do poniższych odbiorców. Nie trzeba wysyłać jej "
                                      "ponownie: serwer ponawia próby automatycznie.",
                      [DSN_RELAYED] = "Twoja wiadomość została przekazana serwerowi, który nie potwierdza doręczeń. Kolejne "
                                      "powiadomienie przyjdzie tylko wtedy, gdy tam się nie powiedzie.",
                      [DSN_DELIVERED] = "Twoja wiadomość została dostarczona do poniższych odbiorców."},
            .until = "Próby potrwają do",
            .from = "Tu serwer poczty",
            .accepted = "Wiadomość z",
            .message_id = "Message-ID",
            .id = "Numer na tym serwerze",
            .what = "Co się stało",
            .whose = "Gdzie leży przyczyna",
            .advice = "Co zrobić",
            .reply_of = "Odpowiedź serwera",
            .reply = "Odpowiedź",
            .note = "Zaobserwowano",
            .more = "Pozostałych odbiorców wymienia część techniczna:",
            .technical = "Dalej następuje część techniczna dla administratorów.",
            .unknown = "Przyczyna nie jest znana."},
};

static const struct phrases *phrases_of(const char *lang) { return &phrases[strcmp(lang, "pl") == 0 ? PL : EN]; }

const char *dsn_subject(enum dsn_kind kind, const char *lang) { return phrases_of(lang)->subject[kind]; }
const char *dsn_author(const char *lang) { return phrases_of(lang)->author; }

bool dsn_message_id_sane(struct str s)
{
    bool ok = s.n > 4 && s.n <= MESSAGE_ID_MAX && s.p[0] == '<' && s.p[s.n - 1] == '>';
    for (size_t i = 0; ok && i < s.n; i++)
        ok = s.p[i] > ' ' && s.p[i] <= '~';
    return ok;
}

static void newline(struct buf *b) { buf_add(b, "\r\n", 2); }

static size_t columns(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* Writes text in lines of COLUMNS characters, each after `indent`. The text is clean UTF-8 of one line. */
static void wrapped(struct str text, const char *indent, struct buf *b)
{
    size_t at = 0;
    while (text.p) {
        struct str word = str_split(&text, ' ');
        size_t width = columns(word);
        if (at > 0 && at + 1 + width > COLUMNS) {
            newline(b);
            at = 0;
        }
        buf_addf(b, "%s%.*s", at == 0 ? indent : " ", STR_ARGS(word));
        at += (at == 0 ? strlen(indent) : 1) + width;
    }
    newline(b);
}

/* "    Label: text", wrapped. */
static void labelled(const char *label, const char *text, struct buf *b)
{
    struct buf line = {0};
    buf_addf(&line, "%s: %s", label, text);
    wrapped(buf_str(&line), "    ", b);
    buf_done(&line);
}

/* "2026-01-31 12:00 UTC" */
static void moment(int64_t ms, struct buf *b)
{
    char text[DATE_TEXT];
    date_rfc3339(ms, text);
    buf_addf(b, "%.10s %.5s UTC", text, text + 11);
}

static void dated(const char *label, int64_t ms, struct buf *b)
{
    buf_addf(b, "%s: ", label);
    moment(ms, b);
    newline(b);
}

/* What a stranger said, a line at a time, marked as quoted. */
static void quoted(struct str text, struct buf *b)
{
    struct buf clean = {0};
    mime_clean_utf8(str_mem(text.p, text.n < EVIDENCE_MAX ? text.n : EVIDENCE_MAX), true, &clean);
    struct str rest = buf_str(&clean);
    while (rest.p)
        wrapped(str_split(&rest, '\n'), "    > ", b);
    buf_done(&clean);
}

/* "    Reply of the server mx.example.pl [192.0.2.9]:". The name came out of DNS: a stranger's text. */
static void replier(const struct phrases *p, const struct outcome *o, struct buf *b)
{
    buf_addf(b, "    %s", o->host.n > 0 ? p->reply_of : p->reply);
    if (o->host.n > 0) {
        buf_add(b, " ", 1);
        mime_clean_utf8(o->host, false, b);
    }
    if (o->host.n > 0 && o->ip.n > 0) {
        buf_add(b, " [", 2);
        mime_clean_utf8(o->ip, false, b);
        buf_add(b, "]", 1);
    }
    buf_add(b, ":\r\n", 3);
}

static void evidence(const struct phrases *p, const struct outcome *o, const struct outcome_rcpt *r, struct buf *b)
{
    char enhanced[12];
    if (r->reply.code == 0) {
        if (o->note.n == 0)
            return;
        buf_addf(b, "    %s:\r\n", p->note);
        quoted(o->note, b);
        return;
    }
    struct buf text = {0};
    enhanced_text(r->reply.enhanced, enhanced);
    replier(p, o, b);
    buf_addf(&text, "%d%s%s%s%.*s", r->reply.code, *enhanced ? " " : "", enhanced, r->reply.text.n ? " " : "",
             STR_ARGS(r->reply.text));
    quoted(buf_str(&text), b);
    buf_done(&text);
}

static void reason(const struct phrases *p, const char *lang, const struct outcome_rcpt *r, struct buf *b)
{
    const struct cause *c = cause_find(r->verdict.cause);
    labelled(p->what, c ? cause_for_sender(c, lang)->what : p->unknown, b);
    if (c && r->verdict.whose != WHOSE_UNKNOWN)
        labelled(p->whose, whose_text(r->verdict.whose, lang), b);
    if (c)
        labelled(p->advice, cause_for_sender(c, lang)->advice, b);
}

static void recipient(const struct dsn_request *r, const char *lang, const struct outcome_rcpt *who, struct buf *b)
{
    newline(b);
    buf_addf(b, "<%.*s>\r\n", STR_ARGS(r->envelope->rcpt[who->rcpt].address));
    if (r->kind != DSN_FAILED && r->kind != DSN_DELAYED)
        return;
    reason(phrases_of(lang), lang, who, b);
    evidence(phrases_of(lang), r->outcome, who, b);
}

static void opening(const struct dsn_request *r, const struct phrases *p, struct buf *b)
{
    struct buf line = {0};
    buf_addf(&line, "%s %.*s: %s", p->from, STR_ARGS(r->hostname), p->intro[r->kind]);
    wrapped(buf_str(&line), "", b);
    buf_done(&line);
    if (r->kind == DSN_DELAYED)
        dated(p->until, r->retry_until_ms, b);
}

static void which_message(const struct dsn_request *r, const struct phrases *p, struct buf *b)
{
    char id[ID_TEXT + 1];
    id_text(r->envelope->id, id);
    newline(b);
    dated(p->accepted, r->envelope->accepted_ms, b);
    if (dsn_message_id_sane(r->envelope->message_id))
        buf_addf(b, "%s: %.*s\r\n", p->message_id, STR_ARGS(r->envelope->message_id));
    buf_addf(b, "%s: %s\r\n", p->id, id);
}

static void in_language(const struct dsn_request *r, const char *lang, const uint32_t *which, uint32_t n, struct buf *b)
{
    const struct phrases *p = phrases_of(lang);
    opening(r, p, b);
    for (uint32_t i = 0; i < n && i < RECIPIENTS_TOLD; i++)
        recipient(r, lang, &r->outcome->rcpt[which[i]], b);
    if (n > RECIPIENTS_TOLD)
        buf_addf(b, "\r\n%s %u\r\n", p->more, (unsigned)(n - RECIPIENTS_TOLD));
    which_message(r, p, b);
    buf_addf(b, "\r\n%s\r\n", p->technical);
}

void dsn_text(const struct dsn_request *r, const uint32_t *which, uint32_t n, struct buf *b)
{
    bool polish_first = strcmp(r->lang, "pl") == 0;
    in_language(r, polish_first ? "pl" : "en", which, n, b);
    buf_addf(b, "\r\n------------------------- %s\r\n\r\n", polish_first ? "English" : "Polski");
    in_language(r, polish_first ? "en" : "pl", which, n, b);
}
