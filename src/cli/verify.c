/* verify: SPF, DKIM, DMARC and ARC of a message in a file, or SPF alone, with the way to each result. Asks DNS itself, needs no
 * server. */
#include "cli/cli.h"
#include "cli/verify_show.h"
#include "lib/net.h"
#include "verify/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 1024 * 1024 * 1024 };

static bool read_all(int fd, struct buf *b)
{
    ssize_t n = 1;
    b->max = MESSAGE_MAX;
    for (char *to; n > 0 && (to = buf_reserve(b, 65536)); b->n += n > 0 ? (size_t)n : 0)
        n = read(fd, to, 65536);
    errno = n > 0 ? EFBIG : errno;
    return n == 0;
}

static bool read_message(const char *path, struct buf *b)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && read_all(fd, b);
    if (!good)
        common_fail(0, "cannot read %s: %s", standard ? "standard input" : path, strerror(errno));
    if (fd >= 0 && !standard)
        close(fd);
    return good;
}

/* "<a@b>" is what SMTP writes, "a@b" what people do. */
static struct str without_brackets(struct str s)
{
    return s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>' ? str_mem(s.p + 1, s.n - 2) : s;
}

static int read_call(const struct command *me, const struct common *c, bool file, struct sockaddr_storage *sa,
                     struct verify_input *ret)
{
    socklen_t len;
    uint64_t now_s = (uint64_t)time(NULL);
    if (c->client_ip && !net_parse_ip(str_of(c->client_ip), 0, sa, &len))
        return command_misused(me, "--client-ip %s: expected an IP address, such as 192.0.2.1 or 2001:db8::1", c->client_ip);
    if (c->time && !str_to_u64(str_of(c->time), INT64_MAX, &now_s))
        return command_misused(me, "--time %s: expected seconds since 1970", c->time);
    if (!file && !c->client_ip)
        return command_misused(me, "expected a file, or --client-ip for SPF alone");
    if (!file && !c->helo && !c->mail_from)
        return command_misused(me, "SPF asks about a domain: give --mail-from or --helo");
    *ret = (struct verify_input){.helo = str_of(c->helo ? c->helo : ""),
                                 .sender = without_brackets(str_of(c->mail_from ? c->mail_from : "")),
                                 .now_s = (int64_t)now_s};
    if (c->client_ip)
        ret->client = (const struct sockaddr *)sa;
    return -1;
}

static void judge(const struct common *c, const struct verify_input *in, const char *path, struct str message, struct resolver *r)
{
    struct arena a = {0};
    struct verified v;
    struct view view;
    struct asking asking;
    struct buf out = {0};
    asking_init(&asking, r);
    struct verify_dns dns = asking_dns(&asking);
    if (path) {
        view_make(&view, message, &a);
        verify_message(in, &view, &dns, &a, &v);
    } else
        verify_sender(in, &dns, &a, &v);
    if (c->json)
        verify_json(&v, path != NULL, &out);
    else
        verify_tell(in, &v, path != NULL, c->lang, &out);
    fwrite(out.p, 1, out.n, stdout);
    buf_done(&out);
    arena_done(&a);
}

static int run(const struct common *c, struct verify_input *in, const char *path)
{
    struct buf message = {0};
    struct resolver *r;
    struct fault f;
    char host[256] = "";
    const struct str server = str_of(c->resolver);
    int code = EX_NOINPUT;
    gethostname(host, sizeof host - 1);
    in->receiver = str_of(host);
    if (!path || read_message(path, &message)) {
        bool open = resolver_open(&r, &server, server.p != NULL, &f);
        code = open ? 0 : common_fail(EX_USAGE, "%s", f.text);
        if (open)
            judge(c, in, path, buf_str(&message), r);
        if (open)
            resolver_close(&r);
    }
    buf_done(&message);
    return code;
}

int cli_verify(const struct command *me, int argc, char **argv)
{
    struct common c;
    struct sockaddr_storage sa;
    struct verify_input in;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    if (argc - c.first > 1)
        return command_misused(me, "expected one file at most");
    const char *path = argc > c.first ? argv[c.first] : NULL;
    code = read_call(me, &c, path != NULL, &sa, &in);
    return code >= 0 ? code : run(&c, &in, path);
}
