/* common: see common.h. */
#include "cli/common.h"

#include "lib/net.h"
#include "mail/utf8.h"
#include "store/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

int common_fail(int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("goniec: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    return code;
}

/* The usual reasons, before SQLite says something general. */
bool common_store(const struct common *c, struct store **ret, int *ret_code)
{
    char path[600];
    struct fault f;
    snprintf(path, sizeof path, "%s/office.db", c->data);
    if (access(path, R_OK) != 0) {
        int code = errno;
        *ret_code = code == EACCES ? EX_NOPERM : EX_NOINPUT;
        common_fail(0, "cannot read %s: %s: %s", path, strerror(code),
                    code == EACCES ? "ask as the server's user or as root"
                                   : "name the server's data directory with -d DIR or GONIEC_DATA");
        return false;
    }
    if (store_open(ret, c->data, false, &f))
        return true;
    *ret_code = common_fail(EX_DATAERR, "%s", f.text);
    return false;
}

bool common_control(const struct common *c, const char *line, struct buf *answer, struct fault *f)
{
    struct sockaddr_storage sa;
    socklen_t len;
    struct timeval wait = {.tv_sec = 30};
    char path[600];
    snprintf(path, sizeof path, "unix:%s/run/engine.sock", c->data);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !net_parse(str_of(path), &sa, &len))
        return fault_set(f, "cannot reach %s", path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    bool good = connect(fd, (struct sockaddr *)&sa, len) == 0 &&
                send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line) && send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
    int code = errno;
    ssize_t n = good ? 1 : -1;
    for (char *to; n > 0 && (to = buf_reserve(answer, 4096)); answer->n += n > 0 ? (size_t)n : 0)
        n = read(fd, to, 4096);
    close(fd);
    return (good && n == 0) || fault_errno(f, code, "cannot talk to the server at %s (is it running?)", path + 5);
}

/* The sentence of an engine that does not do what it was asked for; empty: it does. */
static struct str refusal(const struct buf *answer)
{
    struct str rest = buf_str(answer), line = str_split(&rest, '\n');
    return str_starts_nocase(line, STR("error ")) ? str_mem(line.p + 6, line.n - 6) : (struct str){"", 0};
}

int common_ask(const struct common *c, const char *line, struct buf *answer)
{
    struct fault f;
    if (!common_control(c, line, answer, &f))
        return common_fail(f.code == EACCES ? EX_NOPERM : EX_UNAVAILABLE, "%s", f.text);
    buf_add(answer, "", 1);
    answer->n--;
    struct str why = refusal(answer);
    return why.n ? common_fail(EX_DATAERR, "%.*s", STR_ARGS(why)) : 0;
}

void common_reload(const struct common *c, const char *line)
{
    struct buf answer = {.max = 65536};
    struct fault f;
    if (common_control(c, line, &answer, &f) && refusal(&answer).n)
        common_fail(0, "the server does not take the change: %.*s", STR_ARGS(refusal(&answer)));
    buf_done(&answer);
}

void common_give_away(const struct common *c)
{
    static const char *const names[] = {"office.db", "office.db-wal", "office.db-shm"};
    struct stat st;
    if (geteuid() != 0 || stat(c->data, &st) != 0)
        return;
    for (size_t i = 0; i < 3; i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/%s", c->data, names[i]);
        if (lchown(path, st.st_uid, st.st_gid) != 0)
            continue; /* it may not exist; where a name leads to is not looked at: the server's user makes the names here */
    }
}

static bool unsafe(uint32_t c)
{
    return c < 32 || (c >= 127 && c < 160) || c == UTF8_BAD || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

void common_safe(struct str s, size_t max, struct buf *b)
{
    size_t begin = b->n;
    while (s.n > 0 && b->n - begin < max) {
        struct str before = s;
        uint32_t c = utf8_take(&s);
        if (c == '\n')
            buf_add_str(b, STR(" "));
        else if (unsafe(c))
            buf_add_str(b, STR("?"));
        else
            buf_add(b, before.p, before.n - s.n);
    }
}

/* Bytes that stand in a JSON string as they are, from the front of s: printable ASCII but the two that are escaped. */
static size_t plain_bytes(struct str s)
{
    size_t i = 0;
    while (i < s.n && (unsigned char)s.p[i] >= 32 && (unsigned char)s.p[i] < 127 && s.p[i] != '"' && s.p[i] != '\\')
        i++;
    return i;
}

void common_json(struct str s, struct buf *b)
{
    buf_add_str(b, STR("\""));
    while (s.n > 0) {
        size_t plain = plain_bytes(s);
        buf_add(b, s.p, plain);
        s = str_mem(s.p + plain, s.n - plain);
        if (s.n == 0)
            break;
        struct str before = s;
        uint32_t c = utf8_take(&s);
        if (c == '"' || c == '\\')
            buf_addf(b, "\\%c", (char)c);
        else if (c == '\n')
            buf_add_str(b, STR("\\n"));
        else if (c < 32 || c == 127)
            buf_addf(b, "\\u%04x", c);
        else if (c == UTF8_BAD)
            buf_add_str(b, STR("\\ufffd"));
        else
            buf_add(b, before.p, before.n - s.n);
    }
    buf_add_str(b, STR("\""));
}
