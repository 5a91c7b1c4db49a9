/* What clients ask: each is answered, and none has more of the journal than its share. */
#include <criterion/criterion.h>

#include "bed.h"
#include "proto/error.h"

static struct bed bed;

Test(saga_clients, F147_questions_to_the_journal_are_bounded)
{
    struct vow_sagas_limits limits = vow_sagas_default_limits;
    struct vow_sagas_event found = {.kind = VOW_SAGAS_LOOKED_UP, .session = 1};

    limits.sagas_max = 2;
    bed_init(&bed, &limits);
    for (uint32_t i = 1; i <= 3; i++)
        bed_ask(&bed, i, 1, true);
    cr_assert_eq(bed.lookups, 2);
    cr_assert_eq(bed.replies, 1);
    cr_assert_eq(bed.error, VOW_E_BUSY);
    found.looked_up.gtrid = bed_id(1);
    found.looked_up.error = VOW_E_NOT_FOUND;
    bed_feed(&bed, found);
    bed_ask(&bed, 3, 1, true);
    cr_assert_eq(bed.lookups, 3);
    bed_free(&bed);
}

/* The journal's silence would be no answer (mistake 21). */
Test(saga_clients, F044_another_coordinator_is_not_answered_for)
{
    const struct vow_msg query = {.kind = VOW_MSG_SAGA_QUERY, .saga_query = {.gtrid = bed_id(1), .follow = true}};

    bed_init(&bed, NULL);
    bed_feed(&bed,
             (struct vow_sagas_event){.kind = VOW_SAGAS_MESSAGE, .session = 1, .is_foreign = true, .msg = &query});
    cr_assert_eq(bed.error, VOW_E_NOT_MINE);
    cr_assert_eq(bed.lookups, 0);
    bed_free(&bed);
}

/* The order is not durable yet. The first was told nothing, so it does not know that it has to ask. */
Test(saga_clients, who_is_displaced_before_it_was_told_is_told_to_ask)
{
    const struct vow_msg_saga_step step = bed_step(VOW_STEP_COMPENSATABLE, 0, "a");
    const struct vow_msg_saga_request order = {.gtrid = bed_id(1), .key = "", .steps_len = 1, .steps = &step};

    bed_init(&bed, NULL);
    bed_feed(&bed, (struct vow_sagas_event){
                       .kind = VOW_SAGAS_REQUEST, .session = 1, .request = {.msg = &order, .grant = VOW_SAGA_ID_NEW}});
    cr_assert_eq(bed.replies, 0);
    bed_ask(&bed, 1, 2, true);
    cr_assert_eq(bed.replies, 1);
    cr_assert_eq(bed.error, VOW_E_BUSY);
    cr_assert_eq(bed.session, 1);
    bed_ask(&bed, 1, 2, true);
    cr_assert_eq(bed.replies, 1, "the same one again waits");
    bed_log(&bed);
    cr_assert_eq(bed.replies, 2);
    cr_assert_eq(bed.session, 2);
    cr_assert_eq(bed.told, VOW_SAGA_RUNNING);
    bed_free(&bed);
}
