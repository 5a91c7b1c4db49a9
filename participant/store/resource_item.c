/* Small parts of the resource store: words, lists, items. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/store/resource_store.h"

/* ---- words: the id, '-', the branch, and "-1" if it commits in one phase ---- */

void word_make(const struct vow_gtrid *gtrid, uint32_t branch, bool is_one_phase, char word[VOW_BRANCH_WORD_SIZE])
{
    char id[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(gtrid, id);
    snprintf(word, VOW_BRANCH_WORD_SIZE, "%s-%u%s", id, branch, is_one_phase ? "-1" : "");
}

bool word_read(const char *word, struct vow_gtrid *gtrid, uint32_t *branch, bool *is_one_phase)
{
    char again[VOW_BRANCH_WORD_SIZE];
    const size_t len = strnlen(word, VOW_BRANCH_WORD_SIZE);
    if (len <= VOW_GTRID_TEXT_LEN + 1 || len == VOW_BRANCH_WORD_SIZE ||
        !vow_gtrid_from_text(word, VOW_GTRID_TEXT_LEN, gtrid))
        return false;
    *branch = (uint32_t)strtoul(word + VOW_GTRID_TEXT_LEN + 1, NULL, 10);
    *is_one_phase = strchr(word + VOW_GTRID_TEXT_LEN + 1, '-') != NULL;
    word_make(gtrid, *branch, *is_one_phase, again);
    return strcmp(word, again) == 0;
}

/* ---- lists ---- */

void jobs_init(struct jobs *jobs)
{
    jobs->first = NULL;
    jobs->end = &jobs->first;
}

void jobs_add(struct jobs *jobs, struct vow_job *job)
{
    job->next = NULL;
    *jobs->end = job;
    jobs->end = &job->next;
}

struct vow_job *jobs_take(struct jobs *jobs)
{
    struct vow_job *job = jobs->first;
    jobs->first = job->next;
    if (jobs->first == NULL)
        jobs->end = &jobs->first;
    return job;
}

struct item *item_new(struct resource_store *store, const struct vow_gtrid *gtrid, uint32_t branch, bool is_one_phase,
                      enum ask ask)
{
    struct item **end = &store->active;
    struct item *item = calloc(1, sizeof(*item));
    if (item == NULL)
        return NULL;
    item->gtrid = *gtrid;
    item->branch = branch;
    item->is_one_phase = is_one_phase;
    item->ask = ask;
    word_make(gtrid, branch, is_one_phase, item->word);
    while (*end != NULL)
        end = &(*end)->next;
    *end = item;
    return item;
}

void item_remove(struct resource_store *store, struct item *item)
{
    struct item **at = &store->active;
    while (*at != item)
        at = &(*at)->next;
    *at = item->next;
}

void item_mark(struct resource_store *store, struct item *item, enum state_row row, uint64_t now_ms)
{
    item_remove(store, item);
    item->op = NULL;
    item->state = ITEM_MARKED;
    item->row = item->drops_memo && row == STATE_ROW_MEMO ? STATE_ROW_COMMITTED : row;
    item->next = store->marks;
    store->marks = item;
    if (store->marks_len++ == 0)
        store->marks_since_ms = now_ms;
}

struct item *item_find(struct item *first, const struct vow_gtrid *gtrid, uint32_t branch)
{
    while (first != NULL && !(first->branch == branch && vow_gtrid_equal(&first->gtrid, gtrid)))
        first = first->next;
    return first;
}

void items_free(struct item *first)
{
    while (first != NULL) {
        struct item *next = first->next;
        free(first);
        first = next;
    }
}

void store_break(struct resource_store *store, int error, const char *format, ...)
{
    va_list arguments;
    if (store->failed)
        return;
    store->failed = true;
    store->trouble.error = error;
    va_start(arguments, format);
    vsnprintf(store->trouble.text, sizeof(store->trouble.text), format, arguments);
    va_end(arguments);
}
