#include "chaos/measure/rows.h"

#include <stdlib.h>

#include "chaos/kill/memory.h"

uint64_t measure_blocked_us(const struct measure_spans *spans, const struct measure_span *hold, uint64_t from_us,
                            uint64_t to_us)
{
    size_t len;
    const struct measure_span *doubts = measure_doubts_of(spans, hold->node, hold->id, &len);
    const uint64_t from = hold->from_us > from_us ? hold->from_us : from_us;
    const uint64_t to = hold->to_us < to_us ? hold->to_us : to_us;
    uint64_t blocked_us = 0;

    if (hold->is_semantic)
        return measure_span_within_us(hold, from_us, to_us);
    for (size_t i = 0; i < len; i++)
        blocked_us += measure_span_within_us(&doubts[i], from, to);
    return blocked_us;
}

/* A lock, as what it takes of its row: a shared one may lie over another. */
struct part {
    uint32_t node, key, id;
    uint64_t access; /* 1 if it counts as one */
    uint64_t from_us, to_us;
};

static int compare(const void *left, const void *right)
{
    const struct part *a = left, *b = right;

    if (a->node != b->node)
        return (a->node > b->node) - (a->node < b->node);
    if (a->key != b->key)
        return (a->key > b->key) - (a->key < b->key);
    return (a->from_us > b->from_us) - (a->from_us < b->from_us);
}

/* A branch is in doubt once, but for one that a death has cut in two: then the whole of it is taken. */
static struct part part_of(const struct measure_run *run, const struct measure_spans *spans,
                           const struct measure_span *hold, uint64_t until_us)
{
    size_t len;
    const struct measure_span *doubts = measure_doubts_of(spans, hold->node, hold->id, &len);
    struct part part = {.node = hold->node, .key = hold->key, .id = hold->id, .access = hold->from_us < until_us};
    uint64_t from_us = hold->from_us, to_us = hold->to_us;

    if (!hold->is_semantic && len == 0)
        return part;
    if (!hold->is_semantic) {
        from_us = doubts[0].from_us > from_us ? doubts[0].from_us : from_us;
        to_us = doubts[len - 1].to_us < to_us ? doubts[len - 1].to_us : to_us;
    }
    from_us = from_us > run->from_us ? from_us : run->from_us;
    to_us = to_us < run->to_us ? to_us : run->to_us;
    if (to_us > from_us) {
        part.from_us = from_us;
        part.to_us = to_us;
    }
    return part;
}

/* Parts that are in order become rows; what lies over another counts once. */
static void unite(const struct part *parts, size_t len, struct measure_rows *rows)
{
    uint64_t end_us = 0;
    uint32_t owner = 0;

    for (size_t i = 0; i < len; i++) {
        const struct part *part = &parts[i];
        struct measure_row *row = rows->len > 0 ? &rows->of[rows->len - 1] : NULL;
        if (row == NULL || row->node != part->node || row->key != part->key) {
            row = &rows->of[rows->len++];
            *row = (struct measure_row){.node = part->node, .key = part->key};
            end_us = 0;
            owner = part->id;
        }
        row->is_shared = row->is_shared || part->id != owner;
        const uint64_t from_us = part->from_us > end_us ? part->from_us : end_us;
        row->accesses += part->access;
        row->blocked_us += part->to_us > from_us ? part->to_us - from_us : 0;
        end_us = part->to_us > end_us ? part->to_us : end_us;
    }
}

/*
 * If there are more rows than a scenario says that there are to lock, the others are somebody's own: what only one ever
 * asks for, as the row of an order, keeps nobody waiting.
 */
static void leave_out_own(struct measure_rows *rows)
{
    size_t len = 0;

    for (size_t i = 0; i < rows->len; i++) {
        if (rows->of[i].is_shared)
            rows->of[len++] = rows->of[i];
    }
    rows->len = len;
}

struct measure_rows measure_rows(const struct measure_run *run, const struct measure_spans *spans)
{
    const size_t len = spans->holds.len;
    const uint64_t until_us = run->faults_len > 0 ? run->faults[0].t_us : run->end_us;
    struct measure_rows rows = {.of = real_need(calloc(len + 1, sizeof(*rows.of)))};
    struct part *parts = real_need(calloc(len + 1, sizeof(*parts)));

    for (size_t i = 0; i < len; i++)
        parts[i] = part_of(run, spans, &spans->holds.of[i], until_us);
    qsort(parts, len, sizeof(*parts), compare);
    unite(parts, len, &rows);
    if (run->keys > 0 && rows.len > run->keys)
        leave_out_own(&rows);
    free(parts);
    return rows;
}
