#include "chaos/sim/ledger.h"

#include <string.h>

#include "chaos/sim/deed.h"

#define TABLE 1024u

void sim_ledger_init(struct sim_ledger *ledger, struct sim_memory *memory, const struct sim_book *book)
{
    *ledger = (struct sim_ledger){.memory = memory, .book = book};
    ledger->sagas_last = &ledger->sagas;
    ledger->table = sim_memory_take(memory, TABLE * sizeof(struct ledger_saga *));
}

struct ledger_saga *sim_ledger_find(const struct sim_ledger *ledger, const struct vow_gtrid *gtrid)
{
    struct ledger_saga *saga = ledger->table[vow_gtrid_hash(gtrid) % TABLE];

    while (saga != NULL && !vow_gtrid_equal(&saga->gtrid, gtrid))
        saga = saga->hash_next;
    return saga;
}

struct ledger_step *sim_ledger_step(struct ledger_saga *saga, uint32_t number)
{
    return saga != NULL && number < saga->steps_len ? &saga->steps[number] : NULL;
}

bool sim_saga_is_harmed(const struct sim_ledger *ledger, const struct ledger_saga *saga)
{
    if (ledger->book->nodes[saga->coord].harm != 0)
        return true;
    for (uint32_t i = 0; i < saga->steps_len; i++) {
        if (ledger->book->nodes[saga->steps[i].node].harm != 0)
            return true;
    }
    return false;
}

bool sim_step_may_be_done(const struct ledger_step *step)
{
    return step->action.sent != 0 && step->action.fate != VOW_FATE_REJECTED;
}

static void first(book_moment *moment, book_moment now)
{
    if (*moment == 0)
        *moment = now;
}

/* ---- a saga is ordered ---- */

static void new_steps(const struct sim_ledger *ledger, struct ledger_saga *saga,
                      const struct vow_msg_saga_request *order)
{
    struct sim_deed deed;

    for (uint32_t i = 0; i < order->steps_len && i < LEDGER_STEPS_MAX; i++) {
        const struct vow_msg_saga_step *step = &order->steps[i];

        saga->steps[saga->steps_len++] = (struct ledger_step){
            .kind = step->kind,
            .stage = step->stage,
            .node = sim_book_named(ledger->book, step->participant),
            .amount = sim_deed_decode(step->payload.data, step->payload.len, &deed) ? deed.amount : 0};
    }
}

static const char *copy_key(const struct sim_ledger *ledger, const char *key)
{
    const size_t size = strlen(key) + 1;

    return memcpy(sim_memory_take(ledger->memory, size), key, size);
}

static void see_asked(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    struct ledger_saga **head = &ledger->table[vow_gtrid_hash(&sight->gtrid) % TABLE], *saga;

    if (sight->asked.what != SIM_ASK_SAGA || sim_ledger_find(ledger, &sight->gtrid) != NULL)
        return;
    saga = sim_memory_take(ledger->memory, sizeof(*saga));
    saga->gtrid = sight->gtrid;
    saga->client = sight->node;
    saga->coord = ledger->book->nodes[sight->node].coord;
    saga->key = copy_key(ledger, sight->asked.key);
    new_steps(ledger, saga, sight->asked.saga);
    saga->hash_next = *head;
    *head = saga;
    *ledger->sagas_last = saga;
    ledger->sagas_last = &saga->next;
}

/* ---- messages ---- */

static void see_sent(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    struct ledger_step *step;
    struct ledger_side *side;

    if (msg->kind != VOW_MSG_STEP)
        return;
    step = sim_ledger_step(sim_ledger_find(ledger, &msg->step.gtrid), msg->step.step);
    if (step == NULL)
        return;
    side = sim_ledger_side(step, msg->step.direction);
    first(&side->sent, sight->seq);
    side->sent_life = sight->life;
}

static void see_received(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    const struct vow_msg *msg = sight->message.msg;
    struct ledger_step *step;

    if (msg->kind != VOW_MSG_STEP_DONE || msg->step_done.result == VOW_STEP_NOT_YET)
        return;
    step = sim_ledger_step(sim_ledger_find(ledger, &msg->step_done.gtrid), msg->step_done.step);
    if (step != NULL && step->node == sight->peer)
        first(&sim_ledger_side(step, msg->step_done.direction)->answered, sight->seq);
}

/* ---- the journal ---- */

static bool is_failure(const struct vow_record *record)
{
    return record->kind == VOW_RECORD_SAGA_TURN ||
           (record->kind == VOW_RECORD_SAGA_STEP && record->step.direction == VOW_STEP_ACTION &&
            (record->step.fate == VOW_FATE_REJECTED || record->step.fate == VOW_FATE_UNKNOWN));
}

static void step_durable(struct ledger_saga *saga, const struct vow_record *record, book_moment now)
{
    struct ledger_step *step = sim_ledger_step(saga, record->step.number);
    struct ledger_side *side;

    if (step == NULL)
        return;
    side = sim_ledger_side(step, (enum vow_step_direction)record->step.direction);
    first(&side->fated, now);
    side->fate = (enum vow_saga_fate)record->step.fate;
}

static void see_durable(struct ledger_saga *saga, const struct vow_record *record, book_moment now)
{
    if (is_failure(record))
        first(&saga->failed, now);
    switch ((int)record->kind) {
    case VOW_RECORD_SAGA_BEGIN:
        first(&saga->begun, now);
        break;
    case VOW_RECORD_SAGA_STEP:
        step_durable(saga, record, now);
        break;
    case VOW_RECORD_SAGA_END:
        first(&saga->ended, now);
        saga->is = (enum vow_saga_state)record->detail;
        break;
    default:
        break;
    }
}

static void see_log(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    struct ledger_saga *saga = sim_ledger_find(ledger, &sight->log.record->gtrid);

    if (saga == NULL)
        return;
    if (sight->kind == SIM_SEEN_LOG_DURABLE)
        see_durable(saga, sight->log.record, sight->seq);
    else if (sight->kind == SIM_SEEN_LOG_DONE && is_failure(sight->log.record))
        first(&saga->knows, sight->seq);
}

/* ---- the store ---- */

static void see_done(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    const struct sim_seen_step *seen = &sight->store.step;
    struct ledger_step *step = sim_ledger_step(sim_ledger_find(ledger, &sight->gtrid), seen->number);
    struct ledger_side *side;

    if (step == NULL)
        return;
    side = sim_ledger_side(step, seen->direction);
    if (seen->result == VOW_STEP_DONE)
        first(&side->recorded, sight->seq);
    if (seen->result == VOW_STEP_DONE && seen->has_run)
        first(&side->taken, sight->seq);
    if (seen->result == VOW_STEP_TOO_LATE ||
        (seen->result == VOW_STEP_REJECTED && seen->direction == VOW_STEP_ACTION && step->kind != VOW_STEP_RETRIABLE))
        first(&side->rejected, sight->seq);
}

/* ---- clients and operators ---- */

static void see_told(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    struct ledger_saga *saga = sim_ledger_find(ledger, &sight->gtrid);

    if (saga == NULL || sight->told.saga < VOW_SAGA_COMPLETED || saga->told_at != 0)
        return;
    saga->told = sight->told.saga;
    saga->told_at = sight->seq;
}

static void see_order(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    struct ledger_saga *saga = sim_ledger_find(ledger, &sight->gtrid);

    if (saga != NULL && sight->operated.saga == VOW_ADMIN_SAGA_CLOSE)
        first(&saga->close_ordered, sight->seq);
}

/* ---- disks: a crash in the middle of a commit, and what the disk kept is what counts ---- */

static void take_back(book_moment *moment, book_moment found)
{
    if (*moment == found)
        *moment = 0;
}

static void take_store_back(struct ledger_side *side, book_moment found)
{
    take_back(&side->taken, found);
    take_back(&side->recorded, found);
    take_back(&side->rejected, found);
}

static void take_fate_back(struct ledger_side *side, book_moment found)
{
    if (side->fated == found)
        side->fate = VOW_FATE_NONE;
    take_back(&side->fated, found);
}

/* What only a start has found that came to nothing may have been in the page cache alone (F105). When that was; 0: it
 * came to something. */
static book_moment found_in_vain(const struct sim_ledger *ledger, uint8_t node)
{
    const book_moment found = ledger->disk_read[node];

    return ledger->book->nodes[node].served > found ? 0 : found;
}

static void disown_store(struct sim_ledger *ledger, uint8_t node)
{
    const book_moment found = found_in_vain(ledger, node);

    if (found == 0)
        return;
    for (struct ledger_saga *saga = ledger->sagas; saga != NULL; saga = saga->next) {
        for (uint32_t i = 0; i < saga->steps_len; i++) {
            if (saga->steps[i].node != node)
                continue;
            take_store_back(&saga->steps[i].action, found);
            take_store_back(&saga->steps[i].compensation, found);
        }
    }
}

/* A saga that only such a start has seen begin, fail or end has not. */
static void disown_journal(struct sim_ledger *ledger, uint8_t node)
{
    const book_moment found = found_in_vain(ledger, node);

    if (found == 0)
        return;
    for (struct ledger_saga *saga = ledger->sagas; saga != NULL; saga = saga->next) {
        if (saga->coord != node)
            continue;
        if (saga->ended == found)
            saga->is = 0;
        take_back(&saga->begun, found);
        take_back(&saga->failed, found);
        take_back(&saga->knows, found);
        take_back(&saga->ended, found);
        for (uint32_t i = 0; i < saga->steps_len; i++) {
            take_fate_back(&saga->steps[i].action, found);
            take_fate_back(&saga->steps[i].compensation, found);
        }
    }
}

static void settle_store(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    const struct sim_dump_store *store = &sight->disk.dump->store;

    disown_store(ledger, sight->node);
    ledger->disk_read[sight->node] = sight->seq;
    for (uint32_t i = 0; i < store->deeds_len; i++) {
        const struct sim_dump_deed *deed = &store->deeds[i];
        struct ledger_step *step = sim_ledger_step(sim_ledger_find(ledger, &deed->gtrid), deed->step);
        struct ledger_side *side = step != NULL ? sim_ledger_side(step, deed->direction) : NULL;

        if (side == NULL || step->node != sight->node)
            continue;
        first(&side->taken, sight->seq);
        first(&side->recorded, sight->seq);
    }
    for (uint32_t i = 0; i < store->steps_len; i++) {
        const struct sim_dump_step *row = &store->steps[i];
        struct ledger_step *step = sim_ledger_step(sim_ledger_find(ledger, &row->gtrid), row->step);

        if (step == NULL || step->node != sight->node)
            continue;
        if (row->status == SIM_STEP_DONE || row->status == SIM_STEP_EMPTY)
            first(&sim_ledger_side(step, row->direction)->recorded, sight->seq);
        else
            first(&sim_ledger_side(step, row->direction)->rejected, sight->seq);
    }
}

static void settle_journal(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    const struct sim_dump_journal *journal = &sight->disk.dump->journal;

    disown_journal(ledger, sight->node);
    ledger->disk_read[sight->node] = sight->seq;
    for (uint32_t i = 0; i < journal->events_len; i++) {
        const struct sim_dump_event *event = &journal->events[i];
        const struct vow_record record = {.kind = (enum vow_record_kind)event->kind,
                                          .detail = event->detail,
                                          .step = {.number = event->step.number,
                                                   .direction = (uint8_t)event->step.direction,
                                                   .fate = (uint8_t)event->step.fate}};
        struct ledger_saga *saga = vow_record_is_saga(record.kind) ? sim_ledger_find(ledger, &event->gtrid) : NULL;

        if (saga != NULL)
            see_durable(saga, &record, sight->seq);
    }
    /* What is durable its next life reads. */
    for (struct ledger_saga *saga = ledger->sagas; saga != NULL; saga = saga->next) {
        if (saga->coord == sight->node && saga->failed != 0)
            first(&saga->knows, sight->seq);
    }
}

static void see_disk(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    if (sight->disk.dump->is_journal)
        settle_journal(ledger, sight);
    else
        settle_store(ledger, sight);
}

void sim_ledger_see(struct sim_ledger *ledger, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_DISK)
        see_disk(ledger, sight);
    if (!sim_is_of_saga(sight))
        return;
    switch ((int)sight->kind) {
    case SIM_SEEN_ASKED:
        see_asked(ledger, sight);
        break;
    case SIM_SEEN_SENT:
        see_sent(ledger, sight);
        break;
    case SIM_SEEN_RECEIVED:
        see_received(ledger, sight);
        break;
    case SIM_SEEN_LOG_DURABLE:
    case SIM_SEEN_LOG_DONE:
        see_log(ledger, sight);
        break;
    case SIM_SEEN_STORE_DONE:
        see_done(ledger, sight);
        break;
    case SIM_SEEN_TOLD:
        see_told(ledger, sight);
        break;
    case SIM_SEEN_OPERATED:
        see_order(ledger, sight);
        break;
    default:
        break;
    }
}
