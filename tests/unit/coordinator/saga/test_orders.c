/* What a client or an operator wants of a saga: told when it is durable, and each told (sagas 4.2). */
#include <criterion/criterion.h>

#include "bed.h"
#include "proto/error.h"

static struct bed bed;

enum { A = 10 };

static void feed_message(uint64_t session, const struct vow_msg *msg)
{
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = session, .msg = msg});
}

/* ---- turned round ---- */

static void cancel(uint64_t session)
{
    const struct vow_msg msg = {.kind = VOW_MSG_SAGA_CANCEL, .saga_cancel = {bed_id(1)}};

    feed_message(session, &msg);
}

/* An only step is under way. */
static void begin_step(void)
{
    const struct vow_msg_saga_step step = bed_step(VOW_STEP_COMPENSATABLE, 0, "a");

    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    bed_request(&bed, 1, &step, 1);
}

/* Its step is done, and that is durable; a crash now, and it is completed. So nobody may have heard otherwise. */
Test(saga_orders, F203_that_it_is_undone_is_told_when_that_is_durable)
{
    struct vow_msg_step step;

    begin_step();
    step = bed_take(&bed);
    cancel(1);
    bed_ask(&bed, 1, 2, false);
    cr_assert_eq(bed.told, VOW_SAGA_RUNNING);
    bed_restart(&bed);
    bed_up(&bed, "a", A);
    bed_ask(&bed, 1, 2, true);
    step = bed_take(&bed);
    bed_answer(&bed, A, &step, VOW_STEP_DONE);
    cr_assert_eq(bed.told, VOW_SAGA_COMPLETED);
    bed_free(&bed);
}

Test(saga_orders, F203_whoever_cancels_hears_that_it_came_through)
{
    begin_step();
    cancel(1);
    cr_assert_eq(bed.told, VOW_SAGA_RUNNING);
    bed_log(&bed);
    cr_assert_eq(bed.told, VOW_SAGA_COMPENSATING);
    cr_assert_eq(bed.session, 1);
    bed_free(&bed);
}

Test(saga_orders, F203_a_second_cancel_is_told_no_earlier)
{
    uint32_t replies;

    begin_step();
    cancel(1);
    replies = bed.replies;
    cancel(2);
    cr_assert_eq(bed.replies, replies);
    bed_log(&bed);
    cr_assert_eq(bed.told, VOW_SAGA_COMPENSATING);
    cr_assert_eq(bed.session, 2, "the newest that asked");
    bed_free(&bed);
}

/* ---- an operator ---- */

static void order(enum vow_saga_order order, uint64_t tag)
{
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_ORDER, .order = {bed_id(1), order, tag}});
}

static void refuse(const struct vow_msg_step *step)
{
    const struct vow_msg msg = {.kind = VOW_MSG_STEP_DONE,
                                .step_done = {.gtrid = step->gtrid,
                                              .step = step->step,
                                              .direction = step->direction,
                                              .attempt = step->attempt,
                                              .result = VOW_STEP_UNABLE,
                                              .cause = VOW_CAUSE_NO_SUCH_HANDLER,
                                              .text = ""}};

    feed_message(A, &msg);
}

/* Of two steps side by side one is stuck; that the other one is, too, is on its way to the disk. */
static void begin_getting_stuck(void)
{
    const struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_RETRIABLE, 0, "a"),
                                              bed_step(VOW_STEP_RETRIABLE, 0, "a")};
    struct vow_msg_step first, second;

    bed_init(&bed, NULL);
    bed_up(&bed, "a", A);
    bed_request(&bed, 1, steps, 2);
    first = bed_take(&bed);
    second = bed_take(&bed);
    refuse(&first);
    bed_log(&bed);
    cr_assert_eq(bed.told, VOW_SAGA_STUCK_FORWARD);
    refuse(&second);
}

/* The first that is stuck is named, in this life and the next. */
Test(saga_orders, F198_of_two_that_are_stuck_one_is_named_for_good)
{
    struct vow_saga_view before, after;

    begin_getting_stuck();
    bed_log(&bed);
    bed_find(&bed, 1, &before);
    bed_restart(&bed);
    bed_find(&bed, 1, &after);
    cr_assert_eq(before.failed_step, 0);
    cr_assert_eq(after.failed_step, before.failed_step);
    bed_free(&bed);
}

/* The order was taken for both, by the journal, and for one of them, by the saga: it was stuck until the next start. */
Test(saga_orders, F197_F198_an_order_is_about_all_that_is_stuck_when_it_is_written)
{
    struct vow_saga_view before, after;

    begin_getting_stuck();
    order(VOW_SAGA_RETRY, 1);
    bed_log(&bed);
    bed_find(&bed, 1, &before);
    bed_restart(&bed);
    bed_find(&bed, 1, &after);
    cr_assert_eq(before.told, after.told);
    bed_free(&bed);
}

/* The second order took the place of the first, which nobody answered any more; it was answered twice itself, and the
 * first time before it was durable. */
Test(saga_orders, F197_each_order_is_answered_when_it_is_durable)
{
    begin_getting_stuck();
    order(VOW_SAGA_RETRY, 1);
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_LOG_DONE, .token = bed.tokens[bed.log_durable++]});
    order(VOW_SAGA_CLOSE, 2);
    bed_log(&bed);
    cr_assert_eq(bed.orders_answered, 1u << 1 | 1u << 2);
    bed_free(&bed);
}
