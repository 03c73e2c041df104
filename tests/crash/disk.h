/* disk: a simulated disk behind struct log_io, with a seed. Until it is synced, nothing that was written is certain: at a power
 * cut each unsynced write is kept, lost, or torn at 512 bytes or 4 KiB, independently of the others, and so are names in the
 * directory. A durable write makes only its own bytes certain, as RWF_DSYNC does. It can be told to cut the power at the n-th
 * call, to fail syncs (what was pending is then left to chance and never asked for again: the kernel calls those pages clean), to
 * run out of room, and to lie (answer "durable" without keeping), which must be found out. */
#pragma once

#include "log/log_io.h"

#include <stdbool.h>
#include <stdint.h>

struct disk;

extern const struct log_io disk_io;

enum { DISK_FILE_BYTES = 1024 * 1024 }; /* no file is larger */

struct disk *disk_new(uint64_t seed);
void disk_free(struct disk *d);
/* The power goes off at the n-th call from now on (0: never); every call from then on fails. */
void disk_cut_at(struct disk *d, uint64_t calls);
bool disk_is_off(const struct disk *d);
/* Power comes back: what was certain is there, of the rest what chance leaves. Failures that were asked for are forgotten. */
void disk_power_up(struct disk *d);
/* Whatever should make something durable (a durable write, a sync of file or directory) fails with EIO from the n-th on (0:
 * never). */
void disk_fail_syncs_at(struct disk *d, uint64_t syncs);
/* Plain writes fail with EIO from the n-th on (0: never), a part of them done. */
void disk_fail_writes_at(struct disk *d, uint64_t writes);
/* How many bytes files may still grow by; beyond it: ENOSPC, a part of the write done. Removing gives back. */
void disk_set_room(struct disk *d, uint64_t bytes);
/* What the disk answers "durable" for without keeping it. */
enum disk_lie { DISK_HONEST, DISK_LIES_OF_BATCHES, DISK_LIES_OF_HEADERS, DISK_LIES_OF_NAMES };
void disk_lie(struct disk *d, enum disk_lie lie);
/* How often a file's first block was durably written over: a segment was used again. */
unsigned disk_reused(const struct disk *d);
