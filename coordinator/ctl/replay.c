#include "coordinator/ctl/replay.h"

#include <stdio.h>
#include <string.h>

#include "coordinator/ctl/ask.h"
#include "coordinator/ctl/fields.h"
#include "coordinator/ctl/print.h"
#include "coordinator/fold/replay_rows.h"
#include "coordinator/fold/until.h"

/* ---- rows to one object ---- */

/* What is one row of many, and the list that it goes into. */
static const char *const lists[][2] = {
    {"transaction", "transactions"}, {"saga", "sagas"}, {"group", "groups"}, {"topic", "topics"},
    {"dead_letter", "dead_letters"}, {"key", "keys"}};
#define LISTS (sizeof(lists) / sizeof(lists[0]))

static void add_to_list(json_t *state, const char *list, json_t *row)
{
    json_t *rows = json_object_get(state, list);
    if (rows == NULL) {
        rows = json_array();
        json_object_set_new(state, list, rows);
    }
    json_array_append(rows, row);
}

/* Of one id there is one thing of these; of all there are lists, which may be empty. */
static void take_row(json_t *state, const json_t *row, bool is_watched)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)row, key, value)
    {
        bool is_listed = false;
        for (size_t i = 0; !is_watched && i < LISTS; i++) {
            if (strcmp(key, lists[i][0]) == 0) {
                add_to_list(state, lists[i][1], value);
                is_listed = true;
            }
        }
        if (strcmp(key, "state") == 0)
            json_object_update(state, value);
        else if (strcmp(key, "event") == 0)
            add_to_list(state, "events", value);
        else if (!is_listed)
            json_object_set(state, key, value);
    }
}

/* In place of their numbers, which the state came with; what has none is not known. */
static void take_state(json_t *state, bool is_watched)
{
    for (size_t i = 0; i < LISTS; i++) {
        if (is_watched)
            json_object_del(state, lists[i][1]);
        else if (json_object_get(state, lists[i][1]) != NULL || strcmp(lists[i][0], "topic") == 0)
            json_object_set_new(state, lists[i][1], json_array());
    }
    if (is_watched) {
        json_object_del(state, "waiting");
        json_object_del(state, "keys_cut");
    }
    if (is_watched || json_object_get(state, "events_cut") != NULL)
        json_object_del(state, "topics");
}

struct collected {
    json_t *state;
    bool is_watched;
};

static int collect(void *ctx, json_t *row)
{
    struct collected *collected = ctx;
    if (row == NULL)
        return VOW_E_NO_MEMORY;
    take_row(collected->state, row, collected->is_watched);
    if (json_object_get(row, "state") != NULL)
        take_state(collected->state, collected->is_watched);
    json_decref(row);
    return 0;
}

/* ---- a stopped daemon ---- */

static int read_journal(const struct replay_options *options, struct vow_replay *replay,
                        struct vow_journal_report *report, struct vow_error_detail *detail)
{
    int error = vow_journal_sqlite_replay(options->directory, &options->until, vow_replay_take, vow_replay_again,
                                          replay, report, detail);
    if (error == VOW_E_LOCKED)
        snprintf(detail->text, sizeof(detail->text), "vowd runs on it; ask it: vowctl replay, without --data");
    else if (error != 0 && detail->error != error)
        snprintf(detail->text, sizeof(detail->text), "lsn %llu: %s", (unsigned long long)replay->fold.lsn + 1,
                 vow_error_text(error));
    detail->error = error;
    return error;
}

static int replay_offline(const struct replay_options *options, struct collected *collected,
                          struct vow_error_detail *detail)
{
    const uint64_t at_us = options->until.is_time ? options->until.wall_us : 0;
    struct vow_journal_report report;
    struct vow_replay replay;
    vow_replay_init(&replay, &options->gtrid);
    int error = read_journal(options, &replay, &report, detail);
    if (error == VOW_E_NOT_FOUND)
        error = detail->error = VOW_E_ARGUMENT; /* what is not there is the journal, and no transaction */
    replay.events_cut = report.events_cut;
    replay.cut_lsn = report.cut_lsn;
    if (error == 0)
        error = vow_replay_make(&replay, report.until_lsn, detail);
    if (error == 0)
        error = vow_replay_rows(&replay, at_us, 0, collect, collected);
    vow_replay_deinit(&replay);
    return error;
}

/* ---- a running one ---- */

static int replay_online(const struct replay_options *options, struct collected *collected,
                         struct vow_error_detail *detail)
{
    char until[VOW_UNTIL_SIZE];
    struct vow_msg_admin_request request = {.command = VOW_ADMIN_REPLAY, .gtrid = options->gtrid, .filter = until};
    json_t *rows;
    vow_until_print(&options->until, until);
    int error = ask(&options->coordinator, &request, options->timeout_ms, &rows, detail);
    for (size_t i = 0; error == 0 && i < json_array_size(rows); i++)
        error = collect(collected, json_incref(json_array_get(rows, i)));
    json_decref(rows);
    return error;
}

int replay(const struct replay_options *options, json_t **state, struct vow_error_detail *detail)
{
    struct collected collected = {.state = json_object(), .is_watched = !vow_gtrid_is_none(&options->gtrid)};
    *detail = (struct vow_error_detail){.error = 0};
    int error = options->directory != NULL ? replay_offline(options, &collected, detail)
                                           : replay_online(options, &collected, detail);
    *state = error == 0 ? collected.state : NULL;
    if (error != 0)
        json_decref(collected.state);
    return error;
}

/* ---- printing ---- */

static void print_open(const json_t *row)
{
    char age[AGE_SIZE];
    size_t index;
    json_t *branch;
    printf("%-42s  %-10s  %-8s  %9s  ", field_text(row, "id"), field_text(row, "state"), field_text(row, "damage"),
           json_object_get(row, "age_ms") != NULL ? age_text(field_number(row, "age_ms"), age) : "-");
    json_array_foreach(json_object_get(row, "branches"), index, branch)
        printf("%s%s%s", index > 0 ? ", " : "", field_text(branch, "participant"),
               field_is_true(branch, "no_record")     ? " (no record)"
               : field_is_true(branch, "contradicts") ? " (contradicts)"
                                                      : "");
    printf("\n");
}

static void print_heading(void)
{
    printf("%-42s  %-10s  %-8s  %9s  %s\n", "ID", "STATE", "DAMAGE", "AGE", "PARTICIPANTS");
}

static void print_key(const json_t *row)
{
    printf("%-64s  %s/%lld  @%lld\n", field_text(row, "key"), field_text(row, "source"), field_number(row, "key_seq"),
           field_number(row, "offset"));
}

static void print_events(const json_t *state)
{
    size_t index;
    json_t *row;
    if (json_object_get(state, "events_cut") != NULL) {
        printf("groups, topics and dead letters: not known, for retention has cut off some of their records\n");
        return;
    }
    print_groups(json_object_get(state, "groups"));
    if (json_array_size(json_object_get(state, "topics")) > 0)
        print_topics(json_object_get(state, "topics"));
    print_dead_list(json_object_get(state, "dead_letters"));
    if (json_object_get(state, "keys_cut") != NULL)
        printf("keys: those of events up to @%lld are cut away, and not known; since then:\n",
               field_number(state, "keys_cut"));
    json_array_foreach(json_object_get(state, "keys"), index, row) print_key(row);
}

static void print_lists(const json_t *state)
{
    const json_t *txns = json_object_get(state, "transactions"), *sagas = json_object_get(state, "sagas");
    size_t index;
    json_t *row;
    if (json_array_size(txns) == 0)
        printf("no transaction was decided and had not ended\n");
    else
        print_heading();
    json_array_foreach(txns, index, row) print_open(row);
    print_sagas(sagas);
    print_events(state);
    (void)print_left_out(state);
}

static void print_one(const json_t *state)
{
    json_t *saga = json_object_get(state, "saga");
    const json_t *txn = json_object_get(state, "transaction"), *ended = json_object_get(state, "ended");
    if (txn != NULL) {
        print_heading();
        print_open(txn);
    } else if (saga != NULL) {
        json_t *rows = json_pack("[O]", saga);
        print_sagas(rows);
        json_decref(rows);
    } else {
        printf("%-42s  %s  %s\n", field_text(ended, "id"), field_text(ended, "state"), field_text(ended, "outcome"));
    }
    print_history(json_object_get(state, "events"));
}

void print_replay(const json_t *state)
{
    printf("after lsn %lld", field_number(state, "lsn"));
    if (json_object_get(state, "time") != NULL)
        printf(", %s, epoch %lld", field_text(state, "time"), field_number(state, "epoch"));
    printf("\n");
    if (json_object_get(state, "events") != NULL)
        print_one(state);
    else
        print_lists(state);
}
