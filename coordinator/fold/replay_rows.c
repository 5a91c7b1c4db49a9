#include "coordinator/fold/replay_rows.h"

#include "coordinator/fold/event_rows.h"
#include "coordinator/fold/rows.h"
#include "coordinator/fold/until.h"

struct rows {
    const struct vow_replay *replay;
    uint64_t at_us; /* 0 = not known */
    uint32_t left, left_out;
    vow_replay_row_fn *each;
    void *ctx;
};

static int show(struct rows *rows, const char *what, json_t *row)
{
    return rows->each(rows->ctx, json_pack("{s:o}", what, row));
}

/* One of a list that may be cut off. */
static bool takes_one_more(struct rows *rows)
{
    rows->left_out += rows->left == 0;
    return rows->left > 0 && rows->left-- > 0;
}

static void add_age(const struct rows *rows, json_t *row, const struct vow_gtrid *gtrid,
                    enum vow_record_subject subject)
{
    const uint64_t begun_us = vow_fold_since_us(&rows->replay->fold, gtrid, subject);

    if (rows->at_us >= begun_us && begun_us != 0)
        (void)json_object_set_new(row, "age_ms", json_u64((rows->at_us - begun_us) / 1000));
}

/* ---- the point ---- */

static uint32_t count_txns(const struct vow_replay *replay)
{
    struct vow_coord_counts counts;

    vow_coord_counts(replay->txns, &counts);
    return counts.open;
}

static uint32_t count_sagas(const struct vow_replay *replay)
{
    struct vow_sagas_counts counts;

    vow_sagas_counts(replay->sagas, &counts);
    return counts.open;
}

/* Is this the newest event of its key? One that was kept up to the cut may have had another after it, which is gone. */
static bool is_newest(const struct vow_replay *replay, const struct sum_key *key)
{
    return !replay->fold.is_cut || key->newest.lsn > replay->cut_lsn;
}

static uint64_t count_keys(const struct vow_replay *replay)
{
    const struct sum_key *key, *next;
    uint64_t count = 0;

    HASH_ITER(hh, replay->fold.relay.keys, key, next)
    {
        count += is_newest(replay, key);
    }
    return count;
}

static void count_relay(const struct vow_replay *replay, json_t *row)
{
    struct vow_relay_counts counts;

    if (replay->relay == NULL) {
        (void)json_object_set_new(row, "events_cut", json_true());
        return;
    }
    vow_relay_counts(replay->relay, &counts);
    (void)json_object_set_new(row, "groups", json_u64(counts.groups));
    (void)json_object_set_new(row, "waiting", json_u64(counts.events));
    (void)json_object_set_new(row, "dead_letters", json_u64(counts.dead));
    if (replay->fold.is_cut)
        (void)json_object_set_new(row, "keys_cut", json_u64(replay->cut_lsn));
    (void)json_object_set_new(row, "keys", json_u64(count_keys(replay)));
}

/* The event at the cut is gone, and its time with it. */
static int show_state(struct rows *rows)
{
    const struct vow_replay *replay = rows->replay;
    char time[VOW_UNTIL_SIZE];
    json_t *row = json_pack("{s:o,s:o,s:o}", "lsn", json_u64(replay->lsn), "transactions", json_u64(count_txns(replay)),
                            "sagas", json_u64(count_sagas(replay)));

    count_relay(replay, row);
    if (replay->fold.lsn == replay->lsn) {
        vow_wall_print(replay->fold.wall_us, time);
        (void)json_object_set_new(row, "wall_us", json_u64(replay->fold.wall_us));
        (void)json_object_set_new(row, "time", json_string(time));
        (void)json_object_set_new(row, "epoch", json_u64(replay->fold.epoch));
    }
    return show(rows, "state", row);
}

/* ---- transactions ---- */

/* Who has acknowledged is in no record, so nothing is said of it. */
static json_t *branch_object(const struct vow_coord_branch_view *branch)
{
    return json_pack("{s:s,s:o,s:s,s:b,s:b}", "participant", branch->participant, "branch", json_u64(branch->branch),
                     "vote", vote_name(branch), "no_record", (int)branch->no_record, "contradicts",
                     (int)branch->contradicts);
}

static int show_txn(struct rows *rows, const struct vow_coord_txn_view *view)
{
    json_t *branches = json_array();
    json_t *row;

    for (uint32_t i = 0; i < view->branches_len && i < VOW_CALLS_MAX; i++)
        (void)json_array_append_new(branches, branch_object(&view->branches[i]));
    row = json_pack("{s:o,s:s,s:s,s:o}", "id", json_gtrid(&view->gtrid), "state", view->state, "damage",
                    damage_name(view->damage), "branches", branches);
    add_age(rows, row, &view->gtrid, VOW_SUBJECT_TXN);
    return show(rows, "transaction", row);
}

static int show_txns(struct rows *rows)
{
    struct vow_coord_txn_view view;
    uint32_t cursor = 0;
    int error = 0;

    while (error == 0 && vow_coord_next(rows->replay->txns, &cursor, &view)) {
        if (takes_one_more(rows))
            error = show_txn(rows, &view);
    }
    return error;
}

/* ---- sagas ---- */

static json_t *step_object(const struct vow_saga_step_view *view, const struct saga_book_step *book, uint32_t number)
{
    json_t *row =
        json_pack("{s:o,s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "step", json_u64(number), "participant", view->participant,
                  "action", book->action, "kind", step_kind_name(view->kind), "state", view->state, "fate", view->fate,
                  "stage", json_u64(view->stage), "attempts", json_u64(view->attempts));

    if (book->compensation[0] != '\0')
        (void)json_object_set_new(row, "compensation", json_string(book->compensation));
    return row;
}

static int show_saga(struct rows *rows, const struct vow_saga_view *view)
{
    const struct saga_order *order = saga_book_find(&rows->replay->book, &view->gtrid);
    json_t *steps = json_array(), *row;

    for (uint32_t i = 0; order != NULL && i < view->steps_len; i++)
        (void)json_array_append_new(steps, step_object(&view->steps[i], &order->steps[i], i));
    row = json_pack("{s:o,s:s,s:s,s:o}", "id", json_gtrid(&view->gtrid), "state", vow_saga_state_name((int)view->told),
                    "at", view->state, "steps", steps);
    add_age(rows, row, &view->gtrid, VOW_SUBJECT_SAGA);
    if (view->cause != VOW_CAUSE_NONE)
        (void)json_object_set_new(row, "cause", json_string(vow_cause_name((int)view->cause)));
    if (view->failed_step != VOW_STEP_NONE)
        (void)json_object_set_new(row, "failed_step", json_u64(view->failed_step));
    return show(rows, "saga", row);
}

static int show_sagas(struct rows *rows)
{
    struct vow_saga_view view;
    uint32_t cursor = 0;
    int error = 0;

    while (error == 0 && vow_sagas_next(rows->replay->sagas, &cursor, &view)) {
        if (takes_one_more(rows))
            error = show_saga(rows, &view);
    }
    return error;
}

/* ---- events ---- */

static int show_groups(struct rows *rows)
{
    struct vow_relay_group_view view;
    uint32_t at = 0;
    int error = 0;

    while (error == 0 && vow_relay_next_group(rows->replay->relay, &at, &view)) {
        if (takes_one_more(rows))
            error = show(rows, "group", group_object(&view));
    }
    return error;
}

static int show_topic(void *ctx, const struct vow_relay_topic_view *view)
{
    struct rows *rows = ctx;

    return takes_one_more(rows) ? show(rows, "topic", topic_object(view)) : 0;
}

static int show_dead(struct rows *rows)
{
    struct vow_relay_dead_view view;
    uint32_t at = 0;
    int error = 0;

    while (error == 0 && vow_relay_next_dead(rows->replay->relay, &at, &view)) {
        if (takes_one_more(rows))
            error = show(rows, "dead_letter", dead_object(&view));
    }
    return error;
}

static json_t *key_object(const struct sum_key *key)
{
    char uuid[2 * VOW_DB_UUID_BYTES + 1];

    for (size_t i = 0; i < VOW_DB_UUID_BYTES; i++)
        (void)snprintf(uuid + 2 * i, 3, "%02x", key->newest.db_uuid[i]);
    return json_pack("{s:s,s:s,s:s,s:o,s:o}", "source", key->source, "db_uuid", uuid, "key", key->newest.key, "key_seq",
                     json_u64(key->newest.key_seq), "offset", json_u64(key->newest.lsn));
}

static int show_keys(struct rows *rows)
{
    const struct sum_key *key, *next;
    int error = 0;

    HASH_ITER(hh, rows->replay->fold.relay.keys, key, next)
    {
        if (error == 0 && is_newest(rows->replay, key) && takes_one_more(rows))
            error = show(rows, "key", key_object(key));
    }
    return error;
}

static int show_relay(struct rows *rows)
{
    int error;

    if (rows->replay->relay == NULL)
        return 0;
    error = show_groups(rows);
    error = error != 0 ? error : topics_of(&rows->replay->events, show_topic, rows);
    error = error != 0 ? error : show_dead(rows);
    return error != 0 ? error : show_keys(rows);
}

/* ---- one id ---- */

static int show_subject(struct rows *rows)
{
    const struct vow_fold *fold = &rows->replay->fold;
    struct vow_coord_txn_view txn;
    struct vow_saga_view saga;

    if (vow_coord_find(rows->replay->txns, &fold->watched, &txn))
        return show_txn(rows, &txn);
    if (vow_sagas_find(rows->replay->sagas, &fold->watched, &saga))
        return show_saga(rows, &saga);
    return show(rows, "ended", ended_object(&fold->watched, fold->events, fold->events_len));
}

static int show_watched(struct rows *rows)
{
    const struct vow_fold *fold = &rows->replay->fold;
    int error = show_subject(rows);

    for (uint32_t i = 0; error == 0 && i < fold->events_len; i++)
        error = show(rows, "event", event_object(&fold->events[i]));
    return error;
}

static int show_all(struct rows *rows)
{
    int error = show_txns(rows);

    error = error != 0 ? error : show_sagas(rows);
    error = error != 0 ? error : show_relay(rows);
    if (error == 0 && rows->left_out > 0)
        error = show(rows, "left_out", json_u64(rows->left_out));
    return error;
}

int vow_replay_rows(const struct vow_replay *replay, uint64_t at_us, uint32_t rows_max, vow_replay_row_fn *each,
                    void *ctx)
{
    const struct vow_fold *fold = &replay->fold;
    const bool is_watched = !vow_gtrid_is_none(&fold->watched);
    struct rows rows = {.replay = replay,
                        .at_us = at_us != 0                 ? at_us
                                 : fold->lsn == replay->lsn ? fold->wall_us
                                                            : 0,
                        .left = rows_max != 0 ? rows_max : UINT32_MAX,
                        .each = each,
                        .ctx = ctx};
    int error;

    if (is_watched && fold->events_len == 0)
        return VOW_E_NOT_FOUND;
    error = show_state(&rows);
    if (error != 0)
        return error;
    return is_watched ? show_watched(&rows) : show_all(&rows);
}
