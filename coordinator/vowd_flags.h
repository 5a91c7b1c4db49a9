/* The command line of vowd: a flag for every setting, and a few that are no settings. */
#ifndef VOW_COORDINATOR_VOWD_FLAGS_H
#define VOW_COORDINATOR_VOWD_FLAGS_H

#include "coordinator/server/settings.h"

enum vowd_exit {
    VOWD_EXIT_DRAINED = 0,
    VOWD_EXIT_START = 1,
    VOWD_EXIT_USAGE = 2,
    VOWD_EXIT_LEFT_OPEN = 3,
    VOWD_EXIT_JOURNAL = 4,
};

/* Says on stderr what is wrong with a flag; VOWD_EXIT_USAGE. */
int vowd_usage(const char *flag, const char *value, const char *wants);

/* Takes the flags apart. True: serve with *source, which points into argv. False: all is said and done, and *status is
 * what to exit with (help was printed, a file was checked, a flag is wrong). */
bool vowd_flags(int argc, char **argv, struct vow_settings_source *source, int *status);

#endif
