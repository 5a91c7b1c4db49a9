/* Who has which row for himself. What is shared is not judged: who else has it is not told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/judge/private.h"
#include "chaos/kill/memory.h"

#define NAME_SIZE 160
#define KEY_MAX 63 /* of a trace; a longer one is cut, and may be that of two rows */

static void name_of(char name[NAME_SIZE], uint32_t source, const char *key)
{
    (void)snprintf(name, NAME_SIZE, "%u %.100s", source, key);
}

static struct judge_row *find(const struct judge *judge, const char *name)
{
    struct judge_row *row = NULL;

    HASH_FIND_STR(judge->rows, name, row);
    return row;
}

static void drop(struct judge *judge, struct judge_row *row)
{
    HASH_DELETE(hh, judge->rows, row);
    free(row->name);
    free(row);
}

static void take(const struct judge_look *look, const char *name)
{
    struct judge *judge = look->judge;
    struct judge_row *row = find(judge, name);

    if (row != NULL && strcmp(row->id, look->id) != 0)
        judge_break(judge, JUDGE_ROW, &row->at, &look->at, "%.80s: %s has it, and %s takes it", look->key, row->id,
                    look->id);
    judge->met[JUDGE_ROW]++;
    if (row != NULL)
        return;
    row = real_need(calloc(1, sizeof(*row)));
    row->name = real_need(strdup(name));
    row->at = look->at;
    memcpy(row->id, look->id, strlen(look->id) + 1);
    HASH_ADD_KEYPTR(hh, judge->rows, row->name, strlen(row->name), row);
}

static void let_go(const struct judge_look *look, const char *name)
{
    struct judge_row *row = find(look->judge, name);

    if (row == NULL || strcmp(row->id, look->id) != 0)
        return;
    if (strcmp(look->source->ending, look->id) == 0)
        look->source->ending_rows--;
    drop(look->judge, row);
}

void judge_rows_forget(struct judge *judge, uint32_t source)
{
    struct judge_row *row, *next;

    HASH_ITER(hh, judge->rows, row, next)
    if (row->at.source == source)
        drop(judge, row);
    judge->sources[source].ending[0] = '\0';
}

/* --- What ends frees all its rows with that --- */

static void begin_end(const struct judge_look *look)
{
    const struct judge_row *row, *next;

    memcpy(look->source->ending, look->id, strlen(look->id) + 1);
    look->source->ending_at = look->at;
    look->source->ending_rows = 0;
    HASH_ITER(hh, look->judge->rows, row, next)
    look->source->ending_rows += row->at.source == look->at.source && strcmp(row->id, look->id) == 0;
    look->judge->met[JUDGE_LOCK] += look->source->ending_rows > 0;
}

static void check_end(struct judge *judge, struct judge_source *source, const struct judge_line *at)
{
    if (source->ending[0] != '\0' && source->ending_rows > 0)
        judge_break(judge, JUDGE_LOCK, &source->ending_at, at, "%s has ended, and holds %zu rows", source->ending,
                    source->ending_rows);
    source->ending[0] = '\0';
}

void judge_rows_end(struct judge *judge, struct judge_source *source)
{
    check_end(judge, source, &source->ending_at);
}

void judge_row_line(const struct judge_look *look)
{
    char name[NAME_SIZE];

    if (look->id[0] == '\0' || strlen(look->id) >= JUDGE_ID_SIZE)
        return;
    if (strcmp(look->source->ending, look->id) != 0)
        check_end(look->judge, look->source, &look->at);
    name_of(name, look->at.source, look->key);
    if (look->record->what == MEASURE_LOCK && !look->record->is_shared && strlen(look->key) < KEY_MAX)
        take(look, name);
    else if (look->record->what == MEASURE_FREE)
        let_go(look, name);
    else if (look->record->what == MEASURE_APPLIED)
        begin_end(look);
}
