/*
 * Many clients, one row in each of three services. Every other transaction adds 1 in all three, so that it is in the
 * way of all others; those between add 1 in one of them, in one phase. However they end, and whoever dies meanwhile,
 * each outcome is definite, and a counter is the number of commits that it was part of.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>

#include "kit.h"

TestSuite(concurrency, .timeout = 240);

enum { THREADS = 8, TRANSACTIONS = 50, SERVICES = 3 };

static const struct vow_call calls[SERVICES] = {{.participant = "s0", .handler = "add"},
                                                {.participant = "s1", .handler = "add"},
                                                {.participant = "s2", .handler = "add"}};

struct load {
    struct cluster *cluster;
    atomic_uint threads;
    atomic_bool goes_on; /* for as long as somebody is still to die */
    atomic_int ended, committed, undefined;
    atomic_int added[SERVICES];
};

/* Some of the calls. */
struct span {
    uint32_t first, len;
};

static const char *only_participant(struct span span)
{
    return span.len == 1 ? calls[span.first].participant : NULL;
}

/* Asks until there is an answer that will never change. */
static enum vow_outcome settle(struct vow_client *client, struct span span, struct vow_result *result)
{
    struct vow_gtrid id = result->id;
    enum vow_outcome outcome = result->outcome;
    while (outcome != VOW_COMMITTED && outcome != VOW_ABORTED) {
        int error = vow_status(client, &id, only_participant(span), result);
        if (error != 0 && vow_error_class(error) != VOW_CLASS_RETRY)
            return VOW_UNKNOWN;
        outcome = error == 0 ? result->outcome : VOW_UNKNOWN;
    }
    return outcome;
}

/* An error of vow_commit() says that nothing happened; one that says "do not try again" does not belong here. */
static enum vow_outcome commit(struct vow_client *client, struct span span)
{
    struct vow_result result;
    int error = vow_commit(client, &calls[span.first], span.len, &result);
    if (error != 0)
        return vow_error_class(error) == VOW_CLASS_RETRY ? VOW_ABORTED : VOW_UNKNOWN;
    return settle(client, span, &result);
}

static void run_one(struct load *load, struct vow_client *client, struct span span)
{
    enum vow_outcome outcome = commit(client, span);
    atomic_fetch_add(&load->ended, 1);
    if (outcome != VOW_COMMITTED) {
        atomic_fetch_add(&load->undefined, outcome != VOW_ABORTED);
        return;
    }
    for (uint32_t i = span.first; i < span.first + span.len; i++)
        atomic_fetch_add(&load->added[i], 1);
    atomic_fetch_add(&load->committed, 1);
}

static void *run_client(void *ctx)
{
    struct load *load = ctx;
    uint32_t thread = atomic_fetch_add(&load->threads, 1);
    struct vow_client *client;
    struct vow_client_options options = {
        .size = sizeof(options), .coordinator = load->cluster->address, .name = "crowd"};
    if (vow_client_open(&options, &client, NULL) != 0) {
        atomic_fetch_add(&load->undefined, 1);
        return NULL;
    }
    for (uint32_t i = 0; i < TRANSACTIONS || load->goes_on; i++) {
        struct span one = {(thread + i) % SERVICES, 1}, all = {0, SERVICES};
        run_one(load, client, i % 2 == 0 ? all : one);
    }
    vow_client_close(client);
    return NULL;
}

/* Kills it anywhere, lets it die again where it hurts, and brings it back. Nobody else dies meanwhile, or it might
 * never get there. */
static void vowd_dies(struct cluster *cluster, const char *point)
{
    process_kill(&cluster->vowd);
    vowd_start(cluster, point);
    process_wait_killed(&cluster->vowd);
    vowd_start(cluster, NULL);
}

static void service_dies(struct cluster *cluster, uint32_t i, const char *point)
{
    process_kill(&cluster->services[i]);
    service_start(cluster, i, point);
    process_wait_killed(&cluster->services[i]);
    service_start(cluster, i, NULL);
}

static void kill_everybody(struct cluster *cluster)
{
    static const char *const vowd_points[] = {"log.after.COMMIT@2", "send.after.COMMIT@4", "recv.before.ACK@5"};
    static const char *const service_points[] = {"send.after.VOTE@3", "store.mid.COMMIT@2", "store.after.PREPARE@3"};
    for (uint32_t i = 0; i < SERVICES; i++) {
        vowd_dies(cluster, vowd_points[i]);
        service_dies(cluster, i, service_points[i]);
    }
}

static void expect_balance(struct load *load)
{
    cr_expect_eq(load->undefined, 0, "%d outcomes are not definite", load->undefined);
    cr_expect_geq(load->ended, THREADS * TRANSACTIONS);
    cr_expect_gt(load->committed, 0);
    for (uint32_t i = 0; i < SERVICES; i++)
        cluster_expect_counter(load->cluster, i, load->added[i]);
}

/* Runs the crowd, and compares the books. */
static void run_load(struct cluster *cluster, void (*disturb)(struct cluster *))
{
    struct load load = {.cluster = cluster, .goes_on = disturb != NULL};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, run_client, &load), 0);
    if (disturb != NULL)
        disturb(cluster);
    load.goes_on = false;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    expect_balance(&load);
    cluster_expect_alive(cluster);
    cluster_end(cluster);
}

Test(concurrency, all_on_one_row)
{
    struct cluster cluster;
    cluster_start(&cluster, SERVICES, NULL, NULL);
    run_load(&cluster, NULL);
}

Test(concurrency, while_everybody_dies)
{
    struct cluster cluster;
    cluster_start(&cluster, SERVICES, NULL, NULL);
    run_load(&cluster, kill_everybody);
}
