/* receiver: the demo's other side: one SMTP server that plays several hosts, by the recipient's local part. */
#pragma once

/* Serves the listening socket for ever, a thread a connection. The personas: ok, slow (thinks two seconds), grey (refuses the
 * first try), unknown, full, blocked, spam, with replies as real hosts give them. */
void receiver_run(int listen_fd);
