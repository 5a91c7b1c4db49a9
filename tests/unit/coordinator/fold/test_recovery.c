/* What no saga can have written is damage, and is not fed to the core, which takes a record on trust. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/fold/recovery.h"
#include "coordinator/fold/relay_recovery.h"
#include "proto/codec.h"
#include "proto/error.h"
#include "proto/frame.h"

static struct vow_recovery recovery;
static struct saga_book book;
static struct vow_error_detail detail;
static unsigned fed;

static void count_fed(void *ctx, const struct vow_sagas_event *event)
{
    (void)ctx, (void)event;
    fed++;
}

static struct vow_gtrid id(void)
{
    return vow_gtrid_make(77, 1, 1, 0, 0);
}

static int feed(struct vow_record record)
{
    struct vow_journal_event event = {.lsn = 7, .record = record};

    event.record.gtrid = id();
    return vow_recovery_feed(&recovery, &event);
}

/* Two steps, in two stages. */
static void begin(void)
{
    const struct vow_msg_saga_step steps[] = {
        {.kind = VOW_STEP_COMPENSATABLE, .participant = "a", .action = "do", .compensation = "undo"},
        {.kind = VOW_STEP_COMPENSATABLE, .stage = 1, .participant = "a", .action = "do", .compensation = "undo"}};
    const struct vow_msg msg = {.kind = VOW_MSG_SAGA_REQUEST,
                                .saga_request = {.gtrid = id(), .key = "", .steps_len = 2, .steps = steps}};
    static uint8_t bytes[1024];
    const size_t len = vow_msg_encode(&msg, VOW_FRAME_MAX_HIGHEST, bytes, sizeof(bytes));

    recovery = (struct vow_recovery){.book = &book, .saga = count_fed, .detail = &detail};
    cr_assert_eq(feed((struct vow_record){.kind = VOW_RECORD_SAGA_BEGIN,
                                          .body = {bytes + VOW_FRAME_HEADER_BYTES, len - VOW_FRAME_HEADER_BYTES}}),
                 0, "%s", detail.text);
}

static void expect(struct vow_record record, bool is_good)
{
    const unsigned before = fed;

    cr_assert_eq(feed(record), is_good ? 0 : VOW_E_DAMAGED, "%s", detail.text);
    cr_assert_eq(fed, before + is_good);
}

static struct vow_record step_of(enum vow_step_direction direction, enum vow_saga_fate fate, uint32_t number)
{
    return (struct vow_record){
        .kind = VOW_RECORD_SAGA_STEP,
        .step = {.number = number, .attempts = 1, .direction = (uint8_t)direction, .fate = (uint8_t)fate}};
}

Test(recovery, what_a_step_cannot_have_come_to_is_damage)
{
    static const bool is_good[][6] = {[VOW_STEP_ACTION] = {true, true, true, true, false, true},
                                      [VOW_STEP_COMPENSATION] = {true, false, false, false, true, true}};

    begin();
    for (int direction = VOW_STEP_ACTION; direction <= VOW_STEP_COMPENSATION; direction++) {
        for (int fate = VOW_FATE_NONE; fate <= VOW_FATE_STUCK; fate++)
            expect(step_of((enum vow_step_direction)direction, (enum vow_saga_fate)fate, 1), is_good[direction][fate]);
    }
    expect(step_of(VOW_STEP_ACTION, VOW_FATE_DONE, 2), false);
    saga_book_free(&book);
    vow_recovery_deinit(&recovery);
}

Test(recovery, a_turn_at_a_stage_that_is_not_there_is_damage)
{
    begin();
    expect((struct vow_record){.kind = VOW_RECORD_SAGA_TURN, .detail = 1}, true);
    expect((struct vow_record){.kind = VOW_RECORD_SAGA_TURN, .detail = 2}, false);
    saga_book_free(&book);
    vow_recovery_deinit(&recovery);
}

/* ---- events ---- */

/* Seed 1995: many waited, and of all keys but one it was forgotten which numbers they had. */
Test(recovery, F082_what_waits_takes_no_key_from_those_that_are_known)
{
    const struct relay_recovery counted = {.events = 63};
    struct vow_relay_limits limits = {.events_max = 100, .keys_max = 64, .groups_max = 1, .dead_max = 1};

    relay_recovery_widen(&counted, &limits);
    cr_expect_eq(limits.events_max, 163);
    cr_expect_eq(limits.keys_max - limits.events_max, 64);
}
