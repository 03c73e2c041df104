/* learn: which addresses are dead, from what receivers said. Private to the room. */
#pragma once

#include "mail/envelope.h"
#include "mail/outcome.h"
#include "report/report.h"
#include "suppress/suppress.h"

/* Does the outcome say anything to learn from? (only then need its message's envelope be looked up) */
bool learn_wanted(const struct report_suppress *rules, const struct outcome *o);
/* Adds what follows to the lists, in the store's running transaction; counts entries in *added. */
bool learn(struct store *s, const struct report_suppress *rules, const struct envelope *e, const struct outcome *o,
           uint64_t *added, struct fault *f);
/* The same for what came back about one recipient of a message: SUPPRESS_HARDBOUNCE, for a bounce that surely says that the
 * address is dead, or what a complaint asks for. */
bool learn_returned(struct store *s, const struct report_suppress *rules, const struct envelope *e, uint32_t rcpt,
                    enum suppress_reason reason, struct str proof, int64_t at_s, uint64_t *added, struct fault *f);
