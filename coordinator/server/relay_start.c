/* The start of events: a core with room for what the journal keeps of them, beside new work; then that is fed to it. */
#include <stdio.h>
#include <stdlib.h>

#include "coordinator/server/relay.h"

static int no_memory(struct vow_error_detail *detail)
{
    detail->error = VOW_E_NO_MEMORY;
    snprintf(detail->text, sizeof(detail->text), "no memory for the events that are not done");
    return VOW_E_NO_MEMORY;
}

static void step(void *relay, const struct vow_relay_event *event)
{
    relay_step(relay, event);
}

struct relay_recovery relay_recovery_of(struct relay *relay, struct vow_error_detail *detail)
{
    return (struct relay_recovery){.book = &relay->book,
                                   .arena = relay->arena,
                                   .now_ms = relay_now_ms(relay),
                                   .wall_us = relay_wall_us(relay),
                                   .step = step,
                                   .ctx = relay,
                                   .detail = detail,
                                   .core = relay->core};
}

static int make_core(struct relay *relay, const struct relay_recovery *counted, uint64_t seed,
                     struct vow_error_detail *detail)
{
    vow_settings_relay_limits(&relay->server->settings, &relay->limits);
    relay_recovery_widen(counted, &relay->limits);
    const size_t size = vow_relay_size(&relay->limits);
    relay->memory = size > 0 ? malloc(size) : NULL;
    relay->arena = vow_arena_new(0);
    if (relay->memory == NULL || relay->arena == NULL)
        return no_memory(detail);
    relay->core = vow_relay_core_init(relay->memory, &relay->limits, relay->server->identity.epoch, seed);
    return 0;
}

int relay_start(struct vow_server *server, const struct vow_journal_engine *ops, void *engine, uint64_t seed,
                struct vow_error_detail *detail)
{
    struct relay *relay = calloc(1, sizeof(*relay));
    if (relay == NULL)
        return no_memory(detail);
    relay->broker = (struct broker){.ops = &relay_ops, .host = &events_host, .host_ctx = server};
    relay->server = server;
    server->broker = &relay->broker;
    struct relay_recovery recovery = relay_recovery_of(relay, detail);
    int error = relay_recovery_count(&recovery, ops, engine);
    error = error != 0 ? error : make_core(relay, &recovery, seed, detail);
    if (error != 0)
        return error;
    recovery = relay_recovery_of(relay, detail);
    return relay_recovery_feed(&recovery, &relay->limits, ops, engine);
}
