/* vowctl replay: the state after some event of the journal. */
#ifndef VOW_CTL_REPLAY_H
#define VOW_CTL_REPLAY_H

#include <jansson.h>
#include <stdbool.h>

#include "coordinator/journal/journal.h"
#include "proto/address.h"

struct replay_options {
    struct vow_address coordinator;
    const char *directory; /* of a stopped daemon, or of a copy; NULL = ask the daemon */
    struct vow_journal_until until;
    struct vow_gtrid gtrid; /* of one transaction or saga; none: all that had not ended */
    unsigned timeout_ms;
};

/* *state is the caller's then: one object. On an error detail says what is wrong and what to do; VOW_E_NOT_FOUND: the
 * journal has no event of the id up to there. */
int replay(const struct replay_options *options, json_t **state, struct vow_error_detail *detail);
void print_replay(const json_t *state);

#endif
