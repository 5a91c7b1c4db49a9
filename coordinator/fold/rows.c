#include "coordinator/fold/rows.h"

#include <stdlib.h>
#include <string.h>

#include "proto/quote.h"

json_t *json_text(const char *text)
{
    json_t *json = json_string(text);
    char *copy = json == NULL ? strdup(text) : NULL;
    if (copy != NULL) {
        vow_text_to_ascii(copy);
        json = json_string(copy);
    }
    free(copy);
    return json;
}

json_t *json_u64(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *json_gtrid(const struct vow_gtrid *gtrid)
{
    char text[VOW_GTRID_TEXT_SIZE];
    vow_gtrid_to_text(gtrid, text);
    return json_string(text);
}

const char *vote_name(const struct vow_coord_branch_view *branch)
{
    if (!branch->voted)
        return "none";
    switch (branch->vote) {
    case VOW_VOTE_YES:
        return "yes";
    case VOW_VOTE_READ_ONLY:
        return "read-only";
    case VOW_VOTE_NO:
        return "no";
    }
    return "?";
}

const char *damage_name(enum vow_damage damage)
{
    switch (damage) {
    case VOW_DAMAGE_NONE:
        return "none";
    case VOW_DAMAGE_ROLLBACK:
        return "rollback";
    case VOW_DAMAGE_MIXED:
        return "mixed";
    case VOW_DAMAGE_HAZARD:
        return "hazard";
    }
    return "?";
}

static void add_step(json_t *row, const struct vow_record_step *step)
{
    static const char *const fates[] = {"tried", "done", "rejected", "unknown", "undone", "stuck"};
    json_object_set_new(row, "step", json_u64(step->number));
    json_object_set_new(row, "direction", json_string(step->direction == VOW_STEP_ACTION ? "action" : "compensation"));
    json_object_set_new(row, "fate", json_string(fates[step->fate]));
    json_object_set_new(row, "attempts", json_u64(step->attempts));
}

json_t *event_object(const struct vow_journal_event *event)
{
    const struct vow_record *record = &event->record;
    json_t *row =
        json_pack("{s:o,s:o,s:s,s:o,s:o}", "lsn", json_u64(event->lsn), "wall_us", json_u64(event->wall_us), "event",
                  vow_record_name(record->kind), "id", json_gtrid(&record->gtrid), "epoch", json_u64(record->epoch));
    if (record->kind == VOW_RECORD_ABORTED)
        json_object_set_new(row, "cause", json_string(vow_cause_name((int)record->cause)));
    if (record->kind == VOW_RECORD_DAMAGE)
        json_object_set_new(row, "damage", json_string(damage_name((enum vow_damage)record->detail)));
    if (record->kind == VOW_RECORD_HEURISTIC)
        json_object_set_new(row, "by_hand", json_string(record->detail == VOW_COMMIT ? "commit" : "abort"));
    if (record->kind == VOW_RECORD_SAGA_END)
        json_object_set_new(row, "saga", json_string(vow_saga_state_name((int)record->detail)));
    if (record->kind == VOW_RECORD_SAGA_STEP)
        add_step(row, &record->step);
    if (record->kind == VOW_RECORD_SAGA_STEP && record->step.fate == VOW_FATE_NONE)
        json_object_set_new(row, "next_in_ms", json_u64(record->detail));
    if (vow_record_is_saga(record->kind) && record->cause != VOW_CAUSE_NONE)
        json_object_set_new(row, "cause", json_string(vow_cause_name((int)record->cause)));
    if (record->who[0] != '\0')
        json_object_set_new(row, "participant", json_string(record->who));
    if (record->text[0] != '\0')
        json_object_set_new(row, "text", json_text(record->text));
    if (record->branches_len > 0) {
        json_t *names = json_array();
        for (uint32_t i = 0; i < record->branches_len; i++)
            json_array_append_new(names, json_string(record->branches[i].name));
        json_object_set_new(row, "yes_list", names);
    }
    return row;
}

/* What the history of an ended transaction says of its outcome, in the words of `show`. */
static void summarize(json_t *row, const struct vow_journal_event *events, uint32_t events_len)
{
    const char *outcome = "unknown", *why = NULL;
    bool ended = false;
    for (uint32_t i = 0; i < events_len; i++) {
        const struct vow_record *record = &events[i].record;
        if (record->kind == VOW_RECORD_COMMIT || record->kind == VOW_RECORD_READ_ONLY ||
            record->kind == VOW_RECORD_ONE_PHASE)
            outcome = "committed";
        if (record->kind == VOW_RECORD_SAGA_END)
            outcome = vow_saga_state_name((int)record->detail);
        if (record->kind == VOW_RECORD_ABORTED) {
            outcome = "aborted";
            why = vow_cause_name((int)record->cause);
        }
        ended = ended || (record->kind != VOW_RECORD_COMMIT && record->kind != VOW_RECORD_OPERATOR &&
                          record->kind != VOW_RECORD_KEY);
    }
    json_object_set_new(row, "state", json_string(ended ? "ENDED" : "NONE"));
    json_object_set_new(row, "outcome", json_string(outcome));
    if (why != NULL)
        json_object_set_new(row, "cause", json_string(why));
}

json_t *ended_object(const struct vow_gtrid *gtrid, const struct vow_journal_event *events, uint32_t events_len)
{
    json_t *row = json_pack("{s:o,s:o}", "id", json_gtrid(gtrid), "events", json_u64(events_len));
    if (row != NULL)
        summarize(row, events, events_len);
    return row;
}

const char *step_kind_name(enum vow_step_kind kind)
{
    switch (kind) {
    case VOW_STEP_COMPENSATABLE:
        return "compensatable";
    case VOW_STEP_PIVOT:
        return "pivot";
    case VOW_STEP_RETRIABLE:
        return "retriable";
    }
    return "?";
}
