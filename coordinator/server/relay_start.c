/* The start of events: a core with room for what the journal keeps of them, beside new work; then that is fed to it. */
#include <stdio.h>
#include <stdlib.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"

static int no_memory(struct vow_error_detail *detail)
{
    detail->error = VOW_E_NO_MEMORY;
    snprintf(detail->text, sizeof(detail->text), "no memory for the events that are not done");
    return VOW_E_NO_MEMORY;
}

static void step(void *server, const struct vow_relay_event *event)
{
    relay_step(server, event);
}

struct relay_recovery relay_recovery_of(struct vow_server *server, struct vow_error_detail *detail)
{
    return (struct relay_recovery){.book = &server->relay.book,
                                   .arena = server->relay.arena,
                                   .now_ms = vow_clock_ms(),
                                   .wall_us = vow_clock_wall_us(),
                                   .step = step,
                                   .ctx = server,
                                   .detail = detail,
                                   .core = server->relay.core};
}

static int make_core(struct vow_server *server, const struct relay_recovery *counted, uint64_t seed,
                     struct vow_error_detail *detail)
{
    struct server_relay *relay = &server->relay;
    vow_settings_relay_limits(&server->settings, &relay->limits);
    relay_recovery_widen(counted, &relay->limits);
    const size_t size = vow_relay_size(&relay->limits);
    relay->memory = size > 0 ? malloc(size) : NULL;
    relay->arena = vow_arena_new(0);
    if (relay->memory == NULL || relay->arena == NULL)
        return no_memory(detail);
    relay->core = vow_relay_core_init(relay->memory, &relay->limits, server->identity.epoch, seed);
    return 0;
}

int relay_start(struct vow_server *server, const struct vow_journal_engine *ops, void *engine, uint64_t seed,
                struct vow_error_detail *detail)
{
    struct relay_recovery recovery = relay_recovery_of(server, detail);
    int error = relay_recovery_count(&recovery, ops, engine);
    error = error != 0 ? error : make_core(server, &recovery, seed, detail);
    if (error != 0)
        return error;
    recovery = relay_recovery_of(server, detail);
    return relay_recovery_feed(&recovery, &server->relay.limits, ops, engine);
}
