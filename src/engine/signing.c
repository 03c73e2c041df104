/* signing: ties what came in, the settings and the keys (sign/). Signing is done on the worker's thread: its time is the
 * message's, and the snapshot's keys are ready. */
#include "engine/signing.h"

#include "sign/seal.h"
#include "submit/submit.h"
#include "verify/author.h"

static void sign(struct worker *w, struct content **c, const struct sign_with *with)
{
    sign_message(c, with, loop_wall_ms(w->loop) / 1000);
}

/* Has the server's own domain keys? They are added. */
static bool add_own(struct worker *w, struct sign_with *with)
{
    const struct snapshot *s = w->snapshot;
    return sign_with_domain(with, s->domains, s->settings->sign.domain, STR(""));
}

static bool refuse(struct str domain, struct signing_refusal *no)
{
    no->code = 550;
    no->enhanced = (struct enhanced){5, 7, 1};
    if (domain.n > 0 && domain.n <= 100) /* one that is longer would fill the line */
        snprintf(no->text, sizeof no->text,
                 "The From domain %.*s is not set up for this account: its administrator runs \"goniec domain add %.*s\", "
                 "publishes the records shown, and \"goniec domain check %.*s\"",
                 STR_ARGS(domain), STR_ARGS(domain), STR_ARGS(domain));
    else
        snprintf(no->text, sizeof no->text,
                 "The domain in From is not set up for this account: its administrator runs \"goniec domain add DOMAIN\", "
                 "publishes the records shown, and \"goniec domain check DOMAIN\"");
    return false;
}

static bool is_passed_on(const struct envelope *e)
{
    return e->sender.n == 0 && str_eq(e->client_ip, STR("local")) && str_starts_nocase(e->envid, STR(SUBMIT_PASSED_ON));
}

bool signing_submission(struct worker *w, struct submission *s, struct signing_refusal *no)
{
    const struct snapshot *now = w->snapshot;
    const struct sign_settings *how = &now->settings->sign;
    struct sign_with with = {0};
    struct str domain = {"", 0};
    if (!s->authorised || is_passed_on(&s->envelope))
        return true;
    bool known = !author_of(content_str(s->content), &s->arena, &domain) &&
                 sign_with_domain(&with, now->domains, domain, s->envelope.account);
    if (!known && how->unknown == SIGN_UNKNOWN_REFUSE)
        return refuse(domain, no);
    if (how->platform || (!known && how->unknown == SIGN_UNKNOWN_OWN))
        add_own(w, &with);
    sign(w, &s->content, &with);
    s->envelope.content_bytes = (uint32_t)s->content->n;
    return true;
}

void signing_seal(struct worker *w, struct submission *s, enum auth_result chain)
{
    const struct settings *settings = w->snapshot->settings;
    struct sign_with with = {0};
    struct seal seal = {settings->hostname, STR(""), chain, loop_wall_ms(w->loop) / 1000};
    if (settings->sign.seal && add_own(w, &with) && seal_message(&s->content, &with, &seal))
        s->envelope.content_bytes = (uint32_t)s->content->n;
}

void signing_notification(struct worker *w, struct content **c)
{
    struct sign_with with = {0};
    if (add_own(w, &with))
        sign(w, c, &with);
}
