/* manual: see manual.h. Plain man(7) macros, so that every reader of manual pages can show them. */
#include "manual/manual.h"

#include "cli/common.h"
#include "settings/settings.h"

#include <string.h>
#include <sysexits.h>

/* ---- troff ---- */

/* A text as troff prints it: backslashes and hyphens are kept, and a line's first character is never a command. */
static void put(FILE *out, const char *text, size_t n)
{
    bool at_start = true;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (at_start && (c == '.' || c == '\''))
            fputs("\\&", out);
        if (c == '\\')
            fputs("\\e", out);
        else if (c == '-')
            fputs("\\-", out);
        else
            fputc(c, out);
        at_start = c == '\n';
    }
}

static void put_text(FILE *out, const char *text) { put(out, text, strlen(text)); }

/* Each line of the text is a paragraph. */
static void put_paragraphs(FILE *out, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        fputs(".PP\n", out);
        put(out, text, n);
        fputc('\n', out);
        text += n + (text[n] == '\n');
    }
}

static void put_title(FILE *out, const char *name, const char *section, const char *sentence)
{
    fprintf(out, ".TH %s %s \"\" \"goniec %s\" \"goniec\"\n.SH NAME\n%s \\- ", name, section, GONIEC_VERSION, name);
    put_text(out, sentence);
    fputc('\n', out);
}

static void put_usage(FILE *out, const struct command *c)
{
    char text[2000] = "";
    FILE *to = fmemopen(text, sizeof text, "w");
    if (!to)
        return;
    command_usage(c, to);
    fclose(to);
    fputs(".nf\n", out);
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        put(out, line + 7, n - 7); /* without "usage: " */
        fputc('\n', out);
        line += n + (line[n] == '\n');
    }
    fputs(".fi\n", out);
}

static void put_option(void *ctx, char letter, const char *name, const char *argument, const char *sentence)
{
    FILE *out = ctx;
    fputs(".TP\n.B ", out);
    if (letter)
        fprintf(out, "\\-%c, ", letter);
    fputs("\\-\\-", out);
    put_text(out, name);
    if (argument)
        fprintf(out, " \\fI%s\\fR", argument);
    fputc('\n', out);
    put_text(out, sentence);
    fputc('\n', out);
}

/* ---- goniec(1) ---- */

static const struct {
    int code;
    const char *name, *sentence;
} codes[] = {
    {0, "", "Done."},
    {EX_USAGE, "EX_USAGE", "It was called in a wrong way."},
    {EX_DATAERR, "EX_DATAERR", "What was given is wrong or unknown: no such message, a damaged log, a bad address."},
    {EX_NOINPUT, "EX_NOINPUT", "What should be read is not there."},
    {EX_NOUSER, "EX_NOUSER", "sendmail: a recipient is refused for good."},
    {EX_UNAVAILABLE, "EX_UNAVAILABLE", "The server does not answer."},
    {EX_SOFTWARE, "EX_SOFTWARE", "demo: not all messages came out as they should."},
    {EX_TEMPFAIL, "EX_TEMPFAIL", "Not now: try again later."},
    {EX_NOPERM, "EX_NOPERM", "This user may not do that."},
    {EX_CONFIG, "EX_CONFIG", "The settings are wrong; the complaint names file and line."},
};

static const char commands_head[] = ".SH DESCRIPTION\ngoniec is an e\\-mail server that takes mail over SMTP, keeps it safe, "
                                    "delivers it, and tells the whole story of "
                                    "every message: what happened, whose doing it is, what to do now.\n.PP\nCalled as\n.BR "
                                    "sendmail ,\n.B mailq\nor\n.BR newaliases ,\n"
                                    "it behaves as those do.\n.SH COMMANDS\n";

static const char commands_tail[] = ".SH ENVIRONMENT\n.TP\n.B GONIEC_DATA\nThe server's data directory, where no \\-d says "
                                    "another.\n.TP\n.B GONIEC_SUBMIT\nThe socket "
                                    "that sendmail hands messages in at, instead of /var/lib/goniec/run/submit.sock.\n.TP\n.B "
                                    "LC_ALL, LC_MESSAGES, LANG\nThe language of "
                                    "stories: Polish when it begins with pl, otherwise English.\n.SH FILES\n.TP\n.I "
                                    "/etc/goniec/goniec.conf\nThe settings, see\n.BR "
                                    "goniec.conf (5).\n.TP\n.I /var/lib/goniec\nLogs, database, keys and sockets, for the "
                                    "server's user alone; anybody may hand mail in at run/submit.sock.\n.SH SEE ALSO\n.BR "
                                    "goniec.conf (5),\n.BR sendmail (8),\n.BR "
                                    "mailq (1)\n";

static void put_codes(FILE *out)
{
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        fprintf(out, ".TP\n.B %d %s\n%s\n", codes[i].code, codes[i].name, codes[i].sentence);
}

static void put_goniec(FILE *out, const struct command *table, size_t n)
{
    put_title(out, "goniec", "1", "mail in, safe, out, and the whole story of every message");
    fputs(".SH SYNOPSIS\n.B goniec\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n", out);
    fputs(commands_head, out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, ".SS %s\n", table[i].name);
        put_usage(out, &table[i]);
        fputs(".PP\n", out);
        put_text(out, table[i].sentence);
        fputc('\n', out);
        put_paragraphs(out, table[i].manual);
    }
    fputs(".SH OPTIONS\nEach command takes those that its usage names.\n", out);
    command_each_option(~0u, put_option, out);
    put_codes(out);
    fputs(commands_tail, out);
}

/* ---- sendmail(8), mailq(1): a row as a page of its own ---- */

static void put_alias(FILE *out, const struct command *c, const char *section)
{
    put_title(out, c->name, section, c->sentence);
    fprintf(out, ".SH SYNOPSIS\n.B %s\n", c->name);
    put_text(out, *c->forms ? c->forms : "[--json]");
    fputs("\n.SH DESCRIPTION\n", out);
    put_text(out, c->sentence);
    fputs("\n", out);
    put_paragraphs(out, c->manual);
    put_codes(out);
    fputs(".SH SEE ALSO\n.BR goniec (1)\n", out);
}

/* ---- goniec.conf(5) ---- */

static const char settings_head[] = ".SH DESCRIPTION\nThe settings of the goniec server. A line is\n.IR \"option = value\" "
                                    ";\noptions of one part of the server stand in "
                                    "a section:\n.PP\n.nf\n    accept { message_bytes_max = 20M  recipients_max = 500 "
                                    "}\n.fi\n.PP\nA value with other characters than "
                                    "letters, digits, dots, hyphens and underscores stands in double quotes; lists stand in "
                                    "braces with commas. # begins a comment.\n"
                                    ".PP\nThe file is read when the server starts and at SIGHUP. A file with a mistake is "
                                    "refused as a whole, with file and line, and "
                                    "what was in force stays in force. data_directory, user, workers and listeners take a "
                                    "restart.\n.B goniec check\\-config\nsays "
                                    "beforehand whether a file is good.\n.SH OPTIONS\n";

static const char settings_tail[] =
    ".SH EXAMPLE\n.nf\nhostname = \"mail.example.pl\"\nlisten \"submission\"  { door = submission   address = {\"0.0.0.0:587\", "
    "\"[::]:587\"} }\nlisten \"mx\"          { door = mx           address = {\"0.0.0.0:25\", \"[::]:25\"} }\nhosted_domains = "
    "{\"example.pl\"}\nroute \"example.pl\"   { to = \"lmtp:unix:/run/dovecot/lmtp\" }\nlane \"mx.example.org\" { connections = "
    "4 "
    "messages_per_s = 2 }\ntls { certificate = \"/etc/ssl/mail.pem\" key = \"/etc/ssl/mail.key\" }\n.fi\n.SH FILES\n.I "
    "/etc/goniec/goniec.conf\n.SH SEE ALSO\n.BR goniec (1)\n";

static const struct {
    const char *section, *sentence;
} titled[] = {
    {"listen", "May stand several times; the title is a name for people."},
    {"route",
     "May stand several times; the title is the recipients' domain, *.domain for what is below it, or * for all other mail. In a "
     "maildir path %d is the domain and %u the user."},
    {"lane", "May stand several times; the title is the site (its best mail host, or the host of a route), or * for all others."},
};

struct page {
    FILE *out;
    const char *section;
};

static void put_setting(void *ctx, const struct settings_option *o)
{
    struct page *p = ctx;
    if (strcmp(p->section, o->section) != 0) {
        p->section = o->section;
        fprintf(p->out, ".SS %s%s\n", o->section, o->titled ? " \"TITLE\"" : "");
        for (size_t i = 0; i < sizeof titled / sizeof *titled; i++)
            if (strcmp(titled[i].section, o->section) == 0)
                put_text(p->out, titled[i].sentence), fputc('\n', p->out);
    }
    fputs(".TP\n.B ", p->out);
    put_text(p->out, o->name);
    fprintf(p->out, "\n%s", o->list ? "List: " : "");
    put_text(p->out, o->form);
    if (*o->fallback) {
        fputs("; default ", p->out);
        put_text(p->out, o->fallback);
    }
    fputs(".\n", p->out);
    put_text(p->out, o->sentence);
    fputc('\n', p->out);
}

static void put_settings(FILE *out)
{
    struct page p = {out, ""};
    put_title(out, "goniec.conf", "5", "settings of the goniec mail server");
    fputs(settings_head, out);
    settings_each(put_setting, &p);
    fputs(settings_tail, out);
}

/* ---- the doors ---- */

bool manual_print(const char *page, const struct command *table, size_t n, FILE *out)
{
    bool alias = strcmp(page, "sendmail") == 0 || strcmp(page, "mailq") == 0;
    if (alias)
        put_alias(out, command_find(table, n, page), page[0] == 's' ? "8" : "1");
    else if (strcmp(page, "goniec") == 0)
        put_goniec(out, table, n);
    else if (strcmp(page, "goniec.conf") == 0)
        put_settings(out);
    else
        return false;
    return true;
}

static void setting_json(void *ctx, const struct settings_option *o)
{
    struct buf *b = ctx;
    const char *const texts[][2] = {{"name", o->name}, {"default", o->fallback}, {"form", o->form}, {"sentence", o->sentence}};
    buf_addf(b, "%s{\"section\":\"%s\",\"list\":%s", b->n ? ",\n" : "[", o->section, o->list ? "true" : "false");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf_addf(b, ",\"%s\":", texts[i][0]);
        common_json(str_of(texts[i][1]), b);
    }
    buf_add_str(b, STR("}"));
}

void manual_defaults_json(FILE *out)
{
    struct buf b = {0};
    settings_each(setting_json, &b);
    fprintf(out, "%.*s]\n", STR_ARGS(buf_str(&b)));
    buf_done(&b);
}
