/*
 * The start of sagas: what the journal has left open is counted, so that there is room for it beside new work, and then
 * fed. The core takes a record on trust, so all that it assumes is looked at here; what no saga can have written is
 * damage, and no start.
 */
#include <stdio.h>
#include <stdlib.h>

#include "coordinator/server/internal.h"
#include "proto/codec.h"
#include "proto/net/clock.h"

/* As channels have it: what a message takes, decoded. */
#define ARENA_BYTES_PER_BYTE 4u
#define ARENA_BYTES_LEAST 65536u

static int damaged(const struct vow_journal_event *event, const char *what, struct vow_error_detail *detail)
{
    detail->error = VOW_E_DAMAGED;
    snprintf(detail->text, sizeof(detail->text), "lsn %llu: %s: %s; restore the journal",
             (unsigned long long)event->lsn, vow_record_name(event->record.kind), what);
    return VOW_E_DAMAGED;
}

static int no_memory(struct vow_error_detail *detail)
{
    detail->error = VOW_E_NO_MEMORY;
    snprintf(detail->text, sizeof(detail->text), "no memory for the sagas that the journal has left open");
    return VOW_E_NO_MEMORY;
}

static bool fit_arena(struct server_sagas *sagas, size_t len)
{
    size_t size = len * ARENA_BYTES_PER_BYTE + ARENA_BYTES_LEAST;
    if (sagas->arena != NULL && size <= sagas->arena_size)
        return true;
    vow_arena_free(sagas->arena);
    sagas->arena = vow_arena_new(size);
    sagas->arena_size = size;
    return sagas->arena != NULL;
}

/* The order of a SAGA_BEGIN. *msg lives until the next one is read. */
static int read_order(struct vow_server *server, const struct vow_journal_event *event, struct vow_msg *msg,
                      struct vow_error_detail *detail)
{
    const struct vow_record *record = &event->record;
    const char *why = "";
    uint32_t step;
    if (!fit_arena(&server->sagas, record->body.len))
        return no_memory(detail);
    int error = vow_msg_decode(server->sagas.arena, record->body.data, record->body.len, msg, &why);
    if (error == VOW_E_NO_MEMORY)
        return no_memory(detail);
    if (error != 0)
        return damaged(event, why, detail);
    if (msg->kind != VOW_MSG_SAGA_REQUEST || !vow_gtrid_equal(&msg->saga_request.gtrid, &record->gtrid))
        return damaged(event, "its body is no order of this saga", detail);
    why = vow_saga_fault(&msg->saga_request, &step);
    return why != NULL ? damaged(event, why, detail) : 0;
}

int sagas_count(struct vow_server *server, const struct vow_journal_event *event, struct vow_error_detail *detail)
{
    struct vow_msg msg;
    if (event->record.kind != VOW_RECORD_SAGA_BEGIN)
        return 0;
    int error = read_order(server, event, &msg, detail);
    if (error != 0)
        return error;
    server->sagas.recovered++;
    server->sagas.steps_recovered += msg.saga_request.steps_len;
    return 0;
}

/* At the highest limit new work gets less room: what the log left open fitted into the core that took it. */
static void widen(uint32_t *limit, uint32_t by, uint32_t highest)
{
    *limit = by < highest - *limit ? *limit + by : highest;
}

int sagas_make(struct vow_server *server, uint64_t seed, struct vow_error_detail *detail)
{
    struct server_sagas *sagas = &server->sagas;
    vow_settings_saga_limits(&server->settings, &sagas->limits);
    widen(&sagas->limits.sagas_max, sagas->recovered, VOW_SAGAS_HIGHEST);
    widen(&sagas->limits.steps_max, sagas->steps_recovered, 4 * VOW_SAGAS_HIGHEST);
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

static int recover_begin(struct vow_server *server, const struct vow_journal_event *event,
                         struct vow_sagas_event *recovered, struct vow_msg *msg, struct vow_error_detail *detail)
{
    int error = read_order(server, event, msg, detail);
    if (error != 0)
        return error;
    if (saga_book_find(&server->sagas.book, &event->record.gtrid) != NULL)
        return damaged(event, "this saga has begun before", detail);
    recovered->recovered.msg = &msg->saga_request;
    return saga_book_add(&server->sagas.book, &msg->saga_request, 0) != NULL ? 0 : no_memory(detail);
}

static int recover_step(struct vow_server *server, const struct vow_journal_event *event,
                        struct vow_error_detail *detail)
{
    const struct vow_record *record = &event->record;
    const struct saga_order *order = saga_book_find(&server->sagas.book, &record->gtrid);
    if (order == NULL)
        return damaged(event, "this saga has not begun", detail);
    if (record->kind != VOW_RECORD_SAGA_STEP)
        return 0;
    if (record->step.number >= order->steps_len)
        return damaged(event, "this saga has no such step", detail);
    if (record->step.fate == VOW_FATE_DONE &&
        !saga_book_answer(&server->sagas.book, &record->gtrid, record->step.number, record->body))
        return no_memory(detail);
    return 0;
}

int sagas_recover(struct vow_server *server, const struct vow_journal_event *event, struct vow_error_detail *detail)
{
    struct vow_sagas_event recovered = {.kind = VOW_SAGAS_RECOVERED, .now_ms = vow_clock_ms()};
    struct vow_msg msg;
    const uint64_t now_us = vow_clock_wall_us();
    int error = event->record.kind == VOW_RECORD_SAGA_BEGIN ? recover_begin(server, event, &recovered, &msg, detail)
                                                            : recover_step(server, event, detail);
    if (error != 0)
        return error;
    recovered.recovered.record = &event->record;
    recovered.recovered.age_ms = now_us > event->wall_us ? (now_us - event->wall_us) / 1000 : 0;
    sagas_step(server, &recovered);
    return 0;
}

/* They go on with the first timer, some at a time. */
void sagas_recovered(struct vow_server *server)
{
    const struct vow_sagas_event done = {.kind = VOW_SAGAS_RECOVERY_DONE, .now_ms = vow_clock_ms()};
    vow_arena_free(server->sagas.arena);
    server->sagas.arena = NULL;
    sagas_step(server, &done);
}
