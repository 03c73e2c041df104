/* control: the operator's socket. One text line in ("hold account shop", "metrics"), one answer out, then it closes. Private to
 * the engine. */
#pragma once

#include "engine/worker.h"

struct control;
/* Serves the listening socket on the engine's main loop. reload: what "reload-accounts" does, and "reload-domains" (domains). */
bool control_open(struct control **ret, struct engine *e, int fd, bool (*reload)(struct engine *e, bool domains, struct fault *f),
                  struct fault *f);
void control_close(struct control **c);
