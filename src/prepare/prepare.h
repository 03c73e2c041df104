/* prepare: what is done to a message between acceptance and the log. Headers only; the body passes byte for byte.
 *
 * Adds Received (RFC 5321 4.4) and removes Authentication-Results that claim to be ours, unless they come from
 * within (RFC 8601 5: trusted networks, such as a filter that hands mail back); for submissions adds Date
 * and Message-ID when they are missing (RFC 6409 8.1, 8.2) and removes Bcc and Return-Path, and refuses an account's message with
 * two From fields; finds mail loops by counting Received (RFC 5321 6.3); notes subject and Message-ID for the story, and
 * TLS-Required (RFC 8689 5) for the way out. */
#pragma once

#include "mail/content.h"
#include "mail/envelope.h"
#include "mail/reply.h"

struct prepare_settings {
    struct str hostname;       /* and authserv-id */
    uint32_t hops_max;         /* 100 */
    uint32_t header_bytes_max; /* 256 KiB */
};

/* Why a message is refused here: the reply for the client. */
struct prepare_refusal {
    int code;
    struct enhanced enhanced; /* from mail/reply.h */
    const char *text;
};

/* Works on *c (held by the caller alone) and fills e->subject, e->message_id (in the arena) and e->content_bytes. submission:
 * came from an authenticated or trusted client, so that missing headers are added and private ones removed. False: refused, *why
 * set, content unchanged. */
bool prepare_message(struct content **c, struct envelope *e, struct arena *a, bool submission, const struct prepare_settings *s,
                     struct prepare_refusal *why);
