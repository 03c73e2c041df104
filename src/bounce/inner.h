/* inner: what the files of bounce/ share. The way of a mail: parts.c takes it apart; report.c reads the machine's part, letter.c
 * the people's part with the words of words.c; cloud.c the notices of Amazon SES; said.c finds codes in what servers said;
 * bounce.c ties them and decides. All texts live in the caller's arena. */
#pragma once

#include "bounce/bounce.h"
#include "lib/buf.h"

enum {
    PARTS_MAX = 64,        /* MIME parts looked at */
    PARTS_DEPTH_MAX = 16,  /* multiparts in multiparts */
    TEXT_MAX = 128 * 1024, /* of one part's text */
    LINE_MAX_BYTES = 1000, /* of a line that is compared with words */
    REASON_MAX = 3000,     /* of what is kept as a reason */
    ADDRESS_MAX = 320,
};

enum part_kind {
    PART_TEXT,
    PART_HTML,
    PART_STATUS,   /* message/delivery-status and its relatives */
    PART_FEEDBACK, /* message/feedback-report */
    PART_RECEIPT,  /* message/disposition-notification (RFC 8098) */
    PART_ORIGINAL, /* the original message or its header, as bytes */
};
struct part {
    enum part_kind kind;
    struct str text; /* UTF-8 as far as the part's charset was known and true, LF lines, without NUL */
};

/* A mail taken apart. Texts from its own header are unfolded; "" when absent. */
struct parts {
    struct str bytes; /* the whole, with LF lines */
    struct str from, from_address, to, subject, return_path, auto_submitted, precedence, failed_recipients, actual_recipient,
        list_id;
    struct str content_type; /* "multipart/report", in lower case */
    bool autoreply_field;    /* X-Autoreply, X-Autorespond and the like */
    bool report_feedback;    /* report-type=feedback-report, or a header of a feedback loop */
    uint32_t n;
    struct part part[PARTS_MAX];
};

/* A copy of at most BOUNCE_BYTES_MAX bytes with LF lines and without NUL. */
struct str parts_normal(struct str mail, struct arena *a);
/* Takes a mail with LF lines apart; false: it has no header. */
bool parts_read(struct str mail, struct arena *a, struct parts *ret);
/* HTML as the text that a person sees, one line a block, "<address>" for a mailto link. */
struct str html_text(struct str html, struct arena *a);

/* Recipients as they are found. */
struct found {
    struct arena *a;
    uint32_t n;
    struct bounce_rcpt *rcpt; /* BOUNCE_RCPTS_MAX of them */
};
/* The recipient of that address; NULL: not yet found. */
struct bounce_rcpt *found_get(struct found *f, struct str address);
/* The same, added at the end when it is new. NULL: past the bound. */
struct bounce_rcpt *found_add(struct found *f, struct str address);

/* report.c: the fields of RFC 3464 wherever they stand in a text. Adds the recipients; fills what concerns the message. */
void report_status(struct str text, struct found *f, struct bounce *b);
/* The fields of RFC 5965. */
void report_feedback(struct str text, struct found *f, struct bounce *b);
/* What identifies the original: its header's Message-ID, X- fields. Returns its only To address, or "". */
struct str report_original(struct str header, struct arena *a, struct bounce *b);

/* letter.c: a bounce in prose. `original` is what is quoted after it ("" if nothing). */
struct letter {
    struct str people, original; /* the text cut in two where the original message begins */
    bool delayed;                /* the words speak of a delay */
    bool opening;                /* it begins as a known mail server's bounces begin */
    bool failing, first_failing; /* it has the words of a failure; in its first lines */
    bool shaped;                 /* "<address>:" begins a line */
};
void letter_open(struct str text, struct arena *a, struct letter *ret);
/* Finds the recipients and what is said of each. `domain`: what a bare local name is completed with. */
void letter_recipients(const struct letter *l, struct str domain, struct found *f);
/* A reason for all recipients that have none: the letter without what names the recipients. */
struct str letter_reason(const struct letter *l);

/* cloud.c: the JSON notices of Amazon SES. False: it is none. */
bool cloud_notice(struct str text, struct found *f, struct bounce *b);

/* said.c: the reply within `text`, which may begin with words of the reporting server. Fills said; code, status and phase
 * when they are told. */
void said_reply(struct str text, struct arena *a, struct bounce_rcpt *r);
bool said_code(struct str text);
/* The first enhanced code of the text. */
bool said_enhanced(struct str text, struct enhanced *ret);
enum phase said_phase(struct str text);
/* Is b more exact than a (x.0.0, none)? */
bool enhanced_finer(struct enhanced a, struct enhanced b);

/* words.c: the tables of words. Lines are in lower case. */
enum words {
    WORDS_ORIGINAL, /* the original message follows */
    WORDS_OPENING,  /* how known servers begin a bounce */
    WORDS_FAILING,  /* a failure, in many languages */
    WORDS_DELAYED,  /* a delay */
    WORDS_LEAD,     /* what stands before a recipient on its line */
    WORDS_LIST,     /* announces recipients on the next lines */
    WORDS_CONTACT,  /* an address here is for questions */
    WORDS_SUBJECT,  /* the subject of a bounce */
    WORDS_SUBJECT_DELAY,
    WORDS_DAEMON,       /* who sends bounces */
    WORDS_ROBOT,        /* who sends bounces and other mail */
    WORDS_AWAY,         /* the subject of an automatic answer */
    WORDS_PERHAPS_AWAY, /* the same of other mail, too */
    WORDS_AWAY_BODY,    /* its first lines */
    WORDS_FORWARDED,    /* a quoted mail follows */
    WORDS_TRANSCRIPT,   /* of a session */
    WORDS_COMPLAINT,    /* the subject of a complaint without a form */
};
/* Does the text (lower case) contain one of the words? */
bool words_in(enum words table, struct str lower);
/* Does one of the words end the text, but for white space and what opens an address? */
bool words_end(enum words table, struct str lower);

/* str helpers that need no table */
struct str lower_copy(struct str s, struct arena *a);
struct str cut_white(struct str s);
bool contains(struct str lower, const char *word);
/* The first address within s, a view of it; *begin and *end say where it stands with its brackets and quotes. */
bool address_find(struct str s, struct str *ret, size_t *begin, size_t *end);
