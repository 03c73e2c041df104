/* sync: names that must outlive a power cut. */
#pragma once

/* Makes the name of the file or directory durable: syncs the directory that holds it. 0 or an errno; a parent that we may not
 * open is passed over (somebody else made it). */
int sync_name(const char *path);
