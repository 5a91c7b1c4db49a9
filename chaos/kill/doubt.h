/* What libvow keeps in a service's SQLite file: branches that are prepared, and their locks. */
#ifndef VOW_CHAOS_KILL_DOUBT_H
#define VOW_CHAOS_KILL_DOUBT_H

#include <stdint.h>

struct real_doubt {
    int64_t branches, locks;
};

/* Adds what a file has. Returns 0; or -1 if it could not be read just now, and `why` says how that was. */
int real_doubt_count(const char *path, struct real_doubt *doubt, char why[160]);

#endif
