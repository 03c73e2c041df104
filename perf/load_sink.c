/* load_sink: takes mail as fast as it can on 127.0.0.1:PORT and notes in the mapping which ids came, how often, and how late.
 *
 *   load_sink PORT MAPPING
 *
 * A message tells its id and its time by one header line "X-Load: <id> <nanoseconds>", which must lie in the first bytes read of it. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { CHUNK = 256 * 1024, KEEP = 4096, EVENTS = 256 };

struct client {
    int    fd, in_data, has_id;
    size_t kept;
    char   keep[KEEP];
    uint64_t id, sent_ns;
};

static struct load *load;
static char         chunk[KEEP + CHUNK + 1];

static void note(struct client *c)
{
    uint64_t now = load_ns(), late = (now - c->sent_ns) / 10000;
    if (!load->first_ns)
        load->first_ns = now;
    load->last_ns = now;
    load->received++;
    if (!c->has_id)
        return;
    load->latency[late < LATENCY_SLOTS ? late : LATENCY_SLOTS]++;
    if (load->seen[c->id % LOAD_IDS]++)
        load->twice++;
}

static size_t command(struct client *c, const char *line, char *out)
{
    if (strncasecmp(line, "EHLO", 4) == 0)
        return (size_t)sprintf(out, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n");
    if (strncasecmp(line, "DATA", 4) == 0) {
        c->in_data = 1;
        c->has_id = 0;
        return (size_t)sprintf(out, "354 go\r\n");
    }
    return (size_t)sprintf(out, strncasecmp(line, "QUIT", 4) == 0 ? "221 bye\r\n" : "250 ok\r\n");
}

static void find_id(struct client *c, const char *p, size_t n)
{
    const char *at = c->has_id ? NULL : memmem(p, n < KEEP ? n : KEEP, "X-Load: ", 8);
    unsigned long long id, ns;
    if (at && sscanf(at + 8, "%llu %llu", &id, &ns) == 2) {
        c->id = id;
        c->sent_ns = ns;
        c->has_id = 1;
    }
}

/* Eats what it can; returns how much. Content ends at CRLF.CRLF, whose first CRLF may have come with DATA. */
static size_t eat(struct client *c, char *p, size_t n, char *out, size_t *out_n)
{
    size_t at = 0;
    while (at < n) {
        char *end = c->in_data ? memmem(p + at, n - at, "\r\n.\r\n", 5) : memchr(p + at, '\n', n - at);
        if (c->in_data)
            find_id(c, p + at, n - at);
        if (!end && c->in_data)
            return n - at > KEEP / 2 && c->has_id ? n - 4 : at;
        if (!end || *out_n > 8000)
            return at;
        if (c->in_data) {
            note(c);
            c->in_data = 0;
            *out_n += (size_t)sprintf(out + *out_n, "250 taken\r\n");
            at = (size_t)(end - p) + 5;
        } else {
            *out_n += command(c, p + at, out + *out_n);
            at = (size_t)(end - p) + 1;
        }
    }
    return at;
}

static void on_readable(struct client *c)
{
    char   out[9000];
    size_t out_n = 0;
    memcpy(chunk, c->keep, c->kept);
    ssize_t n = read(c->fd, chunk + c->kept, CHUNK);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        close(c->fd);
        free(c);
        return;
    }
    size_t all = c->kept + (size_t)n;
    chunk[all] = '\0';
    size_t ate = eat(c, chunk, all, out, &out_n);
    while (all - ate > KEEP) /* a long content without its end: only its tail matters */
        ate = all - KEEP;
    c->kept = all - ate;
    memcpy(c->keep, chunk + ate, c->kept);
    if (out_n && write(c->fd, out, out_n) < 0 && errno != EPIPE)
        perror("write");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    int                s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, ep = epoll_create1(0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (struct sockaddr *)&a, sizeof a) != 0 || listen(s, 1024) != 0) {
        perror("listen");
        return 1;
    }
    load = load_map(argv[2], 1);
    struct epoll_event e = {.events = EPOLLIN}, list[EVENTS];
    epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
    for (;;) {
        int n = epoll_wait(ep, list, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (list[i].data.ptr) {
                on_readable(list[i].data.ptr);
                continue;
            }
            int            fd = accept4(s, NULL, NULL, SOCK_NONBLOCK);
            struct client *c = fd >= 0 ? calloc(1, sizeof *c) : NULL;
            if (!c)
                continue;
            c->fd = fd;
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            e.data.ptr = c;
            epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
            e.data.ptr = NULL;
            if (write(fd, "220 sink\r\n", 10) != 10)
                perror("write");
        }
    }
}
