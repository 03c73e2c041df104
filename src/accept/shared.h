/* shared: what all workers count together: sessions by address and by account, failed logins. Private to the room.
 *
 * Sessions are counted exactly; an entry lives while its count is above zero, so the table is bounded by the sessions there are.
 * Failures lie in a table of fixed size; when a bucket is full the oldest entry makes room. So do the places that logins came
 * from. */
#pragma once

#include "accept/accept.h"

struct accept_shared;

/* What a key stands for: keys of different kinds never meet, whatever bytes a stranger chooses as login. */
enum shared_kind { SHARED_ADDRESS, SHARED_NETWORK, SHARED_LOGIN, SHARED_ACCOUNT, SHARED_PLACE };

/* A number as key: for an address (IPv6: its /64), the network around it (/24; IPv6: /48), a login or an account. An IPv4 address
 * is the same in its v4-mapped form. */
uint64_t shared_key_address(const struct sockaddr *sa);
uint64_t shared_key_network(const struct sockaddr *sa);
uint64_t shared_key_text(enum shared_kind kind, struct str text);

/* One more under the key; false, and nothing counted, when there are `most` already. */
bool shared_enter(struct accept_shared *s, uint64_t key, uint32_t most);
void shared_leave(struct accept_shared *s, uint64_t key);

/* A failed login: returns how many there were within window_ms; at failures_max the key is blocked for window_ms. */
uint32_t shared_failed(struct accept_shared *s, uint64_t key, uint32_t failures_max, int64_t window_ms, int64_t now_ms);
bool shared_blocked(struct accept_shared *s, uint64_t key, int64_t now_ms);
/* The password was right: up to `most` failures of the key are forgiven (none while it is blocked); returns how many. */
uint32_t shared_forgive(struct accept_shared *s, uint64_t key, uint32_t most, int64_t now_ms);

/* A login and the address that it came from, both as keys: seen is told of each that was good, known asks. What is known may be
 * forgotten for newer ones. */
void shared_seen(struct accept_shared *s, uint64_t login, uint64_t address);
bool shared_known(struct accept_shared *s, uint64_t login, uint64_t address);
