/* reports_text: every sentence of `goniec reports`, in both languages, a row each: one without the other cannot compile. Written
 * for somebody who has never seen such a report. Private to the room. */
#pragma once

#include "cli/common.h"

/* clang-format off: a row a line, however long */
#define REPORTS_TEXTS(ROW)                                                                                                              \
    ROW(KIND_0, "mail (DMARC)", "poczta (DMARC)")                                                                                       \
    ROW(KIND_1, "encryption (TLS)", "szyfrowanie (TLS)")                                                                                \
    ROW(MESSAGES, "messages", "wiadomości")                                                                                             \
    ROW(SESSIONS, "connections", "połączenia")                                                                                          \
    ROW(TO, "to", "do")                                                                                                                 \
    ROW(ADDED, "added", "dodano")                                                                                                       \
    ROW(KNOWN, "was here already: it counts once", "już tu był: liczy się raz")                                                         \
    ROW(LEFT_OUT,                                                                                                                       \
        "rows that could not be read and are not counted:", "wierszy, których nie dało się odczytać i które się nie liczą:")            \
    ROW(NO_NAME, "(unnamed)", "(bez nazwy)")                                                                                            \
    ROW(NO_DOMAIN, "(names no domain)", "(nie podaje domeny)")                                                                          \
    ROW(NO_REPORTS,                                                                                                                     \
        "there are no reports yet. Servers that get mail from a domain send them once a day to the address in its DMARC record "        \
        "(goniec domain add prints it); files are read in with: goniec reports add FILE",                                               \
        "nie ma jeszcze raportów. Serwery, które dostają pocztę z domeny, wysyłają je raz dziennie na adres z jej rekordu "       \
        "DMARC (wypisuje go goniec domain add); pliki wczytuje: goniec reports add PLIK")                                               \
    ROW(NONE_OF, "there are no reports on", "nie ma raportów o domenie")                                                                \
    ROW(HEAD, "mail with a sender in this domain, as other servers saw it",                                                             \
        "poczta z nadawcą w tej domenie, oczami innych serwerów")                                                                       \
    ROW(REPORTS, "reports", "raporty")                                                                                                  \
    ROW(FROM, "from", "od")                                                                                                             \
    ROW(OTHERS, "and others", "i innych")                                                                                               \
    ROW(PROVEN, "proven", "potwierdzone")                                                                                               \
    ROW(PROVEN_IS, "really from the domain: SPF or DKIM says so", "naprawdę z tej domeny: mówi to SPF albo DKIM")                       \
    ROW(UNPROVEN, "unproven", "niepotwierdzone")                                                                                        \
    ROW(UNPROVEN_IS, "neither says so: forged, or sent in a way that is not set up",                                                    \
        "żadne tego nie mówi: podrobione albo wysłane sposobem, który nie jest skonfigurowany")                                         \
    ROW(RULE, "your rule", "Twoja zasada")                                                                                              \
    ROW(RULE_NONE, "receivers only report unproven mail and deliver it as ever",                                                        \
        "odbiorcy tylko raportują niepotwierdzoną pocztę, a doręczają ją jak zawsze")                                                   \
    ROW(RULE_QUARANTINE, "receivers put unproven mail into the spam folder",                                                            \
        "odbiorcy wkładają niepotwierdzoną pocztę do spamu")                                                                            \
    ROW(RULE_REJECT, "receivers refuse unproven mail", "odbiorcy odrzucają niepotwierdzoną pocztę")                                     \
    ROW(RULE_UNKNOWN, "the reports do not tell it", "raporty jej nie podają")                                                           \
    ROW(GLOSSARY,                                                                                                                       \
        "SPF: the message came from a server that the domain's DNS lists. DKIM: it bears a seal that can be made only with the "        \
        "domain's key. One of the two is enough, if it is for the domain in the From line.",                                            \
        "SPF: wiadomość przyszła z serwera, który jest na liście w DNS domeny. DKIM: ma pieczęć, którą można zrobić tylko "  \
        "kluczem domeny. Wystarczy jedno z dwóch, jeśli dotyczy domeny z pola Od.")                                                     \
    ROW(WHOSE_0, "This server", "Ten serwer")                                                                                           \
    ROW(WHOSE_1, "Your mail, passed on by others", "Twoja poczta, przekazana przez innych")                                             \
    ROW(WHOSE_2, "Other servers that the domain lets send", "Inne serwery, którym domena pozwala wysyłać")                              \
    ROW(WHOSE_3, "Strangers, and what is not set up", "Obcy i to, co nie jest skonfigurowane")                                          \
    ROW(WHOSE_IS_0, "What this goniec sent.", "To, co wysłał ten goniec.")                                                              \
    ROW(WHOSE_IS_1,                                                                                                                     \
        "Mailing lists and forwarded mailboxes: the message comes from their server, which SPF does not know; the seal tells "          \
        "that it is yours, unless they changed the text.",                                                                              \
        "Listy dyskusyjne i przekierowane skrzynki: wiadomość przychodzi z ich serwera, którego SPF nie zna; że jest Twoja, "       \
        "mówi pieczęć, o ile nie zmienili treści.")                                                                                     \
    ROW(WHOSE_IS_2, "Office mail, newsletter or shop services, for example. They proved that the domain allows it.",                    \
        "Na przykład poczta biurowa, usługa newslettera albo sklepu. Dowiodły, że domena na to pozwala.")                               \
    ROW(WHOSE_IS_3, "Either somebody forges the domain, or a service of yours sends without its seal (DKIM) and is not in SPF.",        \
        "Albo ktoś podszywa się pod domenę, albo Twoja usługa wysyła bez pieczęci (DKIM) i nie ma jej w SPF.")                          \
    ROW(DELIVERED, "delivered", "doręczone")                                                                                            \
    ROW(QUARANTINED, "to spam", "do spamu")                                                                                             \
    ROW(REJECTED, "refused", "odrzucone")                                                                                               \
    ROW(ALSO_AS, "shows itself as", "przedstawia się jako")                                                                             \
    ROW(EXCEPTION, "a receiver made an exception:", "odbiorca zrobił wyjątek:")                                                         \
    ROW(UNKNOWN_IP, "(no address told)", "(bez adresu)")                                                                                \
    ROW(MORE, "more addresses:", "dalsze adresy:")                                                                                      \
    ROW(DO, "what to do", "co zrobić")                                                                                                  \
    ROW(DO_NOTHING, "nothing", "nic")                                                                                                   \
    ROW(DO_OURS,                                                                                                                        \
        "some of your own mail is unproven, and receivers may take it for forged: goniec domain check shows which record is "           \
        "missing",                                                                                                                      \
        "część Twojej własnej poczty jest niepotwierdzona i odbiorcy mogą ją brać za podrobioną: goniec domain check pokaże, " \
        "którego rekordu brakuje")                                                                                                      \
    ROW(DO_FORWARDED,                                                                                                                   \
        "nothing now; but with p=reject the unproven part of it would be refused: those lists should rewrite the From line",            \
        "na razie nic; ale przy p=reject niepotwierdzona część zostałaby odrzucona: takie listy powinny zmieniać pole Od")              \
    ROW(DO_SERVICE,                                                                                                                     \
        "nothing, if you know them all. One that you do not know sends with your consent in DNS: take it out of the SPF "               \
        "record, or delete the record of its DKIM key",                                                                                 \
        "nic, jeśli znasz je wszystkie. Nieznany wysyła za zgodą Twojego DNS: usuń go z rekordu SPF albo usuń rekord jego "        \
        "klucza DKIM")                                                                                                                  \
    ROW(DO_STRANGER,                                                                                                                    \
        "look through the addresses. What is yours: switch on DKIM there, for this domain, and check again in a week. When "            \
        "only strangers are left, make the DMARC record stricter: p=quarantine, and after some quiet weeks p=reject",                   \
        "przejrzyj adresy. Co jest Twoje: włącz tam DKIM dla tej domeny i zajrzyj tu za tydzień. Gdy zostaną sami obcy, "           \
        "zaostrz rekord DMARC: p=quarantine, a po kilku spokojnych tygodniach p=reject")                                                \
    ROW(DO_STRANGER_STRICT,                                                                                                             \
        "nothing, if none of the addresses is yours: receivers keep this mail from people, as your rule says. What is yours: "          \
        "switch on DKIM there, for this domain",                                                                                        \
        "nic, jeśli żaden z adresów nie jest Twój: odbiorcy nie dopuszczają tej poczty do ludzi, jak mówi Twoja zasada. Co "      \
        "jest Twoje: włącz tam DKIM dla tej domeny")                                                                                    \
    ROW(DO_STRICTER,                                                                                                                    \
        "All mail is proven. The rule may be stricter, so that nobody can forge the domain: p=quarantine in the DMARC record, "         \
        "and after some quiet weeks p=reject",                                                                                          \
        "Cała poczta jest potwierdzona. Zasada może być ostrzejsza, żeby nikt nie mógł się podszyć: p=quarantine w rekordzie "  \
        "DMARC, a po kilku spokojnych tygodniach p=reject")                                                                             \
    ROW(TLS_HEAD, "encryption of mail on its way to it, as other servers saw it",                                                       \
        "szyfrowanie poczty w drodze do niej, oczami innych serwerów")                                                                  \
    ROW(TLS_OK, "encrypted", "szyfrowane")                                                                                              \
    ROW(TLS_FAILED, "failed", "nieudane")                                                                                               \
    ROW(TLS_FAILED_IS, "the mail waited or came without encryption", "poczta czekała albo przyszła bez szyfrowania")                    \
    ROW(POLICY, "policy", "zasada")                                                                                                     \
    ROW(POLICY_STS, "MTA-STS: the domain asks for encryption to a checked certificate",                                                 \
        "MTA-STS: domena żąda szyfrowania ze sprawdzonym certyfikatem")                                                                 \
    ROW(POLICY_TLSA, "DANE: the certificate is fixed in DNS", "DANE: certyfikat jest zapisany w DNS")                                   \
    ROW(POLICY_NONE, "none was found: encryption when both can, without a check of the certificate",                                    \
        "nie znaleziono: szyfrowanie, gdy oba serwery umieją, bez sprawdzania certyfikatu")                                             \
    ROW(POLICY_OTHER, "one that is not known", "nieznana")                                                                              \
    ROW(TLS_AT, "at", "na serwerze")                                                                                                    \
    ROW(TLS_SAID, "in the reporter's words", "słowami zgłaszającego")                                                                   \
    ROW(TLS_WHAT_0, "the server did not offer encryption (STARTTLS)", "serwer nie zaproponował szyfrowania (STARTTLS)")                 \
    ROW(TLS_DO_0, "give the server a certificate and switch STARTTLS on; if it is on, something between the servers strips it",         \
        "daj serwerowi certyfikat i włącz STARTTLS; jeśli jest włączony, coś między serwerami go wycina")                               \
    ROW(TLS_WHAT_1, "the certificate is for another name than the server's", "certyfikat jest na inną nazwę niż serwera")               \
    ROW(TLS_DO_1, "get a certificate for the very name in the MX record",                                                               \
        "uzyskaj certyfikat na dokładnie tę nazwę, która stoi w rekordzie MX")                                                          \
    ROW(TLS_WHAT_2, "the certificate has expired", "certyfikat wygasł")                                                                 \
    ROW(TLS_DO_2, "renew it, have that done automatically, and have the server read it again",                                          \
        "odnów go, zrób to automatycznie i niech serwer wczyta go na nowo")                                                             \
    ROW(TLS_WHAT_3, "the certificate is of an issuer that is not trusted", "certyfikat wystawił ktoś, komu się nie ufa")                \
    ROW(TLS_DO_3, "take one from a public issuer and let the server send the certificates in between too (the full chain)",             \
        "weź certyfikat od publicznego wystawcy i niech serwer wysyła też certyfikaty pośrednie (pełny łańcuch)")                       \
    ROW(TLS_WHAT_4, "the encryption could not be set up or checked", "szyfrowania nie udało się zestawić albo sprawdzić")               \
    ROW(TLS_DO_4, "look whether the server takes TLS 1.2 or newer, and whether its certificate is whole",                               \
        "sprawdź, czy serwer przyjmuje TLS 1.2 lub nowszy i czy jego certyfikat jest cały")                                             \
    ROW(TLS_WHAT_5, "the TLSA record (DANE) does not fit the certificate", "rekord TLSA (DANE) nie pasuje do certyfikatu")              \
    ROW(TLS_DO_5, "publish the TLSA record of the certificate in use, the next one's before it is changed",                             \
        "opublikuj rekord TLSA używanego certyfikatu, a następnego, zanim go zmienisz")                                                 \
    ROW(TLS_WHAT_6, "the DNS signatures (DNSSEC) of the domain are broken", "podpisy DNS (DNSSEC) domeny są uszkodzone")                \
    ROW(TLS_DO_6, "have the company that keeps the DNS sign it anew; until then mail may not arrive at all",                            \
        "niech firma prowadząca DNS podpisze go na nowo; do tego czasu poczta może w ogóle nie dochodzić")                              \
    ROW(TLS_WHAT_7, "the sender insists on DANE, and the server has no TLSA record that can be checked",                                \
        "nadawca żąda DANE, a serwer nie ma rekordu TLSA, który da się sprawdzić")                                                      \
    ROW(TLS_DO_7, "publish a TLSA record in a zone signed with DNSSEC, or ask the sender to do without",                                \
        "opublikuj rekord TLSA w strefie podpisanej DNSSEC albo poproś nadawcę, by z tego zrezygnował")                                 \
    ROW(TLS_WHAT_8, "the MTA-STS policy file could not be fetched", "nie udało się pobrać pliku z zasadą MTA-STS")                      \
    ROW(TLS_DO_8, "open https://mta-sts.DOMAIN/.well-known/mta-sts.txt: it must come over HTTPS, without a redirection",                \
        "otwórz https://mta-sts.DOMENA/.well-known/mta-sts.txt: musi przyjść po HTTPS, bez przekierowania")                             \
    ROW(TLS_WHAT_9, "the MTA-STS policy file has mistakes, or does not fit the MX records",                                             \
        "plik z zasadą MTA-STS ma błędy albo nie pasuje do rekordów MX")                                                                \
    ROW(TLS_DO_9, "compare it with what goniec domain add prints, and change id= in the DNS record afterwards",                         \
        "porównaj go z tym, co wypisuje goniec domain add, a potem zmień id= w rekordzie DNS")                                          \
    ROW(TLS_WHAT_10, "the web server of the MTA-STS policy has a certificate that is not trusted",                                      \
        "serwer WWW z zasadą MTA-STS ma certyfikat, któremu się nie ufa")                                                               \
    ROW(TLS_DO_10, "give mta-sts.DOMAIN a valid certificate of a public issuer",                                                        \
        "daj nazwie mta-sts.DOMENA ważny certyfikat publicznego wystawcy")                                                              \
    ROW(TLS_WHAT_11, "a failure of another kind", "błąd innego rodzaju")                                                                \
    ROW(TLS_DO_11, "ask the reporter, if it goes on", "zapytaj zgłaszającego, jeśli się powtarza")
/* clang-format on */

#define ROW(name, en, pl) RT_##name,
enum reports_text { REPORTS_TEXTS(ROW) };
#undef ROW

const char *reports_text(enum lang l, enum reports_text t);
