/* A participant of a small world: what happens to it, and the state that it has then. */
#include "chaos/sim/small/part_private.h"

#include <string.h>

#include "chaos/sim/small/peers.h"
#include "proto/assert.h"

static const struct vow_branches_limits limits = {
    .branches_max = 2,
    .ended_max = 2,
    .enlist_timeout_ms = 5000,
    .idle_timeout_ms = 60000,
    .decision_timeout_ms = 1000,
    .decision_timeout_max_ms = 1000,
    .termination_after = 1,
    .heuristic_verdict = VOW_ABORT,
    .heuristics_max = 1,
};

/* Longer than it takes until the watermark is worth a write, shorter than T_idle. */
#define LATE_MS 2000

/* ---- what happens to it ---- */

static void see_epoch(struct run *run, uint32_t epoch)
{
    if (epoch > run->to.epoch_seen)
        run->to.epoch_seen = (uint8_t)epoch;
}

static void deliver(struct run *run, uint32_t number)
{
    const struct vow_msg msg = small_mail_copy(&run->nodes->mail, number, 0);

    run->msg = &msg;
    if (run->nodes->mail.from[number] != 0) {
        part_feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_PEER,
                                                   .peer = {&msg, run->nodes->mail.from[number] - 1u}});
    } else {
        see_epoch(run, msg.enlist.header.epoch);
        part_feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_MESSAGE, .msg = &msg});
    }
    run->msg = NULL;
}

static void finish(struct run *run, uint32_t index, enum vow_store_result result)
{
    struct small_part *to = &run->to;
    const struct small_store_op op = to->queue[index];

    to->queue_len--;
    memmove(to->queue + index, to->queue + index + 1, (to->queue_len - index) * sizeof(op));
    part_carry_out(run, &op, result);
    part_feed(run, (struct vow_branches_event){
                       .kind = VOW_BRANCHES_STORE_DONE,
                       .done = {.op = op.op,
                                .gtrid = op.op == VOW_STORE_WATERMARK ? (struct vow_gtrid){{0}} : run->nodes->gtrid,
                                .result = result,
                                .cause = VOW_CAUSE_HANDLER_REFUSED,
                                .text = ""}});
}

static void run_out(struct run *run, uint64_t at_least_ms)
{
    const uint64_t deadline_ms = vow_branches_deadline_ms(run->core);

    run->to.now_ms += at_least_ms;
    if (deadline_ms != UINT64_MAX && deadline_ms > run->to.now_ms)
        run->to.now_ms = deadline_ms;
    part_feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_TIMER});
}

static void connect(struct run *run, uint32_t number)
{
    const struct vow_msg welcome = small_mail_copy(&run->nodes->mail, number, 0);
    struct vow_branches_event event = {.kind = VOW_BRANCHES_COORD_UP};

    run->to.is_connected = true;
    see_epoch(run, welcome.welcome.epoch);
    event.coord.coord = SMALL_COORD;
    event.coord.epoch = welcome.welcome.epoch;
    event.coord.watermark = welcome.welcome.watermark;
    part_feed(run, event);
}

/* The writes of the operation under way are the last that may have reached the disk. */
static void crash(struct run *run, uint32_t survivors)
{
    struct small_part *to = &run->to;

    if (survivors >= to->rows_len)
        part_carry_out(run, &to->queue[0], VOW_STORE_DONE);
    if (survivors < to->rows_len)
        to->rows[0] = to->rows[survivors];
    else
        to->rows[0] = *part_seen(to);
    to->rows_len = 1;
    to->queue_len = to->work_ops = to->state = 0;
    to->up = to->is_connected = to->is_joining = to->has_timer = false;
    to->open = to->epoch_seen = 0;
}

static void start(struct run *run)
{
    struct small_row *row = &run->to.rows[0];
    struct vow_branches_identity identity = {.incarnation = ++row->incarnation, .epoch = row->known_epoch, .seed = 1};

    identity.coord = row->knows_coord != 0 ? SMALL_COORD : 0;
    identity.watermark = (struct vow_watermark){row->watermark_epoch, row->watermark_seq};
    run->core = vow_branches_init(run->nodes->part_block.memory, &limits, &identity);
    run->to.up = true;
    run->to.now_ms = 1;
    run->to.epoch_seen = row->known_epoch;
    if (row->state == SMALL_ROW_PREPARED)
        part_feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_RECOVERED,
                                                   .recovered = {.gtrid = run->nodes->gtrid, .epoch = row->epoch}});
}

static void happen(struct run *run, struct small_event event)
{
    switch ((int)event.kind) {
    case SMALL_JOIN:
        run->to.is_joining = true;
        run->to.joins++;
        part_feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_JOIN, .join = {run->nodes->gtrid}});
        break;
    case SMALL_TO_PART:
        deliver(run, event.arg);
        break;
    case SMALL_STORE_DONE:
        finish(run, event.arg & 255, (enum vow_store_result)(event.arg >> 8));
        break;
    case SMALL_PART_TIMER:
        run_out(run, 0);
        break;
    case SMALL_PART_LATE:
        run_out(run, LATE_MS);
        break;
    case SMALL_COORD_DOWN:
        run->to.is_connected = false;
        part_feed(run, (struct vow_branches_event){.kind = VOW_BRANCHES_COORD_DOWN});
        break;
    case SMALL_COORD_UP:
        connect(run, event.arg);
        break;
    case SMALL_PART_CRASH:
        crash(run, event.arg);
        break;
    case SMALL_PART_START:
        start(run);
        break;
    default:
        VOW_UNREACHABLE("not an event of a participant");
    }
}

/* ---- the state that follows ---- */

static uint64_t digest_of_row(uint64_t digest, const struct small_row *row)
{
    for (uint32_t i = 0; i < SMALL_PARTICIPANTS_MAX; i++)
        digest = small_mix(digest, row->peers[i]);
    digest = small_mix(digest, row->state | (uint64_t)row->epoch << 8 | (uint64_t)row->ops << 16 |
                                   (uint64_t)row->incarnation << 24);
    return small_mix(digest, row->knows_coord | (uint64_t)row->known_epoch << 8 | (uint64_t)row->watermark_epoch << 16 |
                                 (uint64_t)row->watermark_seq << 24);
}

static uint64_t digest_of(const struct run *run)
{
    const struct small_part *to = &run->to;
    uint64_t digest = to->up ? vow_branches_digest(run->core) : 1;

    for (uint32_t i = 0; i < to->rows_len; i++)
        digest = digest_of_row(digest, &to->rows[i]);
    for (uint32_t i = 0; i < to->queue_len; i++) {
        const struct small_store_op *op = &to->queue[i];

        digest = small_mix(digest, op->op | (uint64_t)op->epoch << 8 | (uint64_t)(op->coord != 0) << 32);
        digest = small_mix(digest, op->watermark.epoch | op->watermark.seq << 16);
        digest = small_mix(digest, (uint64_t)op->peers[0] | (uint64_t)op->peers[1] << 8 | (uint64_t)op->peers[2] << 16);
    }
    return small_mix(digest, (uint64_t)to->up | (uint64_t)to->is_connected << 1 | (uint64_t)to->is_joining << 2 |
                                 (uint64_t)to->work_ops << 8 | (uint64_t)to->epoch_seen << 16 |
                                 (uint64_t)to->state << 24 | (uint64_t)to->rows_len << 32 | (uint64_t)to->joins << 40);
}

static uint32_t keep(struct run *run)
{
    struct small_nodes *nodes = run->nodes;
    struct vow_branches_counts counts;
    const uint64_t digest = digest_of(run);
    uint32_t number;

    if (run->to.up) {
        vow_branches_counts(run->core, run->to.now_ms, &counts);
        run->to.open = counts.open;
        run->to.has_timer = vow_branches_deadline_ms(run->core) != UINT64_MAX;
        small_block_scan(&nodes->part_block);
    }
    if (small_map_find(&nodes->part_memo.state_of, digest, &number))
        return number;
    run->to.image = run->to.up ? small_block_save(&nodes->part_block) : (struct small_image){0};
    nodes->parts = small_room_grow(nodes->parts, &nodes->parts_room, nodes->parts_len + 1, sizeof(run->to));
    nodes->parts[nodes->parts_len] = run->to;
    small_map_put(&nodes->part_memo.state_of, digest, (uint32_t)nodes->parts_len);
    return (uint32_t)nodes->parts_len++;
}

void small_part_run(struct small_nodes *nodes, uint32_t from, struct small_event event, struct small_step *step)
{
    struct run run = {.nodes = nodes, .step = step, .to = nodes->parts[from], .core = (void *)nodes->part_block.memory};

    run.was_prepared = strcmp(vow_branches_fsm()->states[run.to.state].name, "PREPARED") == 0;
    if (run.to.up)
        small_block_load(&nodes->part_block, &run.to.image);
    happen(&run, event);
    step->to = keep(&run);
}

/* ---- the first state ---- */

/* The first effect lies where all effects lie. */
static void set_base(struct run *run)
{
    struct vow_branches_effects effects;
    const struct vow_branches_event event = {.kind = VOW_BRANCHES_TIMER, .now_ms = run->to.now_ms};

    vow_branches_step(run->core, &event, &effects);
    small_block_set_base(&run->nodes->part_block, effects.items, vow_branches_edge_hits(run->core));
}

void small_part_first(struct small_nodes *nodes)
{
    struct small_step step = {0};
    struct run run = {.nodes = nodes, .step = &step, .to = {.rows_len = 1}};

    small_block_init(&nodes->part_block, vow_branches_size(&limits));
    start(&run);
    set_base(&run);
    connect(&run, nodes->coords[0].welcome);
    /* It has met this coordinator long ago, and keeps that. */
    if (run.to.queue_len > 0)
        finish(&run, 0, VOW_STORE_DONE);
    run.to.rows[0] = *part_seen(&run.to);
    run.to.rows_len = 1;
    (void)keep(&run);
}
