/* catalogue: sentences in both languages. A room lists its own in a macro, a row each, TEXTS(ROW): ROW(NAME, "English",
 * "Polish"), so that one language without the other cannot compile; its header names them in an enum with a prefix of its own;
 * and one file says CATALOGUE(text, TEXTS) to have the function that reads them. */
#pragma once

#include "cli/command.h"

#define CATALOGUE_PAIR(name, en, pl) {en, pl},

/* Defines const char *FUNCTION(enum lang l, enum FUNCTION t): the sentence, a literal. */
#define CATALOGUE(function, TEXTS)                                                                                               \
    const char *function(enum lang l, enum function t)                                                                           \
    {                                                                                                                            \
        static const char *const pairs[][2] = {TEXTS(CATALOGUE_PAIR)};                                                           \
        return pairs[t][l];                                                                                                      \
    }
