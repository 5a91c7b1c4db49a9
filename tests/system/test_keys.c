/* Idempotency keys with real processes: the same work is asked for again and again, over every crash, and done once. */
#include <criterion/criterion.h>
#include <string.h>

#include "kit.h"

TestSuite(keys, .timeout = 120);

static struct cluster cluster;

static const struct vow_call calls[] = {{"s0", "add", NULL, 0}, {"s1", "add", NULL, 0}};

/* One try. The outcome may be UNKNOWN. */
static struct vow_result try_once(const char *key)
{
    const struct vow_commit_options options = {.size = sizeof(options), .key = key};
    struct vow_result result = {.outcome = VOW_UNKNOWN};
    int error = vow_commit_with(cluster.client, &options, calls, 2, &result);
    cr_assert(error == 0 || vow_error_class(error) == VOW_CLASS_RETRY, "%s", vow_error_text(error));
    if (error != 0)
        result.outcome = VOW_UNKNOWN;
    return result;
}

/* As a caller does who knows nothing but the key: until it is committed. */
static struct vow_gtrid insist(const char *key)
{
    struct vow_result result;
    do
        result = try_once(key);
    while (result.outcome != VOW_COMMITTED);
    return result.id;
}

static void expect_same(const struct vow_gtrid *a, const struct vow_gtrid *b)
{
    cr_expect(vow_gtrid_equal(a, b));
}

Test(keys, F063_the_same_key_is_the_same_transaction)
{
    cluster_start(&cluster, 2, NULL, NULL);
    struct vow_gtrid first = insist("order 1"), again = insist("order 1"), other = insist("order 2");
    expect_same(&first, &again);
    cr_expect(!vow_gtrid_equal(&first, &other));
    cluster_expect_counters(&cluster, 2);
    /* F062, after restarts of all. */
    process_kill(&cluster.vowd);
    process_kill(&cluster.services[0]);
    vowd_start(&cluster, NULL);
    service_start(&cluster, 0, NULL);
    again = insist("order 1");
    expect_same(&first, &again);
    again = insist("order 2");
    expect_same(&other, &again);
    cluster_expect_counters(&cluster, 2);
    cluster_end(&cluster);
}

/* vowd dies somewhere in the first try; the caller asks again until it hears that it is done. */
static void crash_and_insist(const char *crash)
{
    cluster_start(&cluster, 2, crash, NULL);
    struct commit lost = {.done = false};
    const struct vow_commit_options options = {.size = sizeof(options), .key = "order 1"};
    commit_start_with(&cluster, &lost, &options);
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, NULL);
    struct vow_gtrid done = insist("order 1"), again = insist("order 1");
    expect_same(&done, &again);
    if (commit_wait(&cluster, &lost) == VOW_COMMITTED)
        expect_same(&lost.result.id, &done);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

Test(keys, F001_a_crash_before_anything_was_done)
{
    crash_and_insist("recv.before.COMMIT_REQUEST");
}

Test(keys, F001_a_crash_before_the_decision)
{
    crash_and_insist("log.before.COMMIT");
}

Test(keys, F001_a_crash_around_the_sync_of_the_decision)
{
    crash_and_insist("journal.before.LOG_SYNC@2");
}

Test(keys, F008_a_crash_after_the_decision)
{
    crash_and_insist("log.after.COMMIT");
}

Test(keys, F063_begin_again_goes_on_with_the_same_transaction)
{
    const struct vow_begin_options options = {.size = sizeof(options), .key = "order 1"};
    struct vow_txn *first, *again;
    struct vow_result result;
    cluster_start(&cluster, 2, NULL, NULL);
    cr_assert_eq(vow_begin(cluster.client, &options, &first), 0);
    cr_assert_eq(vow_begin(cluster.client, &options, &again), 0);
    expect_same(vow_txn_id(first), vow_txn_id(again));
    cr_assert_eq(vow_txn_commit(again, calls, 2, &result), 0);
    cr_expect_eq(result.outcome, VOW_COMMITTED);
    vow_txn_free(again);
    cr_expect_eq(vow_begin(cluster.client, &options, &again), VOW_E_DUPLICATE);
    /* The other handle is of the same transaction, which has committed. */
    cr_assert_eq(vow_txn_rollback(first, &result), 0);
    cr_expect_eq(result.outcome, VOW_COMMITTED);
    vow_txn_free(first);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

Test(keys, a_key_has_a_form)
{
    const char *const bad[] = {"", "a\nb", "\xff", "12345678901234567890123456789012345678901234567890123456789012345"};
    struct vow_result result;
    cluster_start(&cluster, 2, NULL, NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct vow_commit_options options = {.size = sizeof(options), .key = bad[i]};
        const struct vow_begin_options begin = {.size = sizeof(begin), .key = bad[i]};
        struct vow_txn *txn;
        cr_expect_eq(vow_commit_with(cluster.client, &options, calls, 2, &result), VOW_E_NAME);
        cr_expect_eq(vow_begin(cluster.client, &begin, &txn), VOW_E_NAME);
    }
    cluster_end(&cluster);
}
