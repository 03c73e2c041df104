/* shape: see shape.h. Knows as much of libconfuse's lexer as that takes: # and // up to the line's end, C comments, and strings
 * in double or single quotes with backslashes. */
#include "settings/shape.h"

enum { DEPTH_MAX = 16 };

struct walk {
    const char *name;
    struct str text;
    size_t at;
    unsigned line;
    unsigned open_line[DEPTH_MAX]; /* of each brace that is open */
    unsigned depth;
};

static bool starts(const struct walk *w, const char *z)
{
    size_t n = strlen(z);
    return w->text.n - w->at >= n && memcmp(w->text.p + w->at, z, n) == 0;
}

static void step(struct walk *w)
{
    w->line += w->text.p[w->at] == '\n';
    w->at++;
}

/* Goes past the next `end`; with `escapes`, a backslash takes the next byte with it. False: there is none. */
static bool pass(struct walk *w, const char *end, bool escapes)
{
    while (w->at < w->text.n && !starts(w, end)) {
        if (escapes && w->text.p[w->at] == '\\' && w->at + 1 < w->text.n)
            step(w);
        step(w);
    }
    bool found = w->at < w->text.n;
    for (size_t i = 0; found && i < strlen(end); i++)
        step(w);
    return found;
}

static bool pass_opened(struct walk *w, const char *open, const char *end, const char *what, struct fault *f)
{
    unsigned line = w->line;
    for (size_t i = 0; i < strlen(open); i++)
        step(w);
    return pass(w, end, *open != '/') || fault_set(f, "%s:%u: the %s that begins here is never closed", w->name, line, what);
}

static bool brace(struct walk *w, struct fault *f)
{
    bool opens = w->text.p[w->at] == '{';
    if (opens && w->depth == DEPTH_MAX)
        return fault_set(f, "%s:%u: too many braces inside each other", w->name, w->line);
    if (!opens && w->depth == 0)
        return fault_set(f, "%s:%u: this brace closes nothing", w->name, w->line);
    if (opens)
        w->open_line[w->depth++] = w->line;
    else
        w->depth--;
    step(w);
    return true;
}

static bool one(struct walk *w, struct fault *f)
{
    if (starts(w, "/*"))
        return pass_opened(w, "/*", "*/", "comment", f);
    if (starts(w, "\""))
        return pass_opened(w, "\"", "\"", "string", f);
    if (starts(w, "'"))
        return pass_opened(w, "'", "'", "string", f);
    if (starts(w, "{") || starts(w, "}"))
        return brace(w, f);
    if (w->text.p[w->at] == '\0')
        return fault_set(f, "%s:%u: there is a NUL byte: this is no text file", w->name, w->line);
    if (starts(w, "#") || starts(w, "//"))
        pass(w, "\n", false);
    else
        step(w);
    return true;
}

bool shape_check(const char *name, struct str text, struct fault *f)
{
    struct walk w = {.name = name, .text = text, .line = 1};
    while (w.at < text.n)
        if (!one(&w, f))
            return false;
    return w.depth == 0 || fault_set(f, "%s:%u: the brace that opens here is never closed", name, w.open_line[w.depth - 1]);
}
