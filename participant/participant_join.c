#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "participant/participant_internal.h"
#include "proto/net/clock.h"
#include "proto/token.h"

/* Joins that are not answered yet, at most: more than a service has threads. */
#define JOINS_MAX 65536u
/* Clocks of machines may differ by this. Within it the coordinator's clock decides alone (F132); a token that is older,
 * out of some queue, is refused without a question. */
#define CLOCKS_APART_MS UINT64_C(300000)

/* --- Lists --- */

static void append(struct vow_join_list *list, struct vow_join *join)
{
    join->next = NULL;
    if (list->last != NULL)
        list->last->next = join;
    else
        list->first = join;
    list->last = join;
}

static struct vow_join *take_first(struct vow_join_list *list)
{
    struct vow_join *join = list->first;

    if (join == NULL)
        return NULL;
    list->first = join->next;
    if (list->first == NULL)
        list->last = NULL;
    return join;
}

static struct vow_join_list *bucket(struct vow_participant *participant, const struct vow_gtrid *gtrid)
{
    return &participant->joins[vow_gtrid_hash(gtrid) % VOW_JOIN_BUCKETS];
}

struct vow_join *vow_participant_find_join(struct vow_participant *participant, const struct vow_gtrid *gtrid)
{
    struct vow_join *join = bucket(participant, gtrid)->first;

    while (join != NULL && !vow_gtrid_equal(&join->gtrid, gtrid))
        join = join->next;
    return join;
}

static void take_out(struct vow_join_list *list, const struct vow_join *join)
{
    struct vow_join *before = NULL;

    if (list->first == join) {
        (void)take_first(list);
        return;
    }
    for (before = list->first; before->next != join;)
        before = before->next;
    before->next = join->next;
    if (list->last == join)
        list->last = before;
}

/* --- On the network's thread --- */

/* The core has one join of an id at a time. */
static void begin(struct vow_participant *participant, struct vow_join *join)
{
    bool is_first = vow_participant_find_join(participant, &join->gtrid) == NULL;

    append(bucket(participant, &join->gtrid), join);
    if (is_first)
        vow_participant_join(participant, &join->gtrid);
}

bool vow_participant_take_joins(struct vow_participant *participant)
{
    struct vow_join_list submitted;
    struct vow_join *join;
    bool halting;

    (void)pthread_mutex_lock(&participant->lock);
    halting = participant->halting;
    submitted = participant->submitted;
    if (!halting)
        participant->submitted = (struct vow_join_list){NULL, NULL};
    (void)pthread_mutex_unlock(&participant->lock);
    while (!halting && (join = take_first(&submitted)) != NULL)
        begin(participant, join);
    return halting;
}

static int error_of(int error, enum vow_cause cause)
{
    if (error == VOW_E_REFUSED && cause == VOW_CAUSE_LOCK_CONFLICT)
        return VOW_E_LOCK_CONFLICT;
    if (error == VOW_E_REFUSED && cause == VOW_CAUSE_CONSTRAINT)
        return VOW_E_CONSTRAINT;
    return error;
}

void vow_participant_answer_join(struct vow_participant *participant, const struct vow_branches_effect *effect)
{
    struct vow_join *join = vow_participant_find_join(participant, &effect->joined.gtrid);
    struct vow_joined *joined = &join->joined;

    take_out(bucket(participant, &join->gtrid), join);
    join->error = error_of(effect->joined.error, effect->joined.cause);
    joined->ops = join->error == 0 ? 1 : 0;
    joined->branch_ops = effect->joined.ops;
    joined->cause = effect->joined.cause;
    vow_text_copy(joined->text, effect->joined.text);
    append(&participant->answered, join);
}

static void finish(struct vow_participant *participant, struct vow_join *join)
{
    (void)pthread_mutex_lock(&participant->lock);
    participant->joins_len--;
    (void)pthread_mutex_unlock(&participant->lock);
    join->done(join->done_ctx, join->error, &join->joined);
    free(join);
}

void vow_participant_settle_joins(struct vow_participant *participant)
{
    struct vow_join *join;

    while ((join = take_first(&participant->answered)) != NULL) {
        const struct vow_gtrid gtrid = join->gtrid;

        finish(participant, join);
        if (vow_participant_find_join(participant, &gtrid) != NULL)
            vow_participant_join(participant, &gtrid);
    }
}

static void give_up(struct vow_participant *participant, struct vow_join_list *list)
{
    struct vow_join *join;

    while ((join = take_first(list)) != NULL) {
        join->error = VOW_E_CLOSED;
        finish(participant, join);
    }
}

void vow_participant_give_up_joins(struct vow_participant *participant)
{
    vow_participant_settle_joins(participant);
    for (size_t i = 0; i < VOW_JOIN_BUCKETS; i++)
        give_up(participant, &participant->joins[i]);
    give_up(participant, &participant->submitted);
}

/* --- On the service's threads --- */

static int read_token(const char *text, struct vow_token *token)
{
    const uint64_t now_ms = vow_clock_wall_us() / 1000;

    if (vow_token_parse(text, strlen(text), token) != 0)
        return VOW_E_TOKEN;
    return token->deadline_ms != 0 && now_ms > token->deadline_ms + CLOCKS_APART_MS ? VOW_E_REFUSED : 0;
}

/* Takes over join, also on an error. */
static int submit(struct vow_participant *participant, struct vow_join *join)
{
    int error = 0;

    (void)pthread_mutex_lock(&participant->lock);
    if (participant->halting) {
        error = VOW_E_CLOSED;
    } else if (participant->joins_len == JOINS_MAX) {
        error = VOW_E_BUSY;
    } else {
        participant->joins_len++;
        append(&participant->submitted, join);
        vow_loop_wake(&participant->loop);
    }
    (void)pthread_mutex_unlock(&participant->lock);
    if (error != 0)
        free(join);
    return error;
}

/* joined, if not NULL, gets what is known at once. */
static int start(struct vow_participant *participant, const char *text, const struct vow_join *wanted,
                 struct vow_joined *joined)
{
    struct vow_token token;
    struct vow_join *join;
    int error;

    if (participant == NULL || text == NULL || wanted->work == NULL || wanted->done == NULL)
        return VOW_E_ARGUMENT;
    if (getpid() != participant->process)
        return VOW_E_FORKED;
    if (!participant->started)
        return VOW_E_STATE;
    error = read_token(text, &token);
    if (error != 0) {
        joined->cause = error == VOW_E_REFUSED ? VOW_CAUSE_TXN_TIMEOUT : VOW_CAUSE_NONE;
        return error;
    }
    join = malloc(sizeof(*join));
    if (join == NULL)
        return VOW_E_NO_MEMORY;
    *join = *wanted;
    join->participant = participant;
    join->gtrid = join->joined.id = token.gtrid;
    return submit(participant, join);
}

int vow_join_async(struct vow_participant *participant, const char *token, vow_work_fn *work, void *ctx,
                   vow_joined_fn *done, void *done_ctx)
{
    const struct vow_join wanted = {.work = work, .ctx = ctx, .done = done, .done_ctx = done_ctx};
    struct vow_joined unused;

    return start(participant, token, &wanted, &unused);
}

/* --- Waiting --- */

struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
    int error;
    struct vow_joined *joined;
};

static void wake_waiter(void *ctx, int error, const struct vow_joined *joined)
{
    struct waiter *waiter = ctx;

    (void)pthread_mutex_lock(&waiter->lock);
    waiter->error = error;
    *waiter->joined = *joined;
    waiter->is_done = true;
    /* Under the lock: without it the waiter might be gone before it is signalled. */
    (void)pthread_cond_signal(&waiter->done);
    (void)pthread_mutex_unlock(&waiter->lock);
}

/* On these two the answer would wait for itself. */
static bool must_not_wait(const struct vow_participant *participant)
{
    return vow_loop_is_mine(&participant->loop) ||
           (atomic_load(&participant->store_is_known) && pthread_equal(pthread_self(), participant->store_thread) != 0);
}

int vow_join(struct vow_participant *participant, const char *token, vow_work_fn *work, void *ctx,
             struct vow_joined *joined)
{
    struct vow_joined own;
    struct waiter waiter = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .joined = joined != NULL ? joined : &own};
    const struct vow_join wanted = {.work = work, .ctx = ctx, .done = wake_waiter, .done_ctx = &waiter};
    int error;

    *waiter.joined = (struct vow_joined){.ops = 0};
    if (participant != NULL && participant->started && must_not_wait(participant))
        return VOW_E_STATE;
    error = start(participant, token, &wanted, waiter.joined);
    if (error != 0)
        return error;
    (void)pthread_mutex_lock(&waiter.lock);
    while (!waiter.is_done)
        (void)pthread_cond_wait(&waiter.done, &waiter.lock);
    (void)pthread_mutex_unlock(&waiter.lock);
    (void)pthread_cond_destroy(&waiter.done);
    (void)pthread_mutex_destroy(&waiter.lock);
    return waiter.error;
}
