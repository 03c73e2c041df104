/* demand: see demand.h. The catalogue of its sentences' parts, in both languages a row each. %H stands for the host's name, %S
 * for the names in the certificate. */
#include "explain/demand.h"

#include <stdio.h>

enum { EN, PL, LANGUAGES };

/* Who demands. */
static const char *const by_text[][LANGUAGES] = {
    [BY_NOBODY] = {"this server wants", "ten serwer oczekuje"},
    [BY_OPERATOR] = {"this server's settings demand", "ustawienia tego serwera wymagają"},
    [BY_DANE] = {"the TLSA records (DANE) of %H demand", "rekordy TLSA (DANE) serwera %H wymagają"},
    [BY_STS] = {"the domain's MTA-STS policy demands", "polityka MTA-STS domeny wymaga"},
    [BY_STS_TESTING] = {"the domain's MTA-STS policy, which is being tested and keeps nothing back, asks for",
                        "polityka MTA-STS domeny, będąca w fazie testów i niczego nie wstrzymująca, wymaga"},
    [BY_SENDER] = {"the sender demands (REQUIRETLS)", "nadawca wymaga (REQUIRETLS)"},
};

/* What. In Polish it follows "wymagać", in the genitive. */
static const char *const level_text[][LANGUAGES] = {
    [SECURE_MAY] = {"a valid certificate for %H", "ważnego certyfikatu dla %H"}, /* of a policy that is being tested */
    [SECURE_NEVER] = {"a connection in the clear to %H", "nieszyfrowanego połączenia z %H"},
    [SECURE_ENCRYPTED] = {"an encrypted connection to %H", "szyfrowanego połączenia z %H"},
    [SECURE_VERIFIED] = {"a valid certificate for %H", "ważnego certyfikatu dla %H"},
    [SECURE_DANE] = {"a certificate that fits them", "pasującego do nich certyfikatu"},
};

static const char *const flaw_text[][LANGUAGES] = {
    [FLAW_NONE] = {"", ""},
    [FLAW_NOT_OFFERED] = {"; it does not offer TLS", "; serwer nie oferuje TLS"},
    [FLAW_REFUSED] = {"; it refuses to start TLS", "; serwer odmawia rozpoczęcia TLS"},
    [FLAW_HANDSHAKE] = {"; the TLS handshake failed", "; negocjacja TLS nie powiodła się"},
    [FLAW_NAME] = {"; it showed one for %S", "; serwer pokazał certyfikat dla %S"},
    [FLAW_EXPIRED] = {"; the one that it showed, for %S, is not valid at this time",
                      "; pokazany certyfikat, dla %S, jest teraz nieważny (wygasł lub jeszcze nie obowiązuje)"},
    [FLAW_UNTRUSTED] = {"; the one that it showed, for %S, is not signed by an authority that is trusted here",
                        "; pokazany certyfikat, dla %S, nie jest podpisany przez zaufany tu urząd certyfikacji"},
    [FLAW_TLSA] = {"; it showed one for %S that fits none", "; serwer pokazał certyfikat dla %S, który nie pasuje do żadnego"},
    [FLAW_NO_REQUIRETLS] = {" that passes this demand on; it does not offer REQUIRETLS",
                            " i przekazania tego wymagania dalej; serwer nie oferuje REQUIRETLS"},
    [FLAW_POLICY_FETCH] = {"; the policy cannot be fetched", "; polityki nie można pobrać"},
    [FLAW_POLICY_HOST] = {"; the policy's host shows no valid certificate", "; serwer polityki nie pokazuje ważnego certyfikatu"},
    [FLAW_POLICY_INVALID] = {"; the policy is malformed", "; polityka jest nieprawidłowa"},
    [FLAW_NOT_VOUCHED] = {", and that DNSSEC or the domain's MTA-STS policy vouches for this host; neither does",
                          " oraz potwierdzenia tego serwera przez DNSSEC lub politykę MTA-STS domeny; nie ma żadnego z nich"},
};

/* These are sentences of their own. */
static const char *const tlsa_unknown[LANGUAGES] = {
    "the TLSA records of %H cannot be looked up safely (DNSSEC), so nothing is sent to it (RFC 7672)",
    "nie można bezpiecznie (DNSSEC) sprawdzić rekordów TLSA serwera %H, więc nic nie jest do niego wysyłane (RFC 7672)"};
static const char *const not_listed[LANGUAGES] = {"the domain's MTA-STS policy does not list %H among its mail hosts (RFC 8461)",
                                                  "polityka MTA-STS domeny nie wymienia %H wśród jej serwerów poczty (RFC 8461)"};
static const char *const no_names[LANGUAGES] = {"no name", "żadnej nazwy"};

static void put(const char *form, const struct secure *s, struct str host, int l, struct buf *b)
{
    for (; *form; form++)
        if (form[0] == '%' && form[1] == 'H') {
            buf_add_str(b, host);
            form++;
        } else if (form[0] == '%' && form[1] == 'S') {
            buf_add_str(b, s->shown.n ? s->shown : str_of(no_names[l]));
            form++;
        } else {
            buf_add(b, form, 1);
        }
}

void demand_tell(const struct secure *s, struct str host, const char *language, struct buf *b)
{
    int l = strcmp(language, "pl") == 0 ? PL : EN;
    if (s->flaw == FLAW_NONE)
        return;
    if (s->flaw == FLAW_TLSA_UNKNOWN || s->flaw == FLAW_NOT_LISTED) {
        put(s->flaw == FLAW_NOT_LISTED ? not_listed[l] : tlsa_unknown[l], s, host, l, b);
        return;
    }
    put(by_text[s->by][l], s, host, l, b);
    buf_add_str(b, STR(" "));
    put(level_text[s->level][l], s, host, l, b);
    put(flaw_text[s->flaw][l], s, host, l, b);
}

const char *demand_by_name(enum secure_by by)
{
    static const char *const names[] = {[BY_NOBODY] = "", [BY_OPERATOR] = "settings",       [BY_DANE] = "dane",
                                        [BY_STS] = "sts", [BY_STS_TESTING] = "sts-testing", [BY_SENDER] = "sender"};
    return names[by];
}

const char *demand_flaw_name(enum secure_flaw flaw)
{
    static const char *const names[] = {[FLAW_NONE] = "",
                                        [FLAW_NOT_OFFERED] = "not-offered",
                                        [FLAW_REFUSED] = "refused",
                                        [FLAW_HANDSHAKE] = "handshake",
                                        [FLAW_NAME] = "name",
                                        [FLAW_EXPIRED] = "expired",
                                        [FLAW_UNTRUSTED] = "untrusted",
                                        [FLAW_TLSA] = "tlsa",
                                        [FLAW_TLSA_UNKNOWN] = "tlsa-unknown",
                                        [FLAW_NOT_LISTED] = "not-listed",
                                        [FLAW_NO_REQUIRETLS] = "no-requiretls",
                                        [FLAW_POLICY_FETCH] = "policy-fetch",
                                        [FLAW_POLICY_HOST] = "policy-host",
                                        [FLAW_POLICY_INVALID] = "policy-invalid",
                                        [FLAW_NOT_VOUCHED] = "not-vouched"};
    return names[flaw];
}

/* ---- as a note: "BY LEVEL FLAW HOST NAMES", the first three as numbers ---- */

void demand_note(const struct secure *s, struct str host, char out[NOTE_MAX])
{
    char detail[NOTE_MAX];
    bool final = s->by == BY_SENDER && s->flaw != FLAW_HANDSHAKE;
    enum note n = s->flaw == FLAW_TLSA_UNKNOWN ? NOTE_NO_TLSA : final ? NOTE_NO_REQUIRETLS : NOTE_DEMAND;
    snprintf(detail, sizeof detail, "%d %d %d %.*s %.*s", (int)s->by, (int)s->level, (int)s->flaw, STR_ARGS(host),
             STR_ARGS(s->shown));
    note_put(out, n, detail);
}

static bool take_number(struct str *s, uint64_t most, unsigned *ret)
{
    uint64_t v;
    bool good = str_to_u64(str_split(s, ' '), most, &v);
    *ret = good ? (unsigned)v : 0;
    return good;
}

void demand_tell_note(struct str detail, const char *language, struct buf *b)
{
    unsigned by, level, flaw;
    struct str rest = detail;
    if (!take_number(&rest, BY_SENDER, &by) || !take_number(&rest, SECURE_DANE, &level) ||
        !take_number(&rest, FLAW_LAST, &flaw) || !rest.p) {
        buf_add_str(b, detail);
        return;
    }
    struct str host = str_split(&rest, ' ');
    const struct secure s = {(enum secure_level)level, (enum secure_by)by, (enum secure_flaw)flaw, rest.p ? rest : STR("")};
    demand_tell(&s, host, language, b);
}
