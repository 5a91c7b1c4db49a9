#include "chaos/sim/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef void check_fn(struct sim_judge *judge, const struct sim_sight *sight);

/* clang-format off */
static check_fn *const checks[] = {
#define CHECK(number, name, when, text) check_##name,
#define SAGA_CHECK(number, name, when, text)
#define EVENT_CHECK(number, name, when, text)
#include "chaos/sim/check.def"
#undef CHECK
};
static check_fn *const saga_checks[] = {
#define CHECK(number, name, when, text)
#define SAGA_CHECK(number, name, when, text) check_##name,
#define EVENT_CHECK(number, name, when, text)
#include "chaos/sim/check.def"
#undef CHECK
};
/* And of events. */
static check_fn *const event_checks[] = {
#define CHECK(number, name, when, text)
#define SAGA_CHECK(number, name, when, text)
#define EVENT_CHECK(number, name, when, text) check_##name,
#include "chaos/sim/check.def"
#undef CHECK
};

const struct sim_check_row sim_check_rows[] = {
#define CHECK(number, name, when, text) {number, #name, when, text},
#include "chaos/sim/check.def"
#undef CHECK
};
/* clang-format on */
const unsigned sim_check_rows_len = sizeof(sim_check_rows) / sizeof(sim_check_rows[0]);

void sim_judge_begin(struct sim_judge *judge)
{
    sim_memory_reset(&judge->memory);
    sim_book_init(&judge->book, &judge->memory);
    sim_ledger_init(&judge->ledger, &judge->memory, &judge->book);
    sim_diary_init(&judge->diary, &judge->memory, &judge->book);
    judge->purses = 0;
    memset(&judge->violation, 0, sizeof(judge->violation));
    memset(judge->must_refuse, 0, sizeof(judge->must_refuse));
    judge->excused = 0;
    judge->isolation = NULL;
    judge->evaluated = 0;
}

/* What sagas and transactions have in common, nodes and disks, is in the book by then. What is sent or told is judged
 * by what was before. */
static void judge_sagas(struct sim_judge *judge, const struct sim_sight *sight)
{
    const bool is_word = sight->kind == SIM_SEEN_SENT || sight->kind == SIM_SEEN_TOLD;

    if (!is_word)
        sim_ledger_see(&judge->ledger, sight);
    for (size_t i = 0; i < sizeof(saga_checks) / sizeof(saga_checks[0]); i++)
        saga_checks[i](judge, sight);
    if (is_word)
        sim_ledger_see(&judge->ledger, sight);
}

/* A sight is judged by what was before; but a disk, which also adds to that. */
static void judge_events(struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_DISK)
        sim_diary_read(&judge->diary, sight);
    for (size_t i = 0; i < sizeof(event_checks) / sizeof(event_checks[0]); i++)
        event_checks[i](judge, sight);
    if (sight->kind == SIM_SEEN_DISK)
        sim_diary_settle(&judge->diary, sight);
    else
        sim_diary_see(&judge->diary, sight);
}

void sim_judge_see(void *ctx, const struct sim_sight *sight)
{
    struct sim_judge *judge = ctx;

    if (judge->violation.invariant != NULL)
        return;
    judge->evaluated++;
    if (sim_is_of_saga(sight)) {
        judge->book.now = sight->seq;
        judge->book.now_us = sight->at_us;
        check_log(judge, sight);
        judge_sagas(judge, sight);
        return;
    }
    if (sim_is_of_event(sight)) {
        judge->book.now = sight->seq;
        judge->book.now_us = sight->at_us;
        check_log(judge, sight);
        judge_events(judge, sight);
        return;
    }
    sim_book_see(&judge->book, sight);
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
        checks[i](judge, sight);
    sim_book_settle(&judge->book, sight);
    judge_sagas(judge, sight);
    judge_events(judge, sight);
}

void sim_judge_free(struct sim_judge *judge)
{
    sim_memory_free(&judge->memory);
}

void judge_fail(struct sim_judge *judge, const struct sim_sight *sight, const char *invariant,
                const struct vow_gtrid *gtrid, const char *format, ...)
{
    struct sim_violation *violation = &judge->violation;
    va_list args;

    if (violation->invariant != NULL)
        return;
    violation->invariant = invariant;
    violation->node = sight->node;
    violation->at = sight->seq;
    violation->at_us = sight->at_us;
    if (gtrid != NULL)
        violation->gtrid = *gtrid;
    va_start(args, format);
    (void)vsnprintf(violation->text, sizeof(violation->text), format, args);
    va_end(args);
}

bool judge_is_excused(const struct sim_judge *judge, const struct book_txn *txn)
{
    if (judge->excused == 0)
        return false;
    if (txn->coord != SIM_NODE_NONE && (judge->excused & sim_bit(txn->coord)) != 0)
        return true;
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if ((judge->excused & sim_bit(share->node)) != 0)
            return true;
    }
    return false;
}

bool judge_is_node_excused(const struct sim_judge *judge, uint8_t node)
{
    return node != SIM_NODE_NONE && (judge->excused & sim_bit(node)) != 0;
}

struct book_txn *judge_txn(const struct sim_judge *judge, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_LOG_ASKED || sight->kind == SIM_SEEN_LOG_DURABLE)
        return sim_book_find(&judge->book, &sight->log.record->gtrid);
    if (sight->kind == SIM_SEEN_SENT || sight->kind == SIM_SEEN_RECEIVED) {
        const struct vow_msg_header *header = sim_msg_header(sight->message.msg);

        if (header != NULL)
            return sim_book_find(&judge->book, &header->gtrid);
        if (sight->message.msg->kind == VOW_MSG_OUTCOME) {
            const struct vow_msg_outcome *outcome = &sight->message.msg->outcome;

            return sim_book_find(&judge->book, vow_gtrid_is_none(&outcome->named) ? &outcome->gtrid : &outcome->named);
        }
    }
    return sim_book_find(&judge->book, &sight->gtrid);
}

const char *judge_name(const struct sim_judge *judge, uint8_t node)
{
    return node < judge->book.nodes_len ? judge->book.nodes[node].name : "nobody";
}

void judge_each_durable(struct sim_judge *judge, const struct sim_sight *sight, judge_txn_fn *one)
{
    struct book_txn *txn;

    if (sight->kind == SIM_SEEN_DISK) {
        for (txn = judge->book.txns; txn != NULL; txn = txn->next)
            one(judge, sight, txn);
        return;
    }
    if (sight->kind != SIM_SEEN_LOG_DURABLE && sight->kind != SIM_SEEN_STORE_DONE && sight->kind != SIM_SEEN_SENT)
        return;
    txn = judge_txn(judge, sight);
    if (txn != NULL)
        one(judge, sight, txn);
}

bool judge_is_too_late(const struct book_txn *txn, const struct book_share *late)
{
    if (late->expired_heard == 0)
        return false;
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->coord_alarm != 0)
            return true;
    }
    return false;
}

bool judge_is_healed(const struct sim_judge *judge, const struct book_txn *txn)
{
    uint32_t healed = judge->book.healed_nodes;

    if (txn->coord == SIM_NODE_NONE || (healed & sim_bit(txn->coord)) == 0)
        return false;
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if ((healed & sim_bit(share->node)) == 0)
            return false;
    }
    return true;
}
