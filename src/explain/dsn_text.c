/* dsn_text: see dsn_text.h. What happened, whose doing it is, what to do, and the evidence, for each recipient; nothing that
 * only the operators of servers understand, for that follows in the technical part. What is said is said once, here; how a
 * paragraph or a quotation looks is the page's (dsn_page.c). */
#include "explain/dsn_text.h"

#include "explain/dsn_page.h"
#include "explain/explain.h"
#include "explain/mime.h"
#include "explain/noticed.h"
#include "mail/date.h"

#include <stdio.h>

enum { EN, PL, LANGUAGES };
enum { RECIPIENTS_TOLD = 100, EVIDENCE_MAX = 1000, MESSAGE_ID_MAX = 250 };

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
            .more = "More recipients are listed in the technical part",
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
            .more = "Pozostałych odbiorców wymienia część techniczna",
            .technical = "Dalej następuje część techniczna dla administratorów.",
            .unknown = "Przyczyna nie jest znana."},
};

static const struct phrases *phrases_of(const char *lang) { return &phrases[strncmp(lang, "pl", 2) == 0 ? PL : EN]; }

bool dsn_is_bilingual(const char *lang) { return strchr(lang, ',') != NULL; }

const char *dsn_subject(enum dsn_kind kind, const char *lang) { return phrases_of(lang)->subject[kind]; }
const char *dsn_author(const char *lang) { return phrases_of(lang)->author; }

bool dsn_message_id_sane(struct str s)
{
    bool ok = s.n > 4 && s.n <= MESSAGE_ID_MAX && s.p[0] == '<' && s.p[s.n - 1] == '>';
    for (size_t i = 0; ok && i < s.n; i++)
        ok = s.p[i] > ' ' && s.p[i] <= '~';
    return ok;
}

/* "2026-01-31 12:00 UTC" */
static void dated(const struct page *g, const char *label, int64_t ms)
{
    char date[DATE_TEXT], text[32];
    date_rfc3339(ms, date);
    snprintf(text, sizeof text, "%.10s %.5s UTC", date, date + 11);
    page_field(g, label, str_of(text));
}

/* What a stranger said, a line at a time, marked as quoted. */
static void quoted(const struct page *g, struct str text)
{
    struct buf clean = {0};
    mime_clean_utf8(str_mem(text.p, text.n < EVIDENCE_MAX ? text.n : EVIDENCE_MAX), true, &clean);
    page_quote(g, buf_str(&clean));
    buf_done(&clean);
}

/* "Reply of the server mx.example.pl [192.0.2.9]:". The name came out of DNS: a stranger's text. */
static void replier(const struct page *g, const struct phrases *p, const struct outcome *o)
{
    struct buf line = {0};
    buf_addf(&line, "%s", o->host.n > 0 ? p->reply_of : p->reply);
    if (o->host.n > 0) {
        buf_add(&line, " ", 1);
        mime_clean_utf8(o->host, false, &line);
    }
    if (o->host.n > 0 && o->ip.n > 0) {
        buf_add(&line, " [", 2);
        mime_clean_utf8(o->ip, false, &line);
        buf_add(&line, "]", 1);
    }
    page_says(g, buf_str(&line));
    buf_done(&line);
}

/* What this server noticed itself. */
static void noticed(const struct page *g, const char *lang, struct str note, enum phase phase)
{
    struct buf text = {0};
    page_says(g, str_of(phrases_of(lang)->note));
    noticed_tell(note, phase, lang, &text);
    quoted(g, buf_str(&text));
    buf_done(&text);
}

static void evidence(const struct page *g, const char *lang, const struct outcome *o, const struct outcome_rcpt *r)
{
    const struct phrases *p = phrases_of(lang);
    char enhanced[12];
    struct str note = noticed_of(o, r);
    struct buf text = {0};
    if (note.n > 0)
        noticed(g, lang, note, r->phase);
    if (note.n > 0 || r->reply.code == 0)
        return;
    enhanced_text(r->reply.enhanced, enhanced);
    replier(g, p, o);
    buf_addf(&text, "%d%s%s%s%.*s", r->reply.code, *enhanced ? " " : "", enhanced, r->reply.text.n ? " " : "",
             STR_ARGS(r->reply.text));
    quoted(g, buf_str(&text));
    buf_done(&text);
}

static void reason(const struct page *g, const struct phrases *p, const char *lang, const struct outcome_rcpt *r)
{
    const struct cause *c = cause_find(r->verdict.cause);
    page_labelled(g, p->what, str_of(c ? cause_for_sender(c, lang)->what : p->unknown));
    if (c && r->verdict.whose != WHOSE_UNKNOWN)
        page_labelled(g, p->whose, str_of(whose_text(r->verdict.whose, lang)));
    if (c)
        page_labelled(g, p->advice, str_of(cause_for_sender(c, lang)->advice));
}

static void recipient(const struct page *g, const struct dsn_request *r, const char *lang, const struct outcome_rcpt *who)
{
    page_recipient(g, r->envelope->rcpt[who->rcpt].address);
    if (r->kind != DSN_FAILED && r->kind != DSN_DELAYED)
        return;
    reason(g, phrases_of(lang), lang, who);
    evidence(g, lang, r->outcome, who);
}

static void opening(const struct page *g, const struct dsn_request *r, const struct phrases *p)
{
    struct buf line = {0};
    buf_addf(&line, "%s %.*s: %s", p->from, STR_ARGS(r->hostname), p->intro[r->kind]);
    page_paragraph(g, buf_str(&line));
    buf_done(&line);
    if (r->kind == DSN_DELAYED)
        dated(g, p->until, r->retry_until_ms);
}

static void which_message(const struct page *g, const struct dsn_request *r, const struct phrases *p)
{
    char id[ID_TEXT + 1];
    id_text(r->envelope->id, id);
    page_gap(g);
    dated(g, p->accepted, r->envelope->accepted_ms);
    if (dsn_message_id_sane(r->envelope->message_id))
        page_field(g, p->message_id, r->envelope->message_id);
    page_field(g, p->id, str_of(id));
}

static void in_language(const struct page *g, const struct dsn_request *r, const char *lang, const uint32_t *which, uint32_t n)
{
    const struct phrases *p = phrases_of(lang);
    char number[16];
    page_begin(g, lang);
    opening(g, r, p);
    for (uint32_t i = 0; i < n && i < RECIPIENTS_TOLD; i++)
        recipient(g, r, lang, &r->outcome->rcpt[which[i]]);
    if (n > RECIPIENTS_TOLD) {
        snprintf(number, sizeof number, "%u", (unsigned)(n - RECIPIENTS_TOLD));
        page_gap(g);
        page_field(g, p->more, str_of(number));
    }
    which_message(g, r, p);
    page_gap(g);
    page_paragraph(g, str_of(p->technical));
    page_end(g);
}

static bool is_polish(const char *lang) { return strncmp(lang, "pl", 2) == 0; }

static void all(const struct page *g, const struct dsn_request *r, const uint32_t *which, uint32_t n)
{
    const char *first = is_polish(r->lang) ? "pl" : "en", *second = is_polish(r->lang) ? "en" : "pl";
    page_open(g, dsn_subject(r->kind, r->lang));
    in_language(g, r, first, which, n);
    if (dsn_is_bilingual(r->lang)) {
        page_divide(g, is_polish(second) ? "Polski" : "English");
        in_language(g, r, second, which, n);
    }
    page_close(g);
}

void dsn_text(const struct dsn_request *r, const uint32_t *which, uint32_t n, struct buf *b)
{
    all(&(struct page){b, false}, r, which, n);
}

void dsn_html(const struct dsn_request *r, const uint32_t *which, uint32_t n, struct buf *b)
{
    all(&(struct page){b, true}, r, which, n);
}
