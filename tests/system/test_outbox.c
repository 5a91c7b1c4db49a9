/*
 * Events end to end, against a real vowd: each change is told of once, in order, and what follows from it happens once,
 * whoever dies on the way (I24 to I28).
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit.h"

TestSuite(outbox, .timeout = 240);

#define SERVICE VOW_TESTS_BIN "/test-events-service"

static void start(struct cluster *cluster, const char *vowd_crash, const char *service_crash)
{
    cluster_init(cluster);
    cluster->programs[0] = cluster->programs[1] = SERVICE;
    cluster_run(cluster, 2, vowd_crash, service_crash);
}

static int64_t noted(const struct cluster *cluster, uint32_t i)
{
    return service_number(cluster, i, "SELECT count(*) FROM noted");
}

/* Nothing is on its way any more: the outbox is empty, and all that was told of is noted. */
static void wait_until_noted(const struct cluster *cluster, int64_t each)
{
    for (uint32_t i = 0; i < 2; i++)
        while (noted(cluster, i) < each || service_number(cluster, i, "SELECT count(*) FROM vow_outbox") != 0)
            poll(NULL, 0, 1); /* the suite's time-out is the bound */
}

/* In order, without a gap, each once. */
static void expect_noted(const struct cluster *cluster, uint32_t i, int64_t each)
{
    cr_expect_eq(noted(cluster, i), each);
    cr_expect_eq(service_number(cluster, i, "SELECT max(times) FROM noted"), 1, "s%u has handled one twice", i);
    cr_expect_eq(service_number(cluster, i, "SELECT max(seq) FROM noted"), each);
    cr_expect_eq(
        service_number(cluster, i, "SELECT count(*) FROM noted AS a, noted AS b WHERE a.id < b.id AND a.seq > b.seq"),
        0, "s%u has handled one out of order", i);
}

/* Every change has its event, and what was rolled back has none. */
static void expect_all(struct cluster *cluster, int64_t commits)
{
    cluster_expect_counters(cluster, commits);
    wait_until_noted(cluster, commits);
    for (uint32_t i = 0; i < 2; i++)
        expect_noted(cluster, i, commits);
}

static void do_some(struct cluster *cluster, int times)
{
    for (int i = 0; i < times; i++)
        cluster_expect_alive(cluster);
}

Test(outbox, I25_I26_I27_each_change_is_told_of_once_and_in_order)
{
    struct cluster cluster;
    struct commit refused;
    start(&cluster, NULL, NULL);
    do_some(&cluster, 5);
    commit_start(&cluster, &refused, "refuse");
    cr_assert_eq(commit_wait(&cluster, &refused), VOW_ABORTED);
    do_some(&cluster, 5);
    expect_all(&cluster, 10);
    cluster_end(&cluster);
}

/* Each handler ran on what its group's transformation made; the other group, and so vowd, has what was published. */
Test(outbox, F210_a_transformation_is_one_group_s_own)
{
    struct cluster cluster;
    start(&cluster, NULL, NULL);
    do_some(&cluster, 2);
    process_kill(&cluster.services[1]);
    service_start(&cluster, 1, NULL);
    do_some(&cluster, 2);
    expect_all(&cluster, 4);
    while (service_number(&cluster, 1, "SELECT count(*) FROM plain") < 4)
        poll(NULL, 0, 1); /* the suite's time-out is the bound */
    cr_expect_eq(service_number(&cluster, 1, "SELECT min(is_plain) FROM plain"), 1);
    cluster_end(&cluster);
}

/* All three are ended and started again: nothing happens twice, and the counts go on. */
Test(outbox, I28_all_of_it_survives_a_restart)
{
    struct cluster cluster;
    start(&cluster, NULL, NULL);
    do_some(&cluster, 3);
    for (int round = 1; round <= 2; round++) {
        process_kill(&cluster.vowd);
        for (uint32_t i = 0; i < 2; i++)
            process_kill(&cluster.services[i]);
        vowd_start(&cluster, NULL);
        for (uint32_t i = 0; i < 2; i++)
            service_start(&cluster, i, NULL);
        do_some(&cluster, 3);
        expect_all(&cluster, 3 + 3 * round);
    }
    cluster_end(&cluster);
}

/* While vowd is away nothing is lost; what was published reaches it in order. */
Test(outbox, what_is_published_without_vowd_waits_for_it)
{
    struct cluster cluster;
    start(&cluster, NULL, NULL);
    do_some(&cluster, 2);
    process_kill(&cluster.services[1]);
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    service_start(&cluster, 1, NULL);
    do_some(&cluster, 2);
    expect_all(&cluster, 4);
    cluster_end(&cluster);
}

/* s0 dies at that point; then it is started again. */
static void service_dies_at(const char *point)
{
    struct cluster cluster;
    struct commit commit;
    int64_t commits;
    start(&cluster, NULL, point);
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.services[0]);
    service_start(&cluster, 0, NULL);
    commits = commit_wait(&cluster, &commit) == VOW_COMMITTED;
    do_some(&cluster, 2);
    expect_all(&cluster, commits + 2);
    cluster_end(&cluster);
}

Test(outbox, the_publisher_dies_between_change_and_event)
{
    service_dies_at("store.mid.COMMIT");
    service_dies_at("store.after.COMMIT");
}

Test(outbox, the_publisher_dies_after_it_has_published)
{
    service_dies_at("send.after.PUBLISH");
    service_dies_at("recv.before.PUBLISHED");
    service_dies_at("store.before.OUTBOX_DONE");
}

Test(outbox, the_consumer_dies_before_the_effect)
{
    service_dies_at("recv.before.DELIVER");
    service_dies_at("store.before.EVENT");
    service_dies_at("store.mid.EVENT");
}

Test(outbox, the_consumer_dies_after_the_effect)
{
    service_dies_at("store.after.EVENT");
    service_dies_at("send.before.DELIVERED");
    service_dies_at("send.after.DELIVERED");
}

static void vowd_dies_at(const char *point)
{
    struct cluster cluster;
    struct commit commit;
    int64_t commits;
    start(&cluster, point, NULL);
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    vowd_start(&cluster, NULL);
    commits = commit_wait(&cluster, &commit) == VOW_COMMITTED;
    do_some(&cluster, 2);
    expect_all(&cluster, commits + 2);
    cluster_end(&cluster);
}

Test(outbox, vowd_dies_around_an_event)
{
    vowd_dies_at("recv.before.PUBLISH");
    vowd_dies_at("send.before.PUBLISHED");
    vowd_dies_at("send.after.PUBLISHED");
    vowd_dies_at("send.after.DELIVER");
    vowd_dies_at("recv.before.DELIVERED");
}

/* ---- a group that an operator has removed, and that comes back ---- */

static struct run run;

static int vowctl(const struct cluster *cluster, const char *const arguments[])
{
    const char *argv[16] = {VOW_BIN "/vowctl", "--coordinator", cluster->address};
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[i + 3] = arguments[i];
    run_program(&run, argv);
    return run.status;
}

#define VOWCTL(cluster, ...) vowctl(cluster, (const char *const[]){__VA_ARGS__, NULL})

/* vowd refuses that until it has noticed that the service is gone. */
static void remove_group(const struct cluster *cluster, const char *group)
{
    while (VOWCTL(cluster, "topics", "remove", group, "--reason", "a test", "--yes") == 4)
        cr_assert(strstr(run.err, "stop it first") != NULL || strstr(run.err, "is connected") != NULL, "%s", run.err);
    cr_assert_eq(run.status, 0, "%s", run.err);
}

static void lose_groups_of_s1(struct cluster *cluster)
{
    process_kill(&cluster->services[1]);
    remove_group(cluster, "s1");
    remove_group(cluster, "plain");
}

/* s1 does not hear of it. */
static void add_at_s0(struct cluster *cluster)
{
    const struct vow_call call = {"s0", "add", "", 0};
    struct vow_result result;
    do
        cr_assert_eq(vow_commit(cluster->client, &call, 1, &result), 0);
    while (result.outcome == VOW_ABORTED &&
           result.cause == VOW_CAUSE_PARTICIPANT_UNAVAILABLE); /* it is on its way back */
    cr_assert_eq(result.outcome, VOW_COMMITTED, "%s", vow_cause_name((int)result.cause));
}

static int64_t records(const struct cluster *cluster)
{
    return service_number(cluster, 1, "SELECT count(*) FROM vow_inbox WHERE grp = 's1'");
}

/* Until of what s1 has handled its inbox has nothing but offsets, the newest aside. It looks for what is old when it
 * does the first after a start. Returns how many were published for that. */
static int forget_records(struct cluster *cluster)
{
    int64_t before;
    int rounds = 0;
    do
        before = noted(cluster, 1);
    while (before < 0); /* the file is busy */
    do {
        process_kill(&cluster->services[1]);
        service_start(cluster, 1, NULL);
        do_some(cluster, 1);
        rounds++;
        while (noted(cluster, 1) < before + rounds)
            poll(NULL, 0, 1); /* the suite's time-out is the bound */
    } while (records(cluster) > 1);
    return rounds;
}

/* Each event was done by each of s1's groups, once, and none was refused. */
static void expect_once(const struct cluster *cluster, int64_t events)
{
    while (noted(cluster, 1) < events || service_number(cluster, 1, "SELECT count(*) FROM plain") < events)
        poll(NULL, 0, 1); /* likewise */
    do
        cr_assert_eq(VOWCTL(cluster, "topics", "--json"), 0, "%s", run.err);
    while (strstr(run.out, "\"lag\": 0") == NULL || strstr(strstr(run.out, "\"lag\": 0") + 1, "\"lag\": 0") == NULL);
    cr_expect_eq(noted(cluster, 1), events);
    cr_expect_eq(service_number(cluster, 1, "SELECT max(times) FROM noted"), 1, "s1 has handled one twice");
    cr_expect_eq(service_number(cluster, 1, "SELECT max(seq) FROM noted"), events);
    cr_expect_eq(service_number(cluster, 1, "SELECT count(*) FROM plain"), events, "another group has done one twice");
    cr_assert_eq(VOWCTL(cluster, "dlq", "list"), 0);
    cr_expect_not_null(strstr(run.out, "no dead letters"), "%s", run.out);
}

/*
 * What the group before did is not done again, by whatever the inbox still knows it: its name, or its offset alone.
 * What that group had not done is done: published while it was away, passed over by one that began with what is new,
 * and by now below the newest record that was forgotten.
 */
Test(outbox, F209_a_group_that_was_removed_comes_back_and_does_what_was_not_done)
{
    struct cluster cluster;
    int64_t events = 3;
    setenv("EVENTS_REMEMBERED_MS", "1", 1);
    start(&cluster, NULL, NULL);
    do_some(&cluster, 3);
    wait_until_noted(&cluster, events);
    lose_groups_of_s1(&cluster);
    for (int i = 0; i < 2; i++, events++)
        add_at_s0(&cluster);
    setenv("EVENTS_FROM", "end", 1);
    service_start(&cluster, 1, NULL);
    events += forget_records(&cluster);
    lose_groups_of_s1(&cluster);
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    add_at_s0(&cluster);
    events++;
    setenv("EVENTS_FROM", "start", 1);
    service_start(&cluster, 1, NULL);
    expect_once(&cluster, events);
    cluster_end(&cluster);
}
