/* How many replies one core explains in a second. Run by hand: `meson test -C build --benchmark 'explain'`, or under callgrind
 * for instructions a reply. The replies are examples of the rules, of all kinds and lengths. */
#include "explain/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const replies[] = {
    "550-5.1.1 The email account that you tried to reach does not exist. Please try\n550-5.1.1 double-checking the recipient's "
    "email "
    "address for typos or\n550-5.1.1 unnecessary spaces. For more information, go to\n550 5.1.1 "
    "https://support.google.com/mail/?p=NoSuchUser d12-20020a si1234567 - gsmtp",
    "550 5.1.1 <jan@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
    "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using zen.spamhaus.org; "
    "https://www.spamhaus.org/query/ip/192.0.2.10",
    "450 4.2.0 <jan@example.org>: Recipient address rejected: Greylisted, see "
    "http://postgrey.schweikert.ch/help/example.org.html",
    "452 4.2.2 The email account that you tried to reach is over quota.",
    "421 4.7.0 [TSS04] Messages from 192.0.2.10 temporarily deferred due to unexpected volume or user complaints",
    "550 5.4.1 Recipient address rejected: Access denied. [AM4PEPF00027A5D.eurprd04.prod.outlook.com 2026-03-01T10:00:00.000Z]",
    "554 5.7.1 Nie przyjmiemy tej wiadomo\xC5\x9B"
    "ci, poniewa\xC5\xBC jest to SPAM",
    "550 No such user",
    "421 4.3.2 Service shutting down",
};
enum { REPLIES = sizeof replies / sizeof replies[0] };

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 100000, known = 0;
    size_t bytes = 0;
    struct timespec from, to;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    for (unsigned i = 0; i < rounds; i++) {
        for (unsigned k = 0; k < REPLIES; k++) {
            struct explain_input in = {.text = str_of(replies[k]), .phase = PHASE_RCPT};
            known += explain(&in).confidence > 0;
            bytes += in.text.n;
        }
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    printf("%u replies of %.0f bytes: %.0f a second\n", known, (double)bytes / known, known / seconds);
    return 0;
}
