/* Groups, topics and dead letters as objects of JSON: of now by vowd, of the past by a replay. As rows.h. */
#ifndef VOW_COORDINATOR_FOLD_EVENT_ROWS_H
#define VOW_COORDINATOR_FOLD_EVENT_ROWS_H

#include <jansson.h>

#include "coordinator/core/relay/relay.h"
#include "coordinator/fold/relay_book.h"

/* Without what is only so now: who is connected, and what is in flight. */
json_t *group_object(const struct vow_relay_group_view *view);
json_t *dead_object(const struct vow_relay_dead_view *view);

json_t *topic_object(const struct vow_relay_topic_view *view);

/* Not 0 ends the walk with that. */
typedef int topic_fn(void *ctx, const struct vow_relay_topic_view *view);
/* For each topic of which there are events in the book, by their names. */
int topics_of(const struct relay_book *book, topic_fn *each, void *ctx);

#endif
