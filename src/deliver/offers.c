/* offers: see offers.h. A keyword given twice counts as given; a parameter that does not parse counts as absent. */
#include "deliver/offers.h"

#include <stddef.h>

/* Keywords that only say "yes", and where the answer is kept. */
static const struct {
    const char *word;
    size_t      at;
} flags[] = {
    {"PIPELINING", offsetof(struct offers, pipelining)}, {"8BITMIME", offsetof(struct offers, eightbit)},
    {"SMTPUTF8", offsetof(struct offers, smtputf8)},     {"DSN", offsetof(struct offers, dsn)},
    {"CHUNKING", offsetof(struct offers, chunking)},     {"STARTTLS", offsetof(struct offers, starttls)},
    {"SIZE", offsetof(struct offers, size)},
};

static void mechanisms(struct offers *o, struct str list)
{
    while (list.p) {
        struct str word = str_split(&list, ' ');
        o->auth_plain |= str_eq_nocase(word, STR("PLAIN"));
        o->auth_login |= str_eq_nocase(word, STR("LOGIN"));
    }
}

static void keyword(struct offers *o, struct str line)
{
    struct str rest = line;
    struct str word = str_split(&rest, ' ');
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (str_eq_nocase(word, str_of(flags[i].word)))
            *(bool *)((char *)o + flags[i].at) = true;
    if (str_eq_nocase(word, STR("SIZE")) && !str_to_u64(str_trim(rest), UINT64_MAX, &o->size_max))
        o->size_max = 0;
    /* "AUTH=LOGIN PLAIN" is how it was written before RFC 2554; servers still send both forms. */
    if (str_eq_nocase(word, STR("AUTH")))
        mechanisms(o, rest);
    else if (str_starts_nocase(line, STR("AUTH=")))
        mechanisms(o, str_mem(line.p + 5, line.n - 5));
}

struct offers offers_parse(struct str text)
{
    struct offers o = {0};
    str_split(&text, '\n');
    while (text.p)
        keyword(&o, str_trim(str_split(&text, '\n')));
    return o;
}
