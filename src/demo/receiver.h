/* receiver: the demo's other side: one SMTP server that plays the hosts of the whole cast (cast.h), each at its own loopback
 * address; and an ordinary one that takes what comes, slowly from "slow..." and for "grey..." only at the second try. */
#pragma once

#include <stdbool.h>

/* Listens on that address and port; -1: it is taken. */
int receiver_listen(const char *ip, int port);

/* Listens on every address of the cast, all on the first port from `port` on that is free on them; false: there is none. */
bool receiver_open(int port, int *ret_port);
/* Serves them for ever, a thread a connection. */
void receiver_run(void);
/* Closes what receiver_open opened: the parent's, when a child runs it. */
void receiver_close(void);
