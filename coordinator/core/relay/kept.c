/* The events in memory: from their PUBLISH until nobody needs them any more. */
#include "coordinator/core/relay/core.h"
#include "proto/assert.h"
#include "proto/gtrid_table.h"

static uint32_t *head_of(const struct vow_relay *core, uint64_t lsn)
{
    return &core->event_heads[(lsn * UINT64_C(0x9e3779b97f4a7c15)) >> 32 &
                              (vow_gtrid_table_heads(core->limits.events_max) - 1)];
}

uint32_t kept_find(const struct vow_relay *core, uint64_t lsn)
{
    uint32_t index = *head_of(core, lsn);

    while (index != RELAY_NIL && core->events[index].lsn != lsn)
        index = core->events[index].next;
    return index;
}

uint32_t kept_new(struct vow_relay *core, const struct vow_msg_event *msg, uint32_t key)
{
    const uint32_t index = core->events_free;
    struct event *event = &core->events[index];

    VOW_ASSERT(index != RELAY_NIL && key != RELAY_NIL);
    core->events_free = event->next_released;
    core->events_left--;
    *event = (struct event){.msg = msg, .key = key, .serial = event->serial + 1};
    key_ref(core, key);
    return index;
}

/* Mostly at the end; older ones come when a group goes back. */
void kept_durable(struct vow_relay *core, uint32_t index, uint64_t lsn)
{
    struct event *event = &core->events[index];
    uint32_t *head = head_of(core, lsn), before = core->last_event;

    while (before != RELAY_NIL && core->events[before].lsn > lsn)
        before = core->events[before].before;
    event->lsn = lsn;
    event->next = *head;
    *head = index;
    event->before = before;
    event->after = before != RELAY_NIL ? core->events[before].after : core->first_event;
    if (before != RELAY_NIL)
        core->events[before].after = index;
    else
        core->first_event = index;
    if (event->after != RELAY_NIL)
        core->events[event->after].before = index;
    else
        core->last_event = index;
    watch_begin(core, index);
}

uint32_t kept_durable_new(struct vow_relay *core, const struct vow_msg_event *msg, uint32_t key, uint64_t lsn,
                          uint64_t due_ms)
{
    const uint32_t index = kept_new(core, msg, key);

    watch_set(core, index, due_ms);
    kept_durable(core, index, lsn);
    return index;
}

static void unlink_event(struct vow_relay *core, uint32_t index)
{
    struct event *event = &core->events[index];
    uint32_t *link = head_of(core, event->lsn);

    while (*link != index)
        link = &core->events[*link].next;
    *link = event->next;
    if (event->before != RELAY_NIL)
        core->events[event->before].after = event->after;
    else
        core->first_event = event->after;
    if (event->after != RELAY_NIL)
        core->events[event->after].before = event->before;
    else
        core->last_event = event->before;
}

void kept_ref(struct vow_relay *core, uint32_t index)
{
    core->events[index].refs++;
}

void kept_release_if_unused(struct vow_relay *core, uint32_t index)
{
    struct event *event = &core->events[index];

    if (event->refs > 0 || event->is_released)
        return;
    event->is_released = true;
    event->next_released = core->released;
    core->released = index;
}

void kept_release_unused(struct vow_relay *core)
{
    for (uint32_t i = core->first_event; i != RELAY_NIL; i = core->events[i].after)
        kept_release_if_unused(core, i);
}

void kept_unref(struct vow_relay *core, uint32_t index)
{
    VOW_ASSERT(core->events[index].refs > 0);
    core->events[index].refs--;
    kept_release_if_unused(core, index);
}

void kept_free_some(struct vow_relay *core)
{
    while (core->released != RELAY_NIL && relay_has_effects(core)) {
        const uint32_t index = core->released;
        struct event *event = &core->events[index];

        core->released = event->next_released;
        event->is_released = false;
        if (event->refs > 0)
            continue; /* a group that went back needs it again */
        relay_emit(core, VOW_RELAY_FREED)->kept = (struct vow_relay_kept){event->msg, event->lsn};
        watch_end(core, index);
        unlink_event(core, index);
        key_unref(core, event->key);
        event->msg = NULL;
        event->next_released = core->events_free;
        core->events_free = index;
        core->events_left++;
        for (uint32_t i = 0; i < core->limits.groups_max; i++)
            core->groups[i].page_was_empty = false;
    }
}
