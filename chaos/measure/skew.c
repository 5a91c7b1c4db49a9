/*
 * Write skew: an order b comes after a, because a has read of a row what b has overwritten later, and of another row it
 * is the other way. What is known of an order is, of each row, the oldest version that it has read and the newest that
 * it has made. Orders that were undone, and what compensations do, are left out: nobody says that they were isolated.
 */
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/metrics.h"

/* An order and a row of it. A version of -1 is none. */
struct touch {
    uint32_t id, key;
    int64_t read, written;
    uint64_t from_us, to_us;
};

/* An order: its touches lie side by side, by key. */
struct order {
    const struct touch *touches;
    size_t len;
    uint64_t from_us, to_us;
};

static int by_id_and_key(const void *left, const void *right)
{
    const struct touch *a = left, *b = right;

    return a->id != b->id ? (a->id > b->id) - (a->id < b->id) : (a->key > b->key) - (a->key < b->key);
}

static int by_begin(const void *left, const void *right)
{
    const struct order *a = left, *b = right;

    return (a->from_us > b->from_us) - (a->from_us < b->from_us);
}

static size_t gather(const struct measure_run *run, const enum measure_outcome *outcomes, struct touch *touches)
{
    size_t len = 0;

    for (size_t i = 0; i < run->records_len; i++) {
        const struct measure_record *record = &run->records[i];
        const bool is_read = record->what == MEASURE_READ;
        if ((!is_read && record->what != MEASURE_WRITE) || record->is_compensation ||
            !measure_is_done(outcomes[record->id]))
            continue;
        touches[len++] = (struct touch){.id = record->id,
                                        .key = record->key,
                                        .read = is_read ? record->version : -1,
                                        .written = is_read ? -1 : record->version,
                                        .from_us = record->t_us,
                                        .to_us = record->t_us};
    }
    qsort(touches, len, sizeof(*touches), by_id_and_key);
    return len;
}

/* One for each order and row. */
static size_t unite(struct touch *touches, size_t len)
{
    size_t kept = 0;

    for (size_t i = 0; i < len; i++) {
        struct touch *last = kept > 0 ? &touches[kept - 1] : NULL;
        if (last == NULL || by_id_and_key(last, &touches[i]) != 0) {
            touches[kept++] = touches[i];
            continue;
        }
        if (touches[i].read >= 0 && (last->read < 0 || touches[i].read < last->read))
            last->read = touches[i].read;
        last->written = touches[i].written > last->written ? touches[i].written : last->written;
        last->from_us = touches[i].from_us < last->from_us ? touches[i].from_us : last->from_us;
        last->to_us = touches[i].to_us > last->to_us ? touches[i].to_us : last->to_us;
    }
    return kept;
}

static size_t orders_of(const struct touch *touches, size_t len, struct order *orders)
{
    size_t found = 0;

    for (size_t i = 0; i < len; i++) {
        if (i == 0 || touches[i].id != touches[i - 1].id)
            orders[found++] =
                (struct order){.touches = &touches[i], .from_us = touches[i].from_us, .to_us = touches[i].to_us};
        struct order *order = &orders[found - 1];
        order->len++;
        order->from_us = touches[i].from_us < order->from_us ? touches[i].from_us : order->from_us;
        order->to_us = touches[i].to_us > order->to_us ? touches[i].to_us : order->to_us;
    }
    qsort(orders, found, sizeof(*orders), by_begin);
    return found;
}

/* b has overwritten what a has read of it: then b is the later one. */
static bool is_overwritten(const struct touch *a, const struct touch *b)
{
    return a->read >= 0 && b->written > a->read;
}

static bool is_skewed(const struct order *a, const struct order *b)
{
    uint32_t forth = 0, back = 0; /* a row each that says so, and a second one of either kind */
    bool has_more_forth = false, has_more_back = false;

    for (size_t i = 0, k = 0; i < a->len && k < b->len;) {
        const struct touch *one = &a->touches[i], *other = &b->touches[k];
        if (one->key != other->key) {
            i += one->key < other->key;
            k += one->key > other->key;
            continue;
        }
        if (is_overwritten(one, other)) {
            has_more_forth = has_more_forth || forth != 0;
            forth = forth != 0 ? forth : one->key;
        }
        if (is_overwritten(other, one)) {
            has_more_back = has_more_back || back != 0;
            back = back != 0 ? back : one->key;
        }
        i++;
        k++;
    }
    /* Both ways on one row alone is a lost update, and is counted as that. */
    return forth != 0 && back != 0 && (forth != back || has_more_forth || has_more_back);
}

/* Only orders that overlap in time can be skewed. */
static size_t count(const struct order *orders, size_t len)
{
    size_t found = 0;

    for (size_t i = 0; i < len; i++)
        for (size_t k = i + 1; k < len && orders[k].from_us <= orders[i].to_us; k++)
            found += is_skewed(&orders[i], &orders[k]);
    return found;
}

size_t measure_write_skews(const struct measure_run *run, const enum measure_outcome *outcomes)
{
    struct touch *touches = real_need(malloc((run->records_len + 1) * sizeof(*touches)));
    struct order *orders = real_need(malloc((run->records_len + 1) * sizeof(*orders)));
    const size_t len = unite(touches, gather(run, outcomes, touches));
    const size_t found = count(orders, orders_of(touches, len, orders));

    free(orders);
    free(touches);
    return found;
}
