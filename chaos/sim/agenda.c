#include "chaos/sim/agenda.h"

#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

/* What a step takes, at most, where priorities order them: a few steps are a time-out of nobody. */
#define PRIORITY_STEP_US 3000

void sim_agenda_begin(struct sim_agenda *agenda, struct sim_arena *arena, struct sim_rng rng)
{
    struct sim_event **heap = agenda->heap, **ready = agenda->ready;
    const uint32_t heap_max = agenda->heap_max, ready_max = agenda->ready_max;

    memset(agenda, 0, sizeof(*agenda));
    agenda->heap = heap;
    agenda->heap_max = heap_max;
    agenda->ready = ready;
    agenda->ready_max = ready_max;
    agenda->arena = arena;
    agenda->rng = rng;
}

void sim_agenda_free(struct sim_agenda *agenda)
{
    free(agenda->heap);
    free(agenda->ready);
    memset(agenda, 0, sizeof(*agenda));
}

/* --- The heap, by (at_us, order) --- */

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static struct sim_event **grown(struct sim_event **list, uint32_t len, uint32_t *max)
{
    if (len < *max)
        return list;
    *max = *max > 0 ? 2 * *max : 256;
    list = realloc(list, *max * sizeof(struct sim_event *));
    VOW_ASSERT(list != NULL);
    return list;
}

static void heap_add(struct sim_agenda *agenda, struct sim_event *event)
{
    uint32_t at = agenda->heap_len++;

    agenda->heap = grown(agenda->heap, at, &agenda->heap_max);
    while (at > 0 && is_before(event, agenda->heap[(at - 1) / 2])) {
        agenda->heap[at] = agenda->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    agenda->heap[at] = event;
}

static struct sim_event *heap_take(struct sim_agenda *agenda)
{
    struct sim_event *first = agenda->heap[0];
    struct sim_event *last = agenda->heap[--agenda->heap_len];
    uint32_t at = 0, child;

    for (child = 1; child < agenda->heap_len; child = 2 * at + 1) {
        if (child + 1 < agenda->heap_len && is_before(agenda->heap[child + 1], agenda->heap[child]))
            child++;
        if (!is_before(agenda->heap[child], last))
            break;
        agenda->heap[at] = agenda->heap[child];
        at = child;
    }
    if (agenda->heap_len > 0)
        agenda->heap[at] = last;
    return first;
}

/* --- What could happen at once --- */

static void ready_add(struct sim_agenda *agenda, struct sim_event *event)
{
    agenda->ready = grown(agenda->ready, agenda->ready_len, &agenda->ready_max);
    agenda->ready[agenda->ready_len++] = event;
}

/* By addition: what one task does, it does in order. */
static void sort_ready(struct sim_agenda *agenda)
{
    for (uint32_t i = 1; i < agenda->ready_len; i++) {
        struct sim_event *event = agenda->ready[i];
        uint32_t at = i;

        for (; at > 0 && agenda->ready[at - 1]->order > event->order; at--)
            agenda->ready[at] = agenda->ready[at - 1];
        agenda->ready[at] = event;
    }
}

static struct sim_event *ready_take(struct sim_agenda *agenda, uint32_t which)
{
    struct sim_event *event = agenda->ready[which];

    VOW_ASSERT(which < agenda->ready_len);
    memmove(&agenda->ready[which], &agenda->ready[which + 1],
            (agenda->ready_len - which - 1) * sizeof(struct sim_event *));
    agenda->ready_len--;
    return event;
}

/* --- PCT --- */

static uint32_t *priority_of(struct sim_agenda *agenda, const struct sim_event *event)
{
    uint32_t *priority = &agenda->priorities[event->task % SIM_TASKS_MAX];

    if (*priority == 0)
        *priority = (uint32_t)sim_rng_between(&agenda->rng, 1u << 20, 1u << 30);
    return priority;
}

/* The first event of the task with the highest priority: what one task does, it does in order. */
static uint32_t pick_highest(struct sim_agenda *agenda, struct sim_event *const *ready, uint32_t len)
{
    uint32_t best = 0, best_priority = 0;

    for (uint32_t i = 0; i < len; i++) {
        const uint32_t priority = *priority_of(agenda, ready[i]);

        if (priority > best_priority) {
            best = i;
            best_priority = priority;
        }
    }
    return best;
}

static bool is_change(const struct sim_agenda *agenda)
{
    for (uint32_t i = 0; i < agenda->changes_len; i++) {
        if (agenda->changes[i] == agenda->steps)
            return true;
    }
    return false;
}

static uint32_t pick_by_priority(void *ctx, struct sim_agenda *agenda, struct sim_event *const *ready, uint32_t len)
{
    uint32_t best = pick_highest(agenda, ready, len);

    (void)ctx;
    if (!is_change(agenda))
        return best;
    *priority_of(agenda, ready[best]) = agenda->lowest--;
    return pick_highest(agenda, ready, len);
}

void sim_agenda_use_pick(struct sim_agenda *agenda, sim_pick_fn *pick, void *ctx, uint32_t step_us_max)
{
    uint32_t timed = 0;

    agenda->pick = pick;
    agenda->pick_ctx = ctx;
    agenda->step_us_max = step_us_max;
    agenda->steps = 0;
    for (uint32_t i = 0, len = agenda->heap_len; i < len; i++) {
        struct sim_event *event = agenda->heap[i];

        if (event->is_timed)
            agenda->heap[timed++] = event;
        else
            ready_add(agenda, event);
    }
    agenda->heap_len = 0;
    for (uint32_t i = 0; i < timed; i++)
        heap_add(agenda, agenda->heap[i]);
    sort_ready(agenda);
}

void sim_agenda_use_priorities(struct sim_agenda *agenda, uint32_t changes, uint64_t steps)
{
    VOW_ASSERT(changes <= SIM_CHANGES_MAX);
    sim_agenda_use_pick(agenda, pick_by_priority, NULL, PRIORITY_STEP_US);
    agenda->lowest = 1u << 16;
    agenda->changes_len = changes;
    for (uint32_t i = 0; i < changes; i++)
        agenda->changes[i] = sim_rng_below(&agenda->rng, steps);
}

void sim_agenda_use_time(struct sim_agenda *agenda, uint64_t spread_us)
{
    agenda->pick = NULL;
    for (uint32_t i = 0; i < agenda->ready_len; i++) {
        agenda->ready[i]->at_us = agenda->now_us + spread_us * i / agenda->ready_len;
        heap_add(agenda, agenda->ready[i]);
    }
    agenda->ready_len = 0;
}

/* --- In and out --- */

static struct sim_event *add(struct sim_agenda *agenda, uint64_t delay_us, const struct sim_event *event)
{
    struct sim_event *added = agenda->unused;

    if (added != NULL)
        agenda->unused = added->next;
    else
        added = sim_arena_take(agenda->arena, sizeof(*added));
    *added = *event;
    added->at_us = agenda->now_us + delay_us;
    added->next = NULL;
    if (agenda->pick != NULL && !added->is_timed)
        ready_add(agenda, added);
    else
        heap_add(agenda, added);
    return added;
}

struct sim_event *sim_agenda_add(struct sim_agenda *agenda, uint64_t delay_us, const struct sim_event *event)
{
    struct sim_event ordered = *event;

    ordered.order = ++agenda->orders;
    return add(agenda, delay_us, &ordered);
}

void sim_agenda_add_again(struct sim_agenda *agenda, uint64_t delay_us, const struct sim_event *event)
{
    VOW_ASSERT(event->order != 0);
    (void)add(agenda, delay_us, event);
    if (agenda->pick != NULL)
        sort_ready(agenda);
}

/* What has waited for its time joins those that can happen at once. If there is nothing at all, the clock goes on. */
static void let_time_pass(struct sim_agenda *agenda)
{
    agenda->now_us += sim_rng_below(&agenda->rng, agenda->step_us_max + 1);
    if (agenda->ready_len == 0 && agenda->heap_len > 0 && agenda->heap[0]->at_us > agenda->now_us)
        agenda->now_us = agenda->heap[0]->at_us;
    while (agenda->heap_len > 0 && agenda->heap[0]->at_us <= agenda->now_us)
        ready_add(agenda, heap_take(agenda));
}

bool sim_agenda_next(struct sim_agenda *agenda, struct sim_event *event)
{
    struct sim_event *taken;

    agenda->steps++;
    if (agenda->pick != NULL) {
        let_time_pass(agenda);
        if (agenda->ready_len == 0)
            return false;
        taken = ready_take(agenda, agenda->pick(agenda->pick_ctx, agenda, agenda->ready, agenda->ready_len));
    } else {
        if (agenda->heap_len == 0)
            return false;
        taken = heap_take(agenda);
        if (taken->at_us > agenda->now_us)
            agenda->now_us = taken->at_us;
    }
    *event = *taken;
    taken->next = agenda->unused;
    agenda->unused = taken;
    return true;
}
