/*
 * What isolation would have prevented, from the version numbers of rows. A write says of which version its value was
 * made, so that what others have written between is seen to be lost, whether a step did it or a compensation that put
 * back what there was.
 */
#include <stdlib.h>

#include "chaos/kill/memory.h"
#include "chaos/measure/metrics.h"

struct accesses {
    const struct measure_record **reads;  /* by id and key, then as they came */
    const struct measure_record **writes; /* by key and version */
    size_t reads_len, writes_len;
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_writes(const void *left, const void *right)
{
    const struct measure_record *a = *(const struct measure_record *const *)left;
    const struct measure_record *b = *(const struct measure_record *const *)right;

    return a->key != b->key ? compare_numbers(a->key, b->key) : compare_numbers(a->version, b->version);
}

/* Records lie in the order of their times, so their addresses are that order. */
static int compare_reads(const void *left, const void *right)
{
    const struct measure_record *a = *(const struct measure_record *const *)left;
    const struct measure_record *b = *(const struct measure_record *const *)right;

    if (a->id != b->id)
        return compare_numbers(a->id, b->id);
    return a->key != b->key ? compare_numbers(a->key, b->key) : (a > b) - (a < b);
}

static struct accesses gather(const struct measure_run *run)
{
    struct accesses found = {.reads = real_need(malloc((run->records_len + 1) * sizeof(struct measure_record *))),
                             .writes = real_need(malloc((run->records_len + 1) * sizeof(struct measure_record *)))};

    for (size_t i = 0; i < run->records_len; i++) {
        const struct measure_record *record = &run->records[i];
        if (record->what == MEASURE_READ)
            found.reads[found.reads_len++] = record;
        else if (record->what == MEASURE_WRITE)
            found.writes[found.writes_len++] = record;
    }
    qsort(found.reads, found.reads_len, sizeof(struct measure_record *), compare_reads);
    qsort(found.writes, found.writes_len, sizeof(struct measure_record *), compare_writes);
    return found;
}

static size_t lost_updates(const struct accesses *accesses)
{
    size_t lost = 0;

    for (size_t i = 0; i < accesses->writes_len; i++) {
        const struct measure_record *write = accesses->writes[i];
        bool is_over_another = false;
        for (size_t k = i; k > 0 && !is_over_another; k--) {
            const struct measure_record *before = accesses->writes[k - 1];
            if (before->key != write->key || before->version <= write->from)
                break;
            is_over_another = before->id != write->id;
        }
        lost += is_over_another;
    }
    return lost;
}

static const struct measure_record *write_of(const struct accesses *accesses, const struct measure_record *read)
{
    size_t low = 0, high = accesses->writes_len;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_writes(&accesses->writes[middle], &read) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < accesses->writes_len && compare_writes(&accesses->writes[low], &read) == 0 ? accesses->writes[low]
                                                                                            : NULL;
}

/* Its writer has undone it. What undid it is clean itself. */
static bool is_dirty(const struct accesses *accesses, const struct measure_record *read,
                     const enum measure_outcome *outcomes)
{
    const struct measure_record *write = write_of(accesses, read);

    if (read->other == 0 || read->other == read->id || !measure_is_undone(outcomes[read->other]))
        return false;
    return write == NULL || !write->is_compensation;
}

/* Another one has written between two of its reads. `at` is the first of them. */
static bool is_fuzzy(const struct accesses *accesses, size_t at)
{
    const struct measure_record *first = accesses->reads[at];

    for (size_t i = at + 1; i < accesses->reads_len; i++) {
        const struct measure_record *read = accesses->reads[i];
        if (read->id != first->id || read->key != first->key)
            return false;
        if (read->version != accesses->reads[i - 1]->version && read->other != read->id)
            return true;
    }
    return false;
}

static bool is_first_of_its_row(const struct accesses *accesses, size_t at)
{
    return at == 0 || accesses->reads[at - 1]->id != accesses->reads[at]->id ||
           accesses->reads[at - 1]->key != accesses->reads[at]->key;
}

static int64_t amount_of(const struct measure_run *run, const bool *ids)
{
    int64_t sum = 0;

    for (size_t i = 0; i < run->ops_len; i++)
        if (ids[run->ops[i].id])
            sum += run->ops[i].amount < 0 ? -run->ops[i].amount : run->ops[i].amount;
    return sum;
}

struct measure_anomalies measure_anomalies(const struct measure_run *run, const enum measure_outcome *outcomes)
{
    struct accesses accesses = gather(run);
    bool *was_exposed = real_need(calloc(measure_names_len(run->names), sizeof(bool)));
    struct measure_anomalies found = {.is_seen = accesses.reads_len + accesses.writes_len > 0};

    for (size_t i = 0; i < run->ops_len; i++)
        found.orders += run->ops[i].outcome != MEASURE_REJECTED;
    found.lost_updates = lost_updates(&accesses);
    for (size_t i = 0; i < accesses.reads_len; i++) {
        const struct measure_record *read = accesses.reads[i];
        if (is_dirty(&accesses, read, outcomes)) {
            found.dirty_reads++;
            was_exposed[read->other] = true;
        }
        found.fuzzy_reads += is_first_of_its_row(&accesses, i) && is_fuzzy(&accesses, i);
    }
    found.exposure = amount_of(run, was_exposed);
    free(was_exposed);
    free(accesses.reads);
    free(accesses.writes);
    return found;
}
