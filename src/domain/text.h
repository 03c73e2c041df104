/* text: every sentence of `goniec domain` (see cli/catalogue.h). Private to the room. */
#pragma once

#include "cli/common.h"

/* clang-format off: a row a line, however long */
#define DOMAIN_TEXTS(ROW)                                                                                                                 \
    ROW(KIND_0, "DKIM key: the seal", "Klucz DKIM: pieczęć")                                                                              \
    ROW(KIND_1, "SPF: who may send", "SPF: kto może wysyłać")                                                                             \
    ROW(KIND_2, "DMARC: the rule", "DMARC: zasada")                                                                                       \
    ROW(KIND_3, "Return path: where undeliverable mail comes back to", "Adres zwrotny: dokąd wraca niedoręczona poczta")                  \
    ROW(KIND_4, "SPF of the return path", "SPF adresu zwrotnego")                                                                         \
    ROW(KIND_5, "Tracking name", "Nazwa do śledzenia")                                                                                    \
    ROW(KIND_6, "TLS reports", "Raporty TLS")                                                                                             \
    ROW(KIND_7, "MTA-STS: mail to you comes encrypted", "MTA-STS: poczta do Ciebie przychodzi szyfrowana")                                \
    ROW(WHY_0,                                                                                                                            \
        "Each message is sealed with a secret key that stays on this server. Receivers fetch the public half from here and "              \
        "see that the message is yours and was not changed. Without it, mail is not signed.",                                             \
        "Każda wiadomość dostaje pieczęć z tajnego klucza, który zostaje na tym serwerze. Odbiorcy biorą stąd jego jawną "       \
        "połowę i "                                                                                                                     \
        "widzą, że wiadomość jest Twoja i nikt jej nie zmienił. Bez niego poczta nie jest podpisywana.")                                  \
    ROW(WHY_1,                                                                                                                            \
        "Says which servers send mail for the domain. There may be only one such record: if the domain has one already, add "             \
        "what stands between \"v=spf1\" and \"~all\" to it.",                                                                             \
        "Mówi, które serwery wysyłają pocztę z tej domeny. Może być tylko jeden taki rekord: jeśli domena już go ma, dopisz do " \
        "niego to, co stoi między \"v=spf1\" a \"~all\".")                                                                                \
    ROW(WHY_2,                                                                                                                            \
        "Says what receivers do with mail that only pretends to be from the domain, and where reports go. p=none changes "                \
        "nothing yet: it only asks for reports. A stricter policy of yours is fine.",                                                     \
        "Mówi, co odbiorcy robią z pocztą, która tylko udaje Twoją, i dokąd idą raporty. p=none niczego jeszcze nie zmienia: "     \
        "prosi "                                                                                                                          \
        "tylko o raporty. Ostrzejsza zasada też jest dobra.")                                                                             \
    ROW(WHY_3,                                                                                                                            \
        "Mail that cannot be delivered comes back to this name, to this server, which then knows what happened to it. Feedback "          \
        "loops of mail providers may be told to send complaints to fbl@ this name.",                                                      \
        "Poczta, której nie da się doręczyć, wraca pod tę nazwę, na ten serwer, który dzięki temu wie, co się z nią stało. "   \
        "Dostawcom poczty można podać adres fbl@ pod tą nazwą, aby tam przysyłali skargi (feedback loop).")                               \
    ROW(WHY_4, "The same as SPF above, for the return path: it is the name that receivers check.",                                        \
        "To samo co SPF powyżej, dla adresu zwrotnego: to tę nazwę sprawdzają odbiorcy.")                                                 \
    ROW(WHY_5,                                                                                                                            \
        "Only if links in your mail are to be counted: they lead through a name of yours then, not through a stranger's.",                \
        "Tylko jeśli odnośniki w Twojej poczcie mają być liczone: prowadzą wtedy przez Twoją nazwę, a nie przez obcą.")                   \
    ROW(WHY_6,                                                                                                                            \
        "Only if this server also receives mail for the domain. Asks other servers to report when encryption of mail to you "             \
        "failed.",                                                                                                                        \
        "Tylko jeśli ten serwer także odbiera pocztę domeny. Prosi inne serwery o raport, gdy szyfrowanie poczty do Ciebie się "      \
        "nie udało.")                                                                                                                     \
    ROW(WHY_7,                                                                                                                            \
        "Only if this server also receives mail for the domain. Needs the file below at the address below; give id another "              \
        "value whenever the file changes.",                                                                                               \
        "Tylko jeśli ten serwer także odbiera pocztę domeny. Wymaga poniższego pliku pod poniższym adresem; po każdej zmianie "     \
        "pliku zmień wartość id.")                                                                                                        \
    ROW(WHY_NEWER, "The same with a newer kind of key, beside the first: receivers take the one that they know.",                         \
        "To samo z kluczem nowszego rodzaju, obok pierwszego: odbiorcy biorą ten, który znają.")                                          \
    ROW(INTRO,                                                                                                                            \
        "Put these records where the DNS of the domain is kept (usually the company where you bought it). Many forms add the "            \
        "domain to a name themselves: then leave it out, and enter @ for the domain alone. Quotation marks are no part of a "             \
        "value. When the records are in, run: goniec domain check",                                                                       \
        "Wpisz te rekordy tam, gdzie jest DNS domeny (zwykle w firmie, w której ją kupiono). Wiele formularzy samo dopisuje "           \
        "domenę do nazwy: wtedy ją pomiń, a zamiast samej domeny wpisz @. Cudzysłowy nie należą do wartości. Gdy rekordy będą "  \
        "wpisane, uruchom: goniec domain check")                                                                                          \
    ROW(NEEDED, "needed", "konieczne")                                                                                                    \
    ROW(ADVISED, "advised", "zalecane")                                                                                                   \
    ROW(OPTIONAL, "optional", "niekonieczne")                                                                                             \
    ROW(NAME, "name", "nazwa")                                                                                                            \
    ROW(TYPE, "type", "typ")                                                                                                              \
    ROW(VALUE, "value", "wartość")                                                                                                        \
    ROW(PRIORITY, "priority", "priorytet")                                                                                                \
    ROW(STRINGS,                                                                                                                          \
        "(one value in several strings: enter all of them; a form that takes long values takes them as one, without the "                 \
        "quotation marks and the gaps between)",                                                                                          \
        "(jedna wartość w kilku częściach: wpisz wszystkie; formularz, który przyjmuje długie wartości, przyjmie je jako "         \
        "jedną, bez "                                                                                                                    \
        "cudzysłowów i przerw)")                                                                                                          \
    ROW(FILE, "file at", "plik pod adresem")                                                                                              \
    ROW(STATE_0, "right", "dobrze")                                                                                                       \
    ROW(STATE_1, "missing", "brak")                                                                                                       \
    ROW(STATE_2, "different", "inny")                                                                                                     \
    ROW(STATE_3, "leads elsewhere", "prowadzi gdzie indziej")                                                                             \
    ROW(STATE_4, "DNS did not answer", "DNS nie odpowiada")                                                                               \
    ROW(SHOULD, "should be", "powinno być")                                                                                               \
    ROW(IS, "is", "jest")                                                                                                                 \
    ROW(DIFF_0, "", "")                                                                                                                   \
    ROW(DIFF_1, "there are several, and one is allowed:", "jest ich kilka, a wolno mieć jeden:")                                          \
    ROW(DIFF_2, "the key is revoked: p= is empty", "klucz jest unieważniony: p= jest puste")                                              \
    ROW(DIFF_3, "the key is cut off: only its beginning is there, characters of how many:",                                               \
        "klucz jest ucięty: jest tylko jego początek, znaków z ilu:")                                                                     \
    ROW(DIFF_4, "there are quotation marks or backslashes in the value: enter it without them",                                           \
        "w wartości są cudzysłowy albo ukośniki: wpisz ją bez nich")                                                                      \
    ROW(DIFF_5, "the kind of key is another:", "rodzaj klucza jest inny:")                                                                \
    ROW(DIFF_6, "it is another key (enter the value once more); p= differs from this character on:",                                      \
        "to inny klucz (wpisz wartość jeszcze raz); p= różni się od tego znaku:")                                                         \
    ROW(DIFF_7, "it cannot be read, or lacks", "nie da się go odczytać albo brakuje")                                                     \
    ROW(DIFF_8, "it does not let this server send; put this before its end:",                                                             \
        "nie pozwala wysyłać temu serwerowi; dopisz przed jego końcem:")                                                                  \
    ROW(DIFF_9, "it leads to another server:", "prowadzi do innego serwera:")                                                             \
    ROW(DIFF_10, "it is there under a name with the domain twice: your form adds the domain itself, so enter as its name only",           \
        "jest pod nazwą z domeną podwójnie: Twój formularz sam dopisuje domenę, więc jako nazwę wpisz samo")                              \
    ROW(READY, "Ready: mail from this domain is sealed, and receivers can tell that it is yours.",                                        \
        "Gotowe: poczta z tej domeny ma pieczęć, po której odbiorcy poznają, że jest Twoja.")                                             \
    ROW(NOT_READY,                                                                                                                        \
        "Not ready: the records marked needed are not all there and right. A new record may take an hour to be seen: run this "           \
        "again then.",                                                                                                                    \
        "Jeszcze nie: nie wszystkie rekordy oznaczone jako konieczne są wpisane i dobre. Nowy rekord może być widoczny dopiero "       \
        "po godzinie: uruchom to wtedy jeszcze raz.")                                                                                     \
    ROW(WAITING, "Its new keys are not all in DNS yet; the old ones sign until then.",                                                    \
        "Nowe klucze nie są jeszcze wszystkie w DNS; do tego czasu podpisują stare.")                                                     \
    ROW(BEGUN, "seen in DNS, signs from now on", "widoczny w DNS, od teraz podpisuje")                                                    \
    ROW(SEEN, "seen in DNS; to sign with it: goniec domain rotate --use",                                                                 \
        "widoczny w DNS; aby nim podpisywać: goniec domain rotate --use")                                                                 \
    ROW(PATH_BEGUN, "seen in DNS, bounces come back to it from now on", "widoczny w DNS, odtąd wracają tam zwroty")                       \
    ROW(PATH_ENDED, "no longer used, mail leaves without it", "już nie jest używany, poczta wychodzi bez niego")                          \
    ROW(ROTATED,                                                                                                                          \
        "New keys are made. The old ones go on signing until the new records are in DNS and you run: goniec domain rotate "               \
        "--use",                                                                                                                          \
        "Nowe klucze są gotowe. Stare podpisują dalej, dopóki nowe rekordy nie trafią do DNS i nie uruchomisz: goniec domain "        \
        "rotate "                                                                                                                         \
        "--use")                                                                                                                          \
    ROW(SWITCHED,                                                                                                                         \
        "signs no more; leave its record in DNS until nothing is queued, and run in 7 days: goniec domain rotate --retire",               \
        "już nie podpisuje; zostaw jego rekord w DNS, dopóki coś jest w kolejce, a za 7 dni uruchom: goniec domain rotate "            \
        "--retire")                                                                                                                       \
    ROW(GONE, "is gone; its record in DNS may go too", "usunięty; jego rekord w DNS też można usunąć")                                    \
    ROW(KEY_MADE, "made", "utworzony")                                                                                                    \
    ROW(KEY_SEEN, "seen in DNS", "widoczny w DNS")                                                                                        \
    ROW(KEY_SIGNS, "signs", "podpisuje")                                                                                                  \
    ROW(KEY_OLD, "signs no more", "już nie podpisuje")                                                                                    \
    ROW(NO_DOMAINS, "there are no sending domains: goniec domain add DOMAIN",                                                             \
        "nie ma domen wysyłających: goniec domain add DOMENA")
/* clang-format on */

#define ROW(name, en, pl) DT_##name,
enum domain_text { DOMAIN_TEXTS(ROW) };
#undef ROW

const char *domain_text(enum lang l, enum domain_text t);
