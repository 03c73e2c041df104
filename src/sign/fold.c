/* fold: see fold.h. */
#include "sign/fold.h"

enum { LINE_MOST = 78 /* RFC 5322 2.1.1 */ };

static void next_line(struct fold *f)
{
    buf_add_str(f->b, STR("\r\n "));
    f->column = 1;
}

/* The gap, or a new line where a word of `bytes` would not fit behind it; the column behind the word. */
static void before_word(struct fold *f, const char *gap, size_t bytes)
{
    size_t n = strlen(gap);
    if (f->column + n + bytes > LINE_MOST && f->column > 1) {
        next_line(f);
    } else {
        buf_add(f->b, gap, n);
        f->column += n;
    }
    f->column += bytes;
}

void fold_word(struct fold *f, const char *gap, struct str word)
{
    before_word(f, gap, word.n);
    buf_add_str(f->b, word);
}

void fold_loose(struct fold *f, struct str s)
{
    while (s.n > 0) {
        size_t room = f->column < LINE_MOST ? LINE_MOST - f->column : 0, take = s.n < room ? s.n : room;
        buf_add(f->b, s.p, take);
        f->column += take;
        s = str_mem(s.p + take, s.n - take);
        if (s.n)
            next_line(f);
    }
}

void fold_tag(struct fold *f, const char *gap, const char *name, struct str value)
{
    struct str n = str_of(name);
    before_word(f, gap, n.n + value.n + 2);
    buf_add_str(f->b, n);
    buf_add_str(f->b, STR("="));
    buf_add_str(f->b, value);
    buf_add_str(f->b, STR(";"));
}
