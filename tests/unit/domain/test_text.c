/* Both catalogues of the room: each sentence is there in both languages, and neither is the other's copy. */
#include "domain/reports_text.h"
#include "domain/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Names and words that are the same in both. */
static bool may_be_alike(const char *text)
{
    static const char *const words[] = {"", "DKIM"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static void check(const char *en, const char *pl)
{
    if (!en || !pl || (strcmp(en, pl) == 0 && !may_be_alike(en)) || (*en == '\0') != (*pl == '\0'))
        fail_msg("\"%s\" and \"%s\"", en, pl);
    if (strchr(en, '%') || strchr(pl, '%'))
        fail_msg("a text is no format: %s", en);
}

static void every_sentence_is_there_in_both_languages(void **state)
{
    (void)state;
#define COUNT(name, en, pl) +1
    for (int i = 0; i < REPORTS_TEXTS(COUNT); i++)
        check(reports_text(LANG_EN, (enum reports_text)i), reports_text(LANG_PL, (enum reports_text)i));
    for (int i = 0; i < DOMAIN_TEXTS(COUNT); i++)
        check(domain_text(LANG_EN, (enum domain_text)i), domain_text(LANG_PL, (enum domain_text)i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_sentence_is_there_in_both_languages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
