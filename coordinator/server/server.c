/* The life of the daemon: open, recover, serve, drain, close. */
#include "coordinator/server/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"
#include "proto/net/clock_manual.h"
#include "proto/net/log.h"

/* --- timers --- */

/* Arms the one timer for the cores' next deadline, if that moved. */
static void arm_timer(struct vow_server *server)
{
    uint64_t deadline_ms = vow_coord_deadline_ms(server->core);
    if (vow_sagas_deadline_ms(server->sagas.core) < deadline_ms)
        deadline_ms = vow_sagas_deadline_ms(server->sagas.core);
    if (server->broker->ops->deadline_ms(server->broker) < deadline_ms)
        deadline_ms = server->broker->ops->deadline_ms(server->broker);
    if (deadline_ms == server->timer_armed_ms)
        return;
    server->timer_armed_ms = deadline_ms;
    if (deadline_ms == UINT64_MAX) {
        vow_timer_disarm(&server->timer);
        return;
    }
    uint64_t now_ms = vow_clock_ms();
    vow_timer_arm(&server->timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0);
}

static void on_timer(void *ctx)
{
    struct vow_server *server = ctx;
    if (server->ended)
        return;
    server->timer_armed_ms = UINT64_MAX - 1; /* fired: whatever comes next is armed anew */
    struct vow_coord_event event = {.kind = VOW_COORD_TIMER, .now_ms = vow_clock_ms()};
    server_step(server, &event);
    sagas_timer(server);
    server->broker->ops->timer(server->broker);
}

/* --- the end --- */

static void on_drain_timer(void *ctx)
{
    struct vow_server *server = ctx;
    server->ended = true;
    server->end = VOW_SERVER_LEFT_OPEN;
}

static void on_signal(evutil_socket_t fd, short what, void *ctx)
{
    (void)what;
    struct vow_server *server = ctx;
    if (server->ended)
        return;
    if (server->draining) {
        on_drain_timer(ctx);
        return;
    }
    VOW_LOG(VOW_LOG_INFO, "draining", VOW_NUM("signal", fd), VOW_NUM("wait_ms", server->settings.drain_ms));
    /* The listener stays: a participant that owes an acknowledgement must be able to come back. */
    server->draining = true;
    struct vow_coord_event event = {.kind = VOW_COORD_DRAIN, .now_ms = vow_clock_ms()};
    server_step(server, &event);
    sagas_drain(server);
    server->broker->ops->drain(server->broker);
    health_say_stopping(server);
    vow_timer_arm(&server->drain_timer, server->settings.drain_ms);
}

static void on_sighup(evutil_socket_t fd, short what, void *ctx)
{
    (void)fd, (void)what;
    struct vow_server *server = ctx;
    if (!server->ended)
        server_on_sighup(server);
}

static void check_drained(struct vow_server *server)
{
    if (!server->draining || server->ended)
        return;
    struct vow_coord_counts counts;
    struct vow_sagas_counts sagas;
    vow_coord_counts(server->core, &counts);
    vow_sagas_counts(server->sagas.core, &sagas);
    if (counts.open > 0 || sagas.open > 0)
        return;
    server->ended = true;
    server->end = VOW_SERVER_DRAINED;
}

/* --- what nobody asks for --- */

#define LOOK_MS 1000u
#define LOOKS_PER_STUCK 10u

static void on_look(void *ctx)
{
    struct vow_server *server = ctx;
    space_look(server);
    if (++server->looks % LOOKS_PER_STUCK == 0)
        stuck_look(server);
    trace_cost(server);
    vow_timer_arm(&server->look, LOOK_MS);
}

/* The journal also fails on its own, when it proves what it keeps and finds damage: nobody's record is lost by that,
 * and still nothing more may be said (guarantee 4). */
static void check_journal(struct vow_server *server)
{
    struct vow_journal_stats stats;
    vow_journal_stats(server->journal, &stats);
    if (stats.failed == 0 || server->ended)
        return;
    server->ended = true;
    server->end = VOW_SERVER_FAILED;
}

enum vow_server_end vow_server_run(struct vow_server *server)
{
    health_say_ready(server);
    trace_ready(server);
    /* One turn: all input that has come, then one hand-over to the journal, then the timer. */
    while (!server->ended) {
        check_journal(server);
        server_submit(server);
        vow_trace_flush(server->trace);
        arm_timer(server);
        event_base_loop(server->base, EVLOOP_ONCE);
        server->traffic.turns++;
        check_drained(server);
    }
    trace_letters(server); /* that one was done may be durable with the next life only */
    return server->end;
}

/* --- the start --- */

static void recover_txn(void *server, const struct vow_coord_event *event)
{
    server_step(server, event);
}

static void recover_saga(void *server, const struct vow_sagas_event *event)
{
    sagas_step(server, event);
}

/* Memory for the limits of new work and, beside it, all that the log left open: a full table never stops a start
 * (F028). */
static int make_core(struct vow_server *server, struct vow_error_detail *detail)
{
    struct vow_coord_identity identity = {.coord = server->identity.coord, .epoch = server->identity.epoch};
    server_limits(server, &server->settings, &server->limits);
    size_t size = vow_coord_size(&server->limits);
    server->core_memory = size > 0 ? malloc(size) : NULL;
    if (server->core_memory == NULL || vow_random_bytes(identity.secret, sizeof(identity.secret)) != 0 ||
        vow_random_bytes(&identity.seed, sizeof(identity.seed)) != 0) {
        detail->error = size > 0 ? VOW_E_NO_MEMORY : VOW_E_ARGUMENT;
        snprintf(detail->text, sizeof(detail->text), "no memory for %u transactions: lower the limits",
                 server->limits.txns_max);
        return detail->error;
    }
    server->core = vow_coord_init(server->core_memory, &server->limits, &identity);
    return sagas_make(server, identity.seed, detail);
}

static int recover(struct vow_server *server, const struct vow_journal_engine *engine_ops, void *engine,
                   struct vow_error_detail *detail)
{
    struct vow_recovery recovery = {.book = &server->sagas.book,
                                    .ctx = server,
                                    .txn = recover_txn,
                                    .saga = recover_saga,
                                    .now_ms = vow_clock_ms(),
                                    .wall_us = vow_clock_wall_us(),
                                    .detail = detail};
    int error = engine_ops->scan(engine, vow_recovery_count, &recovery, detail);
    server->room = recovery.room;
    error = error != 0 ? error : make_core(server, detail);
    error = error != 0 ? error : engine_ops->scan(engine, vow_recovery_feed, &recovery, detail);
    if (error == 0)
        error = engine_ops->keys(engine, server->limits.keys_max, vow_recovery_feed, &recovery, detail);
    if (error == 0)
        error = engine_ops->saga_keys(engine, server->sagas.limits.keys_max, vow_recovery_feed, &recovery, detail);
    vow_recovery_deinit(&recovery);
    if (error != 0)
        return error;
    const struct vow_coord_event done = {.kind = VOW_COORD_RECOVERY_DONE, .now_ms = vow_clock_ms()};
    server_step(server, &done);
    sagas_recovered(server);
    return relay_start(server, engine_ops, engine, server->identity.epoch ^ vow_clock_wall_us(), detail);
}

static int open_journal(struct vow_server *server, struct vow_error_detail *detail)
{
    const struct vow_journal_engine *engine_ops;
    void *engine;
    const char *name = server->settings.name;
    struct vow_journal_options journal_options = {.directory = server->settings.data,
                                                  .name = name[0] != '\0' ? name : NULL,
                                                  .event_keys_max = server->settings.event_keys_max};
    server_retention(&server->settings, &journal_options.retention);
    int error = vow_journal_sqlite_open(&journal_options, &engine_ops, &engine, detail);
    if (error != 0)
        return error;
    error = engine_ops->takeover(engine, &server->identity, detail);
    if (error == 0)
        trace_life(server);
    if (error == 0)
        error = recover(server, engine_ops, engine, detail);
    if (error == 0 && engine_ops->lives != NULL)
        error = engine_ops->lives(engine, lives_recover, server, detail);
    if (error != 0) {
        engine_ops->close(engine);
        return error;
    }
    return vow_journal_start(server->base, engine_ops, engine, server_journal_done, server, &server->journal, detail);
}

static int make_signals(struct vow_server *server)
{
    server->sigterm = evsignal_new(server->base, SIGTERM, on_signal, server);
    server->sigint = evsignal_new(server->base, SIGINT, on_signal, server);
    server->sighup = evsignal_new(server->base, SIGHUP, on_sighup, server);
    if (server->sigterm == NULL || server->sigint == NULL || server->sighup == NULL ||
        event_add(server->sigterm, NULL) != 0 || event_add(server->sigint, NULL) != 0 ||
        event_add(server->sighup, NULL) != 0)
        return VOW_E_NO_MEMORY;
    return 0;
}

static int make_events(struct vow_server *server, const int *feed, struct vow_error_detail *detail)
{
    server->base = event_base_new();
    int error = server->base != NULL ? 0 : VOW_E_NO_MEMORY;
    if (error == 0 && vow_clock_is_manual())
        error = vow_timers_new(server->base, &server->timers);
    if (error == 0) {
        vow_timer_init(&server->timer, server->base, server->timers, on_timer, server);
        health_open(server, feed == NULL);
        vow_timer_init(&server->look, server->base, server->timers, on_look, server);
        vow_timer_init(&server->drain_timer, server->base, server->timers, on_drain_timer, server);
        error = feed != NULL ? feed_open(server, *feed) : make_signals(server);
    }
    if (error != 0) {
        detail->error = error;
        snprintf(detail->text, sizeof(detail->text), "the event loop cannot be made");
    }
    return error;
}

static int open_listener(struct vow_server *server, struct vow_error_detail *detail)
{
    struct vow_channel_options options;
    vow_settings_channel_options(&server->settings, &options);
    options.timers = server->timers;
    return vow_listener_new(server->base, server->feed == NULL ? &server->settings.listen : NULL, &options,
                            &session_ops, server, &server->listener, detail);
}

int vow_server_open(const struct vow_server_options *options, struct vow_server **out, struct vow_error_detail *detail)
{
    *out = NULL;
    *detail = (struct vow_error_detail){.error = VOW_E_NO_MEMORY, .text = "out of memory"};
    struct vow_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return VOW_E_NO_MEMORY;
    server->settings = options->settings;
    server->source = options->source;
    server->started_ms = vow_clock_ms();
    server->clocks_apart_us = vow_clock_wall_us() - vow_clock_us();
    server->timer_armed_ms = UINT64_MAX;
    server->pending_last = &server->pending_first;
    server->http_address = server->settings.http;
    vow_log_set_level((enum vow_log_level)server->settings.log_level);
    int error = trace_open(server, options->trace, detail);
    if (error == 0)
        error = make_events(server, options->feed, detail);
    if (error == 0)
        error = open_journal(server, detail);
    if (error == 0)
        error = open_listener(server, detail);
    if (error == 0 && server->http_address.host[0] != '\0')
        error = http_open(server, detail);
    if (error != 0) {
        vow_server_free(server);
        return error;
    }
    vow_listener_address(server->listener, &server->listen);
    if (realpath(server->settings.data, server->place) == NULL)
        snprintf(server->place, sizeof(server->place), "%s", server->settings.data);
    server_log_settings(&server->settings);
    on_look(server);
    *out = server;
    return 0;
}

void vow_server_facts(const struct vow_server *server, struct vow_server_facts *facts)
{
    *facts = (struct vow_server_facts){.name = server->identity.name,
                                       .directory = server->settings.data,
                                       .epoch = server->identity.epoch,
                                       .recovered = server->room.txns,
                                       .listen = server->listen,
                                       .http = server->http_address};
}

static void free_event(struct event *event)
{
    if (event != NULL)
        event_free(event);
}

void vow_server_free(struct vow_server *server)
{
    if (server == NULL)
        return;
    server_submit(server);
    trace_close(server);
    server->ended = true; /* what the journal still reports is not acted on */
    vow_journal_stop(server->journal);
    http_close(server);
    vow_listener_free(server->listener);
    session_close_all(server);
    gathers_free(server);
    replays_free(server);
    operate_free_all(server);
    /* Before the loop's last turn: without memory a timer that arms itself again is due at once, for ever. */
    if (server->timer.fn != NULL) {
        vow_timer_deinit(&server->timer);
        vow_timer_deinit(&server->drain_timer);
        vow_timer_deinit(&server->look);
        health_close(server);
    }
    if (server->base != NULL)
        event_base_loop(server->base, EVLOOP_NONBLOCK); /* closed channels are freed on the loop's next turn */
    log_ops_free(server);
    known_free(server);
    lives_free(server);
    vow_timers_free(server->timers);
    free_event(server->feed);
    free_event(server->sigterm);
    free_event(server->sigint);
    free_event(server->sighup);
    if (server->base != NULL)
        event_base_free(server->base);
    sagas_free(server);
    if (server->broker != NULL)
        server->broker->ops->free(server->broker);
    free(server->core_memory);
    free(server);
}
