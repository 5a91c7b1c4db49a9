/* The participants that sagas know: as many as are in use, and no more. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "bed.h"
#include "proto/error.h"

static struct bed bed;

static void start(uint32_t peers_max)
{
    struct vow_sagas_limits limits = vow_sagas_default_limits;

    limits.peers_max = peers_max;
    bed_init(&bed, &limits);
}

/* A saga of one step; its participant comes, does it, and goes. */
static void do_one(uint32_t number, const char *participant)
{
    const struct vow_msg_saga_step order = bed_step(VOW_STEP_COMPENSATABLE, 0, participant);
    struct vow_msg_step step;

    bed_request(&bed, number, &order, 1);
    cr_assert_eq(bed.error, 0, "%s: %d", participant, bed.error);
    bed_up(&bed, participant, 100 + number);
    step = bed_take(&bed);
    bed_answer(&bed, 100 + number, &step, VOW_STEP_DONE);
    cr_assert_eq(bed.told, VOW_SAGA_COMPLETED);
    bed_down(&bed, 100 + number);
}

Test(saga_peers, names_that_come_and_go_make_room)
{
    char name[16];

    start(2);
    for (uint32_t i = 1; i <= 20; i++) {
        snprintf(name, sizeof(name), "p%u", i);
        do_one(i, name);
    }
    bed_free(&bed);
}

/* Nor does a saga of several names take the room of one for the other. */
Test(saga_peers, one_order_names_some_that_are_known)
{
    const struct vow_msg_saga_step steps[] = {bed_step(VOW_STEP_COMPENSATABLE, 0, "new"),
                                              bed_step(VOW_STEP_COMPENSATABLE, 1, "p2"),
                                              bed_step(VOW_STEP_COMPENSATABLE, 2, "p1")};
    struct vow_saga_view view;

    start(2);
    do_one(1, "p1");
    do_one(2, "p2");
    bed_request(&bed, 3, steps, 3);
    cr_assert_eq(bed.error, VOW_E_BUSY, "it names three");
    bed_request(&bed, 4, steps, 2);
    cr_assert_eq(bed.error, 0);
    bed_find(&bed, 4, &view);
    cr_assert_str_eq(view.steps[0].participant, "new");
    cr_assert_str_eq(view.steps[1].participant, "p2");
    bed_free(&bed);
}

Test(saga_peers, F147_who_is_in_use_is_not_pushed_out)
{
    const struct vow_msg_saga_step waits = bed_step(VOW_STEP_COMPENSATABLE, 0, "p1"),
                                   other = bed_step(VOW_STEP_COMPENSATABLE, 0, "p3");
    struct vow_sagas_counts counts;

    start(2);
    bed_request(&bed, 1, &waits, 1);
    bed_up(&bed, "p2", 102);
    vow_sagas_counts(bed.core, &counts);
    cr_assert_eq(counts.peers, 2);
    bed_request(&bed, 2, &other, 1);
    cr_assert_eq(bed.error, VOW_E_BUSY);
    cr_assert_eq(bed.lack, VOW_SAGAS_LACK_PEERS);
    bed_up(&bed, "p4", 104);
    cr_assert_eq(bed.alarms, 1, "nobody is forgotten in silence");
    bed_down(&bed, 102);
    bed_request(&bed, 3, &other, 1);
    cr_assert_eq(bed.error, 0);
    bed_free(&bed);
}

/* ---- one for whom much waits ---- */

static void fill(const struct vow_msg_step *step, uint64_t session)
{
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_UNSENT,
                                            .session = session,
                                            .unsent = {.gtrid = step->gtrid, .step = step->step}});
}

/* Its only attempt was not sent: it is not lost, and costs nothing. */
Test(saga_peers, F029_what_was_not_sent_is_no_attempt)
{
    struct vow_msg_saga_step order = bed_step(VOW_STEP_COMPENSATABLE, 0, "a");
    struct vow_sagas_counts counts;
    struct vow_msg_step step;

    order.attempts_max = 1;
    start(2);
    bed_up(&bed, "a", 101);
    bed_request(&bed, 1, &order, 1);
    step = bed_take(&bed);
    fill(&step, 101);
    bed_request(&bed, 2, &order, 1);
    bed_pass(&bed, 30000);
    cr_assert_eq(bed.sent_len, 0, "nothing more is for one that is full");
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_PEER_READY, .session = 101});
    bed_pass(&bed, 10);
    cr_assert_eq(bed.sent_len, 2);
    cr_assert_eq(bed.sent[0].attempt, 1);
    cr_assert_eq(bed.sent[1].attempt, 1);
    vow_sagas_counts(bed.core, &counts);
    cr_assert_eq(counts.sent, 2);
    cr_assert_eq(counts.unsent, 1);
    cr_assert_eq(counts.retries, 0);
    bed_free(&bed);
}

/* What waited goes with the connection. */
Test(saga_peers, F029_a_new_connection_is_not_full)
{
    const struct vow_msg_saga_step order = bed_step(VOW_STEP_RETRIABLE, 0, "a");
    struct vow_msg_step step;

    start(2);
    bed_up(&bed, "a", 101);
    bed_request(&bed, 1, &order, 1);
    step = bed_take(&bed);
    fill(&step, 101);
    bed_down(&bed, 101);
    bed_up(&bed, "a", 102);
    cr_assert_eq(bed.sent_len, 1);
    bed_free(&bed);
}

/* Its next attempt and the deadline of its saga come at once, after a pause of the process: the attempt is not sent,
 * and the saga is turned round. There is no other attempt then (I22). */
Test(saga_peers, F029_F203_what_was_not_sent_is_not_sent_when_the_saga_has_failed)
{
    struct vow_msg_saga_step order = bed_step(VOW_STEP_COMPENSATABLE, 0, "a");
    const struct vow_msg_saga_request request = {
        .gtrid = bed_id(1), .key = "", .deadline_ms = 1000, .steps_len = 1, .steps = &order};
    struct vow_msg_step step;

    order.backoff_ms = order.backoff_max_ms = 1;
    start(2);
    bed_up(&bed, "a", 101);
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_REQUEST,
                                            .session = 1,
                                            .request = {.msg = &request, .grant = VOW_SAGA_ID_NEW}});
    bed_log(&bed);
    step = bed_take(&bed);
    bed_answer(&bed, 101, &step, VOW_STEP_NOT_YET);
    bed.now_ms += 2000;
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_TIMER});
    step = bed_take(&bed);
    fill(&step, 101);
    bed_log(&bed);
    bed_feed(&bed, (struct vow_sagas_event){.kind = VOW_SAGAS_PEER_READY, .session = 101});
    bed_pass(&bed, 10);
    cr_assert_eq(bed_take(&bed).direction, VOW_STEP_COMPENSATION);
    bed_free(&bed);
}
