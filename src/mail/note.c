/* note: see note.h. */
#include "mail/note.h"

#include <stdio.h>

#define NOTE_ROW(name, word) word,
static const char *const words[NOTE_COUNT] = {"", NOTES(NOTE_ROW)};
#undef NOTE_ROW

const char *note_word(enum note n) { return words[n]; }

void note_put(char out[NOTE_MAX], enum note n, const char *detail)
{
    snprintf(out, NOTE_MAX, "%s%s%s", words[n], *detail ? " " : "", detail);
}

enum note note_take(struct str text, struct str *ret_detail)
{
    struct str rest = text, word = str_split(&rest, ' ');
    *ret_detail = rest.p ? rest : STR("");
    for (unsigned n = NOTE_NONE + 1; n < NOTE_COUNT; n++)
        if (str_eq(word, str_of(words[n])))
            return (enum note)n;
    *ret_detail = text;
    return NOTE_NONE;
}
