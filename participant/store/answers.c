#include "participant/store/answers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "proto/net/log.h"

enum slot_state { SLOT_FREE, SLOT_ASKED, SLOT_ANSWERED };

struct slot {
    enum slot_state state;
    enum ask ask;
    uint32_t generation; /* of the handle; a used one fits no later call */
    struct answer answer;
};

struct answers {
    struct vow_answer_of of; /* first */
    pthread_mutex_t lock;    /* for all that follows */
    pthread_cond_t answered;
    void (*wake)(void *ctx);
    void *wake_ctx;
    bool is_closed;
    uint32_t asked, ready; /* slots in SLOT_ASKED, in SLOT_ANSWERED */
    uint32_t slots_len;
    struct slot slots[];
};

/* ---- the resource's side ---- */

static int complain(int error, const char *why)
{
    VOW_LOG(VOW_LOG_ERROR, "resource_answer_dropped", VOW_STR("error", vow_error_name(error)), VOW_STR("why", why));
    return error;
}

/* The last touch of a table that was closed with answers missing. */
static void end(struct answers *answers)
{
    pthread_cond_destroy(&answers->answered);
    pthread_mutex_destroy(&answers->lock);
    free(answers);
}

static int drop_late_answer(struct answers *answers, struct slot *slot)
{
    slot->state = SLOT_FREE;
    answers->asked--;
    const bool is_last = answers->asked == 0;
    pthread_mutex_unlock(&answers->lock);
    if (is_last)
        end(answers);
    return complain(VOW_E_CLOSED, "the participant was closed before the answer came");
}

static int say(struct vow_answer_of *of, uint64_t ticket, enum vow_said said, enum vow_cause cause, const char *why)
{
    struct answers *answers = (struct answers *)of;
    const uint32_t at = (uint32_t)ticket;
    int error = 0;
    pthread_mutex_lock(&answers->lock);
    struct slot *slot = at < answers->slots_len ? &answers->slots[at] : NULL;
    if (slot == NULL || slot->generation != (uint32_t)(ticket >> 32) || slot->state != SLOT_ASKED) {
        pthread_mutex_unlock(&answers->lock);
        return complain(VOW_E_STATE, "this call has been answered already");
    }
    if (answers->is_closed)
        return drop_late_answer(answers, slot);
    if (!answer_is_allowed(slot->ask, said, cause))
        error = VOW_E_ARGUMENT;
    slot->state = SLOT_ANSWERED;
    slot->answer.said = said;
    slot->answer.cause = cause;
    vow_text_copy(slot->answer.why, why != NULL ? why : "");
    answers->asked--;
    answers->ready++;
    pthread_cond_signal(&answers->answered);
    if (answers->wake != NULL)
        answers->wake(answers->wake_ctx);
    pthread_mutex_unlock(&answers->lock);
    return error;
}

int vow_answer_why(struct vow_answer answer, enum vow_said said, enum vow_cause cause, const char *why)
{
    struct vow_answer_of *of = answer.of;
    return of != NULL ? of->say(of, answer.ticket, said, cause, why) : complain(VOW_E_STATE, "not a handle");
}

int vow_answer(struct vow_answer answer, enum vow_said said)
{
    return vow_answer_why(answer, said, VOW_CAUSE_NONE, NULL);
}

/* ---- the store's side ---- */

struct answers *answers_new(uint32_t answers_max)
{
    struct answers *answers = calloc(1, sizeof(*answers) + answers_max * sizeof(answers->slots[0]));
    if (answers == NULL)
        return NULL;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&answers->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&answers->lock, NULL);
    answers->of.say = say;
    answers->slots_len = answers_max;
    return answers;
}

void answers_wake_with(struct answers *answers, void (*wake)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&answers->lock);
    answers->wake = wake;
    answers->wake_ctx = ctx;
    pthread_mutex_unlock(&answers->lock);
}

bool answers_ask(struct answers *answers, void *item, enum ask ask, struct vow_answer *answer)
{
    uint32_t at = 0;
    pthread_mutex_lock(&answers->lock);
    while (at < answers->slots_len && answers->slots[at].state != SLOT_FREE)
        at++;
    if (at < answers->slots_len) {
        struct slot *slot = &answers->slots[at];
        *slot = (struct slot){.state = SLOT_ASKED, .ask = ask, .generation = slot->generation + 1};
        slot->answer.item = item;
        answers->asked++;
        *answer = (struct vow_answer){answers, (uint64_t)slot->generation << 32 | at};
    }
    pthread_mutex_unlock(&answers->lock);
    return at < answers->slots_len;
}

bool answers_returned(struct answers *answers, struct vow_answer answer)
{
    pthread_mutex_lock(&answers->lock);
    struct slot *slot = &answers->slots[(uint32_t)answer.ticket];
    const bool is_first = slot->state == SLOT_ASKED;
    if (is_first)
        answers->asked--;
    else
        answers->ready--;
    slot->state = SLOT_FREE;
    pthread_mutex_unlock(&answers->lock);
    return is_first;
}

bool answers_take(struct answers *answers, struct answer *out)
{
    bool found = false;
    pthread_mutex_lock(&answers->lock);
    for (uint32_t i = 0; answers->ready > 0 && !found; i++) {
        struct slot *slot = &answers->slots[i];
        if (slot->state != SLOT_ANSWERED)
            continue;
        *out = slot->answer;
        slot->state = SLOT_FREE;
        answers->ready--;
        found = true;
    }
    pthread_mutex_unlock(&answers->lock);
    return found;
}

void answers_await(struct answers *answers, uint32_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&answers->lock);
    while (answers->asked > 0)
        if (pthread_cond_timedwait(&answers->answered, &answers->lock, &until) == ETIMEDOUT)
            break;
    pthread_mutex_unlock(&answers->lock);
}

void answers_close(struct answers *answers)
{
    if (answers == NULL)
        return;
    pthread_mutex_lock(&answers->lock);
    answers->is_closed = true;
    answers->wake = NULL;
    const bool is_last = answers->asked == 0;
    pthread_mutex_unlock(&answers->lock);
    if (is_last)
        end(answers);
}
