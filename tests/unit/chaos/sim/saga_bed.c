#include "saga_bed.h"

#define STEPS 4

static const int64_t amounts[STEPS] = {10, -4, -5, -1};

static uint8_t node_of(uint32_t step)
{
    return step % 2 == 0 ? P0 : P1;
}

static void ask(struct saga_bed *saga, uint32_t beside, const char *key)
{
    static const enum vow_step_kind kinds[STEPS] = {VOW_STEP_COMPENSATABLE, VOW_STEP_COMPENSATABLE, VOW_STEP_PIVOT,
                                                    VOW_STEP_RETRIABLE};
    uint8_t payloads[STEPS][SIM_DEED_BYTES];
    struct vow_msg_saga_step steps[STEPS];
    const struct vow_msg_saga_request order = {.gtrid = saga->bed.txn, .key = key, .steps_len = STEPS, .steps = steps};
    struct sim_sight sight = bed_sight(&saga->bed, SIM_SEEN_ASKED, K0);

    for (uint32_t i = 0; i < STEPS; i++) {
        const struct sim_deed deed = {.step = i, .amount = amounts[i]};

        sim_deed_encode(&deed, payloads[i]);
        steps[i] = (struct vow_msg_saga_step){.kind = kinds[i],
                                              .stage = i < beside ? 0 : i + (beside > 0) - beside,
                                              .participant = node_of(i) == P0 ? "p0" : "p1",
                                              .action = "do",
                                              .compensation = "undo",
                                              .payload = {payloads[i], SIM_DEED_BYTES}};
    }
    sight.asked.what = SIM_ASK_SAGA;
    sight.asked.key = key;
    sight.asked.saga = &order;
    bed_show(&saga->bed, &sight);
}

static void begin(struct saga_bed *saga)
{
    memset(saga, 0, sizeof(*saga));
    bed_begin(&saga->bed);
}

void saga_ask(struct saga_bed *saga)
{
    begin(saga);
    ask(saga, 0, "");
}

void saga_begin(struct saga_bed *saga)
{
    saga_ask(saga);
    saga_logged(saga, VOW_RECORD_SAGA_BEGIN, 0);
}

void saga_begin_beside(struct saga_bed *saga)
{
    begin(saga);
    ask(saga, 2, "");
    saga_logged(saga, VOW_RECORD_SAGA_BEGIN, 0);
}

void saga_begin_two(struct saga_bed *saga, const char *key, const char *other)
{
    begin(saga);
    ask(saga, 0, key);
    saga_logged(saga, VOW_RECORD_SAGA_BEGIN, 0);
    saga->bed.txn = vow_gtrid_make(vow_gtrid_coord(&saga->bed.txn), 1, 6, 0, 99);
    ask(saga, 0, other);
    saga_logged(saga, VOW_RECORD_SAGA_BEGIN, 0);
}

void saga_end(struct saga_bed *saga)
{
    bed_end(&saga->bed);
}

/* ---- the coordinator's log ---- */

static void log_record(struct saga_bed *saga, enum sim_sight_kind kind, struct vow_record *record)
{
    struct sim_sight sight = bed_sight(&saga->bed, kind, C0);

    record->gtrid = saga->bed.txn;
    record->epoch = saga->bed.life[C0];
    sight.log.record = record;
    sight.log.is_of_saga = true;
    sight.log.lsn = kind == SIM_SEEN_LOG_DURABLE ? ++saga->bed.lsn : saga->bed.lsn;
    bed_show(&saga->bed, &sight);
}

static void log_whole(struct saga_bed *saga, struct vow_record *record)
{
    log_record(saga, SIM_SEEN_LOG_ASKED, record);
    log_record(saga, SIM_SEEN_LOG_DURABLE, record);
    log_record(saga, SIM_SEEN_LOG_DONE, record);
}

void saga_log(struct saga_bed *saga, enum sim_sight_kind kind, enum vow_record_kind record_kind,
              enum vow_saga_state state)
{
    struct vow_record record = {.kind = record_kind, .detail = state};

    log_record(saga, kind, &record);
}

void saga_logged(struct saga_bed *saga, enum vow_record_kind record_kind, enum vow_saga_state state)
{
    struct vow_record record = {.kind = record_kind, .detail = state};

    log_whole(saga, &record);
}

void saga_fate(struct saga_bed *saga, uint32_t step, int direction, enum vow_saga_fate fate)
{
    struct vow_record record = {
        .kind = VOW_RECORD_SAGA_STEP,
        .step = {.number = step, .attempts = 1, .direction = (uint8_t)direction, .fate = (uint8_t)fate}};

    log_whole(saga, &record);
}

/* ---- a step ---- */

void saga_sent(struct saga_bed *saga, uint32_t step, int direction)
{
    const struct vow_msg msg = {.kind = VOW_MSG_STEP,
                                .step = {.gtrid = saga->bed.txn,
                                         .step = step,
                                         .direction = (enum vow_step_direction)direction,
                                         .attempt = 1,
                                         .epoch = saga->bed.life[C0],
                                         .handler = direction == FORWARD ? "do" : "undo"}};

    bed_send(&saga->bed, C0, node_of(step), &msg);
}

static void keep(struct saga_bed *saga, uint32_t step, int direction, enum vow_step_result result, bool has_run)
{
    struct saga_disk *disk = &saga->disks[node_of(step) - P0];
    const int64_t amount = direction == FORWARD ? amounts[step] : -amounts[step];

    disk->steps[disk->steps_len++] = (struct sim_dump_step){.gtrid = saga->bed.txn,
                                                            .step = step,
                                                            .direction = (enum vow_step_direction)direction,
                                                            .status = result != VOW_STEP_DONE ? SIM_STEP_REJECTED
                                                                      : has_run               ? SIM_STEP_DONE
                                                                                              : SIM_STEP_EMPTY};
    if (result != VOW_STEP_DONE || !has_run)
        return;
    disk->deeds[disk->deeds_len++] = (struct sim_dump_deed){.gtrid = saga->bed.txn,
                                                            .step = step,
                                                            .direction = (enum vow_step_direction)direction,
                                                            .amount = amount,
                                                            .number = 70 + step};
    disk->purse += amount;
}

void saga_store(struct saga_bed *saga, uint32_t step, int direction, enum vow_step_result result, bool has_run)
{
    struct sim_sight sight = bed_sight(&saga->bed, SIM_SEEN_STORE_DONE, node_of(step));

    sight.store.op = VOW_STORE_STEP;
    sight.store.result = VOW_STORE_DONE;
    sight.store.step = (struct sim_seen_step){
        .number = step, .direction = (enum vow_step_direction)direction, .result = result, .has_run = has_run};
    keep(saga, step, direction, result, has_run);
    bed_show(&saga->bed, &sight);
}

void saga_done_at_store(struct saga_bed *saga, uint32_t step, int direction)
{
    saga_store(saga, step, direction, VOW_STEP_DONE, true);
}

void saga_answer(struct saga_bed *saga, uint32_t step, int direction, enum vow_step_result result)
{
    const struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE,
                                .step_done = {.gtrid = saga->bed.txn,
                                              .step = step,
                                              .direction = (enum vow_step_direction)direction,
                                              .attempt = 1,
                                              .result = result,
                                              .text = ""}};

    bed_send(&saga->bed, node_of(step), C0, &msg);
}

void saga_do(struct saga_bed *saga, uint32_t step)
{
    saga_sent(saga, step, FORWARD);
    saga_done_at_store(saga, step, FORWARD);
    saga_answer(saga, step, FORWARD, VOW_STEP_DONE);
    saga_fate(saga, step, FORWARD, VOW_FATE_DONE);
}

void saga_undo(struct saga_bed *saga, uint32_t step)
{
    saga_sent(saga, step, BACK);
    saga_done_at_store(saga, step, BACK);
    saga_answer(saga, step, BACK, VOW_STEP_DONE);
    saga_fate(saga, step, BACK, VOW_FATE_UNDONE);
}

void saga_reject(struct saga_bed *saga, uint32_t step)
{
    saga_sent(saga, step, FORWARD);
    saga_store(saga, step, FORWARD, VOW_STEP_REJECTED, false);
    saga_answer(saga, step, FORWARD, VOW_STEP_REJECTED);
    saga_fate(saga, step, FORWARD, VOW_FATE_REJECTED);
}

/* ---- clients and operators ---- */

void saga_told(struct saga_bed *saga, enum vow_saga_state state)
{
    struct sim_sight sight = bed_sight(&saga->bed, SIM_SEEN_TOLD, K0);

    sight.told.what = SIM_ASK_SAGA;
    sight.told.saga = state;
    bed_show(&saga->bed, &sight);
}

void saga_word(struct saga_bed *saga, enum vow_saga_state state)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SAGA_STATE,
                                .saga_state = {.gtrid = saga->bed.txn, .state = state, .text = ""}};

    bed_send(&saga->bed, C0, K0, &msg);
}

void saga_close_order(struct saga_bed *saga)
{
    struct sim_sight sight = bed_sight(&saga->bed, SIM_SEEN_OPERATED, K0);

    sight.operated.saga = VOW_ADMIN_SAGA_CLOSE;
    bed_show(&saga->bed, &sight);
}

/* ---- disks ---- */

struct saga_disk *saga_disk(struct saga_bed *saga, uint8_t node)
{
    return &saga->disks[node - P0];
}

static const struct sim_dump *dump_of(struct saga_disk *disk)
{
    disk->row = (struct sim_dump_row){.table = SIM_BANK, .key = 1, .value = 100};
    disk->dump = (struct sim_dump){.is_there = true,
                                   .is_readable = true,
                                   .store = {.rows = &disk->row,
                                             .rows_len = 1,
                                             .has_purse = true,
                                             .purse = disk->purse,
                                             .has_forgotten = disk->has_forgotten,
                                             .deeds = disk->deeds,
                                             .deeds_len = disk->deeds_len,
                                             .steps = disk->steps,
                                             .steps_len = disk->steps_len}};
    return &disk->dump;
}

void saga_show_disk(struct saga_bed *saga, uint8_t node)
{
    bed_disk(&saga->bed, node, dump_of(saga_disk(saga, node)));
}

void saga_restart(struct saga_bed *saga, uint8_t node)
{
    bed_restart(&saga->bed, node, dump_of(saga_disk(saga, node)));
}

void saga_heal_and_end(struct saga_bed *saga)
{
    bed_heal_and_end(&saga->bed);
    saga_show_disk(saga, P0);
    saga_show_disk(saga, P1);
}
