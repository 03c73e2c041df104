/* receiver: see receiver.h. Blocking and simple: it receives a handful of messages. */
#include "demo/receiver.h"

#include "lib/must.h"
#include "lib/str.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THINK_S = 2, GREY_S = 1 };

static const struct persona {
    const char *local, *reply; /* to RCPT; NULL: taken */
} personas[] = {
    {"unknown", "550 5.1.1 <unknown@receiver.test>: Recipient address rejected: User unknown in virtual mailbox table"},
    {"full",
     "452 4.2.2 The email account that you tried to reach is over quota. Please direct the recipient to clear some space"},
    {"blocked",
     "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a block list; see https://blocklist.test/query"},
    {"spam", "550 5.7.1 Message rejected due to content judged to be spam"},
};

/* Whom the greylisting one has seen, and when first; more than these are never greylisted. */
enum { SEEN_MAX = 64, ADDRESS_MAX = 64 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct seen {
    char address[ADDRESS_MAX];
    time_t at;
} seen[SEEN_MAX];

static bool too_early(const char *address)
{
    size_t n = strcspn(address, ">\r\n"), i = 0;
    if (n >= ADDRESS_MAX)
        return false;
    while (i < SEEN_MAX && seen[i].at && (strlen(seen[i].address) != n || memcmp(seen[i].address, address, n) != 0))
        i++;
    if (i == SEEN_MAX)
        return false;
    if (!seen[i].at) {
        memcpy(seen[i].address, address, n);
        seen[i].at = time(NULL);
    }
    return time(NULL) - seen[i].at < GREY_S;
}

static const char *reply_to(const char *address)
{
    for (size_t i = 0; i < sizeof personas / sizeof *personas; i++)
        if (strncmp(address, personas[i].local, strlen(personas[i].local)) == 0)
            return personas[i].reply;
    if (strncmp(address, "grey", 4) != 0)
        return NULL;
    pthread_mutex_lock(&lock);
    bool refused = too_early(address);
    pthread_mutex_unlock(&lock);
    return refused ? "451 4.7.1 Greylisted, please come back in a while" : NULL;
}

/* Reading and writing have a stream each: they are interleaved as the client pipelines. */
struct line {
    FILE *in, *out;
};

static void say(struct line *f, const char *line)
{
    fprintf(f->out, "%s\r\n", line);
    fflush(f->out);
}

static void take_content(struct line *f, bool slow)
{
    char line[4096];
    say(f, "354 go ahead");
    while (fgets(line, sizeof line, f->in) && strcmp(line, ".\r\n") != 0)
        ;
    if (slow)
        sleep(THINK_S);
    say(f, "250 2.0.0 Queued for the mailbox");
}

static void rcpt(struct line *f, const char *line, bool *slow, unsigned *taken)
{
    const char *at = strchr(line, '<'), *refusal = at ? reply_to(at + 1) : "501 5.5.4 an address, please";
    if (!refusal)
        ++*taken;
    *slow = *slow || (at && strncmp(at + 1, "slow", 4) == 0);
    say(f, refusal ? refusal : "250 2.1.5 fine");
}

static void converse(struct line *f)
{
    char line[2048];
    bool slow = false;
    unsigned taken = 0;
    say(f, "220 receiver.test ESMTP");
    while (fgets(line, sizeof line, f->in)) {
        if (strncasecmp(line, "EHLO", 4) == 0)
            say(f, "250-receiver.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 10000000\r\n250 ENHANCEDSTATUSCODES");
        else if (strncasecmp(line, "MAIL", 4) == 0 || strncasecmp(line, "RSET", 4) == 0) {
            slow = false;
            taken = 0;
            say(f, "250 2.1.0 fine");
        } else if (strncasecmp(line, "RCPT", 4) == 0)
            rcpt(f, line, &slow, &taken);
        else if (strncasecmp(line, "DATA", 4) == 0 && taken)
            take_content(f, slow);
        else if (strncasecmp(line, "QUIT", 4) == 0) {
            say(f, "221 2.0.0 bye");
            return;
        } else
            say(f, strncasecmp(line, "DATA", 4) == 0 ? "554 5.5.1 no valid recipients" : "502 5.5.1 not here");
    }
}

static void *serve_one(void *arg)
{
    int fd = (int)(intptr_t)arg, one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* or each reply waits for the client's delayed ACK */
    struct line f = {fdopen(fd, "r"), fdopen(dup(fd), "w")};
    if (f.in && f.out)
        converse(&f);
    if (f.in)
        fclose(f.in);
    if (f.out)
        fclose(f.out);
    return NULL;
}

void receiver_run(int listen_fd)
{
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        pthread_t thread;
        if (fd >= 0 && pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd) == 0)
            pthread_detach(thread);
        else if (fd >= 0)
            close(fd);
    }
}
