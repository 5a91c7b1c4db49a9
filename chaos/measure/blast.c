#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/metrics.h"

/* A search through the waits: who waits for one that is in doubt, and who for those. */
struct search {
    struct measure_span *waits; /* by whom they are for */
    size_t waits_len;
    uint32_t *seen_by; /* by id: the search that has met it, from 1 */
    uint32_t number;
    uint32_t *queue; /* ids that wait; each has room once */
    size_t queue_len;
};

static int by_holder(const void *left, const void *right)
{
    const struct measure_span *a = left, *b = right;

    return (a->other > b->other) - (a->other < b->other);
}

static size_t first_for(const struct search *search, uint32_t holder)
{
    size_t low = 0, high = search->waits_len;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (search->waits[middle].other < holder)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void meet(struct search *search, uint32_t holder, const struct measure_span *doubt)
{
    for (size_t i = first_for(search, holder); i < search->waits_len && search->waits[i].other == holder; i++) {
        const struct measure_span *wait = &search->waits[i];
        if (wait->to_us <= doubt->from_us || wait->from_us >= doubt->to_us ||
            search->seen_by[wait->id] == search->number)
            continue;
        search->seen_by[wait->id] = search->number;
        search->queue[search->queue_len++] = wait->id;
    }
}

/* Breadth first: one turn for each link of the chain. Returns how many there were. */
static size_t search_behind(struct search *search, const struct measure_span *doubt)
{
    size_t done = 0, depth = 0;

    search->number++;
    search->queue_len = 0;
    search->seen_by[doubt->id] = search->number;
    meet(search, doubt->id, doubt);
    while (done < search->queue_len) {
        depth++;
        for (const size_t end = search->queue_len; done < end; done++)
            meet(search, search->queue[done], doubt);
    }
    return depth;
}

/* Branches of one transaction are one blocker, with the longest of their doubts. The list is by node and id. */
static struct measure_span *blockers_of(const struct measure_run *run, const struct measure_spans *spans, size_t *len)
{
    struct measure_span *blockers = real_need(calloc(spans->doubts.len + 1, sizeof(*blockers)));
    uint32_t *place = real_need(calloc(measure_names_len(run->names), sizeof(*place)));

    *len = 0;
    for (size_t i = 0; i < spans->doubts.len; i++) {
        const struct measure_span *doubt = &spans->doubts.of[i];
        if (run->faults_len > 0 && !measure_covers_fault(run, doubt))
            continue;
        if (place[doubt->id] == 0) {
            blockers[(*len)++] = *doubt;
            place[doubt->id] = (uint32_t)*len;
            continue;
        }
        struct measure_span *blocker = &blockers[place[doubt->id] - 1];
        blocker->from_us = doubt->from_us < blocker->from_us ? doubt->from_us : blocker->from_us;
        blocker->to_us = doubt->to_us > blocker->to_us ? doubt->to_us : blocker->to_us;
    }
    free(place);
    return blockers;
}

static void add(struct measure_blast *blast, const struct search *search, size_t depth)
{
    blast->mean += (double)search->queue_len;
    blast->max = search->queue_len > blast->max ? search->queue_len : blast->max;
    blast->chain_max = depth > blast->chain_max ? depth : blast->chain_max;
}

struct measure_blast measure_blast(const struct measure_run *run, const struct measure_spans *spans,
                                   const enum measure_outcome *outcomes)
{
    struct measure_blast blast = {0};
    const uint32_t names = measure_names_len(run->names);
    struct search search = {.waits = real_need(malloc((spans->waits.len + 1) * sizeof(struct measure_span))),
                            .waits_len = spans->waits.len,
                            .seen_by = real_need(calloc(names, sizeof(uint32_t))),
                            .queue = real_need(calloc(names, sizeof(uint32_t)))};
    struct measure_span *blockers = blockers_of(run, spans, &blast.blockers);
    bool *was_met = real_need(calloc(names, sizeof(bool)));

    if (spans->waits.len > 0)
        memcpy(search.waits, spans->waits.of, spans->waits.len * sizeof(struct measure_span));
    qsort(search.waits, search.waits_len, sizeof(*search.waits), by_holder);
    for (size_t i = 0; i < blast.blockers; i++) {
        add(&blast, &search, search_behind(&search, &blockers[i]));
        for (size_t k = 0; k < search.queue_len; k++)
            was_met[search.queue[k]] = true;
    }
    for (uint32_t id = 1; id < names; id++)
        blast.aborted += was_met[id] && measure_is_undone(outcomes[id]);
    blast.mean = blast.blockers > 0 ? blast.mean / (double)blast.blockers : NAN;
    free(blockers);
    free(was_met);
    free(search.waits);
    free(search.seen_by);
    free(search.queue);
    return blast;
}
