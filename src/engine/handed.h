/* handed: a file that the office publishes, as the engine holds it: an immutable, counted value, read by a chore thread and
 * handed to every worker by post. What a worker has changes only between two events of its own loop. Private to the engine. */
#pragma once

#include "engine/worker.h"

/* What is read. */
struct handed_kind {
    const char *name, *file; /* for complaints ("suppression list"); in the data directory */
    /* Reads the file; `old` is in force and does not change meanwhile (NULL at first). */
    bool (*load)(void **ret, const char *path, void *old, struct fault *f);
    void *(*ref)(void *value);
    void (*free)(void **value);
    /* The worker uses it from now on, and gives back what it had; takes over one reference. On the worker's thread. */
    void (*use)(struct worker *w, void *value);
};

struct handed;
/* Reads the file. The kind must outlive it. */
bool handed_open(struct handed **ret, struct engine *e, const struct handed_kind *k, struct fault *f);
void handed_close(struct handed **h);
/* What is in force, with one more reference. */
void *handed_take(struct handed *h);
/* Reads the file anew; done tells on the main thread how it went (NULL: well; otherwise the old stays in force). Requests that
 * come while it is being read are answered by one more reading, so that what is told was read after it was asked for. */
void handed_reload(struct handed *h, void (*done)(void *ctx, const struct fault *f), void *ctx);
