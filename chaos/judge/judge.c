#include "chaos/judge/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/judge/private.h"
#include "chaos/kill/memory.h"

#define PLACES_MAX 4096u /* of files; a place is that of a process and how often its data were replaced */

static const struct {
    const char *word, *invariant, *text;
} laws[JUDGE_LAWS] = {
#define LAW(name, word, invariant, reads, text) [JUDGE_##name] = {word, invariant, text},
#include "chaos/judge/law.def"
#undef LAW
};

const char *judge_law_word(enum judge_law law)
{
    return laws[law].word;
}

const char *judge_law_invariant(enum judge_law law)
{
    return laws[law].invariant;
}

const char *judge_law_text(enum judge_law law)
{
    return laws[law].text;
}

struct judge *judge_new(bool is_isolated)
{
    struct judge *judge = real_need(calloc(1, sizeof(*judge)));

    judge->is_isolated = is_isolated;
    judge->names = measure_names_new();
    return judge;
}

void judge_free(struct judge *judge)
{
    if (judge == NULL)
        return;
    for (uint32_t i = 0; i < judge->sources_len; i++) {
        judge_rows_forget(judge, i);
        free(judge->sources[i].name);
        free(judge->sources[i].node);
        free(judge->sources[i].process);
    }
    for (size_t i = 0; i < judge->replacements_len; i++)
        free(judge->replacements[i].node);
    free(judge->replacements);
    free(judge->sources);
    judge_facts_free(judge);
    judge_events_free(judge);
    judge_acked_free(judge);
    measure_names_free(judge->names);
    free(judge);
}

uint32_t judge_source(struct judge *judge, const char *name, const char *node, enum judge_kind kind)
{
    if (judge->sources_len == judge->sources_size) {
        judge->sources_size = judge->sources_size > 0 ? 2 * judge->sources_size : 16;
        judge->sources = real_need(realloc(judge->sources, judge->sources_size * sizeof(*judge->sources)));
    }
    judge->sources[judge->sources_len] = (struct judge_source){.name = real_need(strdup(name)),
                                                               .node = real_need(strdup(node)),
                                                               .place = (uint32_t)judge->sources_len,
                                                               .kind = kind};
    return (uint32_t)judge->sources_len++;
}

const char *judge_source_name(const struct judge *judge, uint32_t source)
{
    return judge->sources[source].name;
}

void judge_replaced(struct judge *judge, const char *node, uint64_t t_us)
{
    judge->replacements =
        real_need(realloc(judge->replacements, (judge->replacements_len + 1) * sizeof(*judge->replacements)));
    judge->replacements[judge->replacements_len++] =
        (struct judge_replacement){.node = real_need(strdup(node)), .t_us = t_us};
}

void judge_break(struct judge *judge, enum judge_law law, const struct judge_line *before, const struct judge_line *at,
                 const char *format, ...)
{
    va_list args;

    if (judge->is_broken)
        return;
    judge->is_broken = true;
    judge->violation = (struct judge_violation){.law = law, .lines = {{0, 0}, *at}};
    if (before != NULL)
        judge->violation.lines[0] = *before;
    va_start(args, format); /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): it is */
    (void)vsnprintf(judge->violation.text, sizeof(judge->violation.text), format, args);
    va_end(args);
}

/* --- A line --- */

static uint32_t place_of(const struct judge *judge, uint32_t source, uint64_t t_us)
{
    uint32_t times = 0;

    for (size_t i = 0; i < judge->replacements_len; i++)
        times += judge->replacements[i].t_us <= t_us &&
                 strcmp(judge->replacements[i].node, judge->sources[source].node) == 0;
    return judge->sources[source].place + PLACES_MAX * times;
}

static struct judge_fact fact_of(const struct judge_look *look)
{
    const struct measure_record *record = look->record;

    return (struct judge_fact){.what = record->what,
                               .outcome = record->outcome,
                               .state = record->state,
                               .t_us = record->t_us,
                               .place = look->place,
                               .step = record->step,
                               .is_compensation = record->is_compensation,
                               .is_refused = record->is_refused,
                               .was_found = record->was_found,
                               .is_by_hand = record->is_by_hand,
                               .at = look->at,
                               .row = judge_row_number(look->place, look->key),
                               .version = record->version};
}

/* Of accesses there are many: they are kept where something is claimed of them. */
static bool is_fact(const struct judge *judge, const struct measure_record *record)
{
    switch ((int)record->what) {
    case MEASURE_YES:
    case MEASURE_FOUND:
    case MEASURE_APPLIED:
    case MEASURE_STEP:
    case MEASURE_DECIDED:
        return true;
    case MEASURE_BEGIN:
    case MEASURE_READ:
    case MEASURE_WRITE:
        return judge->is_isolated;
    case MEASURE_SAGA:
        return record->state == MEASURE_DONE || record->state == MEASURE_UNDONE || record->state == MEASURE_CLOSED;
    default:
        return false;
    }
}

/* Of the same process in another file is the same place, whichever of them is read first. */
static void name_process(const struct judge *judge, struct judge_source *source, const char *process)
{
    for (size_t i = 0; i < judge->sources_len; i++) {
        const struct judge_source *other = &judge->sources[i];

        if (other->process != NULL && strcmp(other->process, process) == 0 && strcmp(other->node, source->node) == 0)
            source->place = other->place;
    }
    source->process = real_need(strdup(process));
}

/* What two processes write into one file is in no order. False: it is the second one. */
static bool take_life(struct judge *judge, struct judge_line at, const char *process, uint64_t t_us)
{
    struct judge_source *source = &judge->sources[at.source];

    if (source->process != NULL && strcmp(source->process, process) != 0)
        return false;
    if (source->process == NULL)
        name_process(judge, source, process);
    source->life_line = at.number;
    source->life_us = t_us;
    judge_rows_forget(judge, at.source);
    return true;
}

static void take_record(struct judge *judge, struct judge_line at, const struct measure_record *record)
{
    const char *key = measure_text(judge->names, record->key);

    if (record->what == MEASURE_LIFE && !take_life(judge, at, key, record->t_us)) {
        judge->sources[at.source].is_closed = true;
        return;
    }
    const struct judge_look look = {.judge = judge,
                                    .source = &judge->sources[at.source],
                                    .at = at,
                                    .place = place_of(judge, at.source, record->t_us),
                                    .record = record,
                                    .id = measure_text(judge->names, record->id),
                                    .key = key,
                                    .other = measure_text(judge->names, record->other)};
    const struct judge_fact fact = fact_of(&look);
    if (is_fact(judge, record))
        judge_fact(judge, look.id, &fact);
    judge_row_line(&look);
    judge_event_line(&look);
}

static void take_op(struct judge *judge, struct judge_line at, const struct measure_op *op)
{
    const struct judge_fact fact = {.outcome = op->outcome, .t_us = op->end_us, .place = at.source, .at = at};

    if (op->id != 0 && op->end_us > 0)
        judge_fact(judge, measure_text(judge->names, op->id), &fact);
}

/* Returns what the reader of the line does, and whether a life begins with it. */
static int take_text(struct judge *judge, struct judge_line at, const char *line, char why[MEASURE_ERROR_SIZE],
                     bool *begins_a_life)
{
    struct measure_record record = {.what = MEASURE_NOTHING};
    struct measure_op op;
    const bool is_history = judge->sources[at.source].kind == JUDGE_HISTORY;
    const int result = is_history ? measure_read_op(judge->names, line, &op, why)
                                  : measure_read_record(judge->names, line, &record, why);

    *begins_a_life = record.what == MEASURE_LIFE;
    if (result == 0 && is_history)
        take_op(judge, at, &op);
    else if (result == 0)
        take_record(judge, at, &record);
    measure_names_clear(judge->names);
    return result;
}

static bool refuse(struct judge *judge, struct judge_line at, const char *what, char why[MEASURE_ERROR_SIZE])
{
    char text[MEASURE_ERROR_SIZE];

    (void)snprintf(text, sizeof(text), "%.200s:%u: %.250s", judge->sources[at.source].name, at.number, what);
    memcpy(why, text, sizeof(text));
    judge->sources[at.source].is_closed = true;
    return false;
}

bool judge_take(struct judge *judge, uint32_t source, const char *line, char why[MEASURE_ERROR_SIZE])
{
    const struct judge_line at = {source, ++judge->sources[source].lines};
    const uint32_t suspect = judge->sources[source].suspect;
    bool begins_a_life;

    why[0] = '\0';
    if (judge->is_broken || judge->sources[source].is_closed)
        return true;
    judge->lines++;
    const int result = take_text(judge, at, line, why, &begins_a_life);
    if (result < 0)
        return refuse(judge, at, why, why);
    if (suspect > 0 && !begins_a_life)
        return refuse(judge, (struct judge_line){source, suspect}, judge->sources[source].why, why);
    judge->sources[source].suspect = result > 0 ? at.number : 0;
    memcpy(judge->sources[source].why, why, MEASURE_ERROR_SIZE);
    return true;
}

void judge_end(struct judge *judge)
{
    for (size_t i = 0; i < judge->sources_len; i++)
        judge_rows_end(judge, &judge->sources[i]);
}

/* --- What came of it --- */

const struct judge_violation *judge_violation(const struct judge *judge)
{
    return judge->is_broken ? &judge->violation : NULL;
}

uint64_t judge_met(const struct judge *judge, enum judge_law law)
{
    return judge->met[law];
}

uint64_t judge_lines(const struct judge *judge)
{
    return judge->lines;
}

uint32_t judge_stories(const struct judge *judge)
{
    return HASH_COUNT(judge->by_id);
}
