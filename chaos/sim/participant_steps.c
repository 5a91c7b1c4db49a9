/* Steps of sagas, from the STEP message to its STEP_DONE, as participant/participant_steps.c takes them. */
#include <string.h>

#include "chaos/sim/participant_private.h"
#include "chaos/sim/purse.h"
#include "proto/error.h"

static bool is_of(const struct store_op *flight, const struct vow_msg_step *msg)
{
    return vow_gtrid_equal(&flight->op.gtrid, &msg->gtrid) && flight->step.step == msg->step &&
           flight->step.direction == msg->direction;
}

static struct store_op *find(const struct sim_participant *p, const struct vow_msg_step *msg)
{
    struct store_op *flight = p->flights;

    while (flight != NULL && !is_of(flight, msg))
        flight = flight->next_flight;
    return flight;
}

static bool is_same(const struct store_op *flight, const struct vow_msg_step *msg)
{
    const struct vow_slice *payload = &flight->step.payload;

    return strcmp(flight->step.handler, msg->handler) == 0 && payload->len == msg->payload.len &&
           (payload->len == 0 || memcmp(payload->data, msg->payload.data, payload->len) == 0);
}

static void tell(struct sim_world *world, const struct sim_participant *p, const struct vow_msg_step_done *done)
{
    const struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE, .step_done = *done};

    if (p->conn != NULL)
        sim_net_send(world, p->conn, 0, &msg);
}

static void begin(struct sim_world *world, struct sim_node *node, const struct vow_msg_step *msg)
{
    struct sim_participant *p = node->participant;
    struct store_op *op = participant_op_take(world, p);

    op->op.kind = VOW_STORE_STEP;
    op->op.gtrid = msg->gtrid;
    op->op.epoch = msg->epoch;
    op->op.step = &op->step;
    op->step = (struct vow_store_step){.step = msg->step, .direction = msg->direction, .kind = msg->kind};
    op->step.handler = participant_copy(world, msg->handler);
    op->step.payload.len = msg->payload.len;
    if (msg->payload.len > 0)
        op->step.payload.data = sim_arena_copy(&world->arena, msg->payload.data, msg->payload.len);
    op->attempt = msg->attempt;
    op->next_flight = p->flights;
    p->flights = op;
    participant_put(world, node, op);
}

void participant_take_step(struct sim_world *world, struct sim_node *node, const struct vow_msg_step *msg)
{
    struct sim_participant *p = node->participant;
    struct store_op *flight = find(p, msg);

    /* Only the newest owner of the coordinator's journal knows what has become of the saga since (protocol 2.9). */
    if ((p->coord != 0 && vow_gtrid_coord(&msg->gtrid) != p->coord) || msg->epoch < p->epoch)
        return;
    if (flight == NULL)
        begin(world, node, msg);
    else if (is_same(flight, msg))
        flight->attempt = msg->attempt;
    else
        tell(world, p,
             &(struct vow_msg_step_done){.gtrid = msg->gtrid,
                                         .step = msg->step,
                                         .direction = msg->direction,
                                         .attempt = msg->attempt,
                                         .result = VOW_STEP_UNABLE,
                                         .cause = VOW_CAUSE_CONSTRAINT,
                                         .text = "another request is under way under the key of this step"});
}

void participant_step_done(struct sim_world *world, struct sim_node *node, struct store_op *flight)
{
    struct sim_participant *p = node->participant;
    struct store_op **link = &p->flights;
    const bool is_done = flight->step.outcome == VOW_STEP_DONE;

    while (*link != flight)
        link = &(*link)->next_flight;
    *link = flight->next_flight;
    tell(world, p,
         &(struct vow_msg_step_done){.gtrid = flight->op.gtrid,
                                     .step = flight->step.step,
                                     .direction = flight->step.direction,
                                     .attempt = flight->attempt,
                                     .result = flight->step.outcome,
                                     .cause = is_done ? VOW_CAUSE_NONE : flight->op.cause,
                                     .text = is_done ? "" : flight->op.text,
                                     .answer = {flight->step.answer, is_done ? flight->step.answer_len : 0}});
}

int participant_run_step(void *ctx, const struct vow_gtrid *gtrid, struct sqlite3 *db, struct vow_store_step *step,
                         enum vow_cause *cause, char text[VOW_TEXT_SIZE])
{
    const struct work_ctx *work = ctx;
    struct sim_participant *p = work->node->participant;
    struct sim_rng luck = sim_rng_of(work->world->options.seed, SIM_FOR_WORK, UINT64_C(1) << 32 | work->node->index,
                                     (uint64_t)work->node->life << 32 | ++p->steps_run);
    struct store_op *op = (struct store_op *)((char *)step - offsetof(struct store_op, step));
    int rc = sim_purse_work(work->world, gtrid, db, step, &luck, cause, text);

    if (rc == 0 && step->direction == VOW_STEP_ACTION)
        rc = participant_tell_of_work(work->world, work->node, db, gtrid);
    if (rc != 0 && *cause == VOW_CAUSE_NONE)
        *cause = VOW_CAUSE_HANDLER_FAILED;
    op->has_run = rc == 0;
    return rc;
}
