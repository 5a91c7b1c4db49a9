/* Joined work with real processes: services that get the token by their own RPC, and a client that holds it together.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "rpc.h"

TestSuite(joined, .timeout = 120);

static struct cluster cluster;

struct open {
    struct vow_txn *txn;
    char token[VOW_TOKEN_SIZE];
};

static struct open begin(struct vow_client *client, uint32_t timeout_ms)
{
    const struct vow_begin_options options = {.size = sizeof(options), .timeout_ms = timeout_ms};
    struct open open;
    int error;
    /* After a restart of vowd the client may not be back yet. */
    while ((error = vow_begin(client, &options, &open.txn)) != 0)
        cr_assert_eq(vow_error_class(error), VOW_CLASS_RETRY, "%s", vow_error_text(error));
    cr_assert_eq(vow_txn_token(open.txn, open.token), 0);
    return open;
}

/* One request to a service, and its receipt. */
static void work(struct open *open, uint32_t i, const char *word)
{
    char name[8];
    struct rpc_reply reply = rpc_ask(&cluster, i, open->token, word);
    cr_assert(!reply.died);
    cr_assert_eq(reply.error, 0, "%s: %s", vow_error_text(reply.error), vow_cause_text(reply.cause));
    snprintf(name, sizeof(name), "s%u", i);
    cr_assert_eq(vow_txn_worked(open->txn, name, reply.ops), 0);
}

static struct vow_result commit(struct open *open, const struct vow_call *calls, size_t calls_len)
{
    struct vow_result result = {.outcome = VOW_UNKNOWN};
    int error = vow_txn_commit(open->txn, calls, calls_len, &result);
    cr_assert_eq(error, 0, "%s", vow_error_text(error));
    return result;
}

static void expect_aborted(struct open *open, enum vow_cause cause, const char *who)
{
    struct vow_result result = commit(open, NULL, 0);
    cr_expect_eq(result.outcome, VOW_ABORTED);
    cr_expect_eq(result.cause, cause, "%s", vow_cause_text((int)result.cause));
    cr_expect_str_eq(result.participant, who);
    vow_txn_free(open->txn);
}

static void expect_refused(struct open *open, uint32_t i, int error, enum vow_cause cause)
{
    struct rpc_reply reply = rpc_ask(&cluster, i, open->token, "add");
    cr_assert(!reply.died);
    cr_expect_eq(reply.error, error, "%s", vow_error_text(reply.error));
    cr_expect_eq(reply.cause, (int)cause, "%s", vow_cause_text(reply.cause));
    cr_expect_eq(reply.ops, 0);
}

/* --- without faults --- */

Test(joined, steps_and_shipped_calls_are_one_transaction)
{
    const struct vow_call calls[] = {{"s0", "add", NULL, 0}, {"s2", "add", NULL, 0}};
    cluster_start(&cluster, 3, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    work(&open, 1, "add");
    work(&open, 0, "double");
    work(&open, 0, "look");
    cr_expect_eq(service_number(&cluster, 0, "SELECT value FROM counter"), 0);
    cr_expect_eq(commit(&open, calls, 2).outcome, VOW_COMMITTED);
    cluster_expect_counter(&cluster, 0, 3);
    cluster_expect_counter(&cluster, 1, 1);
    cluster_expect_counter(&cluster, 2, 1);
    /* F062: again is the same. */
    cr_expect_eq(commit(&open, calls, 2).outcome, VOW_COMMITTED);
    vow_txn_free(open.txn);
    cluster_expect_counter(&cluster, 0, 3);
    cluster_end(&cluster);
}

Test(joined, a_rollback_leaves_nothing)
{
    struct vow_result result;
    cluster_start(&cluster, 2, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    work(&open, 1, "add");
    cr_assert_eq(vow_txn_rollback(open.txn, &result), 0);
    cr_expect_eq(result.outcome, VOW_ABORTED);
    cr_expect_eq(result.cause, VOW_CAUSE_CLIENT_ROLLBACK);
    cluster_expect_counters(&cluster, 0);
    vow_txn_free(open.txn);
    /* Free does the same. */
    open = begin(cluster.client, 0);
    work(&open, 0, "add");
    vow_txn_free(open.txn);
    cluster_expect_counters(&cluster, 0);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(joined, a_refused_operation_is_undone_alone)
{
    cluster_start(&cluster, 1, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    struct rpc_reply reply = rpc_ask(&cluster, 0, open.token, "refuse");
    cr_expect_eq(reply.error, VOW_E_REFUSED);
    cr_expect_eq(reply.cause, VOW_CAUSE_HANDLER_REFUSED);
    cr_expect_eq(reply.ops, 0);
    cr_expect_eq(commit(&open, NULL, 0).outcome, VOW_COMMITTED);
    vow_txn_free(open.txn);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

/* --- who dies --- */

Test(joined, F042_a_service_dies_between)
{
    cluster_start(&cluster, 2, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    work(&open, 1, "add");
    process_kill(&cluster.services[0]);
    service_start(&cluster, 0, NULL);
    expect_aborted(&open, VOW_CAUSE_STALE_INCARNATION, "s0");
    cluster_expect_counters(&cluster, 0);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(joined, F042_a_service_loses_its_connection_between)
{
    cluster_start(&cluster, 2, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    /* vowd is gone: the services let go at once, without waiting for anybody. */
    process_kill(&cluster.vowd);
    cluster_expect_counters(&cluster, 0);
    vowd_start(&cluster, NULL);
    expect_aborted(&open, VOW_CAUSE_PRESUMED, "");
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(joined, F042_a_service_dies_and_stays_away)
{
    cluster_start(&cluster, 2, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    work(&open, 1, "add");
    process_kill(&cluster.services[1]);
    struct vow_result result = commit(&open, NULL, 0);
    cr_expect_eq(result.outcome, VOW_ABORTED);
    cr_expect(result.cause == VOW_CAUSE_PARTICIPANT_UNAVAILABLE || result.cause == VOW_CAUSE_PARTICIPANT_LOST, "%s",
              vow_cause_text((int)result.cause));
    vow_txn_free(open.txn);
    cluster_expect_counter(&cluster, 0, 0);
    service_start(&cluster, 1, NULL);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(joined, F060_the_client_dies_before_it_commits)
{
    struct peer client;
    struct open open;
    char id[VOW_GTRID_TEXT_SIZE];
    cluster_start(&cluster, 2, NULL, NULL);
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "mortal");
    const struct vow_msg begin = {.kind = VOW_MSG_BEGIN, .begin = {.gtrid = peer_take_id(&client)}};
    peer_send(&client, &begin);
    peer_expect_outcome(&client, &begin.begin.gtrid, VOW_PENDING);
    vow_gtrid_to_text(&begin.begin.gtrid, id);
    snprintf(open.token, sizeof(open.token), "vow1.%s.0.%s.", id, cluster.address);
    cr_assert_eq(rpc_ask(&cluster, 0, open.token, "add").ops, 1);
    cr_assert_neq(service_number(&cluster, 0, "SELECT count(*) FROM vow_lock"), 0);
    peer_close(&client);
    cluster_expect_counters(&cluster, 0);
    expect_refused(&open, 0, VOW_E_REFUSED, VOW_CAUSE_TOO_LATE);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* --- too late --- */

/* A branch that had joined may work on until it hears of the end, and all of it is undone then. */
static void expect_refused_soon(struct open *open, uint32_t i)
{
    struct rpc_reply reply;
    do
        reply = rpc_ask(&cluster, i, open->token, "add");
    while (!reply.died && reply.error == 0);
    cr_expect_eq(reply.error, VOW_E_REFUSED, "%s", vow_error_text(reply.error));
}

Test(joined, F049_B44_a_join_after_the_end_is_refused)
{
    struct vow_result result;
    cluster_start(&cluster, 2, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    cr_assert_eq(vow_txn_rollback(open.txn, &result), 0);
    expect_refused(&open, 1, VOW_E_REFUSED, VOW_CAUSE_TOO_LATE);
    expect_refused_soon(&open, 0);
    cluster_expect_counters(&cluster, 0);
    vow_txn_free(open.txn);
    open = begin(cluster.client, 0);
    work(&open, 0, "add");
    cr_expect_eq(commit(&open, NULL, 0).outcome, VOW_COMMITTED);
    expect_refused(&open, 0, VOW_E_REFUSED, VOW_CAUSE_TOO_LATE);
    expect_refused(&open, 1, VOW_E_REFUSED, VOW_CAUSE_TOO_LATE);
    vow_txn_free(open.txn);
    cluster_expect_counter(&cluster, 0, 1);
    cluster_expect_counter(&cluster, 1, 0);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(joined, F067_a_transaction_that_is_left_open_ends)
{
    cluster_start(&cluster, 1, NULL, NULL);
    struct open open = begin(cluster.client, 1500);
    work(&open, 0, "add");
    cluster_expect_counter(&cluster, 0, 0); /* waits until no row is held */
    /* The participant's own timer, or the coordinator's: whichever came first. */
    struct rpc_reply reply = rpc_ask(&cluster, 0, open.token, "add");
    cr_expect_eq(reply.error, VOW_E_REFUSED, "%s", vow_error_text(reply.error));
    cr_expect(reply.cause == VOW_CAUSE_TXN_TIMEOUT || reply.cause == VOW_CAUSE_TOO_LATE, "%d", reply.cause);
    struct vow_result result = commit(&open, NULL, 0);
    cr_expect_eq(result.outcome, VOW_ABORTED);
    cr_expect_eq(result.cause, VOW_CAUSE_TXN_TIMEOUT, "%s", vow_cause_text((int)result.cause));
    vow_txn_free(open.txn);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* --- lost work --- */

Test(joined, work_whose_receipt_was_lost_does_not_commit)
{
    cluster_start(&cluster, 2, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    cr_assert_eq(rpc_ask(&cluster, 1, open.token, "add").ops, 1);
    expect_aborted(&open, VOW_CAUSE_LOST_WORK, "s1");
    cluster_expect_counters(&cluster, 0);
    cluster_end(&cluster);
}

Test(joined, work_that_was_done_twice_does_not_commit)
{
    cluster_start(&cluster, 1, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    (void)rpc_ask(&cluster, 0, open.token, "add"); /* the same request again, as a proxy would */
    expect_aborted(&open, VOW_CAUSE_LOST_WORK, "s0");
    cluster_expect_counters(&cluster, 0);
    cluster_end(&cluster);
}

Test(joined, work_of_a_participant_that_never_joined_does_not_commit)
{
    cluster_start(&cluster, 2, NULL, NULL);
    struct open open = begin(cluster.client, 0);
    work(&open, 0, "add");
    cr_assert_eq(vow_txn_worked(open.txn, "s1", 1), 0);
    expect_aborted(&open, VOW_CAUSE_LOST_WORK, "s1");
    cluster_expect_counters(&cluster, 0);
    cluster_end(&cluster);
}

/* A retry after a conflict is in the transaction or not at all. */
Test(joined, bug_B45_work_that_meets_a_lock_changes_nothing)
{
    cluster_start(&cluster, 1, NULL, NULL);
    struct open first = begin(cluster.client, 0), second = begin(cluster.client, 0);
    work(&first, 0, "add");
    expect_refused(&second, 0, VOW_E_LOCK_CONFLICT, VOW_CAUSE_LOCK_CONFLICT);
    expect_refused(&second, 0, VOW_E_LOCK_CONFLICT, VOW_CAUSE_LOCK_CONFLICT);
    cr_expect_eq(commit(&first, NULL, 0).outcome, VOW_COMMITTED);
    cluster_expect_counter(&cluster, 0, 1);
    work(&second, 0, "add");
    cr_expect_eq(commit(&second, NULL, 0).outcome, VOW_COMMITTED);
    cluster_expect_counter(&cluster, 0, 2);
    vow_txn_free(first.txn);
    vow_txn_free(second.txn);
    cluster_end(&cluster);
}

/* --- a commit and a rollback at once --- */

Test(joined, F068_B19_a_cancel_while_votes_come_in_leaks_nothing)
{
    int64_t committed = 0;
    cluster_start(&cluster, 2, NULL, NULL);
    for (int i = 0; i < 30; i++) {
        struct open open = begin(cluster.client, 0);
        struct commit async = {.done = false};
        struct vow_result rolled_back;
        work(&open, 0, "add");
        work(&open, 1, "add");
        commit_start_open(&async, open.txn);
        cr_assert_eq(vow_txn_rollback(open.txn, &rolled_back), 0);
        cr_assert_eq(commit_wait(&cluster, &async), rolled_back.outcome);
        committed += rolled_back.outcome == VOW_COMMITTED;
        vow_txn_free(open.txn);
        cluster_expect_counters(&cluster, committed);
    }
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(joined, F065_commit_and_rollback_on_two_connections_are_told_the_same)
{
    int64_t committed = 0;
    cluster_start(&cluster, 1, NULL, NULL);
    for (int i = 0; i < 30; i++) {
        struct open open = begin(cluster.client, 0);
        struct commit async = {.done = false};
        struct peer peer;
        work(&open, 0, "add");
        peer_open(&peer, &cluster, VOW_ROLE_CLIENT, "other");
        const struct vow_msg rollback = {.kind = VOW_MSG_ROLLBACK_REQUEST, .rollback_request = {*vow_txn_id(open.txn)}};
        commit_start_open(&async, open.txn);
        peer_send(&peer, &rollback);
        enum vow_outcome outcome = commit_wait(&cluster, &async);
        do {
            peer_ask(&peer, vow_txn_id(open.txn));
            peer_expect(&peer, VOW_MSG_OUTCOME);
        } while (peer.msg.outcome.outcome == VOW_PENDING);
        cr_assert_eq(peer.msg.outcome.outcome, outcome);
        committed += outcome == VOW_COMMITTED;
        peer_close(&peer);
        vow_txn_free(open.txn);
        cluster_expect_counters(&cluster, committed);
    }
    cluster_end(&cluster);
}
