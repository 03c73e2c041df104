/* signing: which keys a message is signed with, by the settings. Private to the engine. */
#pragma once

#include "engine/worker.h"
#include "verify/result.h"

/* Why a submission is not signed, and so refused. */
struct signing_refusal {
    int code;
    struct enhanced enhanced;
    char text[400];
};

/* Signs a submission that is otherwise ready for the log; mail that others send to us passes, and what the office passes
 * on. False: refused. */
bool signing_submission(struct worker *w, struct submission *s, struct signing_refusal *no);
/* Seals mail that others sent, which is otherwise ready for the log, with the server's domain if the settings say so and it has
 * keys. chain: what became of the chain that it came with. */
void signing_seal(struct worker *w, struct submission *s, enum auth_result chain);
/* Signs a notification of our own, with the server's domain if that has keys. */
void signing_notification(struct worker *w, struct content **c);
