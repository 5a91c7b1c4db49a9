/* Which two facts of one transaction or saga cannot both be true. Each of the functions is about one law. */
#include "chaos/judge/private.h"

/* What a law has to say of two facts in this order. */
enum word { NOTHING, FITS, CLASHES };

static enum word fits_if(bool is)
{
    return is ? FITS : CLASHES;
}

/* An outcome of a transaction that binds all. */
static bool is_binding(const struct judge_fact *fact)
{
    const bool is_outcome = fact->what == MEASURE_DECIDED || fact->what == MEASURE_APPLIED;

    return is_outcome && !fact->is_by_hand;
}

static bool is_end_of_saga(const struct judge_fact *fact)
{
    return fact->what == MEASURE_SAGA && (fact->state == MEASURE_DONE || fact->state == MEASURE_UNDONE);
}

static bool was_told(const struct judge_fact *fact)
{
    return fact->what == MEASURE_NOTHING;
}

static bool is_commit_of(const struct judge_fact *fact, enum measure_what what)
{
    return fact->what == what && fact->outcome == MEASURE_COMMITTED && !fact->is_by_hand;
}

/* It was decided in this life of the coordinator: the line is as old as the decision. */
static bool is_decision(const struct judge_fact *fact)
{
    return is_commit_of(fact, MEASURE_DECIDED) && !fact->was_found;
}

static bool is_prepared(const struct judge_fact *fact)
{
    return fact->what == MEASURE_YES || fact->what == MEASURE_FOUND;
}

static bool has_voted(const struct judge_story *story, uint32_t place)
{
    for (size_t i = 0; i < story->len; i++)
        if (is_prepared(&story->facts[i]) && story->facts[i].place == place)
            return true;
    return false;
}

static bool is_closed(const struct judge_story *story)
{
    for (size_t i = 0; i < story->len; i++)
        if (story->facts[i].what == MEASURE_SAGA && story->facts[i].state == MEASURE_CLOSED)
            return true;
    return false;
}

/* Lives of one process that have a file each were one after the other. */
static bool is_behind(const struct judge_fact *later, const struct judge_fact *fact)
{
    if (later->place != fact->place)
        return false;
    return later->at.source == fact->at.source ? later->at.number > fact->at.number : later->t_us > fact->t_us;
}

static bool is_same_step(const struct judge_fact *a, const struct judge_fact *b)
{
    return a->what == MEASURE_STEP && b->what == MEASURE_STEP && a->place == b->place && a->step == b->step &&
           !a->is_refused && !b->is_refused;
}

/* --- The laws --- */

static enum word one_outcome(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b)
{
    (void)story;
    return is_binding(a) && is_binding(b) ? fits_if(a->outcome == b->outcome) : NOTHING;
}

static enum measure_outcome outcome_of(const struct judge_fact *fact)
{
    if (!is_end_of_saga(fact))
        return fact->outcome;
    return fact->state == MEASURE_DONE ? MEASURE_COMPLETED : MEASURE_COMPENSATED;
}

/* What was told of a saga says nothing of the transactions that it is made of: those of a choreography have its id. */
static enum word told(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b)
{
    const bool is_of_saga = a->outcome == MEASURE_COMPLETED || a->outcome == MEASURE_COMPENSATED;
    const bool is_of_txn = a->outcome == MEASURE_COMMITTED || a->outcome == MEASURE_ABORTED;

    (void)story;
    if (!was_told(a) ||
        (is_of_saga ? !was_told(b) && !is_end_of_saga(b) : !is_of_txn || (!was_told(b) && !is_binding(b))))
        return NOTHING;
    return fits_if(outcome_of(a) == outcome_of(b));
}

/* In one phase it is the participant that decides, and it has not voted. */
static enum word force(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b)
{
    const bool is_told = was_told(b) && b->outcome == MEASURE_COMMITTED;

    if (!is_decision(a) || !(is_told || (is_commit_of(b, MEASURE_APPLIED) && has_voted(story, b->place))))
        return NOTHING;
    return fits_if(a->t_us <= b->t_us);
}

static enum word vote(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b)
{
    (void)story;
    return is_decision(a) && b->what == MEASURE_YES ? fits_if(b->t_us <= a->t_us) : NOTHING;
}

/* A branch that lasts over a start is found; that it votes again is another one. */
static enum word ended(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b)
{
    (void)story;
    if (!is_prepared(b) || !is_behind(b, a) || (a->what != MEASURE_APPLIED && a->what != MEASURE_YES))
        return NOTHING;
    return fits_if(a->what == MEASURE_YES && b->what == MEASURE_FOUND);
}

/* What was ended by hand keeps that end: a decision that comes later is told of it, and carried out no more. */
static bool are_ends_of_one_branch(const struct judge_fact *a, const struct judge_fact *b)
{
    const bool is_same = a->what == MEASURE_APPLIED && b->what == MEASURE_APPLIED && a->place == b->place;
    const bool has_commit = a->outcome == MEASURE_COMMITTED || b->outcome == MEASURE_COMMITTED;

    return is_same && has_commit && (a->outcome == b->outcome || a->is_by_hand || b->is_by_hand);
}

static enum word once(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b)
{
    (void)story;
    if (are_ends_of_one_branch(a, b))
        return CLASHES;
    return is_same_step(a, b) ? fits_if(a->is_compensation != b->is_compensation) : NOTHING;
}

static enum word barrier(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b)
{
    (void)story;
    if (!is_same_step(a, b) || a->is_compensation == b->is_compensation || !a->is_compensation)
        return NOTHING;
    return fits_if(!is_behind(b, a));
}

static enum word saga(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b)
{
    if (!is_end_of_saga(a) || is_closed(story))
        return NOTHING;
    if (is_end_of_saga(b))
        return fits_if(a->state == b->state);
    if (b->what != MEASURE_STEP || b->is_refused)
        return NOTHING;
    return fits_if(b->t_us <= a->t_us && (a->state == MEASURE_UNDONE || !b->is_compensation));
}

static const struct {
    enum judge_law law;
    enum word (*says)(const struct judge_story *story, const struct judge_fact *a, const struct judge_fact *b);
} laws[] = {{JUDGE_ONCE, once}, {JUDGE_OUTCOME, one_outcome}, {JUDGE_TOLD, told},       {JUDGE_FORCE, force},
            {JUDGE_VOTE, vote}, {JUDGE_ENDED, ended},         {JUDGE_BARRIER, barrier}, {JUDGE_SAGA, saga}};

enum judge_law judge_clash(struct judge *judge, const struct judge_story *story, const struct judge_fact *a,
                           const struct judge_fact *b)
{
    for (size_t i = 0; i < sizeof(laws) / sizeof(laws[0]); i++) {
        const enum word forth = laws[i].says(story, a, b), back = laws[i].says(story, b, a);
        judge->met[laws[i].law] += forth != NOTHING || back != NOTHING;
        if (forth == CLASHES || back == CLASHES)
            return laws[i].law;
    }
    return JUDGE_NO_LAW;
}
