/* letter: a bounce that people read. One way for all servers: the text is cut where the original message begins; every line that
 * has an address where a recipient can stand is a candidate of some rank; the best rank wins; what stands between two candidates
 * is what is said of the first. How servers differ is in the tables of words.c; the shapes of a line are those of enum rank.
 *
 * Lines are bounded by LINE_MAX_BYTES, candidates by CANDIDATES_MAX, a reason by REASON_MAX. */
#include "bounce/inner.h"

enum { CANDIDATES_MAX = 2 * BOUNCE_RCPTS_MAX, PEOPLE_MAX = 64 * 1024 };
enum rank {
    RANK_NONE,
    RANK_WEAK,   /* within the transcript of a session, "generated from" an address, a name without a domain */
    RANK_LIKELY, /* it begins the line and a reason follows, ends a lead within a sentence, or is a listed "Name <address>" */
    RANK_SURE,   /* alone on its line; "<address>:" and what follows; a lead ("Recipient: address") and nothing after it */
};
struct candidate {
    enum rank rank;
    struct str address;
    size_t line, rest; /* offsets in the text: of its line, and of what follows the address */
};

/* A field that begins the original's header, at the beginning of a line. */
static bool begins_header(struct str lower)
{
    static const char *const fields[] = {
        "received:", "return-path:", "dkim-signature:", "x-received:", "arc-seal:", "x-originating-ip:", "delivered-to:"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (str_starts_nocase(lower, str_of(fields[i])))
            return true;
    return false;
}

/* A quoted mail without its marks: "> text" as text. Only when the text says that it forwards one. */
static struct str unquoted(struct str text, struct arena *a)
{
    const char *mark = memmem(text.p, text.n, "\n> ", 3);
    size_t before = mark ? (size_t)(mark - text.p) : 0;
    if (!mark || before > 2000 || !words_in(WORDS_FORWARDED, lower_copy(str_mem(text.p, before), a)))
        return text;
    char *out = arena_alloc(a, text.n + 1);
    size_t n = 0;
    struct str rest = str_mem(mark + 1, text.n - before - 1);
    while (rest.p) {
        struct str line = str_split(&rest, '\n');
        size_t cut = line.n > 0 && line.p[0] == '>' ? (line.n > 1 && line.p[1] == ' ' ? 2U : 1U) : 0;
        memcpy(out + n, line.p + cut, line.n - cut);
        n += line.n - cut;
        out[n++] = '\n';
    }
    return str_mem(out, n);
}

/* "<address>:" begins a line, as qmail and all that learned from it write. */
static bool names_recipients(struct str people)
{
    struct str address;
    size_t begin, end;
    while (people.p && people.n > 0) {
        struct str line = str_split(&people, '\n');
        if (line.n > 4 && line.n < LINE_MAX_BYTES && line.p[0] == '<' && address_find(line, &address, &begin, &end) &&
            begin == 0 && end < line.n && line.p[end] == ':')
            return true;
    }
    return false;
}

/* The first two lines that are not blank. */
static struct str first_lines(struct str text)
{
    text = cut_white(text);
    struct str rest = text;
    str_split(&rest, '\n');
    str_split(&rest, '\n');
    return str_mem(text.p, rest.p ? (size_t)(rest.p - text.p) : text.n);
}

/* Where the original, or what a filter on the way has appended below a line of underscores, begins. */
static size_t people_bytes(struct str lower)
{
    struct str rest = str_mem(lower.p, lower.n < PEOPLE_MAX ? lower.n : PEOPLE_MAX);
    size_t bound = rest.n;
    while (rest.p && rest.n > 0) {
        struct str line = str_split(&rest, '\n');
        size_t at = (size_t)(line.p - lower.p);
        if (line.n > LINE_MAX_BYTES)
            continue;
        if (words_in(WORDS_ORIGINAL, line) ||
            (at > 0 && (begins_header(line) || str_starts_nocase(line, STR("____________________")))))
            return at;
    }
    return bound;
}

void letter_open(struct str text, struct arena *a, struct letter *ret)
{
    text = text.n ? unquoted(text, a) : STR("");
    struct str lower = lower_copy(text, a);
    size_t cut = people_bytes(lower);
    *ret = (struct letter){.people = str_mem(text.p, cut), .original = str_mem(text.p + cut, text.n - cut)};
    if (ret->original.n > 0 && !begins_header(str_mem(lower.p + cut, lower.n - cut)))
        str_split(&ret->original, '\n');
    lower.n = cut;
    ret->shaped = names_recipients(ret->people);
    ret->first_failing = words_in(WORDS_FAILING, first_lines(lower));
    ret->delayed = words_in(WORDS_DELAYED, lower);
    ret->opening = words_in(WORDS_OPENING, lower);
    ret->failing = words_in(WORDS_FAILING, lower);
}

/* What stands before an address that begins its line: bullets, brackets, quotes. */
static struct str without_bullets(struct str s)
{
    s = cut_white(s);
    while (s.n > 0 && s.p[0] && strchr("*->|#.o<\"'([ \t", s.p[0])) {
        s.p++;
        s.n--;
    }
    return s;
}

static bool code_first(struct str line)
{
    return line.n > 4 && (line.p[0] == '4' || line.p[0] == '5') && line.p[1] >= '0' && line.p[1] <= '9' && line.p[2] >= '0' &&
           line.p[2] <= '9' && (line.p[3] == ' ' || line.p[3] == '-');
}

/* The same address again, or punctuation only: nothing is said. */
static bool says_nothing(struct str after, struct str address)
{
    struct str again;
    size_t begin, end;
    after = cut_white(after);
    if (after.n > 2 && address_find(after, &again, &begin, &end) && begin < 2 && end + 2 >= after.n)
        return str_eq_nocase(again, address);
    while (after.n > 0 && after.p[0] && strchr(":,;.])>\"'- ", after.p[0])) {
        after.p++;
        after.n--;
    }
    return after.n == 0;
}

static unsigned words_count(struct str s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] != ' ' && (i == 0 || s.p[i - 1] == ' ');
    return n;
}

/* The rank of an address by what stands around it on its line. listed: a line before has announced recipients. */
static enum rank rank_of(struct str line, struct str lower, size_t begin, size_t end, struct str address, bool listed)
{
    struct str before = str_mem(lower.p, begin), after = str_mem(line.p + end, line.n - end);
    bool bracketed = end > begin && line.p[begin] == '<', silent = says_nothing(after, address);
    if (without_bullets(before).n == 0 || (str_starts_nocase(before, STR("c=")) && contains(before, ";a="))) { /* X.400 */
        if (silent || (after.n > 0 && after.p[0] == ':'))
            return RANK_SURE;
        return listed || bracketed || strchr("[(-;.", cut_white(after).p[0]) || words_in(WORDS_FAILING, lower) || said_code(after)
                   ? RANK_LIKELY
                   : RANK_NONE;
    }
    if (contains(before, "generated from") || contains(before, "expanded from"))
        return RANK_WEAK;
    if (words_in(WORDS_CONTACT, before))
        return RANK_NONE;
    if (code_first(cut_white(lower)) || contains(before, "rcpt to"))
        return RANK_WEAK;
    if (words_end(WORDS_LEAD, before))
        return silent ? RANK_SURE : RANK_LIKELY;
    return listed && silent && bracketed && words_count(before) <= 6 ? RANK_LIKELY : RANK_NONE;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !(i > 0 && (c == '.' || c == '-' || c == '_' || c == '+')))
            return false;
    }
    return s.n > 0;
}

/* A local name where recipients are listed: one word, or one word and a remark in parentheses. "" when it is none. */
static struct str bare_name(struct str line)
{
    line = without_bullets(line);
    const char *remark = line.n ? memmem(line.p, line.n, " (", 2) : NULL;
    if (remark)
        line.n = (size_t)(remark - line.p);
    return line.n <= 64 && is_name(line) ? line : (struct str){0};
}

struct reading {
    struct str text, lower;
    struct arena *a;
    struct str domain;
    bool listed, transcript; /* where the reading is */
    bool transcripts;        /* there is one */
    size_t session;          /* where the first begins */
    size_t first;            /* where the first recipient stands */
    uint32_t n;
    struct candidate c[CANDIDATES_MAX];
};

static void candidate_add(struct reading *r, enum rank rank, struct str address, size_t line, size_t rest)
{
    if (r->n < CANDIDATES_MAX)
        r->c[r->n++] = (struct candidate){r->transcript && rank > RANK_WEAK ? RANK_WEAK : rank, address, line, rest};
}

/* A recipient without its domain, which is the reporting server's. */
static void name_read(struct reading *r, struct str line)
{
    struct str name = bare_name(line);
    struct buf b = {0};
    if (name.n == 0)
        return;
    buf_addf(&b, "%.*s@%.*s", STR_ARGS(name), STR_ARGS(r->domain));
    candidate_add(r, RANK_WEAK, arena_str(r->a, buf_str(&b)), (size_t)(line.p - r->text.p),
                  (size_t)(name.p + name.n - r->text.p));
    buf_done(&b);
}

/* What somebody quotes from another mail, and the fields that report.c reads. */
static bool is_quoted_or_field(struct str lower)
{
    return str_starts_nocase(lower, STR("> ")) || str_starts_nocase(lower, STR("final-recipient:")) ||
           str_starts_nocase(lower, STR("original-recipient:")) || str_starts_nocase(lower, STR("x-actual-recipient:"));
}

static void line_read(struct reading *r, struct str line)
{
    size_t at = (size_t)(line.p - r->text.p), begin, end;
    struct str lower = str_mem(r->lower.p + at, line.n), address;
    if (line.n > LINE_MAX_BYTES || is_quoted_or_field(lower))
        return;
    if (words_in(WORDS_TRANSCRIPT, lower) && !r->transcript) {
        r->session = r->transcripts ? r->session : at;
        r->transcript = r->transcripts = true;
    }
    bool found = address_find(line, &address, &begin, &end);
    if (words_in(WORDS_LIST, lower)) {
        r->listed = true;
        r->transcript = false;
    } else if (str_starts_nocase(cut_white(line), STR("---")) || str_starts_nocase(cut_white(line), STR("===")))
        r->listed = false;
    else if (!found && r->listed && r->domain.n > 0)
        name_read(r, line);
    if (!found)
        return;
    enum rank rank = rank_of(line, lower, begin, end, address, r->listed);
    if (rank == RANK_NONE)
        return;
    candidate_add(r, rank, address, at, words_end(WORDS_LEAD, str_mem(lower.p, begin)) ? at : at + end);
    for (size_t from = end; rank == RANK_SURE && r->listed && r->n < CANDIDATES_MAX; from += end) { /* "a@b, c@d" */
        struct str rest = str_mem(line.p + from, line.n - from), more;
        if (!address_find(rest, &more, &begin, &end) || without_bullets(str_mem(rest.p, begin)).n > 1)
            break;
        candidate_add(r, rank, more, at, at + from + end);
    }
}

static struct str paragraph_of(struct str text)
{
    const char *gap = text.n ? memmem(text.p, text.n, "\n\n", 2) : NULL;
    return str_mem(text.p, gap ? (size_t)(gap - text.p) : text.n);
}

static struct str without_marks(struct str s)
{
    while (s.n > 0 && s.p[0] && strchr(":,;.>\"' \t\n])", s.p[0])) {
        s.p++;
        s.n--;
    }
    return cut_white(s);
}

/* A colon, also a wide one, at the end: what is meant comes next. */
static bool announces(struct str s)
{
    return (s.n > 0 && s.p[s.n - 1] == ':') || (s.n > 3 && memcmp(s.p + s.n - 3, "：", 3) == 0);
}

/* What is said within a block: its first paragraph that is not about the next attempts; all of it when only the rest has a code
 * or that paragraph announces the next one. */
static struct str reason_of(struct str block, struct arena *a)
{
    block = without_marks(block);
    if (block.n > REASON_MAX)
        block.n = REASON_MAX;
    struct str first = paragraph_of(block);
    while (first.n < block.n && !said_code(first) && words_in(WORDS_DELAYED, lower_copy(first, a))) {
        block = without_marks(str_mem(block.p + first.n, block.n - first.n));
        first = paragraph_of(block);
    }
    bool enough = first.n == block.n || said_code(first) || (!said_code(block) && !announces(first));
    return enough ? first : block;
}

static bool is_answer_line(struct str low)
{
    return contains(low, "<<< 4") || contains(low, "<<< 5") || contains(low, ">>> 5") || contains(low, ">>> 4");
}

/* What the transcript of the session has on an address: its "550 5.1.1 <address>... words" or "local... words", or the answer to
 * its RCPT; else the last refusal there is. */
static struct str transcript_of(struct str text, struct str lower, struct str address, struct arena *a)
{
    const char *want = arena_strz(a, lower_copy(address, a)), *at = strchr(want, '@');
    struct str rest = lower, last = {0}, local = str_mem(want, at ? (size_t)(at - want) : 0);
    bool asked = false;
    while (rest.p && rest.n > 0) {
        struct str low = str_split(&rest, '\n'), line = str_mem(text.p + (low.p - lower.p), low.n), word = cut_white(low);
        bool answer = is_answer_line(low), its = contains(low, want);
        if (low.n > LINE_MAX_BYTES)
            continue;
        if (local.n > 0 && word.n > local.n + 4 && str_starts_nocase(word, local) && memcmp(word.p + local.n, "... ", 4) == 0)
            return line;
        if ((answer && (asked || its)) || (its && (code_first(word) || contains(low, "... "))))
            return line;
        if (answer || (code_first(word) && !contains(low, "@")))
            last = line;
        if (contains(low, "rcpt to"))
            asked = its;
    }
    return last;
}

/* The last paragraph with a code: some tell the reason first and the recipients after it. */
static struct str reason_before(struct str text)
{
    struct str found = {0};
    while (text.n > 0) {
        struct str paragraph = paragraph_of(text);
        if (paragraph.n <= REASON_MAX && said_code(paragraph))
            found = cut_white(paragraph);
        size_t gap = paragraph.n < text.n ? 2 : 0;
        text = str_mem(text.p + paragraph.n + gap, text.n - paragraph.n - gap);
    }
    return found;
}

/* What is said of a recipient in the letter, where the report itself has no code. */
static void recipient_fill(const struct reading *r, struct bounce_rcpt *to, struct str reason)
{
    struct bounce_rcpt told = {.phase = to->phase};
    if (!said_code(reason)) {
        struct str line =
            r->transcripts ? transcript_of(r->text, r->lower, to->address, r->a) : reason_before(str_mem(r->text.p, r->first));
        if (line.n > 0)
            reason = line;
    }
    said_reply(reason, r->a, &told);
    if (told.said.n == 0 || (told.code == 0 && to->said.n > 0))
        return;
    to->said = told.said;
    to->code = told.code;
    to->phase = told.phase;
    if (to->status.class == 0 || enhanced_finer(to->status, told.status))
        to->status = told.status;
}

/* "554 <address>... 550 Host unknown" tells it all on its own line: what follows the address, or all of it. "": another line. */
static struct str line_reason(const struct reading *r, const struct candidate *c)
{
    struct str rest = str_mem(r->text.p + c->line, r->text.n - c->line), line = cut_white(str_split(&rest, '\n'));
    if (!code_first(line) || c->rest < c->line)
        return (struct str){0};
    size_t before = (size_t)(r->text.p + c->rest - line.p);
    struct str after = before < line.n ? str_mem(line.p + before, line.n - before) : (struct str){0};
    return said_code(after) ? without_marks(after) : line;
}

/* What is said of each candidate of that rank, from the last on: recipients in a row share what follows them. */
static struct str *reasons_read(struct reading *r, enum rank rank)
{
    struct str *reasons = arena_alloc(r->a, (r->n + 1) * sizeof *reasons), later = {0};
    size_t next = r->text.n;
    for (uint32_t i = r->n; i-- > 0;) {
        const struct candidate *c = &r->c[i];
        if (c->rank != rank)
            continue;
        size_t end = r->transcripts && c->line < r->session && r->session < next ? r->session : next;
        reasons[i] = rank == RANK_WEAK ? line_reason(r, c) : (struct str){0};
        if (reasons[i].n == 0 && c->rest < end)
            reasons[i] = reason_of(str_mem(r->text.p + c->rest, end - c->rest), r->a);
        if (reasons[i].n == 0)
            reasons[i] = later;
        later = reasons[i];
        next = c->line;
    }
    r->first = next == r->text.n ? 0 : next;
    return reasons;
}

void letter_recipients(const struct letter *l, struct str domain, struct found *f)
{
    struct reading *r = arena_alloc(f->a, sizeof *r);
    struct str rest = l->people;
    enum rank best = RANK_NONE;
    bool known = f->n > 0;
    *r = (struct reading){.text = l->people, .lower = lower_copy(l->people, f->a), .a = f->a, .domain = domain};
    while (rest.p && rest.n > 0)
        line_read(r, str_split(&rest, '\n'));
    for (uint32_t i = 0; i < r->n; i++)
        best = r->c[i].rank > best ? r->c[i].rank : best;
    const struct str *reasons = reasons_read(r, best);
    for (uint32_t i = 0; i < r->n; i++) {
        if (r->c[i].rank != best)
            continue;
        struct bounce_rcpt *to = known ? found_get(f, r->c[i].address) : found_add(f, r->c[i].address);
        if (to && to->code == 0)
            recipient_fill(r, to, reasons[i]);
    }
    for (uint32_t i = 0; i < f->n && r->transcripts; i++)
        if (f->rcpt[i].code == 0)
            recipient_fill(r, &f->rcpt[i], (struct str){0});
}

struct str letter_reason(const struct letter *l)
{
    return cut_white(str_mem(l->people.p, l->people.n < REASON_MAX ? l->people.n : REASON_MAX));
}
