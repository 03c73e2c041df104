/* answer: see answer.h. */
#include "engine/answer.h"

void answer_turned_away(struct worker *w, struct submission *s, int code, struct enhanced enhanced, const char *text)
{
    submission_answer(w->accept, s->session, code, enhanced, text);
    content_free(&s->content);
    arena_done(&s->arena);
}

static void answer(struct message *m, int code, struct enhanced enhanced, const char *text)
{
    void *session = m->letter->session;
    m->letter->session = NULL;
    if (session)
        submission_answer(m->home->accept, session, code, enhanced, text);
}

void answer_not_taken(struct message *m, enum log_refusal why)
{
    if (why == LOG_TOO_LARGE)
        answer(m, 552, (struct enhanced){5, 3, 4}, "The message is larger than this server stores");
    else
        answer(m, 452, (struct enhanced){4, 3, 1}, "The disk is nearly full, try again later");
}

void answer_kept(struct message *m, bool durable)
{
    char text[64] = "Accepted, id ";
    id_text(m->entry.id, text + strlen(text));
    if (durable)
        answer(m, 250, (struct enhanced){2, 0, 0}, text);
    else
        answer(m, 451, (struct enhanced){4, 3, 0}, "The message could not be stored, try again later");
}
