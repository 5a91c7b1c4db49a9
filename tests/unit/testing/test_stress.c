/*
 * Many threads on one client, in each of the three ways to run it, while participants and other clients come and go.
 * Made for ThreadSanitizer; what it asserts is that nobody is forgotten and that the books agree.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "town.h"

TestSuite(stress, .timeout = 120);

enum { THREADS = 6, COMMITS = 15, VISITS = 8 };

static const struct vow_call calls[BANKS] = {{"north", "add", "0", 1}, {"south", "add", "0", 1}};

struct host {
    struct town town;
    enum vow_loop_kind loop;
    pthread_t thread;
    int stop; /* eventfd */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_ready;
    atomic_uint committed, ended;
};

/* --- The thread with the loop --- */

static void say_ready(struct host *host)
{
    (void)pthread_mutex_lock(&host->lock);
    host->is_ready = true;
    (void)pthread_cond_broadcast(&host->changed);
    (void)pthread_mutex_unlock(&host->lock);
}

static void on_stop(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    (void)event_base_loopbreak(ctx);
}

static void run_base(struct host *host)
{
    struct event *stop = event_new(host->town.base, host->stop, EV_READ, on_stop, host->town.base);

    cr_assert_eq(event_add(stop, NULL), 0);
    (void)event_base_dispatch(host->town.base);
    event_free(stop);
}

static void run_poll(struct host *host)
{
    const struct town *town = &host->town;
    struct pollfd items[] = {
        {.fd = vow_participant_fd(town->banks[NORTH]), .events = POLLIN},
        {.fd = vow_participant_fd(town->banks[SOUTH]), .events = POLLIN},
        {.fd = vow_client_fd(town->client), .events = POLLIN},
        {.fd = host->stop, .events = POLLIN},
    };

    for (;;) {
        cr_assert_gt(poll(items, 4, -1), 0);
        for (int i = 0; i < BANKS; i++)
            cr_assert_eq(vow_participant_process(town->banks[i]), 0);
        cr_assert_eq(vow_client_process(town->client), 0);
        if (items[3].revents != 0)
            return;
    }
}

static void *run_host(void *ctx)
{
    struct host *host = ctx;
    uint64_t count;

    town_open_on(&host->town, false, host->loop, host->town.base);
    say_ready(host);
    if (host->loop == VOW_LOOP_BASE)
        run_base(host);
    else if (host->loop == VOW_LOOP_FD)
        run_poll(host);
    else
        while (read(host->stop, &count, sizeof(count)) < 0) {
            struct pollfd item = {.fd = host->stop, .events = POLLIN};

            (void)poll(&item, 1, -1);
        }
    return NULL;
}

/* --- The crowd --- */

static void *commit_many(void *ctx)
{
    struct host *host = ctx;
    struct vow_result result;

    for (int i = 0; i < COMMITS; i++) {
        const int error = vow_commit(host->town.client, calls, BANKS, &result);

        cr_assert(error == 0 || vow_error_class(error) == VOW_CLASS_RETRY, "%s", vow_error_name(error));
        atomic_fetch_add(&host->committed, error == 0 && result.outcome == VOW_COMMITTED);
    }
    return NULL;
}

static void count_end(void *ctx, const struct vow_result *result)
{
    (void)result;
    atomic_fetch_add((atomic_uint *)ctx, 1);
}

/* Clients that are closed with their work under way. */
static void *open_and_close_clients(void *ctx)
{
    struct host *host = ctx;
    struct vow_client_options options = {
        .size = sizeof(options), .name = "visitor", .coordinator = vow_test_network_address(host->town.network)};

    for (int i = 0; i < VISITS; i++) {
        struct vow_client *client;

        cr_assert_eq(vow_client_open(&options, &client, NULL), 0);
        for (int n = 0; n < 3; n++)
            cr_assert_eq(vow_commit_async(client, calls, BANKS, count_end, &host->ended), 0);
        vow_client_close(client);
    }
    return NULL;
}

static void *open_and_close_participants(void *ctx)
{
    struct host *host = ctx;
    struct vow_participant_options options = {.size = sizeof(options),
                                              .name = "visitor",
                                              .store = VOW_STORE_KIND_NULL,
                                              .coordinator = vow_test_network_address(host->town.network)};
    struct vow_participant_stats stats;

    for (int i = 0; i < VISITS; i++) {
        struct vow_participant *participant;

        cr_assert_eq(vow_participant_open(&options, &participant, NULL), 0);
        cr_assert_eq(vow_participant_start(participant), 0);
        if (i % 2 == 0)
            cr_assert_eq(vow_participant_wait(participant, 30000), 0);
        vow_participant_stats(participant, &stats, sizeof(stats));
        vow_participant_stats(host->town.banks[NORTH], &stats, sizeof(stats));
        vow_participant_close(participant);
    }
    return NULL;
}

static void stress(enum vow_loop_kind loop)
{
    struct host host = {.loop = loop,
                        .stop = eventfd(0, EFD_NONBLOCK),
                        .lock = PTHREAD_MUTEX_INITIALIZER,
                        .changed = PTHREAD_COND_INITIALIZER};
    pthread_t threads[THREADS + 2];
    const uint64_t one = 1;

    host.town.base = loop == VOW_LOOP_BASE ? event_base_new() : NULL;
    struct event_base *base = host.town.base;
    cr_assert_eq(pthread_create(&host.thread, NULL, run_host, &host), 0);
    (void)pthread_mutex_lock(&host.lock);
    while (!host.is_ready)
        (void)pthread_cond_wait(&host.changed, &host.lock);
    (void)pthread_mutex_unlock(&host.lock);
    for (int i = 0; i < THREADS; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, commit_many, &host), 0);
    cr_assert_eq(pthread_create(&threads[THREADS], NULL, open_and_close_clients, &host), 0);
    cr_assert_eq(pthread_create(&threads[THREADS + 1], NULL, open_and_close_participants, &host), 0);
    for (int i = 0; i < THREADS + 2; i++)
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    /* Work that is under way when the loop stops and all is closed. */
    for (int i = 0; i < 3; i++)
        cr_assert_eq(vow_commit_async(host.town.client, calls, BANKS, count_end, &host.ended), 0);
    cr_assert_eq(write(host.stop, &one, sizeof(one)), (ssize_t)sizeof(one));
    cr_assert_eq(pthread_join(host.thread, NULL), 0);
    town_close(&host.town); /* the loop does not run: any thread may close */
    cr_assert_eq(host.ended, 3 * VISITS + 3, "somebody was forgotten");
    cr_assert_gt(host.committed, 0);
    if (base != NULL)
        event_base_free(base);
    close(host.stop);
}

Test(stress, on_threads_of_their_own)
{
    stress(VOW_LOOP_OWN_THREAD);
}

Test(stress, on_the_callers_base)
{
    stress(VOW_LOOP_BASE);
}

Test(stress, behind_descriptors)
{
    stress(VOW_LOOP_FD);
}
