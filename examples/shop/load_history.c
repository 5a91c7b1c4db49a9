/* The history of an open loop (docs/trace.md): a line for each order, with its times on the clock of all traces. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "load.h"

int load_history_open(struct load *load)
{
    if (load->options.history_path == NULL)
        return 0;
    load->history = fopen(load->options.history_path, "w");
    if (load->history != NULL)
        return 0;
    fprintf(stderr, "shop-load: cannot write %s: %s\n", load->options.history_path, strerror(errno));
    return -1;
}

/* Its end is one that is known; nobody knows of one that was never answered. */
static bool has_end(const struct load_order *slot)
{
    return slot->result.outcome == VOW_COMMITTED || slot->result.outcome == VOW_ABORTED;
}

/* An order that is refused before it has begun is turned away, as one is for which there is no room here. */
static const char *outcome_of(const struct load_order *slot)
{
    const bool is_undone = slot->protocol == LOAD_SAGA || slot->protocol == LOAD_CHOREOGRAPHY;

    if (slot->result.outcome == VOW_COMMITTED)
        return is_undone ? "completed" : "committed";
    if (slot->result.outcome == VOW_ABORTED && slot->result.error != 0)
        return "rejected";
    if (slot->result.outcome == VOW_ABORTED)
        return is_undone ? "compensated" : "aborted";
    return slot->is_stuck ? "stuck" : "unknown";
}

void load_history_order(struct load *load, const struct load_order *slot)
{
    char id[VOW_GTRID_TEXT_SIZE] = "", end[32] = "null";

    if (load->history == NULL)
        return;
    if (!vow_gtrid_is_none(&slot->result.id))
        vow_gtrid_to_text(&slot->result.id, id);
    if (has_end(slot))
        snprintf(end, sizeof(end), "%" PRIu64, load_now_us());
    fprintf(load->history,
            "{\"op\":%" PRId64 ",\"due_us\":%" PRIu64 ",\"start_us\":%" PRIu64
            ",\"end_us\":%s,\"id\":\"%s\",\"outcome\":\"%s\",\"order\":\"%s\",\"item\":\"%s\",\"account\":\"%s\""
            ",\"amount\":%" PRId64 "}\n",
            slot->number, slot->due_us, slot->start_us, end, id, outcome_of(slot), slot->order.id, slot->order.item,
            slot->order.account, slot->order.amount);
}

void load_history_turned_away(struct load *load, int64_t number, uint64_t due_us)
{
    const uint64_t now_us = load_now_us();

    if (load->history != NULL)
        fprintf(load->history,
                "{\"op\":%" PRId64 ",\"due_us\":%" PRIu64 ",\"start_us\":%" PRIu64 ",\"end_us\":%" PRIu64
                ",\"id\":\"\",\"outcome\":\"rejected\"}\n",
                number, due_us, now_us, now_us);
}
