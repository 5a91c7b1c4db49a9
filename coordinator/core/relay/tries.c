/*
 * How a group fares with an event that it has not done. That goes with the event, not with its place: what is revived
 * may come before it, its group may ask for something else meanwhile, and the bound on attempts holds all the same
 * (I29). It is not durable: a start of vowd counts anew, for a record of each attempt that fails would cost more than
 * the attempts that it saves.
 */
#include "coordinator/core/relay/core.h"
#include "proto/assert.h"

bool tries_are_over(const struct vow_relay *core, const struct lane *lane)
{
    const struct tries *tries = lane_tries(core, lane);

    return tries->is_unable || tries->attempts >= group_attempts_max(core, lane_group(core, lane));
}

static uint32_t take_words(struct vow_relay *core)
{
    const uint32_t place = core->said_free;

    if (place != 0)
        core->said_free = core->said[place - 1].next;
    else if (core->said_len < relay_words_max(&core->limits))
        return ++core->said_len;
    return place;
}

void tries_keep_words(struct vow_relay *core, struct tries *tries, const char *text)
{
    if (tries->words == 0)
        tries->words = take_words(core);
    if (tries->words != 0)
        vow_text_copy(core->said[tries->words - 1].text, text);
}

const char *tries_words(const struct vow_relay *core, const struct tries *tries)
{
    return tries->words != 0 ? core->said[tries->words - 1].text : "it has had its attempts";
}

void tries_drop(struct vow_relay *core, struct tries *tries)
{
    if (tries->words == 0)
        return;
    core->said[tries->words - 1].next = core->said_free;
    core->said_free = tries->words;
    tries->words = 0;
}

void tries_carry(struct vow_relay *core, const struct lane *lane)
{
    for (uint32_t i = lane->first; i != RELAY_NIL; i = core->deliveries[i].next) {
        struct delivery *delivery = &core->deliveries[i];
        struct tries *carried = &core->events[delivery->event].carried;

        VOW_ASSERT(carried->words == 0);
        *carried = delivery->tries;
        carried->attempts -= i == lane->first && lane->state == LANE_SENT;
        delivery->tries.words = 0;
    }
}
