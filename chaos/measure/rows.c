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

static int compare(const void *left, const void *right)
{
    const struct measure_row *a = left, *b = right;

    if (a->node != b->node)
        return (a->node > b->node) - (a->node < b->node);
    return (a->key > b->key) - (a->key < b->key);
}

/* Rows that are in order and come several times become one each. */
static void unite(struct measure_rows *rows)
{
    size_t len = 0;

    for (size_t i = 0; i < rows->len; i++) {
        if (len > 0 && compare(&rows->of[len - 1], &rows->of[i]) == 0) {
            rows->of[len - 1].accesses += rows->of[i].accesses;
            rows->of[len - 1].blocked_us += rows->of[i].blocked_us;
        } else {
            rows->of[len++] = rows->of[i];
        }
    }
    rows->len = len;
}

struct measure_rows measure_rows(const struct measure_run *run, const struct measure_spans *spans)
{
    const size_t len = spans->holds.len;
    const uint64_t until_us = run->faults_len > 0 ? run->faults[0].t_us : run->end_us;
    struct measure_rows rows = {.of = real_need(calloc(len + 1, sizeof(*rows.of))), .len = len};

    for (size_t i = 0; i < len; i++) {
        const struct measure_span *hold = &spans->holds.of[i];
        rows.of[i] = (struct measure_row){.node = hold->node,
                                          .key = hold->key,
                                          .accesses = hold->from_us < until_us,
                                          .blocked_us = measure_blocked_us(spans, hold, run->from_us, run->to_us)};
    }
    qsort(rows.of, len, sizeof(*rows.of), compare);
    unite(&rows);
    return rows;
}
