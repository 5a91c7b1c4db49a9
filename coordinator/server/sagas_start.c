/* The start of sagas: room for what the journal has left open, beside new work, and what goes on once it was fed. */
#include <stdio.h>
#include <stdlib.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"

/* At the highest limit new work gets less room: what the log left open fitted into the core that took it. */
static void widen(uint32_t *limit, uint32_t by, uint32_t highest)
{
    *limit = by < highest - *limit ? *limit + by : highest;
}

int sagas_make(struct vow_server *server, uint64_t seed, struct vow_error_detail *detail)
{
    struct server_sagas *sagas = &server->sagas;
    vow_settings_saga_limits(&server->settings, &sagas->limits);
    widen(&sagas->limits.sagas_max, server->room.sagas, VOW_SAGAS_HIGHEST);
    widen(&sagas->limits.steps_max, server->room.steps, 4 * VOW_SAGAS_HIGHEST);
    const size_t size = vow_sagas_size(&sagas->limits);
    sagas->memory = size > 0 ? malloc(size) : NULL;
    if (sagas->memory == NULL) {
        detail->error = size > 0 ? VOW_E_NO_MEMORY : VOW_E_ARGUMENT;
        snprintf(detail->text, sizeof(detail->text), "no memory for %u sagas: lower limits.sagas_max",
                 sagas->limits.sagas_max);
        return detail->error;
    }
    sagas->core = vow_sagas_init(sagas->memory, &sagas->limits, server->identity.epoch, seed);
    return 0;
}

/* They go on with the first timer, some at a time. */
void sagas_recovered(struct vow_server *server)
{
    const struct vow_sagas_event done = {.kind = VOW_SAGAS_RECOVERY_DONE, .now_ms = vow_clock_ms()};
    sagas_step(server, &done);
}
