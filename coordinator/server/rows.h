/* Rows as objects of JSON, for those who add to them; internal.h has the finished ones. */
#ifndef VOW_COORDINATOR_SERVER_ROWS_H
#define VOW_COORDINATOR_SERVER_ROWS_H

#include <jansson.h>

#include "coordinator/fold/rows.h"
#include "coordinator/server/internal.h"

/* A transaction in memory, with its branches and what is safe to do. NULL if there is no memory. */
json_t *txn_object(const struct vow_server *server, const struct vow_coord_txn_view *view);
/* How long ago it came or went. */
uint64_t seen_ms_ago(const struct vow_server *server, const char *name);
/* "completed", "stuck-forward", ... for an enum vow_saga_state. */
const char *saga_state_name(uint32_t state);
/* Adds what an event is and says. */
void event_describe(json_t *row, const struct vow_msg_event *event);
/* The row as text; takes the object over. */
char *row_finish(json_t *row);

#endif
