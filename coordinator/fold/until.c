#include "coordinator/fold/until.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- an LSN ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static const char *parse_lsn(const char *text, struct vow_journal_until *until)
{
    uint64_t lsn = 0;

    for (const char *c = text; *c != '\0'; c++) {
        if (lsn > (INT64_MAX - 9) / 10)
            return "is no LSN: it is too large";
        lsn = lsn * 10 + (uint64_t)(*c - '0');
    }
    if (lsn == 0)
        return "is no LSN: the first event has 1";
    *until = (struct vow_journal_until){.lsn = lsn};
    return NULL;
}

/* ---- a time ---- */

/* Exactly `digits` of them, and they are the next. */
static bool take_number(const char **at, int digits, int *number)
{
    *number = 0;
    for (int i = 0; i < digits; i++) {
        if (!is_digit((*at)[0]))
            return false;
        *number = *number * 10 + *(*at)++ - '0';
    }
    return true;
}

static bool take(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

/* Days from 1970-01-01, in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2), era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_date(int year, int month, int day)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 &&
           day <= lengths[month - 1] + (month == 2 && is_leap ? 1 : 0);
}

static bool take_date(const char **at, int64_t *seconds)
{
    int year, month, day;

    if (!take_number(at, 4, &year) || !take(at, '-') || !take_number(at, 2, &month) || !take(at, '-') ||
        !take_number(at, 2, &day) || !is_date(year, month, day))
        return false;
    *seconds = days_of(year, month, day) * 86400;
    return true;
}

/* Of a second; digits beyond the sixth say nothing. */
static bool take_fraction(const char **at, int64_t *us)
{
    int64_t unit = 100000;

    *us = 0;
    if (!take(at, '.'))
        return true;
    if (!is_digit(**at))
        return false;
    for (; is_digit(**at); (*at)++, unit /= 10)
        *us += (**at - '0') * unit;
    return true;
}

static bool take_clock(const char **at, int64_t *seconds, int64_t *us)
{
    int hour, minute, second = 0;

    *us = 0;
    if (!take_number(at, 2, &hour) || !take(at, ':') || !take_number(at, 2, &minute))
        return false;
    if (take(at, ':') && (!take_number(at, 2, &second) || !take_fraction(at, us)))
        return false;
    *seconds += hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second < 60;
}

static bool take_zone(const char **at, int64_t *seconds)
{
    bool is_east = **at == '+';
    int hours, minutes;

    if (take(at, 'Z'))
        return true;
    if (!take(at, '+') && !take(at, '-'))
        return false;
    if (!take_number(at, 2, &hours) || !take(at, ':') || !take_number(at, 2, &minutes))
        return false;
    *seconds += (is_east ? -1 : 1) * ((int64_t)hours * 3600 + (int64_t)minutes * 60);
    return hours < 24 && minutes < 60;
}

static const char *parse_time(const char *text, struct vow_journal_until *until)
{
    static const char form[] = "is neither an LSN nor a time like 2026-11-26T12:58:53Z";
    const char *at = text;
    int64_t seconds, us;

    if (!take_date(&at, &seconds) || (!take(&at, 'T') && !take(&at, ' ')) || !take_clock(&at, &seconds, &us))
        return form;
    if (*at == '\0')
        return "is a time without its zone: add Z for UTC, or +HH:MM";
    if (!take_zone(&at, &seconds) || *at != '\0' || seconds < 0)
        return form;
    *until = (struct vow_journal_until){.is_time = true, .wall_us = (uint64_t)seconds * 1000000u + (uint64_t)us};
    return NULL;
}

const char *vow_until_parse(const char *text, struct vow_journal_until *until)
{
    return is_number(text) ? parse_lsn(text, until) : parse_time(text, until);
}

/* ---- printing ---- */

void vow_wall_print(uint64_t wall_us, char out[VOW_UNTIL_SIZE])
{
    const time_t seconds = (time_t)(wall_us / 1000000u);
    struct tm utc;
    char stamp[24];

    if (gmtime_r(&seconds, &utc) == NULL || strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        (void)snprintf(stamp, sizeof(stamp), "?");
    (void)snprintf(out, VOW_UNTIL_SIZE, "%s.%06uZ", stamp, (unsigned)(wall_us % 1000000u));
}

void vow_until_print(const struct vow_journal_until *until, char out[VOW_UNTIL_SIZE])
{
    if (until->is_time)
        vow_wall_print(until->wall_us, out);
    else
        (void)snprintf(out, VOW_UNTIL_SIZE, "%llu", (unsigned long long)until->lsn);
}
