/* text: every sentence that the subcommands say about messages, in both languages, a row each: one without the other cannot
 * compile. */
#pragma once

#include "cli/common.h"

#define TEXTS(ROW)                                                                                                               \
    ROW(MESSAGE, "Message", "Wiadomość")                                                                                         \
    ROW(FROM, "from", "od")                                                                                                      \
    ROW(NULL_SENDER, "<> (a notification)", "<> (powiadomienie)")                                                                \
    ROW(SUBJECT, "subject", "temat")                                                                                             \
    ROW(ACCEPTED, "accepted", "przyjęta")                                                                                        \
    ROW(BYTES, "bytes", "bajtów")                                                                                                \
    ROW(CLIENT, "from client", "od klienta")                                                                                     \
    ROW(LOGIN, "login", "login")                                                                                                 \
    ROW(TO, "to", "do")                                                                                                          \
    ROW(ATTEMPT, "attempt", "próba")                                                                                             \
    ROW(DELIVERED, "delivered", "doręczona")                                                                                     \
    ROW(FAILED, "failed for good", "nie doręczona, ostatecznie")                                                                 \
    ROW(DROPPED, "dropped", "usunięta z kolejki")                                                                                \
    ROW(DEFERRED, "not yet delivered", "jeszcze nie doręczona")                                                                  \
    ROW(HELD, "held", "wstrzymana")                                                                                              \
    ROW(RELEASED, "set free to be tried now", "zwolniona do ponownej próby")                                                     \
    ROW(WAITING, "waiting for its first attempt", "czeka na pierwszą próbę")                                                     \
    ROW(NEXT_TRY, "next attempt", "następna próba")                                                                              \
    ROW(RESTS, "nothing more goes to this receiver for", "do tego odbiorcy nic więcej nie wychodzi przez")                       \
    ROW(SAID, "the server said", "serwer odpowiedział")                                                                          \
    ROW(WHAT, "what happened", "co się stało")                                                                                   \
    ROW(ADVICE, "what to do", "co zrobić")                                                                                       \
    ROW(WHOSE, "whose doing", "po czyjej stronie")                                                                               \
    ROW(REPORTS_ON, "reports on message", "dotyczy wiadomości")                                                                  \
    ROW(IN_CLEAR, "without TLS", "bez TLS")                                                                                      \
    ROW(PHASE, "at", "na etapie")                                                                                                \
    ROW(SURE, "sure", "pewność")                                                                                                 \
    ROW(NOTHING_FOUND, "nothing is known of", "nic nie wiadomo o")                                                               \
    ROW(QUEUE_EMPTY, "the queue is empty", "kolejka jest pusta")                                                                 \
    ROW(WHOSE_0, "unknown", "nie wiadomo")                                                                                       \
    ROW(WHOSE_1, "the recipient", "odbiorca")                                                                                    \
    ROW(WHOSE_2, "the sender: content", "nadawca: treść")                                                                        \
    ROW(WHOSE_3, "the sender: authentication", "nadawca: uwierzytelnienie")                                                      \
    ROW(WHOSE_4, "the sender: reputation", "nadawca: reputacja")                                                                 \
    ROW(WHOSE_5, "the sender: volume", "nadawca: liczba wiadomości")                                                             \
    ROW(WHOSE_6, "the receiving server", "serwer odbiorcy")                                                                      \
    ROW(WHOSE_7, "the network", "sieć")                                                                                          \
    ROW(WHOSE_8, "this server", "ten serwer")

#define ROW(name, en, pl) TEXT_##name,
enum text { TEXTS(ROW) TEXT_COUNT };
#undef ROW

const char *text(enum lang l, enum text t);
