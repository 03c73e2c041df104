/* screen: see screen.h. The long form is `goniec why`; here a message has three lines, so that all fit on a page or two, in
 * groups by whose doing it is. */
#include "demo/screen.h"

#include "cli/common.h"
#include "explain/cause.h"
#include "explain/noticed.h"
#include "mail/utf8.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { WIDTH_UNKNOWN = 100, WIDTH_MIN = 60, INDENT = 11, REPLY_BYTES = 1000, NO_GROUP = -1, SMOOTH = -2 };

enum word {
    WORD_SMOOTH,
    WORD_NO_MORE,
    WORD_SUPPRESSED,
    WORD_NOT_SUPPRESSED,
    WORD_ATTEMPTS,
    WORD_SAID,
    WORD_SEEN,
    WORD_MEANS,
    WORD_WAITING
};
static const char *const words[][2] = {
    [WORD_SMOOTH] = {"taken without trouble", "przyjęte bez kłopotów"},
    [WORD_NO_MORE] = {"; nothing more goes to this address", "; na ten adres nic więcej nie wyjdzie"},
    [WORD_SUPPRESSED] = {"suppressed", "na czarnej liście"},
    [WORD_NOT_SUPPRESSED] = {"not suppressed", "nie na czarnej liście"},
    [WORD_ATTEMPTS] = {" at attempt %u", " za %u. razem"},
    [WORD_SAID] = {"said", "serwer"},
    [WORD_SEEN] = {"seen", "widać"},
    [WORD_MEANS] = {"means", "czyli"},
    [WORD_WAITING] = {"nothing happened yet", "nic się jeszcze nie stało"},
};
static const char *const outcomes[][2] = {
    [OUTCOME_DELIVERED] = {"delivered", "doręczona"},
    [OUTCOME_FAILED] = {"returned to the sender", "zwrócona nadawcy"},
    [OUTCOME_DROPPED] = {"dropped", "usunięta"},
    [OUTCOME_DEFERRED] = {"waits, will be tried again", "czeka na kolejną próbę"},
    [OUTCOME_HELD] = {"held", "wstrzymana"},
    [OUTCOME_RELEASED] = {"released", "zwolniona"},
};

const char *screen_outcome(enum outcome_status o, enum lang l) { return outcomes[o][l]; }
const char *screen_suppressed(bool is, enum lang l) { return words[is ? WORD_SUPPRESSED : WORD_NOT_SUPPRESSED][l]; }

void screen_init(struct screen *s, enum lang l)
{
    struct winsize w = {0};
    *s = (struct screen){.lang = l, .width = WIDTH_UNKNOWN, .group = NO_GROUP};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        s->width = w.ws_col < WIDTH_MIN ? WIDTH_MIN : w.ws_col;
}

static const char *lang_name(const struct screen *s) { return s->lang == LANG_PL ? "pl" : "en"; }

/* How many bytes of s fill at most that many columns. */
static size_t bytes_of(struct str s, size_t columns)
{
    struct str rest = s;
    while (rest.n > 0 && columns-- > 0)
        utf8_take(&rest);
    return s.n - rest.n;
}

static size_t columns_of(struct str s)
{
    size_t n = 0;
    for (; s.n > 0; n++)
        utf8_take(&s);
    return n;
}

static void label(const struct screen *s, enum word w)
{
    const char *text = words[w][s->lang];
    printf("    %s%*s", text, INDENT - 4 - (int)columns_of(str_of(text)), "");
}

/* What does not fit on the line is left out. */
static void cut(const struct screen *s, struct str text)
{
    size_t n = bytes_of(text, s->width - INDENT);
    if (n == text.n)
        printf("%.*s\n", STR_ARGS(text));
    else
        printf("%.*s…\n", (int)bytes_of(text, s->width - INDENT - 1), text.p);
}

/* Goes on below, indented alike. */
static void wrap(const struct screen *s, struct str text)
{
    while (text.n > 0) {
        size_t n = bytes_of(text, s->width - INDENT), end = n;
        while (n < text.n && end > 0 && text.p[end] != ' ')
            end--;
        end = end ? end : n;
        printf("%.*s\n%*s", (int)end, text.p, end < text.n ? INDENT : 0, "");
        text = str_trim(str_mem(text.p + end, text.n - end));
    }
}

static void heading(struct screen *s, const struct seen *seen)
{
    const struct verdict *v = &seen->refusal.verdict;
    int group = v->cause.n ? (int)v->whose : SMOOTH;
    if (group == s->group)
        return;
    s->group = group;
    printf("\n── %s\n", group == SMOOTH ? words[WORD_SMOOTH][s->lang] : whose_text((enum whose)group, lang_name(s)));
}

/* The reply, or what this server noticed where there was none. */
static void said(const struct screen *s, const struct seen *seen)
{
    const struct outcome_rcpt *r = &seen->refusal;
    struct buf b = {0};
    char enhanced[12];
    if (!r->verdict.cause.n)
        return;
    label(s, seen->note.n ? WORD_SEEN : WORD_SAID);
    enhanced_text(r->reply.enhanced, enhanced);
    if (seen->note.n)
        noticed_tell(seen->note, r->phase, lang_name(s), &b);
    else
        buf_addf(&b, "%d %s%s%.*s", r->reply.code, enhanced, *enhanced ? " " : "", STR_ARGS(r->reply.text));
    struct buf clean = {0};
    common_safe(buf_str(&b), REPLY_BYTES, &clean);
    cut(s, buf_str(&clean));
    buf_done(&clean);
    buf_done(&b);
}

static void means(const struct screen *s, const struct verdict *v)
{
    const struct cause *c = v->cause.n ? cause_find(v->cause) : NULL;
    struct buf b = {0};
    if (!c)
        return;
    buf_addf(&b, "%s [%s]", cause_for_sender(c, lang_name(s))->what, c->name);
    label(s, WORD_MEANS);
    wrap(s, buf_str(&b));
    buf_done(&b);
}

void screen_row(struct screen *s, const char *address, const struct seen *seen)
{
    heading(s, seen);
    printf("  %-24s %s", address, seen->status ? outcomes[seen->status][s->lang] : words[WORD_WAITING][s->lang]);
    if (seen->status == OUTCOME_DELIVERED && seen->attempts > 1)
        printf(words[WORD_ATTEMPTS][s->lang], seen->attempts);
    printf("%s\n", seen->suppressed ? words[WORD_NO_MORE][s->lang] : "");
    said(s, seen);
    means(s, &seen->refusal.verdict);
    fflush(stdout);
}
