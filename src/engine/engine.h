/* engine: the process that moves mail. N workers, each with its loop, its log and its rooms; the main thread listens to the
 * supervisor and to the control socket. */
#pragma once

#include "settings/settings.h"

/* What the supervisor opened before privileges were dropped. */
struct engine_sockets {
    int *listener;  /* listeners x workers, all of a listener's together; SO_REUSEPORT siblings */
    int submit;     /* the Unix socket for local submission, listening */
    int control;    /* the Unix socket for commands, listening */
    int supervisor; /* new settings come in frames {u32 length, settings_pack bytes}; its end means: drain and stop */
};

/* Runs until SIGTERM (drains, then returns 0) or a failure (a sysexits code, after one logged sentence). Takes over s. */
int engine_run(struct settings *s, const struct engine_sockets *sockets);
