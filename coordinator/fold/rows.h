/* What people and programs are shown of the journal, as objects of JSON: the same by vowd and by vowctl. Keys are part
 * of the tools' contract and do not change meaning. NULL where there is no memory. */
#ifndef VOW_COORDINATOR_FOLD_ROWS_H
#define VOW_COORDINATOR_FOLD_ROWS_H

#include <jansson.h>

#include "coordinator/core/coord.h"
#include "coordinator/journal/journal.h"

json_t *json_u64(uint64_t value);
/* What comes from a file system or a peer may be no UTF-8, and no row shall be missing for that. */
json_t *json_text(const char *text);
json_t *json_gtrid(const struct vow_gtrid *gtrid);

const char *damage_name(enum vow_damage damage);
const char *vote_name(const struct vow_coord_branch_view *branch);
const char *step_kind_name(enum vow_step_kind kind);

/* One event of a history. */
json_t *event_object(const struct vow_journal_event *event);
/* What became of a transaction or a saga that has nothing open, from its events: at least one. */
json_t *ended_object(const struct vow_gtrid *gtrid, const struct vow_journal_event *events, uint32_t events_len);

#endif
