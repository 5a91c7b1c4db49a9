/* The life of an order: made, sent, judged, sent again or asked about, done. Main thread. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

#define BACKOFF_FIRST_MS 4
#define BACKOFF_MAX_MS 512

/*
 * With a skew the first places are the popular ones, and none of the scarce ones (stock.c, payment.c), which are every
 * tenth from 0 on, is the most popular: those are the tenth place, the twentieth and so on.
 */
static int64_t choose(const struct draw_places *places, uint64_t *random, int64_t limit, bool is_certain)
{
    const int64_t chosen = places->upto == NULL ? draw_below(random, limit) : (draw_place(places, random) + 1) % limit;

    return is_certain && chosen % 10 == 0 && limit > 1 ? chosen + 1 < limit ? chosen + 1 : chosen - 1 : chosen;
}

void load_order_begin(struct load_order *slot, int64_t number)
{
    const struct load_options *options = &slot->load->options;
    struct shop_order *order = &slot->order;
    uint64_t random = (uint64_t)options->seed * 1000003 + (uint64_t)number;
    /* What is sold without asking must be there: none of the scarce ones (stock.c, payment.c). */
    const bool is_certain = options->protocol == LOAD_OUTBOX;
    const int64_t item = choose(&slot->load->items, &random, options->items, is_certain);

    snprintf(order->id, sizeof(order->id), "%s-%06" PRId64, options->run, number);
    snprintf(order->item, sizeof(order->item), "item-%05" PRId64, item);
    snprintf(order->account, sizeof(order->account), "account-%05" PRId64,
             choose(&slot->load->accounts, &random, options->accounts, is_certain));
    order->quantity = 1 + draw_below(&random, 3);
    order->amount = options->gifts > 0 && number % options->gifts == 0 ? 0 : order->quantity * (1 + item % 9);
    order->arm = options->arm;
    order->fails_fast = options->fails_fast;
    order->pending_ms = options->pending_ms;
    slot->protocol = order->arm == SHOP_ARM_BY_VALUE && order->amount > options->dear ? LOAD_2PC : options->protocol;
    slot->number = number;
    slot->tries_len = 0;
    slot->is_stuck = false;
    slot->result = (struct vow_result){.outcome = VOW_UNKNOWN};
}

/* On the client's thread: only hands the result over. */
static void on_result(void *ctx, const struct vow_result *result)
{
    struct load_order *slot = ctx;

    slot->result = *result;
    load_mailbox_put_result(slot->load, slot);
}

static int send(struct load_order *slot, const char *payload, size_t len)
{
    const struct vow_call all[] = {
        {"order", "place", payload, len},
        {"stock", "take", payload, len},
        {"payment", "pay", payload, len},
    };
    const struct vow_call one = {"order", "sell", payload, len};

    switch (slot->protocol) {
    case LOAD_2PC:
        return vow_commit_async(slot->load->client, all, 3, on_result, slot);
    case LOAD_SAGA:
        return load_saga_send(slot, payload, len);
    case LOAD_CHOREOGRAPHY:
        return load_events_send(slot, payload, len);
    case LOAD_OUTBOX:
        return vow_commit_async(slot->load->client, &one, 1, on_result, slot);
    }
    return VOW_E_ARGUMENT;
}

void load_order_send(struct load_order *slot)
{
    char payload[SHOP_PAYLOAD_SIZE];
    const size_t len = shop_order_print(&slot->order, payload);
    int error;

    slot->state = LOAD_SENT;
    slot->tries[slot->tries_len++] = (struct load_try){.outcome = VOW_UNKNOWN};
    error = send(slot, payload, len);
    if (error == 0)
        return;
    /* Refused at the door: nothing happened, as with a refusal that comes later. */
    slot->result = (struct vow_result){.outcome = VOW_ABORTED, .error = error};
    load_order_judge(slot);
}

/*
 * Would a new transaction for the same order have a chance? Not after a service's own no, and not after a mistake of
 * ours. But what was refused because of another order may be done when that has ended. An abort is final, so trying
 * again can never place an order twice.
 */
static bool is_worth_another_try(const struct vow_result *result)
{
    if (result->error != 0)
        return vow_error_class(result->error) == VOW_CLASS_RETRY;
    switch (result->cause) {
    case VOW_CAUSE_HANDLER_REFUSED:
        return strcmp(result->text, SHOP_SAYS_PENDING) == 0 || strcmp(result->text, SHOP_SAYS_CHANGED) == 0;
    case VOW_CAUSE_HANDLER_FAILED:
    case VOW_CAUSE_NO_SUCH_HANDLER:
    case VOW_CAUSE_CONSTRAINT:
    case VOW_CAUSE_NOT_CAPTURED:
    case VOW_CAUSE_NO_SPACE:
    case VOW_CAUSE_CLIENT_ROLLBACK:
    case VOW_CAUSE_OPERATOR:
        return false;
    case VOW_CAUSE_NONE:
    case VOW_CAUSE_CLIENT_LOST:
    case VOW_CAUSE_TXN_TIMEOUT:
    case VOW_CAUSE_VOTE_TIMEOUT:
    case VOW_CAUSE_PARTICIPANT_UNAVAILABLE:
    case VOW_CAUSE_PARTICIPANT_LOST:
    case VOW_CAUSE_LOCK_CONFLICT:
    case VOW_CAUSE_STALE_INCARNATION:
    case VOW_CAUSE_LOST_WORK:
    case VOW_CAUSE_COORDINATOR_RESTART:
    case VOW_CAUSE_PARTICIPANT_FAILED:
    case VOW_CAUSE_TOO_LATE:
    case VOW_CAUSE_PRESUMED:
    case VOW_CAUSE_PEER_IN_DOUBT:
        return true;
    }
    return false;
}

/* What an abort is counted as: a refusal in the service's words, anything else by its name. */
static const char *abort_label(const struct vow_result *result)
{
    if (result->error != 0)
        return vow_error_name(result->error);
    if (result->cause == VOW_CAUSE_HANDLER_REFUSED && result->text[0] != '\0')
        return result->text;
    return vow_cause_name((int)result->cause);
}

/* Full jitter, so that orders that met at a lock do not meet there again. */
static void wait_for_another_try(struct load_order *slot)
{
    struct load *load = slot->load;
    const int64_t doublings = slot->tries_len < 8 ? slot->tries_len : 8;
    const int64_t longest_ms = (int64_t)BACKOFF_FIRST_MS << doublings;

    slot->state = LOAD_WAITING;
    slot->resend_ms = load_now_ms() + 1 +
                      (uint64_t)draw_below(&load->random, longest_ms < BACKOFF_MAX_MS ? longest_ms : BACKOFF_MAX_MS);
    load->totals.tried_again++;
    load_tally_count(&load->totals.retries, abort_label(&slot->result));
}

static void ask(struct load_order *slot)
{
    slot->state = LOAD_ASKING;
    slot->ask_until_ms = load_now_ms() + (uint64_t)slot->load->options.ask_ms;
    load_mailbox_put_question(slot->load, slot);
}

static void end(struct load_order *slot)
{
    struct load_totals *totals = &slot->load->totals;

    totals->done++;
    if (slot->result.outcome == VOW_COMMITTED) {
        totals->committed++;
    } else if (slot->result.outcome == VOW_ABORTED) {
        totals->aborted++;
        load_tally_count(&totals->aborts, abort_label(&slot->result));
    } else {
        totals->unknown++;
    }
    load_log_order(slot->load, slot);
    load_history_order(slot->load, slot);
    slot->state = LOAD_FREE;
}

static bool is_known(const struct vow_result *result)
{
    return result->outcome == VOW_COMMITTED || result->outcome == VOW_ABORTED;
}

void load_order_judge(struct load_order *slot)
{
    const bool was_asked = slot->state == LOAD_ASKING;

    slot->tries[slot->tries_len - 1] = (struct load_try){slot->result.id, slot->result.outcome, slot->result.cause};
    if (was_asked && is_known(&slot->result))
        slot->load->totals.unknown_then_resolved++;
    /* An unknown outcome is never taken for an abort: placing the order again might place it twice. */
    if (!is_known(&slot->result) && !was_asked && slot->protocol != LOAD_CHOREOGRAPHY)
        ask(slot);
    else if (slot->result.outcome == VOW_ABORTED && is_worth_another_try(&slot->result) &&
             slot->tries_len <= slot->load->options.retries)
        wait_for_another_try(slot);
    else
        end(slot);
}
