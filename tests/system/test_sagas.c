/*
 * Sagas over the wire, against a real vowd: a client by hand, and participants by hand that have a barrier as small as
 * one can be. vowd dies at each of its log and send effects, comes back, and the saga ends as it must.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "proto/error.h"

TestSuite(sagas, .timeout = 120);

#define STEPS 3

/* ---- a participant ---- */

/* One participant does all steps; what it has done is its store, which its connection outlives. */
struct doer {
    struct peer peer;
    unsigned done[STEPS], undone[STEPS]; /* effects, not messages */
    unsigned sent;                       /* STEPs that came */
    uint32_t refuses;                    /* this action; STEPS = none */
    bool has_refused, refuses_undo;      /* the last: compensations, too */
    unsigned order_of_undo[STEPS], undos;
};

static void answer_step(struct doer *doer, const struct vow_msg_step *step)
{
    uint8_t word[8];
    struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE};
    struct vow_msg_step_done *done = &msg.step_done;
    *done = (struct vow_msg_step_done){.gtrid = step->gtrid,
                                       .step = step->step,
                                       .direction = step->direction,
                                       .attempt = step->attempt,
                                       .result = VOW_STEP_DONE,
                                       .text = ""};
    const unsigned len = (unsigned)snprintf((char *)word, sizeof(word), "a%u", step->step);
    doer->sent++;
    cr_assert_lt(step->step, STEPS);
    cr_assert_eq(step->payload.len, 1);
    cr_assert_eq(step->payload.data[0], 'p' + step->step);
    if (step->direction == VOW_STEP_ACTION && step->step == doer->refuses) {
        doer->has_refused = true;
        done->result = VOW_STEP_REJECTED;
        done->cause = VOW_CAUSE_HANDLER_REFUSED;
        done->text = "sold out";
    } else if (step->direction == VOW_STEP_ACTION) {
        cr_assert_str_eq(step->handler, "do");
        cr_assert_eq(doer->undone[step->step], 0, "an action after its compensation");
        doer->done[step->step] = 1;
        done->answer = (struct vow_slice){word, len};
    } else if (doer->refuses_undo) {
        done->result = VOW_STEP_REJECTED;
        done->cause = VOW_CAUSE_HANDLER_REFUSED;
        done->text = "not now";
    } else {
        cr_assert_str_eq(step->handler, "undo");
        /* What the action answered comes with it. */
        cr_assert_eq(step->answer.len, len);
        cr_assert_eq(memcmp(step->answer.data, word, len), 0);
        cr_assert_eq(doer->done[step->step], 1, "it was never done");
        if (doer->undone[step->step]++ == 0)
            doer->order_of_undo[doer->undos++] = step->step;
        doer->undone[step->step] = 1;
    }
    peer_send(&doer->peer, &msg);
}

/* ---- a client ---- */

static void order(struct peer *client, const struct vow_gtrid *id)
{
    static const uint8_t payloads[STEPS] = {'p', 'q', 'r'};
    struct vow_msg_saga_step steps[STEPS];
    struct vow_msg msg = {.kind = VOW_MSG_SAGA_REQUEST};
    for (uint32_t i = 0; i < STEPS; i++)
        steps[i] = (struct vow_msg_saga_step){.kind = VOW_STEP_COMPENSATABLE,
                                              .stage = i,
                                              .participant = "doer",
                                              .action = "do",
                                              .compensation = "undo",
                                              .payload = {&payloads[i], 1},
                                              .attempts_max = 100,
                                              .attempt_ms = 60000,
                                              .backoff_ms = 10,
                                              .backoff_max_ms = 50};
    msg.saga_request = (struct vow_msg_saga_request){.gtrid = *id, .key = "", .steps_len = STEPS, .steps = steps};
    peer_send(client, &msg);
}

static bool has_ended(enum vow_saga_state state)
{
    return state == VOW_SAGA_COMPLETED || state == VOW_SAGA_COMPENSATED || state == VOW_SAGA_CLOSED;
}

/* ---- both, with a vowd that dies ---- */

struct saga_run {
    struct cluster cluster;
    struct doer doer;
    struct peer client;
    struct vow_gtrid id;
    enum vow_saga_state stop_at;     /* besides an end; 0 = nowhere */
    struct vow_msg_saga_state state; /* the last that the client was told; texts are gone */
};

static void connect_both(struct saga_run *run)
{
    peer_open(&run->doer.peer, &run->cluster, VOW_ROLE_PARTICIPANT, "doer");
    peer_open(&run->client, &run->cluster, VOW_ROLE_CLIENT, "client");
}

static void close_both(struct saga_run *run)
{
    peer_close(&run->doer.peer);
    peer_close(&run->client);
}

static void end_run(struct saga_run *run)
{
    close_both(run);
    cluster_end(&run->cluster);
}

static bool take_state(struct saga_run *run)
{
    if (!peer_receive(&run->client))
        return false;
    cr_assert_eq(run->client.msg.kind, VOW_MSG_SAGA_STATE);
    run->state = run->client.msg.saga_state;
    cr_assert(vow_gtrid_equal(&run->state.gtrid, &run->id));
    if (run->state.error == VOW_E_RECOVERING)
        order(&run->client, &run->id);
    return true;
}

static bool take_step(struct saga_run *run)
{
    if (!peer_receive(&run->doer.peer))
        return false;
    cr_assert_eq(run->doer.peer.msg.kind, VOW_MSG_STEP);
    answer_step(&run->doer, &run->doer.peer.msg.step);
    return true;
}

/* Both do their part until the client is told an end, or that there is no such saga. False: vowd is gone. */
static bool run_to_end(struct saga_run *run)
{
    while (!has_ended(run->state.state) && (run->stop_at == 0 || run->state.state != run->stop_at) &&
           run->state.error != VOW_E_NOT_FOUND) {
        struct pollfd fds[] = {{.fd = run->client.fd, .events = POLLIN}, {.fd = run->doer.peer.fd, .events = POLLIN}};
        cr_assert_gt(poll(fds, 2, -1), 0);
        if (fds[1].revents != 0 && !take_step(run))
            return false;
        if (fds[0].revents != 0 && !take_state(run))
            return false;
    }
    return true;
}

static void start(struct saga_run *run, uint32_t refuses, const char *crash)
{
    memset(run, 0, sizeof(*run));
    run->doer.refuses = refuses;
    cluster_init(&run->cluster);
    /* Peers made by hand answer no PING. */
    run->cluster.vowd_flags[0] = "--heartbeat";
    run->cluster.vowd_flags[1] = "600000";
    cluster_run(&run->cluster, 0, crash, NULL);
    connect_both(run);
    run->id = peer_take_id(&run->client);
    order(&run->client, &run->id);
}

static void start_again(struct saga_run *run)
{
    process_wait_killed(&run->cluster.vowd);
    close_both(run);
    vowd_start(&run->cluster, NULL);
    connect_both(run);
    run->state = (struct vow_msg_saga_state){.state = VOW_SAGA_RUNNING};
    order(&run->client, &run->id);
}

static void expect_done(const struct saga_run *run)
{
    const struct doer *doer = &run->doer;
    const bool is_whole = doer->refuses == STEPS;
    cr_assert_eq(run->state.state, is_whole ? VOW_SAGA_COMPLETED : VOW_SAGA_COMPENSATED);
    for (uint32_t i = 0; i < STEPS; i++) {
        cr_assert_eq(doer->done[i], i < doer->refuses);
        cr_assert_eq(doer->undone[i], !is_whole && i < doer->refuses);
    }
    for (uint32_t i = 0; i < doer->undos; i++)
        cr_assert_eq(doer->order_of_undo[i], doer->refuses - 1 - i, "undone in reverse, F202");
}

/* Runs a saga that kills vowd at `point`. may_be_none: the order was not durable, and the id never begins. */
static void crash(uint32_t refuses, const char *point, bool may_be_none)
{
    static struct saga_run run;
    start(&run, refuses, point);
    (void)run_to_end(&run);
    start_again(&run);
    cr_assert(run_to_end(&run), "%s", point);
    if (run.state.error == VOW_E_NOT_FOUND) {
        cr_assert(may_be_none, "%s: it was durable", point);
        cr_assert_eq(run.doer.sent, 0, "%s: nothing is sent before the order is durable", point);
    } else {
        expect_done(&run);
    }
    end_run(&run);
}

/* ---- tests ---- */

Test(sagas, three_steps_are_done)
{
    static struct saga_run run;
    start(&run, STEPS, NULL);
    cr_assert(run_to_end(&run));
    expect_done(&run);
    cr_assert_eq(run.doer.sent, STEPS);
    end_run(&run);
}

Test(sagas, refused_third_step_undoes_the_others)
{
    static struct saga_run run;
    start(&run, 2, NULL);
    cr_assert(run_to_end(&run));
    expect_done(&run);
    cr_assert_eq(run.state.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_assert_eq(run.state.step, 2);
    cr_assert_eq(run.doer.sent, STEPS + 2);
    end_run(&run);
}

/* The same request again, in another life of vowd too, is told how the saga ended; nothing is done twice. */
Test(sagas, F193_request_again_is_told_the_end)
{
    static struct saga_run run;
    start(&run, 2, NULL);
    cr_assert(run_to_end(&run));
    for (int restarts = 0; restarts < 2; restarts++) {
        const unsigned sent = run.doer.sent;
        run.state = (struct vow_msg_saga_state){.state = VOW_SAGA_RUNNING};
        order(&run.client, &run.id);
        cr_assert(run_to_end(&run));
        cr_assert_eq(run.state.state, VOW_SAGA_COMPENSATED);
        cr_assert_eq(run.state.cause, VOW_CAUSE_HANDLER_REFUSED);
        cr_assert_eq(run.doer.sent, sent);
        if (restarts == 0) {
            cr_assert_eq(process_end(&run.cluster.vowd), 0, "nothing is left open");
            close_both(&run);
            vowd_start(&run.cluster, NULL);
            connect_both(&run);
        }
    }
    end_run(&run);
}

Test(sagas, F198_vowd_dies_before_the_order_is_durable)
{
    crash(STEPS, "recv.before.SAGA_REQUEST", true);
    crash(STEPS, "log.before.SAGA_BEGIN", true);
    crash(STEPS, "journal.before.LOG_SYNC@2", true);
}

Test(sagas, F198_vowd_dies_with_the_order_durable)
{
    crash(STEPS, "journal.before.WITNESS_SYNC@2", true);
    crash(STEPS, "log.after.SAGA_BEGIN", false);
    crash(STEPS, "send.before.SAGA_STATE", false);
}

Test(sagas, F198_vowd_dies_around_a_step)
{
    crash(STEPS, "send.before.STEP", false);
    crash(STEPS, "send.after.STEP@2", false);
    crash(STEPS, "recv.before.STEP_DONE@2", false);
    crash(STEPS, "log.before.SAGA_STEP", false);
    crash(STEPS, "log.after.SAGA_STEP@2", false);
    crash(STEPS, "log.after.SAGA_STEP@3", false);
}

Test(sagas, B59_F198_F202_vowd_dies_around_a_compensation)
{
    crash(2, "log.before.SAGA_STEP@3", false);
    crash(2, "log.after.SAGA_STEP@3", false);
    crash(2, "send.after.STEP@4", false);
    crash(2, "log.before.SAGA_STEP@4", false);
    crash(2, "log.after.SAGA_STEP@4", false);
    crash(2, "send.before.STEP@5", false);
    crash(2, "recv.after.STEP_DONE@5", false);
}

Test(sagas, F198_vowd_dies_at_the_end)
{
    crash(STEPS, "log.before.SAGA_END", false);
    crash(STEPS, "send.before.SAGA_STATE@2", false);
    crash(2, "log.after.SAGA_END", false);
    crash(2, "send.before.SAGA_STATE@2", false);
}

static void expect_nothing_of(struct peer *client, const struct vow_gtrid *id, int error)
{
    peer_expect(client, VOW_MSG_SAGA_STATE);
    cr_assert(vow_gtrid_equal(&client->msg.saga_state.gtrid, id));
    cr_assert_eq(client->msg.saga_state.state, 0);
    cr_assert_eq(client->msg.saga_state.error, error);
}

static void follow(struct peer *client, const struct vow_gtrid *id)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SAGA_QUERY, .saga_query = {.gtrid = *id, .follow = true}};
    peer_send(client, &msg);
}

static void ask_as_transaction(struct peer *client, const struct vow_gtrid *id)
{
    const struct vow_msg msg = {.kind = VOW_MSG_STATUS_REQUEST, .status_request = {.gtrid = *id}};
    peer_send(client, &msg);
    peer_expect_error(client, id, VOW_E_STATE);
}

/* Nothing of it may be taken for an abort, neither while it runs nor when it has ended. */
Test(sagas, I10_a_saga_is_no_aborted_transaction)
{
    static struct saga_run run;
    start(&run, STEPS, NULL);
    cr_assert(take_state(&run));
    ask_as_transaction(&run.client, &run.id);
    cr_assert(run_to_end(&run));
    cr_assert_eq(run.state.state, VOW_SAGA_COMPLETED);
    ask_as_transaction(&run.client, &run.id);
    end_run(&run);
}

/* Who follows what has not begun may begin anew: the order that was lost, if it comes after all, begins nothing. */
Test(sagas, F066_order_that_comes_after_the_question_begins_nothing)
{
    static struct saga_run run;
    struct vow_gtrid foreign;
    memset(&run, 0, sizeof(run));
    cluster_init(&run.cluster);
    cluster_run(&run.cluster, 0, NULL, NULL);
    connect_both(&run);
    run.id = peer_take_id(&run.client);
    follow(&run.client, &run.id);
    expect_nothing_of(&run.client, &run.id, VOW_E_NOT_FOUND);
    order(&run.client, &run.id);
    expect_nothing_of(&run.client, &run.id, VOW_E_NOT_FOUND);
    foreign = vow_gtrid_make(vow_gtrid_coord(&run.id) ^ 1, 1, 1, 0, 0);
    follow(&run.client, &foreign);
    expect_nothing_of(&run.client, &foreign, VOW_E_NOT_MINE);
    end_run(&run);
}

/* What a participant says of a step that is not its own, and what a client may not say, does no harm. */
Test(sagas, F169_steps_are_their_participants)
{
    static struct saga_run run;
    struct peer other, client;
    struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE};
    start(&run, STEPS, NULL);
    peer_open(&other, &run.cluster, VOW_ROLE_PARTICIPANT, "other");
    peer_open(&client, &run.cluster, VOW_ROLE_CLIENT, "liar");
    cr_assert(take_state(&run));
    msg.step_done = (struct vow_msg_step_done){.gtrid = run.id,
                                               .direction = VOW_STEP_ACTION,
                                               .attempt = 1,
                                               .result = VOW_STEP_REJECTED,
                                               .cause = VOW_CAUSE_HANDLER_REFUSED,
                                               .text = ""};
    peer_send(&other, &msg);
    peer_send(&client, &msg);
    peer_expect_closed(&client);
    cr_assert(run_to_end(&run));
    expect_done(&run);
    peer_close(&other);
    peer_close(&client);
    end_run(&run);
}

static struct run tool;

static void vowctl(const struct saga_run *run, const char *order, int status, const char *says)
{
    char id[VOW_GTRID_TEXT_SIZE];
    const char *argv[] = {VOW_BIN "/vowctl",
                          "--coordinator",
                          run->cluster.address,
                          "saga",
                          order,
                          id,
                          "--reason",
                          "eva looked",
                          "--yes",
                          NULL};
    vow_gtrid_to_text(&run->id, id);
    if (strcmp(order, "show") == 0)
        argv[6] = NULL; /* wants no reason */
    run_program(&tool, argv);
    cr_assert_eq(tool.status, status, "%s%s", tool.out, tool.err);
    cr_assert(strstr(tool.out, says) != NULL || strstr(tool.err, says) != NULL, "%s%s", tool.out, tool.err);
}

/* A compensation that is refused stops the saga where it is, across a restart, until an operator has it tried again, or
 * closes it. */
Test(sagas, F197_stuck_saga_waits_for_an_operator)
{
    static struct saga_run run;
    start(&run, 1, NULL);
    run.doer.refuses_undo = true;
    run.stop_at = VOW_SAGA_STUCK_COMPENSATING;
    cr_assert(run_to_end(&run));
    process_kill(&run.cluster.vowd);
    close_both(&run);
    vowd_start(&run.cluster, NULL);
    connect_both(&run);
    run.state = (struct vow_msg_saga_state){.state = VOW_SAGA_RUNNING};
    order(&run.client, &run.id);
    cr_assert(run_to_end(&run));
    vowctl(&run, "show", 0, "stuck-compensating");
    vowctl(&run, "retry", 0, "tried again");
    run.state = (struct vow_msg_saga_state){.state = VOW_SAGA_RUNNING};
    cr_assert(run_to_end(&run), "it is refused again");
    vowctl(&run, "close", 0, "closed");
    run.stop_at = 0;
    cr_assert(run_to_end(&run));
    cr_assert_eq(run.state.state, VOW_SAGA_CLOSED);
    vowctl(&run, "close", 4, "no saga of this id");
    vowctl(&run, "show", 0, "saga close by ");
    cr_assert_eq(run.doer.done[0], 1);
    end_run(&run);
}
