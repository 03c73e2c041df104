/* post: the demo's mail client: hands one message to the submission port as a mail program does (STARTTLS, AUTH), with goniec's
 * own SMTP client. Private to the demo. */
#pragma once

#include "lib/fault.h"
#include "lib/str.h"
#include "mail/id.h"

struct letterbox {
    const char *ip;
    uint16_t port;
    const char *login, *password;
};

/* Sends and waits for the reply; *ret is the id that the server gave the message. The fault quotes the server when it refused. */
bool post_message(const struct letterbox *to, const char *from, const char *rcpt, struct str content, struct id *ret,
                  struct fault *f);
