/* dialogue: see dialogue.h. It runs for every message delivered, so lines are copied, not printed. */
#include "deliver/dialogue.h"

#include <stdarg.h>
#include <stdio.h>

/* Past OUTCOME_LINES_MAX the first HEAD lines stay, then comes the gap, then the newest ones. */
enum { LINES_FIRST = 16, HEAD = OUTCOME_LINES_MAX / 2 };

static void grow(struct dialogue *d)
{
    uint32_t             room = d->room ? d->room * 2 : LINES_FIRST;
    struct outcome_line *line = arena_alloc(d->arena, room * sizeof *line);
    if (d->lines)
        memcpy(line, d->line, d->lines * sizeof *line);
    d->line = line;
    d->room = room;
}

/* The place of the next line. */
static struct outcome_line *add(struct dialogue *d, bool ours)
{
    if (d->lines == OUTCOME_LINES_MAX) {
        /* The gap takes a line too: the first time, two must go. */
        memmove(d->line + HEAD + 1, d->line + HEAD + 2, (OUTCOME_LINES_MAX - HEAD - 2) * sizeof *d->line);
        d->left_out += d->left_out ? 1 : 2;
        d->lines--;
    } else if (d->lines == d->room) {
        grow(d);
    }
    struct outcome_line *l = &d->line[d->lines++];
    *l = (struct outcome_line){.at_ms = d->now_ms, .ours = ours};
    return l;
}

void dialogue_said(struct dialogue *d, struct str line)
{
    if (!d)
        return;
    if (line.n > DIALOGUE_LINE_MAX)
        line.n = DIALOGUE_LINE_MAX;
    add(d, true)->text = arena_str(d->arena, line);
}

/* "250-2.1.0 text": the line as the server sent it. */
static struct str wire_line(struct arena *a, int code, bool last, struct enhanced e, struct str text)
{
    char front[20] = {(char)('0' + code / 100 % 10), (char)('0' + code / 10 % 10), (char)('0' + code % 10), last ? ' ' : '-'};
    size_t n = 4;
    if (e.class) {
        enhanced_text(e, front + n);
        n += strlen(front + n);
        front[n++] = ' ';
    }
    if (text.n > DIALOGUE_LINE_MAX)
        text.n = DIALOGUE_LINE_MAX;
    char *p = arena_alloc(a, n + text.n);
    memcpy(p, front, n);
    if (text.n)
        memcpy(p + n, text.p, text.n);
    return str_mem(p, n + text.n);
}

void dialogue_heard(struct dialogue *d, const struct reply *r)
{
    if (!d)
        return;
    struct str      rest = r->text;
    struct enhanced e = r->enhanced;
    do {
        struct str line = str_split(&rest, '\n');
        add(d, false)->text = wire_line(d->arena, r->code, !rest.p, e, line);
        e = (struct enhanced){0};
    } while (rest.p);
}

void dialogue_remark(struct dialogue *d, const char *fmt, ...)
{
    char    text[DIALOGUE_LINE_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    dialogue_said(d, str_of(text));
}

void dialogue_finish(struct dialogue *d)
{
    if (d->left_out == 0)
        return;
    char text[64];
    snprintf(text, sizeof text, "(%u lines left out)", (unsigned)d->left_out);
    d->line[HEAD].text = arena_str(d->arena, str_of(text));
    d->line[HEAD].ours = true;
}
