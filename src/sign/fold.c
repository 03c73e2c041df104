/* fold: see fold.h. */
#include "sign/fold.h"

enum { LINE_MOST = 78 /* RFC 5322 2.1.1 */ };

static void next_line(struct fold *f)
{
    buf_add_str(f->b, STR("\r\n "));
    f->column = 1;
}

void fold_word(struct fold *f, const char *gap, struct str word)
{
    size_t n = strlen(gap);
    if (f->column + n + word.n > LINE_MOST && f->column > 1) {
        next_line(f);
    } else {
        buf_add(f->b, gap, n);
        f->column += n;
    }
    buf_add_str(f->b, word);
    f->column += word.n;
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
    struct buf word = {0};
    buf_addf(&word, "%s=%.*s;", name, STR_ARGS(value));
    fold_word(f, gap, buf_str(&word));
    buf_done(&word);
}
