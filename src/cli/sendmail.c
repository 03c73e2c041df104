/* sendmail: how scripts and cron hand in mail. Options as other sendmails take them; the message goes by SMTP to the server's
 * local socket (GONIEC_SUBMIT, else run/submit.sock in the data directory), which trusts local users. Exit codes are sysexits.
 *
 * -N, -R and -V are DSN parameters (RFC 3461), which our server offers. What goes into a command line of the protocol is checked
 * for control characters, what goes into a header is quoted or encoded: no option can add a command or a header. */
#include "cli/cli.h"
#include "cli/common.h"
#include "lib/base64.h"
#include "mail/header.h"
#include "mail/mailbox.h"
#include "mail/utf8.h"
#include "submit/submit.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- handing it in ---- */

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
    static const int codes[] = {[SUBMIT_REFUSED] = EX_DATAERR,
                                [SUBMIT_RCPT_REFUSED] = EX_NOUSER,
                                [SUBMIT_LATER] = EX_TEMPFAIL,
                                [SUBMIT_DOUBTFUL] = EX_TEMPFAIL};
    char path[600], text[SUBMIT_WHY];
    const char *named = getenv("GONIEC_SUBMIT");
    if (named && *named)
        snprintf(path, sizeof path, "%s", named);
    else
        snprintf(path, sizeof path, "%.500s/run/submit.sock", data_directory());
    struct submit_mail m = {.sender = str_of(o->sender),
                            .rcpt = o->rcpt,
                            .rcpts = o->rcpts,
                            .notify = o->notify,
                            .ret = !o->ret                           ? NULL
                                   : strcasecmp(o->ret, "full") == 0 ? "FULL"
                                                                     : "HDRS",
                            .envid = str_of(o->envid),
                            .content = buf_str(&o->message)};
    enum submit_end end = submit(path, &m, WAIT_S, text);
    return end == SUBMIT_TAKEN ? 0 : complain(codes[end], text);
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
