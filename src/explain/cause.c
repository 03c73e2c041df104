/* cause: see cause.h. The tables are rules/causes.txt and rules/codes.txt, compiled; here they are looked up. */
#include "explain/cause.h"

#include "explain/rulebook.h"

#include <stdio.h>

const struct cause *cause_at(unsigned i) { return i < rulebook_causes ? &rulebook_cause[i] : NULL; }

const struct cause *cause_find(struct str name)
{
    for (unsigned i = 0; i < rulebook_causes; i++)
        if (str_eq(name, str_of(rulebook_cause[i].name)))
            return &rulebook_cause[i];
    return NULL;
}

const char *whose_text(enum whose w, const char *lang)
{
    static const char *const texts[][2] = {
        [WHOSE_UNKNOWN] = {"not clear", "nie wiadomo"},
        [WHOSE_RECIPIENT] = {"the recipient's address or mailbox", "adres lub skrzynka odbiorcy"},
        [WHOSE_SENDER_CONTENT] = {"the content of the message", "treść wiadomości"},
        [WHOSE_SENDER_AUTH] = {"the settings of the sender's domain or server", "ustawienia domeny lub serwera nadawcy"},
        [WHOSE_SENDER_REPUTATION] = {"the reputation of the sending server or domain", "reputacja serwera lub domeny nadawcy"},
        [WHOSE_SENDER_VOLUME] = {"the amount of mail sent", "ilość wysyłanej poczty"},
        [WHOSE_RECEIVER] = {"the recipient's mail server", "serwer poczty odbiorcy"},
        [WHOSE_NETWORK] = {"the network between the servers", "sieć między serwerami"},
        [WHOSE_US] = {"this mail server", "ten serwer poczty"},
    };
    unsigned row = (unsigned)w < sizeof texts / sizeof texts[0] ? (unsigned)w : WHOSE_UNKNOWN;
    return texts[row][strcmp(lang, "pl") == 0];
}

const struct told *cause_for_sender(const struct cause *c, const char *lang)
{
    return strcmp(lang, "pl") == 0 ? &c->sender_pl : &c->sender_en;
}

const struct told *cause_for_postmaster(const struct cause *c, const char *lang)
{
    return strcmp(lang, "pl") == 0 ? &c->postmaster_pl : &c->postmaster_en;
}

const struct code_meaning *code_meaning_at(unsigned i) { return i < rulebook_meanings ? &rulebook_meaning[i] : NULL; }

static const struct code_meaning *meaning_named(const char *name)
{
    for (unsigned i = 0; i < rulebook_meanings; i++)
        if (strcmp(rulebook_meaning[i].name, name) == 0)
            return &rulebook_meaning[i];
    return NULL;
}

const struct code_meaning *code_meaning(int code)
{
    char name[16];
    snprintf(name, sizeof name, "%d", code);
    return meaning_named(name);
}

const struct code_meaning *enhanced_meaning(struct enhanced e)
{
    char name[16];
    snprintf(name, sizeof name, "x.%u.%u", e.subject, e.detail);
    return e.class ? meaning_named(name) : NULL;
}
