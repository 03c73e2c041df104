/* sendmail: how scripts and cron hand in mail. Options as other sendmails take them; the message goes by SMTP to the server's
 * local socket (GONIEC_SUBMIT, else run/submit.sock in the data directory), which trusts local users. Exit codes are sysexits.
 *
 * -N, -R and -V are DSN parameters (RFC 3461), which our server offers. What goes into a command line of the protocol is checked
 * for control characters, what goes into a header is quoted or encoded: no option can add a command or a header. */
#include "cli/cli.h"
#include "cli/common.h"
#include "lib/base64.h"
#include "lib/net.h"
#include "mail/dot.h"
#include "mail/header.h"
#include "mail/mailbox.h"
#include "mail/reply.h"
#include "mail/utf8.h"
#include "mail/xtext.h"

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
    bool from_header, dots_are_text; /* -t, -i */
    char mode;                       /* the letter after -b; 'q' for -q */
    const char *sender, *full_name;
    const char *notify, *ret, *envid; /* -N, -R, -V */
    const char *wrong;                /* what cannot be done as it was asked; NULL: nothing */
    struct buf message;
    struct arena arena;
    struct str *rcpt;
    unsigned rcpts;
};

/* ---- what the command line says ---- */

static bool printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 33 || s.p[i] == 127 || s.p[i] == '<' || s.p[i] == '>')
            return false;
    return true;
}

static void add_rcpt(struct outgoing *o, struct str address)
{
    if (!o->rcpt)
        o->rcpt = arena_alloc(&o->arena, RECIPIENTS_MAX * sizeof *o->rcpt);
    if (o->rcpts == RECIPIENTS_MAX)
        o->wrong = "there are more than 10000 recipients: hand the message in for fewer at a time";
    else
        o->rcpt[o->rcpts++] = arena_str(&o->arena, address);
}

/* "never", or of success, failure and delay (RFC 3461 4.1). */
static bool notify_good(const char *text)
{
    struct str rest = str_of(text), word;
    if (str_eq_nocase(rest, STR("never")))
        return true;
    do {
        word = str_split(&rest, ',');
        if (!str_eq_nocase(word, STR("success")) && !str_eq_nocase(word, STR("failure")) && !str_eq_nocase(word, STR("delay")))
            return false;
    } while (rest.p);
    return true;
}

static void check_options(struct outgoing *o)
{
    if (o->notify && !notify_good(o->notify))
        o->wrong = "-N takes never, or success, failure and delay with commas between them";
    else if (o->ret && strcasecmp(o->ret, "full") != 0 && strcasecmp(o->ret, "hdrs") != 0)
        o->wrong = "-R takes full or hdrs";
    else if (o->envid && (!*o->envid || strlen(o->envid) > 100))
        o->wrong = "-V takes an id of 1 to 100 characters";
    else if (o->sender && strcmp(o->sender, "<>") != 0 && !printable(str_of(o->sender)))
        o->wrong = "the sender after -f is no address";
    else if (o->mode && !strchr("mpiq", o->mode))
        o->wrong = "only -bm, -bp and -bi are known of -b: the server itself is started with goniec serve";
}

static void take_option(struct outgoing *o, int c)
{
    if (c == 't')
        o->from_header = true;
    else if (c == 'i' || (c == 'o' && strcmp(optarg, "i") == 0))
        o->dots_are_text = true;
    else if (c == 'f' || c == 'r')
        o->sender = optarg;
    else if (c == 'F')
        o->full_name = optarg;
    else if (c == 'N')
        o->notify = optarg;
    else if (c == 'R')
        o->ret = optarg;
    else if (c == 'V')
        o->envid = optarg;
    else if (c == 'b')
        o->mode = optarg[0] ? optarg[0] : '?';
    else if (c == 'q')
        o->mode = 'q';
    else if (c == '?')
        o->wrong = "an option is not known here, or lacks its value: sendmail --help lists them";
}

/* Options of old that change nothing here are taken in silence, so that scripts go on working. */
static void read_options(struct outgoing *o, int argc, char **argv)
{
    int c;
    opterr = 0;
    optind = 0;
    while ((c = getopt(argc, argv, "+tiUnmvGA:B:C:D:F:N:O:R:V:X:b:d:e:f:h:L:o:p:q::r:")) != -1)
        take_option(o, c);
    for (int i = optind; i < argc; i++)
        add_rcpt(o, str_of(argv[i]));
    if (!o->wrong)
        check_options(o);
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

/* A name before an address: a quoted string, or encoded words where it is not ASCII (RFC 2047 2: at most 75 characters each). */
static void add_phrase(struct str name, struct buf *b)
{
    if (!utf8_needed(name)) {
        buf_add_str(b, STR("\""));
        for (size_t i = 0; i < name.n; i++) {
            char c = (unsigned char)name.p[i] < 32 || name.p[i] == 127 ? ' ' : name.p[i];
            buf_addf(b, c == '"' || c == '\\' ? "\\%c" : "%c", c);
        }
        buf_add_str(b, STR("\""));
        return;
    }
    for (const char *space = ""; name.n; space = " ") {
        struct str left = name;
        while (left.n && name.n - left.n <= 39)
            utf8_take(&left);
        buf_addf(b, "%s=?UTF-8?B?", space);
        base64_encode(str_mem(name.p, name.n - left.n), b);
        buf_add_str(b, STR("?="));
        name = left;
    }
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
        buf_add_str(&front, STR("From: "));
        if (o->full_name && *o->full_name)
            add_phrase(str_of(o->full_name), &front);
        buf_addf(&front, o->full_name && *o->full_name ? " <%s>\r\n" : "%s\r\n", o->sender);
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

static bool mail_from(struct line *l, const struct outgoing *o)
{
    struct buf dsn = {0};
    bool utf8 = utf8_needed(str_of(o->sender));
    for (unsigned i = 0; i < o->rcpts; i++)
        utf8 |= utf8_needed(o->rcpt[i]);
    if (o->ret)
        buf_addf(&dsn, " RET=%s", strcasecmp(o->ret, "full") == 0 ? "FULL" : "HDRS");
    if (o->envid) {
        buf_add_str(&dsn, STR(" ENVID="));
        xtext_encode(str_of(o->envid), &dsn);
    }
    bool good = say(l, 2, "MAIL FROM:<%s> SIZE=%zu BODY=8BITMIME%s%.*s\r\n", o->sender, o->message.n, utf8 ? " SMTPUTF8" : "",
                    STR_ARGS(buf_str(&dsn)));
    buf_done(&dsn);
    return good;
}

static int submit(struct line *l, const struct outgoing *o)
{
    if (!hear(l, 2) || !say(l, 2, "EHLO localhost\r\n"))
        return EX_TEMPFAIL;
    if (!mail_from(l, o))
        return code_of(l, EX_DATAERR);
    for (unsigned i = 0; i < o->rcpts; i++)
        if (!say(l, 2, "RCPT TO:<%.*s>%s%s\r\n", STR_ARGS(o->rcpt[i]), o->notify ? " NOTIFY=" : "", o->notify ? o->notify : ""))
            return code_of(l, EX_NOUSER);
    if (!say(l, 3, "DATA\r\n") || !send_content(l, buf_str(&o->message)))
        return code_of(l, EX_DATAERR);
    say(l, 2, "QUIT\r\n"); /* it is accepted, whatever the answer is */
    return 0;
}

static int connect_to(const char *path)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct timeval wait = {.tv_sec = WAIT_S};
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

static int complain(int code, const char *text)
{
    fprintf(stderr, "sendmail: %s\n", text);
    return code;
}

static const char *data_directory(void)
{
    const char *data = getenv("GONIEC_DATA");
    return data && *data ? data : "/var/lib/goniec";
}

static int hand_in(struct outgoing *o)
{
    char path[600], text[700];
    const char *named = getenv("GONIEC_SUBMIT");
    if (named && *named)
        snprintf(path, sizeof path, "%s", named);
    else
        snprintf(path, sizeof path, "%.500s/run/submit.sock", data_directory());
    struct line l = {.fd = connect_to(path)};
    if (l.fd < 0) {
        snprintf(text, sizeof text, "the server cannot be reached at %.500s: %s", path, strerror(errno));
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

static bool rcpts_printable(const struct outgoing *o)
{
    for (unsigned i = 0; i < o->rcpts; i++)
        if (!printable(o->rcpt[i]))
            return false;
    return true;
}

static int send_message(struct outgoing *o)
{
    if (!read_message(o))
        return complain(EX_DATAERR, "the message is larger than 100 MB");
    if (o->from_header)
        recipients_from_header(o);
    if (o->wrong)
        return complain(EX_USAGE, o->wrong);
    if (!o->rcpts)
        return complain(EX_USAGE, "no recipient: name one, or use -t with a To header");
    if (!rcpts_printable(o))
        return complain(EX_NOUSER, "a recipient is no address: it has white space, control characters or angle brackets in it");
    default_sender(o);
    qualify(o);
    complete_header(o);
    return hand_in(o);
}

/* -q: what waits is tried now. */
static int flush_queue(void)
{
    struct common c = {.data = data_directory()};
    struct buf answer = {.max = 65536};
    struct fault f;
    bool good = common_control(&c, "retry all", &answer, &f);
    buf_done(&answer);
    return good ? 0 : complain(EX_UNAVAILABLE, f.text);
}

int cli_sendmail(const struct command *me, int argc, char **argv)
{
    static const struct command list = {.name = "mailq", .takes = TAKES_DATA, .forms = ""};
    struct outgoing o = {0};
    int code;
    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        command_help(me, stdout);
        return 0;
    }
    read_options(&o, argc, argv);
    if (o.wrong)
        code = complain(EX_USAGE, o.wrong);
    else if (o.mode == 'p')
        code = cli_mailq(&list, 1, argv);
    else if (o.mode == 'i')
        code = 0; /* there is no alias database to rebuild */
    else
        code = o.mode == 'q' && !o.rcpts && !o.from_header ? flush_queue() : send_message(&o);
    buf_done(&o.message);
    arena_done(&o.arena);
    return code;
}
