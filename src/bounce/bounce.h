/* bounce: what a mail says about the fate of another mail. Reads delivery reports (RFC 3464, 6522, 6533), the many bounces that
 * are plain text, complaints (ARF, RFC 5965), notes of delay or of success, and automatic answers (RFC 3834), and tells them
 * apart from ordinary mail.
 *
 * Pure but for GMime's own memory: no I/O, no clock, no state. Everything is bounded (BOUNCE_*_MAX) and takes time linear in the
 * mail's size; what is past a bound is not looked at. The mail path does not use this room. */
#pragma once

#include "explain/explain.h"
#include "lib/arena.h"
#include "mail/outcome.h"

enum {
    BOUNCE_BYTES_MAX = 1024 * 1024, /* of a mail; a report stands at its beginning */
    BOUNCE_RCPTS_MAX = 256,
    BOUNCE_FIELDS_MAX = 32, /* the original's X- fields kept */
    BOUNCE_MAILS_MAX = 16,  /* forwarded ones within one another, and those of a mailbox file */
};

enum bounce_kind {
    BOUNCE_NONE,      /* an ordinary mail, as far as can be seen */
    BOUNCE_FAILED,    /* not delivered to at least one recipient, for good */
    BOUNCE_DELAYED,   /* not yet delivered; the reporting server goes on trying */
    BOUNCE_DELIVERED, /* delivered, relayed or expanded: what was asked for with NOTIFY=SUCCESS */
    BOUNCE_COMPLAINT, /* a person or filter reports the original as unwanted */
    BOUNCE_AUTOREPLY, /* a program answers for its owner: away, received, moved, read */
};

/* RFC 3464 2.3.3; UNKNOWN: the mail does not say. */
enum bounce_action {
    BOUNCE_ACTION_UNKNOWN,
    BOUNCE_ACTION_FAILED,
    BOUNCE_ACTION_DELAYED,
    BOUNCE_ACTION_DELIVERED,
    BOUNCE_ACTION_RELAYED,
    BOUNCE_ACTION_EXPANDED,
};

/* One recipient, in the order of the report. Texts are "" where the mail does not tell. */
struct bounce_rcpt {
    struct str address; /* as the sender wrote it (Original-Recipient) when told, else as the report names it; maybe UTF-8 */
    struct str final;   /* where it went in the end (Final-Recipient), when that is another */
    enum bounce_action action;
    int code;               /* of the reply; 0: none is told */
    struct enhanced status; /* the most exact one of Status and of the reply */
    struct str said;        /* what the receiving server said, or the reporting server in its own words */
    struct str remote_mta;  /* the server that refused */
    enum phase phase;       /* at which step, when told */
    struct explanation why; /* FAILED, DELAYED: of `said`, into which its evidence points; otherwise of what became of the mail */
};

struct bounce_field {
    struct str name, value;
};

struct bounce {
    enum bounce_kind kind;
    struct str reporting_mta;
    struct str feedback_type; /* COMPLAINT: "abuse", "fraud", "opt-out", ... in lower case */
    struct str reported_to;   /* the address that the mail was sent to: where a return path of our own would stand */
    struct str envelope_id;   /* Original-Envelope-Id (RFC 3461 ENVID) */
    struct str message_id;    /* of the original, without brackets */
    uint32_t fields;          /* of the original: its X- and Feedback-ID fields */
    struct bounce_field *field;
    uint32_t rcpts;
    struct bounce_rcpt *rcpt;
};

/* Reads a mail as stored: lines end with CRLF, LF or CR alone; a mailbox file's "From " line may stand before it,
 * and the recipients of all its reports of the first one's kind are told together. All texts of
 * *ret live in the arena. False: the bytes do not begin with anything like a mail's header. */
bool bounce_read(struct str mail, struct arena *a, struct bounce *ret);

/* "failed", "delayed", ...; never NULL. */
const char *bounce_kind_name(enum bounce_kind k);
const char *bounce_action_name(enum bounce_action k);
