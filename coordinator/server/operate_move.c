/*
 * An operator moves a group of consumers to where it goes on. The broker makes that durable; what retention
 * has cut off is looked at here, for less must not come unsaid than was asked for.
 */
#include <stdio.h>
#include <string.h>

#include "coordinator/server/operate.h"

void operate_events(struct order *order, enum vow_relay_order what)
{
    struct broker *broker = order->server->broker;
    broker->ops->order(broker, order->participant, what == VOW_RELAY_REMOVE ? 0 : order->lsn, what, order->id);
}

/* "oldest", "newest", or the offset that is next: *after is the one before. */
bool operate_place(const char *text, uint64_t *after)
{
    if (strcmp(text, "newest") == 0)
        *after = UINT64_MAX;
    else if (strcmp(text, "oldest") == 0)
        *after = 0;
    else if (events_offset(text, after))
        --*after;
    else
        return false;
    return true;
}

/* From `after` on all is kept: what was cut off was up to `cut`, but for what some group had not done. "Oldest" asks
 * for what is there. */
static bool is_cut_off(const struct vow_server *server, uint64_t after, uint64_t *cut)
{
    *cut = server->broker->ops->cut(server->broker);
    return after != 0 && after < *cut;
}

void operate_move(struct order *order)
{
    char text[VOW_TEXT_SIZE];
    uint64_t cut;
    if (!is_cut_off(order->server, order->lsn, &cut)) {
        operate_events(order, VOW_RELAY_SEEK);
        return;
    }
    snprintf(text, sizeof(text), "retention has cut off what came before @%llu: say that, or oldest for what is left",
             (unsigned long long)cut + 1);
    operate_refuse(order, VOW_E_STATE, text);
}

/* Its place is durable, and holds what comes after it; before that something may have been cut off. */
void operate_moved(struct order *order)
{
    char text[VOW_TEXT_SIZE];
    uint64_t cut;
    if (!is_cut_off(order->server, order->lsn, &cut)) {
        operate_done(order, "moved; it goes on from there, also after a start of vowd");
        return;
    }
    snprintf(text, sizeof(text), "moved; but meanwhile retention has cut off what came before @%llu",
             (unsigned long long)cut + 1);
    operate_done(order, text);
}
