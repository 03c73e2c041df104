/* date: see date.h. The calendar is counted here, from days, so that no call depends on the process's time zone or locale. */
#include "mail/date.h"

#include <stdio.h>

static const char *const weekdays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct moment {
    unsigned year, month /* 1..12 */, day, weekday /* 0: Sunday */, hour, minute, second, ms;
};

enum {
    DAY_MS = 86400000,
    DAYS_4_YEARS = 1461,
    DAYS_100_YEARS = 36524,
    DAYS_400_YEARS = 146097,
    DAYS_0000_03_01_TO_1970 = 719468
};
static const int64_t LAST_MS = 253402300799999; /* the end of the year 9999 */

/* Years begin in March here, so that the leap day is the last of its year; a 400-year cycle repeats exactly. */
static void date_of_days(unsigned days_since_1970, struct moment *m)
{
    unsigned days = days_since_1970 + DAYS_0000_03_01_TO_1970;
    unsigned cycle = days / DAYS_400_YEARS, in_cycle = days % DAYS_400_YEARS;
    unsigned year =
        (in_cycle - in_cycle / (DAYS_4_YEARS - 1) + in_cycle / DAYS_100_YEARS - in_cycle / (DAYS_400_YEARS - 1)) / 365;
    unsigned in_year = in_cycle - (365 * year + year / 4 - year / 100);
    unsigned march_month = (5 * in_year + 2) / 153; /* 0: March; months of 31 and 30 days alternate from there */
    m->day = in_year - (153 * march_month + 2) / 5 + 1;
    m->month = march_month < 10 ? march_month + 3 : march_month - 9;
    m->year = cycle * 400 + year + (m->month <= 2);
    m->weekday = (days_since_1970 + 4) % 7; /* 1970-01-01 was a Thursday */
}

static struct moment moment_of(int64_t wall_ms)
{
    struct moment m;
    wall_ms = wall_ms < 0 ? 0 : wall_ms > LAST_MS ? LAST_MS : wall_ms;
    date_of_days((unsigned)(wall_ms / DAY_MS), &m);
    unsigned in_day = (unsigned)(wall_ms % DAY_MS);
    m.hour = in_day / 3600000;
    m.minute = in_day / 60000 % 60;
    m.second = in_day / 1000 % 60;
    m.ms = in_day % 1000;
    return m;
}

void date_rfc5322(int64_t wall_ms, char out[DATE_TEXT])
{
    struct moment m = moment_of(wall_ms);
    snprintf(out, DATE_TEXT, "%s, %02u %s %04u %02u:%02u:%02u +0000", weekdays[m.weekday], m.day, months[m.month - 1],
             m.year % 10000, m.hour, m.minute, m.second);
}

void date_rfc3339(int64_t wall_ms, char out[DATE_TEXT])
{
    struct moment m = moment_of(wall_ms);
    snprintf(out, DATE_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", m.year % 10000, m.month, m.day, m.hour, m.minute, m.second,
             m.ms);
}
