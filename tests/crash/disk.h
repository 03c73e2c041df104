/* disk: a simulated disk behind struct log_io, with a seed. Until it is synced, nothing that was written is certain: at a power
 * cut each unsynced write is kept, lost, or torn at 512 bytes or 4 KiB, independently of the others, and so are names in the
 * directory. It can be told to cut the power at the n-th call, to fail syncs, and to lie (answer "durable" without keeping),
 * which must be found out. */
#pragma once

#include "log/log_io.h"

#include <stdbool.h>
#include <stdint.h>

struct disk;

extern const struct log_io disk_io;

struct disk *disk_new(uint64_t seed);
void disk_free(struct disk *d);
/* The power goes off at the n-th call from now on (0: never); every call from then on fails. */
void disk_cut_at(struct disk *d, uint64_t calls);
bool disk_is_off(const struct disk *d);
/* Power comes back: what was certain is there, of the rest what chance leaves. */
void disk_power_up(struct disk *d);
/* Durable writes fail with EIO from the n-th on (0: never); what they wrote is left to chance. */
void disk_fail_writes_at(struct disk *d, uint64_t writes);
void disk_lie(struct disk *d, bool lie);
void disk_set_free(struct disk *d, uint64_t bytes);
/* Flips bytes at a place of a file as it is on the medium. */
bool disk_damage(struct disk *d, const char *name, uint64_t at, unsigned bytes);
