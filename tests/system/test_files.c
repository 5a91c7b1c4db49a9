/*
 * The example of a store of one's own (examples/files), with vowd and real processes: killed at each step of a
 * transaction and in the middle of a load, every document is in both directories or in neither.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kit.h"

TestSuite(files, .timeout = 120);

static const char files_service[] = VOW_BIN "/files-service";

/* ---- a document into every directory ---- */

struct publishing {
    char payload[64];
    struct vow_call calls[SERVICES_MAX];
    char names[SERVICES_MAX][16];
    struct vow_result result;
    int events; /* eventfd */
};

static void on_result(void *ctx, const struct vow_result *result)
{
    struct publishing *publishing = ctx;
    const uint64_t one = 1;
    publishing->result = *result;
    cr_assert_eq(write(publishing->events, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static void publish(struct cluster *cluster, struct publishing *publishing, unsigned page)
{
    memset(publishing, 0, sizeof(*publishing));
    publishing->events = eventfd(0, 0);
    const int len =
        snprintf(publishing->payload, sizeof(publishing->payload), "page-%u\nThis is page %u.\n", page, page);
    for (uint32_t i = 0; i < cluster->services_len; i++) {
        snprintf(publishing->names[i], sizeof(publishing->names[i]), "s%u", i);
        publishing->calls[i] = (struct vow_call){publishing->names[i], "put", publishing->payload, (size_t)len};
    }
    cr_assert_eq(vow_commit_async(cluster->client, publishing->calls, cluster->services_len, on_result, publishing), 0);
}

/* Until the outcome is known. */
static enum vow_outcome await(struct cluster *cluster, struct publishing *publishing)
{
    const char *only = cluster->services_len == 1 ? "s0" : NULL;
    struct vow_result *result = &publishing->result;
    uint64_t value;
    cr_assert_eq(read(publishing->events, &value, sizeof(value)), (ssize_t)sizeof(value));
    close(publishing->events);
    while (result->outcome != VOW_COMMITTED && result->outcome != VOW_ABORTED) {
        const struct vow_gtrid id = result->id;
        const int error = vow_status(cluster->client, &id, only, result);
        cr_assert(error == 0 || vow_error_class(error) == VOW_CLASS_RETRY, "status: %s", vow_error_text(error));
        result->id = id;
        if (error != 0)
            result->outcome = VOW_UNKNOWN;
    }
    return result->outcome;
}

/* ---- the books ---- */

static unsigned count_branches(const struct cluster *cluster, uint32_t i)
{
    char path[192];
    unsigned count = 0;
    snprintf(path, sizeof(path), "%s/s%u/branches", cluster->directory, i);
    DIR *names = opendir(path);
    cr_assert_not_null(names);
    for (const struct dirent *each; (each = readdir(names)) != NULL;)
        count += each->d_name[0] != '.';
    closedir(names);
    return count;
}

/* Nothing is in doubt, and nothing is kept of what has ended. */
static void wait_until_quiet(const struct cluster *cluster)
{
    for (uint32_t i = 0; i < cluster->services_len; i++)
        while (count_branches(cluster, i) > 0)
            poll(NULL, 0, 1); /* the suite's time-out is the bound */
}

static void expect_page(const struct cluster *cluster, unsigned page, enum vow_outcome outcome)
{
    char path[192], expected[64], found[64];
    snprintf(expected, sizeof(expected), "This is page %u.\n", page);
    for (uint32_t i = 0; i < cluster->services_len; i++) {
        snprintf(path, sizeof(path), "%s/s%u/docs/page-%u", cluster->directory, i, page);
        FILE *file = fopen(path, "re");
        cr_expect_eq(file != NULL, outcome == VOW_COMMITTED, "page %u is %s in s%u", page,
                     file != NULL ? "there" : "missing", i);
        if (file == NULL)
            continue;
        found[fread(found, 1, sizeof(found) - 1, file)] = '\0';
        cr_expect_str_eq(found, expected);
        fclose(file);
    }
}

static void start(struct cluster *cluster, uint32_t services, const char *crash)
{
    cluster_init(cluster);
    for (uint32_t i = 0; i < services; i++)
        cluster->programs[i] = files_service;
    cluster_run(cluster, services, NULL, crash);
}

static void expect_alive(struct cluster *cluster)
{
    struct publishing next;
    do
        publish(cluster, &next, 1000);
    while (await(cluster, &next) != VOW_COMMITTED);
    wait_until_quiet(cluster);
    expect_page(cluster, 1000, VOW_COMMITTED);
}

/* ---- killed at each step ---- */

static void crash(uint32_t services, const char *point, enum vow_outcome outcome)
{
    struct cluster cluster;
    struct publishing publishing;
    start(&cluster, services, point);
    publish(&cluster, &publishing, 1);
    process_wait_killed(&cluster.services[0]);
    service_start(&cluster, 0, NULL);
    cr_expect_eq(await(&cluster, &publishing), outcome, "%s: %s", point, vow_cause_text((int)publishing.result.cause));
    wait_until_quiet(&cluster);
    expect_page(&cluster, 1, outcome);
    expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(files, F031_F033_killed_before_it_has_voted)
{
    crash(2, "store.before.PREPARE", VOW_ABORTED);
    crash(2, "store.after.PREPARE", VOW_ABORTED);
}

Test(files, F034_F035_killed_before_it_has_committed)
{
    crash(2, "send.after.VOTE", VOW_COMMITTED);
    crash(2, "store.before.COMMIT", VOW_COMMITTED);
}

Test(files, F037_killed_before_it_has_acknowledged)
{
    crash(2, "store.after.COMMIT", VOW_COMMITTED);
    crash(2, "send.before.ACK", VOW_COMMITTED);
}

Test(files, killed_around_forget)
{
    crash(2, "store.before.FORGET", VOW_COMMITTED);
    crash(2, "store.after.FORGET", VOW_COMMITTED);
}

Test(files, F015_killed_in_a_one_phase_commit)
{
    crash(1, "store.before.ONE_PHASE", VOW_ABORTED);
    crash(1, "store.mid.ONE_PHASE", VOW_COMMITTED);
    crash(1, "store.after.ONE_PHASE", VOW_COMMITTED);
    crash(1, "send.before.ONE_PHASE_DONE", VOW_COMMITTED);
}

Test(files, F040_killed_in_recovery_repeatedly)
{
    static const char *const points[] = {"store.before.COMMIT", "store.before.COMMIT", "store.after.COMMIT"};
    struct cluster cluster;
    struct publishing publishing;
    start(&cluster, 2, "send.after.VOTE");
    publish(&cluster, &publishing, 1);
    process_wait_killed(&cluster.services[0]);
    for (unsigned i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
        service_spawn(&cluster, 0, points[i]);
        process_wait_killed(&cluster.services[0]);
    }
    service_start(&cluster, 0, NULL);
    cr_expect_eq(await(&cluster, &publishing), VOW_COMMITTED);
    wait_until_quiet(&cluster);
    expect_page(&cluster, 1, VOW_COMMITTED);
    cluster_end(&cluster);
}

/* ---- killed in the middle of a load ---- */

Test(files, the_books_balance_whoever_is_killed)
{
    enum { ROUNDS = 9, AT_ONCE = 6 };
    static struct publishing publishings[ROUNDS][AT_ONCE];
    struct cluster cluster;
    start(&cluster, 2, NULL);
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned i = 0; i < AT_ONCE; i++)
            publish(&cluster, &publishings[round][i], round * AT_ONCE + i);
        if (round % 3 == 2) {
            process_kill(&cluster.vowd);
            vowd_start(&cluster, NULL);
        } else {
            process_kill(&cluster.services[round % 3]);
            service_start(&cluster, round % 3, NULL);
        }
        for (unsigned i = 0; i < AT_ONCE; i++)
            (void)await(&cluster, &publishings[round][i]);
    }
    expect_alive(&cluster);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned i = 0; i < AT_ONCE; i++)
            expect_page(&cluster, round * AT_ONCE + i, publishings[round][i].result.outcome);
    cluster_end(&cluster);
}
