/* What vowctl was told by flags. Which command has a use for which stands in vowctl.c. */
#ifndef VOW_CTL_FLAGS_H
#define VOW_CTL_FLAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/address.h"

/* Of all commands; more is in operate.h. */
enum exit_status { EXIT_ANSWERED = 0, EXIT_NO_ANSWER = 1, EXIT_USAGE = 2, EXIT_NOT_FOUND = 3 };

struct flags {
    struct vow_address coordinator;
    unsigned timeout_ms;
    bool json, dot, markdown, yes, help, version;
    const char *filter;      /* of lists: "" = what has not ended */
    const char *participant; /* "" = the transaction itself */
    /* NULL = not said */
    const char *data; /* a stopped daemon's directory */
    const char *until, *reason, *as, *to;
    unsigned given; /* bits: which there were, for flags_first_unused() */
};

/* One line on stderr: what was found, quoted, and why it will not do. Returns EXIT_USAGE. */
int usage(const char *what, const char *why);

/* 0, and argv[optind] is the first word; or EXIT_USAGE, and all is said. Ends with the first --help or --version. */
int flags_parse(struct flags *flags, int argc, char **argv);
/* A flag is a letter in `uses`. One that was given and is not among them, or '\0'. */
char flags_first_unused(const struct flags *flags, const char *uses);
/* Without the dashes. */
const char *flags_name(char letter);

#endif
