#include "chaos/measure/spans.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "chaos/kill/memory.h"
#include "proto/assert.h"

enum kind { DOUBT, HOLD, WAIT };

struct place {
    uint32_t kind, node, id, key;
};

/* One whose end has not come. */
struct open_span {
    struct place place;
    struct measure_span span;
    bool is_unsaid; /* its process has died, and has not said since that it lasts */
    uint64_t death_us;
    UT_hash_handle hh;
};

struct maker {
    const struct measure_run *run;
    struct measure_spans *spans;
    struct open_span *open;
    uint64_t *last_us; /* of each node: when it was last heard of */
};

/* --- Ends --- */

static void put(struct measure_span_list *list, const struct measure_span *span)
{
    if (list->len == list->size) {
        list->size = list->size > 0 ? 2 * list->size : 64;
        list->of = real_need(realloc(list->of, list->size * sizeof(*list->of)));
    }
    VOW_ASSERT(list->of != NULL);
    list->of[list->len++] = *span;
}

static struct measure_span_list *list_of(struct measure_spans *spans, uint32_t kind)
{
    return kind == DOUBT ? &spans->doubts : kind == HOLD ? &spans->holds : &spans->waits;
}

static void end(struct maker *maker, struct open_span *open, uint64_t t_us)
{
    open->span.to_us = t_us > open->span.from_us ? t_us : open->span.from_us;
    put(list_of(maker->spans, open->place.kind), &open->span);
    HASH_DEL(maker->open, open); /* NOLINT(clang-analyzer-*): it does not see that it is in the table */
    free(open);
}

static struct place place_of(enum kind kind, const struct measure_record *record)
{
    /* A branch waits for one row at a time. */
    return (struct place){kind, record->node, record->id, kind == HOLD ? record->key : 0};
}

static struct open_span *find(const struct maker *maker, struct place place)
{
    struct open_span *open = NULL;

    HASH_FIND(hh, maker->open, &place, sizeof(place), open);
    return open;
}

static void end_if_open(struct maker *maker, enum kind kind, const struct measure_record *record)
{
    struct open_span *open = find(maker, place_of(kind, record));

    if (open != NULL)
        end(maker, open, record->t_us);
}

/* --- Beginnings --- */

static struct open_span *begin(struct maker *maker, enum kind kind, const struct measure_record *record)
{
    const struct place place = place_of(kind, record);
    struct open_span *open = find(maker, place);

    if (open == NULL) {
        open = real_need(calloc(1, sizeof(*open)));
        open->place = place;
        open->span = (struct measure_span){.node = record->node,
                                           .id = record->id,
                                           .key = record->key,
                                           .other = record->other,
                                           .from_us = record->t_us};
        HASH_ADD(hh, maker->open, place, sizeof(place), open);
    }
    open->is_unsaid = false;
    return open;
}

/* A lock ends the wait for it. */
static void on_lock(struct maker *maker, const struct measure_record *record)
{
    end_if_open(maker, WAIT, record);
    begin(maker, HOLD, record)->span.is_semantic = record->what == MEASURE_PEND;
}

static void on_found(struct maker *maker, const struct measure_record *record)
{
    const bool is_new = find(maker, place_of(DOUBT, record)) == NULL;

    begin(maker, DOUBT, record)->span.is_late = is_new;
}

/* What it was doing for a transaction is over; its rows it frees itself. */
static void on_applied(struct maker *maker, const struct measure_record *record)
{
    end_if_open(maker, DOUBT, record);
    end_if_open(maker, WAIT, record);
}

/* Whoever is not let wait has met the lock all the same. */
static void on_refused(struct maker *maker, const struct measure_record *record)
{
    end(maker, begin(maker, WAIT, record), record->t_us);
}

/* A mark is cleared by the last step of its saga, or by a compensation: when the saga has ended, at the latest. */
static void on_saga(struct maker *maker, const struct measure_record *record)
{
    struct open_span *open, *next;

    if (record->state == MEASURE_RUNNING || record->state == MEASURE_COMPENSATING || record->state == MEASURE_HALTED)
        return;
    HASH_ITER(hh, maker->open, open, next)
    {
        if (open->span.is_semantic && open->span.id == record->id)
            end(maker, open, record->t_us);
    }
}

/* --- Deaths --- */

/* When a process died that lives again: the harness knows, or it was last heard of then. */
static uint64_t death_of(const struct maker *maker, uint32_t node, uint64_t before_us)
{
    uint64_t death_us = maker->last_us[node];

    for (size_t i = 0; i < maker->run->faults_len; i++) {
        const struct measure_fault *fault = &maker->run->faults[i];
        if (fault->is_death && fault->node == node && fault->t_us > death_us && fault->t_us <= before_us)
            death_us = fault->t_us;
    }
    return death_us;
}

/* A mark in a row of the database outlives its process (a semantic lock); what is in memory does not. One that dies
 * before it has come to say what it has found says so in a later life. */
static void on_life(struct maker *maker, const struct measure_record *record)
{
    const uint64_t death_us = death_of(maker, record->node, record->t_us);
    struct open_span *open, *next;

    HASH_ITER(hh, maker->open, open, next)
    {
        if (open->place.node != record->node || open->span.is_semantic || open->is_unsaid)
            continue;
        open->is_unsaid = true;
        open->death_us = death_us;
    }
}

/* --- All of it --- */

static void take(struct maker *maker, const struct measure_record *record)
{
    if (record->what == MEASURE_LIFE)
        on_life(maker, record);
    else if (record->what == MEASURE_LOCK || record->what == MEASURE_PEND)
        on_lock(maker, record);
    else if (record->what == MEASURE_WAIT)
        (void)begin(maker, WAIT, record);
    else if (record->what == MEASURE_REFUSED)
        on_refused(maker, record);
    else if (record->what == MEASURE_FREE || record->what == MEASURE_CLEAR)
        end_if_open(maker, HOLD, record);
    else if (record->what == MEASURE_YES)
        (void)begin(maker, DOUBT, record);
    else if (record->what == MEASURE_FOUND)
        on_found(maker, record);
    else if (record->what == MEASURE_SAGA)
        on_saga(maker, record);
    else if (record->what == MEASURE_APPLIED)
        on_applied(maker, record);
    maker->last_us[record->node] = record->t_us;
}

static void end_all(struct maker *maker)
{
    struct open_span *open, *next;

    HASH_ITER(hh, maker->open, open, next)
    {
        open->span.is_censored = !open->is_unsaid;
        end(maker, open, open->is_unsaid ? open->death_us : maker->run->end_us);
    }
}

static int compare_doubts(const void *left, const void *right)
{
    const struct measure_span *a = left, *b = right;

    if (a->node != b->node)
        return (a->node > b->node) - (a->node < b->node);
    if (a->id != b->id)
        return (a->id > b->id) - (a->id < b->id);
    return (a->from_us > b->from_us) - (a->from_us < b->from_us);
}

void measure_spans_make(const struct measure_run *run, struct measure_spans *spans)
{
    struct maker maker = {.run = run, .spans = spans};

    *spans = (struct measure_spans){.doubts = {.of = NULL}};
    maker.last_us = real_need(calloc(measure_names_len(run->names), sizeof(*maker.last_us)));
    for (size_t i = 0; i < run->records_len; i++)
        take(&maker, &run->records[i]);
    end_all(&maker);
    free(maker.last_us);
    if (spans->doubts.len > 0)
        qsort(spans->doubts.of, spans->doubts.len, sizeof(*spans->doubts.of), compare_doubts);
}

void measure_spans_free(struct measure_spans *spans)
{
    free(spans->doubts.of);
    free(spans->holds.of);
    free(spans->waits.of);
    *spans = (struct measure_spans){.doubts = {.of = NULL}};
}

uint64_t measure_span_us(const struct measure_span *span)
{
    return span->to_us - span->from_us;
}

uint64_t measure_span_within_us(const struct measure_span *span, uint64_t from_us, uint64_t to_us)
{
    const uint64_t from = span->from_us > from_us ? span->from_us : from_us;
    const uint64_t to = span->to_us < to_us ? span->to_us : to_us;

    return to > from ? to - from : 0;
}

const struct measure_span *measure_doubts_of(const struct measure_spans *spans, uint32_t node, uint32_t id, size_t *len)
{
    const struct measure_span wanted = {.node = node, .id = id};
    size_t low = 0, high = spans->doubts.len;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_doubts(&spans->doubts.of[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *len = 0;
    while (low + *len < spans->doubts.len && spans->doubts.of[low + *len].node == node &&
           spans->doubts.of[low + *len].id == id)
        ++*len;
    return *len > 0 ? &spans->doubts.of[low] : NULL;
}
