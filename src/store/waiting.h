/* waiting: what is put off, recipient by recipient, and what was refused lately, each with what keeps it from its receiver; in
 * the office's database. What is delivered at its first attempt never comes here, and costs nothing. */
#pragma once

#include "store/store.h"

/* What keeps mail from a receiver. */
#define STORE_HELD "held"
struct store_trouble {
    struct str site;   /* where its lane leads (mail/outcome.h); "": none was found */
    struct str domain; /* the recipients' */
    struct str cause;  /* as explain/ names it, or STORE_HELD: until an operator releases it */
    struct str
        said; /* an example of the reply, which begins with its code, or of our own note (mail/note.h); not part of what it is */
};

/* Its number, which is made if it is new. It is seen now, with these words. */
bool store_trouble(struct store *s, const struct store_trouble *t, int64_t at_ms, int64_t *ret_number, struct fault *f);

/* A message's recipient waits from at_ms on because of it; for the same trouble as before it waits since then. next_ms: when it
 * is tried again; 0: not by itself. Its message must be marked (store_set_waited). */
bool store_waiting_put(struct store *s, struct id id, uint32_t rcpt, int64_t trouble, int64_t at_ms, int64_t next_ms,
                       struct fault *f);
bool store_waiting_end(struct store *s, struct id id, uint32_t rcpt, struct fault *f);
bool store_waiting_end_all(struct store *s, struct id id, struct fault *f); /* its message's recipients */

/* One more recipient was refused for good because of it. Counted by spans of STORE_SPAN_MS. */
enum { STORE_SPAN_MS = 10 * 60 * 1000 };
bool store_refused_add(struct store *s, int64_t trouble, int64_t at_ms, struct fault *f);

/* Deletes refusals from before the time, and troubles last seen before theirs, but those that something waits for or was refused
 * because of: what an operator holds waits without being tried, as long as he likes. Whoever remembers a trouble's number must
 * see it again within that time. */
bool store_waiting_forget(struct store *s, int64_t troubles_before_ms, int64_t refused_before_ms, struct fault *f);

/* ---- looking; views are valid during the call ---- */

typedef void store_trouble_fn(void *ctx, int64_t number, const struct store_trouble *t);
void store_troubles(struct store *s, store_trouble_fn *fn, void *ctx); /* by number */

struct store_waiting {
    struct id id;
    int64_t trouble, since_ms, next_ms;
};
typedef void store_waiting_fn(void *ctx, const struct store_waiting *w);
void store_waiting_each(struct store *s, store_waiting_fn *fn, void *ctx); /* the recipients of a message one after the other */

struct store_refused {
    int64_t trouble, first_ms, last_ms;
    uint64_t recipients;
};
typedef void store_refused_fn(void *ctx, const struct store_refused *r);
void store_refused_each(struct store *s, int64_t since_ms, store_refused_fn *fn, void *ctx); /* a row a span */
