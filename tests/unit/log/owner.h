/* owner: what the tests of the log put in the place of the engine: messages by number, each with a content that follows from its
 * number and with notes of one letter each; on the simulated disk, or in a directory of its own whose files can be damaged. */
#pragma once

#include "../mail/check.h"

#include "../../crash/disk.h"
#include "log/log.h"

enum { OWNER_MESSAGES = 4096, OWNER_SEGMENT = 128 * 1024 };

struct kept {
    struct log_entry entry; /* must stay first: the log hands it back */
    struct log_wait accepted_wait, note_wait, end_wait;
    char notes[64]; /* what happened so far, a letter each, in order */
    uint32_t content_bytes;
    bool live;                         /* the log says so, or said so at recovery */
    bool durable, refused;             /* what its acceptance was told */
    bool note_durable, waiting, ended; /* what a note was told, or one still waits; its end is durable */
};

struct owner {
    struct log *log;
    struct disk *disk; /* NULL: a directory */
    char directory[200];
    struct log_options options;
    struct fault fault; /* of an open that failed, or of the log's failure */
    unsigned failures;
    unsigned strange; /* a number whose meta is not understood; 0: none */
    unsigned next;    /* numbers given to fillers */
    struct kept kept[OWNER_MESSAGES];
};

/* A log on a simulated disk, or in a fresh directory; opened. _done closes it and takes everything away. */
void owner_on_disk(struct owner *o);
void owner_in_directory(struct owner *o);
void owner_done(struct owner *o);

bool owner_open(struct owner *o); /* recovers; what was known is forgotten before */
void owner_close(struct owner *o);
void owner_power_cut(struct owner *o); /* and opens again; simulated disk only */
void owner_crash(struct owner *o);     /* leaves the directory as it is now, without a clean end; closed afterwards */

enum log_refusal owner_accept(struct owner *o, unsigned number, uint32_t content_bytes);
enum log_refusal owner_note(struct owner *o, unsigned number, char letter, bool ends);
bool owner_reads(struct owner *o, unsigned number, struct fault *f); /* meta and content come back as they were given */
unsigned owner_live(const struct owner *o);                          /* how many messages are live, fillers included */
void owner_fill(struct owner *o, unsigned segments);                 /* messages that come and end, for so many segments */
struct log_stats owner_stats(const struct owner *o);

/* The file that holds the segment now; bytes of it, read and written back in place. */
void owner_path(const struct owner *o, uint32_t segment, char path[300]);
void owner_damage(const struct owner *o, uint32_t segment, uint32_t at, unsigned bytes);
