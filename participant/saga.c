/* The order of a saga, as its user puts it together: each step is judged when it is added, by the rules that the
 * coordinator holds the whole against (docs/sagas.md 4.2, Order). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "participant/client_internal.h"
#include "participant/options.h"
#include "participant/saga_internal.h"

/* What a message has besides the steps, and a step besides its words and payload; generously. */
#define HEADER_BYTES 256u
#define FIELDS_BYTES 80u

void vow_saga_let_go(struct vow_saga *saga)
{
    if (atomic_fetch_sub(&saga->holders, 1) != 1)
        return;
    for (uint32_t i = 0; i < saga->order.steps_len; i++)
        free(saga->blocks[i]);
    pthread_mutex_destroy(&saga->lock);
    free(saga);
}

int vow_saga_new(struct vow_client *client, const struct vow_saga_options *given, struct vow_saga **out)
{
    struct vow_saga_options options;
    struct vow_saga *saga;

    if (out == NULL)
        return VOW_E_ARGUMENT;
    *out = NULL;
    if (client == NULL || vow_options_read(&options, sizeof(options), given) != 0 || options.reserved != 0)
        return VOW_E_ARGUMENT;
    if (options.key != NULL && !vow_key_is_valid(options.key))
        return VOW_E_NAME;
    saga = calloc(1, sizeof(*saga));
    if (saga == NULL)
        return VOW_E_NO_MEMORY;
    saga->client = client;
    atomic_init(&saga->holders, 1);
    pthread_mutex_init(&saga->lock, NULL);
    saga->order =
        (struct vow_msg_saga_request){.deadline_ms = options.deadline_ms, .key = saga->key, .steps = saga->steps};
    (void)snprintf(saga->key, sizeof(saga->key), "%s", options.key != NULL ? options.key : "");
    saga->size = HEADER_BYTES;
    *out = saga;
    return 0;
}

void vow_saga_free(struct vow_saga *saga)
{
    if (saga != NULL)
        vow_saga_let_go(saga);
}

const char *vow_saga_why(const struct vow_saga *saga)
{
    return saga->why;
}

static int refuse(struct vow_saga *saga, int error, const char *why)
{
    (void)snprintf(saga->why, sizeof(saga->why), "%s", why);
    return error;
}

/* --- A step --- */

static int check_words(const struct vow_saga_step *step)
{
    if (step->participant == NULL || step->action == NULL || (step->payload == NULL && step->len > 0))
        return VOW_E_ARGUMENT;
    if ((unsigned)step->kind > VOW_STEP_RETRIABLE)
        return VOW_E_ARGUMENT;
    if (!vow_name_is_valid(step->participant) || !vow_name_is_valid(step->action))
        return VOW_E_NAME;
    return step->compensation == NULL || vow_name_is_valid(step->compensation) ? 0 : VOW_E_NAME;
}

/*
 * The order goes to the coordinator in one message, and each step to its participant in another, with what its action
 * answered. What does not fit is refused here, and not when half of the saga is done.
 */
static int check_size(const struct vow_saga *saga, const struct vow_saga_step *step, size_t *size)
{
    size_t max = vow_channel_defaults.frame_max;
    size_t words = (size_t)3 * VOW_NAME_SIZE;

    if (step->len > max - HEADER_BYTES - FIELDS_BYTES - words - VOW_STEP_ANSWER_MAX)
        return VOW_E_TOO_LARGE;
    *size = saga->size + FIELDS_BYTES + strlen(step->participant) + strlen(step->action) +
            (step->compensation != NULL ? strlen(step->compensation) : 0) + step->len;
    return *size <= max ? 0 : VOW_E_TOO_LARGE;
}

static const char *put_word(char **end, const char *word)
{
    size_t len = strlen(word) + 1;
    char *to = *end;

    memcpy(to, word, len);
    *end += len;
    return to;
}

/* In a block of its own; NULL = no memory. */
static void *copy_step(const struct vow_saga_step *step, struct vow_msg_saga_step *to)
{
    const char *compensation = step->compensation != NULL ? step->compensation : "";
    char *block = malloc(strlen(step->participant) + strlen(step->action) + strlen(compensation) + 3 + step->len);
    char *end = block;

    if (block == NULL)
        return NULL;
    *to = (struct vow_msg_saga_step){.kind = step->kind != 0 ? step->kind : VOW_STEP_COMPENSATABLE,
                                     .attempts_max = step->attempts_max,
                                     .attempt_ms = step->attempt_ms,
                                     .deadline_ms = step->deadline_ms,
                                     .backoff_ms = step->backoff_ms,
                                     .backoff_max_ms = step->backoff_max_ms};
    to->participant = put_word(&end, step->participant);
    to->action = put_word(&end, step->action);
    to->compensation = put_word(&end, compensation);
    if (step->len > 0)
        memcpy(end, step->payload, step->len);
    to->payload = (struct vow_slice){.data = (const uint8_t *)end, .len = step->len};
    return block;
}

static uint32_t stage_of_next(const struct vow_saga *saga, bool parallel)
{
    if (saga->order.steps_len == 0)
        return 0;
    return saga->steps[saga->order.steps_len - 1].stage + (parallel ? 0 : 1);
}

/* Puts it behind the others, if the order goes with it. */
static int append(struct vow_saga *saga, const struct vow_saga_step *step)
{
    struct vow_msg_saga_request longer = saga->order;
    struct vow_msg_saga_step *to = &saga->steps[longer.steps_len];
    void *block = copy_step(step, to);
    const char *fault;
    uint32_t at;

    if (block == NULL)
        return refuse(saga, VOW_E_NO_MEMORY, vow_error_text(VOW_E_NO_MEMORY));
    to->stage = stage_of_next(saga, step->parallel);
    longer.steps_len++;
    fault = vow_saga_fault(&longer, &at);
    if (fault != NULL) {
        free(block);
        return refuse(saga, VOW_E_ARGUMENT, fault);
    }
    saga->blocks[saga->order.steps_len] = block;
    saga->order.steps_len++;
    return 0;
}

int vow_saga_step(struct vow_saga *saga, const struct vow_saga_step *given)
{
    struct vow_saga_step step;
    size_t size;
    int error;

    if (saga == NULL || given == NULL)
        return VOW_E_ARGUMENT;
    if (atomic_load(&saga->is_running) || !vow_gtrid_is_none(&saga->id))
        return VOW_E_STATE;
    if (vow_options_read(&step, sizeof(step), given) != 0)
        return refuse(saga, VOW_E_ARGUMENT, "step.size is not sizeof(struct vow_saga_step)");
    if (saga->order.steps_len == VOW_STEPS_MAX)
        return refuse(saga, VOW_E_ARGUMENT, "a saga has 1 to 64 steps");
    error = check_words(&step);
    if (error == 0)
        error = check_size(saga, &step, &size);
    if (error != 0)
        return refuse(saga, error, vow_error_text(error));
    error = append(saga, &step);
    if (error == 0)
        saga->size = size;
    return error;
}
