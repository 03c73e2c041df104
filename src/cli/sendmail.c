/* sendmail: how scripts and cron hand in mail. Options as other sendmails take them; the message goes by SMTP to the server's
 * local socket (GONIEC_SUBMIT, else /var/lib/goniec/run/submit.sock), which trusts local users. Exit codes are sysexits. */
#include "cli/cli.h"
#include "cli/common.h"
#include "lib/net.h"
#include "mail/dot.h"
#include "mail/header.h"
#include "mail/mailbox.h"
#include "mail/reply.h"
#include "mail/utf8.h"

#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

enum { MESSAGE_MAX = 100 * 1024 * 1024, RECIPIENTS_MAX = 10000, WAIT_S = 120 };

struct outgoing {
    bool from_header, dots_are_text, list; /* -t, -i, -bp */
    const char *sender, *full_name;
    struct buf message;
    struct arena arena;
    struct str *rcpt;
    unsigned rcpts;
};

/* ---- what the command line says ---- */

static void add_rcpt(struct outgoing *o, struct str address)
{
    if (!o->rcpt)
        o->rcpt = arena_alloc(&o->arena, RECIPIENTS_MAX * sizeof *o->rcpt);
    if (o->rcpts < RECIPIENTS_MAX)
        o->rcpt[o->rcpts++] = arena_str(&o->arena, address);
}

/* Options of old that change nothing here are taken in silence, so that scripts go on working. */
static bool read_options(struct outgoing *o, int argc, char **argv)
{
    int c;
    opterr = 0;
    optind = 0;
    while ((c = getopt(argc, argv, "+tiUnmvGA:B:C:D:F:N:O:R:V:X:b:d:e:f:h:L:o:p:q::r:")) != -1) {
        if (c == 't')
            o->from_header = true;
        else if (c == 'i' || (c == 'o' && strcmp(optarg, "i") == 0))
            o->dots_are_text = true;
        else if (c == 'f' || c == 'r')
            o->sender = optarg;
        else if (c == 'F')
            o->full_name = optarg;
        else if (c == 'b' && strcmp(optarg, "p") == 0)
            o->list = true;
        else if ((c == 'b' && strcmp(optarg, "m") != 0) || c == '?')
            return false;
    }
    for (int i = optind; i < argc; i++)
        add_rcpt(o, str_of(argv[i]));
    return true;
}

/* ---- the message ---- */

/* Lines become CRLF; without -i a lone dot ends the message. */
static bool read_message(struct outgoing *o)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    bool good = true;
    o->message.max = MESSAGE_MAX;
    while (good && (n = getline(&line, &cap, stdin)) > 0) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            n--;
        if (!o->dots_are_text && n == 1 && line[0] == '.')
            break;
        for (ssize_t i = 0; i < n; i++)
            if (line[i] == '\r')
                line[i] = ' ';
        good = buf_add(&o->message, line, (size_t)n) && buf_add_str(&o->message, STR("\r\n"));
    }
    free(line);
    return good;
}

/* Takes the addresses of a list: "Name <a@b>, c@d (comment)"; quotes and comments are skipped, groups are flattened. */
static void add_list(struct outgoing *o, struct str list)
{
    struct buf word = {0};
    unsigned depth = 0;
    bool quoted = false, angle = false;
    for (size_t i = 0; i <= list.n; i++) {
        char c = i < list.n ? list.p[i] : ',';
        if (c == '\\' && (quoted || depth) && i + 1 < list.n)
            i++;
        else if (c == '"' && !depth && !angle)
            quoted = !quoted;
        else if (!quoted && c == '(')
            depth++;
        else if (!quoted && depth && c == ')')
            depth--;
        else if (quoted || depth)
            continue;
        else if (c == '<') {
            word.n = 0;
            angle = true;
        } else if (c == '>' || c == ',' || c == ';') {
            if (word.n)
                add_rcpt(o, buf_str(&word));
            word.n = 0;
            angle = c == '>' ? false : angle;
            if (c == '>') /* what follows up to the comma belongs to nobody */
                while (i + 1 < list.n && list.p[i + 1] != ',' && list.p[i + 1] != ';')
                    i++;
        } else if (c == ':')
            word.n = 0;
        else if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
            buf_add(&word, &c, 1);
    }
    buf_done(&word);
}

static void recipients_from_header(struct outgoing *o)
{
    struct header_scan s;
    struct header_field f;
    enum header_step step;
    header_scan_init(&s, buf_str(&o->message), 0);
    while ((step = header_next(&s, &f)) == HEADER_FIELD || step == HEADER_JUNK)
        if (step == HEADER_FIELD &&
            (str_eq_nocase(f.name, STR("To")) || str_eq_nocase(f.name, STR("Cc")) || str_eq_nocase(f.name, STR("Bcc"))))
            add_list(o, f.value);
}

static void default_sender(struct outgoing *o)
{
    char host[256] = "localhost";
    struct passwd *p = getpwuid(getuid());
    struct buf b = {0};
    gethostname(host, sizeof host - 1);
    if (!o->sender || !strchr(o->sender, '@')) {
        bool null = o->sender && (!*o->sender || strcmp(o->sender, "<>") == 0);
        if (!null)
            buf_addf(&b, "%s@%s", o->sender ? o->sender : p ? p->pw_name : "nobody", host);
        o->sender = arena_strz(&o->arena, str_mem(b.p ? b.p : "", b.n));
    }
    buf_done(&b);
}

/* A message needs From; one that begins without any header gets a blank line before its text. */
static void complete_header(struct outgoing *o)
{
    struct header_scan s;
    struct header_field f;
    struct buf front = {0};
    header_scan_init(&s, buf_str(&o->message), 0);
    bool no_header = header_next(&s, &f) != HEADER_FIELD && o->message.n && !(o->message.p[0] == '\r');
    if (!header_find(buf_str(&o->message), STR("From"), 0, &f) && *o->sender) {
        if (o->full_name)
            buf_addf(&front, "From: \"%s\" <%s>\r\n", o->full_name, o->sender);
        else
            buf_addf(&front, "From: %s\r\n", o->sender);
    }
    if (no_header)
        buf_add_str(&front, STR("\r\n"));
    buf_add_str(&front, buf_str(&o->message));
    buf_done(&o->message);
    o->message = front;
}

/* ---- the conversation ---- */

struct line {
    int fd;
    struct reply_parser parser;
    struct reply reply;
    char text[500]; /* what went wrong */
};

static bool hear(struct line *l, int want)
{
    char chunk[2048];
    size_t taken;
    for (;;) {
        ssize_t n = recv(l->fd, chunk, sizeof chunk, 0);
        if (n <= 0) {
            snprintf(l->text, sizeof l->text, "the server went away");
            l->reply.code = 0;
            return false;
        }
        enum reply_status s = reply_feed(&l->parser, chunk, (size_t)n, &taken, &l->reply);
        if (s == REPLY_MORE)
            continue;
        snprintf(l->text, sizeof l->text, "the server said: %d %.*s", l->reply.code,
                 (int)(l->reply.text.n > 400 ? 400 : l->reply.text.n), l->reply.text.p);
        return s == REPLY_DONE && l->reply.code / 100 == want;
    }
}

static bool send_all(struct line *l, struct str s)
{
    while (s.n > 0) {
        ssize_t n = send(l->fd, s.p, s.n, MSG_NOSIGNAL);
        if (n <= 0 && errno != EINTR) {
            snprintf(l->text, sizeof l->text, "the server went away");
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
    return hear(l, 2);
}

static int code_of(const struct line *l, int permanent) { return l->reply.code / 100 == 5 ? permanent : EX_TEMPFAIL; }

static int submit(struct line *l, const struct outgoing *o)
{
    bool utf8 = utf8_needed(str_of(o->sender));
    for (unsigned i = 0; i < o->rcpts; i++)
        utf8 |= utf8_needed(o->rcpt[i]);
    if (!hear(l, 2) || !say(l, 2, "EHLO localhost\r\n"))
        return EX_TEMPFAIL;
    if (!say(l, 2, "MAIL FROM:<%s> SIZE=%zu BODY=8BITMIME%s\r\n", o->sender, o->message.n, utf8 ? " SMTPUTF8" : ""))
        return code_of(l, EX_DATAERR);
    for (unsigned i = 0; i < o->rcpts; i++)
        if (!say(l, 2, "RCPT TO:<%.*s>\r\n", STR_ARGS(o->rcpt[i])))
            return code_of(l, EX_NOUSER);
    if (!say(l, 3, "DATA\r\n") || !send_content(l, buf_str(&o->message)))
        return code_of(l, EX_DATAERR);
    return say(l, 2, "QUIT\r\n") ? 0 : 0; /* it is accepted, whatever QUIT says */
}

static int connect_to(const char *path)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct timeval wait = {.tv_sec = WAIT_S};
    char address[600];
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

static int complain(int code, const char *text)
{
    fprintf(stderr, "sendmail: %s\n", text);
    return code;
}

static int hand_in(struct outgoing *o)
{
    const char *path = getenv("GONIEC_SUBMIT");
    struct line l = {.fd = connect_to(path ? path : "/var/lib/goniec/run/submit.sock")};
    char text[700];
    if (l.fd < 0) {
        snprintf(text, sizeof text, "the server cannot be reached at %s: %s", path ? path : "/var/lib/goniec/run/submit.sock",
                 strerror(errno));
        return complain(EX_TEMPFAIL, text);
    }
    int code = submit(&l, o);
    if (code)
        complain(code, l.text);
    reply_parser_done(&l.parser);
    close(l.fd);
    return code;
}

/* "user" alone means a user of this host. */
static void qualify(struct outgoing *o)
{
    char host[256] = "localhost";
    gethostname(host, sizeof host - 1);
    for (unsigned i = 0; i < o->rcpts; i++)
        if (o->rcpt[i].n && !memchr(o->rcpt[i].p, '@', o->rcpt[i].n)) {
            struct buf b = {0};
            buf_addf(&b, "%.*s@%s", STR_ARGS(o->rcpt[i]), host);
            o->rcpt[i] = arena_str(&o->arena, buf_str(&b));
            buf_done(&b);
        }
}

int cli_sendmail(int argc, char **argv)
{
    struct outgoing o = {0};
    int code;
    if (!read_options(&o, argc, argv))
        code = complain(EX_USAGE, "an option is not known here");
    else if (o.list)
        code = cli_mailq(1, argv);
    else if (!read_message(&o))
        code = complain(EX_DATAERR, "the message is too large");
    else {
        if (o.from_header)
            recipients_from_header(&o);
        default_sender(&o);
        qualify(&o);
        complete_header(&o);
        code = o.rcpts ? hand_in(&o) : complain(EX_USAGE, "no recipient: name one, or use -t with a To header");
    }
    buf_done(&o.message);
    arena_done(&o.arena);
    return code;
}
