/*
 * The search for circles (F213): a group leads to each group that subscribes to a topic which the first one's handlers
 * publish. A subscription that closes a circle of such steps is refused, for an event that enters it would go round for
 * ever. The limit of hops is for what groups do not say.
 */
#include <string.h>

#include "coordinator/core/relay/core.h"

/* The search, in depth: the way from the new group to where we are. */
struct search {
    struct vow_relay *core;
    const struct vow_msg_subscribe *subscribe;
    uint64_t seen;                                    /* groups that do not lead back */
    const char *topics[VOW_RELAY_GROUPS_HIGHEST + 1]; /* by which the way goes on */
    const char *groups[VOW_RELAY_GROUPS_HIGHEST + 1];
    uint32_t len;
};

static bool is_on(const char *const *patterns, uint32_t len, const char *topic)
{
    for (uint32_t i = 0; i < len; i++) {
        if (vow_pattern_matches(patterns[i], topic))
            return true;
    }
    return false;
}

static bool group_is_on(const struct group *group, const char *topic)
{
    const struct subscription *subscription = group->state == GROUP_JOINING ? &group->next : &group->now;

    for (uint32_t i = 0; i < subscription->patterns_len; i++) {
        if (vow_pattern_matches(subscription->patterns[i], topic))
            return true;
    }
    return false;
}

static bool leads_back(struct search *search, const char *group, const char *const *topics, uint32_t len);

static bool group_leads_back(struct search *search, uint32_t index)
{
    const struct group *group = &search->core->groups[index];
    const struct subscription *subscription = group->state == GROUP_JOINING ? &group->next : &group->now;
    const char *topics[VOW_PATTERNS_MAX];

    search->seen |= UINT64_C(1) << index;
    for (uint32_t i = 0; i < subscription->publishes_len; i++)
        topics[i] = subscription->publishes[i];
    return leads_back(search, group->name, topics, subscription->publishes_len);
}

/* By this topic, from the group that is the last of the way. */
static bool topic_leads_back(struct search *search, const char *topic)
{
    const uint32_t depth = search->len;

    search->topics[depth - 1] = topic;
    if (is_on(search->subscribe->patterns, search->subscribe->patterns_len, topic))
        return true;
    for (uint32_t i = 0; i < search->core->limits.groups_max; i++) {
        const struct group *group = &search->core->groups[i];

        if (group->state == GROUP_NONE || (search->seen >> i & 1) != 0 ||
            strcmp(group->name, search->subscribe->group) == 0 || !group_is_on(group, topic))
            continue;
        if (group_leads_back(search, i))
            return true;
        search->len = depth;
    }
    return false;
}

/* At most one level for each group, for none is seen twice. */
static bool leads_back(struct search *search, const char *group, const char *const *topics, uint32_t len)
{
    const uint32_t depth = search->len;

    search->groups[search->len++] = group;
    for (uint32_t i = 0; i < len; i++) {
        search->len = depth + 1;
        if (topic_leads_back(search, topics[i]))
            return true;
    }
    return false;
}

/* What does not fit is left out, at the end. */
static void add_text(char words[VOW_TEXT_SIZE], const char *text)
{
    const size_t used = strlen(words), len = strlen(text);

    if (used + len < VOW_TEXT_SIZE)
        memcpy(words + used, text, len + 1);
}

const char *vow_relay_circle(struct vow_relay *core, const struct vow_msg_subscribe *subscribe)
{
    struct search search = {.core = core, .subscribe = subscribe};

    if (!leads_back(&search, subscribe->group, subscribe->publishes, subscribe->publishes_len))
        return NULL;
    core->words[0] = '\0';
    add_text(core->words, "a circle: ");
    for (uint32_t i = 0; i < search.len; i++) {
        add_text(core->words, search.groups[i]);
        add_text(core->words, " > ");
        add_text(core->words, search.topics[i]);
        add_text(core->words, " > ");
    }
    add_text(core->words, subscribe->group);
    return core->words;
}
