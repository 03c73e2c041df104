/* script: see script.h. */
#include "script.h"

#include "lib/must.h"

#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct {
    struct buf did;   /* lines that the script has not yet met, each ended by '\n' */
    struct buf line;  /* what was said without its end so far */
    struct buf input; /* fed and not yet eaten */
    size_t step;      /* bytes a feed; 0: all */
    void *side;
    const struct script_side *how;
} run;

/* Visible text of any bytes, so that a line of the transcript is one line. */
static void add_visible(struct buf *b, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == '\r')
            buf_add_str(b, STR("\\r"));
        else if (c < 32 || c == 127)
            buf_addf(b, "\\x%02x", c);
        else
            buf_add(b, p + i, 1);
    }
}

void script_did(const char *fmt, ...)
{
    char line[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    add_visible(&run.did, line, n < (int)sizeof line ? (size_t)n : sizeof line - 1);
    buf_add(&run.did, "\n", 1);
}

void script_said(char who, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\n') {
            buf_add(&run.line, p + i, 1);
            continue;
        }
        bool whole = run.line.n > 0 && run.line.p[run.line.n - 1] == '\r';
        buf_addf(&run.did, "%c: ", who);
        add_visible(&run.did, run.line.p, run.line.n - whole);
        buf_add_str(&run.did, whole ? STR("\n") : STR("\\n (bare)\n"));
        run.line.n = 0;
    }
}

/* ---- input ---- */

static void offer(void)
{
    size_t shown = run.step ? run.step : run.input.n;
    while (run.input.n > 0) {
        size_t n = shown < run.input.n ? shown : run.input.n;
        size_t took = run.how->feed(run.side, run.input.p, n);
        must(took <= n);
        buf_drop(&run.input, took);
        if (took == 0 && n == run.input.n)
            return;
        shown = took ? (run.step ? run.step : run.input.n) : shown + run.step;
    }
}

static char escaped(const char **p)
{
    char c = *++*p;
    static const char from[] = "rnt0\\{", to[] = "\r\n\t\0\\{";
    if (c == 'x') {
        char hex[3] = {(*p)[1], (*p)[2], '\0'};
        *p += 2;
        return (char)strtoul(hex, NULL, 16);
    }
    const char *at = strchr(from, c);
    must(c && at);
    return to[at - from];
}

static void expand(const char *p, size_t n, bool escapes, struct buf *b);

/* {text*N}: p at the brace; returns the closing one, or NULL when it is just a brace. */
static const char *repeat(const char *p, size_t n, bool escapes, struct buf *b)
{
    const char *end = memchr(p, '}', n), *star = end;
    while (star && star > p && *star != '*')
        star--;
    if (!star || star == p)
        return NULL;
    for (unsigned long times = strtoul(star + 1, NULL, 10); times > 0; times--)
        expand(p + 1, (size_t)(star - p - 1), escapes, b);
    return end;
}

static void expand(const char *p, size_t n, bool escapes, struct buf *b)
{
    for (const char *end = p + n; p < end; p++) {
        const char *last = *p == '{' ? repeat(p, (size_t)(end - p), escapes, b) : NULL;
        if (last) {
            p = last;
        } else if (escapes && *p == '\\') {
            char c = escaped(&p);
            buf_add(b, &c, 1);
        } else {
            buf_add(b, p, 1);
        }
    }
}

/* ---- cases ---- */

static bool meet(const char *expected)
{
    char *end = run.did.n ? memchr(run.did.p, '\n', run.did.n) : NULL;
    if (!end) {
        fprintf(stderr, "  expected: %s\n  but nothing was done\n", expected);
        return false;
    }
    *end = '\0';
    bool good = fnmatch(expected, run.did.p, 0) == 0;
    if (!good)
        fprintf(stderr, "  expected: %s\n  but was:  %s\n", expected, run.did.p);
    buf_drop(&run.did, (size_t)(end - run.did.p) + 1);
    return good;
}

static bool act(const char *line)
{
    struct str rest = str_trim(str_of(line + 1)), word = str_split(&rest, ' ');
    if (!run.how->set(run.side, word, rest.p ? rest : STR(""))) {
        fprintf(stderr, "  not known here: %s\n", line);
        return false;
    }
    offer();
    return true;
}

static void say(const char *line)
{
    bool raw = line[1] == '=';
    const char *text = line[2] == ' ' ? line + 3 : line + 2;
    expand(text, strlen(text), raw, &run.input);
    if (!raw)
        buf_add_str(&run.input, STR("\r\n"));
    offer();
}

static bool one_line(const char *line)
{
    struct buf b = {0};
    if (*line == '#' || !*line)
        return true;
    if (*line == '.')
        return act(line);
    if (*line == run.how->peer) {
        say(line);
        return true;
    }
    expand(line, strlen(line), false, &b);
    buf_add(&b, "", 1);
    bool good = meet(b.p);
    buf_done(&b);
    return good;
}

static void begin(size_t step)
{
    run.step = step;
    run.side = run.how->open();
}

static bool end(bool good)
{
    if (good && run.line.n) {
        fprintf(stderr, "  said without an end of line: %.*s\n", (int)run.line.n, run.line.p);
        good = false;
    }
    if (good && run.did.n) {
        fprintf(stderr, "  not expected: %.*s", (int)run.did.n, run.did.p);
        good = false;
    }
    run.how->close(run.side);
    buf_done(&run.did);
    buf_done(&run.line);
    buf_done(&run.input);
    return good;
}

/* lines: of one case, NUL-terminated each, the last one empty with p == NULL. */
static bool run_case(char *const *lines, size_t n, const char *file, size_t first, size_t step)
{
    bool good = true;
    begin(step);
    for (size_t i = 0; good && i < n; i++) {
        good = one_line(lines[i]);
        if (!good)
            fprintf(stderr, "  at %s:%zu%s\n", file, first + i, step ? ", fed byte by byte" : "");
    }
    return end(good);
}

static int report(const char *name, bool good)
{
    printf(good ? "[       OK ] %s\n" : "[  FAILED  ] %s\n", name);
    return !good;
}

static int run_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *line = NULL, **lines = NULL;
    size_t cap = 0, n = 0, from = 0;
    int failed = 0;
    if (!f) {
        fprintf(stderr, "cannot read %s\n", path);
        return 1;
    }
    for (ssize_t got; (got = getline(&line, &cap, f)) >= 0;) {
        line[strcspn(line, "\n")] = '\0';
        lines = realloc(lines, (n + 1) * sizeof *lines);
        must(lines);
        lines[n++] = strdup(line);
    }
    for (size_t i = 0; i <= n; i++) {
        if (i < n && strncmp(lines[i], "== ", 3) != 0)
            continue;
        if (i > 0 && strncmp(lines[from], "== ", 3) == 0) {
            bool good = run_case(lines + from + 1, i - from - 1, path, from + 2, 0) &&
                        run_case(lines + from + 1, i - from - 1, path, from + 2, 1);
            failed += report(lines[from] + 3, good);
        }
        from = i;
    }
    for (size_t i = 0; i < n; i++)
        free(lines[i]);
    free(lines);
    free(line);
    fclose(f);
    return failed;
}

int script_main(int argc, char **argv, const struct script_side *side)
{
    int failed = 0;
    run.how = side;
    for (int i = 1; i < argc; i++)
        failed += run_file(argv[i]);
    return failed || argc < 2;
}
