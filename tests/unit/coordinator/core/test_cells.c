/*
 * I16: every state of a transaction and everything it can be given, as one table that lies beside this test
 * (tests/golden/cells/coordinator.txt): what is sent, logged and asked, and where it leads. A cell that is not listed,
 * or does something else, fails; VOW_REWRITE=1 writes the table anew, for a reader to judge. What may never be is said
 * here apart, by the text of the protocol; and a message that comes twice is as if it had come once.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stage.h"

/* ---- the table ---- */

static void name_cell(int state, int event, char name[96])
{
    snprintf(name, 96, "%s %s", vow_coord_fsm()->states[state].name, vow_coord_fsm()->events[event].name);
}

/* Everything but what recovery finds, which comes to no transaction but in NONE. */
static bool give(struct stage *s, int event)
{
    switch (event) {
    case TXN_ON_LOGGED:
        if (fixture_token(&s->f) == 0)
            return false;
        stage_log_done(s);
        return true;
    case TXN_ON_TIMEOUT:
        fixture_after(&s->f, 600000);
        return true;
    case TXN_ON_CLIENT_LOST:
    case TXN_ON_PARTICIPANT_LOST:
        fixture_down(&s->f, event == TXN_ON_CLIENT_LOST ? s->client : s->peer);
        fixture_after(&s->f, 0);
        return true;
    default:
        return stage_feed(s, (enum txn_event)event);
    }
}

static void put_message(FILE *out, const struct stage *s, const struct vow_coord_effect *effect)
{
    char text[256];

    vow_msg_print(&effect->msg, text, sizeof(text));
    fprintf(out, "    to %s: %s\n", effect->session == s->client ? "client" : "participant", text);
}

static void put_effect(FILE *out, const struct stage *s, const struct vow_coord_effect *effect)
{
    const struct vow_fsm *fsm = vow_coord_fsm();

    switch (effect->kind) {
    case VOW_COORD_SEND:
    case VOW_COORD_REPLY:
        put_message(out, s, effect);
        break;
    case VOW_COORD_LOG:
        fprintf(out, "    log %s%s\n", vow_record_name(effect->log.record.kind), effect->log.forced ? " forced" : "");
        break;
    case VOW_COORD_TRACE:
        fprintf(out, "    %s -> %s\n", fsm->states[effect->trace.from].name, fsm->states[effect->trace.to].name);
        break;
    case VOW_COORD_ALARM:
        fprintf(out, "    ALARM %s\n", effect->alarm.what);
        break;
    case VOW_COORD_LOOKUP:
        fprintf(out, "    look up\n");
        break;
    case VOW_COORD_FORGOTTEN:
        fprintf(out, "    forgotten: %s\n", effect->forgotten.text);
        break;
    default:
        fprintf(out, "    effect %d\n", (int)effect->kind);
        break;
    }
}

static void write_cell(FILE *out, int state, int event)
{
    struct stage s;
    char name[96];

    stage_reach(&s, (enum txn_state)state);
    name_cell(state, event, name);
    if (give(&s, event)) {
        fprintf(out, "%s\n", name);
        for (size_t i = 0; i < s.f.effects.len; i++)
            put_effect(out, &s, &s.f.effects.items[i]);
        if (s.f.effects.len == 0)
            fprintf(out, "    (nothing)\n");
    }
    fixture_close(&s.f);
}

static char *write_table(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    for (int state = 0; state < TXN_STATES; state++) {
        for (int event = 0; event < TXN_EVENTS; event++)
            write_cell(out, state, event);
    }
    fclose(out);
    return text;
}

/* The first line in which they differ, and the cell that it belongs to. */
static void compare(char *wanted, char *got)
{
    char *w = NULL, *g = NULL, *cell = "the first cell";

    for (char *a = strtok_r(wanted, "\n", &w), *b = strtok_r(got, "\n", &g); a != NULL || b != NULL;
         a = strtok_r(NULL, "\n", &w), b = strtok_r(NULL, "\n", &g)) {
        if (b != NULL && b[0] != ' ')
            cell = b;
        cr_assert(a != NULL && b != NULL && strcmp(a, b) == 0, "%s: listed \"%s\", and it is \"%s\"", cell,
                  a != NULL ? a : "(end)", b != NULL ? b : "(end)");
    }
}

Test(cells, I16_every_state_and_every_message_is_listed)
{
    FILE *file = fopen(VOW_CELLS_DIR "/coordinator.txt", getenv("VOW_REWRITE") != NULL ? "w" : "r");
    char *got = write_table(), *wanted = NULL;
    size_t size = 0;

    cr_assert_not_null(file);
    if (getenv("VOW_REWRITE") != NULL) {
        fputs(got, file);
    } else {
        cr_assert_gt(getdelim(&wanted, &size, '\0', file), 0);
        compare(wanted, got);
    }
    fclose(file);
    free(got);
    free(wanted);
}

/* ---- what may never be ---- */

/* COMMIT is durable, or was before this event. */
static bool is_committed(int state, int event)
{
    if (state == TXN_DECIDING)
        return event == TXN_ON_LOGGED;
    return state == TXN_COMMITTING || state == TXN_ENDING || state == TXN_DAMAGING || state == TXN_HEUR ||
           state == TXN_FORGIVING || state == TXN_ABANDONED;
}

/* Nothing was written, or the only participant has said that it did (2.2, 2.5). */
static bool needs_no_record(int state, int event)
{
    return ((state == TXN_DELEGATED || state == TXN_FORGETTING) &&
            (event == TXN_ON_ONE_PHASE_COMMITTED || state == TXN_FORGETTING)) ||
           (state == TXN_PREPARING && event == TXN_ON_VOTE_READ_ONLY);
}

/* Votes were not all in, or the only participant says so, or the id never decides (2.2; mistakes 6 and 16). */
static bool may_abort(int state, int event)
{
    if (state == TXN_DELEGATED)
        return event == TXN_ON_ONE_PHASE_ABORTED || event == TXN_ON_ONE_PHASE_NO_RECORD;
    if (state == TXN_ACTIVE)
        return event == TXN_ON_ROLLBACK_REQUEST || event == TXN_ON_COMMIT_REQUEST || event == TXN_ON_TIMEOUT ||
               event == TXN_ON_CLIENT_LOST;
    if (state == TXN_PREPARING)
        return event == TXN_ON_ROLLBACK_REQUEST || event == TXN_ON_VOTE_NO || event == TXN_ON_TIMEOUT ||
               event == TXN_ON_PARTICIPANT_LOST;
    return state == TXN_NONE || state == TXN_JUDGING || state == TXN_LOOKING_UP;
}

/* NULL: it may be. */
static const char *why_never(const struct vow_coord_effect *effect, int state, int event)
{
    const bool is_message = effect->kind == VOW_COORD_SEND || effect->kind == VOW_COORD_REPLY;
    const struct vow_msg *msg = &effect->msg;

    if (is_message && msg->kind == VOW_MSG_DECISION && msg->decision.verdict == VOW_COMMIT)
        return is_committed(state, event) ? NULL : "COMMIT before it is durable (mistake 1)";
    if (is_message && msg->kind == VOW_MSG_DECISION)
        return may_abort(state, event) ? NULL : "ABORT of what may commit, or has";
    if (is_message && msg->kind == VOW_MSG_OUTCOME && msg->outcome.outcome == VOW_COMMITTED)
        return is_committed(state, event) || needs_no_record(state, event) ? NULL : "COMMITTED before it is durable";
    if (is_message && msg->kind == VOW_MSG_OUTCOME && msg->outcome.outcome == VOW_ABORTED)
        return may_abort(state, event) ? NULL : "ABORTED of what may commit, or has";
    if (is_message && msg->kind == VOW_MSG_OUTCOME && msg->outcome.outcome == VOW_PENDING)
        return is_committed(state, event) ? "PENDING of what is committed" : NULL;
    if (is_message && msg->kind == VOW_MSG_WAIT && msg->wait.reason == VOW_WAIT_UNDECIDED)
        return is_committed(state, event) ? "UNDECIDED of what is committed" : NULL;
    if (effect->kind == VOW_COORD_LOG && effect->log.record.kind == VOW_RECORD_COMMIT)
        return state == TXN_PREPARING && event == TXN_ON_VOTE_YES ? NULL : "COMMIT without the last vote";
    if (effect->kind == VOW_COORD_LOG && effect->log.record.kind == VOW_RECORD_END)
        return is_committed(state, event) && (event == TXN_ON_ACK_DONE || state != TXN_COMMITTING)
                   ? NULL
                   : "END before all acknowledgements (mistake 4)";
    return NULL;
}

static void each_cell(void (*one)(int state, int event))
{
    for (int state = 0; state < TXN_STATES; state++) {
        for (int event = 0; event < TXN_EVENTS; event++)
            one(state, event);
    }
}

static void never(int state, int event)
{
    struct stage s;
    char name[96];

    stage_reach(&s, (enum txn_state)state);
    name_cell(state, event, name);
    if (give(&s, event)) {
        for (size_t i = 0; i < s.f.effects.len; i++) {
            const char *why = why_never(&s.f.effects.items[i], state, event);

            cr_expect(why == NULL, "%s: %s", name, why);
        }
    }
    fixture_close(&s.f);
}

Test(cells, I16_what_may_never_be_is_in_no_cell)
{
    each_cell(never);
}

/* ---- twice ---- */

/* What asks the journal is kept until it is answered, once for each who asks. */
static bool asks_journal(const struct stage *s)
{
    return fixture_effect(&s->f, VOW_COORD_LOOKUP, 0) != NULL;
}

static void twice(int state, int event)
{
    struct stage s;
    char name[96];

    stage_reach(&s, (enum txn_state)state);
    name_cell(state, event, name);
    if (event != TXN_ON_LOOKED_UP && event != TXN_ON_FORGET_ORDER && stage_feed(&s, (enum txn_event)event) &&
        !asks_journal(&s)) {
        const uint64_t once = vow_coord_digest(s.f.core);

        stage_feed(&s, (enum txn_event)event);
        cr_expect_eq(vow_coord_digest(s.f.core), once, "%s: the second copy changes the state", name);
        cr_expect_null(fixture_effect(&s.f, VOW_COORD_LOG, 0), "%s: the second copy is logged", name);
    }
    fixture_close(&s.f);
}

Test(cells, I16_a_message_that_comes_twice_is_as_one)
{
    each_cell(twice);
}
