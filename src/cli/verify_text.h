/* verify_text: what `goniec verify` says (see catalogue.h); and the sentences of the room verify/ with their Polish. Private to
 * the room. */
#pragma once

#include "cli/common.h"

/* clang-format off: a row a line, however long */
#define VERIFY_TEXTS(ROW)                                                                                                        \
    ROW(SPF_WHAT, "SPF: may this machine send for this domain?", "SPF: czy ta maszyna może wysyłać w imieniu tej domeny?")       \
    ROW(SPF_FOR, "A domain lists in DNS who may send mail in its name. Asked about:",                                            \
        "Domena podaje w DNS, kto może wysyłać pocztę w jej imieniu. Pytanie o:")                                                \
    ROW(SPF_FROM, "and the sending machine", "i maszynę wysyłającą")                                                             \
    ROW(SPF_HELO, "(the name the machine gave itself, because the mail has no sender)",                                          \
        "(nazwa, którą przedstawiła się maszyna, bo poczta nie ma nadawcy)")                                                     \
    ROW(STEPS, "What was looked at, in order:", "Co sprawdzono, po kolei:")                                                      \
    ROW(SPF_NONE, "nothing can be said", "nie da się nic powiedzieć")                                                            \
    ROW(SPF_NEUTRAL, "the domain says neither yes nor no", "domena nie mówi ani tak, ani nie")                                   \
    ROW(SPF_PASS, "yes, the domain allows this machine", "tak, domena na to pozwala")                                            \
    ROW(SPF_FAIL, "no, the domain says that this machine may not", "nie, domena mówi, że tej maszynie nie wolno")                \
    ROW(SPF_SOFTFAIL, "probably not: the domain is not sure that its list is complete",                                          \
        "raczej nie: domena nie jest pewna, czy jej lista jest pełna")                                                           \
    ROW(SPF_TEMPERROR, "not known: DNS could not be asked, try again later",                                                     \
        "nie wiadomo: nie udało się zapytać DNS, spróbuj później")                                                               \
    ROW(SPF_PERMERROR, "not known: the domain's list has a mistake in it", "nie wiadomo: lista domeny zawiera błąd")             \
    ROW(TERM_ALL, "everybody else", "wszyscy pozostali")                                                                         \
    ROW(TERM_INCLUDE, "whoever that domain allows", "każdy, komu pozwala tamta domena")                                          \
    ROW(TERM_A, "the machines of that name", "maszyny o tej nazwie")                                                             \
    ROW(TERM_MX, "the servers that take mail for the domain", "serwery przyjmujące pocztę domeny")                               \
    ROW(TERM_PTR, "machines whose own names belong to the domain", "maszyny, których nazwy należą do domeny")                    \
    ROW(TERM_IP, "this address, or network", "ten adres albo sieć")                                                              \
    ROW(TERM_EXISTS, "those for whom a name made for the purpose exists", "ci, dla których istnieje ułożona w tym celu nazwa")   \
    ROW(TERM_REDIRECT, "another domain decides", "rozstrzyga inna domena")                                                       \
    ROW(MAY, "they may send", "wolno im wysyłać")                                                                                \
    ROW(MAY_NOT, "they may not", "nie wolno im")                                                                                 \
    ROW(SHOULD_NOT, "they probably may not", "raczej nie wolno im")                                                              \
    ROW(UNSAID, "nothing is said of them", "nic o nich nie mówi")                                                                \
    ROW(DECIDED, "decided by", "rozstrzygnął wpis")                                                                              \
    ROW(OWNER_SAYS, "the domain's own words", "słowa właściciela domeny")                                                        \
    ROW(DKIM_WHAT, "DKIM: who signed the message, and is it as it was then?",                                                    \
        "DKIM: kto podpisał wiadomość i czy jest taka, jak wtedy?")                                                              \
    ROW(DKIM_NONE, "nobody signed it", "nikt jej nie podpisał")                                                                  \
    ROW(SIGNED_BY, "signed by", "podpis domeny")                                                                                 \
    ROW(DKIM_UNREADABLE, "a signature that cannot be read", "podpis, którego nie da się odczytać")                               \
    ROW(KEY_AT, "key in DNS at", "klucz w DNS pod nazwą")                                                                        \
    ROW(GOOD, "good: it was not changed since", "dobry: od tej pory nic nie zmieniono")                                          \
    ROW(PARTIAL, "(only the beginning of the body is signed: anybody may have added to it)",                                     \
        "(podpisany jest tylko początek treści: każdy mógł coś dopisać)")                                                        \
    ROW(TESTING, "(its owner says that it is only a trial)", "(właściciel mówi, że to tylko próba)")                             \
    ROW(DMARC_WHAT, "DMARC: is the sender that people see the one who vouches for it?",                                          \
        "DMARC: czy nadawca, którego widać, to ten, kto za wiadomość ręczy?")                                                    \
    ROW(AUTHOR, "People see a sender of the domain", "Widać nadawcę z domeny")                                                   \
    ROW(DMARC_NONE, "nothing can be said", "nie da się nic powiedzieć")                                                          \
    ROW(DMARC_PASS, "yes", "tak")                                                                                                \
    ROW(DMARC_FAIL, "no", "nie")                                                                                                 \
    ROW(DMARC_TEMPERROR, "not known: DNS could not be asked, try again later",                                                   \
        "nie wiadomo: nie udało się zapytać DNS, spróbuj później")                                                               \
    ROW(DMARC_PERMERROR, "not known", "nie wiadomo")                                                                             \
    ROW(BY_SPF, "the domain that SPF allowed belongs to it", "domena, na którą zgodził się SPF, należy do niej")                 \
    ROW(BY_DKIM, "a domain with a good signature belongs to it", "domena z dobrym podpisem należy do niej")                      \
    ROW(YES, "yes", "tak")                                                                                                       \
    ROW(NO, "no", "nie")                                                                                                         \
    ROW(ASKS, "what its owner asks for when the answer is no", "o co prosi właściciel, gdy odpowiedź brzmi nie")                 \
    ROW(ASKS_NONE, "to do nothing about it (none)", "żeby nic z tym nie robić (none)")                                           \
    ROW(ASKS_QUARANTINE, "to treat it as suspicious (quarantine)", "żeby traktować jako podejrzane (quarantine)")                \
    ROW(ASKS_REJECT, "to refuse it (reject)", "żeby odmówić przyjęcia (reject)")                                                 \
    ROW(OWNER_ASKS, "its owner asks", "właściciel prosi,")                                                                       \
    ROW(RECORD_OF, "published by", "ogłasza to")                                                                                 \
    ROW(ARC_WHAT, "ARC: what did servers that passed it on vouch for?", "ARC: za co ręczą serwery, które ją przekazały?")        \
    ROW(ARC_NONE, "none of them put a seal on it", "żaden nie przyłożył pieczęci")                                               \
    ROW(ARC_PASS, "all seals hold; how many:", "wszystkie pieczęcie są dobre; ile:")                                             \
    ROW(ARC_FAIL, "the chain of seals is broken", "łańcuch pieczęci jest przerwany")                                             \
    ROW(ARC_TEMPERROR, "not known: DNS could not be asked, try again later",                                                     \
        "nie wiadomo: nie udało się zapytać DNS, spróbuj później")                                                               \
    ROW(NEWEST, "the newest by", "najnowsza:")                                                                                   \
    ROW(CHECKED, "checked as it came in:", "sprawdzono przy przyjęciu:")

/* Each sentence of verify/ that may be shown, with its Polish; "*" stands for what differs from case to case. */
#define VERIFY_PHRASES(ROW)                                                                                                      \
    ROW("the record", "rekord domeny")                                                                                           \
    ROW("matches", "pasuje")                                                                                                     \
    ROW("does not match", "nie pasuje")                                                                                          \
    ROW("cannot be evaluated", "nie da się sprawdzić")                                                                           \
    ROW("goes on there", "dalej decyduje tamta domena")                                                                          \
    ROW("* has * SPF records, one is allowed (RFC 7208 4.5)", "* ma * rekordy SPF, a wolno mieć jeden (RFC 7208 4.5)")           \
    ROW("* has more than ten mail hosts (RFC 7208 4.6.4)", "* ma ponad dziesięć serwerów poczty (RFC 7208 4.6.4)")               \
    ROW("the included * has no SPF record", "włączana domena * nie ma rekordu SPF")                                              \
    ROW("* has no SPF record", "* nie ma rekordu SPF")                                                                           \
    ROW("\"*\" is not a domain", "„*” to nie domena")                                                                            \
    ROW("DNS gave no answer about what would have made it pass", "DNS nie odpowiedział w sprawie tego, co by wystarczyło")       \
    ROW("DNS gave no answer about the key", "DNS nie odpowiedział w sprawie klucza")                                             \
    ROW("DNS gave no answer about the policy", "DNS nie odpowiedział w sprawie zasad")                                           \
    ROW("DNS gave no answer about *", "DNS nie odpowiedział w sprawie *")                                                        \
    ROW("DNS gave no answer", "DNS nie odpowiedział")                                                                            \
    ROW("has a domain that is not well formed", "ma źle zapisaną domenę")                                                        \
    ROW("has a prefix length that is out of bounds", "ma długość prefiksu spoza zakresu")                                        \
    ROW("has a value that is not well formed", "ma źle zapisaną wartość")                                                        \
    ROW("has an address that is not well formed", "ma źle zapisany adres")                                                       \
    ROW("is not a mechanism that exists", "to nie mechanizm SPF")                                                                \
    ROW("is one of too many", "jest jednym ze zbyt wielu")                                                                       \
    ROW("lacks its domain", "nie ma domeny")                                                                                     \
    ROW("stands there twice", "występuje dwa razy")                                                                              \
    ROW("takes nothing behind it", "nie może mieć nic za sobą")                                                                  \
    ROW("the record of * is wrong: \"*\" *", "rekord domeny * jest błędny: „*” *")                                               \
    ROW("more than ten terms ask DNS (RFC 7208 4.6.4)", "ponad dziesięć wpisów pyta DNS (RFC 7208 4.6.4)")                       \
    ROW("more than two look-ups found nothing (RFC 7208 4.6.4)", "ponad dwa pytania nic nie znalazły (RFC 7208 4.6.4)")          \
    ROW("the client's address is not known", "adres klienta nie jest znany")                                                     \
    ROW("a record", "jest rekord")                                                                                               \
    ROW("no record", "nie ma rekordu")                                                                                           \
    ROW("several records: none counts", "kilka rekordów: żaden się nie liczy")                                                   \
    ROW("the domain has no DMARC record", "domena nie ma rekordu DMARC")                                                         \
    ROW("the domain's record asks for nothing that is known", "rekord domeny nie prosi o nic znanego")                           \
    ROW("the message has no From field", "wiadomość nie ma pola From")                                                           \
    ROW("the message has several From fields", "wiadomość ma kilka pól From")                                                    \
    ROW("the From field has no address", "w polu From nie ma adresu")                                                            \
    ROW("the From field holds an address that is not well formed", "w polu From jest źle zapisany adres")                        \
    ROW("the From field names several domains", "pole From wymienia kilka domen")                                                \
    ROW("the message's header is longer than is looked at", "nagłówek wiadomości jest dłuższy, niż się sprawdza")                \
    ROW("the message signature of instance *: *", "podpis wiadomości nr *: *")                                                   \
    ROW("the seal of instance *: *", "pieczęć nr *: *")                                                                          \
    ROW("a field of the chain is missing: each instance has three", "w łańcuchu brakuje pola: każdy numer ma trzy")              \
    ROW("a field of the chain is not well formed, or its instance (i=) is not 1 to 50",                                          \
        "pole łańcucha jest źle zapisane albo jego numer (i=) nie jest od 1 do 50")                                              \
    ROW("an instance of the chain stands there twice", "numer w łańcuchu występuje dwa razy")                                    \
    ROW("it covers a seal, which seals do by themselves (RFC 8617 4.1.2)",                                                       \
        "obejmuje pieczęć, a to robią same pieczęcie (RFC 8617 4.1.2)")                                                          \
    ROW("it must say cv=pass", "powinna mówić cv=pass")                                                                          \
    ROW("the first seal must say cv=none", "pierwsza pieczęć powinna mówić cv=none")                                             \
    ROW("it names signed fields, which a seal must not (RFC 8617 4.1.3)",                                                        \
        "wymienia podpisane pola, czego pieczęci nie wolno (RFC 8617 4.1.3)")                                                    \
    ROW("it says that the chain was broken already", "mówi, że łańcuch był już przerwany")                                       \
    ROW("it does not match: a field of the chain was changed, or it is forged",                                                  \
        "nie zgadza się: zmieniono pole łańcucha albo jest sfałszowana")                                                         \
    ROW("it does not match: a signed header field was changed, or it is forged",                                                 \
        "nie zgadza się: zmieniono podpisane pole nagłówka albo jest sfałszowany")                                               \
    ROW("the signature does not match: a signed header field was changed, or it is forged",                                      \
        "podpis się nie zgadza: zmieniono podpisane pole nagłówka albo jest sfałszowany")                                        \
    ROW("it does not cover the From field (RFC 6376 5.4)", "nie obejmuje pola From (RFC 6376 5.4)")                              \
    ROW("it expires before it was made", "traci ważność, zanim powstał")                                                         \
    ROW("it holds a value that is not base64", "zawiera wartość, która nie jest w base64")                                       \
    ROW("it is not well formed", "zapis jest błędny")                                                                            \
    ROW("it lacks a part that is required (a, b, d or s)", "brakuje wymaganej części (a, b, d lub s)")                           \
    ROW("it lacks a part that is required (bh or h)", "brakuje wymaganej części (bh lub h)")                                     \
    ROW("it names more signed fields than are looked at", "wymienia więcej podpisanych pól, niż się sprawdza")                   \
    ROW("it uses SHA-1, which no longer counts (RFC 8301)", "używa SHA-1, a to już się nie liczy (RFC 8301)")                    \
    ROW("its algorithm is not known", "nieznany algorytm")                                                                       \
    ROW("its canonical form is not known", "jego postać kanoniczna jest nieznana")                                               \
    ROW("its domain or selector is not a name", "domena lub selektor to nie nazwa")                                              \
    ROW("its identity is not within its domain", "jego tożsamość nie należy do jego domeny")                                     \
    ROW("its key is not to be found by a method that is known", "jego klucz jest dostępny tylko nieznaną metodą")                \
    ROW("its length limit is longer than the body", "jego ograniczenie długości jest większe niż treść")                         \
    ROW("its length limit is not a number", "jego ograniczenie długości to nie liczba")                                          \
    ROW("its list of signed fields is not well formed", "jego lista podpisanych pól jest źle zapisana")                          \
    ROW("its time is not a number", "podany czas to nie liczba")                                                                 \
    ROW("its time of expiry is not a number", "jego termin ważności to nie liczba")                                              \
    ROW("its version is not known", "jego wersja jest nieznana")                                                                 \
    ROW("the body was changed after it was signed", "treść zmieniono po podpisaniu")                                             \
    ROW("the key in DNS is of another kind than the signature", "klucz w DNS jest innego rodzaju niż podpis")                    \
    ROW("the key is not for SHA-256", "klucz nie jest do SHA-256")                                                               \
    ROW("the key is not for e-mail", "klucz nie jest do poczty")                                                                 \
    ROW("the key is not for subdomains, and the identity is in one",                                                             \
        "klucz nie jest dla poddomen, a tożsamość jest w jednej z nich")                                                         \
    ROW("the key record in DNS has no key", "rekord klucza w DNS nie zawiera klucza")                                            \
    ROW("the key record in DNS is not well formed", "rekord klucza w DNS jest źle zapisany")                                     \
    ROW("the key record in DNS is of an unknown version", "rekord klucza w DNS jest w nieznanej wersji")                         \
    ROW("the key was revoked", "klucz unieważniono")                                                                             \
    ROW("the public key in DNS is not well formed", "klucz publiczny w DNS jest źle zapisany")                                   \
    ROW("the public key in DNS is of an unknown kind", "klucz publiczny w DNS jest nieznanego rodzaju")                          \
    ROW("the public key is longer than 8192 bits", "klucz publiczny ma ponad 8192 bity")                                         \
    ROW("the public key is shorter than 1024 bits", "klucz publiczny ma mniej niż 1024 bity")                                    \
    ROW("the signature has expired", "podpis stracił ważność")                                                                   \
    ROW("there are more signatures than are looked at", "podpisów jest więcej, niż się sprawdza")                                \
    ROW("there is no key in DNS under this selector", "w DNS nie ma klucza o tym selektorze")                                    \
    ROW("too many messages were being checked", "sprawdzano zbyt wiele wiadomości naraz")
/* clang-format on */

#define ROW(name, en, pl) VT_##name,
enum verify_text { VERIFY_TEXTS(ROW) };
#undef ROW

const char *verify_text(enum lang l, enum verify_text t);
