/* load_gen: gives mail to 127.0.0.1:PORT as fast as it is taken, over CONNECTIONS, and waits until the sink has all of it.
 *
 *   load_gen PORT MAPPING MESSAGES BYTES CONNECTIONS keep|one [RATE [DOMAIN]]
 *
 * keep: connections are kept; one: one message over each. RATE: messages a second, 0: as fast as possible. DOMAIN: of the recipients.
 * Prints one JSON line: accepted and relayed per second, what was lost or came twice, latencies from 250 to the sink in milliseconds.
 * Exit 1 if anything was lost. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { EVENTS = 256, IN = 4096, STALL_S = 30 };
enum phase { BANNER, EHLO, READY, MAIL, RCPT, DATA, BODY, QUIT };

struct client {
    int        fd;
    enum phase phase;
    uint64_t   id;
    size_t     n, sent, head_n;
    char       in[IN + 1], head[400];
};

static struct sockaddr_in to = {.sin_family = AF_INET};
static struct load       *load;
static char              *body;
static size_t             body_n;
static uint64_t           messages, issued, accepted, refused, began_ns, last_ns;
static int                ep, keep;
static double             rate;
static const char        *domain = "dest.test"; /* of the recipients */

static void say(struct client *c, const char *text)
{
    if (write(c->fd, text, strlen(text)) < 0)
        perror("write");
}

static void open_one(struct client *c)
{
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->phase = BANNER;
    c->n = 0;
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        perror("connect");
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e);
}

static void send_body(struct client *c)
{
    while (c->sent < c->head_n + body_n) {
        struct iovec v[2] = {{c->head + c->sent, c->sent < c->head_n ? c->head_n - c->sent : 0}, {body, body_n}};
        size_t       past = c->sent > c->head_n ? c->sent - c->head_n : 0;
        v[1] = (struct iovec){body + past, body_n - past};
        ssize_t n = writev(c->fd, v[0].iov_len ? v : v + 1, v[0].iov_len ? 2 : 1);
        struct epoll_event e = {.events = EPOLLIN | (n < 0 ? EPOLLOUT : 0), .data.ptr = c};
        if (n < 0) {
            epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
            return;
        }
        c->sent += (size_t)n;
    }
}

static int may_issue(void)
{
    return issued < messages && (rate <= 0 || (double)issued < (double)(load_ns() - began_ns) / 1e9 * rate);
}

static void next(struct client *c)
{
    if (!may_issue()) {
        c->phase = issued < messages ? READY : QUIT;
        if (c->phase == QUIT)
            say(c, "QUIT\r\n");
        return;
    }
    c->id = issued++;
    c->phase = MAIL;
    say(c, "MAIL FROM:<sender@source.test>\r\n");
}

/* A reply's last line came. */
static void heard(struct client *c, int code)
{
    char line[100];
    if (code >= 400) {
        refused++;
        if (refused < 5)
            fprintf(stderr, "refused in phase %d: %.80s\n", (int)c->phase, c->in);
    }
    switch (c->phase) {
    case BANNER:
        c->phase = EHLO;
        say(c, "EHLO gen.test\r\n");
        return;
    case EHLO:
    case READY:
        next(c);
        return;
    case MAIL:
        c->phase = RCPT;
        snprintf(line, sizeof line, "RCPT TO:<u%llu@%s>\r\n", (unsigned long long)c->id, domain);
        say(c, line);
        return;
    case RCPT:
        c->phase = DATA;
        say(c, "DATA\r\n");
        return;
    case DATA:
        c->phase = BODY;
        c->sent = 0;
        c->head_n = (size_t)snprintf(c->head, sizeof c->head,
                                     "X-Load: %llu %llu\r\nFrom: <sender@source.test>\r\nTo: <u@dest.test>\r\nSubject: load\r\n"
                                     "Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMessage-ID: <%llu.%llu@gen.test>\r\n\r\n",
                                     (unsigned long long)c->id, (unsigned long long)load_ns(), (unsigned long long)c->id, (unsigned long long)began_ns);
        send_body(c);
        return;
    case BODY:
        accepted += code == 250;
        last_ns = load_ns();
        if (keep)
            next(c);
        else {
            c->phase = QUIT;
            say(c, "QUIT\r\n");
        }
        return;
    case QUIT:
        return;
    }
}

static void on_readable(struct client *c)
{
    ssize_t n = read(c->fd, c->in + c->n, IN - c->n);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        close(c->fd);
        c->fd = -1;
        if (issued < messages)
            open_one(c);
        return;
    }
    c->n += (size_t)n;
    c->in[c->n] = '\0';
    char *line = c->in, *end;
    while ((end = strchr(line, '\n'))) {
        if (line[3] != '-')
            heard(c, atoi(line));
        line = end + 1;
    }
    c->n -= (size_t)(line - c->in);
    memmove(c->in, line, c->n);
}

static double percentile(double p)
{
    uint64_t all = 0, sum = 0;
    for (int i = 0; i <= LATENCY_SLOTS; i++)
        all += load->latency[i];
    for (int i = 0; i <= LATENCY_SLOTS; i++)
        if ((double)(sum += load->latency[i]) >= (double)all * p)
            return i / 100.0;
    return 0;
}

static int report(void)
{
    uint64_t lost = 0;
    for (uint64_t i = 0; i < messages; i++)
        lost += load->seen[i % LOAD_IDS] == 0;
    double accept_s = (double)(last_ns - began_ns) / 1e9, relay_s = (double)(load->last_ns - began_ns) / 1e9;
    printf("{\"accept_per_s\":%.0f,\"relay_per_s\":%.0f,\"accepted\":%llu,\"refused\":%llu,\"received\":%llu,\"lost\":%llu,\"twice\":%llu,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
           (double)accepted / accept_s, (double)load->received / relay_s, (unsigned long long)accepted, (unsigned long long)refused,
           (unsigned long long)load->received, (unsigned long long)lost, (unsigned long long)load->twice, percentile(0.5), percentile(0.99));
    return lost || refused ? 1 : 0;
}

static int all_arrived(void)
{
    static uint64_t last, since;
    if (load->received != last || !since) {
        last = load->received;
        since = load_ns();
    }
    return load->received >= messages || load_ns() - since > (uint64_t)STALL_S * 1000000000u;
}

int main(int argc, char **argv)
{
    if (argc < 7)
        return 64;
    to.sin_port = htons((uint16_t)atoi(argv[1]));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load = load_map(argv[2], 0);
    messages = strtoull(argv[3], NULL, 10);
    size_t size = strtoull(argv[4], NULL, 10);
    int    clients = atoi(argv[5]);
    keep = strcmp(argv[6], "keep") == 0;
    rate = argc > 7 ? atof(argv[7]) : 0;
    domain = argc > 8 ? argv[8] : domain;
    body = malloc(size + 10);
    for (size_t i = 0; i < size; i++)
        body[i] = i % 78 == 76 ? '\r' : i % 78 == 77 ? '\n' : 'x';
    memcpy(body + size / 78 * 78, ".\r\n", 3);
    body_n = size / 78 * 78 + 3;
    ep = epoll_create1(0);
    began_ns = load_ns();
    struct client *list = calloc((size_t)clients, sizeof *list);
    for (int i = 0; i < clients; i++)
        open_one(&list[i]);
    struct epoll_event events[EVENTS];
    while (accepted + refused < messages) {
        int n = epoll_wait(ep, events, EVENTS, rate > 0 ? 1 : 1000);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if ((events[i].events & EPOLLOUT) && c->phase == BODY)
                send_body(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                on_readable(c);
        }
        for (int i = 0; rate > 0 && i < clients && may_issue(); i++)
            if (list[i].phase == READY)
                next(&list[i]);
    }
    while (!all_arrived())
        usleep(2000);
    return report();
}
