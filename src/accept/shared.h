/* shared: what all workers count together: sessions by address and by account, failed logins. Private to the room.
 *
 * Sessions are counted exactly; an entry lives while its count is above zero, so the table is bounded by the sessions there are.
 * Failures lie in a table of fixed size; when a bucket is full the oldest entry makes room. */
#pragma once

#include "accept/accept.h"

struct accept_shared;

/* A number for an address (IPv6: its /64) or an account's name, as key. */
uint64_t shared_key_address(const struct sockaddr *sa);
uint64_t shared_key_text(struct str text);

/* One more under the key; false, and nothing counted, when there are `most` already. */
bool shared_enter(struct accept_shared *s, uint64_t key, uint32_t most);
void shared_leave(struct accept_shared *s, uint64_t key);

/* A failed login: returns how many there were within window_ms; at failures_max the key is blocked for window_ms. */
uint32_t shared_failed(struct accept_shared *s, uint64_t key, uint32_t failures_max, int64_t window_ms, int64_t now_ms);
bool shared_blocked(struct accept_shared *s, uint64_t key, int64_t now_ms);
/* The password was right: what the key did wrong is forgiven (not while it is blocked). */
void shared_forgive(struct accept_shared *s, uint64_t key, int64_t now_ms);
