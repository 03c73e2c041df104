/* demo: see demo.h. A fresh folder, a real server in it, a receiver that plays several hosts, a login, a message to each persona
 * over STARTTLS and AUTH; then each message's story as it comes. */
#include "demo/demo.h"

#include "cli/cli.h"
#include "demo/post.h"
#include "demo/receiver.h"
#include "lib/base64.h"
#include "lib/must.h"
#include "lib/net.h"
#include "mail/envelope.h"
#include "mail/outcome.h"
#include "serve/serve.h"
#include "store/store.h"

#include <arpa/inet.h>
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

enum { WAIT_S = 40, LOOK_MS = 100 };

/* Who gets a message, and what must become of it. */
static const struct persona {
    const char *local, *subject[2]; /* by enum lang */
    enum outcome_status expected;
    unsigned attempts; /* at least */
} personas[] = {
    {"ok", {"An ordinary message", "Zwykła wiadomość"}, OUTCOME_DELIVERED, 1},
    {"slow", {"To a receiver that takes its time", "Do odbiorcy, który się nie spieszy"}, OUTCOME_DELIVERED, 1},
    {"grey", {"To a receiver with greylisting", "Do odbiorcy z szarą listą"}, OUTCOME_DELIVERED, 2},
    {"unknown", {"To somebody who is not there", "Do kogoś, kogo tam nie ma"}, OUTCOME_FAILED, 1},
    {"full", {"To a full mailbox", "Do pełnej skrzynki"}, OUTCOME_DEFERRED, 1},
    {"blocked", {"To a host that blocks us", "Do serwera, który nas blokuje"}, OUTCOME_FAILED, 1},
    {"spam", {"To a host that takes it for spam", "Do serwera, który uznaje to za spam"}, OUTCOME_FAILED, 1},
};
enum { PERSONAS = sizeof personas / sizeof *personas };

/* What the demo itself says. */
enum said { SAID_HANDED_IN, SAID_SUMMARY, SAID_RUNNING, SAID_TRY, SAID_END };
static const char *const said[][2] = {
    [SAID_HANDED_IN] = {"%d messages were handed in; their stories, as they come:\n\n",
                        "Nadano wiadomości: %d; oto ich historie, w miarę jak powstają:\n\n"},
    [SAID_SUMMARY] = {"%d of %d messages came out as they should\n", "%d z %d wiadomości skończyło tak, jak powinno\n"},
    [SAID_RUNNING] =
        {"\nThe server runs in %s\n"
         "  submission (STARTTLS)  127.0.0.1:%d\n  submission (TLS)       127.0.0.1:%d\n  from other servers     127.0.0.1:%d\n"
         "  health and metrics     http://127.0.0.1:%d/healthz  http://127.0.0.1:%d/metrics\n  login                  %s\n"
         "  password               %s\n",
         "\nSerwer działa w %s\n"
         "  nadawanie (STARTTLS)   127.0.0.1:%d\n  nadawanie (TLS)        127.0.0.1:%d\n  od innych serwerów     127.0.0.1:%d\n"
         "  stan i liczniki        http://127.0.0.1:%d/healthz  http://127.0.0.1:%d/metrics\n  login                  %s\n"
         "  hasło                  %s\n"},
    [SAID_TRY] = {"\nTry, in another terminal:\n", "\nSpróbuj w drugim terminalu:\n"},
    [SAID_END] = {"\nCtrl-C ends it.\n", "\nCtrl-C kończy pokaz.\n"},
};

struct demo {
    char folder[64], data[80], config[80], log[80], login[16], password[64];
    enum lang lang;
    bool once;
    int submission, submissions, mx, http, receiver; /* ports */
    pid_t server, receiving;
    struct id id[PERSONAS];
    bool told[PERSONAS];
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

/* A socket on the first free port from `port` on. */
static int listen_near(int port, int *ret_port)
{
    for (int i = 0; i < 100; i++) {
        struct sockaddr_in a = {
            .sin_family = AF_INET, .sin_port = htons((uint16_t)(port + i)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 64) == 0) {
            *ret_port = port + i;
            return fd;
        }
        if (fd >= 0)
            close(fd);
    }
    return -1;
}

static int port_near(int port)
{
    int found = 0, fd = listen_near(port, &found);
    if (fd >= 0)
        close(fd);
    return found;
}

/* Nothing here needs root: as root it becomes a normal user first. */
static bool become_normal(void)
{
    struct passwd *p = geteuid() == 0 ? getpwnam("nobody") : NULL;
    return geteuid() != 0 || (p && setgid(p->pw_gid) == 0 && setuid(p->pw_uid) == 0);
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
        "route \"*\" { to = \"smtp:127.0.0.1:%d\" tls = none }\n"
        "schedule { retry_first = 2s retry_max = 4s }\nlog { segment_bytes = 8M disk_free_min = 64M }\naccept { "
        "message_bytes_max = 5M }\n",
        d->data, lang_name(d), d->http, d->submission, d->submissions, d->mx, d->receiver);
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
    int fd = listen_near(2600, &d->receiver);
    if (fd < 0)
        return false;
    d->receiving = fork();
    if (d->receiving == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        receiver_run(fd);
        _exit(0);
    }
    close(fd);
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
static void write_message(const struct demo *d, int i, const char *rcpt, struct buf *b)
{
    const char *subject = personas[i].subject[d->lang];
    buf_addf(b, "From: Shop <shop@goniec.test>\r\nTo: %s\r\nSubject: =?UTF-8?B?", rcpt);
    base64_encode(str_of(subject), b);
    buf_addf(b, "?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s.\r\n", subject);
}

static bool send_all(struct demo *d, struct fault *f)
{
    struct letterbox to = {"127.0.0.1", (uint16_t)d->submission, d->login, d->password};
    for (int i = 0; i < PERSONAS; i++) {
        struct buf text = {0};
        char rcpt[80];
        snprintf(rcpt, sizeof rcpt, "%s@receiver.test", personas[i].local);
        write_message(d, i, rcpt, &text);
        bool good = post_message(&to, "shop@goniec.test", rcpt, buf_str(&text), &d->id[i], f);
        buf_done(&text);
        if (!good)
            return fault_wrap(f, "to %s", rcpt);
    }
    return true;
}

struct seen {
    enum outcome_status status;
    unsigned attempts;
};

static void on_note(void *ctx, int64_t at_ms, struct str note)
{
    struct seen *s = ctx;
    struct arena a = {0};
    struct outcome o;
    (void)at_ms;
    if (outcome_decode(note, &a, &o) && o.rcpts) {
        s->status = o.rcpt[0].status;
        s->attempts += o.attempt > 0;
    }
    arena_done(&a);
}

static bool as_expected(struct store *db, const struct demo *d, int i)
{
    struct seen s = {0};
    store_notes(db, d->id[i], on_note, &s);
    return s.status == personas[i].expected && s.attempts >= personas[i].attempts;
}

static void tell(struct demo *d, int i)
{
    char id[ID_TEXT + 1];
    char *args[] = {"why", "-d", d->data, "--lang", (char *)(uintptr_t)lang_name(d), id, NULL};
    id_text(d->id[i], id);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        exit(cli_why(&why, 6, args));
    waitpid(pid, NULL, 0);
    puts("");
    d->told[i] = true;
}

/* Tells each story when it has come out as it should; how many have in time. */
static int tell_all(struct demo *d, struct store *db)
{
    int n = 0;
    for (int look = 0; n < PERSONAS && look < WAIT_S * 1000 / LOOK_MS && !interrupted; look++) {
        for (int i = 0; i < PERSONAS; i++)
            if (!d->told[i] && as_expected(db, d, i)) {
                tell(d, i);
                n++;
            }
        pause_ms(LOOK_MS);
    }
    return n;
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
           "  %s why grey.again@receiver.test --dialogue\n  %s queue\n"
           "  printf 'Subject: hello\\n\\nhi\\n' | curl --crlf -k --ssl-reqd -u %s:%s --mail-from shop@goniec.test "
           "--mail-rcpt ok@receiver.test -T - smtp://127.0.0.1:%d\n",
           d->data, self, self, self, d->login, d->password, d->submission);
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
    printf(said[SAID_HANDED_IN][d->lang], (int)PERSONAS);
    int n = tell_all(d, db);
    store_close(&db);
    printf(said[SAID_SUMMARY][d->lang], n, (int)PERSONAS);
    if (!d->once && !interrupted) {
        print_addresses(d);
        while (!interrupted)
            pause();
    }
    return n == PERSONAS || (interrupted && !d->once) ? 0 : EX_SOFTWARE;
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
