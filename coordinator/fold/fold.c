#include "coordinator/fold/fold.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "coordinator/fold/event_copy.h"

/* Bytes without a gap, so that they are hashed as they lie. A transaction and a saga of one id end apart. */
struct subject_key {
    struct vow_gtrid gtrid;
    uint8_t subject; /* enum vow_record_subject */
};
_Static_assert(sizeof(struct subject_key) == VOW_GTRID_BYTES + 1, "a key has no gap");

/* What one of them has open. */
struct fold_subject {
    struct subject_key key;
    struct vow_journal_event *events;
    uint32_t events_len;
    UT_hash_handle hh;
};

/* ---- events ---- */

/* Few events each: a transaction has one or some, a saga some for each step. */
static int add_event(struct vow_journal_event **events, uint32_t *events_len, const struct vow_journal_event *event)
{
    struct vow_journal_event *longer = realloc(*events, ((size_t)*events_len + 1) * sizeof(*longer));
    int error;

    if (longer == NULL)
        return VOW_E_NO_MEMORY;
    *events = longer;
    error = event_copy(event, &longer[*events_len]);
    *events_len += error == 0;
    return error;
}

/* ---- what a role comes to ---- */

static struct fold_subject *find(const struct vow_fold *fold, const struct vow_gtrid *gtrid,
                                 enum vow_record_subject subject)
{
    const struct subject_key key = {*gtrid, (uint8_t)subject};
    struct fold_subject *found = NULL;

    HASH_FIND(hh, fold->open, &key, sizeof(key), found);
    return found;
}

static int keep_open(struct vow_fold *fold, const struct vow_journal_event *event, const struct vow_record_rule *rule)
{
    struct fold_subject *subject = find(fold, &event->record.gtrid, rule->subject);

    if (subject == NULL) {
        subject = calloc(1, sizeof(*subject));
        if (subject == NULL)
            return VOW_E_NO_MEMORY;
        subject->key = (struct subject_key){event->record.gtrid, (uint8_t)rule->subject};
        HASH_ADD(hh, fold->open, key, sizeof(subject->key), subject);
    }
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the table has it */
    return add_event(&subject->events, &subject->events_len, event);
}

static void drop(struct vow_fold *fold, struct fold_subject *subject)
{
    HASH_DEL(fold->open, subject); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
    vow_journal_events_free(subject->events, subject->events_len);
    free(subject);
}

/* All that is before it. What the same one opens later is open again: damage that somebody reports after all. */
static int end_open(struct vow_fold *fold, const struct vow_journal_event *event, const struct vow_record_rule *rule)
{
    struct fold_subject *subject = find(fold, &event->record.gtrid, rule->subject);

    if (subject != NULL)
        drop(fold, subject);
    return 0;
}

/* To what is known of events, whoever they are of. */
static int add_up(struct vow_fold *fold, const struct vow_journal_event *event, const struct vow_record_rule *rule)
{
    int error;

    (void)rule;
    fold->relay.is_cut = fold->is_cut;
    error = relay_sum_take(&fold->relay, event);
    if (error != VOW_E_DAMAGED || !fold->is_cut)
        return error;
    /* Of a log that was cut by a program which kept none of them, they do not fit. */
    fold->is_broken = true;
    return 0;
}

static int pass_by(struct vow_fold *fold, const struct vow_journal_event *event, const struct vow_record_rule *rule)
{
    (void)fold, (void)event, (void)rule;
    return 0;
}

typedef int role_fn(struct vow_fold *fold, const struct vow_journal_event *event, const struct vow_record_rule *rule);

static role_fn *const roles[] = {
    [VOW_ROLE_OPENS] = keep_open, [VOW_ROLE_ENDS] = end_open, [VOW_ROLE_NAMES] = pass_by,
    [VOW_ROLE_SAYS] = pass_by,    [VOW_ROLE_ADDS] = add_up,
};

/* ---- the fold ---- */

void vow_fold_init(struct vow_fold *fold, const struct vow_gtrid *watched)
{
    memset(fold, 0, sizeof(*fold));
    fold->watched = *watched;
}

int vow_fold_take(struct vow_fold *fold, const struct vow_journal_event *event)
{
    const struct vow_record_rule *rule = vow_record_rule(event->record.kind);

    if (rule == NULL)
        return VOW_E_DAMAGED;
    fold->is_cut = fold->is_cut || (fold->lsn == 0 && event->lsn != 1);
    fold->lsn = event->lsn;
    fold->wall_us = event->wall_us;
    fold->epoch = event->record.epoch;
    if (!vow_gtrid_is_none(&fold->watched) && vow_gtrid_equal(&fold->watched, &event->record.gtrid)) {
        int error = add_event(&fold->events, &fold->events_len, event);

        if (error != 0)
            return error;
    }
    return roles[rule->role](fold, event, rule);
}

static int by_lsn(const void *a, const void *b)
{
    const struct vow_journal_event *const *left = a, *const *right = b;

    return (*left)->lsn < (*right)->lsn ? -1 : (*left)->lsn > (*right)->lsn;
}

static size_t count_events(const struct vow_fold *fold)
{
    const struct fold_subject *subject, *next;
    size_t count = 0;

    HASH_ITER(hh, fold->open, subject, next)
    {
        count += subject->events_len;
    }
    return count;
}

static void list_events(const struct vow_fold *fold, const struct vow_journal_event **list)
{
    const struct fold_subject *subject, *next;

    HASH_ITER(hh, fold->open, subject, next)
    {
        for (uint32_t i = 0; i < subject->events_len; i++)
            *list++ = &subject->events[i];
    }
}

int vow_fold_scan(const struct vow_fold *fold, vow_journal_scan_fn *each, void *ctx)
{
    size_t count = count_events(fold);
    const struct vow_journal_event **list = calloc(count + 1, sizeof(const struct vow_journal_event *));
    int error = 0;

    if (list == NULL)
        return VOW_E_NO_MEMORY;
    list_events(fold, list);
    qsort(list, count, sizeof(const struct vow_journal_event *), by_lsn);
    for (size_t i = 0; error == 0 && i < count; i++)
        error = each(ctx, list[i]);
    free((void *)list);
    return error;
}

uint64_t vow_fold_since_us(const struct vow_fold *fold, const struct vow_gtrid *gtrid, enum vow_record_subject subject)
{
    const struct fold_subject *found = find(fold, gtrid, subject);

    return found != NULL && found->events_len > 0 ? found->events[0].wall_us : 0;
}

void vow_fold_deinit(struct vow_fold *fold)
{
    struct fold_subject *subject, *next;

    HASH_ITER(hh, fold->open, subject, next)
    {
        drop(fold, subject); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
    }
    relay_sum_deinit(&fold->relay);
    vow_journal_events_free(fold->events, fold->events_len);
    fold->events = NULL;
    fold->events_len = 0;
}
