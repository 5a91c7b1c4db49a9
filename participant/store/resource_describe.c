/* What Vow knows of a branch that a resource holds: what it was asked, and for how long it has not answered. */
#include <stdio.h>

#include "participant/store/resource_store.h"
#include "proto/net/clock.h"

static void tell_item(struct vow_store_told *told, const struct item *item, uint64_t now_ms)
{
    if (item->state == ITEM_ASKED)
        (void)snprintf(told->note, sizeof(told->note), "the resource was asked to %s %llu ms ago, and has not answered",
                       ask_name(item->ask), (unsigned long long)(now_ms - item->asked_ms));
    else if (item->state == ITEM_PAUSED)
        (void)snprintf(told->note, sizeof(told->note),
                       "the resource could not %s, tried %u times: asked again in %llu ms", ask_name(item->ask),
                       item->tries, (unsigned long long)(item->due_ms > now_ms ? item->due_ms - now_ms : 0));
    else
        (void)snprintf(told->note, sizeof(told->note), "the resource is to be asked to %s when it has answered others",
                       ask_name(item->ask));
}

static void tell(const struct resource_store *store, struct vow_store_told *told, uint64_t now_ms)
{
    char word[VOW_BRANCH_WORD_SIZE];
    const struct item *item = item_find(store->active, &told->gtrid, told->branch);
    told->is_found = true;
    word_make(&told->gtrid, told->branch, false, word);
    if (item != NULL)
        tell_item(told, item, now_ms);
    else
        (void)snprintf(told->note, sizeof(told->note), "the resource holds it as %s: its locks are the resource's own",
                       word);
}

void resource_describe(const struct resource_store *store, struct vow_store_op *op)
{
    const uint64_t now_ms = vow_clock_ms();
    for (uint32_t i = 0; i < op->told_len; i++)
        tell(store, &op->told[i], now_ms);
}
