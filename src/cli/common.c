/* common: see common.h. */
#include "cli/common.h"

#include "lib/net.h"
#include "mail/utf8.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>

static enum lang lang_of_environment(void)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; i < 3; i++) {
        const char *v = getenv(names[i]);
        if (v && *v)
            return strncmp(v, "pl", 2) == 0 ? LANG_PL : LANG_EN;
    }
    return LANG_EN;
}

int common_options(int argc, char **argv, const char *usage, struct common *ret)
{
    static const struct option options[] = {{"data", required_argument, NULL, 'd'}, {"lang", required_argument, NULL, 'l'},
                                            {"json", no_argument, NULL, 'j'},       {"dialogue", no_argument, NULL, 'D'},
                                            {"help", no_argument, NULL, 'h'},       {NULL, 0, NULL, 0}};
    const char *data = getenv("GONIEC_DATA");
    int o;
    *ret = (struct common){.data = data ? data : "/var/lib/goniec", .lang = lang_of_environment()};
    optind = 0;
    while ((o = getopt_long(argc, argv, "d:h", options, NULL)) != -1) {
        if (o == 'd')
            ret->data = optarg;
        else if (o == 'l' && (strcmp(optarg, "pl") == 0 || strcmp(optarg, "en") == 0))
            ret->lang = optarg[0] == 'p' ? LANG_PL : LANG_EN;
        else if (o == 'j')
            ret->json = true;
        else if (o == 'D')
            ret->dialogue = true;
        else {
            fprintf(o == 'h' ? stdout : stderr, "%s", usage);
            return o == 'h' ? 0 : EX_USAGE;
        }
    }
    ret->first = optind;
    return -1;
}

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

void common_json(struct str s, struct buf *b)
{
    buf_add_str(b, STR("\""));
    while (s.n > 0) {
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
