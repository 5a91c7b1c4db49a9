/*
 * The model of a client of sagas: what libvow does with a saga's request (participant/client_saga.c), one at a time,
 * each drawn from its own number. A saga is the coordinator's once it has begun; who follows it asks until it has
 * ended, or its caller's time is up. Sometimes it is cancelled, and sometimes an older one is asked about.
 */
#include <string.h>

#include "chaos/sim/saga_private.h"
#include "proto/error.h"

/* As in the library: the wait after "nothing happened", and between questions. */
#define REFUSED_US UINT64_C(10000)
#define REFUSED_MAX_US UINT64_C(1000000)
#define ASK_US UINT64_C(500000)
#define ASK_MAX_US UINT64_C(5000000)
#define IDS_AGAIN_US UINT64_C(500000)

static void go_on(struct sim_world *world, struct sim_node *node);

/* --- Time --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void set_timer(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event *event = sim_later(world, node, SIM_EVENT_CLIENT, delay_us, true);

    event->number = ++node->saga_client->timer;
}

/* For whatever comes first. */
static void arm(struct sim_world *world, struct sim_node *node)
{
    const struct saga_run *run = &node->saga_client->run;
    const uint64_t at_us = least(run->retry_us, least(run->cancel_us, run->end_us));
    const uint64_t now_us = sim_now_us(world);

    set_timer(world, node, at_us > now_us ? at_us - now_us : 1);
}

static void retry_later(struct sim_world *world, struct sim_node *node, uint64_t base_us, uint64_t most_us)
{
    struct sim_saga_client *client = node->saga_client;
    const uint64_t up_to_us = least(base_us << least(client->run.attempts, 20), most_us);

    client->run.sent = false;
    client->run.attempts++;
    client->run.retry_us = sim_now_us(world) + base_us / 2 + sim_rng_below(&client->rng, up_to_us);
    arm(world, node);
}

/* --- What is asked --- */

static void show_asked(struct sim_world *world, const struct sim_node *node, enum sim_ask what,
                       const struct vow_msg_saga_request *order)
{
    const struct saga_run *run = &node->saga_client->run;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ASKED, node);

    sight.gtrid = run->gtrid;
    sight.asked.what = what;
    sight.asked.key = run->key;
    sight.asked.is_again = run->asked_before;
    sight.asked.saga = order;
    sim_show(world, &sight);
}

/* Of what has begun, and of an id that cannot begin any more. */
static bool is_question(const struct sim_saga_client *client)
{
    return client->run.ask || !client_link_id_is_current(&client->link, &client->run.gtrid);
}

static void send_request(struct sim_world *world, struct sim_node *node)
{
    struct sim_saga_client *client = node->saga_client;
    struct saga_run *run = &client->run;
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_QUERY, .saga_query = {.gtrid = run->gtrid, .follow = true}};

    run->retry_us = UINT64_MAX;
    if (client->link.conn == NULL || run->stage != SAGA_STAGE_RUN)
        return;
    if (!is_question(client)) {
        run->order.gtrid = run->gtrid;
        msg.kind = VOW_MSG_SAGA_REQUEST;
        msg.saga_request = run->order;
        show_asked(world, node, SIM_ASK_SAGA, &run->order);
        run->asked_before = true;
    }
    run->sent = true;
    sim_net_send(world, client->link.conn, 0, &msg);
}

static void take_id(struct sim_world *world, struct sim_node *node)
{
    struct sim_saga_client *client = node->saga_client;
    struct saga_run *run = &client->run;

    if (client_link_take_id(world, &client->link, 0, &run->gtrid)) {
        run->stage = SAGA_STAGE_RUN;
        run->id_since_us = sim_now_us(world);
        run->asked_before = false;
        send_request(world, node);
    } else {
        run->retry_us = sim_now_us(world) + IDS_AGAIN_US;
    }
    arm(world, node);
}

/* Nothing was begun under its id, nor will be: another one. */
static void begin_anew(struct sim_world *world, struct sim_node *node)
{
    struct saga_run *run = &node->saga_client->run;

    run->stage = SAGA_STAGE_NO_ID;
    run->sent = run->in_doubt = run->ask = false;
    run->attempts = 0;
    memset(&run->gtrid, 0, sizeof(run->gtrid));
    if (node->saga_client->link.conn != NULL)
        take_id(world, node);
    else
        arm(world, node);
}

/* The caller has thought better of it. */
static void cancel(struct sim_world *world, struct sim_node *node)
{
    struct sim_saga_client *client = node->saga_client;
    const struct vow_msg msg = {.kind = VOW_MSG_SAGA_CANCEL, .saga_cancel.gtrid = client->run.gtrid};

    client->run.cancel_us = UINT64_MAX;
    if (client->link.conn == NULL || client->run.stage != SAGA_STAGE_RUN)
        return;
    show_asked(world, node, SIM_ASK_SAGA_CANCEL, NULL);
    sim_net_send(world, client->link.conn, 0, &msg);
}

static void ask_about_old(struct sim_world *world, struct sim_node *node)
{
    struct sim_saga_client *client = node->saga_client;
    const uint32_t kept = client->memory_len < SAGAS_REMEMBERED ? client->memory_len : SAGAS_REMEMBERED;
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_QUERY};

    if (kept == 0 || client->link.conn == NULL || sim_rng_below(&client->rng, 100) >= world->options.saga_query_pct)
        return;
    msg.saga_query.gtrid = client->memory[sim_rng_below(&client->rng, kept)];
    sim_net_send(world, client->link.conn, 0, &msg);
}

/* --- What is heard --- */

static void show_told(struct sim_world *world, const struct sim_node *node, const struct vow_gtrid *gtrid,
                      enum vow_saga_state state, enum vow_cause cause, int error, bool is_final)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_TOLD, node);

    sight.gtrid = *gtrid;
    sight.told.what = SIM_ASK_SAGA;
    sight.told.saga = state;
    sight.told.cause = cause;
    sight.told.error = error;
    sight.told.is_final = is_final;
    sim_show(world, &sight);
}

/* Whoever does not know what became of it runs it again, once. That is what a key is for. */
static bool wants_repeat(const struct sim_world *world, const struct saga_run *run)
{
    /* While the journal keeps all: what it has cut off it knows no key of. */
    return world->options.retention_ms == 0 && run->key[0] != '\0' && !run->is_repeat && run->stage == SAGA_STAGE_RUN;
}

/* The saga is over for the caller. */
static void end(struct sim_world *world, struct sim_node *node, enum vow_saga_state state, enum vow_cause cause,
                int error)
{
    struct sim_saga_client *client = node->saga_client;
    struct saga_run *run = &client->run;

    if (!vow_gtrid_is_none(&run->gtrid)) {
        show_told(world, node, &run->gtrid, state, cause, error, true);
        client->memory[client->memory_len++ % SAGAS_REMEMBERED] = run->gtrid;
    }
    client->repeats = error == VOW_E_IN_DOUBT && wants_repeat(world, run);
    world->totals.completed += state == VOW_SAGA_COMPLETED;
    world->totals.compensated += state == VOW_SAGA_COMPENSATED;
    run->stage = SAGA_STAGE_IDLE;
    set_timer(world, node, 1 + sim_rng_wait(&client->rng, world->options.saga_think_us));
}

static void hear_state(struct sim_world *world, struct sim_node *node, const struct vow_msg_saga_state *heard)
{
    struct saga_run *run = &node->saga_client->run;

    if (heard->state != VOW_SAGA_RUNNING && heard->state != VOW_SAGA_COMPENSATING) {
        end(world, node, heard->state, heard->cause, 0);
        return;
    }
    show_told(world, node, &run->gtrid, heard->state, heard->cause, 0, false);
    run->told = heard->state;
    run->in_doubt = run->ask = true;
    retry_later(world, node, ASK_US, ASK_MAX_US);
}

static void hear_not_found(struct sim_world *world, struct sim_node *node)
{
    struct sim_saga_client *client = node->saga_client;
    const struct saga_run *run = &client->run;

    if (run->told != VOW_SAGA_UNKNOWN) {
        end(world, node, VOW_SAGA_UNKNOWN, VOW_CAUSE_NONE, VOW_E_EXPIRED);
    } else if (vow_gtrid_coord(&run->gtrid) == client->link.ids.coord &&
               vow_gtrid_epoch(&run->gtrid) < client->link.ids.epoch) {
        begin_anew(world, node);
    } else {
        client->run.in_doubt = client->run.ask = true;
        retry_later(world, node, ASK_US, ASK_MAX_US);
    }
}

static bool says_nothing_happened(int error)
{
    return error == VOW_E_BUSY || error == VOW_E_SHUTTING_DOWN || error == VOW_E_RECOVERING ||
           error == VOW_E_NO_MEMORY || error == VOW_E_ID_EXPIRED;
}

static void hear_error(struct sim_world *world, struct sim_node *node, const struct vow_msg_saga_state *heard)
{
    struct saga_run *run = &node->saga_client->run;

    if (says_nothing_happened(heard->error)) {
        if (heard->error == VOW_E_ID_EXPIRED && run->in_doubt)
            run->ask = true;
        if (heard->error == VOW_E_ID_EXPIRED)
            run->id_since_us = 0;
        retry_later(world, node, REFUSED_US, REFUSED_MAX_US);
    } else if (!run->in_doubt) {
        end(world, node, VOW_SAGA_UNKNOWN, VOW_CAUSE_NONE, heard->error);
    } else if (heard->error == VOW_E_NOT_FOUND) {
        hear_not_found(world, node);
    } else if (heard->error == VOW_E_EXPIRED) {
        end(world, node, VOW_SAGA_UNKNOWN, VOW_CAUSE_NONE, VOW_E_EXPIRED);
    } else {
        run->in_doubt = run->ask = true;
        retry_later(world, node, ASK_US, ASK_MAX_US);
    }
}

/* The key is that of another saga, and that one is asked about from now on. */
static void hear_named(struct sim_world *world, struct sim_node *node, const struct vow_gtrid *named)
{
    struct saga_run *run = &node->saga_client->run;

    run->gtrid = *named;
    run->in_doubt = run->ask = true;
    send_request(world, node);
}

static void hear(struct sim_world *world, struct sim_node *node, const struct vow_msg_saga_state *heard)
{
    const struct saga_run *run = &node->saga_client->run;

    if (run->stage == SAGA_STAGE_RUN && vow_gtrid_equal(&run->gtrid, &heard->gtrid)) {
        if (heard->state != VOW_SAGA_UNKNOWN)
            hear_state(world, node, heard);
        else if (run->sent && !vow_gtrid_is_none(&heard->named))
            hear_named(world, node, &heard->named);
        else if (run->sent)
            hear_error(world, node, heard);
    } else if (heard->state != VOW_SAGA_UNKNOWN) {
        show_told(world, node, &heard->gtrid, heard->state, heard->cause, 0, false);
    }
}

/* --- Going on --- */

static void begin_next(struct sim_world *world, struct sim_node *node)
{
    struct sim_saga_client *client = node->saga_client;

    ask_about_old(world, node);
    if (client->next >= client->count && !client->repeats)
        return;
    saga_draw(world, node);
    go_on(world, node);
}

/* An id that is too old to begin under is given back for a new one. */
static void resend(struct sim_world *world, struct sim_node *node)
{
    const struct saga_run *run = &node->saga_client->run;

    if (!run->in_doubt && !run->ask && sim_now_us(world) - run->id_since_us >= VOW_IDS_LIFE_MS * UINT64_C(1000))
        begin_anew(world, node);
    else
        send_request(world, node);
}

static void go_on(struct sim_world *world, struct sim_node *node)
{
    struct sim_saga_client *client = node->saga_client;
    struct saga_run *run = &client->run;
    const uint64_t now_us = sim_now_us(world);

    if (run->stage == SAGA_STAGE_IDLE) {
        begin_next(world, node);
        return;
    }
    if (now_us >= run->end_us) {
        end(world, node, run->told, VOW_CAUSE_NONE,
            run->stage == SAGA_STAGE_NO_ID ? VOW_E_UNREACHABLE : VOW_E_IN_DOUBT);
        return;
    }
    if (now_us >= run->cancel_us)
        cancel(world, node);
    if (run->stage == SAGA_STAGE_NO_ID && client->link.conn != NULL) {
        take_id(world, node);
        return;
    }
    if (now_us >= run->retry_us) {
        run->retry_us = UINT64_MAX; /* without a connection: until there is one */
        if (run->stage == SAGA_STAGE_RUN)
            resend(world, node);
    }
    arm(world, node);
}

/* --- The driver --- */

static void make(struct sim_world *world, struct sim_node *node)
{
    const struct sim_options *o = &world->options;
    const uint32_t place = node->index - o->coordinators - o->participants - o->clients;

    node->saga_client = sim_arena_take(&world->arena, sizeof(*node->saga_client));
    memset(node->saga_client, 0, sizeof(*node->saga_client));
    node->saga_client->count = o->sagas / o->saga_clients + (place < o->sagas % o->saga_clients);
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_saga_client *client = node->saga_client;

    client->rng = sim_rng_of(world->options.seed, SIM_FOR_CLIENT, node->index, node->life);
    /* It remembers ids that it had written down before it used them. */
    if (client->run.stage == SAGA_STAGE_RUN)
        client->memory[client->memory_len++ % SAGAS_REMEMBERED] = client->run.gtrid;
    client->repeats = client->repeats || wants_repeat(world, &client->run);
    client->run.stage = SAGA_STAGE_IDLE;
    client_link_start(world, node, &client->link, &client->rng);
    if (world->phase != SIM_PHASE_SETUP)
        sim_saga_client_begin(world, node);
}

void sim_saga_client_begin(struct sim_world *world, struct sim_node *node)
{
    set_timer(world, node, 1 + sim_rng_below(&node->saga_client->rng, 1000));
}

static void stop(struct sim_world *world, struct sim_node *node)
{
    (void)world;
    node->saga_client->link.conn = NULL;
}

static void connected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side)
{
    client_link_hello(world, node, &node->saga_client->link, conn, side);
}

/* As vow_request_reconnected(). */
static void reconnected(struct sim_world *world, struct sim_node *node)
{
    const struct sim_saga_client *client = node->saga_client;
    const struct saga_run *run = &client->run;

    if (run->stage == SAGA_STAGE_NO_ID)
        take_id(world, node);
    else if (run->stage == SAGA_STAGE_RUN && !run->in_doubt && !run->ask &&
             !client_link_id_is_current(&client->link, &run->gtrid))
        begin_anew(world, node);
    else
        send_request(world, node);
}

static void message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                    const struct vow_msg *msg)
{
    struct sim_saga_client *client = node->saga_client;
    const bool waits_for_id = client->run.stage == SAGA_STAGE_NO_ID;
    const enum client_link_news news = client_link_hear(world, node, &client->link, conn, side, msg, waits_for_id);

    if (news == CLIENT_LINK_UP)
        reconnected(world, node);
    else if (news == CLIENT_LINK_IDS && waits_for_id)
        take_id(world, node);
    else if (news == CLIENT_LINK_NOTHING && msg->kind == VOW_MSG_SAGA_STATE)
        hear(world, node, &msg->saga_state);
}

static void disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         bool was_up)
{
    struct sim_saga_client *client = node->saga_client;
    struct saga_run *run = &client->run;

    (void)side;
    if (!client_link_lost(world, node, &client->link, conn, was_up))
        return;
    /* A request that was lost may have been, or may yet be, carried out (F066). */
    if (run->sent)
        run->in_doubt = true;
    run->sent = false;
    run->attempts = 0;
}

static void event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct sim_saga_client *client = node->saga_client;

    if (event->kind == SIM_EVENT_DIAL) {
        sim_net_dial(world, node, node->coord, VOW_ROLE_CLIENT);
    } else if (event->kind == SIM_EVENT_CLIENT && event->number == client->timer) {
        client->link.ids.asked = false; /* ids that were asked for and did not come are asked for again */
        go_on(world, node);
    }
}

static void turn_end(struct sim_world *world, struct sim_node *node)
{
    (void)world, (void)node;
}

static bool is_linked(const struct sim_node *node)
{
    return node->saga_client->link.conn != NULL;
}

static bool is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    const struct sim_saga_client *client = node->saga_client;

    (void)world;
    return node->state == SIM_NODE_UP && client->run.stage == SAGA_STAGE_IDLE && client->next >= client->count &&
           !client->repeats;
}

const struct sim_driver sim_saga_client_driver = {
    .make = make,
    .start = start,
    .stop = stop,
    .event = event,
    .connected = connected,
    .message = message,
    .disconnected = disconnected,
    .turn_end = turn_end,
    .is_quiet = is_quiet,
    .is_linked = is_linked,
};
