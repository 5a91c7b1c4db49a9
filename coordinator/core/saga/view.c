/* Looking in: counts and walks for status, list and show. */
#include "coordinator/core/saga/core.h"

#include <string.h>

void vow_sagas_counts(const struct vow_sagas *core, struct vow_sagas_counts *counts)
{
    *counts = core->counts;
    counts->open = core->sagas_open;
    counts->stuck = core->stuck;
    counts->breakers_open = core->breakers_open;
    counts->peers = peers_in_use(core);
    counts->steps = core->limits.steps_max - core->steps_left;
}

static const char *fate_name(enum vow_saga_fate fate)
{
    static const char *const names[] = {"", "DONE", "REJECTED", "UNKNOWN", "UNDONE", "STUCK"};

    return names[fate];
}

static void view_step(const struct vow_sagas *core, const struct step *step, struct vow_saga_step_view *view)
{
    const struct vow_heap_entry *due = vow_heap_find(&core->due, step_index(core, step));
    const struct peer *peer = step_peer(core, step);

    *view = (struct vow_saga_step_view){.participant = peer->name,
                                        .state = vow_step_fsm()->states[step->state].name,
                                        .fate = fate_name((enum vow_saga_fate)step->fate),
                                        .kind = (enum vow_step_kind)step->kind,
                                        .stage = step->stage,
                                        .attempts = step->attempts,
                                        .next_ms = due != NULL ? due->key.major : UINT64_MAX,
                                        .breaker = vow_breaker_fsm()->states[peer->breaker].name,
                                        .budget = peer->budget / 10,
                                        .connected = peer->session != 0};
}

static void view_saga(const struct vow_sagas *core, const struct saga *saga, struct vow_saga_view *view)
{
    memset(view, 0, sizeof(*view));
    view->gtrid = saga->gtrid;
    view->state = vow_saga_fsm()->states[saga->state].name;
    view->told = saga_told(saga);
    view->cause = (enum vow_cause)saga->cause;
    view->failed_step = saga->failed_step;
    view->begun_ms = saga->begun_ms;
    view->state_since_ms = saga->state_since_ms;
    view->earlier_ms = saga->earlier_ms;
    FOR_EACH_STEP(core, saga, step)
    {
        view_step(core, step, &view->steps[view->steps_len++]);
    }
}

bool vow_sagas_next(const struct vow_sagas *core, uint32_t *cursor, struct vow_saga_view *view)
{
    while (*cursor < core->limits.sagas_max) {
        const struct saga *saga = &core->sagas[(*cursor)++];

        if (saga->state != SAGA_NONE) {
            view_saga(core, saga, view);
            return true;
        }
    }
    return false;
}

bool vow_sagas_find(const struct vow_sagas *core, const struct vow_gtrid *gtrid, struct vow_saga_view *view)
{
    const struct saga *saga = saga_find(core, gtrid);

    if (saga == NULL)
        return false;
    view_saga(core, saga, view);
    return true;
}

const uint64_t *vow_saga_edge_hits(const struct vow_sagas *core)
{
    return core->saga_hits;
}

const uint64_t *vow_step_edge_hits(const struct vow_sagas *core)
{
    return core->step_hits;
}

const uint64_t *vow_breaker_edge_hits(const struct vow_sagas *core)
{
    return core->breaker_hits;
}
