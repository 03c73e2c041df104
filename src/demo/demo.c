/* demo: see demo.h. A fresh folder, a real server in it, a receiver that plays the cast's hosts, a login, a message to each of
 * the cast over STARTTLS and AUTH; then what became of each, compared with what should have. */
#include "demo/demo.h"

#include "cli/cli.h"
#include "demo/cast.h"
#include "demo/post.h"
#include "demo/receiver.h"
#include "demo/screen.h"
#include "explain/noticed.h"
#include "lib/base64.h"
#include "lib/must.h"
#include "mail/envelope.h"
#include "serve/serve.h"
#include "store/suppression.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_S = 40, LOOK_MS = 100, CAST_MAX = 64 };

static const char sender[] = "shop@goniec.test", example[] = "listed@spamhaus.test";

/* What the demo itself says. */
enum said { SAID_SUBJECT, SAID_HANDED_IN, SAID_SUMMARY, SAID_ODD, SAID_EXAMPLE, SAID_RUNNING, SAID_TRY, SAID_END };
static const char *const said[][2] = {
    [SAID_SUBJECT] = {"Your order is on its way", "Twoje zamówienie jest już w drodze"},
    [SAID_HANDED_IN] = {"%u messages were handed in, each to somebody whose server answers in its own way.\n"
                        "What became of them, by where the cause lies:\n",
                        "Nadano wiadomości: %u, każdą do kogoś, czyj serwer odpowiada po swojemu.\n"
                        "Co się z nimi stało, według tego, gdzie leży przyczyna:\n"},
    [SAID_SUMMARY] = {"\n%u of %u messages came out as they should: the cause, what became of it, who is suppressed\n",
                      "\n%u z %u wiadomości skończyło tak, jak powinno: przyczyna, los wiadomości, czarna lista\n"},
    [SAID_ODD] = {"    NOT AS IT SHOULD BE: expected %s, %s, %s\n", "    NIE TAK, JAK POWINNO BYĆ: oczekiwano %s, %s, %s\n"},
    [SAID_EXAMPLE] = {"\nThe whole story of one of them, as \"goniec why\" tells it:\n\n",
                      "\nCała historia jednej z nich, tak jak podaje ją „goniec why”:\n\n"},
    [SAID_RUNNING] =
        {"\nThe server runs in %s\n"
         "  submission (STARTTLS)  127.0.0.1:%d\n  submission (TLS)       127.0.0.1:%d\n  from other servers     127.0.0.1:%d\n"
         "  health and metrics     http://127.0.0.1:%d/healthz  http://127.0.0.1:%d/metrics\n  login                  %s\n"
         "  password               %s\n",
         "\nSerwer działa w %s\n"
         "  nadawanie (STARTTLS)   127.0.0.1:%d\n  nadawanie (TLS)        127.0.0.1:%d\n  od innych serwerów     127.0.0.1:%d\n"
         "  stan i liczniki        http://127.0.0.1:%d/healthz  http://127.0.0.1:%d/metrics\n  login                  %s\n"
         "  hasło                  %s\n"},
    [SAID_TRY] = {"\nTry, in another terminal (any address from above will do):\n",
                  "\nSpróbuj w drugim terminalu (z dowolnym adresem z powyższych):\n"},
    [SAID_END] = {"\nCtrl-C ends it.\n", "\nCtrl-C kończy pokaz.\n"},
};

struct demo {
    char folder[64], data[80], config[80], log[80], login[16], password[64];
    enum lang lang;
    bool once;
    int submission, submissions, mx, http, receiver; /* ports */
    pid_t server, receiving;
    struct id id[CAST_MAX]; /* of the message to each of the cast */
};

/* What a user would type: the options are those of the rows in main. */
static const struct command account = {.name = "account", .takes = TAKES_DATA, .forms = ""},
                            why = {.name = "why", .takes = TAKES_DATA | TAKES_LANG, .forms = ""};

static volatile sig_atomic_t interrupted;

static void on_signal(int n)
{
    (void)n;
    interrupted = 1;
}

static void pause_ms(int ms) { nanosleep(&(struct timespec){ms / 1000, (ms % 1000) * 1000000L}, NULL); }

static const char *lang_name(const struct demo *d) { return d->lang == LANG_PL ? "pl" : "en"; }

/* ---- setting up ---- */

/* The first free port from `port` on. */
static int port_near(int port)
{
    int fd = -1;
    for (int i = 0; fd < 0 && i < 100; i++)
        fd = receiver_listen("127.0.0.1", port++);
    if (fd >= 0)
        close(fd);
    return port - 1;
}

/* Nothing here needs root: as root it becomes a normal user first. */
static bool become_normal(void)
{
    struct passwd *p = geteuid() == 0 ? getpwnam("nobody") : NULL;
    return geteuid() != 0 || (p && setgid(p->pw_gid) == 0 && setuid(p->pw_uid) == 0);
}

static void write_route(FILE *f, const char *domain, const char *ip, int port)
{
    fprintf(f, "route \"%s\" { to = \"smtp:%s:%d\" tls = none }\n", domain, ip, port);
}

static bool write_config(const struct demo *d)
{
    FILE *f = fopen(d->config, "we");
    if (!f)
        return false;
    fprintf(
        f,
        "hostname = \"goniec.test\"\ndata_directory = \"%s\"\nworkers = 2\nlanguage = \"%s\"\nhttp_address = \"127.0.0.1:%d\"\n"
        "listen \"submission\" { door = submission address = {\"127.0.0.1:%d\"} }\n"
        "listen \"submissions\" { door = submissions address = {\"127.0.0.1:%d\"} }\n"
        "listen \"mx\" { door = mx address = {\"127.0.0.1:%d\"} }\nhosted_domains = {\"goniec.test\"}\n"
        "schedule { retry_first = 2s retry_max = 5m }\nlog { segment_bytes = 8M disk_free_min = 64M }\naccept { "
        "message_bytes_max = 5M }\n",
        d->data, lang_name(d), d->http, d->submission, d->submissions, d->mx);
    write_route(f, "*", "127.0.0.1", d->receiver);
    for (unsigned i = 0; i < cast_n; i++) {
        char ip[CAST_IP];
        cast_ip(i, ip);
        if (strcmp(ip, "127.0.0.1") != 0)
            write_route(f, strchr(cast[i].address, '@') + 1, ip, d->receiver);
    }
    return fclose(f) == 0;
}

static bool make_folder(struct demo *d)
{
    snprintf(d->folder, sizeof d->folder, "/tmp/goniec-demo-XXXXXX");
    if (!mkdtemp(d->folder))
        return false;
    snprintf(d->data, sizeof d->data, "%s/data", d->folder);
    snprintf(d->config, sizeof d->config, "%s/goniec.conf", d->folder);
    snprintf(d->log, sizeof d->log, "%s/server.log", d->folder);
    return true;
}

static bool start_receiver(struct demo *d)
{
    if (!receiver_open(2600, &d->receiver))
        return false;
    d->receiving = fork();
    if (d->receiving == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        receiver_run();
        _exit(0);
    }
    receiver_close();
    return d->receiving > 0;
}

static bool start_server(struct demo *d)
{
    d->server = fork();
    if (d->server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        signal(SIGINT, SIG_IGN); /* Ctrl-C is for the demo; it then stops the server */
        int fd = open(d->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        dup2(fd, 1);
        dup2(fd, 2);
        _exit(serve_run(d->config));
    }
    return d->server > 0;
}

static bool answers(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char line[16];
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval wait = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && recv(fd, line, sizeof line, 0) > 3 &&
                memcmp(line, "220", 3) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static bool wait_for_server(const struct demo *d)
{
    for (int i = 0; i < WAIT_S * 1000 / LOOK_MS; i++) {
        if (answers(d->mx))
            return true;
        if (waitpid(d->server, NULL, WNOHANG) == d->server)
            return false;
        pause_ms(LOOK_MS);
    }
    return false;
}

/* As a user would: goniec account add, reading what it prints. */
static bool make_account(struct demo *d)
{
    int ends[2];
    char text[300] = "";
    char *args[] = {"account", "add", "shop", "-d", d->data, NULL};
    if (pipe(ends) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        exit(cli_account(&account, 5, args));
    }
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return n > 0 && sscanf(text, "login: %15s password: %63s", d->login, d->password) == 2;
}

/* ---- messages and their stories ---- */

/* The content as a mail program writes it: other letters than ASCII in the header are an encoded word (RFC 2047). */
static void write_message(const struct demo *d, const char *rcpt, struct buf *b)
{
    const char *subject = said[SAID_SUBJECT][d->lang];
    buf_addf(b, "From: Shop <%s>\r\nTo: %s\r\nSubject: =?UTF-8?B?", sender, rcpt);
    base64_encode(str_of(subject), b);
    buf_addf(b, "?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s.\r\n", subject);
}

static bool send_all(struct demo *d, struct fault *f)
{
    struct letterbox to = {"127.0.0.1", (uint16_t)d->submission, d->login, d->password};
    must(cast_n <= CAST_MAX);
    for (unsigned i = 0; i < cast_n; i++) {
        struct buf text = {0};
        write_message(d, cast[i].address, &text);
        bool good = post_message(&to, sender, cast[i].address, buf_str(&text), &d->id[i], f);
        buf_done(&text);
        if (!good)
            return fault_wrap(f, "to %s", cast[i].address);
    }
    return true;
}

static void on_note(void *ctx, int64_t at_ms, struct str note)
{
    struct seen *s = ctx;
    struct outcome o;
    (void)at_ms;
    if (!outcome_decode(arena_str(&s->arena, note), &s->arena, &o) || !o.rcpts)
        return;
    s->status = o.rcpt[0].status;
    s->attempts += o.attempt > 0;
    if (s->status == OUTCOME_DELIVERED)
        return;
    s->refusal = o.rcpt[0];
    s->note = noticed_of(&o, &o.rcpt[0]);
}

static bool on_entry(void *ctx, const struct store_entry *e)
{
    struct seen *s = ctx;
    (void)e;
    s->suppressed = true;
    return false;
}

/* What the office knows: an entry comes in the same transaction as the refusal that it follows from. */
static struct seen look(struct store *db, const struct demo *d, unsigned i)
{
    struct seen s = {0};
    struct str address = str_of(cast[i].address);
    struct store_list_filter filter = {.value = &address};
    store_notes(db, d->id[i], on_note, &s);
    store_list_each(db, LIST_SUPPRESSED, &filter, on_entry, &s);
    return s;
}

static bool as_expected(const struct seen *s, const struct persona *p)
{
    return s->status == p->outcome && s->suppressed == p->suppressed &&
           str_eq(s->refusal.verdict.cause, str_of(p->cause ? p->cause : ""));
}

static void tell(struct demo *d, unsigned i)
{
    char id[ID_TEXT + 1];
    char *args[] = {"why", "-d", d->data, "--lang", (char *)(uintptr_t)lang_name(d), id, NULL};
    id_text(d->id[i], id);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        exit(cli_why(&why, 6, args));
    waitpid(pid, NULL, 0);
}

/* Waits until it has come out as it should, shows it, and says whether it has. */
static bool show_one(const struct demo *d, struct store *db, struct screen *screen, unsigned i, int *looks)
{
    struct seen s = look(db, d, i);
    while (!as_expected(&s, &cast[i]) && *looks > 0 && !interrupted) {
        --*looks;
        pause_ms(LOOK_MS);
        arena_done(&s.arena);
        s = look(db, d, i);
    }
    bool good = as_expected(&s, &cast[i]);
    screen_row(screen, cast[i].address, &s);
    if (!good && !interrupted)
        printf(said[SAID_ODD][d->lang], cast[i].cause ? cast[i].cause : "-", screen_outcome(cast[i].outcome, d->lang),
               screen_suppressed(cast[i].suppressed, d->lang));
    arena_done(&s.arena);
    return good;
}

/* How many came out as they should, in time. */
static unsigned show_all(const struct demo *d, struct store *db)
{
    struct screen screen;
    int looks = WAIT_S * 1000 / LOOK_MS;
    unsigned good = 0;
    screen_init(&screen, d->lang);
    printf(said[SAID_HANDED_IN][d->lang], cast_n);
    for (unsigned i = 0; i < cast_n && !interrupted; i++)
        good += show_one(d, db, &screen, i, &looks);
    printf(said[SAID_SUMMARY][d->lang], good, cast_n);
    return good;
}

/* One story in full. */
static void tell_example(struct demo *d)
{
    fputs(said[SAID_EXAMPLE][d->lang], stdout);
    for (unsigned i = 0; i < cast_n; i++)
        if (strcmp(cast[i].address, example) == 0)
            tell(d, i);
}

static void print_addresses(const struct demo *d)
{
    char self[400];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    printf(said[SAID_RUNNING][d->lang], d->folder, d->submission, d->submissions, d->mx, d->http, d->http, d->login, d->password);
    fputs(said[SAID_TRY][d->lang], stdout);
    printf("  export GONIEC_DATA=%s\n"
           "  echo 'Subject: hello' | %s sendmail -f shop@goniec.test grey.again@receiver.test\n"
           "  %s why grey.again@receiver.test --dialogue\n"
           "  %s suppression why nobody@gmail.test\n"
           "  %s suppression why listed@spamhaus.test --lang pl\n"
           "  %s queue\n"
           "  printf 'Subject: hello\\n\\nhi\\n' | curl --crlf -k --ssl-reqd -u %s:%s --mail-from shop@goniec.test "
           "--mail-rcpt ok@receiver.test -T - smtp://127.0.0.1:%d\n",
           d->data, self, self, self, self, self, d->login, d->password, d->submission);
    fputs(said[SAID_END][d->lang], stdout);
    fflush(stdout);
}

/* ---- the whole ---- */

static bool set_up(struct demo *d, struct fault *f)
{
    if (!become_normal() || !make_folder(d))
        return fault_errno(f, errno, "cannot make a folder for the demo under /tmp");
    d->submission = port_near(2587);
    d->submissions = port_near(2465);
    d->mx = port_near(2525);
    d->http = port_near(8025);
    if (!start_receiver(d) || !write_config(d) || !start_server(d))
        return fault_errno(f, errno, "cannot start the demo in %s", d->folder);
    if (!wait_for_server(d))
        return fault_set(f, "the server does not answer: see %s", d->log);
    return make_account(d) || fault_set(f, "the account cannot be made: see %s", d->log);
}

static void stop(struct demo *d)
{
    if (d->server > 0) {
        kill(d->server, SIGTERM);
        waitpid(d->server, NULL, 0);
    }
    if (d->receiving > 0) {
        kill(d->receiving, SIGKILL);
        waitpid(d->receiving, NULL, 0);
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* Only what went wrong leaves something to look at. */
static void clean_up(const struct demo *d, int code)
{
    if (code == 0)
        nftw(d->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    else if (*d->folder)
        fprintf(stderr, "goniec: the server's log is %s\n", d->log);
}

static int show(struct demo *d)
{
    struct fault f;
    struct store *db = NULL;
    if (!set_up(d, &f) || !send_all(d, &f) || !store_open(&db, d->data, false, &f)) {
        fprintf(stderr, "goniec: %s\n", f.text);
        return EX_UNAVAILABLE;
    }
    unsigned good = show_all(d, db);
    store_close(&db);
    if (!interrupted)
        tell_example(d);
    if (!d->once && !interrupted) {
        print_addresses(d);
        while (!interrupted)
            pause();
    }
    return good == cast_n || (interrupted && !d->once) ? 0 : EX_SOFTWARE;
}

int demo_main(const struct command *me, int argc, char **argv)
{
    struct common c;
    int code = command_options(me, argc, argv, &c);
    if (code < 0 && argc > c.first)
        code = command_misused(me, "it takes no arguments");
    if (code >= 0)
        return code;
    struct demo d = {.lang = c.lang, .once = c.once};
    struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    code = show(&d);
    stop(&d);
    clean_up(&d, code);
    return code;
}
