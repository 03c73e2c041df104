/* receiver: see receiver.h. Blocking and simple: it receives a handful of messages. */
#include "demo/receiver.h"

#include "demo/cast.h"
#include "lib/must.h"
#include "lib/net.h"
#include "lib/str.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THINK_S = 2, GREY_S = 1, HOSTS_MAX = 128, PORTS_TRIED = 100 };

/* A listening socket, and whom it plays; NULL: the ordinary receiver. */
static struct host {
    int fd;
    const struct persona *plays;
} host[HOSTS_MAX];
static unsigned hosts;

/* ---- listening ---- */

int receiver_listen(const char *ip, int port)
{
    struct sockaddr_storage a;
    socklen_t len;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    must(net_parse_ip(str_of(ip), (uint16_t)port, &a, &len));
    if (fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 64) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool open_host(const char *ip, int port, const struct persona *plays)
{
    host[hosts] = (struct host){receiver_listen(ip, port), plays};
    return host[hosts].fd >= 0 && ++hosts;
}

static bool open_all(int port)
{
    bool good = open_host("127.0.0.1", port, NULL);
    must(cast_n < HOSTS_MAX);
    for (unsigned i = 0; good && i < cast_n; i++) {
        char ip[CAST_IP];
        cast_ip(i, ip);
        if (cast[i].reply)
            good = open_host(ip, port, &cast[i]);
    }
    return good;
}

bool receiver_open(int port, int *ret_port)
{
    for (int i = 0; i < PORTS_TRIED; i++) {
        *ret_port = port + i;
        if (open_all(port + i))
            return true;
        receiver_close();
    }
    return false;
}

void receiver_close(void)
{
    while (hosts > 0)
        close(host[--hosts].fd);
}

/* ---- greylisting ---- */

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

static const char *greylist(const char *address)
{
    if (strncmp(address, "grey", 4) != 0)
        return NULL;
    pthread_mutex_lock(&lock);
    bool refused = too_early(address);
    pthread_mutex_unlock(&lock);
    return refused ? "450 4.2.0 Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/receiver.test.html"
                   : NULL;
}

/* ---- a conversation ---- */

/* Reading and writing have a stream each: they are interleaved as the client pipelines. */
struct line {
    FILE *in, *out;
    const struct persona *plays;
    bool mail, slow; /* MAIL was taken; the message is for a slow one */
    unsigned taken;  /* recipients */
    bool over;
};

static void say(struct line *f, const char *line)
{
    fprintf(f->out, "%s\r\n", line);
    fflush(f->out);
    f->over |= strncmp(line, "421", 3) == 0; /* RFC 5321 3.8 */
}

/* The persona's refusal, if this is its moment; otherwise the usual. True: the usual was said. */
static bool answer(struct line *f, enum phase now, const char *usual)
{
    bool refuses = f->plays && f->plays->phase == now;
    say(f, refuses ? f->plays->reply : usual);
    return !refuses;
}

static void rcpt(struct line *f, const char *line)
{
    const char *at = strchr(line, '<'), *grey = at && !f->plays ? greylist(at + 1) : NULL;
    if (!f->mail || !at || grey)
        say(f, grey ? grey : f->mail ? "501 5.5.4 an address, please" : "503 5.5.1 MAIL first");
    else if (answer(f, PHASE_RCPT, "250 2.1.5 fine"))
        f->taken++;
    f->slow |= at && strncmp(at + 1, "slow", 4) == 0;
}

static void content(struct line *f)
{
    char line[4096];
    say(f, "354 go ahead");
    while (fgets(line, sizeof line, f->in) && strcmp(line, ".\r\n") != 0)
        ;
    if (f->slow)
        sleep(THINK_S);
    answer(f, PHASE_BODY, "250 2.0.0 Queued for the mailbox");
}

static void command(struct line *f, const char *line)
{
    if (strncasecmp(line, "EHLO", 4) == 0) {
        say(f, "250-receiver.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 10000000\r\n250 ENHANCEDSTATUSCODES");
    } else if (strncasecmp(line, "MAIL", 4) == 0) {
        f->mail = answer(f, PHASE_MAIL, "250 2.1.0 fine");
        f->slow = false;
        f->taken = 0;
    } else if (strncasecmp(line, "RCPT", 4) == 0) {
        rcpt(f, line);
    } else if (strncasecmp(line, "DATA", 4) == 0 && f->taken) {
        content(f);
    } else if (strncasecmp(line, "DATA", 4) == 0) {
        say(f, "554 5.5.1 no valid recipients");
    } else if (strncasecmp(line, "RSET", 4) == 0) {
        f->mail = false;
        f->taken = 0;
        say(f, "250 2.0.0 fine");
    } else if (strncasecmp(line, "QUIT", 4) == 0) {
        say(f, "221 2.0.0 bye");
        f->over = true;
    } else {
        say(f, "502 5.5.1 not here");
    }
}

static void converse(struct line *f)
{
    char line[2048];
    f->over = !answer(f, PHASE_BANNER, "220 receiver.test ESMTP");
    while (!f->over && fgets(line, sizeof line, f->in))
        command(f, line);
}

/* ---- serving ---- */

struct guest {
    int fd;
    const struct persona *plays;
};

static void *serve_one(void *arg)
{
    struct guest *g = arg;
    int one = 1;
    setsockopt(g->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* or each reply waits for the client's delayed ACK */
    struct line f = {.in = fdopen(g->fd, "r"), .out = fdopen(dup(g->fd), "w"), .plays = g->plays};
    if (f.in && f.out)
        converse(&f);
    if (f.in)
        fclose(f.in);
    if (f.out)
        fclose(f.out);
    free(g);
    return NULL;
}

static void *serve_host(void *arg)
{
    const struct host *h = arg;
    for (;;) {
        int fd = accept(h->fd, NULL, NULL);
        pthread_t thread;
        struct guest *g = fd >= 0 ? malloc(sizeof *g) : NULL;
        if (fd < 0)
            continue;
        must(g);
        *g = (struct guest){fd, h->plays};
        if (pthread_create(&thread, NULL, serve_one, g) == 0) {
            pthread_detach(thread);
            continue;
        }
        close(fd);
        free(g);
    }
    return NULL;
}

void receiver_run(void)
{
    pthread_t thread;
    for (unsigned i = 1; i < hosts; i++)
        must(pthread_create(&thread, NULL, serve_host, &host[i]) == 0);
    serve_host(&host[0]);
}
