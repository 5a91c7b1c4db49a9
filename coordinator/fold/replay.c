#include "coordinator/fold/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one moment of the state. */
#define NOW_MS 1

void vow_replay_init(struct vow_replay *replay, const struct vow_gtrid *watched)
{
    memset(replay, 0, sizeof(*replay));
    vow_fold_init(&replay->fold, watched);
}

int vow_replay_take(void *replay, const struct vow_journal_event *event)
{
    return vow_fold_take(&((struct vow_replay *)replay)->fold, event);
}

/* What the cores want done was done, or was not, long ago. */
static void step_txns(void *ctx, const struct vow_coord_event *event)
{
    struct vow_replay *replay = ctx;
    struct vow_coord_effects none;

    vow_coord_step(replay->txns, event, &none);
}

static void step_sagas(void *ctx, const struct vow_sagas_event *event)
{
    struct vow_replay *replay = ctx;
    struct vow_sagas_effects none;

    vow_sagas_step(replay->sagas, event, &none);
}

static int no_memory(struct vow_error_detail *detail)
{
    detail->error = VOW_E_NO_MEMORY;
    (void)snprintf(detail->text, sizeof(detail->text), "no memory for what was open then");
    return VOW_E_NO_MEMORY;
}

/* With room for what is open and no more. */
static int make_cores(struct vow_replay *replay, const struct vow_recovery_room *room, struct vow_error_detail *detail)
{
    struct vow_coord_limits txns = vow_coord_default_limits;
    struct vow_sagas_limits sagas = vow_sagas_default_limits;
    struct vow_coord_identity identity = {.epoch = replay->fold.epoch};

    txns.txns_max = room->txns + 1;
    txns.branches_max = room->branches + 1;
    txns.peers_max = room->participants + 1;
    txns.keys_max = txns.ended_max = 1;
    txns.ids_window = 1024;
    sagas.sagas_max = room->sagas + 1;
    sagas.steps_max = room->steps + 1;
    sagas.peers_max = VOW_COORD_PEERS_HIGHEST;
    sagas.keys_max = 1;
    if (vow_coord_size(&txns) == 0 || vow_sagas_size(&sagas) == 0)
        return no_memory(detail);
    replay->txns_memory = malloc(vow_coord_size(&txns));
    replay->sagas_memory = malloc(vow_sagas_size(&sagas));
    if (replay->txns_memory == NULL || replay->sagas_memory == NULL)
        return no_memory(detail);
    replay->txns = vow_coord_init(replay->txns_memory, &txns, &identity);
    replay->sagas = vow_sagas_init(replay->sagas_memory, &sagas, replay->fold.epoch, 0);
    return 0;
}

/* A saga's state follows from its records when it goes on: what is to be done next, or cannot be. Some go on with each
 * timer; what they want sent stays here. */
static void go_on(struct vow_replay *replay, uint32_t sagas)
{
    const struct vow_coord_event txns_done = {.kind = VOW_COORD_RECOVERY_DONE, .now_ms = NOW_MS};
    const struct vow_sagas_event sagas_done = {.kind = VOW_SAGAS_RECOVERY_DONE, .now_ms = NOW_MS};
    const struct vow_sagas_event timer = {.kind = VOW_SAGAS_TIMER, .now_ms = NOW_MS};

    step_txns(replay, &txns_done);
    step_sagas(replay, &sagas_done);
    for (uint32_t i = 0; i <= sagas && vow_sagas_deadline_ms(replay->sagas) <= NOW_MS; i++)
        step_sagas(replay, &timer);
}

int vow_replay_make(struct vow_replay *replay, uint64_t lsn, struct vow_error_detail *detail)
{
    struct vow_recovery recovery = {
        .book = &replay->book, .ctx = replay, .txn = step_txns, .saga = step_sagas, .now_ms = NOW_MS, .detail = detail};
    int error;

    *detail = (struct vow_error_detail){.error = 0};
    replay->lsn = lsn;
    error = vow_fold_scan(&replay->fold, vow_recovery_count, &recovery);
    if (error == 0)
        error = make_cores(replay, &recovery.room, detail);
    if (error == 0)
        error = vow_fold_scan(&replay->fold, vow_recovery_feed, &recovery);
    if (error == 0)
        go_on(replay, recovery.room.sagas);
    vow_recovery_deinit(&recovery);
    return error != 0 && detail->error == 0 ? no_memory(detail) : error;
}

void vow_replay_deinit(struct vow_replay *replay)
{
    vow_fold_deinit(&replay->fold);
    saga_book_free(&replay->book);
    free(replay->txns_memory);
    free(replay->sagas_memory);
    replay->txns_memory = replay->sagas_memory = NULL;
}
