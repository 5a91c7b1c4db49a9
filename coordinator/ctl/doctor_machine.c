/* The machine: its clock, its SQLite. */
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/timex.h>

#include "coordinator/ctl/doctor.h"

void check_clock(struct diagnosis *diagnosis)
{
    struct timex about = {.modes = 0};
    int state = adjtimex(&about);
    if (state < 0)
        diagnosis_add(diagnosis, "clock", HEALTH_OK, "", "timers are monotonic; whether NTP runs cannot be seen here");
    else if (state == TIME_ERROR || (about.status & STA_UNSYNC) != 0)
        diagnosis_add(diagnosis, "clock", HEALTH_WARN,
                      "run an NTP client: no outcome hangs on it, the times that people read do",
                      "the wall clock is not synchronised");
    else
        diagnosis_add(diagnosis, "clock", HEALTH_OK, "", "synchronised, estimated error %.1f ms; timers are monotonic",
                      (double)about.esterror / 1e3);
}

#define SQLITE_LEAST 3037000  /* STRICT tables */
#define SQLITE_MENDED 3051003 /* two connections that commit and checkpoint at once: fault F122 */

/* "3.40.1" as SQLite counts: 3040001. */
static long version_number(const char *version)
{
    char *end;
    long major = strtol(version, &end, 10);
    long minor = *end == '.' ? strtol(end + 1, &end, 10) : 0;
    long patch = *end == '.' ? strtol(end + 1, &end, 10) : 0;
    return major * 1000000 + minor * 1000 + patch;
}

void check_sqlite(struct diagnosis *diagnosis, const char *who, const char *version)
{
    if (version == NULL)
        version = sqlite3_libversion();
    long number = version_number(version);
    if (number < SQLITE_LEAST)
        diagnosis_add(diagnosis, "sqlite", HEALTH_FAIL, "install 3.37 or newer", "%s has SQLite %s: too old", who,
                      version);
    else if (number < SQLITE_MENDED)
        diagnosis_add(
            diagnosis, "sqlite", HEALTH_OK, "",
            "%s has SQLite %s; below 3.51.3 two connections can damage a WAL, so open journal.db with nothing else "
            "while vowd runs",
            who, version);
    else
        diagnosis_add(diagnosis, "sqlite", HEALTH_OK, "", "%s has SQLite %s", who, version);
}
