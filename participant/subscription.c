/* Subscriptions: checked, copied, and found again. */
#include <vow/event.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "participant/options.h"
#include "participant/participant_internal.h"

/* --- What is wrong with one --- */

static int check_publishes(const struct vow_reaction *reaction)
{
    if (reaction->publishes == NULL && reaction->publishes_len > 0)
        return VOW_E_ARGUMENT;
    for (size_t i = 0; i < reaction->publishes_len; i++) {
        if (reaction->publishes[i] == NULL || !vow_topic_is_valid(reaction->publishes[i]))
            return VOW_E_ARGUMENT;
    }
    return 0;
}

static int check_reactions(const struct vow_subscription *subscription)
{
    int error = subscription->reactions != NULL && subscription->reactions_len > 0 ? 0 : VOW_E_ARGUMENT;

    for (size_t i = 0; error == 0 && i < subscription->reactions_len; i++) {
        const struct vow_reaction *reaction = &subscription->reactions[i];

        if (reaction->on == NULL || reaction->handler == NULL || reaction->reserved != 0 ||
            !vow_pattern_is_valid(reaction->on))
            return VOW_E_ARGUMENT;
        error = check_publishes(reaction);
    }
    return error;
}

static int check_filters(const struct vow_subscription *subscription)
{
    if (subscription->key != NULL && subscription->key[0] != '\0' && !vow_key_filter_is_valid(subscription->key))
        return VOW_E_ARGUMENT;
    if (subscription->filters_len > VOW_FILTERS_MAX)
        return VOW_E_TOO_LARGE;
    if (subscription->filters_len > 0 && subscription->filters == NULL)
        return VOW_E_ARGUMENT;
    for (uint32_t i = 0; i < subscription->filters_len; i++) {
        const struct vow_event_header *filter = &subscription->filters[i];

        if (filter->name == NULL || filter->value == NULL || !vow_name_is_valid(filter->name) ||
            !vow_event_value_is_valid(filter->value))
            return VOW_E_ARGUMENT;
    }
    return 0;
}

static bool is_beginning(const struct vow_subscription *subscription)
{
    switch ((int)subscription->from) {
    case 0:
    case VOW_FROM_RESUME:
    case VOW_FROM_START:
    case VOW_FROM_END:
        return subscription->offset == 0;
    case VOW_FROM_OFFSET:
        return true;
    default:
        return false;
    }
}

static int check(const struct vow_subscription *subscription)
{
    int error;

    if (subscription->group == NULL || !vow_name_is_valid(subscription->group))
        return VOW_E_NAME;
    if (!is_beginning(subscription))
        return VOW_E_ARGUMENT;
    error = check_reactions(subscription);
    return error != 0 ? error : check_filters(subscription);
}

/* --- Copies --- */

/* Adds a text to a set of them. False: it is full. */
static bool add_once(const char **set, uint32_t *len, const char *text)
{
    for (uint32_t i = 0; i < *len; i++) {
        if (strcmp(set[i], text) == 0)
            return true;
    }
    if (*len == VOW_PATTERNS_MAX)
        return false;
    set[(*len)++] = text;
    return true;
}

static size_t texts_size(const struct vow_subscription *subscription)
{
    size_t size = strlen(subscription->group) + 1 + (subscription->key != NULL ? strlen(subscription->key) : 0) + 1;

    for (size_t i = 0; i < subscription->reactions_len; i++) {
        const struct vow_reaction *reaction = &subscription->reactions[i];

        size += strlen(reaction->on) + 1;
        for (size_t k = 0; k < reaction->publishes_len; k++)
            size += strlen(reaction->publishes[k]) + 1;
    }
    for (uint32_t i = 0; i < subscription->filters_len; i++)
        size += strlen(subscription->filters[i].name) + strlen(subscription->filters[i].value) + 2;
    return size;
}

static const char *put_text(struct vow_subscription_kept *kept, const char *text)
{
    const size_t size = strlen(text) + 1;
    char *to = kept->texts + kept->texts_len;

    memcpy(to, text, size);
    kept->texts_len += size;
    return to;
}

static int copy_reaction(struct vow_subscription_kept *kept, const struct vow_reaction *reaction,
                         struct vow_reaction_kept *to)
{
    const char **publishes = calloc(reaction->publishes_len + 1, sizeof(*publishes));

    *to = (struct vow_reaction_kept){.on = put_text(kept, reaction->on),
                                     .handler = reaction->handler,
                                     .ctx = reaction->ctx,
                                     .version_max = reaction->version_max,
                                     .publishes = publishes,
                                     .publishes_len = reaction->publishes_len};
    if (publishes == NULL)
        return VOW_E_NO_MEMORY;
    if (!add_once(kept->patterns, &kept->msg.patterns_len, to->on))
        return VOW_E_TOO_LARGE;
    for (size_t i = 0; i < reaction->publishes_len; i++) {
        publishes[i] = put_text(kept, reaction->publishes[i]);
        if (!add_once(kept->publishes, &kept->msg.publishes_len, publishes[i]))
            return VOW_E_TOO_LARGE;
    }
    return 0;
}

static void free_one(struct vow_subscription_kept *kept)
{
    for (size_t i = 0; kept->reactions != NULL && i < kept->reactions_len; i++)
        free((void *)kept->reactions[i].publishes);
    free(kept->reactions);
    free(kept->texts);
    free(kept->room);
    free(kept);
}

void vow_subscriptions_free(struct vow_subscription_kept *first)
{
    while (first != NULL) {
        struct vow_subscription_kept *next = first->next;

        free_one(first);
        first = next;
    }
}

static void copy_rest(struct vow_subscription_kept *kept, const struct vow_subscription *subscription)
{
    struct vow_msg_subscribe *msg = &kept->msg;

    msg->group = put_text(kept, subscription->group);
    msg->key_filter = put_text(kept, subscription->key != NULL ? subscription->key : "");
    msg->patterns = kept->patterns;
    msg->publishes = kept->publishes;
    msg->filters = kept->filters;
    msg->filters_len = subscription->filters_len;
    msg->from = subscription->from != 0 ? subscription->from : VOW_FROM_RESUME;
    msg->offset = subscription->offset;
    msg->window = subscription->window;
    msg->attempts_max = subscription->attempts_max;
    msg->backoff_ms = subscription->backoff_ms;
    msg->backoff_max_ms = subscription->backoff_max_ms;
    for (uint32_t i = 0; i < subscription->filters_len; i++) {
        kept->filters[i].name = put_text(kept, subscription->filters[i].name);
        kept->filters[i].value = put_text(kept, subscription->filters[i].value);
    }
}

static int copy(const struct vow_subscription *subscription, struct vow_subscription_kept **out)
{
    struct vow_subscription_kept *kept = calloc(1, sizeof(*kept));
    int error = VOW_E_NO_MEMORY;

    if (kept == NULL)
        return VOW_E_NO_MEMORY;
    kept->texts = malloc(texts_size(subscription));
    kept->reactions = calloc(subscription->reactions_len, sizeof(*kept->reactions));
    kept->reactions_len = subscription->reactions_len;
    kept->transform = subscription->transform;
    kept->transform_ctx = subscription->transform_ctx;
    kept->room = subscription->transform != NULL ? malloc(VOW_TRANSFORM_ROOM) : NULL;
    if (kept->texts != NULL && kept->reactions != NULL && (kept->room != NULL || kept->transform == NULL)) {
        copy_rest(kept, subscription);
        error = 0;
    }
    for (size_t i = 0; error == 0 && i < subscription->reactions_len; i++)
        error = copy_reaction(kept, &subscription->reactions[i], &kept->reactions[i]);
    if (error != 0) {
        free_one(kept);
        return error;
    }
    *out = kept;
    return 0;
}

/* --- The public side --- */

int vow_participant_subscribe(struct vow_participant *participant, const struct vow_subscription *given)
{
    struct vow_subscription subscription;
    struct vow_subscription_kept *kept;
    int error;

    if (participant == NULL || given == NULL || vow_options_read(&subscription, sizeof(subscription), given) != 0)
        return VOW_E_ARGUMENT;
    if (getpid() != participant->process)
        return VOW_E_FORKED;
    if (participant->started || !participant->store_is_sqlite)
        return VOW_E_STATE;
    error = check(&subscription);
    if (error != 0)
        return error;
    if (vow_subscription_find(participant, subscription.group) != NULL)
        return VOW_E_DUPLICATE;
    error = copy(&subscription, &kept);
    if (error != 0)
        return error;
    kept->participant = participant;
    kept->next = participant->subscriptions;
    participant->subscriptions = kept;
    return 0;
}

struct vow_subscription_kept *vow_subscription_find(const struct vow_participant *participant, const char *group)
{
    struct vow_subscription_kept *kept = participant->subscriptions;

    while (kept != NULL && strcmp(kept->msg.group, group) != 0)
        kept = kept->next;
    return kept;
}

const struct vow_reaction_kept *vow_reaction_find(const struct vow_subscription_kept *subscription, const char *topic)
{
    for (size_t i = 0; i < subscription->reactions_len; i++) {
        if (vow_pattern_matches(subscription->reactions[i].on, topic))
            return &subscription->reactions[i];
    }
    return NULL;
}
