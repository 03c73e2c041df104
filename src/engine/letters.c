/* letters: see letters.h. */
#include "engine/letters.h"

#include "engine/flow.h"
#include "mail/note.h"

#include <stdio.h>

bool letters_have_room(const struct worker *w)
{
    return w->letter_bytes <= w->snapshot->settings->content_memory_max / w->engine->workers;
}

void letter_pin(struct job *j)
{
    struct message *m = j->message;
    if (j->flags & JOB_PINNED)
        return;
    j->flags |= JOB_PINNED;
    m->pins++;
}

void letters_unpin(struct job *jobs)
{
    for (struct job *j = jobs; j; j = j->next) {
        struct message *m = j->message;
        if (j->flags & JOB_PINNED)
            m->pins--;
        j->flags &= (uint8_t)~JOB_PINNED;
    }
}

bool letters_are_pinned(const struct job *jobs)
{
    for (; jobs; jobs = jobs->next)
        if (!(jobs->flags & JOB_PINNED))
            return false;
    return true;
}

/* Back at the lane's worker: its place is given up with the attempt. */
static void abandon(void *ctx)
{
    struct trip *t = ctx;
    struct worker *w = t->begun;
    schedule_finished(w->schedule, t->lane, LANE_UNTRIED, loop_now_ms(w->loop));
    w->pump_wanted = true;
    trip_free(t);
}

static void unreadable(struct trip *t, const char *why)
{
    struct worker *home = t->message->home;
    const struct log_entry *e = &t->message->entry;
    char id[ID_TEXT + 1], place[32], note[NOTE_MAX];
    id_text(e->id, id);
    snprintf(place, sizeof place, "%u:%u", e->pos.segment, e->pos.offset);
    note_put(note, NOTE_UNREADABLE, place);
    engine_log("message %s cannot be read back and is held: %s", id, why);
    flow_decide(home, t->jobs, &(struct decision){.status = OUTCOME_HELD, .phase = PHASE_LOCAL, .note = note});
    t->jobs = NULL;
    if (t->lane)
        worker_go(home, t->begun, &t->post, abandon, t);
    else
        trip_free(t);
}

static void on_read(void *ctx, bool ok, struct str meta, struct str content, const struct fault *f)
{
    struct trip *t = ctx;
    t->message->home->loading--;
    if (ok && message_load(t->message, meta, content))
        t->brought(t);
    else
        unreadable(t, ok ? "its record is not understood" : f->text);
}

void letter_bring(struct trip *t, void (*then)(struct trip *t))
{
    struct message *m = t->message;
    if (m->letter) {
        then(t);
        return;
    }
    t->brought = then;
    t->read = (struct log_read){.done = on_read, .ctx = t};
    m->home->loading++;
    log_fetch(message_log(m), &m->entry, &t->read);
}
