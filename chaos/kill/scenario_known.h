/* What there is, for a message to somebody who has named what is not there. */
#ifndef VOW_CHAOS_KILL_SCENARIO_KNOWN_H
#define VOW_CHAOS_KILL_SCENARIO_KNOWN_H

#include "chaos/kill/scenario.h"

/* Names with commas; cut where they are too many for a line. `text` stays as it is until there is one. */
struct real_known {
    char text[300];
    size_t len;
};

void real_known_nodes(struct real_known *known, const struct real_scenario *scenario);
/* Each with `before` in front. */
void real_known_links(struct real_known *known, const struct real_scenario *scenario, const char *before);
/* For a variable with a dot: those of NODE (`len` bytes of `name`); or, if nobody is called so, what could be. */
void real_known_fields(struct real_known *known, const struct real_scenario *scenario, const char *name, size_t len);
/* For one without: the first `vars_len` of vars; and the harness's own. */
void real_known_vars(struct real_known *known, const struct real_scenario *scenario, size_t vars_len);
void real_known_own(struct real_known *known, bool has_dir);

#endif
