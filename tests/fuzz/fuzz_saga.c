/*
 * Sequences of messages, connections, log answers, crashes and time against the core of sagas, from clients,
 * participants and operators that need not be honest. Whatever they say, seen from outside: nothing is sent before what
 * it follows from is durable, stages go forward in order and back in reverse (I22), no action is sent after a
 * compensation (S4), nothing is undone after the pivot (S5), and a client is told one end, which the log says too (S2,
 * I21). A key of a client begins one saga (4.2-key). What a participant was not sent, for much waits for it already,
 * was not done (F029).
 */
#include <stdbool.h>
#include <string.h>

#include "coordinator/core/saga/saga.h"
#include "input.h"
#include "message.h"
#include "message_saga.h"
#include "proto/error.h"
#include "target.h"

#define CLIENTS 3
#define PEERS 3
#define RECORDS_MAX 32768
#define ASKED_MAX 16
#define EVENTS_MAX 400
#define UNSENT_MAX 64

/* A saga as it was ordered, what is durable of it, and what was sent and told. */
struct order {
    struct vow_msg_saga_request request;
    struct vow_msg_saga_step steps[FUZZ_STEPS_MAX];
    bool used, begun, failed;
    uint8_t fates[FUZZ_STEPS_MAX];
    enum vow_saga_state ended, told;
    bool was_sent[FUZZ_STEPS_MAX];   /* its action */
    bool is_asked[FUZZ_STEPS_MAX];   /* ... in this life of the coordinator */
    bool was_undone[FUZZ_STEPS_MAX]; /* its compensation was sent */
};

static struct vow_sagas *core;
static struct vow_sagas_limits limits;
static uint64_t now_ms, last_session, peers[PEERS];
static bool is_full[PEERS]; /* its connection */
static struct vow_sagas_event unsent[UNSENT_MAX];
static uint32_t unsent_len;
static struct fuzz_ids ids;
static struct order orders[FUZZ_IDS_MAX];
static struct vow_record log_records[RECORDS_MAX];
static uint64_t log_tokens[RECORDS_MAX];
static size_t log_len, log_durable;
static struct vow_sagas_effect asked[ASKED_MAX];
static uint32_t asked_len;

static struct order *order_of(const struct vow_gtrid *gtrid)
{
    for (uint32_t i = 0; i < ids.len; i++) {
        if (vow_gtrid_equal(&ids.ids[i], gtrid))
            return &orders[i];
    }
    return NULL;
}

/* ---- what must hold ---- */

static void check_action(struct order *order, uint32_t number, bool is_sent)
{
    FUZZ_REQUIRE(order->begun && !order->failed && order->ended == 0);
    for (uint32_t i = 0; i < order->request.steps_len; i++) {
        FUZZ_REQUIRE(!order->was_undone[i]);
        FUZZ_REQUIRE(order->steps[i].stage >= order->steps[number].stage || order->fates[i] == VOW_FATE_DONE);
    }
    if (is_sent)
        order->was_sent[number] = order->is_asked[number] = true;
}

static bool is_nothing_left(const struct order *order, uint32_t number)
{
    return !order->was_sent[number] || order->fates[number] == VOW_FATE_UNDONE ||
           order->fates[number] == VOW_FATE_REJECTED;
}

static void check_compensation(struct order *order, uint32_t number, bool is_sent)
{
    FUZZ_REQUIRE(order->begun && order->failed && order->ended == 0);
    FUZZ_REQUIRE(order->steps[number].kind == VOW_STEP_COMPENSATABLE);
    for (uint32_t i = 0; i < order->request.steps_len; i++) {
        FUZZ_REQUIRE(order->steps[i].kind == VOW_STEP_COMPENSATABLE || is_nothing_left(order, i));
        FUZZ_REQUIRE(order->steps[i].stage <= order->steps[number].stage || is_nothing_left(order, i));
        FUZZ_REQUIRE(!order->is_asked[i] || order->fates[i] != VOW_FATE_NONE);
    }
    order->was_undone[number] = order->was_undone[number] || is_sent;
}

static bool is_for_full(uint64_t session)
{
    for (uint32_t i = 0; i < PEERS; i++) {
        if (peers[i] == session)
            return is_full[i];
    }
    return false;
}

/* Told when the step is over. */
static void do_not_send(const struct vow_sagas_effect *effect)
{
    struct vow_sagas_event *back = &unsent[unsent_len++];

    FUZZ_REQUIRE(unsent_len <= UNSENT_MAX);
    *back = (struct vow_sagas_event){.kind = VOW_SAGAS_UNSENT, .session = effect->session};
    back->unsent.gtrid = effect->gtrid;
    back->unsent.step = effect->msg.step.step;
}

static void check_send(const struct vow_sagas_effect *effect)
{
    const struct vow_msg_step *step = &effect->msg.step;
    struct order *order = order_of(&step->gtrid);
    const bool is_sent = !is_for_full(effect->session);

    FUZZ_REQUIRE(order != NULL && step->step < order->request.steps_len && effect->session != 0);
    if (step->direction == VOW_STEP_ACTION)
        check_action(order, step->step, is_sent);
    else
        check_compensation(order, step->step, is_sent);
    if (is_sent)
        asked[asked_len++ % ASKED_MAX] = *effect;
    else
        do_not_send(effect);
}

static void check_reply(const struct vow_msg_saga_state *state)
{
    struct order *order = order_of(&state->gtrid);

    if (state->error != 0 || state->state < VOW_SAGA_COMPLETED)
        return;
    FUZZ_REQUIRE(order != NULL && order->begun && (order->told == 0 || order->told == state->state));
    order->told = state->state;
    FUZZ_REQUIRE(state->state != VOW_SAGA_CLOSED || order->ended == VOW_SAGA_CLOSED);
    FUZZ_REQUIRE(state->state != VOW_SAGA_COMPENSATED || order->failed);
    for (uint32_t i = 0; i < order->request.steps_len; i++) {
        FUZZ_REQUIRE(state->state != VOW_SAGA_COMPLETED || order->fates[i] == VOW_FATE_DONE);
        FUZZ_REQUIRE(state->state != VOW_SAGA_COMPENSATED || is_nothing_left(order, i));
    }
}

/* ---- effects, and the log ---- */

static void feed(struct vow_sagas_event *event);

static void take_log(const struct vow_sagas_effect *effect)
{
    const struct vow_record *record = &effect->log.record;

    FUZZ_REQUIRE(effect->log.forced || record->kind == VOW_RECORD_SAGA_RETRY || record->kind == VOW_RECORD_SAGA_END ||
                 record->kind == VOW_RECORD_SAGA_KEY ||
                 (record->kind == VOW_RECORD_SAGA_STEP && record->step.fate == VOW_FATE_NONE));
    FUZZ_REQUIRE(order_of(&record->gtrid) != NULL && log_len < RECORDS_MAX);
    order_of(&record->gtrid)->used = true;
    log_records[log_len] = *record;
    log_records[log_len].body = (struct vow_slice){NULL, 0};
    log_tokens[log_len++] = effect->log.token;
}

static void look_up(const struct vow_sagas_effect *effect)
{
    const struct order *order = order_of(&effect->gtrid);
    struct vow_sagas_event event = {.kind = VOW_SAGAS_LOOKED_UP, .session = effect->session};

    event.looked_up.gtrid = effect->gtrid;
    event.looked_up.error = order == NULL || order->ended == 0 ? VOW_E_NOT_FOUND : 0;
    event.looked_up.state = order != NULL ? order->ended : 0;
    feed(&event);
}

static void feed(struct vow_sagas_event *event)
{
    struct vow_sagas_effects effects;
    struct vow_sagas_effect lookup = {0};

    event->now_ms = now_ms;
    vow_sagas_step(core, event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        const struct vow_sagas_effect *effect = &effects.items[i];

        if (effect->kind == VOW_SAGAS_SEND)
            check_send(effect);
        else if (effect->kind == VOW_SAGAS_REPLY)
            check_reply(&effect->msg.saga_state);
        else if (effect->kind == VOW_SAGAS_LOG)
            take_log(effect);
        else if (effect->kind == VOW_SAGAS_LOOKUP)
            lookup = *effect;
    }
    if (lookup.kind == VOW_SAGAS_LOOKUP)
        look_up(&lookup);
    if (unsent_len > 0) {
        struct vow_sagas_event back = unsent[--unsent_len];

        feed(&back);
    }
}

/* A key begins one saga: the first. */
static void check_key(const struct order *order)
{
    for (uint32_t i = 0; i < ids.len; i++)
        FUZZ_REQUIRE(&orders[i] == order || !orders[i].begun || order->request.key[0] == '\0' ||
                     strcmp(orders[i].request.key, order->request.key) != 0);
}

static void make_durable(void)
{
    const struct vow_record *record = &log_records[log_durable++];
    struct order *order = order_of(&record->gtrid);
    const uint8_t fate = record->step.fate;

    if (record->kind == VOW_RECORD_SAGA_BEGIN)
        check_key(order);
    order->begun = order->begun || record->kind == VOW_RECORD_SAGA_BEGIN;
    order->failed = order->failed || record->kind == VOW_RECORD_SAGA_TURN;
    if (record->kind == VOW_RECORD_SAGA_STEP && fate != VOW_FATE_STUCK && fate != VOW_FATE_NONE)
        order->fates[record->step.number] = fate;
    if (record->kind == VOW_RECORD_SAGA_STEP && (fate == VOW_FATE_REJECTED || fate == VOW_FATE_UNKNOWN))
        order->failed = true;
    if (record->kind == VOW_RECORD_SAGA_END)
        order->ended = (enum vow_saga_state)record->detail;
}

static void log_becomes_durable(uint32_t count)
{
    for (; count > 0 && log_durable < log_len; count--) {
        const uint64_t token = log_tokens[log_durable];

        make_durable();
        feed(&(struct vow_sagas_event){.kind = VOW_SAGAS_LOG_DONE, .token = token});
    }
}

/* ---- events ---- */

static const char *name_of(const char *name)
{
    static const char *const names[] = {"stock", "payment", "order", "nobody"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return names[i];
    }
    return "nobody";
}

static const char *key_of(const char *key)
{
    if (strcmp(key, "order 1") == 0)
        return "order 1";
    return strcmp(key, "order 2") == 0 ? "order 2" : "";
}

static void keep(struct order *order, const struct vow_msg_saga_request *request)
{
    order->request = *request;
    order->request.key = key_of(request->key);
    order->request.steps = order->steps;
    for (uint32_t i = 0; i < request->steps_len; i++) {
        struct vow_msg_saga_step *step = &order->steps[i];

        *step = request->steps[i];
        step->participant = name_of(step->participant);
        step->action = "do";
        step->compensation = step->compensation[0] != '\0' ? "undo" : "";
        step->payload = (struct vow_slice){NULL, 0};
    }
}

static void client_says(struct input *in)
{
    static const enum vow_msg_kind kinds[] = {VOW_MSG_SAGA_REQUEST, VOW_MSG_SAGA_REQUEST, VOW_MSG_SAGA_QUERY,
                                              VOW_MSG_SAGA_CANCEL, VOW_MSG_STEP_DONE};
    struct vow_sagas_event event = {.kind = VOW_SAGAS_MESSAGE, .session = 1 + input_below(in, CLIENTS)};
    struct order *order;
    struct vow_msg msg;

    if (!fuzz_message(in, &ids, kinds[input_below(in, sizeof(kinds) / sizeof(kinds[0]))], &msg))
        return;
    event.msg = &msg;
    if (msg.kind == VOW_MSG_SAGA_REQUEST) {
        order = order_of(&msg.saga_request.gtrid);
        event.kind = VOW_SAGAS_REQUEST;
        event.request.msg = &msg.saga_request;
        event.request.grant = order == NULL ? VOW_SAGA_ID_VOID : order->used ? VOW_SAGA_ID_USED : VOW_SAGA_ID_NEW;
        if (event.request.grant == VOW_SAGA_ID_NEW)
            keep(order, &msg.saga_request);
    }
    feed(&event);
}

/* Anything; */
static void participant_says(struct input *in)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_MESSAGE, .session = peers[input_below(in, PEERS)]};
    struct vow_msg msg;

    if (event.session == 0 || !fuzz_message(in, &ids, VOW_MSG_STEP_DONE, &msg))
        return;
    event.msg = &msg;
    feed(&event);
}

/* ... or an answer to what it was sent. */
static void participant_answers(struct input *in)
{
    const uint8_t choice = input_byte(in);
    struct vow_sagas_event event = {.kind = VOW_SAGAS_MESSAGE};
    struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE};
    const struct vow_sagas_effect *ask;

    if (asked_len == 0)
        return;
    ask = &asked[(asked_len - 1 - (choice & 3) % asked_len) % ASKED_MAX];
    msg.step_done.gtrid = ask->gtrid;
    msg.step_done.step = ask->msg.step.step;
    msg.step_done.direction = ask->msg.step.direction;
    msg.step_done.attempt = ask->msg.step.attempt;
    msg.step_done.result = choice < 160 ? VOW_STEP_DONE : VOW_STEP_DONE + (choice >> 2) % VOW_STEP_UNABLE;
    msg.step_done.cause = msg.step_done.result == VOW_STEP_DONE ? VOW_CAUSE_NONE : VOW_CAUSE_HANDLER_REFUSED;
    msg.step_done.text = "";
    event.session = ask->session;
    event.msg = &msg;
    feed(&event);
}

static void operator_says(struct input *in)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_ORDER};

    event.order.gtrid = fuzz_id(in, &ids);
    event.order.order = input_below(in, 4) == 0 ? VOW_SAGA_CLOSE : VOW_SAGA_RETRY;
    feed(&event);
}

static void connect_or_drop(struct input *in)
{
    static const char *const names[] = {"stock", "payment", "order"};
    const uint32_t which = input_below(in, PEERS);
    struct vow_sagas_event event = {.kind = VOW_SAGAS_PEER_UP, .peer = names[which]};

    if (peers[which] != 0)
        event = (struct vow_sagas_event){.kind = VOW_SAGAS_SESSION_DOWN, .session = peers[which]};
    else
        event.session = ++last_session;
    peers[which] = peers[which] != 0 ? 0 : last_session;
    is_full[which] = false;
    feed(&event);
}

/* Much waits for a participant, or it has read it. */
static void fill_or_drain(struct input *in)
{
    const uint32_t which = input_below(in, PEERS);

    is_full[which] = peers[which] != 0 && !is_full[which];
    if (peers[which] != 0 && !is_full[which])
        feed(&(struct vow_sagas_event){.kind = VOW_SAGAS_PEER_READY, .session = peers[which]});
}

static void pass_time(struct input *in)
{
    now_ms += input_number(in, 1) * 100;
    feed(&(struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
}

/* Of all sagas that have begun, ended or not, the oldest first. */
static void recover_keys(void)
{
    for (size_t i = 0; i < log_durable; i++) {
        struct vow_sagas_event event = {.kind = VOW_SAGAS_RECOVERED};

        event.recovered.record = &log_records[i];
        if (log_records[i].kind == VOW_RECORD_SAGA_KEY && order_of(&log_records[i].gtrid)->begun)
            feed(&event);
    }
}

static void start(void)
{
    free(core);
    core = vow_sagas_init(malloc(vow_sagas_size(&limits)), &limits, ids.epoch, 7);
    for (size_t i = 0; i < log_durable; i++) {
        const struct order *order = order_of(&log_records[i].gtrid);
        struct vow_sagas_event event = {.kind = VOW_SAGAS_RECOVERED};

        event.recovered.record = &log_records[i];
        event.recovered.msg = &order->request;
        if (order->ended == 0 && log_records[i].kind != VOW_RECORD_SAGA_KEY)
            feed(&event);
    }
    recover_keys();
    feed(&(struct vow_sagas_event){.kind = VOW_SAGAS_RECOVERY_DONE});
}

/* The log keeps a prefix of what was on its way. */
static void crash(struct input *in)
{
    for (uint32_t more = input_below(in, 4); more > 0 && log_durable < log_len; more--)
        make_durable();
    log_len = log_durable;
    ids.epoch++;
    memset(peers, 0, sizeof(peers));
    memset(is_full, 0, sizeof(is_full));
    for (uint32_t i = 0; i < ids.len; i++)
        memset(orders[i].is_asked, 0, sizeof(orders[i].is_asked));
    start();
}

static void grant(void)
{
    if (ids.len < FUZZ_IDS_MAX) {
        ids.ids[ids.len] = vow_gtrid_make(77, 1, 1 + ids.len, 0, ids.len);
        ids.len++;
    }
}

static void rare_event(struct input *in)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_SHED};

    switch (input_below(in, 6)) {
    case 0:
        grant();
        break;
    case 1:
        event.shed = input_below(in, 2) != 0;
        feed(&event);
        break;
    case 2:
        event = (struct vow_sagas_event){.kind = VOW_SAGAS_SESSION_DOWN, .session = 1 + input_below(in, CLIENTS)};
        feed(&event);
        break;
    case 3:
        crash(in);
        break;
    default:
        fill_or_drain(in);
        break;
    }
}

static void one_event(struct input *in)
{
    switch (input_below(in, 12)) {
    case 0:
    case 1:
        client_says(in);
        break;
    case 2:
        participant_says(in);
        break;
    case 3:
    case 4:
    case 5:
        participant_answers(in);
        break;
    case 6:
    case 7:
        log_becomes_durable(1 + input_below(in, 4));
        break;
    case 8:
        connect_or_drop(in);
        break;
    case 9:
        pass_time(in);
        break;
    case 10:
        operator_says(in);
        break;
    default:
        rare_event(in);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};

    limits = vow_sagas_default_limits;
    limits.sagas_max = 4;
    limits.steps_max = 4 * FUZZ_STEPS_MAX - 4;
    limits.peers_max = 4;
    limits.keys_max = FUZZ_IDS_MAX; /* of no saga in here is its key forgotten */
    ids = (struct fuzz_ids){.epoch = 1};
    memset(orders, 0, sizeof(orders));
    memset(peers, 0, sizeof(peers));
    memset(is_full, 0, sizeof(is_full));
    unsent_len = 0;
    now_ms = log_len = log_durable = asked_len = 0;
    last_session = CLIENTS;
    grant();
    start();
    for (int event = 0; event < EVENTS_MAX && input_left(&in) > 0; event++)
        one_event(&in);
    free(core);
    core = NULL;
    return 0;
}
