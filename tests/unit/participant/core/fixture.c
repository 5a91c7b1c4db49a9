#include "fixture.h"

#include <stdlib.h>

#include "proto/assert.h"

struct vow_branches_identity fixture_identity(void)
{
    return (struct vow_branches_identity){.incarnation = INCARNATION, .coord = COORD, .epoch = EPOCH, .seed = 1};
}

struct vow_branches_limits fixture_limits(void)
{
    struct vow_branches_limits limits = vow_branches_default_limits;
    limits.branches_max = 256;
    limits.ended_max = 64;
    limits.heuristics_max = 16;
    return limits;
}

void fixture_start(struct fixture *f, const struct vow_branches_limits *limits,
                   const struct vow_branches_identity *identity)
{
    const size_t size = vow_branches_size(limits);
    void *mem = size != 0 ? malloc(size) : NULL;
    VOW_ASSERT(mem != NULL);
    *f = (struct fixture){.core = vow_branches_init(mem, limits, identity), .now_ms = 1000};
}

void fixture_stop(struct fixture *f)
{
    free(f->core);
    f->core = NULL;
}

struct vow_gtrid gtrid_of(uint64_t seq)
{
    return vow_gtrid_make(COORD, EPOCH, seq, 0, 0);
}

struct vow_msg_header *header_in(struct vow_msg *msg)
{
    /* Every message of the commit protocol begins with its header. */
    return &msg->inquiry.header;
}

struct vow_msg message_of(enum vow_msg_kind kind, struct vow_gtrid gtrid)
{
    struct vow_msg msg = {.kind = kind};
    *header_in(&msg) = (struct vow_msg_header){.gtrid = gtrid, .incarnation = INCARNATION, .epoch = EPOCH};
    if (kind == VOW_MSG_DECISION)
        msg.decision.verdict = VOW_COMMIT;
    if (kind == VOW_MSG_WAIT)
        msg.wait.reason = VOW_WAIT_UNDECIDED;
    return msg;
}

struct vow_msg abort_of(struct vow_gtrid gtrid)
{
    struct vow_msg msg = message_of(VOW_MSG_DECISION, gtrid);
    msg.decision.verdict = VOW_ABORT;
    return msg;
}

static void feed(struct fixture *f, struct vow_branches_event event)
{
    event.now_ms = f->now_ms;
    vow_branches_step(f->core, &event, &f->effects);
}

void feed_message(struct fixture *f, const struct vow_msg *msg)
{
    feed(f, (struct vow_branches_event){.kind = VOW_BRANCHES_MESSAGE, .msg = msg});
}

void feed_peer(struct fixture *f, uint64_t session, const struct vow_msg *msg)
{
    feed(f, (struct vow_branches_event){.kind = VOW_BRANCHES_PEER, .peer = {msg, session}});
}

void feed_store(struct fixture *f, enum vow_store_op_kind op, struct vow_gtrid gtrid, enum vow_store_result result)
{
    struct vow_branches_done done = {.op = op, .gtrid = gtrid, .result = result};
    if (result == VOW_STORE_REFUSED)
        done.cause = VOW_CAUSE_CONSTRAINT;
    if (op == VOW_STORE_HEURISTIC_COMMIT || op == VOW_STORE_HEURISTIC_ABORT)
        done.wall_us = 77;
    feed(f, (struct vow_branches_event){.kind = VOW_BRANCHES_STORE_DONE, .done = done});
}

void feed_timer(struct fixture *f, uint64_t now_ms)
{
    f->now_ms = now_ms;
    feed(f, (struct vow_branches_event){.kind = VOW_BRANCHES_TIMER});
}

void feed_coord_up(struct fixture *f, uint64_t coord, uint32_t epoch, struct vow_watermark watermark)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_UP};
    event.coord.coord = coord;
    event.coord.epoch = epoch;
    event.coord.watermark = watermark;
    feed(f, event);
}

void feed_coord_down(struct fixture *f)
{
    feed(f, (struct vow_branches_event){.kind = VOW_BRANCHES_COORD_DOWN});
}

void feed_join(struct fixture *f, struct vow_gtrid gtrid)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_JOIN};
    event.join.gtrid = gtrid;
    feed(f, event);
}

void feed_recovered(struct fixture *f, struct vow_gtrid gtrid)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_RECOVERED};
    event.recovered.gtrid = gtrid;
    event.recovered.epoch = EPOCH;
    feed(f, event);
}

void feed_heuristic(struct fixture *f, struct vow_gtrid gtrid, enum vow_verdict heuristic, enum vow_verdict decided)
{
    struct vow_branches_event event = {.kind = VOW_BRANCHES_RECOVERED};
    event.recovered = (struct vow_branches_recovered){.gtrid = gtrid,
                                                      .epoch = EPOCH,
                                                      .heuristic = heuristic,
                                                      .decided = decided,
                                                      .who = "eva",
                                                      .why = "the till is waiting",
                                                      .wall_us = 77};
    feed(f, event);
}

void feed_resolve(struct fixture *f, struct vow_gtrid gtrid, enum vow_verdict verdict, uint64_t tag)
{
    struct vow_branches_event event = {.kind = tag != 0 ? VOW_BRANCHES_RESOLVE : VOW_BRANCHES_MESSAGE};
    struct vow_msg msg = message_of(VOW_MSG_RESOLVE, gtrid);
    msg.resolve.header.attempt = 5;
    msg.resolve.verdict = verdict;
    msg.resolve.who = "eva";
    msg.resolve.why = "the till is waiting";
    if (tag != 0) {
        event.resolve.tag = tag;
        event.resolve.msg = &msg;
    } else {
        event.msg = &msg;
    }
    feed(f, event);
}

struct vow_branches_counts counts_of(const struct fixture *f)
{
    struct vow_branches_counts counts;
    vow_branches_counts(f->core, f->now_ms, &counts);
    return counts;
}

size_t count_effects(const struct fixture *f, enum vow_branches_effect_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < f->effects.len; i++)
        count += f->effects.items[i].kind == kind;
    return count;
}

const struct vow_branches_effect *first_effect(const struct fixture *f, enum vow_branches_effect_kind kind)
{
    for (size_t i = 0; i < f->effects.len; i++) {
        if (f->effects.items[i].kind == kind)
            return &f->effects.items[i];
    }
    return NULL;
}
