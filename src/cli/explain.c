/* explain: what a server's reply or a bounce mail means, without any server.
 *
 *   goniec explain '550 5.1.1 User unknown'    a reply
 *   goniec explain FILE | -                    a mail, or a reply, from a file or standard input
 *   goniec explain --batch                     a reply a line from standard input, a JSON object a line out
 *
 * An argument that begins as a reply does is one; otherwise it is a file if there is one of that name. Exit: 0 explained, 64
 * usage, 65 neither a reply nor a mail, 66 no such file. */
#include "explain/explain.h"
#include "bounce/bounce.h"
#include "cli/cli.h"
#include "cli/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum { BATCH_OUT = 256 * 1024 };

/* "550", "550 words", "550-words", "5.1.1 words". */
static bool begins_reply(struct str s)
{
    s = str_trim(s);
    if (s.n < 3 || s.p[0] < '2' || s.p[0] > '5')
        return false;
    if (s.p[1] == '.')
        return s.n >= 5 && s.p[2] >= '0' && s.p[2] <= '9';
    return s.p[1] >= '0' && s.p[1] <= '9' && s.p[2] >= '0' && s.p[2] <= '9' && (s.n == 3 || strchr(" -\t\r\n\\:;,", s.p[3]));
}

static bool write_out(struct buf *b)
{
    bool good = fwrite(b->p, 1, b->n, stdout) == b->n;
    b->n = 0;
    return good;
}

static int finish(struct buf *b)
{
    bool good = write_out(b) && fflush(stdout) == 0;
    buf_done(b);
    return good ? 0 : common_fail(EX_IOERR, "cannot write the answer");
}

static bool understood(const struct explanation *e) { return e->code > 0 || e->enhanced.class > 0 || e->evidence.length > 0; }

static int tell_reply(const struct common *c, struct str reply)
{
    struct verdict_texts texts = {0};
    struct buf out = {0};
    struct explain_input in = {.text = reply};
    struct explanation e = explain(&in);
    if (!understood(&e))
        return common_fail(EX_DATAERR, "this is neither an SMTP reply (550 5.1.1 No such user) nor the name of a file");
    if (c->json) {
        buf_add_str(&out, STR("{"));
        verdict_json(&e, reply, c, &texts, &out);
        buf_add_str(&out, STR("}\n"));
    } else
        verdict_tell(&e, reply, c, isatty(STDOUT_FILENO), &out);
    verdict_texts_done(&texts);
    return finish(&out);
}

static int tell_mail(const struct common *c, struct str mail, const char *name)
{
    struct arena a = {0};
    struct verdict_texts texts = {0};
    struct buf out = {0};
    struct bounce m;
    if (!bounce_read(mail, &a, &m)) {
        arena_done(&a);
        return common_fail(EX_DATAERR, "%s is neither a mail nor an SMTP reply", name);
    }
    if (c->json) {
        verdict_mail_json(&m, c, &texts, &out);
        buf_add_str(&out, STR("\n"));
    } else
        verdict_mail_tell(&m, c, isatty(STDOUT_FILENO), &out);
    verdict_texts_done(&texts);
    arena_done(&a);
    return finish(&out);
}

/* What a file or standard input begins with, up to what a mail is looked at. */
static bool read_input(int fd, struct buf *b)
{
    ssize_t n = 1;
    b->max = BOUNCE_BYTES_MAX + 65536;
    for (char *to; n > 0 && b->n < BOUNCE_BYTES_MAX && (to = buf_reserve(b, 65536)); b->n += n > 0 ? (size_t)n : 0)
        n = read(fd, to, 65536);
    return n >= 0;
}

static int tell_input(const struct common *c, int fd, const char *name)
{
    struct buf input = {0};
    int code;
    if (!read_input(fd, &input))
        code = common_fail(EX_NOINPUT, "cannot read %s: %s", name, strerror(errno));
    else if (begins_reply(buf_str(&input)))
        code = tell_reply(c, str_trim(buf_str(&input)));
    else
        code = tell_mail(c, buf_str(&input), name);
    buf_done(&input);
    return code;
}

static int tell_argument(const struct common *c, const char *arg)
{
    if (strcmp(arg, "-") == 0)
        return tell_input(c, STDIN_FILENO, "standard input");
    if (begins_reply(str_of(arg)) && access(arg, F_OK) != 0)
        return tell_reply(c, str_of(arg));
    int fd = open(arg, O_RDONLY | O_CLOEXEC), why = errno;
    if (fd >= 0) {
        int code = tell_input(c, fd, arg);
        close(fd);
        return code;
    }
    if (strchr(arg, ' ') && (why == ENOENT || why == ENAMETOOLONG))
        return tell_reply(c, str_of(arg));
    return common_fail(EX_NOINPUT, "cannot read %s: %s", arg, strerror(why));
}

/* One JSON object a line, in the lines' order. */
static int batch(const struct common *c)
{
    struct verdict_texts texts = {0};
    struct buf out = {0};
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    for (ssize_t n; good && (n = getline(&line, &room, stdin)) >= 0;) {
        struct str reply = str_mem(line, (size_t)n);
        while (reply.n > 0 && (reply.p[reply.n - 1] == '\n' || reply.p[reply.n - 1] == '\r'))
            reply.n--;
        struct explain_input in = {.text = reply};
        struct explanation e = explain(&in);
        buf_add_str(&out, STR("{"));
        verdict_json(&e, reply, c, &texts, &out);
        buf_add_str(&out, STR("}\n"));
        if (out.n >= BATCH_OUT)
            good = write_out(&out);
    }
    free(line);
    verdict_texts_done(&texts);
    int code = finish(&out);
    return good ? code : EX_IOERR;
}

int cli_explain(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code >= 0)
        return code;
    if (argc - c.first != (c.batch ? 0 : 1))
        return command_misused(me, c.batch ? "--batch reads standard input" : "expected one reply in quotes, or one file");
    return c.batch ? batch(&c) : tell_argument(&c, argv[c.first]);
}
