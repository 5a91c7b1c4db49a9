/* A state of the past as rows of JSON. */
#ifndef VOW_COORDINATOR_FOLD_REPLAY_ROWS_H
#define VOW_COORDINATOR_FOLD_REPLAY_ROWS_H

#include <jansson.h>

#include "coordinator/fold/replay.h"

/* Takes the row over; NULL: there was no memory for it. Returning not 0 ends the walk with that. */
typedef int vow_replay_row_fn(void *ctx, json_t *row);

/*
 * Calls `each` for the rows of a state that was made:
 *     {"state": {"lsn", "wall_us", "time", "epoch", "transactions", "sagas", ...}} first; the numbers of those below
 *     {"transaction": {...}}, {"saga": {...}}                         as `vowctl list` and `vowctl saga list` have them
 *     {"group": {...}}, {"topic": {...}}, {"dead_letter": {...}}      as `vowctl topics` and `vowctl dlq list`
 *     {"key": {"source", "db_uuid", "key", "key_seq", "offset"}}      the newest event of each key
 * If retention has cut off anything the state has "keys_cut": LSN. Of keys whose newest event came up to there nothing
 * is known; the number and the rows of the last line are of those that have one after it. And it has "events_cut":
 * true in place of the last two if a vowd of before has cut off records of events that they follow from. Of a watched
 * id only its own, or {"ended": {...}} if nothing of it is open, and then {"event": {...}} for each event.
 * Over rows_max the rest is one row, {"left_out": N}; 0 is no limit. at_us: the time asked for, 0 = of the last event.
 * Returns 0, VOW_E_NOT_FOUND if the watched id has no event, or what `each` returned.
 */
int vow_replay_rows(const struct vow_replay *replay, uint64_t at_us, uint32_t rows_max, vow_replay_row_fn *each,
                    void *ctx);

#endif
