/* dot: message content on the SMTP wire, both ways. The one place that knows <CRLF>.<CRLF> (RFC 5321 4.1.1.4, 4.5.2) and
 * that judges bare CR and LF (2.3.8), so that nobody can smuggle a second message past us.
 *
 * The decoder is fed chunks as they come; the encoder gives spans of the caller's bytes without copying. Both look at 64 bytes
 * at a time and run at memory speed; only lines that begin with a dot and stray newlines are walked byte by byte. */
#pragma once

#include "lib/str.h"

enum dot_status {
    DOT_MORE, /* all input was taken and the end has not come */
    DOT_END,  /* the end came; what follows *taken belongs to the next command */
    DOT_BARE, /* the first CR or LF that stands alone; its place is in bare_at */
};

/* Zeroed, and the first two set as wanted = ready for one message. */
struct dot_decoder {
    bool normalise; /* make bare newlines CRLF instead of reporting them. "\r\r\n" is one newline */
    bool chunked;   /* BDAT (RFC 3030): no transparency and no end in the bytes; newlines are judged all the same */
    bool has_8bit;  /* a byte >= 0x80 was seen */
    bool has_nul;
    bool bare;        /* a bare newline was seen (reported, or made whole) */
    uint8_t state;    /* the decoder's */
    uint64_t seen;    /* raw bytes taken so far */
    uint64_t bare_at; /* offset in the raw bytes of the first bare CR or LF, when `bare` */
};

/* The most that decoding n further bytes can write. */
static inline size_t dot_room(const struct dot_decoder *d, size_t n) { return (d->normalise ? 2 * n : n) + 2; }

/* Takes bytes up to the end of the message: *taken says how many, out (dot_room bytes) gets the content without the doubled
 * dots, *out_n says how many bytes of it. After DOT_BARE (at most once) the caller refuses, and either closes or goes on
 * calling with the rest, in order to find the true end; only <CRLF>.<CRLF> ends the message, whatever was reported. In
 * normalising mode a dot is special after a true CRLF only. */
enum dot_status dot_decode(struct dot_decoder *d, const char *in, size_t n, size_t *taken, char *out, size_t *out_n);

/* For chunked content after its last octet: false when it ends with a CR alone (then bare and bare_at are set); in normalising
 * mode writes the missing LF to out and *out_n = 1. */
bool dot_chunks_end(struct dot_decoder *d, char out[1], size_t *out_n);

/* Are all CR and LF in `s` parts of CRLF? Otherwise *bare_at (may be NULL) tells the first that is not. For content that came
 * by other doors than the decoder. */
bool dot_newlines_whole(struct str s, size_t *bare_at);

/* Gives content as it goes out after DATA: spans that, one after another, are the content with each leading dot doubled,
 * a CRLF at the end if it lacks one, and the final ".\r\n". */
struct dot_encoder {
    struct str rest; /* content not given yet */
    struct str coda; /* what ends the message, not given yet */
    bool fresh;      /* rest begins a line */
};
/* The content must have whole newlines and stay valid while spans are in use. */
void dot_encoder_init(struct dot_encoder *e, struct str content);
/* Fills up to `max` spans and returns how many; 0: everything was given. Spans point into the content (or to literals). */
size_t dot_encode(struct dot_encoder *e, struct str *span, size_t max);
