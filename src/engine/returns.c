/* returns: see returns.h. Only mail that leaves by SMTP: what goes to a mail store here, by LMTP or into a Maildir, keeps its
 * sender, who reads it there. */
#include "engine/returns.h"

#include "verify/author.h"

void returns_submission(struct worker *w, struct submission *s)
{
    const struct snapshot *now = w->snapshot;
    struct str author;
    if (!s->authorised || !s->envelope.sender.n || !now->settings->return_path || !verp_gives(now->returns))
        return;
    if (!author_of(content_str(s->content), &s->arena, &author))
        verp_path_for(now->returns, author, s->envelope.account, &s->arena, &s->envelope.return_path);
}

bool returns_alone(const struct message *m, const struct route *r) { return r->kind == ROUTE_SMTP && m->has_return_path; }

struct str returns_sender(struct trip *t, const struct route *r)
{
    const struct envelope *e = t->attempt.envelope;
    struct verp_token about = {e->id, t->rcpt[0]};
    char *to;
    /* Several in one attempt: they were put together when the way was another. */
    if (r->kind != ROUTE_SMTP || !e->return_path.n || t->rcpts != 1)
        return (struct str){0};
    t->sender.n = 0;
    to = buf_reserve(&t->sender, VERP_ADDRESS);
    if (!verp_address(t->lease->snapshot->returns, about, e->return_path, to))
        return (struct str){0};
    t->sender.n = strlen(to);
    return buf_str(&t->sender);
}
