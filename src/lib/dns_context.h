/* dns_context: libunbound's contexts, from any thread. */
#pragma once

struct ub_ctx;

/* ub_ctx_create, one at a time in the process: what all contexts share is set up by the first of them without a lock of
 * libunbound's own. The caller's, to be given to ub_ctx_delete; NULL: there is no memory for it. */
struct ub_ctx *dns_context_new(void);
