/* paths: which sending domains have a return path, the file DATA/keys/return-paths. `goniec domain` changes it, under the lock of
 * the keys' index; the engine reads it again when told.
 *
 * A line a domain, tab-separated: domain (A-labels, lower case), account ("" for anyone's), in use since, no longer since:
 * seconds since 1970, 0 for not yet. One that is no longer used goes on taking what comes back. */
#pragma once

#include "lib/arena.h"
#include "lib/fault.h"

enum { PATHS_KEEP_S = 60 * 86400 /* how long an address is still taken after its domain's use has ended, at most */ };

struct path_row {
    struct str domain, account;
    int64_t since_s, until_s;
};

struct paths {
    struct arena arena;
    struct path_row *row;
    size_t n;
};

/* Reads the file; none is an empty list. paths_done in any case. */
bool paths_read(struct paths *p, const char *directory, struct fault *f);
void paths_done(struct paths *p);

/* Begins or ends the use of a domain's return path; true when that changes anything. */
bool paths_use(struct paths *p, struct str domain, struct str account, bool use, int64_t now_s);
/* Writes the file, all or nothing, without rows that ended too long ago to matter. */
bool paths_write(const struct paths *p, const char *directory, int64_t now_s, struct fault *f);
