/*
 * The model of a client: what libvow's client does with a request (participant/client_request.c), one transaction at a
 * time, each drawn from its own number. What it is told is what the library would return to its caller.
 */
#include <stdio.h>
#include <string.h>

#include "chaos/sim/bank.h"
#include "chaos/sim/world.h"
#include "participant/client_ids.h"
#include "proto/assert.h"
#include "proto/error.h"
#include "proto/net/backoff.h"

#define LEGS_MAX 8
#define REMEMBERED 8
/* As in the library: the wait after "nothing happened", and between questions. */
#define REFUSED_US UINT64_C(10000)
#define REFUSED_MAX_US UINT64_C(1000000)
#define ASK_US UINT64_C(500000)
#define ASK_MAX_US UINT64_C(5000000)
#define IDS_AGAIN_US UINT64_C(500000)
/* For how long an outcome that is not known is asked for; then the caller is told so. */
#define ASKING_US (20 * SIM_SECOND_US)

enum stage { STAGE_IDLE, STAGE_NO_ID, STAGE_BEGIN, STAGE_WORK, STAGE_COMMIT, STAGE_ROLLBACK, STAGE_STATUS };

/* One transaction. */
struct txn {
    enum stage stage;
    struct vow_gtrid gtrid;
    struct sim_leg legs[LEGS_MAX];
    uint32_t legs_len, legs_done;
    bool is_joined, is_read_only, one_phase, wants_rollback;
    char key[VOW_KEY_SIZE];
    bool sent, in_doubt, ask; /* as in the library */
    bool asked_before;        /* ASKED was shown */
    uint32_t attempts, again;
    uint64_t id_since_us, end_us;
    uint64_t call; /* the service's call that it waits for; 0 = none */
};

struct remembered {
    struct vow_gtrid gtrid;
    uint8_t participant; /* SIM_NODE_NONE, or the one that may have decided alone */
};

struct sim_client {
    struct sim_conn *conn; /* NULL: not connected */
    struct vow_ids ids;
    struct backoff backoff;
    struct sim_rng rng;
    struct txn txn;
    uint32_t next, count; /* transactions: the number of the next one, and how many in all */
    uint64_t timer;       /* the version of the one that counts */
    uint64_t calls;
    struct remembered memory[REMEMBERED];
    uint32_t memory_len;
    bool is_dialing;
};

static void go_on(struct sim_world *world, struct sim_node *node);

/* Among the clients. */
static uint32_t place_of(const struct sim_world *world, const struct sim_node *node)
{
    return node->index - world->options.coordinators - world->options.participants;
}

/* --- What it does --- */

static uint8_t any_participant(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng)
{
    /* Those of its own coordinator. */
    for (;;) {
        const uint8_t which = (uint8_t)(world->options.coordinators + sim_rng_below(rng, world->options.participants));

        if (world->nodes[which].coord == node->coord)
            return which;
    }
}

static void draw_transfer(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng,
                          struct txn *txn)
{
    const bool is_too_much = sim_rng_below(rng, 100) < world->options.refused_pct;
    const bool is_single = sim_rng_below(rng, 100) < world->options.single_pct;
    int64_t sum = 0;

    for (uint32_t i = 0; i < txn->legs_len; i++) {
        struct sim_leg *leg = &txn->legs[i];

        leg->participant = is_single && i > 0 ? txn->legs[0].participant : any_participant(world, node, rng);
        leg->table = SIM_BANK;
        leg->kind = SIM_ADD;
        leg->key = sim_rng_between(rng, 1, world->options.accounts);
        leg->amount = (int64_t)sim_rng_between(rng, 1, is_too_much ? 1000 : 9);
        if (i == 0)
            leg->amount = -leg->amount;
        if (i + 1 == txn->legs_len)
            leg->amount = -sum;
        sum += leg->amount;
    }
}

/* Appends to lists, and the same value to a set: what one participant has of it all must have. */
static void draw_append(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng,
                        struct txn *txn)
{
    const int64_t value = (int64_t)node->index * 10000 + node->client->next + 1;

    for (uint32_t i = 0; i < txn->legs_len; i++) {
        struct sim_leg *leg = &txn->legs[i];

        leg->participant = any_participant(world, node, rng);
        leg->table = i + 1 == txn->legs_len ? SIM_SET : SIM_LISTS;
        leg->kind = leg->table == SIM_SET ? SIM_INSERT : SIM_APPEND;
        leg->key = leg->table == SIM_SET ? (uint64_t)value : sim_rng_between(rng, 1, 2);
        leg->amount = value * 10 + i;
    }
}

static void draw_read(const struct sim_world *world, const struct sim_node *node, struct sim_rng *rng, struct txn *txn)
{
    const bool is_list = sim_rng_below(rng, 3) == 0;

    for (uint32_t i = 0; i < txn->legs_len; i++) {
        struct sim_leg *leg = &txn->legs[i];

        leg->participant = any_participant(world, node, rng);
        leg->table = is_list ? SIM_LISTS : SIM_BANK;
        leg->kind = txn->is_read_only ? SIM_HOLD : SIM_READ;
        leg->key = sim_rng_between(rng, 1, is_list ? 2 : world->options.accounts);
    }
}

static void mark_first(struct txn *txn)
{
    for (uint32_t i = 0; i < txn->legs_len; i++) {
        txn->legs[i].is_first = true;
        for (uint32_t j = 0; j < i && !txn->is_joined; j++) {
            if (txn->legs[j].participant == txn->legs[i].participant)
                txn->legs[i].is_first = false;
        }
    }
}

static bool have_one_participant(const struct txn *txn)
{
    for (uint32_t i = 1; i < txn->legs_len; i++) {
        if (txn->legs[i].participant != txn->legs[0].participant)
            return false;
    }
    return true;
}

static void draw(struct sim_world *world, struct sim_node *node)
{
    const struct sim_options *o = &world->options;
    struct sim_client *client = node->client;
    struct sim_rng rng = sim_rng_of(o->seed, SIM_FOR_WORK, node->index, client->next);
    struct txn *txn = &client->txn;
    const bool is_read = sim_rng_below(&rng, 100) < o->read_pct;

    *txn = (struct txn){.stage = STAGE_NO_ID, .end_us = sim_now_us(world) + (uint64_t)o->patience_ms * 1000};
    txn->legs_len = (uint32_t)sim_rng_between(&rng, 2, o->legs_max);
    txn->is_joined = sim_rng_below(&rng, 100) < o->joined_pct;
    txn->wants_rollback = txn->is_joined && sim_rng_below(&rng, 100) < o->rollback_pct;
    txn->is_read_only = is_read && sim_rng_below(&rng, 2) == 0;
    if (is_read)
        draw_read(world, node, &rng, txn);
    else if (sim_rng_below(&rng, 4) == 0)
        draw_append(world, node, &rng, txn);
    else
        draw_transfer(world, node, &rng, txn);
    mark_first(txn);
    if (sim_rng_below(&rng, 100) < o->keyed_pct)
        (void)snprintf(txn->key, sizeof(txn->key), "key.%u.%u", node->index, client->next);
    txn->one_phase = !txn->is_joined && txn->key[0] == '\0' && have_one_participant(txn);
    client->next++;
    world->totals.transactions++;
}

/* --- What it asks and hears --- */

static uint32_t nodes_of(const struct txn *txn)
{
    uint32_t nodes = 0;

    for (uint32_t i = 0; i < txn->legs_len; i++)
        nodes |= 1u << txn->legs[i].participant;
    return nodes;
}

static void show_asked(struct sim_world *world, const struct sim_node *node, enum sim_ask what, bool is_again)
{
    const struct txn *txn = &node->client->txn;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_ASKED, node);

    sight.gtrid = txn->gtrid;
    sight.asked.what = what;
    sight.asked.key = txn->key;
    sight.asked.is_again = is_again;
    sight.asked.is_read_only = txn->is_read_only;
    sight.asked.nodes = nodes_of(txn);
    if (is_again && what == SIM_ASK_COMMIT)
        sim_hit(world, SIM_FAULT_CLIENT_TWICE, node->index, SIM_NODE_NONE, 0);
    sim_show(world, &sight);
}

static void show_told(struct sim_world *world, const struct sim_node *node, enum sim_ask what,
                      const struct vow_gtrid *gtrid, enum vow_outcome outcome, enum vow_cause cause, int error,
                      bool is_final)
{
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_TOLD, node);

    sight.gtrid = *gtrid;
    sight.told.what = what;
    sight.told.outcome = outcome;
    sight.told.cause = cause;
    sight.told.error = error;
    sight.told.is_final = is_final;
    sim_show(world, &sight);
}

static void set_timer(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event *event = sim_later(world, node, SIM_EVENT_CLIENT, delay_us, true);

    event->number = ++node->client->timer;
}

static enum sim_ask ask_of(const struct txn *txn)
{
    return txn->stage == STAGE_ROLLBACK ? SIM_ASK_ROLLBACK : SIM_ASK_COMMIT;
}

static void remember(struct sim_client *client, const struct txn *txn)
{
    struct remembered *at = &client->memory[client->memory_len++ % REMEMBERED];

    at->gtrid = txn->gtrid;
    at->participant = txn->one_phase ? txn->legs[0].participant : SIM_NODE_NONE;
}

/* The transaction is over for the caller. */
static void end(struct sim_world *world, struct sim_node *node, enum vow_outcome outcome, enum vow_cause cause,
                int error)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    struct sim_rng rng = sim_rng_of(world->options.seed, SIM_FOR_CLIENT, node->index, client->next);

    if (!vow_gtrid_is_none(&txn->gtrid)) {
        show_told(world, node, ask_of(txn), &txn->gtrid, outcome, cause, error, true);
        remember(client, txn);
    }
    world->totals.committed += outcome == VOW_COMMITTED;
    world->totals.aborted += outcome == VOW_ABORTED;
    world->totals.unknown += outcome == VOW_UNKNOWN;
    txn->stage = STAGE_IDLE;
    set_timer(world, node, 1 + sim_rng_wait(&rng, world->options.think_us));
}

/* Under the same key as before, and a new id: the answer names the first one, if that is known. */
static void start_again(struct sim_world *world, struct sim_node *node)
{
    struct txn *txn = &node->client->txn;

    show_told(world, node, ask_of(txn), &txn->gtrid, VOW_UNKNOWN, VOW_CAUSE_NONE, VOW_E_IN_DOUBT, true);
    txn->again++;
    txn->stage = STAGE_NO_ID;
    txn->sent = txn->in_doubt = txn->ask = false;
    txn->attempts = 0;
    txn->end_us = sim_now_us(world) + (uint64_t)world->options.patience_ms * 1000;
    memset(&txn->gtrid, 0, sizeof(txn->gtrid));
    go_on(world, node);
}

static bool nothing_happened(const struct txn *txn)
{
    return !txn->sent && !txn->in_doubt;
}

static void give_up(struct sim_world *world, struct sim_node *node)
{
    struct txn *txn = &node->client->txn;

    if (nothing_happened(txn)) {
        end(world, node, VOW_ABORTED, VOW_CAUSE_NONE, VOW_E_BUSY);
        return;
    }
    if (txn->key[0] != '\0' && !txn->is_joined && txn->again < 2) {
        start_again(world, node);
        return;
    }
    end(world, node, VOW_UNKNOWN, VOW_CAUSE_NONE, VOW_E_IN_DOUBT);
}

static bool id_is_current(const struct sim_client *client)
{
    return vow_gtrid_coord(&client->txn.gtrid) == client->ids.coord &&
           vow_gtrid_epoch(&client->txn.gtrid) == client->ids.epoch;
}

static bool is_question(const struct sim_client *client)
{
    return client->txn.ask || !id_is_current(client);
}

/* --- Requests --- */

static void fill_commit(struct sim_world *world, const struct txn *txn, struct vow_msg *msg)
{
    static struct vow_msg_call calls[LEGS_MAX];
    static uint8_t payloads[LEGS_MAX][SIM_LEG_BYTES];
    static struct vow_msg_work work[LEGS_MAX];
    const uint64_t now_us = sim_now_us(world);
    struct vow_msg_commit_request *request = &msg->commit_request;

    msg->kind = VOW_MSG_COMMIT_REQUEST;
    *request = (struct vow_msg_commit_request){.gtrid = txn->gtrid, .calls = calls, .work = work, .key = txn->key};
    request->timeout_ms = txn->end_us > now_us ? (uint32_t)((txn->end_us - now_us) / 1000 + 1) : 1;
    for (uint32_t i = 0; i < txn->legs_len; i++) {
        const char *name = world->nodes[txn->legs[i].participant].name;
        uint32_t at = 0;

        if (!txn->is_joined) {
            sim_leg_encode(&txn->legs[i], payloads[i]);
            calls[request->calls_len++] = (struct vow_msg_call){
                .participant = name, .handler = "work", .payload = {.data = payloads[i], .len = SIM_LEG_BYTES}};
            continue;
        }
        while (at < request->work_len && work[at].participant != name)
            at++;
        if (at == request->work_len)
            work[request->work_len++] = (struct vow_msg_work){.participant = name};
        work[at].ops++;
    }
}

static void fill_request(struct sim_world *world, const struct sim_client *client, struct vow_msg *msg)
{
    const struct txn *txn = &client->txn;

    if (txn->stage == STAGE_BEGIN) {
        msg->kind = VOW_MSG_BEGIN;
        msg->begin = (struct vow_msg_begin){.gtrid = txn->gtrid, .key = txn->key};
    } else if (is_question(client)) {
        msg->kind = VOW_MSG_STATUS_REQUEST;
        msg->status_request = (struct vow_msg_status_request){
            .gtrid = txn->gtrid, .participant = txn->one_phase ? world->nodes[txn->legs[0].participant].name : ""};
    } else if (txn->stage == STAGE_ROLLBACK) {
        msg->kind = VOW_MSG_ROLLBACK_REQUEST;
        msg->rollback_request.gtrid = txn->gtrid;
    } else {
        fill_commit(world, txn, msg);
    }
}

static enum sim_ask shown_as(const struct vow_msg *msg)
{
    switch ((int)msg->kind) {
    case VOW_MSG_BEGIN:
        return SIM_ASK_BEGIN;
    case VOW_MSG_ROLLBACK_REQUEST:
        return SIM_ASK_ROLLBACK;
    case VOW_MSG_COMMIT_REQUEST:
        return SIM_ASK_COMMIT;
    default:
        return SIM_ASK_STATUS;
    }
}

static void send_request(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    struct vow_msg msg = {.kind = VOW_MSG_PING};

    if (client->conn == NULL)
        return;
    fill_request(world, client, &msg);
    show_asked(world, node, shown_as(&msg), txn->asked_before);
    txn->asked_before = true;
    sim_net_send(world, client->conn, 0, &msg);
    txn->sent = true;
    /* No answer in all that time: the caller's patience ends, or the connection has. */
    set_timer(world, node, txn->end_us > sim_now_us(world) ? txn->end_us - sim_now_us(world) : ASKING_US);
}

static bool says_nothing_happened(int error)
{
    return error == VOW_E_BUSY || error == VOW_E_SHUTTING_DOWN || error == VOW_E_RECOVERING ||
           error == VOW_E_NO_MEMORY || error == VOW_E_ID_EXPIRED;
}

static void retry_later(struct sim_world *world, struct sim_node *node, uint64_t floor_us, uint64_t base_us,
                        uint64_t max_us)
{
    struct sim_client *client = node->client;
    uint64_t bound_us = client->txn.attempts < 10 ? base_us << client->txn.attempts : max_us;

    if (bound_us > max_us)
        bound_us = max_us;
    client->txn.attempts++;
    set_timer(world, node, floor_us + sim_rng_below(&client->rng, bound_us - floor_us + 1));
}

static void hear_refusal(struct sim_world *world, struct sim_node *node, int error)
{
    struct txn *txn = &node->client->txn;

    txn->sent = false;
    if (error == VOW_E_ID_EXPIRED)
        txn->id_since_us = 0;
    if (sim_now_us(world) >= txn->end_us)
        give_up(world, node);
    else
        retry_later(world, node, 0, REFUSED_US, REFUSED_MAX_US);
}

static void hear_commit(struct sim_world *world, struct sim_node *node, const struct vow_msg_outcome *heard)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;

    if (!is_question(client) && heard->outcome == VOW_UNKNOWN && says_nothing_happened(heard->error)) {
        hear_refusal(world, node, heard->error);
        return;
    }
    txn->sent = false;
    txn->in_doubt = true;
    txn->ask = true;
    if (sim_now_us(world) >= txn->end_us + ASKING_US)
        give_up(world, node);
    else
        retry_later(world, node, ASK_US, ASK_US, ASK_MAX_US);
}

/* --- Joined work --- */

static void call_next(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    struct sim_call *call = sim_arena_take(&world->arena, sizeof(*call));

    *call = (struct sim_call){
        .client = node->index,
        .participant = txn->legs[txn->legs_done].participant,
        .client_life = node->life,
        .number = ((uint64_t)node->index << 32) + ++client->calls,
        .leg = txn->legs_done,
        .gtrid = txn->gtrid,
        .work = sim_arena_copy(&world->arena, &txn->legs[txn->legs_done], sizeof(txn->legs[0])),
    };
    txn->call = call->number;
    sim_call_send(world, call);
    set_timer(world, node, (uint64_t)world->options.vote_ms * 2000);
}

static void end_work(struct sim_world *world, struct sim_node *node, bool is_good)
{
    struct txn *txn = &node->client->txn;

    txn->call = 0;
    txn->stage = !is_good || txn->wants_rollback ? STAGE_ROLLBACK : STAGE_COMMIT;
    /* What BEGIN opened on a connection that was lost ends with it. */
    txn->asked_before = false;
    txn->sent = false;
    send_request(world, node);
}

static void called_back(struct sim_world *world, struct sim_node *node, const struct sim_call *call)
{
    struct txn *txn = &node->client->txn;

    if (txn->stage != STAGE_WORK || call->number != txn->call)
        return;
    if (call->error != 0) {
        end_work(world, node, false);
        return;
    }
    if (++txn->legs_done < txn->legs_len)
        call_next(world, node);
    else
        end_work(world, node, true);
}

void sim_call_send(struct sim_world *world, struct sim_call *call)
{
    const uint64_t delay_us = sim_net_delay(world, call->client, call->participant, call->number);
    struct sim_event event = {.kind = SIM_EVENT_CALL,
                              .task = sim_task_of_link(call->client, call->participant),
                              .node = call->participant,
                              .ptr = call};

    if (sim_net_is_open(world, call->client, call->participant))
        (void)sim_agenda_add(&world->agenda, delay_us, &event);
}

void sim_call_answer(struct sim_world *world, struct sim_call *call)
{
    const uint64_t delay_us = sim_net_delay(world, call->participant, call->client, call->number);
    struct sim_event event = {.kind = SIM_EVENT_CALL_DONE,
                              .task = sim_task_of_link(call->participant, call->client),
                              .node = call->client,
                              .life = call->client_life,
                              .ptr = call};

    if (sim_net_is_open(world, call->participant, call->client))
        (void)sim_agenda_add(&world->agenda, delay_us, &event);
}

/* --- Answers --- */

static void hear_begin(struct sim_world *world, struct sim_node *node, const struct vow_msg_outcome *heard)
{
    struct txn *txn = &node->client->txn;

    if (heard->outcome == VOW_PENDING) {
        show_told(world, node, SIM_ASK_BEGIN, &txn->gtrid, VOW_PENDING, VOW_CAUSE_NONE, 0, false);
        txn->stage = STAGE_WORK;
        txn->sent = false;
        call_next(world, node);
    } else if (says_nothing_happened(heard->error)) {
        hear_refusal(world, node, heard->error);
    } else {
        end(world, node, VOW_ABORTED, VOW_CAUSE_NONE, heard->error);
    }
}

/* The key names another transaction, which this one is about from now on. */
static void take_name(struct txn *txn, const struct vow_gtrid *named)
{
    txn->gtrid = *named;
    txn->ask = true;
    txn->in_doubt = true;
}

static void hear(struct sim_world *world, struct sim_node *node, const struct vow_msg_outcome *heard)
{
    struct txn *txn = &node->client->txn;
    const bool is_about_this = vow_gtrid_equal(&heard->gtrid, &txn->gtrid);

    if (txn->stage == STAGE_STATUS && is_about_this) {
        if (heard->outcome == VOW_COMMITTED || heard->outcome == VOW_ABORTED)
            show_told(world, node, SIM_ASK_STATUS, &heard->gtrid, heard->outcome, heard->cause, 0, true);
        txn->stage = STAGE_IDLE;
        set_timer(world, node, 1 + world->options.think_us);
        return;
    }
    if (txn->stage == STAGE_IDLE || txn->stage == STAGE_NO_ID || !is_about_this)
        return;
    if (!vow_gtrid_is_none(&heard->named)) {
        if (txn->key[0] == '\0' || !txn->sent)
            return;
        take_name(txn, &heard->named);
    }
    if (heard->outcome == VOW_COMMITTED || heard->outcome == VOW_ABORTED)
        end(world, node, heard->outcome, heard->cause, 0);
    else if (txn->stage == STAGE_WORK || !txn->sent)
        return;
    else if (txn->stage == STAGE_BEGIN)
        hear_begin(world, node, heard);
    else
        hear_commit(world, node, heard);
}

/* --- Going on --- */

static void ask_for_ids(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct vow_msg msg = {.kind = VOW_MSG_IDS_REQUEST};

    msg.ids_request.count = vow_ids_wanted(&client->ids, 1);
    if (msg.ids_request.count == 0)
        return;
    client->ids.asked = true;
    sim_net_send(world, client->conn, 0, &msg);
}

static void take_id(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    const uint8_t flags = txn->one_phase ? VOW_GTRID_ONE_PHASE : 0;

    if (!vow_ids_take(&client->ids, sim_now_us(world) / 1000, flags, &txn->gtrid)) {
        ask_for_ids(world, node);
        set_timer(world, node, IDS_AGAIN_US);
        return;
    }
    txn->id_since_us = sim_now_us(world);
    txn->stage = txn->is_joined ? STAGE_BEGIN : STAGE_COMMIT;
    send_request(world, node);
}

static void ask_about_old(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    const uint32_t kept = client->memory_len < REMEMBERED ? client->memory_len : REMEMBERED;
    const struct remembered *old = &client->memory[sim_rng_below(&client->rng, kept)];
    struct vow_msg msg = {.kind = VOW_MSG_STATUS_REQUEST};

    client->txn = (struct txn){.stage = STAGE_STATUS, .gtrid = old->gtrid};
    msg.status_request = (struct vow_msg_status_request){
        .gtrid = old->gtrid,
        .participant = old->participant != SIM_NODE_NONE ? world->nodes[old->participant].name : ""};
    show_asked(world, node, SIM_ASK_STATUS, false);
    sim_net_send(world, client->conn, 0, &msg);
    set_timer(world, node, (uint64_t)world->options.patience_ms * 1000);
}

/* The number of its next transaction that takes place, or `count`. */
static uint32_t next_number(const struct sim_world *world, const struct sim_node *node)
{
    const uint64_t skipped = world->plan.skipped[place_of(world, node)];
    uint32_t next = node->client->next;

    while (next < node->client->count && next < SIM_CLIENT_TXNS_MAX && (skipped >> next & 1) != 0)
        next++;
    return next;
}

static void begin_next(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;

    if (client->conn != NULL && client->memory_len > 0 &&
        sim_rng_below(&client->rng, 100) < world->options.status_pct) {
        ask_about_old(world, node);
        return;
    }
    if (next_number(world, node) >= client->count)
        return;
    client->next = next_number(world, node);
    draw(world, node);
    go_on(world, node);
}

/* An id that is too old to begin under is given back for a new one. */
static void resend(struct sim_world *world, struct sim_node *node)
{
    struct txn *txn = &node->client->txn;

    if (txn->stage <= STAGE_COMMIT && nothing_happened(txn) && !(txn->stage == STAGE_COMMIT && txn->is_joined) &&
        sim_now_us(world) - txn->id_since_us >= VOW_IDS_LIFE_MS * UINT64_C(1000)) {
        txn->stage = STAGE_NO_ID;
        memset(&txn->gtrid, 0, sizeof(txn->gtrid));
        go_on(world, node);
        return;
    }
    send_request(world, node);
}

static void go_on(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;

    if (txn->stage == STAGE_IDLE) {
        begin_next(world, node);
    } else if (txn->stage == STAGE_NO_ID) {
        if (sim_now_us(world) >= txn->end_us)
            end(world, node, VOW_ABORTED, VOW_CAUSE_NONE, VOW_E_UNREACHABLE);
        else if (client->conn != NULL)
            take_id(world, node);
        else
            set_timer(world, node, IDS_AGAIN_US);
    } else if (txn->stage == STAGE_WORK) {
        end_work(world, node, false);
    } else if (txn->stage == STAGE_STATUS) {
        txn->stage = STAGE_IDLE;
        begin_next(world, node);
    } else if (txn->sent || client->conn == NULL) {
        /* The answer did not come in time. */
        if (sim_now_us(world) >= txn->end_us)
            give_up(world, node);
        else
            set_timer(world, node, txn->end_us - sim_now_us(world));
    } else {
        resend(world, node);
    }
}

/* --- The driver --- */

static void make(struct sim_world *world, struct sim_node *node)
{
    const uint32_t clients = world->options.clients;
    const uint32_t place = place_of(world, node);

    node->client = sim_arena_take(&world->arena, sizeof(*node->client));
    memset(node->client, 0, sizeof(*node->client));
    node->client->count = world->options.transactions / clients + (place < world->options.transactions % clients);
}

static void dial_later(struct sim_world *world, struct sim_node *node, uint64_t delay_us)
{
    struct sim_event *dial = sim_later(world, node, SIM_EVENT_DIAL, delay_us, delay_us > 1000);

    dial->task = sim_task_of_link(node->index, node->coord);
}

static void start(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct sim_sight up;

    client->rng = sim_rng_of(world->options.seed, SIM_FOR_CLIENT, node->index, node->life);
    backoff_init(&client->backoff, 50, 5000, sim_rng_next(&client->rng));
    client->conn = NULL;
    client->ids = (struct vow_ids){.coord = 0};
    client->txn = (struct txn){.stage = STAGE_IDLE};
    up = sim_sight_of(world, SIM_SEEN_UP, node);
    sim_node_up(world, node, &up);
    dial_later(world, node, 1);
    if (world->phase != SIM_PHASE_SETUP)
        sim_client_begin(world, node);
}

void sim_client_begin(struct sim_world *world, struct sim_node *node)
{
    set_timer(world, node, 1 + sim_rng_below(&node->client->rng, 1000));
}

static void stop(struct sim_world *world, struct sim_node *node)
{
    (void)world;
    node->client->conn = NULL;
}

static void connected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side)
{
    const struct sim_client *client = node->client;
    struct vow_msg msg = {.kind = VOW_MSG_HELLO};

    msg.hello = (struct vow_msg_hello){.version_min = VOW_WIRE_VERSION,
                                       .version_max = VOW_WIRE_VERSION,
                                       .role = VOW_ROLE_CLIENT,
                                       .name = node->name,
                                       .coord = client->ids.coord,
                                       .epoch = client->ids.epoch,
                                       .software = "sim"};
    sim_net_send(world, conn, side, &msg);
}

/* As vow_request_reconnected(). */
static void reconnected(struct sim_world *world, struct sim_node *node)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;
    const bool takes_any_id = txn->stage == STAGE_BEGIN || (txn->stage == STAGE_COMMIT && !txn->is_joined);

    if (txn->stage == STAGE_NO_ID) {
        go_on(world, node);
    } else if (txn->stage == STAGE_BEGIN || (takes_any_id && nothing_happened(txn) && !id_is_current(client))) {
        txn->stage = STAGE_NO_ID;
        txn->sent = txn->in_doubt = txn->ask = false;
        memset(&txn->gtrid, 0, sizeof(txn->gtrid));
        go_on(world, node);
    } else if (txn->stage == STAGE_COMMIT || txn->stage == STAGE_ROLLBACK) {
        send_request(world, node);
    }
}

static void welcomed(struct sim_world *world, struct sim_node *node, struct sim_conn *conn,
                     const struct vow_msg_welcome *welcome)
{
    struct sim_client *client = node->client;
    struct sim_sight sight = sim_sight_of(world, SIM_SEEN_LINKED, node);

    conn->end[0].state = SIM_END_UP;
    client->conn = conn;
    backoff_reset(&client->backoff);
    sight.peer = conn->end[1].node;
    sim_show(world, &sight);
    vow_ids_connected(&client->ids, welcome->coord, welcome->epoch);
    reconnected(world, node);
}

static void message(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                    const struct vow_msg *msg)
{
    struct sim_client *client = node->client;

    if (conn->end[side].state == SIM_END_HANDSHAKE) {
        if (msg->kind == VOW_MSG_WELCOME) {
            welcomed(world, node, conn, &msg->welcome);
            return;
        }
        sim_net_close(world, conn, side);
        dial_later(world, node, (uint64_t)backoff_next_ms(&client->backoff) * 1000);
    } else if (msg->kind == VOW_MSG_IDS && msg->ids.count > 0) {
        vow_ids_granted(&client->ids, &msg->ids, client->txn.stage == STAGE_NO_ID, sim_now_us(world) / 1000);
        if (client->txn.stage == STAGE_NO_ID)
            take_id(world, node);
    } else if (msg->kind == VOW_MSG_OUTCOME) {
        hear(world, node, &msg->outcome);
    }
}

static void disconnected(struct sim_world *world, struct sim_node *node, struct sim_conn *conn, uint32_t side,
                         bool was_up)
{
    struct sim_client *client = node->client;
    struct txn *txn = &client->txn;

    (void)side;
    dial_later(world, node, (uint64_t)backoff_next_ms(&client->backoff) * 1000);
    if (!was_up || client->conn != conn)
        return;
    client->conn = NULL;
    /* A request that was lost may have been, or may yet be, carried out (F066). */
    if (txn->sent && (txn->stage == STAGE_COMMIT || txn->stage == STAGE_ROLLBACK))
        txn->in_doubt = true;
    txn->sent = false;
    txn->attempts = 0;
}

static void turn_end(struct sim_world *world, struct sim_node *node)
{
    (void)world, (void)node;
}

static void event(struct sim_world *world, struct sim_node *node, const struct sim_event *event)
{
    struct sim_client *client = node->client;

    if (event->kind == SIM_EVENT_DIAL) {
        sim_net_dial(world, node, node->coord, VOW_ROLE_CLIENT);
    } else if (event->kind == SIM_EVENT_CALL_DONE) {
        called_back(world, node, event->ptr);
    } else if (event->kind == SIM_EVENT_CLIENT && event->number == client->timer) {
        client->ids.asked = false; /* ids that were asked for and did not come are asked for again */
        go_on(world, node);
    }
}

static bool is_quiet(const struct sim_world *world, const struct sim_node *node)
{
    return node->client->txn.stage == STAGE_IDLE && next_number(world, node) >= node->client->count;
}

static bool is_linked(const struct sim_node *node)
{
    return node->state == SIM_NODE_UP && node->client->conn != NULL;
}

const struct sim_driver sim_client_driver = {
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
