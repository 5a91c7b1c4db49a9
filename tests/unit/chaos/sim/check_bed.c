#include "check_bed.h"

#include <stdio.h>

#define COORD 77

static const char *const names[] = {"c0", "p0", "p1", "k0"};

struct sim_sight bed_sight(struct bed *bed, enum sim_sight_kind kind, uint8_t node)
{
    struct sim_sight sight = sim_sight_make(kind, node, node < 4 ? bed->life[node] : 0, bed->at_us += 10);

    sight.gtrid = bed->txn;
    return sight;
}

void bed_show(struct bed *bed, struct sim_sight *sight)
{
    sim_seen(&bed->watch, sight);
}

void bed_plain(struct bed *bed, enum sim_sight_kind kind, uint8_t node)
{
    struct sim_sight sight = bed_sight(bed, kind, node);

    memset(&sight.gtrid, 0, sizeof(sight.gtrid));
    bed_show(bed, &sight);
}

static void up(struct bed *bed, uint8_t node)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_UP, node);

    sight.up.epoch = bed->life[C0];
    sight.up.coord_id = COORD;
    sight.up.incarnation = bed->life[node];
    bed_show(bed, &sight);
}

static void link_nodes(struct bed *bed, uint8_t a, uint8_t b)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_LINKED, a);

    sight.peer = b;
    sight.link.epoch = bed->life[C0];
    bed_show(bed, &sight);
    sight.node = b;
    sight.peer = a;
    bed_show(bed, &sight);
}

static void begin(struct bed *bed, uint32_t dead_max)
{
    memset(bed, 0, sizeof(*bed));
    bed->txn = vow_gtrid_make(COORD, 1, 5, 0, 99);
    sim_judge_begin(&bed->judge);
    sim_watch_add(&bed->watch, sim_judge_see, &bed->judge);
    for (uint8_t i = 0; i < 4; i++) {
        struct sim_sight sight = bed_sight(bed, SIM_SEEN_NODE, i);

        sight.node_is.role = i == C0 ? SIM_COORDINATOR : i == K0 ? SIM_CLIENT : SIM_PARTICIPANT;
        sight.node_is.name = names[i];
        sight.node_is.vote_ms = i == C0 ? BED_VOTE_MS : 0;
        sight.node_is.dead_max = i == C0 ? dead_max : 0;
        bed_show(bed, &sight);
    }
    for (int i = P0; i <= P1; i++) {
        struct sim_sight sight = bed_sight(bed, SIM_SEEN_ACCOUNT, (uint8_t)i);

        sight.change = (struct sim_change){.kind = SIM_IS, .table = SIM_BANK, .key = 1, .value = 100};
        bed_show(bed, &sight);
        sight.change = (struct sim_change){.kind = SIM_IS, .table = SIM_LISTS, .key = 1};
        bed_show(bed, &sight);
    }
    for (uint8_t i = 0; i < 4; i++) {
        bed->life[i] = 1;
        bed_plain(bed, SIM_SEEN_STARTED, i);
        up(bed, i);
    }
    for (uint8_t i = 1; i < 4; i++)
        link_nodes(bed, C0, i);
}

void bed_begin(struct bed *bed)
{
    begin(bed, 0);
}

void bed_begin_events(struct bed *bed)
{
    begin(bed, BED_DEAD_MAX);
}

void bed_end(struct bed *bed)
{
    sim_judge_free(&bed->judge);
}

/* ---- messages ---- */

struct vow_msg_header bed_header(const struct bed *bed)
{
    return (struct vow_msg_header){.gtrid = bed->txn, .epoch = bed->life[C0], .incarnation = 1};
}

uint64_t bed_sent(struct bed *bed, uint8_t from, uint8_t to, const struct vow_msg *msg)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_SENT, from);

    sight.peer = to;
    sight.message.msg = msg;
    sight.message.frame = ++bed->frame;
    bed_show(bed, &sight);
    return bed->frame;
}

void bed_received(struct bed *bed, uint8_t to, uint8_t from, const struct vow_msg *msg, uint64_t frame)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_RECEIVED, to);

    sight.peer = from;
    sight.message.msg = msg;
    sight.message.frame = frame;
    sight.message.peer_life = bed->life[from];
    bed_show(bed, &sight);
}

uint64_t bed_send(struct bed *bed, uint8_t from, uint8_t to, const struct vow_msg *msg)
{
    uint64_t frame = bed_sent(bed, from, to, msg);

    bed_received(bed, to, from, msg, frame);
    return frame;
}

struct vow_msg bed_decision(const struct bed *bed, enum vow_verdict verdict)
{
    return (struct vow_msg){.kind = VOW_MSG_DECISION, .decision = {.header = bed_header(bed), .verdict = verdict}};
}

struct vow_msg bed_outcome(const struct bed *bed, enum vow_outcome outcome, enum vow_cause cause)
{
    return (struct vow_msg){
        .kind = VOW_MSG_OUTCOME,
        .outcome = {.gtrid = bed->txn, .outcome = outcome, .cause = cause, .participant = "", .text = ""}};
}

struct vow_msg bed_vote_msg(const struct bed *bed, enum vow_vote vote)
{
    return (struct vow_msg){.kind = VOW_MSG_VOTE,
                            .vote = {.header = bed_header(bed),
                                     .vote = vote,
                                     .cause = vote == VOW_VOTE_NO ? VOW_CAUSE_LOCK_CONFLICT : VOW_CAUSE_NONE,
                                     .text = ""}};
}

struct vow_msg bed_ack(const struct bed *bed)
{
    return (struct vow_msg){.kind = VOW_MSG_ACK, .ack = {.header = bed_header(bed), .ack = VOW_ACK_DONE}};
}

struct vow_msg bed_prepare_msg(const struct bed *bed)
{
    return (struct vow_msg){.kind = VOW_MSG_PREPARE, .prepare = {.header = bed_header(bed)}};
}

/* ---- log and store ---- */

void bed_log(struct bed *bed, enum sim_sight_kind kind, enum vow_record_kind record_kind, enum vow_cause cause)
{
    const struct vow_record_branch yes[] = {{.name = "p0"}, {.name = "p1", .branch = 1}};
    struct vow_record record = {.kind = record_kind, .gtrid = bed->txn, .epoch = bed->life[C0], .cause = cause};
    struct sim_sight sight = bed_sight(bed, kind, C0);

    if (record_kind == VOW_RECORD_COMMIT) {
        record.branches = yes;
        record.branches_len = 2;
    }
    sight.log.record = &record;
    sight.log.lsn = kind == SIM_SEEN_LOG_DURABLE ? ++bed->lsn : bed->lsn;
    bed_show(bed, &sight);
}

void bed_logged(struct bed *bed, enum vow_record_kind record)
{
    bed_log(bed, SIM_SEEN_LOG_ASKED, record, VOW_CAUSE_NONE);
    bed_log(bed, SIM_SEEN_LOG_DURABLE, record, VOW_CAUSE_NONE);
    bed_log(bed, SIM_SEEN_LOG_DONE, record, VOW_CAUSE_NONE);
}

void bed_store(struct bed *bed, enum sim_sight_kind kind, uint8_t node, enum vow_store_op_kind op,
               enum vow_store_result result)
{
    struct sim_sight sight = bed_sight(bed, kind, node);

    sight.store.op = op;
    sight.store.epoch = 1;
    sight.store.branch = node - 1u;
    sight.store.result = result;
    if (result == VOW_STORE_REFUSED)
        sight.store.cause = VOW_CAUSE_LOCK_CONFLICT;
    bed_show(bed, &sight);
}

void bed_worked(struct bed *bed, uint8_t node, struct sim_change change)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_WORKED, node);

    sight.change = change;
    bed_show(bed, &sight);
}

void bed_told(struct bed *bed, enum vow_outcome outcome, enum vow_cause cause)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_TOLD, K0);

    sight.told.what = SIM_ASK_COMMIT;
    sight.told.outcome = outcome;
    sight.told.cause = cause;
    bed_show(bed, &sight);
}

void bed_fault(struct bed *bed, enum sim_fault fault, uint8_t node)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_FAULT, node);

    sight.fault.fault = fault;
    bed_show(bed, &sight);
}

void bed_disk(struct bed *bed, uint8_t node, const struct sim_dump *dump)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_DISK, node);

    sight.disk.dump = dump;
    bed_show(bed, &sight);
}

void bed_sample(struct bed *bed, uint8_t node, enum sim_sample what, uint64_t value, uint64_t limit)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_SAMPLE, node);

    sight.sample.what = what;
    sight.sample.value = value;
    sight.sample.limit = limit;
    bed_show(bed, &sight);
}

void bed_restart(struct bed *bed, uint8_t node, const struct sim_dump *found)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_CRASHED, node);

    sight.crashed.how = SIM_CRASH_KILL;
    bed_show(bed, &sight);
    bed->life[node]++;
    bed_plain(bed, SIM_SEEN_STARTED, node);
    if (found != NULL)
        bed_disk(bed, node, found);
    up(bed, node);
}

/* ---- steps ---- */

void bed_request(struct bed *bed)
{
    struct vow_msg msg = {.kind = VOW_MSG_COMMIT_REQUEST, .commit_request = {.gtrid = bed->txn, .key = ""}};
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_ASKED, K0);

    sight.asked.what = SIM_ASK_COMMIT;
    sight.asked.nodes = 1u << P0 | 1u << P1;
    bed_show(bed, &sight);
    bed_send(bed, K0, C0, &msg);
}

void bed_prepare(struct bed *bed, uint8_t node)
{
    struct vow_msg msg = bed_prepare_msg(bed);

    bed_send(bed, C0, node, &msg);
    bed_store(bed, SIM_SEEN_STORE_ASKED, node, VOW_STORE_PREPARE, 0);
    bed_worked(bed, node,
               (struct sim_change){.kind = SIM_ADD,
                                   .table = SIM_BANK,
                                   .key = 1,
                                   .is_first = true,
                                   .value = node == P0 ? -5 : 5,
                                   .before = 100});
    bed_store(bed, SIM_SEEN_STORE_DONE, node, VOW_STORE_PREPARE, VOW_STORE_DONE);
    bed_store(bed, SIM_SEEN_STORE_TOLD, node, VOW_STORE_PREPARE, VOW_STORE_DONE);
}

void bed_vote(struct bed *bed, uint8_t node, enum vow_vote vote)
{
    struct vow_msg msg = bed_vote_msg(bed, vote);

    bed_send(bed, node, C0, &msg);
}

void bed_to_votes(struct bed *bed)
{
    bed_request(bed);
    bed_prepare(bed, P0);
    bed_prepare(bed, P1);
    bed_vote(bed, P0, VOW_VOTE_YES);
    bed_vote(bed, P1, VOW_VOTE_YES);
}

void bed_decide(struct bed *bed)
{
    bed_logged(bed, VOW_RECORD_COMMIT);
}

void bed_answer(struct bed *bed)
{
    struct vow_msg msg = bed_outcome(bed, VOW_COMMITTED, VOW_CAUSE_NONE);

    bed_send(bed, C0, K0, &msg);
    bed_told(bed, VOW_COMMITTED, VOW_CAUSE_NONE);
}

static void end_branch(struct bed *bed, uint8_t node, enum vow_verdict verdict, enum vow_store_op_kind op)
{
    struct vow_msg msg = bed_decision(bed, verdict);

    bed_send(bed, C0, node, &msg);
    bed_store(bed, SIM_SEEN_STORE_ASKED, node, op, 0);
    bed_store(bed, SIM_SEEN_STORE_DONE, node, op, VOW_STORE_DONE);
    bed_store(bed, SIM_SEEN_STORE_TOLD, node, op, VOW_STORE_DONE);
}

void bed_commit_at(struct bed *bed, uint8_t node)
{
    struct vow_msg ack = bed_ack(bed);

    end_branch(bed, node, VOW_COMMIT, VOW_STORE_COMMIT);
    bed_send(bed, node, C0, &ack);
}

void bed_abort_at(struct bed *bed, uint8_t node)
{
    end_branch(bed, node, VOW_ABORT, VOW_STORE_ABORT);
}

void bed_whole(struct bed *bed)
{
    bed_to_votes(bed);
    bed_decide(bed);
    bed_answer(bed);
    bed_commit_at(bed, P0);
    bed_commit_at(bed, P1);
    bed_logged(bed, VOW_RECORD_END);
}

void bed_heal_and_end(struct bed *bed)
{
    struct sim_sight sight = bed_sight(bed, SIM_SEEN_HEALED, SIM_NODE_NONE);

    sight.healed.nodes = 0xf;
    bed_show(bed, &sight);
    bed->at_us += UINT64_C(90000000); /* the bound of I05 */
    bed_plain(bed, SIM_SEEN_ENDED, SIM_NODE_NONE);
}

/* ---- what is expected ---- */

void bed_holds(const struct bed *bed)
{
    cr_assert(bed->judge.violation.invariant == NULL, "%s: %s", bed->judge.violation.invariant,
              bed->judge.violation.text);
}

void bed_violates(const struct bed *bed, const char *invariant, const char *words)
{
    const struct sim_violation *violation = &bed->judge.violation;

    cr_assert(violation->invariant != NULL, "nothing was reported");
    cr_assert_str_eq(violation->invariant, invariant, "%s: %s", violation->invariant, violation->text);
    cr_assert(strstr(violation->text, words) != NULL, "\"%s\" in \"%s\"", words, violation->text);
    cr_assert(violation->at > 0);
}
