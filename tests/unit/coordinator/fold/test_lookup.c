/* What the journal says to "what became of it?": nothing but the lack of a record may lead to a presumption. */
#include <criterion/criterion.h>

#include "coordinator/fold/lookup.h"
#include "proto/error.h"

TestSuite(lookup, .timeout = 30);

static struct vow_coord_lookup heard(const struct vow_journal_op *op)
{
    const struct saga_book none = {0};
    const struct vow_coord_event event = vow_lookup_event(op, &none);
    cr_assert_eq(event.kind, VOW_COORD_LOOKED_UP);
    return event.lookup;
}

Test(lookup, failed_read_is_no_answer)
{
    static const int errors[] = {
#define ERROR(name, value, class, text, conclusion) value,
#include "proto/error.def"
#undef ERROR
    };
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        const bool is_answer = errors[i] == VOW_E_OK || errors[i] == VOW_E_NOT_FOUND || errors[i] == VOW_E_EXPIRED ||
                               errors[i] == VOW_E_RECOVERING;
        cr_assert_eq(vow_lookup_is_answered(&(struct vow_journal_op){.error = errors[i]}), is_answer, "%d", errors[i]);
    }
}

Test(lookup, record_that_is_found_is_told_whole)
{
    const struct vow_coord_lookup lookup = heard(&(struct vow_journal_op){
        .token = 7, .decided = true, .outcome = VOW_COMMITTED, .cause = VOW_CAUSE_PRESUMED, .forgotten = true});
    cr_assert(lookup.found && lookup.decided && lookup.forgotten);
    cr_assert_not(lookup.below_floor || lookup.unproved || lookup.is_saga);
    cr_assert_eq(lookup.session, 7);
    cr_assert_eq(lookup.outcome, VOW_COMMITTED);
    cr_assert_eq(lookup.cause, VOW_CAUSE_PRESUMED);
}

Test(lookup, lack_of_a_record_is_told_apart_from_what_is_cut_off_and_from_what_is_not_proved)
{
    struct vow_coord_lookup lookup = heard(&(struct vow_journal_op){.error = VOW_E_NOT_FOUND, .decided = true});
    cr_assert_not(lookup.found || lookup.decided || lookup.below_floor || lookup.unproved);
    lookup = heard(&(struct vow_journal_op){.error = VOW_E_EXPIRED});
    cr_assert(lookup.below_floor && !lookup.found && !lookup.unproved);
    lookup = heard(&(struct vow_journal_op){.error = VOW_E_RECOVERING});
    cr_assert(lookup.unproved && !lookup.found && !lookup.below_floor);
}

/* Ended, it is in the journal; else in the book. */
Test(lookup, saga_is_no_transaction)
{
    const struct vow_gtrid id = vow_gtrid_make(1, 2, 3, 0, 4), other = vow_gtrid_make(1, 2, 5, 0, 4);
    const struct vow_msg_saga_step step = {.action = "take", .compensation = "give_back"};
    const struct vow_msg_saga_request request = {.gtrid = id, .steps = &step, .steps_len = 1};
    struct saga_book book = {0};
    cr_assert(heard(&(struct vow_journal_op){.error = VOW_E_NOT_FOUND, .saga = VOW_SAGA_COMPLETED}).is_saga);
    cr_assert_not_null(saga_book_add(&book, &request, 1));
    cr_assert(vow_lookup_event(&(struct vow_journal_op){.gtrid = id}, &book).lookup.is_saga);
    cr_assert_not(vow_lookup_event(&(struct vow_journal_op){.gtrid = other}, &book).lookup.is_saga);
    saga_book_free(&book);
}

Test(lookup, saga_is_told_with_its_error)
{
    const struct vow_gtrid id = vow_gtrid_make(1, 2, 3, 0, 4);
    const struct vow_sagas_event event = vow_lookup_saga_event(&(struct vow_journal_op){
        .token = 7, .gtrid = id, .error = VOW_E_EXPIRED, .saga = VOW_SAGA_COMPENSATED, .cause = VOW_CAUSE_PRESUMED});
    cr_assert_eq(event.kind, VOW_SAGAS_LOOKED_UP);
    cr_assert_eq(event.session, 7);
    cr_assert(vow_gtrid_equal(&event.looked_up.gtrid, &id));
    cr_assert_eq(event.looked_up.error, VOW_E_EXPIRED);
    cr_assert_eq(event.looked_up.state, VOW_SAGA_COMPENSATED);
    cr_assert_eq(event.looked_up.cause, VOW_CAUSE_PRESUMED);
}
