/* note: what this server noticed or decided by itself, where no reply of another server says it. In the log it is a fact and not
 * a sentence: one of these words, and sometimes a detail behind it ("tls-failed unsupported protocol"). explain/noticed.h tells
 * it in the reader's language. */
#pragma once

#include "lib/str.h"

/* clang-format off */
#define NOTES(ROW)                                                                                                  \
    /* looking up a domain; the detail is the name that was asked for */                                            \
    ROW(NO_DOMAIN, "no-domain") ROW(NULL_MX, "null-mx") ROW(MX_UNUSABLE, "mx-unusable") ROW(MX_IS_US, "mx-is-us")   \
    ROW(NO_MX_NO_ADDRESS, "no-mx-no-address") ROW(HOST_NO_ADDRESS, "host-no-address")                               \
    ROW(HOSTS_NO_ADDRESS, "hosts-no-address") ROW(LITERAL_REFUSED, "literal-refused") ROW(DNS_FAILED, "dns-failed") \
    ROW(DNSSEC_BOGUS, "dnssec-bogus") ROW(RESOLVER_FAILED, "resolver-failed")                                       \
    /* connecting; the detail, where there is one, is the system's name of the error */                             \
    ROW(NO_HOST, "no-host") ROW(REFUSED, "refused") ROW(CONNECT_TIMEOUT, "connect-timeout")                         \
    ROW(UNREACHABLE, "unreachable") ROW(CONNECT_FAILED, "connect-failed") ROW(NONE_REACHED, "none-reached")         \
    /* in conversation; the detail is the system's name of the error, or OpenSSL's words */                         \
    ROW(SILENCE, "silence") ROW(HUNG_UP, "hung-up") ROW(RESET, "reset") ROW(STOPPED, "stopped")                     \
    ROW(TLS_FAILED, "tls-failed") ROW(TLS_BROKE, "tls-broke") ROW(TLS_TIMEOUT, "tls-timeout")                       \
    ROW(TLS_NOT_OFFERED, "tls-not-offered") ROW(TLS_INJECTED, "tls-injected") ROW(NO_LOGIN, "no-login")             \
    ROW(NO_SMTP, "no-smtp") ROW(UNASKED, "unasked") ROW(TOO_EARLY, "too-early")                                     \
    /* a demand on the connection that was not met: see explain/demand.h */                                         \
    ROW(DEMAND, "demand") ROW(NO_TLSA, "no-tlsa") ROW(NO_REQUIRETLS, "no-requiretls")                               \
    /* what the receiver does not take, so that it was not asked */                                                 \
    ROW(TOO_LARGE, "too-large") ROW(NO_SMTPUTF8, "no-smtputf8") ROW(NO_8BIT, "no-8bit")                             \
    /* into a mailbox of this machine; the detail is the system's name of the error */                              \
    ROW(BOX_WRITTEN, "box-written") ROW(BOX_NAME, "box-name") ROW(BOX_FAILED, "box-failed")                         \
    /* decided here; for the details see engine/suppressed.c and engine/letters.c */                               \
    ROW(SUPPRESSED, "suppressed") ROW(UNREADABLE, "unreadable") ROW(ASKED_RETRY, "asked-retry")                     \
    ROW(ASKED_HOLD, "asked-hold") ROW(ASKED_RELEASE, "asked-release") ROW(ASKED_DROP, "asked-drop")                 \
    /* remarks between the lines of a dialogue */                                                                   \
    ROW(CONTENT, "content") ROW(NEW_CONNECTION, "new-connection") ROW(WITHOUT_TLS, "without-tls")
/* clang-format on */

#define NOTE_ROW(name, word) NOTE_##name,
enum note { NOTE_NONE, NOTES(NOTE_ROW) NOTE_COUNT };
#undef NOTE_ROW

enum { NOTE_MAX = 320 }; /* a word, and a domain, a host or an account */

const char *note_word(enum note n);
/* Writes the word and, unless it is "", the detail; what is too long is cut. */
void note_put(char out[NOTE_MAX], enum note n, const char *detail);
/* NOTE_NONE: none of ours (of another version); *ret_detail is then all of it. */
enum note note_take(struct str text, struct str *ret_detail);
