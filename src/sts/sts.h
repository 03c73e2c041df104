/* sts: MTA-STS policies (RFC 8461): what a domain's TXT record and its policy say, which hosts a policy lists, and the list of
 * all policies that are known. The office fetches them and writes the list to a file; the engine reads it as an immutable
 * snapshot. No DNS and no HTTP here. */
#pragma once

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/fault.h"

enum { STS_ID_MAX = 32, STS_POLICY_MAX = 65536 /* bytes of a policy, RFC 8461 3.3 */, STS_AGE_MAX_S = 31557600 };

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

/* ---- the TXT record at _mta-sts.DOMAIN (RFC 8461 3.1) ---- */

/* STS_OTHER: a TXT record about something else, which counts for nothing. STS_BAD: one that makes the domain have no policy. */
enum sts_record { STS_OTHER, STS_BAD, STS_GOOD };
/* Reads one record's text, its strings joined; sets *ret_id, a view of it, when it is good. */
enum sts_record sts_record_parse(struct str text, struct str *ret_id);

/* ---- the policy at https://mta-sts.DOMAIN/.well-known/mta-sts.txt (RFC 8461 3.2) ---- */

struct sts_policy {
    enum sts_mode mode;
    uint32_t max_age_s; /* at most STS_AGE_MAX_S */
    struct str mx;      /* patterns, in lower case, each followed by a space; in the arena */
};
/* False when it is none, with a sentence's end in why ("it names no mail host"). */
bool sts_policy_parse(struct str text, struct arena *a, struct sts_policy *ret, char why[100]);
/* Does a policy's row of patterns list the host (A-labels, lower case, no final dot)? A wildcard stands for one label (4.1). */
bool sts_lists(struct str mx, struct str host);

/* ---- what is known of all domains ---- */

/* Texts are views of the list. A domain may have a policy (id.n > 0), a failure, or both: a policy outlives failures (5.1). */
struct sts_entry {
    struct str domain, id;
    enum sts_mode mode;
    int64_t fetched_s, expires_s; /* wall clock */
    struct str mx;
    struct str failed_id; /* the id for which fetching failed last; "" */
    int64_t failed_until_s;
};

/* Immutable and counted (any thread). */
struct sts_list;
/* Reads the file; one that does not exist is an empty list. Fails with a sentence when it is damaged. */
bool sts_list_load(struct sts_list **ret, const char *path, struct fault *f);
/* From its bytes, which are copied. */
bool sts_list_parse(struct sts_list **ret, struct str text, struct fault *f);
struct sts_list *sts_list_ref(struct sts_list *l);
void sts_list_free(struct sts_list **l);
/* NULL: nothing is known of the domain (A-labels, lower case). */
const struct sts_entry *sts_list_find(const struct sts_list *l, struct str domain);
/* All of them, by domain. */
const struct sts_entry *sts_list_entries(const struct sts_list *l, size_t *ret_n);

/* Writes a list of n entries, in any order, durably and at once in place of the old one. */
bool sts_list_write(const char *path, const struct sts_entry *e, size_t n, struct fault *f);
