#include "fake_resource.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- records; with the lock held ---- */

static struct fake_record *find(struct fake_resource *fake, const char *word)
{
    for (unsigned i = 0; i < fake->records_len; i++)
        if (strcmp(fake->records[i].word, word) == 0)
            return &fake->records[i];
    return NULL;
}

static void put(struct fake_resource *fake, const char *word, enum vow_found state)
{
    struct fake_record *record = find(fake, word);
    if (record == NULL) {
        cr_assert_lt(fake->records_len, FAKE_RECORDS_MAX);
        record = &fake->records[fake->records_len++];
        snprintf(record->word, sizeof(record->word), "%s", word);
    }
    record->state = state;
}

static void drop(struct fake_resource *fake, const char *word)
{
    struct fake_record *record = find(fake, word);
    if (record != NULL)
        *record = fake->records[--fake->records_len];
}

/* ---- answers ---- */

static void *answer_alone(void *ctx)
{
    struct fake_held *held = ctx;
    cr_assert_eq(vow_answer(held->answer, held->said), 0);
    free(held);
    return NULL;
}

static void answer_by_thread(struct fake_resource *fake, struct vow_answer answer, enum vow_said said)
{
    struct fake_held *held = malloc(sizeof(*held));
    *held = (struct fake_held){answer, said};
    cr_assert_lt(fake->threads_len, FAKE_RECORDS_MAX);
    cr_assert_eq(pthread_create(&fake->threads[fake->threads_len++], NULL, answer_alone, held), 0);
}

static enum vow_said answer_as_told(struct fake_resource *fake, struct vow_answer answer, enum vow_said said)
{
    switch (fake->mode) {
    case FAKE_NOW:
        return said;
    case FAKE_HANDLE:
        cr_assert_eq(vow_answer(answer, said), 0);
        return VOW_SAID_LATER;
    case FAKE_HELD:
        fake->held[fake->held_len++] = (struct fake_held){answer, said};
        return VOW_SAID_LATER;
    case FAKE_THREAD:
        answer_by_thread(fake, answer, said);
        return VOW_SAID_LATER;
    }
    return VOW_SAID_BROKEN;
}

/* 0 = what is right. */
static enum vow_said scripted(struct fake_resource *fake)
{
    const enum vow_said says = fake->says;
    if (fake->says_times > 0 && --fake->says_times == 0)
        fake->says = 0;
    return says;
}

static void note_call(struct fake_resource *fake, const char *word, unsigned *calls)
{
    ++*calls;
    snprintf(fake->last, sizeof(fake->last), "%s", word);
}

/* ---- the callbacks ---- */

static enum vow_said prepare(void *ctx, const char *branch, const struct vow_work *work, size_t work_len,
                             struct vow_answer answer)
{
    struct fake_resource *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    note_call(fake, branch, &fake->prepares);
    fake->work_len = work_len;
    if (work_len > 0) {
        snprintf(fake->handler, sizeof(fake->handler), "%s", work[0].handler);
        snprintf(fake->payload, sizeof(fake->payload), "%.*s", (int)work[0].len, (const char *)work[0].payload);
    }
    enum vow_said said = scripted(fake);
    cr_expect_null(find(fake, branch), "prepare of a branch that has a record");
    if (said == 0) {
        put(fake, branch, VOW_FOUND_PREPARED);
        said = VOW_SAID_YES;
    }
    said = answer_as_told(fake, answer, said);
    pthread_mutex_unlock(&fake->lock);
    return said;
}

static enum vow_said commit(void *ctx, const char *branch, struct vow_answer answer)
{
    struct fake_resource *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    note_call(fake, branch, &fake->commits);
    enum vow_said said = scripted(fake);
    const struct fake_record *record = find(fake, branch);
    if (said == 0 && record == NULL)
        said = VOW_SAID_UNKNOWN;
    if (said == 0) {
        fake->visible += record->state == VOW_FOUND_PREPARED;
        put(fake, branch, VOW_FOUND_COMMITTED);
        said = VOW_SAID_DONE;
    }
    said = answer_as_told(fake, answer, said);
    pthread_mutex_unlock(&fake->lock);
    return said;
}

static enum vow_said abort_branch(void *ctx, const char *branch, struct vow_answer answer)
{
    struct fake_resource *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    note_call(fake, branch, &fake->aborts);
    enum vow_said said = scripted(fake);
    if (said == 0) {
        drop(fake, branch);
        said = VOW_SAID_DONE;
    }
    said = answer_as_told(fake, answer, said);
    pthread_mutex_unlock(&fake->lock);
    return said;
}

static int recover(void *ctx, struct vow_recovery *recovery)
{
    struct fake_resource *fake = ctx;
    int error = fake->recover_says;
    for (unsigned i = 0; i < fake->records_len && error == 0; i++) {
        error = vow_recovered(recovery, fake->records[i].word, fake->records[i].state);
        if (error == 0 && fake->lists_twice)
            error = vow_recovered(recovery, fake->records[i].word, fake->records[i].state);
    }
    if (error == 0 && fake->lists_also != NULL)
        error = vow_recovered(recovery, fake->lists_also, VOW_FOUND_PREPARED);
    return error;
}

static void forget(void *ctx, const char *branch)
{
    struct fake_resource *fake = ctx;
    pthread_mutex_lock(&fake->lock);
    note_call(fake, branch, &fake->forgets);
    cr_expect_neq(fake_state(fake, branch), VOW_FOUND_PREPARED, "forget of a prepared branch");
    drop(fake, branch);
    pthread_mutex_unlock(&fake->lock);
}

/* ---- for the test ---- */

void fake_resource_init(struct fake_resource *fake)
{
    memset(fake, 0, sizeof(*fake));
    pthread_mutex_init(&fake->lock, NULL);
    fake->resource = (struct vow_resource){sizeof(fake->resource), fake,    prepare, commit,
                                           abort_branch,           recover, forget,  .answers_max = 0};
}

void fake_resource_join(struct fake_resource *fake)
{
    for (unsigned i = 0; i < fake->threads_len; i++)
        cr_assert_eq(pthread_join(fake->threads[i], NULL), 0);
    fake->threads_len = 0;
}

void fake_release(struct fake_resource *fake)
{
    while (fake->held_len > 0) {
        const struct fake_held *held = &fake->held[--fake->held_len];
        cr_assert_eq(vow_answer(held->answer, held->said), 0);
    }
}

int fake_state(struct fake_resource *fake, const char *word)
{
    const struct fake_record *record = find(fake, word);
    return record != NULL ? (int)record->state : 0;
}

void fake_put(struct fake_resource *fake, const char *word, enum vow_found state)
{
    put(fake, word, state);
}

unsigned fake_count(struct fake_resource *fake, enum vow_found state)
{
    unsigned count = 0;
    pthread_mutex_lock(&fake->lock);
    for (unsigned i = 0; i < fake->records_len; i++)
        count += fake->records[i].state == state;
    pthread_mutex_unlock(&fake->lock);
    return count;
}
