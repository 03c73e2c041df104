/* entry: see entry.h. */
#include "cli/entry.h"

#include "mail/date.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* ---- accounts ---- */

struct str entry_account(const char *given)
{
    if (!given)
        return STR(SUPPRESS_SERVER);
    return strcmp(given, "-") == 0 ? STR("") : str_of(given);
}

struct str entry_account_text(struct str account) { return account.n ? account : STR("-"); }

struct looking {
    struct str account;
    bool found;
};

static void look_at(void *ctx, const struct store_account *a)
{
    struct looking *l = ctx;
    l->found |= str_eq(l->account, str_of(a->name));
}

bool entry_account_known(struct store *s, struct str account)
{
    struct looking l = {account, account.n == 0 || str_eq(account, STR(SUPPRESS_SERVER))};
    if (!l.found)
        store_accounts(s, look_at, &l);
    return l.found;
}

/* ---- times ---- */

static bool time_of_day(const char *z, struct tm *t)
{
    int n = 0, used = 0;
    if (!*z || strcmp(z, "Z") == 0)
        return true;
    if (*z != ' ' && *z != 'T')
        return false;
    if (sscanf(z + 1, "%2d:%2d%n", &t->tm_hour, &t->tm_min, &n) != 2)
        return false;
    z += 1 + n;
    if (*z == ':' && sscanf(z, ":%2d%n", &t->tm_sec, &used) == 1)
        z += used;
    if (*z == '.')
        for (z++; *z >= '0' && *z <= '9'; z++)
            continue;
    return !*z || strcmp(z, "Z") == 0 || strcmp(z, " UTC") == 0 || strcmp(z, "+00:00") == 0;
}

static bool calendar(const char *z, int64_t *ret)
{
    struct tm t = {0};
    int n = 0;
    if ((sscanf(z, "%4d-%2d-%2d%n", &t.tm_year, &t.tm_mon, &t.tm_mday, &n) != 3 || n != 10) &&
        (sscanf(z, "%2d.%2d.%4d%n", &t.tm_mday, &t.tm_mon, &t.tm_year, &n) != 3 || n != 10))
        return false;
    if (t.tm_mon < 1 || t.tm_mon > 12 || t.tm_mday < 1 || t.tm_mday > 31 || t.tm_year < 1970 || !time_of_day(z + n, &t))
        return false;
    t.tm_year -= 1900;
    t.tm_mon--;
    *ret = timegm(&t);
    return true;
}

bool entry_time(struct str s, int64_t *ret)
{
    char z[40];
    uint64_t v;
    if (str_to_u64(s, UINT64_C(100000000000000), &v)) {
        *ret = (int64_t)(v >= UINT64_C(100000000000) ? v / 1000 : v); /* in ms from 1973 on */
        return true;
    }
    if (s.n >= sizeof z)
        return false;
    snprintf(z, sizeof z, "%.*s", STR_ARGS(s));
    return calendar(z, ret);
}

bool entry_expiry(struct str s, int64_t now_s, int64_t *ret)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    uint64_t v;
    if (str_eq(s, STR("never"))) {
        *ret = 0;
        return true;
    }
    for (size_t i = 0; s.n && i < sizeof units / sizeof *units; i++)
        if (s.p[s.n - 1] == units[i].unit && str_to_u64(str_mem(s.p, s.n - 1), 1000000000, &v) && v > 0) {
            *ret = now_s + (int64_t)v * units[i].seconds;
            return true;
        }
    return entry_time(s, ret);
}

void entry_date(int64_t at_s, struct buf *b)
{
    char date[DATE_TEXT];
    date_rfc3339(at_s * 1000, date);
    buf_addf(b, "%.10s %.8s", date, date + 11);
}

const char *entry_me(void)
{
    const char *sudo = getenv("SUDO_USER");
    struct passwd *p = sudo ? NULL : getpwuid(getuid());
    return sudo ? sudo : p ? p->pw_name : "unknown";
}

/* ---- as text ---- */

static const char *const columns[2] = {
    [LIST_SUPPRESSED] = "email,reason,created,expires,account,by,automatic,message,text\r\n",
    [LIST_ALLOWED] = "email,created,account,by,text\r\n",
};

void entry_csv_head(enum store_list list, struct buf *b) { buf_add_str(b, str_of(columns[list])); }

static void csv_field(struct str s, struct buf *b)
{
    bool plain = true;
    for (size_t i = 0; i < s.n; i++)
        plain &= s.p[i] != '"' && s.p[i] != ',' && s.p[i] != ';' && s.p[i] != '\n' && s.p[i] != '\r';
    if (plain) {
        buf_add_str(b, s);
        return;
    }
    buf_add_str(b, STR("\""));
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            buf_add_str(b, STR("\""));
        buf_add(b, s.p + i, 1);
    }
    buf_add_str(b, STR("\""));
}

static void csv_next(struct str s, struct buf *b)
{
    buf_add_str(b, STR(","));
    csv_field(s, b);
}

static void time_text(int64_t at_s, char out[DATE_TEXT])
{
    *out = '\0';
    if (at_s)
        date_rfc3339(at_s * 1000, out);
}

static void message_text(const struct store_entry *e, char out[ID_TEXT + 1])
{
    *out = '\0';
    if (id_wall_ms(e->message))
        id_text(e->message, out);
}

void entry_csv(enum store_list list, const struct store_entry *e, struct buf *b)
{
    char created[DATE_TEXT], expires[DATE_TEXT], id[ID_TEXT + 1];
    time_text(e->at_s, created);
    time_text(e->expires_s, expires);
    message_text(e, id);
    csv_field(e->value, b);
    if (list == LIST_SUPPRESSED)
        csv_next(str_of(suppress_reason_name(e->reason)), b);
    csv_next(str_of(created), b);
    if (list == LIST_SUPPRESSED)
        csv_next(str_of(expires), b);
    csv_next(entry_account_text(e->account), b);
    csv_next(e->by, b);
    if (list == LIST_SUPPRESSED) {
        csv_next(e->automatic ? STR("yes") : STR("no"), b);
        csv_next(str_of(id), b);
    }
    csv_next(e->text, b);
    buf_add_str(b, STR("\r\n"));
}

static void json_member(const char *name, struct str s, struct buf *b)
{
    buf_addf(b, ",\"%s\":", name);
    common_json(s, b);
}

void entry_json(enum store_list list, const struct store_entry *e, struct buf *b)
{
    char created[DATE_TEXT], expires[DATE_TEXT], id[ID_TEXT + 1];
    time_text(e->at_s, created);
    time_text(e->expires_s, expires);
    message_text(e, id);
    buf_add_str(b, STR("{\"email\":"));
    common_json(e->value, b);
    json_member("created", str_of(created), b);
    json_member("account", entry_account_text(e->account), b);
    json_member("by", e->by, b);
    if (list == LIST_SUPPRESSED) {
        json_member("reason", str_of(suppress_reason_name(e->reason)), b);
        if (e->expires_s)
            json_member("expires", str_of(expires), b);
        if (*id)
            json_member("message", str_of(id), b);
        buf_addf(b, ",\"automatic\":%s", e->automatic ? "true" : "false");
    }
    json_member("text", e->text, b);
    buf_add_str(b, STR("}"));
}

const char *entry_refused(const struct list_options *o, const struct suppress_value *v)
{
    if (!v->is_domain || !suppress_is_freemail(v->domain))
        return NULL;
    if (o->list == LIST_ALLOWED)
        return "is a whole free-mail provider, where anybody has a mailbox: allow single addresses";
    return o->common.force
               ? NULL
               : "is a whole free-mail provider: that would block everybody's mailbox there; --force does it all the same";
}
