/* dns_context: one lock around the making of contexts. */
#include "lib/dns_context.h"

#include <pthread.h>
#include <unbound.h>

struct ub_ctx *dns_context_new(void)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    struct ub_ctx *ctx = ub_ctx_create();
    pthread_mutex_unlock(&one_at_a_time);
    return ctx;
}
