/* judge: see report.h. An address is suppressed only for what it is itself. The verdict says whether it is dead, and surely so
 * (explain/); here its circumstances are looked at too: a receiver, having been asked for this very recipient, refused it for
 * good. What receivers say about us, our IP, the content or their own trouble says nothing about the address. */
#include "explain/cause.h"
#include "report/report.h"

enum report_life report_judge(const struct outcome *o, const struct outcome_rcpt *r)
{
    bool by_receiver = o->host.n > 0 && r->reply.code >= 500 && r->phase >= PHASE_RCPT && r->phase <= PHASE_BODY;
    const struct cause *c = cause_find(r->verdict.cause);
    if (r->status == OUTCOME_DELIVERED)
        return REPORT_TOOK_MAIL;
    if (r->status == OUTCOME_FAILED && r->verdict.action == ACTION_SUPPRESS && by_receiver) /* THE RULE */
        return REPORT_DEAD;
    if (!c || c->action != ACTION_SUPPRESS)
        return r->verdict.whose == WHOSE_RECIPIENT ? REPORT_NOT_DEAD : REPORT_NOT_ABOUT_IT;
    if (!r->verdict.permanent)
        return REPORT_FOR_NOW;
    return by_receiver ? REPORT_UNSURE : REPORT_NOT_SAID;
}
