/*
 * list --in-doubt and show: for each transaction its branches, and of each branch what an operator asks first: who
 * voted what, what it waits for, since when, which rows it holds, who waits for them. The last line of a transaction
 * is what is safe to do.
 */
#include <stdio.h>
#include <string.h>

#include "coordinator/ctl/fields.h"
#include "coordinator/ctl/print.h"

#define INDENT "    "
#define SENTENCE_COLUMNS 90u

/* Sentences are long, and terminals are not: continued below where they began, at a blank. */
static void print_sentence(const char *label, const char *text)
{
    size_t column = 0;
    printf(INDENT "%-16s ", label);
    while (*text != '\0') {
        const size_t word = strcspn(text, " ");
        if (column > 0 && column + 1 + word > SENTENCE_COLUMNS) {
            printf("\n" INDENT "%-16s ", "");
            column = 0;
        }
        printf("%s%.*s", column > 0 ? " " : "", (int)word, text);
        column += word + (column > 0);
        text += word + (text[word] == ' ');
    }
    printf("\n");
}

/* ---- what a participant says of its branch ---- */

static void print_lock(const json_t *lock)
{
    const char *index = field_text(lock, "index"), *key = field_text(lock, "key");
    printf("%s%s%s", field_text(lock, "table"), index[0] != '\0' ? "." : "", index);
    if (key[0] != '\0')
        printf("(%s)", key);
    else
        printf(" (rows that foreign keys need)");
    if (field_is_true(lock, "shared"))
        printf(" shared");
}

static void print_locks(const json_t *held)
{
    size_t index;
    json_t *lock;
    const json_t *locks = json_object_get(held, "locks");
    const long long more = field_number(held, "locks_len") - (long long)json_array_size(locks);
    if (json_array_size(locks) == 0)
        return;
    printf(INDENT INDENT "holds      ");
    json_array_foreach((json_t *)locks, index, lock)
    {
        printf("%s", index > 0 ? ", " : "");
        print_lock(lock);
    }
    if (more > 0)
        printf(", and %lld more", more);
    printf("\n");
}

static void print_waiters(const json_t *held)
{
    char buffer[AGE_SIZE];
    size_t index;
    json_t *waiter;
    const json_t *waiters = json_object_get(held, "waiters");
    const long long more = field_number(held, "waiters_len") - (long long)json_array_size(waiters);
    const long long refused = field_number(held, "refused");
    if (json_array_size(waiters) == 0 && refused == 0)
        return;
    printf(INDENT INDENT "blocks     ");
    json_array_foreach((json_t *)waiters, index, waiter)
        printf("%s%s for %s", index > 0 ? ", " : "", field_text(waiter, "id"),
               age_text(field_number(waiter, "waited_ms"), buffer));
    if (more > 0)
        printf(", and %lld more", more);
    if (refused > 0)
        printf("%s%lld refused because of it so far", json_array_size(waiters) > 0 ? "; " : "", refused);
    printf("\n");
}

static void print_questions(const json_t *held)
{
    char asked[AGE_SIZE], next[AGE_SIZE];
    printf(INDENT INDENT "waits for  %s", field_text(held, "waits_for"));
    if (field_number(held, "asked") > 0)
        printf("; asked %s ago (question %lld)", age_text(field_number(held, "asked_ms"), asked),
               field_number(held, "asked"));
    if (json_object_get(held, "next_ms") != NULL)
        printf(", again in %s", age_text(field_number(held, "next_ms"), next));
    printf("\n");
}

static void print_by_hand(const json_t *held)
{
    if (json_object_get(held, "heuristic") == NULL)
        return;
    printf(INDENT INDENT "by hand    %s by %s: %s", field_text(held, "heuristic"), field_text(held, "who"),
           field_text(held, "why"));
    if (strcmp(field_text(held, "decided"), "none") != 0)
        printf("; decided was %s", field_text(held, "decided"));
    printf("\n");
}

static void print_held(const json_t *held)
{
    print_by_hand(held);
    print_questions(held);
    print_locks(held);
    print_waiters(held);
    if (strlen(field_text(held, "note")) > 1)
        printf(INDENT INDENT "note       %s\n", field_text(held, "note"));
}

/* ---- a branch ---- */

static void print_vote(const json_t *branch)
{
    const char *vote = field_text(branch, "vote");
    if (strcmp(vote, "none") == 0)
        printf("has not voted");
    else
        printf("voted %s", vote);
    if (field_is_true(branch, "acknowledged"))
        printf(", acknowledged");
    if (field_is_true(branch, "contradicts"))
        printf(", ENDED BY HAND against the decision");
    if (field_is_true(branch, "no_record"))
        printf(", has NO RECORD of it");
}

static void print_branch(const json_t *branch)
{
    char buffer[AGE_SIZE];
    const json_t *held = json_object_get(branch, "held");
    printf(INDENT "%-16s ", field_text(branch, "participant"));
    print_vote(branch);
    if (!field_is_true(branch, "connected"))
        printf("; not connected, last seen %s ago", age_text(field_number(branch, "seen_ms"), buffer));
    if (json_object_get(branch, "address") != NULL)
        printf("; listens on %s", field_text(branch, "address"));
    if (held != NULL)
        printf("; %s for %s", field_text(held, "state"), age_text(field_number(held, "age_ms"), buffer));
    printf("\n");
    if (held != NULL)
        print_held(held);
}

/* ---- a transaction ---- */

static void print_head(const json_t *row)
{
    char buffer[AGE_SIZE];
    printf("%s  %s", field_text(row, "id"), field_text(row, "state"));
    if (json_object_get(row, "damage") != NULL && strcmp(field_text(row, "damage"), "none") != 0)
        printf("  damage: %s", field_text(row, "damage"));
    if (json_object_get(row, "outcome") != NULL)
        printf("  %s", field_text(row, "outcome"));
    if (json_object_get(row, "cause") != NULL)
        printf(" (%s)", field_text(row, "cause"));
    if (json_object_get(row, "age_ms") != NULL)
        printf("  age %s", age_text(field_number(row, "age_ms"), buffer));
    if (field_number(row, "attempts") > 0)
        printf("  told again (%lld)", field_number(row, "attempts"));
    printf("\n");
}

/* A participant was asked itself: the row is its branch. */
static void print_own(const json_t *row)
{
    char buffer[AGE_SIZE];
    printf("%s  %s at %s for %s\n", field_text(row, "id"), field_text(row, "state"), field_text(row, "participant"),
           age_text(field_number(row, "age_ms"), buffer));
    print_held(row);
    print_sentence("safe", field_text(row, "safe"));
}

void print_txn(const json_t *row)
{
    size_t index;
    json_t *branch;
    if (json_object_get(row, "locks") != NULL) {
        print_own(row);
        return;
    }
    print_head(row);
    json_array_foreach(json_object_get(row, "branches"), index, branch) print_branch(branch);
    if (json_object_get(row, "events") != NULL)
        printf(INDENT "history          %lld events: vowctl history %s\n", field_number(row, "events"),
               field_text(row, "id"));
    if (json_object_get(row, "cut") != NULL)
        print_sentence("too long", "what its participants hold does not fit into a message: ask them, or see "
                                   "limits.frame_bytes_max");
    if (json_object_get(row, "safe") != NULL)
        print_sentence("safe", field_text(row, "safe"));
}

static void print_end(const json_t *row)
{
    char buffer[AGE_SIZE];
    size_t index;
    json_t *silent;
    (void)print_left_out(row);
    json_array_foreach(json_object_get(row, "silent"), index, silent)
    {
        printf("not told by %s: %s", field_text(silent, "participant"), field_text(silent, "why"));
        if (field_number(silent, "seen_ms") > 0)
            printf(", last seen %s ago", age_text(field_number(silent, "seen_ms"), buffer));
        printf("\n");
    }
}

void print_in_doubt(const json_t *rows)
{
    size_t index, shown = 0;
    json_t *row;
    json_array_foreach(rows, index, row)
    {
        if (json_object_get(row, "id") == NULL)
            continue;
        printf("%s", shown++ > 0 ? "\n" : "");
        print_txn(row);
    }
    if (shown == 0)
        printf("no transactions\n");
    json_array_foreach(rows, index, row)
    {
        if (json_object_get(row, "id") == NULL)
            print_end(row);
    }
}
