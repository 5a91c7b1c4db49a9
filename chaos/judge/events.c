/* What was handled, what is a dead letter, and what an auditor has found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/judge/private.h"
#include "chaos/kill/memory.h"

#define NAME_SIZE 320

static void drop(struct judge_marks *marks, struct judge_mark *mark)
{
    HASH_DELETE(hh, marks->by_name, mark); /* NOLINT(clang-analyzer-*): it does not see that it is in the table */
    DL_DELETE(marks->oldest, mark);
    free(mark->name);
    free(mark);
    marks->len--;
}

static struct judge_mark *find(const struct judge_marks *marks, const char *name)
{
    struct judge_mark *mark = NULL;

    HASH_FIND_STR(marks->by_name, name, mark);
    return mark;
}

/* The oldest goes, if there are too many. */
static void add(struct judge_marks *marks, const char *name, struct judge_line at)
{
    struct judge_mark *mark = real_need(calloc(1, sizeof(*mark)));

    if (marks->len == JUDGE_EVENTS_MAX)
        drop(marks, marks->oldest);
    mark->name = real_need(strdup(name));
    mark->at = at;
    HASH_ADD_KEYPTR(hh, marks->by_name, mark->name, strlen(mark->name), mark);
    DL_APPEND(marks->oldest, mark);
    marks->len++;
}

static void drop_all(struct judge_marks *marks)
{
    while (marks->oldest != NULL)
        drop(marks, marks->oldest);
}

static void take_handled(const struct judge_look *look)
{
    struct judge_marks *marks = &look->judge->handled;
    char name[NAME_SIZE];

    (void)snprintf(name, sizeof(name), "%u %.80s %.200s", look->place, look->other, look->key);
    const struct judge_mark *mark = find(marks, name);
    look->judge->met[JUDGE_ONCE]++;
    if (mark != NULL)
        judge_break(look->judge, JUDGE_ONCE, &mark->at, &look->at, "the group %.80s has done %.100s twice", look->other,
                    look->key);
    else
        add(marks, name, look->at);
}

/* They only grow by one that is buried. What was not told before a death is told by no life: it begins anew. */
static void take_letters(const struct judge_look *look)
{
    struct judge_source *source = look->source;
    const uint64_t letters = look->record->letters;
    const uint64_t most = source->letters + (look->record->letter == MEASURE_LETTER_DEAD);

    look->judge->met[JUDGE_LETTER] += source->letters_at.number > 0;
    if (source->letters_at.number > source->life_line && letters > most)
        judge_break(look->judge, JUDGE_LETTER, &source->letters_at, &look->at,
                    "%llu dead letters have become %llu, of which nobody knows", (unsigned long long)source->letters,
                    (unsigned long long)letters);
    source->letters = letters;
    source->letters_at = look->at;
}

static void take_audit(const struct judge_look *look)
{
    const struct measure_record *record = look->record;

    if (!look->judge->is_isolated)
        return;
    look->judge->met[JUDGE_BANK]++;
    if (record->sum != record->expected)
        judge_break(look->judge, JUDGE_BANK, NULL, &look->at, "the sum is %lld, and not %lld", (long long)record->sum,
                    (long long)record->expected);
}

void judge_event_line(const struct judge_look *look)
{
    if (look->record->what == MEASURE_HANDLED)
        take_handled(look);
    else if (look->record->what == MEASURE_LETTERS)
        take_letters(look);
    else if (look->record->what == MEASURE_AUDIT)
        take_audit(look);
}

void judge_events_free(struct judge *judge)
{
    drop_all(&judge->handled);
}
