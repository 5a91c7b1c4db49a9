/* One round of clients against vowd: each client starts its next transaction, or saga, when it has heard how the last
 * one ended. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vow/vow.h>

#include "bench/bench.h"
#include "proto/net/clock.h"

struct load {
    const struct bench_options *options;
    enum bench_protocol protocol;
    const struct cluster *cluster;
    uint32_t millis;
};

struct load_run {
    enum bench_protocol protocol;
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    uint32_t busy; /* clients that have not stopped */
    uint64_t warm_us, end_us;
    struct bench_round round;
};

static void on_result(void *ctx, const struct vow_result *result)
{
    load_ended(ctx, result->outcome);
}

static int start_transaction(struct load_slot *slot)
{
    struct vow_call calls[PARTICIPANTS_MAX];
    for (uint32_t i = 0; i < slot->participants; i++)
        calls[i] = (struct vow_call){
            .participant = slot->names[i], .handler = "count", .payload = &slot->row, .len = sizeof(slot->row)};
    return vow_commit_async(slot->client, calls, slot->participants, on_result, slot);
}

static int start(struct load_slot *slot)
{
    slot->row = (slot->row + slot->step) % slot->rows;
    slot->started_us = vow_clock_us();
    slot->number++;
    switch (slot->run->protocol) {
    case BENCH_2PC:
        return start_transaction(slot);
    case BENCH_SAGA:
        return load_start_saga(slot);
    case BENCH_CHOREOGRAPHY:
        return load_start_choreography(slot);
    }
    return VOW_E_ARGUMENT;
}

static void stop(struct load_run *run)
{
    if (--run->busy == 0)
        pthread_cond_signal(&run->idle);
}

static void count(struct load_run *run, enum vow_outcome outcome, uint64_t latency_us)
{
    if (outcome == VOW_COMMITTED) {
        run->round.committed++;
        histogram_add(&run->round.latency, latency_us);
    } else if (outcome == VOW_ABORTED) {
        run->round.aborted++;
    } else {
        run->round.unknown++;
    }
}

void load_ended(struct load_slot *slot, enum vow_outcome outcome)
{
    struct load_run *run = slot->run;
    uint64_t now_us = vow_clock_us();
    bool more = now_us < run->end_us;
    pthread_mutex_lock(&run->mutex);
    if (now_us >= run->warm_us && now_us < run->end_us)
        count(run, outcome, now_us - slot->started_us);
    if (!more)
        stop(run);
    pthread_mutex_unlock(&run->mutex);
    if (more && start(slot) != 0) {
        pthread_mutex_lock(&run->mutex);
        stop(run);
        pthread_mutex_unlock(&run->mutex);
    }
}

static int open_clients(const struct load *load, struct vow_client **clients)
{
    struct vow_client_options client_options = {
        .size = sizeof(client_options), .coordinator = load->cluster->address, .name = "bench"};
    struct vow_error_detail detail;
    for (uint32_t i = 0; i < load->options->connections; i++) {
        if (vow_client_open(&client_options, &clients[i], &detail) != 0) {
            fprintf(stderr, "vow-bench: client: %s\n", detail.text);
            return -1;
        }
    }
    return 0;
}

static void fill_slot(const struct load *load, struct load_slot *slot, uint32_t index)
{
    slot->participants = load->options->participants;
    slot->row = slot->index = index;
    slot->number = vow_clock_us(); /* of no earlier round */
    slot->step = load->options->clients;
    slot->rows = load->options->rows > 0 ? load->options->rows : BENCH_ROWS;
}

static int child(const void *ctx, struct bench_round *round)
{
    const struct load *load = ctx;
    const struct bench_options *options = load->options;
    struct vow_client *clients[256] = {0};
    static struct load_slot slots[CLIENTS_MAX];
    static struct load_run run_of_this_process;
    struct load_run *run = &run_of_this_process;
    static char names[PARTICIPANTS_MAX][16];
    run->protocol = load->protocol;
    pthread_mutex_init(&run->mutex, NULL);
    pthread_cond_init(&run->idle, NULL);
    for (uint32_t i = 0; i < options->participants; i++)
        participant_name(i, names[i]);
    if (open_clients(load, clients) != 0)
        return -1;
    for (uint32_t i = 0; i < options->clients; i++) {
        slots[i] = (struct load_slot){.run = run, .client = clients[i % options->connections], .names = names};
        fill_slot(load, &slots[i], i);
    }
    if (load->protocol == BENCH_CHOREOGRAPHY && load_events_open(load->cluster, slots, options->clients) != 0)
        return -1;
    uint64_t warm_us = load->millis < 2000 ? load->millis * 100u : 200000u;
    run->warm_us = vow_clock_us() + warm_us;
    run->end_us = run->warm_us + load->millis * UINT64_C(1000);
    run->busy = options->clients;
    for (uint32_t i = 0; i < options->clients; i++) {
        if (start(&slots[i]) != 0)
            return -1;
    }
    pthread_mutex_lock(&run->mutex);
    while (run->busy > 0)
        pthread_cond_wait(&run->idle, &run->mutex);
    run->round.elapsed_us = load->millis * UINT64_C(1000);
    *round = run->round;
    pthread_mutex_unlock(&run->mutex);
    if (load->protocol == BENCH_CHOREOGRAPHY)
        load_events_close();
    return 0;
}

static uint64_t status_number(const json_t *status, const char *object, const char *key)
{
    const json_t *from = object != NULL ? json_object_get(status, object) : status;
    return (uint64_t)json_integer_value(json_object_get(from, key));
}

/* What vowd says it did between two statuses. Its counters cover the warm-up too, so they are divided by its own count
 * of transactions, or sagas, scaled here to the measured ones. Of the messages of a transaction those count that the
 * protocol's row counts; of a saga's all, the client's two included. */
static void take_difference(enum bench_protocol protocol, const json_t *before, const json_t *after,
                            struct bench_round *round)
{
#define DIFFERENCE(object, key) (status_number(after, object, key) - status_number(before, object, key))
    const bool is_saga = protocol == BENCH_SAGA;
    uint64_t all = is_saga ? DIFFERENCE("sagas", "completed") + DIFFERENCE("sagas", "compensated")
                           : DIFFERENCE("transactions", "committed") + DIFFERENCE("transactions", "aborted");
    double scale = all > 0 ? (double)(round->committed + round->aborted) / (double)all : 0;
    uint64_t messages = protocol != BENCH_2PC
                            ? DIFFERENCE("messages", "received") + DIFFERENCE("messages", "sent")
                            : DIFFERENCE("messages", "protocol_received") + DIFFERENCE("messages", "protocol_sent");
    round->messages = (uint64_t)(scale * (double)messages);
    round->forced_records = (uint64_t)(scale * (double)DIFFERENCE("journal", "forced_records"));
    round->records = (uint64_t)(scale * (double)DIFFERENCE("journal", "records"));
    round->journal_syncs = (uint64_t)(scale * (double)DIFFERENCE("journal", "syncs"));
    round->journal_commits = (uint64_t)(scale * (double)DIFFERENCE("journal", "commits"));
    round->cpu_us = (uint64_t)(scale * (double)DIFFERENCE(NULL, "cpu_us"));
#undef DIFFERENCE
}

int load_round(const struct bench_options *options, enum bench_protocol protocol, const struct cluster *cluster,
               uint32_t millis, struct bench_round *round)
{
    struct load load = {.options = options, .protocol = protocol, .cluster = cluster, .millis = millis};
    json_t *before = NULL, *after = NULL;
    int error = cluster_status(cluster, &before);
    if (error == 0)
        error = in_process(child, &load, round);
    if (error == 0)
        error = cluster_status(cluster, &after);
    if (error == 0)
        take_difference(protocol, before, after, round);
    json_decref(before);
    json_decref(after);
    return error;
}
