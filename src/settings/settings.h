/* settings: the settings file as an immutable, counted snapshot. Every option is a row of one table (options.c), which feeds the
 * parser, the defaults, the bounds and `goniec check-config --defaults`.
 *
 * A bad file yields one sentence with file:line and changes nothing. A snapshot holds all that the children need, keys and
 * certificates included, because they run without the right to read them again. */
#pragma once

#include "accept/accept.h"
#include "deliver/deliver.h"
#include "lib/fault.h"
#include "prepare/prepare.h"
#include "route/route.h"
#include "schedule/schedule.h"
#include "sign/sign.h"
#include "verify/verify.h"

#include <stdio.h>

struct settings_listener {
    struct sockaddr_storage addr;
    socklen_t addr_len;
    enum door door;
    struct str text; /* "0.0.0.0:25" */
};

struct settings {
    atomic_uint refs;
    struct arena arena; /* holds everything below */
    struct str file;    /* where it was read from, for complaints */
    unsigned *line;     /* by option: where it stands in the file; 0: nowhere */
    struct str hostname, data_directory, user;
    uint32_t workers; /* at least 1 */
    struct settings_listener *listener;
    size_t listeners;
    struct str http_address;             /* "" : no HTTP */
    struct str tls_certificate, tls_key; /* paths; "" : a self-signed one is made in the data directory */
    struct str tls_trusted;              /* path; "" : the system's authorities */
    struct str tls_chain_pem,
        tls_key_pem;            /* the files' contents, after settings_read_keys; of tls_trusted: deliver.tls_trusted_pem */
    struct str tls_report_from; /* address that TLS reports are sent from; "" : none are sent */
    uint32_t tls_report_delay_s;
    struct str sts_host; /* where policies are fetched; "" : at their own hosts */
    struct str language; /* of notifications: "pl", "en", "pl,en", "en,pl" */
    uint32_t segment_bytes, follower_max_lag_segments;
    uint64_t disk_free_min, content_memory_max;
    bool direct_io;
    uint32_t drain_ms, keep_stories_s, dsn_quote_max;
    bool return_path;                              /* mail of domains that have one leaves with a return path of ours */
    bool suppress_automatic, suppress_server_wide; /* what the office does about dead addresses */
    bool suppress_complaints;                      /* and about people who call a message spam */
    uint32_t suppress_failures, suppress_expires_s;
    struct accept_settings accept; /* without tls and accounts: the engine adds them */
    struct prepare_settings prepare;
    struct sign_settings sign;
    struct verify_settings verify;
    struct route_settings route;
    struct schedule_settings schedule;
    struct deliver_settings deliver;
    struct source source;
};

/* Parses the text (of the file called `name` in messages); the caller owns one reference. */
bool settings_parse(struct settings **ret, const char *name, struct str text, struct fault *f);
/* Reads and parses the file; also reads certificate and key (making self-signed ones when none are set). */
bool settings_load(struct settings **ret, const char *path, struct fault *f);
/* Whether settings_load would take the file; makes and keeps nothing. */
bool settings_check(const char *path, struct fault *f);
struct settings *settings_ref(struct settings *s);
void settings_free(struct settings **s);

/* One packed copy of the file's text, certificate and key, to hand to a process that may not read them; and back. */
void settings_pack(const char *name, struct str text, const struct settings *s, struct buf *b);
bool settings_unpack(struct settings **ret, struct str packed, struct fault *f);

/* "FILE:LINE" where an option of one of the sections without a title stands, "FILE" when it stands nowhere; returns out. */
enum { SETTINGS_WHERE = 600 };
const char *settings_where(const struct settings *s, const char *section, const char *name, char out[SETTINGS_WHERE]);

/* Hands over every option that there is, section by section, for the manual. */
struct settings_option {
    const char *section; /* "": top level */
    bool titled, list;   /* a section that may stand several times; a list of values */
    const char *name, *fallback, *form, *sentence;
};
typedef void settings_option_fn(void *ctx, const struct settings_option *o);
void settings_each(settings_option_fn *fn, void *ctx);

/* Prints every option with its default, bounds and sentence, as a settings file. */
void settings_print_defaults(FILE *out);
