/*
 * F142 and F146 for every object that is opened and closed: without memory and with system calls that fail, opening
 * gives all of it or a clean error and nothing, closing always works, and what was opened is whole: it connects.
 */
#include <criterion/criterion.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <vow/vow.h>

#include "coordinator/server/server.h"
#include "fail.h"
#include "fake.h"
#include "participant/store/store.h"
#include "proto/codec.h"
#include "proto/net/channel.h"
#include "proto/net/timer.h"
#include "proto/net/worker.h"

static struct vow_error_detail detail;

static const int memory_errors[] = {VOW_E_NO_MEMORY, 0};
static const int system_errors[] = {VOW_E_SYSTEM, VOW_E_NO_MEMORY, VOW_E_IO, VOW_E_DATABASE,
                                    VOW_E_LOCKED, VOW_E_DAMAGED,   0};

/* libevent says on stderr what the sweep did to it. */
static void ignore_warning(int severity, const char *text)
{
    (void)severity, (void)text;
}

static void sweep(enum fail_kind kind, struct fail_case subject)
{
    event_set_log_callback(ignore_warning);
    subject.errors = kind == FAIL_MEMORY ? memory_errors : system_errors;
    subject.why = detail.text;
    fail_sweep(kind, &subject, NULL);
}

#define SWEEP_BOTH(name, subject)                                                                                      \
    Test(failing_objects, F142_##name)                                                                                 \
    {                                                                                                                  \
        sweep(FAIL_MEMORY, subject);                                                                                   \
    }                                                                                                                  \
    Test(failing_objects, F146_##name)                                                                                 \
    {                                                                                                                  \
        sweep(FAIL_SYSTEM, subject);                                                                                   \
    }

static void needs_nothing(void *ctx, int error)
{
    (void)ctx, (void)error;
}

/* --- The codec's arena --- */

static int arena_life(void *ctx)
{
    struct vow_arena *arena = vow_arena_new(0);

    (void)ctx;
    vow_arena_free(arena);
    return arena != NULL ? 0 : VOW_E_NO_MEMORY;
}

static const struct fail_case arena = {.run = arena_life, .after = needs_nothing};
SWEEP_BOTH(arena, arena)

/* --- On a base of its own --- */

static struct event_base *base;

static void make_base(void *ctx)
{
    (void)ctx;
    base = event_base_new();
    cr_assert_not_null(base);
}

/* A turn, in which what was freed leaves the base. */
static void free_base(void)
{
    event_base_loop(base, EVLOOP_NONBLOCK);
    event_base_free(base);
}

static struct vow_job *run_nothing(void *ctx, struct vow_job *first)
{
    (void)ctx;
    return first;
}

static void done_nothing(void *ctx, struct vow_job *first)
{
    (void)ctx, (void)first;
}

static const struct vow_worker_options worker_options = {
    .thread_name = "worker", .run = run_nothing, .done = done_nothing, .tick_ms = 5};

static int worker_life(void *ctx)
{
    struct vow_worker *worker = ctx;
    int error = vow_worker_new(base, &worker_options, &worker);

    if (error == 0)
        vow_worker_free(worker);
    return error;
}

static void base_is_good(void *ctx, int error)
{
    (void)error;
    cr_assert_eq(worker_life(ctx), 0);
    free_base();
}

static const struct fail_case worker = {.before = make_base, .run = worker_life, .after = base_is_good};
SWEEP_BOTH(worker, worker)

static int timers_life(void *ctx)
{
    struct vow_timers *timers;
    int error = vow_timers_new(base, &timers);

    (void)ctx;
    if (error == 0)
        vow_timers_free(timers);
    return error;
}

static const struct fail_case timers = {.before = make_base, .run = timers_life, .after = base_is_good};
SWEEP_BOTH(timers, timers)

static void ignore_down(void *ctx, struct vow_channel *channel, const struct vow_error_detail *why)
{
    (void)ctx, (void)channel, (void)why;
}

/* libevent keeps its timers in a heap, which grows: one that finds no room there comes too early, but it comes. */
#define TIMERS 40
static struct vow_timer many[TIMERS];
static unsigned fired;

static void count_fired(void *ctx)
{
    (void)ctx;
    fired++;
}

static void make_timers(void *ctx)
{
    make_base(ctx);
    fired = 0;
    for (int i = 0; i < TIMERS; i++)
        vow_timer_init(&many[i], base, NULL, count_fired, NULL);
}

static int arm_timers(void *ctx)
{
    (void)ctx;
    for (int i = 0; i < TIMERS; i++)
        vow_timer_arm(&many[i], 1);
    return 0;
}

static void all_fire(void *ctx, int error)
{
    (void)ctx, (void)error;
    while (fired < TIMERS)
        cr_assert_eq(event_base_loop(base, EVLOOP_ONCE), 0, "%u of %d fired, and nothing is waited for", fired, TIMERS);
    free_base();
}

static const struct fail_case arming = {.before = make_timers, .run = arm_timers, .after = all_fire};
SWEEP_BOTH(timer, arming)

static const struct vow_channel_ops no_ops = {.on_down = ignore_down};
static struct vow_listener *listener;

static int listener_life(void *ctx)
{
    const struct vow_address anywhere = {.host = "127.0.0.1"};
    int error = vow_listener_new(base, &anywhere, &vow_channel_defaults, &no_ops, NULL, &listener, &detail);

    (void)ctx;
    if (error == 0)
        vow_listener_free(listener);
    return error;
}

static const struct fail_case listening = {.before = make_base, .run = listener_life, .after = base_is_good};
SWEEP_BOTH(listener, listening)

static const struct vow_msg_hello hello = {.role = VOW_ROLE_CLIENT, .name = "dialer", .software = "test"};

static int dialer_life(void *ctx)
{
    const struct vow_address nobody = {.host = "127.0.0.1", .port = 1};
    struct vow_dialer *dialer;
    int error = vow_dialer_new(base, &nobody, &vow_channel_defaults, &hello, &no_ops, NULL, 1, &dialer);

    (void)ctx;
    if (error != 0)
        return error;
    event_base_loop(base, EVLOOP_ONCE); /* the first attempt */
    vow_dialer_free(dialer);
    return 0;
}

static const struct fail_case dialing = {
    .before = make_base, .run = dialer_life, .after = base_is_good, .is_once_only = true};
SWEEP_BOTH(dialer, dialing)

/* --- The client --- */

static struct fake *fake;
static struct vow_client *client;

static void make_fake(void *ctx)
{
    (void)ctx;
    fake = fake_open();
}

static int open_client(void *ctx)
{
    const struct vow_client_options options = {.size = sizeof(options), .coordinator = fake->address};

    (void)ctx;
    return vow_client_open(&options, &client, &detail);
}

static void client_connects(void *ctx, int error)
{
    cr_assert(error == 0 || (client == NULL && detail.error == error), "%s", detail.text);
    if (error != 0)
        cr_assert_eq(open_client(ctx), 0, "%s", detail.text);
    fake_until_up(fake, 1);
    vow_client_close(client);
    fake_close(fake);
}

static const struct fail_case opened_client = {.before = make_fake, .run = open_client, .after = client_connects};
SWEEP_BOTH(client, opened_client)

static void make_client(void *ctx)
{
    make_fake(ctx);
    cr_assert_eq(open_client(ctx), 0, "%s", detail.text);
    fake_until_up(fake, 1);
}

static int close_client(void *ctx)
{
    (void)ctx;
    vow_client_close(client);
    return 0;
}

static void client_is_closed(void *ctx, int error)
{
    (void)ctx, (void)error;
    fake_close(fake);
}

static const struct fail_case closed_client = {.before = make_client, .run = close_client, .after = client_is_closed};
SWEEP_BOTH(client_close, closed_client)

/* --- The participant --- */

static char file[128], directory[64];
static struct vow_participant *participant;

static int add(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)db, (void)payload, (void)len, (void)ctx;
    return 0;
}

static void make_directory(void *ctx)
{
    make_fake(ctx);
    (void)snprintf(directory, sizeof(directory), "%s/vow-objects-XXXXXX", fail_parent());
    cr_assert_not_null(mkdtemp(directory));
    (void)snprintf(file, sizeof(file), "%s/service.db", directory);
}

static int open_participant(void *ctx)
{
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = "stock",
                                                    .path = file,
                                                    .coordinator = fake->address,
                                                    .schema = "CREATE TABLE item (id INTEGER PRIMARY KEY, n INTEGER)"};

    (void)ctx;
    return vow_participant_open(&options, &participant, &detail);
}

static void participant_connects(void)
{
    fake_until_up(fake, 1);
    vow_participant_close(participant);
    fake_close(fake);
    fail_remove(directory);
}

static void participant_starts(void *ctx, int error)
{
    cr_assert(error == 0 || (participant == NULL && detail.error == error), "%s", detail.text);
    if (error != 0)
        cr_assert_eq(open_participant(ctx), 0, "%s", detail.text);
    cr_assert_eq(vow_participant_handle(participant, "add", add, NULL), 0);
    cr_assert_eq(vow_participant_start(participant), 0);
    participant_connects();
}

static const struct fail_case opened = {
    .before = make_directory, .run = open_participant, .after = participant_starts, .runs_max = 40};
SWEEP_BOTH(participant, opened)

static void make_participant(void *ctx)
{
    make_directory(ctx);
    cr_assert_eq(open_participant(ctx), 0, "%s", detail.text);
}

/* Each step as long as it fails, as a service would that waits for memory. */
static int start_participant(void *ctx)
{
    int error = vow_participant_handle(participant, "add", add, NULL);

    (void)ctx;
    return error != 0 && error != VOW_E_DUPLICATE ? error : vow_participant_start(participant);
}

static void participant_is_started(void *ctx, int error)
{
    if (error != 0)
        cr_assert_eq(start_participant(ctx), 0);
    cr_assert_eq(vow_participant_start(participant), VOW_E_STATE);
    participant_connects();
}

static const struct fail_case started = {
    .before = make_participant, .run = start_participant, .after = participant_is_started, .runs_max = 40};
SWEEP_BOTH(participant_start, started)

static void make_connected(void *ctx)
{
    make_participant(ctx);
    cr_assert_eq(start_participant(ctx), 0);
    fake_until_up(fake, 1);
}

static int close_participant(void *ctx)
{
    (void)ctx;
    vow_participant_close(participant);
    return 0;
}

static void participant_is_closed(void *ctx, int error)
{
    (void)error;
    fake_close(fake);
    fake = fake_open();
    cr_assert_eq(open_participant(ctx), 0, "%s", detail.text);
    cr_assert_eq(start_participant(ctx), 0);
    participant_connects();
}

static const struct fail_case closed = {
    .before = make_connected, .run = close_participant, .after = participant_is_closed, .runs_max = 40};
SWEEP_BOTH(participant_close, closed)

/* --- The server --- */

static struct vow_server *server;

static void make_data(void *ctx)
{
    (void)ctx;
    (void)snprintf(directory, sizeof(directory), "%s/vow-objects-XXXXXX", fail_parent());
    cr_assert_not_null(mkdtemp(directory));
}

static int server_life(void *ctx)
{
    struct vow_server_options options = {0};
    int error;

    (void)ctx;
    vow_settings_defaults(&options.settings);
    options.settings.listen = (struct vow_address){.host = "127.0.0.1"};
    options.settings.http = (struct vow_address){.host = "127.0.0.1"};
    (void)snprintf(options.settings.data, sizeof(options.settings.data), "%s", directory);
    error = vow_server_open(&options, &server, &detail);
    if (error == 0)
        vow_server_free(server);
    return error;
}

static void serves(void *ctx, int error)
{
    cr_assert(error == 0 || detail.error == error, "%s", detail.text);
    cr_assert_eq(server_life(ctx), 0, "%s", detail.text);
    fail_remove(directory);
}

static const struct fail_case serving = {.before = make_data, .run = server_life, .after = serves, .runs_max = 40};
SWEEP_BOTH(server, serving)
