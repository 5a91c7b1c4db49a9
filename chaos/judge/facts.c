/* What was said of each transaction and saga. */
#include <stdlib.h>
#include <string.h>

#include "chaos/judge/private.h"
#include "chaos/kill/memory.h"

static void forget(struct judge *judge, struct judge_story *story)
{
    HASH_DELETE(hh, judge->by_id, story); /* NOLINT(clang-analyzer-*): it does not see that it is in the table */
    DL_DELETE(judge->oldest, story);
    free(story->facts);
    free(story);
}

/* It is the one that was told of last from now on. */
static struct judge_story *story_of(struct judge *judge, const char *id)
{
    struct judge_story *story = NULL;

    HASH_FIND_STR(judge->by_id, id, story);
    if (story != NULL) {
        DL_DELETE(judge->oldest, story);
    } else {
        if (HASH_COUNT(judge->by_id) == JUDGE_STORIES_MAX)
            forget(judge, judge->oldest);
        story = real_need(calloc(1, sizeof(*story)));
        memcpy(story->id, id, strlen(id) + 1);
        HASH_ADD_STR(judge->by_id, id, story);
    }
    DL_APPEND(judge->oldest, story);
    return story;
}

static const char *text_of(const struct judge_fact *fact)
{
    static const char *const outcomes[] = {"unknown",     "committed", "aborted", "completed",
                                           "compensated", "stuck",     "rejected"};

    switch ((int)fact->what) {
    case MEASURE_NOTHING:
        return outcomes[fact->outcome];
    case MEASURE_DECIDED:
        return fact->outcome == MEASURE_COMMITTED ? "COMMIT decided" : "ABORT decided";
    case MEASURE_APPLIED:
        return fact->outcome == MEASURE_COMMITTED ? "commit carried out" : "abort carried out";
    case MEASURE_YES:
        return "YES";
    case MEASURE_FOUND:
        return "found in doubt";
    case MEASURE_STEP:
        return fact->is_compensation ? "compensation of a step" : "action of a step";
    default:
        return fact->state == MEASURE_DONE ? "completed" : "compensated";
    }
}

static void hold_against(struct judge *judge, const struct judge_story *story, const struct judge_fact *fact)
{
    for (size_t i = 0; i + 1 < story->len; i++) {
        const struct judge_fact *before = &story->facts[i];
        const enum judge_law law = judge_clash(judge, story, before, fact);
        if (law == JUDGE_NO_LAW)
            continue;
        judge_break(judge, law, &before->at, &fact->at, "%s: %s%s at %llu us, and %s%s at %llu us", story->id,
                    before->what == MEASURE_NOTHING ? "the client was told " : "", text_of(before),
                    (unsigned long long)before->t_us, fact->what == MEASURE_NOTHING ? "the client was told " : "",
                    text_of(fact), (unsigned long long)fact->t_us);
        return;
    }
}

void judge_fact(struct judge *judge, const char *id, const struct judge_fact *fact)
{
    if (strlen(id) >= JUDGE_ID_SIZE)
        return;
    struct judge_story *story = story_of(judge, id);
    if (story->len == JUDGE_FACTS_MAX)
        return;
    if (story->len == story->size) {
        story->size = story->size > 0 ? 2 * story->size : 8;
        story->facts = real_need(realloc(story->facts, story->size * sizeof(*story->facts)));
    }
    story->facts[story->len++] = *fact;
    hold_against(judge, story, fact);
    judge_acked_fact(judge, story, fact);
}

void judge_facts_free(struct judge *judge)
{
    while (judge->oldest != NULL)
        forget(judge, judge->oldest);
}

/* --- In doubt --- */

static bool has_ended(const struct judge_story *story, const struct judge_fact *yes)
{
    for (size_t i = 0; i < story->len; i++)
        if (story->facts[i].what == MEASURE_APPLIED && story->facts[i].place == yes->place)
            return true;
    return false;
}

/* When the newest life of its process began. */
static uint64_t life_of(const struct judge *judge, const struct judge_fact *fact)
{
    uint64_t life_us = 0;

    for (size_t i = 0; i < judge->sources_len; i++)
        if (judge->sources[i].place == judge->sources[fact->at.source].place && judge->sources[i].life_us > life_us)
            life_us = judge->sources[i].life_us;
    return life_us;
}

/* What was not found again after a start had ended. */
static bool is_in_doubt(const struct judge *judge, const struct judge_story *story, const struct judge_fact *fact)
{
    const bool is_prepared = fact->what == MEASURE_YES || fact->what == MEASURE_FOUND;

    return is_prepared && fact->t_us >= life_of(judge, fact) && !has_ended(story, fact);
}

void judge_calm(struct judge *judge, uint64_t since_us, uint64_t now_us, uint64_t bound_us)
{
    const struct judge_story *story;

    DL_FOREACH(judge->oldest, story)
    for (size_t i = 0; i < story->len && !judge->is_broken; i++) {
        const struct judge_fact *fact = &story->facts[i];
        const uint64_t from_us = fact->t_us > since_us ? fact->t_us : since_us;
        if (!is_in_doubt(judge, story, fact))
            continue;
        judge->met[JUDGE_DOUBT]++;
        if (now_us > from_us && now_us - from_us > bound_us)
            judge_break(judge, JUDGE_DOUBT, NULL, &fact->at, "%s: in doubt for %llu ms after all was well", story->id,
                        (unsigned long long)((now_us - from_us) / 1000));
    }
}
