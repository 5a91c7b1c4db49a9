/*
 * Decided transactions that do not come to an end, because a participant does not come back or has lost its part. They
 * hold nobody up and cost an entry each; but somebody must be told (faults F027, B36).
 */
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

#define STUCK_ATTEMPTS 3u
#define STUCK_MS 10000u
/* A look at more entries than this would be felt; what it finds is then a part. */
#define ENTRIES_MAX 4096u

bool txn_is_stuck(const struct vow_coord_txn_view *view, uint64_t now_ms)
{
    return strcmp(view->state, "COMMITTING") == 0 &&
           (view->attempts >= STUCK_ATTEMPTS || now_ms - view->state_since_ms >= STUCK_MS);
}

/* The first branch that has not acknowledged. */
static const char *waits_for(const struct vow_coord_txn_view *view)
{
    for (uint32_t i = 0; i < view->branches_len && i < VOW_CALLS_MAX; i++) {
        const struct vow_coord_branch_view *branch = &view->branches[i];
        if (branch->voted && branch->vote == VOW_VOTE_YES && !branch->acknowledged)
            return branch->participant;
    }
    return "";
}

static void report(const struct vow_coord_txn_view *example, uint32_t stuck, uint64_t now_ms)
{
    char id[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(&example->gtrid, id);
    VOW_LOG(VOW_LOG_ERROR, "alarm", VOW_STR("what", "decided transactions do not come to an end"),
            VOW_NUM("count", stuck), VOW_STR("id", id), VOW_STR("participant", waits_for(example)),
            VOW_NUM("in_state_ms", now_ms - example->state_since_ms),
            VOW_STR("do", "bring the participant back; vowctl list --stuck shows all"));
}

/* One line when it gets worse, and one when all is well again: not one for each look. */
void stuck_look(struct vow_server *server)
{
    uint32_t cursor = 0, stuck = 0;
    uint64_t now_ms = vow_clock_ms();
    struct vow_coord_txn_view view, example = {.state = ""};
    for (uint32_t i = 0; i < ENTRIES_MAX && vow_coord_next(server->core, &cursor, &view); i++) {
        if (txn_is_stuck(&view, now_ms) && stuck++ == 0)
            example = view;
    }
    if (stuck > server->stuck)
        report(&example, stuck, now_ms);
    else if (stuck == 0 && server->stuck > 0)
        VOW_LOG(VOW_LOG_INFO, "nothing_is_stuck");
    server->stuck = stuck;
}
