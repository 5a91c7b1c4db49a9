#include "coordinator/fold/lookup.h"

#include "proto/error.h"

bool vow_lookup_is_answered(const struct vow_journal_op *op)
{
    return op->error == 0 || op->error == VOW_E_NOT_FOUND || op->error == VOW_E_EXPIRED ||
           op->error == VOW_E_RECOVERING;
}

struct vow_coord_event vow_lookup_event(const struct vow_journal_op *op, const struct saga_book *open_sagas)
{
    struct vow_coord_event event = {.kind = VOW_COORD_LOOKED_UP};

    event.lookup.session = op->token;
    event.lookup.found = op->error == 0;
    event.lookup.decided = op->error == 0 && op->decided;
    event.lookup.outcome = op->outcome;
    event.lookup.cause = op->cause;
    event.lookup.damage = op->damage;
    event.lookup.forgotten = op->forgotten;
    event.lookup.below_floor = op->error == VOW_E_EXPIRED;
    event.lookup.unproved = op->error == VOW_E_RECOVERING;
    event.lookup.is_saga = op->saga != 0 || saga_book_find(open_sagas, &op->gtrid) != NULL;
    return event;
}

struct vow_sagas_event vow_lookup_saga_event(const struct vow_journal_op *op)
{
    struct vow_sagas_event event = {.kind = VOW_SAGAS_LOOKED_UP, .session = op->token};

    event.looked_up.gtrid = op->gtrid;
    event.looked_up.error = op->error;
    event.looked_up.state = op->saga;
    event.looked_up.cause = op->cause;
    return event;
}
