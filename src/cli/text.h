/* text: every sentence that the subcommands say about messages (see catalogue.h). Private to the room. */
#pragma once

#include "cli/common.h"

/* clang-format off: a row a line, however long */
#define TEXTS(ROW)                                                                                                               \
    ROW(MESSAGE, "Message", "Wiadomość")                                                                                         \
    ROW(FROM, "from", "od")                                                                                                      \
    ROW(NULL_SENDER, "<> (a notification)", "<> (powiadomienie)")                                                                \
    ROW(SUBJECT, "subject", "temat")                                                                                             \
    ROW(ACCEPTED, "accepted", "przyjęta")                                                                                        \
    ROW(BYTES, "bytes", "B")                                                                                                     \
    ROW(CLIENT, "from client", "od klienta")                                                                                     \
    ROW(LOGIN, "login", "login")                                                                                                 \
    ROW(TO, "to", "do")                                                                                                          \
    ROW(ATTEMPT, "attempt", "próba")                                                                                             \
    ROW(DELIVERED, "delivered", "doręczona")                                                                                     \
    ROW(FAILED, "failed for good", "ostatecznie niedoręczona")                                                                   \
    ROW(DROPPED, "dropped", "usunięta z kolejki")                                                                                \
    ROW(DEFERRED, "not yet delivered", "jeszcze niedoręczona")                                                                   \
    ROW(HELD, "held", "wstrzymana")                                                                                              \
    ROW(RELEASED, "set free to be tried now", "zwolniona do ponownej próby")                                                     \
    ROW(WAITING, "waiting for its first attempt", "czeka na pierwszą próbę")                                                     \
    ROW(BACK_0, "came back: not delivered after all", "wróciła: jednak niedoręczona")                                            \
    ROW(BACK_1, "a bounce came back: not delivered after all", "przyszedł zwrot: jednak nie doręczono")                          \
    ROW(BACK_2, "a note of delay came back: the receiver goes on trying",                                                        \
        "przyszło powiadomienie o opóźnieniu: serwer odbiorcy próbuje dalej")                                                    \
    ROW(BACK_3, "a confirmation came back: delivered", "przyszło potwierdzenie: doręczono")                                      \
    ROW(BACK_4, "a complaint came back: the recipient calls the message unwanted",                                               \
        "przyszła skarga: odbiorca uznał wiadomość za niechcianą")                                                               \
    ROW(BACK_5, "an automatic answer came back", "przyszła automatyczna odpowiedź")                                              \
    ROW(BACK_6, "a mail came back that is no report", "przyszła wiadomość, która nie jest raportem")                             \
    ROW(BACK_FROM, "told by", "informuje")                                                                                       \
    ROW(NEXT_TRY, "next attempt", "następna próba")                                                                              \
    ROW(RESTS, "nothing more goes to this receiver for", "do tego odbiorcy nic więcej nie wychodzi przez")                       \
    ROW(SAID, "the server said", "serwer odpowiedział")                                                                          \
    ROW(NOTICED, "this server noticed", "ten serwer zauważył")                                                                   \
    ROW(WHAT, "what happened", "co się stało")                                                                                   \
    ROW(ADVICE, "what to do", "co zrobić")                                                                                       \
    ROW(WHOSE, "whose doing", "po czyjej stronie")                                                                               \
    ROW(REPORTS_ON, "reports on message", "dotyczy wiadomości")                                                                  \
    ROW(IN_CLEAR, "without TLS", "bez TLS")                                                                                      \
    ROW(SURE, "sure", "pewność")                                                                                                 \
    ROW(NOTHING_FOUND,                                                                                                           \
        "no message is known by this id or recipient:", "nie ma wiadomości o takim identyfikatorze ani odbiorcy:")               \
    ROW(AMBIGUOUS, "several messages begin so, give more of the id:", "tak zaczyna się kilka wiadomości, podaj więcej znaków:")  \
    ROW(BEHIND, "the database lacks %llu%s records that the logs have (is the server running?): the newest may be missing here", \
        "w bazie brakuje jeszcze %llu%s zapisów z dziennika (czy serwer działa?): najnowszych wydarzeń może tu nie być")         \
    ROW(QUEUE_EMPTY, "the queue is empty", "kolejka jest pusta")                                                                 \
    ROW(IN_ALL, "messages: %u, %llu KB", "wiadomości: %u, %llu KB")                                                              \
    ROW(DOMAINS, "domains", "domeny")                                                                                            \
    ROW(AND_MORE, "and others:", "i inne:")                                                                                      \
    ROW(MORE_SUCH, "more such groups (--json shows all):", "dalsze takie grupy (wszystkie pokaże --json):")                      \
    ROW(FOR_EXAMPLE, "for example", "na przykład")                                                                               \
    ROW(QUEUED, "messages in the queue", "wiadomości w kolejce")                                                                 \
    ROW(IN_LINE, "recipients ready to go", "odbiorcy gotowi do wysyłki")                                                         \
    ROW(NOTHING_WAITS, "nothing that waits for it is known, and nothing was refused there lately",                               \
        "nie wiadomo o niczym, co by tam czekało albo zostało ostatnio odrzucone")                                               \
    ROW(RESTS_UNKNOWN, "which receivers rest is not known", "nie wiadomo, do kogo poczta jest wstrzymana")                       \
    ROW(RETRIED, "recipients tried again now", "odbiorcy, do których ponowna próba odbędzie się teraz")                          \
    ROW(HELD_NOW, "recipients held", "wstrzymani odbiorcy")                                                                      \
    ROW(SET_FREE, "recipients released", "zwolnieni odbiorcy")                                                                   \
    ROW(DROPPED_NOW, "recipients dropped, without a notification", "odbiorcy usunięci z kolejki, bez powiadomienia")             \
    ROW(PAUSED_NOW, "sites paused", "wstrzymani odbiorcy (serwery)")                                                             \
    ROW(RESUMED, "sites resumed", "wznowieni odbiorcy (serwery)")                                                                \
    ROW(NO_SITE, "no mail has gone to a site of that name lately: \"goniec queue lanes\" shows their names, * means all",        \
        "do odbiorcy o tej nazwie nic ostatnio nie szło: nazwy pokazuje \"goniec queue lanes\", * oznacza wszystkich")           \
    ROW(NO_LANES, "no mail goes out at the moment", "w tej chwili nic nie wychodzi")                                             \
    ROW(LANE_SITE, "site", "odbiorca")                                                                                           \
    ROW(LANE_STREAM, "stream", "strumień")                                                                                       \
    ROW(LANE_WAITING, "waiting", "czeka")                                                                                        \
    ROW(LANE_CONNECTIONS, "connections", "połączenia")                                                                           \
    ROW(LANE_RATE, "a second", "na sekundę")                                                                                     \
    ROW(LANE_STATE, "state", "stan")                                                                                             \
    ROW(LANE_OPEN, "running", "pracuje")                                                                                         \
    ROW(LANE_SLOWED, "slowed down: the site said that it was too much", "zwolniono: odbiorca zgłosił, że to za dużo")            \
    ROW(LANE_PAUSED, "paused by the operator", "wstrzymany przez administratora")                                                \
    ROW(LANE_RESTS, "rests until", "odpoczywa do")                                                                               \
    ROW(LANE_PROBED, "tried with one message", "próba jedną wiadomością")                                                        \
    ROW(LANE_DOWN, "no host of it could be reached", "z żadnym jego serwerem nie udało się połączyć")                            \
    ROW(LANE_BARRED, "it refuses this server's address", "odmawia adresowi tego serwera")                                        \
    ROW(DROP_ALL, "This drops the whole queue; no sender is told. Type yes to go on: ",                                          \
        "To usunie całą kolejkę; nadawcy się o tym nie dowiedzą. Aby kontynuować, wpisz tak: ")                                  \
    ROW(NOTHING_DONE, "nothing was changed", "niczego nie zmieniono")                                                            \
    ROW(PHASE_0, "", "")                                                                                                         \
    ROW(PHASE_1, "looking up the domain", "przy szukaniu serwera domeny")                                                        \
    ROW(PHASE_2, "connecting", "przy łączeniu")                                                                                  \
    ROW(PHASE_3, "in the greeting", "w powitaniu")                                                                               \
    ROW(PHASE_4, "in answer to EHLO", "w odpowiedzi na EHLO")                                                                    \
    ROW(PHASE_5, "in answer to STARTTLS", "w odpowiedzi na STARTTLS")                                                            \
    ROW(PHASE_6, "setting up TLS", "przy nawiązywaniu TLS")                                                                      \
    ROW(PHASE_7, "in answer to the login", "w odpowiedzi na logowanie")                                                          \
    ROW(PHASE_8, "in answer to MAIL FROM", "w odpowiedzi na MAIL FROM")                                                          \
    ROW(PHASE_9, "in answer to RCPT TO", "w odpowiedzi na RCPT TO")                                                              \
    ROW(PHASE_10, "in answer to DATA", "w odpowiedzi na DATA")                                                                   \
    ROW(PHASE_11, "after the content", "po treści wiadomości")                                                                   \
    ROW(PHASE_12, "in answer to QUIT", "w odpowiedzi na QUIT")                                                                   \
    ROW(PHASE_13, "on this server", "na tym serwerze")                                                                           \
    ROW(ON_NO_LIST, "is on no list: nothing keeps mail from it",                                                                 \
        "nie jest na żadnej liście: nic nie zatrzymuje poczty do niego")                                                         \
    ROW(SUPPRESSED, "suppressed", "na czarnej liście")                                                                           \
    ROW(ALLOWED, "allowed", "na białej liście")                                                                                  \
    ROW(FOR_ACCOUNT, "for the account", "konta")                                                                                 \
    ROW(FOR_SERVER, "for the whole server", "całego serwera")                                                                    \
    ROW(FOR_NO_LOGIN, "for mail without a login", "poczty bez logowania")                                                        \
    ROW(SINCE, "since", "od")                                                                                                    \
    ROW(UNTIL, "until", "do")                                                                                                    \
    ROW(FOR_GOOD, "for good", "bezterminowo")                                                                                    \
    ROW(REASON, "reason", "powód")                                                                                               \
    ROW(REASON_0, "", "")                                                                                                        \
    ROW(REASON_1, "the address is dead (hardbounce)", "martwy adres (hardbounce)")                                               \
    ROW(REASON_2, "the recipient complained of spam (spam_complaint)", "odbiorca zgłosił spam (spam_complaint)")                 \
    ROW(REASON_3, "the recipient unsubscribed (unsubscribe)", "odbiorca wypisał się (unsubscribe)")                              \
    ROW(REASON_4, "abuse (abuse)", "nadużycie (abuse)")                                                                          \
    ROW(REASON_5, "a trap for spammers (spamtrap)", "pułapka na spamerów (spamtrap)")                                            \
    ROW(REASON_6, "put there by hand (manual)", "wpisany ręcznie (manual)")                                                      \
    ROW(REASON_7, "another (other)", "inny (other)")                                                                             \
    ROW(BY, "added by", "dodał(a)")                                                                                              \
    ROW(AUTOMATICALLY, "automatically", "automatycznie")                                                                         \
    ROW(PROOF, "proof", "dowód")                                                                                                 \
    ROW(EFFECT, "effect", "skutek")                                                                                              \
    ROW(DROPS_ADDRESS, "mail to this address is not sent", "poczta na ten adres nie jest wysyłana")                              \
    ROW(DROPS_DOMAIN, "mail to no address of this domain is sent", "poczta na żaden adres w tej domenie nie jest wysyłana")      \
    ROW(EXPIRED_ENTRY, "none any more: the entry has expired", "już żaden: wpis wygasł")                                         \
    ROW(SPARED, "none: the white list spares it", "żaden: chroni go biała lista")                                                \
    ROW(SPARES, "automatic entries do not stop mail to it", "automatyczne wpisy nie zatrzymują poczty do niego")                 \
    ROW(FAILURES_SO_FAR, "failures counted so far", "dotychczas policzonych zwrotów")                                            \
    ROW(NEWEST_REFUSAL, "newest refusal", "ostatnia odmowa")                                                                     \
    ROW(OF_MESSAGE, "message", "wiadomość")                                                                                      \
    ROW(NO_REFUSAL, "no refusal of mail to it is known", "nie jest znana żadna odmowa przyjęcia poczty do niego")                \
    ROW(TAKEN_SINCE, "mail to it was taken after that", "potem poczta do niego została przyjęta")                                \
    ROW(WHY_NOT, "why it is not suppressed for that", "dlaczego adres nie trafił za to na czarną listę")                         \
    ROW(LIFE_0, "", "")                                                                                                          \
    ROW(LIFE_1,                                                                                                                  \
        "by this the address is dead, yet it is on no list: an entry was removed or has expired, the white list spares it, "     \
        "more failures are awaited, or nothing is suppressed automatically here or for this domain",                             \
        "według tej odmowy adres jest martwy, ale nie ma go na liście: wpis usunięto lub wygasł, chroni go biała lista, "   \
        "potrzeba więcej zwrotów albo tutaj lub dla tej domeny nic nie trafia na listę automatycznie")                           \
    ROW(LIFE_2, "the refusal does not say that anything is wrong with the address",                                              \
        "ta odmowa nie mówi, że coś jest nie tak z adresem")                                                                     \
    ROW(LIFE_3, "it concerns the recipient, but does not mean that the address is dead; only dead addresses are suppressed",     \
        "dotyczy odbiorcy, ale nie oznacza, że adres jest martwy; na czarną listę trafiają tylko martwe adresy")                 \
    ROW(LIFE_4, "it was said for now only, not for good", "powiedziano to tylko na razie, nie ostatecznie")                      \
    ROW(LIFE_5, "the address may be dead, but the reply is not clear enough to be sure of it",                                   \
        "adres może być martwy, ale odpowiedź nie mówi tego dość jednoznacznie")                                                 \
    ROW(LIFE_6, "no receiver that was asked for this very recipient said so",                                                    \
        "nie powiedział tego serwer odbiorcy zapytany właśnie o tego odbiorcę")                                                  \
    ROW(LIFE_NO_SENDER, "the message had no sender (a notification): such mail is not subject to the lists",                     \
        "wiadomość nie miała nadawcy (powiadomienie): takiej poczty listy nie dotyczą")                                          \
    ROW(AS_BEFORE, "understood as before", "znaczy to samo co poprzednio")                                                       \
    ROW(WHOSE_0, "unknown", "nie wiadomo")                                                                                       \
    ROW(WHOSE_1, "the recipient", "odbiorca")                                                                                    \
    ROW(WHOSE_2, "the sender: content", "nadawca: treść")                                                                        \
    ROW(WHOSE_3, "the sender: authentication", "nadawca: uwierzytelnienie")                                                      \
    ROW(WHOSE_4, "the sender: reputation", "nadawca: reputacja")                                                                 \
    ROW(WHOSE_5, "the sender: volume", "nadawca: liczba wiadomości")                                                             \
    ROW(WHOSE_6, "the receiving server", "serwer odbiorcy")                                                                      \
    ROW(WHOSE_7, "the network", "sieć")                                                                                          \
    ROW(WHOSE_8, "this server", "ten serwer")                                                                                    \
    ROW(POSTMASTER, "for the postmaster", "dla administratora poczty")                                                           \
    ROW(EVIDENCE, "evidence", "na podstawie")                                                                                    \
    ROW(RULE, "rule", "reguła")                                                                                                  \
    ROW(ONLY_CODE, "only the code says so", "mówi o tym tylko kod")                                                              \
    ROW(RECIPIENT, "recipient", "odbiorca")                                                                                      \
    ROW(KIND_NONE, "an ordinary mail: no bounce, no notice", "zwykła wiadomość, nie zwrot ani powiadomienie")                    \
    ROW(KIND_FAILED, "a bounce: not delivered", "zwrot: nie doręczono")                                                          \
    ROW(KIND_DELAYED, "a note of delay, no bounce: delivery is still being tried",                                               \
        "powiadomienie o opóźnieniu, nie zwrot: próby doręczenia trwają")                                                        \
    ROW(KIND_DELIVERED, "a confirmation: delivered", "potwierdzenie: doręczono")                                                 \
    ROW(KIND_COMPLAINT, "a complaint, no bounce: the message was reported as unwanted",                                          \
        "skarga, nie zwrot: wiadomość zgłoszono jako niechcianą")                                                                \
    ROW(KIND_AUTOREPLY, "an automatic answer, no bounce", "automatyczna odpowiedź, nie zwrot")
/* clang-format on */

#define ROW(name, en, pl) TEXT_##name,
enum text { TEXTS(ROW) };
#undef ROW

const char *text(enum lang l, enum text t);
