/* Orders between threads, and the thread that asks what became of those nobody answered for. */
#include <errno.h>
#include <time.h>

#include "load.h"

#define ASK_AGAIN_NS 20000000L

void load_mailbox_put_result(struct load *load, struct load_order *slot)
{
    struct load_mailbox *mailbox = &load->mailbox;

    pthread_mutex_lock(&mailbox->lock);
    slot->next = mailbox->results;
    mailbox->results = slot;
    pthread_cond_signal(&mailbox->result_came);
    pthread_mutex_unlock(&mailbox->lock);
}

void load_mailbox_put_question(struct load *load, struct load_order *slot)
{
    struct load_mailbox *mailbox = &load->mailbox;

    pthread_mutex_lock(&mailbox->lock);
    slot->next = NULL;
    *mailbox->questions_end = slot;
    mailbox->questions_end = &slot->next;
    pthread_cond_signal(&mailbox->question_came);
    pthread_mutex_unlock(&mailbox->lock);
}

struct load_order *load_mailbox_take_results(struct load *load, uint64_t until_us)
{
    struct load_mailbox *mailbox = &load->mailbox;
    const struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
                                   .tv_nsec = (long)(until_us % 1000000) * 1000};
    struct load_order *results;

    pthread_mutex_lock(&mailbox->lock);
    while (mailbox->results == NULL) {
        if (pthread_cond_timedwait(&mailbox->result_came, &mailbox->lock, &until) == ETIMEDOUT)
            break;
    }
    results = mailbox->results;
    mailbox->results = NULL;
    pthread_mutex_unlock(&mailbox->lock);
    return results;
}

/* Waits for the next question. NULL once the mailbox is closed. */
static struct load_order *take_question(struct load_mailbox *mailbox)
{
    struct load_order *slot = NULL;

    pthread_mutex_lock(&mailbox->lock);
    while (mailbox->questions == NULL && !mailbox->closed)
        pthread_cond_wait(&mailbox->question_came, &mailbox->lock);
    if (!mailbox->closed) {
        slot = mailbox->questions;
        mailbox->questions = slot->next;
        if (mailbox->questions == NULL)
            mailbox->questions_end = &mailbox->questions;
    }
    pthread_mutex_unlock(&mailbox->lock);
    return slot;
}

/* Returns true if there is nothing more to ask: the outcome is known, or will not be known in time. */
static bool ask_once(struct load *load, struct load_order *slot)
{
    const struct vow_gtrid id = slot->result.id;
    struct vow_result answer;
    /* Of a transaction of one service, that service alone may know. */
    const int error = slot->protocol == LOAD_SAGA ? load_saga_ask(slot, &answer)
                                                  : vow_status(load->client, &id, slot->result.participant, &answer);

    if (error == 0 && (answer.outcome == VOW_COMMITTED || answer.outcome == VOW_ABORTED)) {
        slot->result = answer;
        slot->result.id = id;
        return true;
    }
    /* Another coordinator at the same address knows nothing of it; the one that does may come back. */
    const bool may_be_told = error == 0 || error == VOW_E_NOT_MINE || vow_error_class(error) == VOW_CLASS_RETRY;
    return !may_be_told || load_now_ms() >= slot->ask_until_ms;
}

static void *ask_thread(void *ctx)
{
    const struct timespec pause = {.tv_nsec = ASK_AGAIN_NS};
    struct load *load = ctx;
    struct load_order *slot;

    while ((slot = take_question(&load->mailbox)) != NULL) {
        if (ask_once(load, slot)) {
            load_mailbox_put_result(load, slot);
            continue;
        }
        load_mailbox_put_question(load, slot);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int load_mailbox_open(struct load *load)
{
    struct load_mailbox *mailbox = &load->mailbox;
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&mailbox->lock, NULL);
    pthread_cond_init(&mailbox->result_came, &monotonic);
    pthread_cond_init(&mailbox->question_came, NULL);
    pthread_condattr_destroy(&monotonic);
    mailbox->questions_end = &mailbox->questions;
    return pthread_create(&load->asker, NULL, ask_thread, load);
}

void load_mailbox_close(struct load *load)
{
    struct load_mailbox *mailbox = &load->mailbox;

    pthread_mutex_lock(&mailbox->lock);
    mailbox->closed = true;
    pthread_cond_signal(&mailbox->question_came);
    pthread_mutex_unlock(&mailbox->lock);
    pthread_join(load->asker, NULL);
    pthread_cond_destroy(&mailbox->question_came);
    pthread_cond_destroy(&mailbox->result_came);
    pthread_mutex_destroy(&mailbox->lock);
}
