/* verify: see verify.h. DMARC comes after SPF and DKIM, whose passes it weighs; ARC stands for itself. */
#include "verify/verify.h"

static void begin(const struct verify_dns *dns)
{
    if (dns->begin)
        dns->begin(dns->ctx);
}

static void check_sender(const struct verify_input *in, const struct verify_dns *dns, struct arena *a, struct spf_answer *ret)
{
    struct spf_input spf = {in->client, in->helo, in->sender, in->receiver, in->now_s};
    *ret = (struct spf_answer){.explanation = {"", 0}, .mechanism = {"", 0}, .domain = {"", 0}};
    ret->reason = STR("the client's address is not known");
    if (!in->client)
        return;
    begin(dns);
    spf_check(&spf, dns, a, ret);
}

/* An author whose domain nobody can name is nobody's who could have a policy (RFC 7489 6.6.1). */
static void no_author(const char *why, struct dmarc_answer *ret)
{
    *ret = (struct dmarc_answer){.result = AUTH_PERMERROR, .domain = {"", 0}, .record = {"", 0}};
    ret->reason = str_of(why);
}

/* The domains for which signatures ended so. */
static unsigned signers(const struct verified *v, enum auth_result r, struct str *ret)
{
    unsigned n = 0;
    for (unsigned i = 0; i < v->dkims; i++)
        if (v->dkim[i].result == r)
            ret[n++] = v->dkim[i].domain;
    return n;
}

/* Might it have passed, had DNS answered? Then it has not failed: whoever refuses what fails would refuse good mail. */
static bool is_open(const struct verify_input *in, const struct verify_dns *dns, struct arena *a, const struct verified *v)
{
    struct str *unknown = arena_alloc(a, (v->dkims + 1) * sizeof *unknown);
    struct dmarc_input maybe = {.from = v->author,
                                .dkim = unknown,
                                .dkims = signers(v, AUTH_TEMPERROR, unknown),
                                .spf = v->spf.result == SPF_TEMPERROR ? v->spf.domain : STR(""),
                                .public_suffixes = in->public_suffixes};
    struct dmarc_answer answer = {.result = AUTH_FAIL};
    if (maybe.dkims || maybe.spf.n)
        dmarc_check(&maybe, dns, a, &answer);
    return answer.result == AUTH_PASS;
}

static void check_policy(const struct verify_input *in, const struct view *v, const struct verify_dns *dns, struct arena *a,
                         struct verified *ret)
{
    struct str *passed = arena_alloc(a, (ret->dkims + 1) * sizeof *passed);
    const char *why = dmarc_author(v, a, &ret->author);
    if (why) {
        ret->author = (struct str){"", 0};
        no_author(why, &ret->dmarc);
        return;
    }
    struct dmarc_input dmarc = {.from = ret->author,
                                .dkim = passed,
                                .dkims = signers(ret, AUTH_PASS, passed),
                                .spf = ret->spf.result == SPF_PASS ? ret->spf.domain : STR(""),
                                .public_suffixes = in->public_suffixes};
    begin(dns);
    dmarc_check(&dmarc, dns, a, &ret->dmarc);
    if (ret->dmarc.result == AUTH_FAIL && is_open(in, dns, a, ret)) {
        ret->dmarc.result = AUTH_TEMPERROR;
        ret->dmarc.reason = STR("DNS gave no answer about what would have made it pass");
    }
}

void verify_sender(const struct verify_input *in, const struct verify_dns *dns, struct arena *a, struct verified *ret)
{
    *ret = (struct verified){.author = {"", 0}};
    check_sender(in, dns, a, &ret->spf);
}

void verify_message(const struct verify_input *in, const struct view *v, const struct verify_dns *dns, struct arena *a,
                    struct verified *ret)
{
    verify_sender(in, dns, a, ret);
    begin(dns);
    ret->dkims = dkim_verify(v, dns, in->now_s, a, &ret->dkim);
    check_policy(in, v, dns, a, ret);
    begin(dns);
    arc_verify(v, dns, a, &ret->arc);
}

void verify_skipped(const struct verify_input *in, const char *reason, struct verified *ret)
{
    static struct dkim_answer unseen = {.result = AUTH_TEMPERROR};
    *ret = (struct verified){.dkim = &unseen, .dkims = 1, .author = {"", 0}};
    ret->spf.result = SPF_TEMPERROR;
    ret->spf.domain = in->helo;
    ret->dmarc.result = ret->arc.result = AUTH_TEMPERROR;
    ret->spf.reason = ret->dmarc.reason = ret->arc.reason = str_of(reason);
}
