/*
 * A participant's process: the real core, the real SQLite store and a service with handlers, and between them what
 * participant/participant_loop.c does. Here its life: it starts, meets events, steps its core, and stops.
 */
#include "chaos/sim/participant_private.h"

#include <string.h>

#include "chaos/sim/bank.h"
#include "proto/error.h"

static void show_moved(struct sim_world *world, const struct sim_node *node, const struct vow_branches_effect *effect)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_MOVED, node);

    sight.gtrid = effect->trace.gtrid;
    sight.moved.machine = SIM_MACHINE_BRANCH;
    sight.moved.from = effect->trace.from;
    sight.moved.event = effect->trace.event;
    sight.moved.to = effect->trace.to;
    sim_show(world, &sight);
}

static void carry_out(struct sim_world *world, struct sim_node *node, const struct vow_branches_effect *effect)
{
    struct sim_participant *p = node->participant;
    struct sim_sight sight;

    switch (effect->kind) {
    case VOW_BRANCHES_SEND:
        if (p->conn != NULL)
            sim_net_send(world, p->conn, 0, &effect->msg);
        break;
    case VOW_BRANCHES_STORE:
        participant_store(world, node, effect);
        break;
    case VOW_BRANCHES_JOINED:
        participant_answer_join(p, effect);
        break;
    case VOW_BRANCHES_ASK_PEERS:
        sim_peers_ask(world, node, &p->peers, &effect->ask.header);
        break;
    case VOW_BRANCHES_ANSWER_PEER:
        sim_peers_answer(world, node, effect->answer.session, &effect->answer.msg);
        break;
    case VOW_BRANCHES_ANSWER:
        sim_peers_answer(world, node, effect->told.tag, &effect->told.msg);
        break;
    case VOW_BRANCHES_TRACE:
        show_moved(world, node, effect);
        break;
    case VOW_BRANCHES_ALARM:
        sight = sim_sight_of(world, SIM_SEEN_ALARM, node);
        sight.gtrid = effect->alarm.gtrid;
        sight.alarm.what = effect->alarm.what;
        sight.alarm.who = "";
        sim_show(world, &sight);
        break;
    }
}

void participant_step(struct sim_world *world, struct sim_node *node, struct vow_branches_event *event)
{
    struct vow_branches_effects effects;

    event->now_ms = sim_now_us(world) / 1000;
    vow_branches_step(node->participant->core, event, &effects);
    for (size_t i = 0; i < effects.len; i++)
        carry_out(world, node, &effects.items[i]);
}

void participant_turn_end(struct sim_world *world, struct sim_node *node)
{
    uint64_t core_ms, events_ms;

    participant_settle_joins(world, node);
    participant_events_turn_end(world, node);
    participant_submit(world, node);
    /* Last, for work that joins is a step of the core. */
    core_ms = vow_branches_deadline_ms(node->participant->core);
    events_ms = participant_events_deadline_ms(node->participant);
    sim_arm(world, node, core_ms < events_ms ? core_ms : events_ms);
}

void participant_dial_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event *dial = sim_later(world, node, SIM_EVENT_DIAL, delay_us, delay_us > 1000);

    dial->task = sim_task_of_link(node->index, node->coord);
}

static void make(struct sim_world *world, struct sim_node *node)
{
    node->participant = sim_arena_take(&world->arena, sizeof(*node->participant));
    memset(node->participant, 0, sizeof(*node->participant));
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;
    struct vow_error_detail detail = {.error = 0, .text = ""};
    const struct sim_things things = p->things;
    struct sim_sight up;
    int error;

    memset(p, 0, sizeof(*p));
    p->things = things;
    p->pending_end = &p->pending;
    p->queue_end = &p->queue;
    error = participant_open(world, node, &detail);
    if (sim_node_died(world, node))
        return;
    if (error != 0) {
        sim_node_stopped(world, node, SIM_SEEN_REFUSED, error, detail.text);
        return;
    }
    participant_make_core(world, node);
    up = sim_sight_of(world, SIM_SEEN_UP, node);
    up.up.incarnation = p->identity.incarnation;
    memcpy(up.up.db_uuid, p->identity.db_uuid, VOW_DB_UUID_BYTES);
    up.up.recovered = p->prepared_len;
    sim_node_up(world, node, &up);
    participant_show_news(world, node, true);
    participant_turn_end(world, node);
    participant_dial_later(world, node, 1);
    participant_order_later(world, node);
}

static void stop(struct sim_world *world, struct sim_node *node)
{
    struct sim_participant *p = node->participant;

    (void)world;
    sim_bank_close(&p->bank);
    (void)sqlite3_close(p->events.own);
    p->events.own = NULL;
    vow_flights_deinit(&p->events.flights);
    if (p->events.reading != NULL)
        vow_store_events_free(p->events.reading->outbox.events);
    p->events.reading = NULL;
    if (p->store != NULL)
        p->ops->close(p->store);
    p->store = NULL;
    p->core = NULL;
}

/* Its own metrics, for whoever counts by what was seen. */
static void show_counts(struct sim_world *world, const struct sim_node *node)
{
    struct vow_branches_counts counts;

    vow_branches_counts(node->participant->core, sim_now_us(world) / 1000, &counts);
    sim_sample(world, node, SIM_SAMPLE_IN_DOUBT, counts.in_doubt, 0);
    sim_sample(world, node, SIM_SAMPLE_OPEN, counts.open, 0);
}

static void event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct vow_branches_event timer = {.kind = VOW_BRANCHES_TIMER};
    struct sim_sight sight;

    if (event->kind == SIM_EVENT_DISK_RUN) {
        participant_run_batch(world, node);
    } else if (event->kind == SIM_EVENT_DISK_DONE) {
        participant_batch_done(world, node, event->ptr);
    } else if (event->kind == SIM_EVENT_TICK) {
        node->participant->is_ticking = false;
        participant_run_soon(world, node, 1);
    } else if (event->kind == SIM_EVENT_DIAL) {
        sim_net_dial(world, node, node->coord, VOW_ROLE_PARTICIPANT);
    } else if (event->kind == SIM_EVENT_CALL) {
        participant_called(world, node, event->ptr);
    } else if (event->kind == SIM_EVENT_ORDER) {
        participant_order(world, node);
    } else if (event->kind == SIM_EVENT_WAKE) {
        show_counts(world, node);
        sight = sim_sight_of(world, SIM_SEEN_TICKED, node);
        sim_show(world, &sight);
        participant_step(world, node, &timer);
        participant_events_timer(world, node);
        participant_turn_end(world, node);
    }
}

bool sim_participant_next_doubted(const struct sim_node *node, uint32_t *cursor, struct vow_gtrid *gtrid)
{
    struct vow_branch_view view;

    if (node->state != SIM_NODE_UP)
        return false;
    while (vow_branches_next(node->participant->core, cursor, &view)) {
        *gtrid = view.gtrid;
        if (strcmp(view.state, "PREPARED") == 0)
            return true;
    }
    return false;
}

/*
 * Older than the history of its coordinator: only an operator ends it, and whether it was right nobody can tell him. Or
 * ended by hand against the decision, which its coordinator has recorded, or has no place to record, and nobody in this
 * world will see to.
 */
static bool may_stay(const struct sim_world *world, const struct sim_node *node, const struct vow_branch_view *view)
{
    const struct sim_node *coord = &world->nodes[node->coord];

    if (view->decided != 0)
        return sim_coordinator_keeps_note(world, coord, &view->gtrid, node->name) ||
               sim_coordinator_is_full(world, coord);
    return view->answer == VOW_WAIT_EXPIRED;
}

static uint32_t count_staying(const struct sim_world *world, const struct sim_node *node)
{
    struct vow_branch_view view;
    uint32_t cursor = 0, staying = 0;

    while (vow_branches_next(node->participant->core, &cursor, &view))
        staying += may_stay(world, node, &view);
    return staying;
}

static bool is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    const struct sim_participant *p = node->participant;
    struct vow_branches_counts counts;

    if (node->state != SIM_NODE_UP)
        return false;
    vow_branches_counts(p->core, sim_now_us(world) / 1000, &counts);
    if (p->with_store != (p->events.reading != NULL) || p->queue != NULL || p->pending != NULL)
        return false;
    if (!participant_outbox_is_quiet(world, node))
        return false;
    return counts.open == 0 || counts.open == count_staying(world, node);
}

static bool is_linked(const struct sim_node *node)
{
    return node->state == SIM_NODE_UP && node->participant->conn != NULL;
}

const struct sim_driver sim_participant_driver = {
    .make = make,
    .start = start,
    .stop = stop,
    .event = event,
    .connected = participant_connected,
    .message = participant_message,
    .disconnected = participant_disconnected,
    .turn_end = participant_turn_end,
    .is_quiet = is_quiet,
    .is_linked = is_linked,
};
