/*
 * Is vowd well? The loop turns, or nobody would ask; so it is about the journal: an op that has been with its thread
 * for too long means a disk that hangs (fault F119). Nothing is acknowledged then, and nothing is guessed; but whoever
 * watches must be told.
 */
#include <stdio.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

/* How often the watchdog is told, in each of its periods. */
#define PINGS_PER_PERIOD 3

void health_submitted(struct vow_server *server, uint32_t ops)
{
    if (server->health.waiting == 0)
        server->health.since_ms = vow_clock_ms();
    server->health.waiting += ops;
    if (server->health.waiting > server->health.waiting_most)
        server->health.waiting_most = server->health.waiting;
}

/* Ops come back batch by batch: each one is progress. */
void health_done(struct vow_server *server, uint32_t ops)
{
    server->health.waiting -= ops;
    server->health.since_ms = vow_clock_ms();
    if (!server->health.is_stalled)
        return;
    server->health.is_stalled = false;
    VOW_LOG(VOW_LOG_WARN, "journal_goes_on", VOW_NUM("waiting", server->health.waiting));
}

uint64_t health_stalled_ms(const struct vow_server *server)
{
    return server->health.waiting > 0 ? vow_clock_ms() - server->health.since_ms : 0;
}

bool health_is_stalled(struct vow_server *server)
{
    uint64_t stalled_ms = health_stalled_ms(server);
    if (stalled_ms < server->settings.journal_stall_ms)
        return false;
    if (!server->health.is_stalled)
        VOW_LOG(VOW_LOG_ERROR, "journal_stalled", VOW_NUM("waiting", server->health.waiting),
                VOW_NUM("stalled_ms", stalled_ms),
                VOW_STR("do", "look at the disk; nothing is acknowledged, and new work is told to come back"));
    return server->health.is_stalled = true;
}

/* ---- the service manager ---- */

static void send_status(struct vow_server *server, const char *state)
{
    struct vow_coord_counts counts;
    vow_coord_counts(server->core, &counts);
    notify_send(&server->notify, "%sSTATUS=%s: %u open, %u unfinished, %u connections, epoch %u", state,
                server->draining            ? "draining"
                : health_is_stalled(server) ? "the journal does not answer"
                                            : "serving",
                counts.open, counts.in_doubt, HASH_COUNT(server->sessions), server->identity.epoch);
}

/* The loop has come round, and the journal is no longer behind than the manager would wait. */
static void on_watchdog(void *ctx)
{
    struct vow_server *server = ctx;
    bool is_well = health_stalled_ms(server) < server->notify.watchdog_ms;
    send_status(server, is_well ? "WATCHDOG=1\n" : "");
    vow_timer_arm(&server->watchdog, server->notify.watchdog_ms / PINGS_PER_PERIOD);
}

void health_open(struct vow_server *server, bool is_daemon)
{
    /* Inside a test's process the manager's socket is not ours to speak to. */
    server->notify.fd = -1;
    if (is_daemon)
        notify_open(&server->notify);
    vow_timer_init(&server->watchdog, server->base, server->timers, on_watchdog, server);
}

void health_close(struct vow_server *server)
{
    vow_timer_deinit(&server->watchdog);
    notify_close(&server->notify);
}

void health_say_ready(struct vow_server *server)
{
    send_status(server, "READY=1\n");
    if (server->notify.watchdog_ms >= PINGS_PER_PERIOD)
        vow_timer_arm(&server->watchdog, server->notify.watchdog_ms / PINGS_PER_PERIOD);
}

void health_say_reloading(struct vow_server *server)
{
    notify_send(&server->notify, "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)vow_clock_us());
}

/* The manager kills what takes too long to stop: it is told how long a drain may take. */
void health_say_stopping(struct vow_server *server)
{
    char state[96];
    snprintf(state, sizeof(state), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%llu\n",
             (unsigned long long)server->settings.drain_ms * 1000 + 10000000);
    send_status(server, state);
}
