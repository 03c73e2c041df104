/* submit: see submit.h. RFC 5321, without pipelining: the socket is near. */
#include "submit/submit.h"

#include "lib/net.h"
#include "mail/dot.h"
#include "mail/reply.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

struct line {
    int fd;
    struct reply_parser parser;
    struct reply reply;
    char *why;
};

static bool hear(struct line *l, int want)
{
    char chunk[2048];
    size_t taken;
    for (;;) {
        ssize_t n = recv(l->fd, chunk, sizeof chunk, 0);
        if (n <= 0) {
            snprintf(l->why, SUBMIT_WHY, "the server went away");
            l->reply.code = 0;
            return false;
        }
        enum reply_status s = reply_feed(&l->parser, chunk, (size_t)n, &taken, &l->reply);
        if (s == REPLY_MORE)
            continue;
        snprintf(l->why, SUBMIT_WHY, "the server said: %d %.*s", l->reply.code,
                 (int)(l->reply.text.n > 400 ? 400 : l->reply.text.n), l->reply.text.p);
        return s == REPLY_DONE && l->reply.code / 100 == want;
    }
}

static bool send_all(struct line *l, struct str s)
{
    while (s.n > 0) {
        ssize_t n = send(l->fd, s.p, s.n, MSG_NOSIGNAL);
        if (n <= 0 && errno != EINTR) {
            snprintf(l->why, SUBMIT_WHY, "the server went away");
            l->reply.code = 0;
            return false;
        }
        if (n > 0)
            s = str_mem(s.p + n, s.n - (size_t)n);
    }
    return true;
}

static bool say(struct line *l, int want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static bool say(struct line *l, int want, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return n > 0 && (size_t)n < sizeof text && send_all(l, str_mem(text, (size_t)n)) && hear(l, want);
}

static bool send_content(struct line *l, struct str content)
{
    struct dot_encoder e;
    struct str span[16];
    dot_encoder_init(&e, content);
    for (size_t n; (n = dot_encode(&e, span, 16)) > 0;)
        for (size_t i = 0; i < n; i++)
            if (!send_all(l, span[i]))
                return false;
    return true;
}

static bool mail_from(struct line *l, const struct submit_mail *m)
{
    struct buf dsn = {0};
    bool utf8 = utf8_needed(m->sender);
    for (unsigned i = 0; i < m->rcpts; i++)
        utf8 |= utf8_needed(m->rcpt[i]);
    if (m->ret)
        buf_addf(&dsn, " RET=%s", m->ret);
    if (m->envid.n) {
        buf_add_str(&dsn, STR(" ENVID="));
        xtext_encode(m->envid, &dsn);
    }
    bool good = say(l, 2, "MAIL FROM:<%.*s> SIZE=%zu BODY=8BITMIME%s%.*s\r\n", STR_ARGS(m->sender), m->content.n,
                    utf8 ? " SMTPUTF8" : "", STR_ARGS(buf_str(&dsn)));
    buf_done(&dsn);
    return good;
}

static enum submit_end end_of(const struct line *l, enum submit_end permanent)
{
    return l->reply.code / 100 == 5 ? permanent : SUBMIT_LATER;
}

static enum submit_end converse(struct line *l, const struct submit_mail *m)
{
    if (!hear(l, 2) || !say(l, 2, "EHLO localhost\r\n"))
        return SUBMIT_LATER;
    if (!mail_from(l, m))
        return end_of(l, SUBMIT_REFUSED);
    for (unsigned i = 0; i < m->rcpts; i++)
        if (!say(l, 2, "RCPT TO:<%.*s>%s%s\r\n", STR_ARGS(m->rcpt[i]), m->notify ? " NOTIFY=" : "", m->notify ? m->notify : ""))
            return end_of(l, SUBMIT_RCPT_REFUSED);
    if (!say(l, 3, "DATA\r\n"))
        return end_of(l, SUBMIT_REFUSED);
    if (!send_content(l, m->content) || (!hear(l, 2) && l->reply.code == 0))
        return SUBMIT_DOUBTFUL;
    if (l->reply.code / 100 != 2)
        return end_of(l, SUBMIT_REFUSED);
    say(l, 2, "QUIT\r\n"); /* it is taken, whatever the answer is */
    return SUBMIT_TAKEN;
}

static int connect_to(const char *path, int wait_s)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct timeval wait = {.tv_sec = wait_s};
    char address[620];
    snprintf(address, sizeof address, "unix:%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && (!net_parse(str_of(address), &sa, &len) || connect(fd, (struct sockaddr *)&sa, len) != 0)) {
        close(fd);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    return fd;
}

enum submit_end submit(const char *socket_path, const struct submit_mail *m, int wait_s, char why[SUBMIT_WHY])
{
    struct line l = {.fd = connect_to(socket_path, wait_s), .why = why};
    if (l.fd < 0) {
        snprintf(why, SUBMIT_WHY, "the server cannot be reached at %.500s: %s", socket_path, strerror(errno));
        return SUBMIT_LATER;
    }
    enum submit_end end = converse(&l, m);
    reply_parser_done(&l.parser);
    close(l.fd);
    return end;
}
