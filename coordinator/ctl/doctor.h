/*
 * vowctl doctor: what is well, what is not, and what to do about it.
 *
 * A check looks at one thing and adds one finding or more. It changes nothing but a file that it makes in the data
 * directory for measuring and removes at once. The names of checks are part of the tool's contract (--json).
 */
#ifndef VOW_CTL_DOCTOR_H
#define VOW_CTL_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>

#include "proto/address.h"

enum health { HEALTH_OK = 0, HEALTH_WARN = 1, HEALTH_FAIL = 2, HEALTH_UNKNOWN = 3 };

struct diagnosis {
    json_t *findings; /* array of {check, status, what, do} */
    bool warned, failed, unknown;
};

/* Adds a finding. `advice` is "" for one that is well. */
void diagnosis_add(struct diagnosis *diagnosis, const char *check, enum health health, const char *advice,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

/* doctor_disk.c: the directory, its file system, space, fsync; of a stopped daemon the journal, too. */
void check_directory(struct diagnosis *diagnosis, const char *directory);
void check_space(struct diagnosis *diagnosis, const char *directory);
void check_fsync(struct diagnosis *diagnosis, const char *directory);
/* False if a daemon holds the lock: the journal is then its to look at. */
bool check_journal(struct diagnosis *diagnosis, const char *directory);

/* doctor_machine.c: what is the same for every program here. */
void check_clock(struct diagnosis *diagnosis);
void check_sqlite(struct diagnosis *diagnosis, const char *who, const char *version);

/* doctor_coordinator.c: what a running daemon says of itself. */
void check_status(struct diagnosis *diagnosis, const json_t *status);
void check_http(struct diagnosis *diagnosis, const json_t *status);
void check_peers(struct diagnosis *diagnosis, const json_t *peers, const json_t *in_doubt);
void check_in_doubt(struct diagnosis *diagnosis, const json_t *in_doubt);

struct doctor_options {
    struct vow_address coordinator;
    const char *directory; /* NULL = ask the daemon */
    bool json;
    unsigned timeout_ms;
};

/* Looks at everything, prints, and returns the exit status: 0 all is well, or there are warnings only; 1 something is
 * not; 3 it could not look. */
int doctor(const struct doctor_options *options);

#endif
