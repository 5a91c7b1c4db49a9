/*
 * Events of sagas and steps come to their handlers, and moves along the edges of the tables: no state is written
 * elsewhere, but for the states of steps that recovery finds (recover.c). An event that the table ignores, or does not
 * allow, is counted here.
 */
#include "coordinator/core/saga/core.h"

#include "proto/assert.h"

static void hit_cell(struct vow_sagas *core, const struct vow_fsm *fsm, unsigned state, unsigned event,
                     const struct vow_gtrid *gtrid, uint32_t step)
{
    const struct vow_fsm_cell *cell = vow_fsm_cell_of(fsm, state, event);

    if (cell->verdict == VOW_FSM_IGNORE) {
        core->counts.late++;
        return;
    }
    core->counts.protocol_errors++;
    saga_alarm(core, gtrid, step, cell->why);
}

static void trace(struct vow_sagas *core, const struct vow_gtrid *gtrid, uint32_t step, unsigned from, unsigned event,
                  unsigned to)
{
    struct vow_sagas_effect *effect = saga_emit(core, VOW_SAGAS_TRACE, gtrid);

    effect->trace.step = step;
    effect->trace.from = (uint8_t)from;
    effect->trace.event = (uint8_t)event;
    effect->trace.to = (uint8_t)to;
}

/* ---- sagas ---- */

static bool has_timer(enum saga_state state)
{
    return state == SAGA_RUNNING;
}

static bool is_stuck(enum saga_state state)
{
    return state == SAGA_STUCK_FORWARD || state == SAGA_STUCK_COMPENSATING;
}

void saga_move(struct vow_sagas *core, struct saga *saga, enum saga_state to)
{
    struct saga_input *in = core->saga_in;
    enum saga_state from = (enum saga_state)saga->state;
    uint32_t index = (uint32_t)(saga - core->sagas);

    VOW_ASSERT(in != NULL && !in->moved && in->saga == saga);
    in->moved = true;
    vow_fsm_count(vow_saga_fsm(), core->saga_hits, from, in->event, to);
    core->stuck += (uint32_t)is_stuck(to) - (uint32_t)is_stuck(from);
    saga->state = (uint8_t)to;
    saga->state_since_ms = core->now_ms;
    if (has_timer(to) && !core->recovering && saga->deadline_ms != SAGA_NEVER_MS)
        vow_heap_set(&core->deadlines, index, (struct vow_heap_key){saga->deadline_ms, index});
    else
        vow_heap_remove(&core->deadlines, index);
    trace(core, &saga->gtrid, VOW_STEP_NONE, from, in->event, to);
}

static bool goes_back(enum saga_state state)
{
    return state == SAGA_TURNING || state == SAGA_HALTING || state == SAGA_COMPENSATING ||
           state == SAGA_STUCK_COMPENSATING;
}

/* What holds in each state, whatever led there. */
static void check(const struct saga *saga)
{
    enum saga_state state = (enum saga_state)saga->state;

    VOW_ASSERT(saga->steps_len >= 1 && saga->stage < saga->stages_len);
    VOW_ASSERT(state == SAGA_ENDING || saga->has_failed == goes_back(state));
    VOW_ASSERT((saga->outcome != 0) == (state == SAGA_ENDING));
}

void saga_dispatch(struct vow_sagas *core, struct saga_input *in)
{
    enum saga_state from = in->saga != NULL ? (enum saga_state)in->saga->state : SAGA_NONE;
    saga_handler_fn *handler = core->saga_handlers[from][in->event];

    if (handler == NULL) {
        hit_cell(core, vow_saga_fsm(), from, in->event, in->gtrid, VOW_STEP_NONE);
        return;
    }
    VOW_ASSERT(core->saga_in == NULL);
    core->saga_in = in;
    handler(core, in);
    core->saga_in = NULL;
    /* A handler that does not move takes the edge back to where it is. */
    if (!in->moved)
        vow_fsm_count(vow_saga_fsm(), core->saga_hits, from, in->event, from);
    if (in->saga == NULL)
        return;
    if (in->saga->state == SAGA_NONE)
        saga_free(core, in->saga);
    else
        check(in->saga);
}

/* ---- steps ---- */

void step_move(struct vow_sagas *core, struct step *step, enum step_state to)
{
    struct step_input *in = core->step_in;
    enum step_state from = (enum step_state)step->state;

    VOW_ASSERT(in != NULL && !in->moved && in->step == step);
    in->moved = true;
    vow_fsm_count(vow_step_fsm(), core->step_hits, from, in->event, to);
    step->state = (uint8_t)to;
    if (to != STEP_SENT && to != STEP_WAITING)
        pace_stop(core, step);
    trace(core, &step_saga(core, step)->gtrid, step->number, from, in->event, to);
}

static void tell_saga(struct vow_sagas *core, struct step *step)
{
    struct saga *saga = step_saga(core, step);
    struct saga_input in = {.gtrid = &saga->gtrid, .saga = saga, .step = step};

    in.event = step->state == STEP_STUCK ? SAGA_ON_STUCK : SAGA_ON_SETTLED;
    saga_dispatch(core, &in);
}

void step_dispatch(struct vow_sagas *core, struct step_input *in)
{
    enum step_state from = (enum step_state)in->step->state;
    step_handler_fn *handler = core->step_handlers[from][in->event];

    if (handler == NULL) {
        hit_cell(core, vow_step_fsm(), from, in->event, &step_saga(core, in->step)->gtrid, in->step->number);
        return;
    }
    VOW_ASSERT(core->step_in == NULL);
    core->step_in = in;
    handler(core, in);
    core->step_in = NULL;
    if (!in->moved)
        vow_fsm_count(vow_step_fsm(), core->step_hits, from, in->event, from);
    if (in->event == STEP_ON_LOGGED)
        tell_saga(core, in->step);
}
