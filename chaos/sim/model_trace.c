#include "chaos/sim/model_trace.h"

#include <stdio.h>
#include <string.h>

#include "chaos/written.h"

/* In the words of docs/model.md; % is the participant. */
#define STEPS(STEP)                                                                                                    \
    STEP(COORD_SENDS_PREPARE, "coord sends prepare %")                                                                 \
    STEP(COORD_SENDS_COMMIT, "coord sends commit %")                                                                   \
    STEP(COORD_SENDS_ABORT, "coord sends abort %")                                                                     \
    STEP(COORD_FORCED_C, "coord forced C")                                                                             \
    STEP(COORD_FORCED_END, "coord forced END")                                                                         \
    STEP(COORD_ANSWERS_COMMITTED, "coord answers committed")                                                           \
    STEP(COORD_ANSWERS_ABORTED, "coord answers aborted")                                                               \
    STEP(COORD_CRASHES, "coord crashes")                                                                               \
    STEP(PART_FORCED_P, "part % forced P")                                                                             \
    STEP(PART_FORCED_C, "part % forced C")                                                                             \
    STEP(PART_DROPPED_P, "part % dropped P")                                                                           \
    STEP(PART_SENDS_YES, "part % sends yes")                                                                           \
    STEP(PART_SENDS_RO, "part % sends ro")                                                                             \
    STEP(PART_SENDS_NO, "part % sends no")                                                                             \
    STEP(PART_SENDS_ACK, "part % sends ack")                                                                           \
    STEP(PART_SENDS_NO_RECORD, "part % sends norecord")                                                                \
    STEP(PART_ASKS, "part % asks")                                                                                     \
    STEP(PART_TELLS_COMMIT, "part % tells commit")                                                                     \
    STEP(PART_TELLS_ABORT, "part % tells abort")                                                                       \
    STEP(PART_CRASHES, "part % crashes")

enum step {
#define STEP(name, text) name,
    STEPS(STEP)
#undef STEP
};

static const char *const texts[] = {
#define STEP(name, text) text,
    STEPS(STEP)
#undef STEP
};

void sim_model_trace_begin(struct sim_model_trace *trace)
{
    trace->damaged = 0;
    trace->is_full = false;
    trace->txns_len = 0;
    memset(trace->roles, 0, sizeof(trace->roles));
}

static struct sim_model_txn *txn_of(struct sim_model_trace *trace, const struct vow_gtrid *gtrid)
{
    for (uint32_t i = trace->txns_len; i > 0; i--)
        if (memcmp(&trace->txns[i - 1].gtrid, gtrid, sizeof(*gtrid)) == 0)
            return &trace->txns[i - 1];
    return NULL;
}

/* Of a transaction that a coordinator has just told somebody of. */
static struct sim_model_txn *txn_new(struct sim_model_trace *trace, const struct sim_sight *sight,
                                     const struct vow_gtrid *gtrid)
{
    struct sim_model_txn *txn = txn_of(trace, gtrid);

    if (txn != NULL)
        return txn;
    if (trace->txns_len == SIM_MODEL_TXNS_MAX) {
        trace->is_full = true;
        return NULL;
    }
    txn = &trace->txns[trace->txns_len++];
    txn->gtrid = *gtrid;
    txn->coord = sight->node;
    txn->is_outside = false;
    txn->participants_len = 0;
    txn->steps_len = 0;
    return txn;
}

/* Its number, from 1; 0 if it is none of the transaction's. */
static uint8_t number_of(const struct sim_model_txn *txn, uint8_t node)
{
    for (uint8_t i = 0; i < txn->participants_len; i++)
        if (txn->participants[i] == node)
            return (uint8_t)(i + 1);
    return 0;
}

/* The coordinator knows it: it is asked to vote, or was told that it is enlisted. */
static void enlist(struct sim_model_txn *txn, uint8_t node)
{
    if (number_of(txn, node) > 0)
        return;
    if (txn->participants_len == SIM_MODEL_PARTICIPANTS_MAX)
        txn->is_outside = true;
    else
        txn->participants[txn->participants_len++] = node;
}

static void add(struct sim_model_txn *txn, enum step what, uint8_t who)
{
    if (txn->steps_len == SIM_MODEL_STEPS_MAX)
        txn->is_outside = true;
    else
        txn->steps[txn->steps_len++] = (struct sim_model_step){(uint8_t)what, who};
}

/* What a client is told may be of another transaction: of the one that its key names. */
static void see_outcome(struct sim_model_trace *trace, const struct vow_msg_outcome *outcome)
{
    struct sim_model_txn *txn = txn_of(trace, vow_gtrid_is_none(&outcome->named) ? &outcome->gtrid : &outcome->named);

    if (txn == NULL)
        return;
    if (outcome->outcome == VOW_COMMITTED)
        add(txn, COORD_ANSWERS_COMMITTED, 0);
    if (outcome->outcome == VOW_ABORTED)
        add(txn, COORD_ANSWERS_ABORTED, 0);
}

/* All messages of the commit protocol begin with the same header. */
static const struct vow_gtrid *message_gtrid(const struct vow_msg *msg)
{
    static const struct vow_gtrid none;

    switch ((int)msg->kind) {
    case VOW_MSG_ENLIST:
    case VOW_MSG_ENLISTED:
    case VOW_MSG_PREPARE:
    case VOW_MSG_VOTE:
    case VOW_MSG_DECISION:
    case VOW_MSG_ACK:
    case VOW_MSG_COMMIT_ONE_PHASE:
    case VOW_MSG_INQUIRY:
    case VOW_MSG_PEER_ANSWER:
    case VOW_MSG_RESOLVE:
    case VOW_MSG_HEURISTIC_REPORT:
        return &msg->prepare.header.gtrid;
    default:
        return &none;
    }
}

static void see_coord_sent(struct sim_model_trace *trace, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    struct sim_model_txn *txn;

    if (msg->kind == VOW_MSG_OUTCOME)
        see_outcome(trace, &msg->outcome);
    if (msg->kind == VOW_MSG_PREPARE || (msg->kind == VOW_MSG_ENLISTED && msg->enlisted.error == 0)) {
        txn = txn_new(trace, sight, message_gtrid(msg));
        if (txn != NULL)
            enlist(txn, sight->peer);
    }
    txn = txn_of(trace, message_gtrid(msg));
    if (txn == NULL || number_of(txn, sight->peer) == 0)
        return;
    if (msg->kind == VOW_MSG_PREPARE)
        add(txn, COORD_SENDS_PREPARE, number_of(txn, sight->peer));
    if (msg->kind == VOW_MSG_DECISION)
        add(txn, msg->decision.verdict == VOW_COMMIT ? COORD_SENDS_COMMIT : COORD_SENDS_ABORT,
            number_of(txn, sight->peer));
    if (msg->kind == VOW_MSG_COMMIT_ONE_PHASE || msg->kind == VOW_MSG_RESOLVE)
        txn->is_outside = true;
}

static void see_vote(struct sim_model_txn *txn, enum vow_vote vote, uint8_t who)
{
    switch (vote) {
    case VOW_VOTE_YES:
        add(txn, PART_SENDS_YES, who);
        break;
    case VOW_VOTE_READ_ONLY:
        add(txn, PART_SENDS_RO, who);
        break;
    case VOW_VOTE_NO:
        add(txn, PART_SENDS_NO, who);
        break;
    }
}

static void see_part_sent(struct sim_model_txn *txn, const struct vow_msg *msg, uint8_t who)
{
    switch ((int)msg->kind) {
    case VOW_MSG_VOTE:
        see_vote(txn, msg->vote.vote, who);
        break;
    case VOW_MSG_ACK:
        if (msg->ack.ack == VOW_ACK_DONE)
            add(txn, PART_SENDS_ACK, who);
        else if (msg->ack.ack == VOW_ACK_NO_RECORD)
            add(txn, PART_SENDS_NO_RECORD, who);
        else
            txn->is_outside = true;
        break;
    case VOW_MSG_INQUIRY:
        add(txn, PART_ASKS, who);
        break;
    case VOW_MSG_PEER_ANSWER:
        if (msg->peer_answer.answer == VOW_PEER_COMMITTED)
            add(txn, PART_TELLS_COMMIT, who);
        if (msg->peer_answer.answer == VOW_PEER_ABORTED)
            add(txn, PART_TELLS_ABORT, who);
        break;
    case VOW_MSG_HEURISTIC_REPORT:
        txn->is_outside = true;
        break;
    default:
        break;
    }
}

static void see_sent(struct sim_model_trace *trace, const struct sim_sight *sight)
{
    struct sim_model_txn *txn;

    if (trace->roles[sight->node] == SIM_COORDINATOR) {
        see_coord_sent(trace, sight);
        return;
    }
    txn = txn_of(trace, message_gtrid(sight->message.msg));
    if (txn != NULL && number_of(txn, sight->node) > 0)
        see_part_sent(txn, sight->message.msg, number_of(txn, sight->node));
}

static void see_log(struct sim_model_trace *trace, const struct sim_sight *sight)
{
    struct sim_model_txn *txn = txn_of(trace, &sight->gtrid);

    if (txn == NULL)
        return;
    if (sight->log.record->kind == VOW_RECORD_COMMIT)
        add(txn, COORD_FORCED_C, 0);
    if (sight->log.record->kind == VOW_RECORD_END)
        add(txn, COORD_FORCED_END, 0);
    if (sight->log.record->kind == VOW_RECORD_OPERATOR)
        txn->is_outside = true;
}

static void see_store(struct sim_model_trace *trace, const struct sim_sight *sight)
{
    struct sim_model_txn *txn = txn_of(trace, &sight->gtrid);
    const uint8_t who = txn != NULL ? number_of(txn, sight->node) : 0;

    if (who == 0)
        return;
    if (sight->store.op == VOW_STORE_HEURISTIC_COMMIT || sight->store.op == VOW_STORE_HEURISTIC_ABORT)
        txn->is_outside = true;
    if (sight->store.result != VOW_STORE_DONE)
        return;
    if (sight->store.op == VOW_STORE_PREPARE)
        add(txn, PART_FORCED_P, who);
    if (sight->store.op == VOW_STORE_COMMIT)
        add(txn, PART_FORCED_C, who);
    if (sight->store.op == VOW_STORE_ABORT)
        add(txn, PART_DROPPED_P, who);
}

static void see_started(struct sim_model_trace *trace, const struct sim_sight *sight)
{
    for (uint32_t i = 0; sight->life > 1 && i < trace->txns_len; i++) {
        struct sim_model_txn *txn = &trace->txns[i];

        if (txn->coord == sight->node)
            add(txn, COORD_CRASHES, 0);
        else if (number_of(txn, sight->node) > 0)
            add(txn, PART_CRASHES, number_of(txn, sight->node));
    }
}

/* After which a log may say something else than what was written to it. */
static bool is_damage(enum sim_fault fault)
{
    switch ((int)fault) {
    case SIM_FAULT_RESTORE:
    case SIM_FAULT_WIPE:
    case SIM_FAULT_LYING_SYNC:
    case SIM_FAULT_WAL_FLIP:
    case SIM_FAULT_PAGE_FLIP:
    case SIM_FAULT_STALE_PAGE:
    case SIM_FAULT_WAL_CUT:
    case SIM_FAULT_WAL_ZERO:
    case SIM_FAULT_WAL_GONE:
    case SIM_FAULT_WITNESS_FLIP:
    case SIM_FAULT_NAME_LOST:
        return true;
    default:
        return false;
    }
}

void sim_model_trace_see(void *ctx, const struct sim_sight *sight)
{
    struct sim_model_trace *trace = ctx;
    struct sim_model_txn *txn;

    switch ((int)sight->kind) {
    case SIM_SEEN_NODE:
        trace->roles[sight->node] = sight->node_is.role;
        break;
    case SIM_SEEN_FAULT:
        if (is_damage(sight->fault.fault) && sight->node < SIM_NODES_MAX)
            trace->damaged |= 1U << sight->node;
        break;
    case SIM_SEEN_STARTED:
        see_started(trace, sight);
        break;
    case SIM_SEEN_SENT:
        see_sent(trace, sight);
        break;
    case SIM_SEEN_LOG_DURABLE:
        see_log(trace, sight);
        break;
    case SIM_SEEN_STORE_DONE:
        see_store(trace, sight);
        break;
    case SIM_SEEN_OPERATED:
        txn = txn_of(trace, &sight->gtrid);
        if (txn != NULL)
            txn->is_outside = true;
        break;
    default:
        break;
    }
}

static bool is_in_model(const struct sim_model_trace *trace, const struct sim_model_txn *txn)
{
    uint32_t nodes = 1U << txn->coord;

    for (uint8_t i = 0; i < txn->participants_len; i++)
        nodes |= 1U << txn->participants[i];
    return !txn->is_outside && (nodes & trace->damaged) == 0;
}

static void print_step(FILE *file, struct sim_model_step step)
{
    const char *text = texts[step.what], *number = strchr(text, '%');

    if (number == NULL)
        (void)fprintf(file, "%s\n", text);
    else
        (void)fprintf(file, "%.*s%u%s\n", (int)(number - text), text, step.who, number + 1);
}

static int write_txn(const struct sim_model_txn *txn, const char *name)
{
    FILE *file = fopen(name, "w");

    if (file == NULL)
        return -1;
    (void)fprintf(file, "participants %u\n", txn->participants_len);
    for (uint32_t i = 0; i < txn->steps_len; i++) {
        print_step(file, txn->steps[i]);
    }
    return written_close(file) == 0 ? 0 : -1;
}

int sim_model_trace_write(const struct sim_model_trace *trace, const char *dir, uint64_t seed, uint32_t *written,
                          uint32_t *left_out)
{
    for (uint32_t i = 0; i < trace->txns_len; i++) {
        const struct sim_model_txn *txn = &trace->txns[i];
        char name[4096];

        if (!is_in_model(trace, txn)) {
            (*left_out)++;
            continue;
        }
        (void)snprintf(name, sizeof(name), "%s/%llu-%u.trace", dir, (unsigned long long)seed, i);
        if (write_txn(txn, name) != 0)
            return -1;
        (*written)++;
    }
    return 0;
}
