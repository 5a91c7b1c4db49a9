/* The checks of the resource test, each as what one life does before it is judged. */
#ifndef VOW_TESTING_PLAYS_H
#define VOW_TESTING_PLAYS_H

#include "participant/testing/life.h"

/* How a play is tried. */
enum trial {
    TRIAL_ONCE,     /* not killed; it is its own judge */
    TRIAL_PLACES,   /* killed at each place, and judged */
    TRIAL_RECOVERY, /* killed at its end; the judge is killed at each place, and judged */
};

struct check {
    const char *name;
    life_play_fn *play;
    enum trial trial;
    unsigned places_max; /* at so many of the places at most; 0 = all */
};

extern const struct check resource_checks[];
extern const unsigned resource_checks_len;

#endif
