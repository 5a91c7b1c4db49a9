#include "coordinator/fold/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The one moment of the state. */
#define NOW_MS 1
/* When all sagas go on: for what is due of their steps by then. */
#define TIMERS_MORE 64

void vow_replay_init(struct vow_replay *replay, const struct vow_gtrid *watched)
{
    memset(replay, 0, sizeof(*replay));
    vow_fold_init(&replay->fold, watched);
}

int vow_replay_take(void *ctx, const struct vow_journal_event *event)
{
    struct vow_replay *replay = ctx;

    return replay->is_again ? relay_sum_take_needed(&replay->fold.relay, event) : vow_fold_take(&replay->fold, event);
}

bool vow_replay_again(void *ctx, uint64_t *after)
{
    struct vow_replay *replay = ctx;

    replay->is_again = !replay->is_again && relay_sum_needs(&replay->fold.relay, after);
    return replay->is_again;
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

static void step_relay(void *ctx, const struct vow_relay_event *event)
{
    struct vow_replay *replay = ctx;
    struct vow_relay_effects effects;

    vow_relay_step(replay->relay, event, &effects);
    for (size_t i = 0; i < effects.len; i++) {
        if (effects.items[i].kind == VOW_RELAY_FREED)
            relay_book_remove(&replay->events, effects.items[i].kept.event);
    }
}

static int no_memory(struct vow_error_detail *detail)
{
    detail->error = VOW_E_NO_MEMORY;
    (void)snprintf(detail->text, sizeof(detail->text), "no memory for what was open then");
    return VOW_E_NO_MEMORY;
}

static int contradicts(struct vow_error_detail *detail)
{
    detail->error = VOW_E_DAMAGED;
    (void)snprintf(detail->text, sizeof(detail->text),
                   "the records of events contradict themselves; run vowctl doctor");
    return VOW_E_DAMAGED;
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
 * timer, and only when all do their steps are timed; what they want sent stays here. */
static void go_on(struct vow_replay *replay, uint32_t sagas)
{
    const struct vow_coord_event txns_done = {.kind = VOW_COORD_RECOVERY_DONE, .now_ms = NOW_MS};
    const struct vow_sagas_event sagas_done = {.kind = VOW_SAGAS_RECOVERY_DONE, .now_ms = NOW_MS};
    const struct vow_sagas_event timer = {.kind = VOW_SAGAS_TIMER, .now_ms = NOW_MS};

    step_txns(replay, &txns_done);
    step_sagas(replay, &sagas_done);
    for (uint32_t i = 0; i <= sagas + TIMERS_MORE && vow_sagas_deadline_ms(replay->sagas) <= NOW_MS; i++)
        step_sagas(replay, &timer);
}

/* With room for what was kept and no more; keys are looked up in the sum of the records. */
static int make_relay_core(struct vow_replay *replay, const struct relay_recovery *counted,
                           struct vow_relay_limits *limits, struct vow_error_detail *detail)
{
    *limits = vow_relay_default_limits;
    limits->groups_max = limits->dead_max = 1;
    limits->events_max = counted->events < VOW_RELAY_HIGHEST ? counted->events + 1 : VOW_RELAY_HIGHEST;
    limits->keys_max = 2;
    relay_recovery_widen(counted, limits);
    if (vow_relay_size(limits) == 0)
        return no_memory(detail);
    replay->relay_memory = malloc(vow_relay_size(limits));
    if (replay->relay_memory == NULL)
        return no_memory(detail);
    replay->relay = vow_relay_core_init(replay->relay_memory, limits, replay->fold.epoch, 0);
    return 0;
}

static int make_relay(struct vow_replay *replay, struct vow_error_detail *detail)
{
    struct relay_sum *sum = &replay->fold.relay;
    struct relay_recovery recovery = {
        .book = &replay->events, .now_ms = NOW_MS, .step = step_relay, .ctx = replay, .detail = detail};
    struct vow_relay_limits limits;
    int error;

    sum->last_lsn = replay->lsn;
    recovery.arena = vow_arena_new(0);
    if (recovery.arena == NULL)
        return no_memory(detail);
    error = relay_recovery_count(&recovery, &relay_sum_engine, sum);
    error = error != 0 ? error : make_relay_core(replay, &recovery, &limits, detail);
    recovery.core = replay->relay;
    error = error != 0 ? error : relay_recovery_feed(&recovery, &limits, &relay_sum_engine, sum);
    vow_arena_free(recovery.arena);
    return error;
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
    if (error == 0 && !replay->events_cut)
        error = replay->fold.is_broken ? contradicts(detail) : make_relay(replay, detail);
    vow_recovery_deinit(&recovery);
    return error != 0 && detail->error == 0 ? no_memory(detail) : error;
}

void vow_replay_deinit(struct vow_replay *replay)
{
    vow_fold_deinit(&replay->fold);
    saga_book_free(&replay->book);
    free(replay->txns_memory);
    free(replay->sagas_memory);
    relay_book_free(&replay->events);
    free(replay->relay_memory);
    replay->txns_memory = replay->sagas_memory = replay->relay_memory = NULL;
}
