/*
 * Sequences of messages, connections, log answers, crashes and time against the coordinator's core, from clients and
 * participants that need not be honest. Whatever they say: a COMMIT leaves only after its record is durable (mistake
 * 1), no transaction is told both ways, and what was durable is still told after a restart (guarantee 2).
 */
#include <stdbool.h>
#include <string.h>

#include "fixture.h"
#include "input.h"
#include "message.h"
#include "target.h"

#define SESSIONS 6 /* 1 to 3: clients; 4 to 6: participants */
#define RECORDS_MAX 4096
#define STEPS_MAX 400

struct logged {
    uint64_t token;
    bool durable, done;
    struct vow_record record;
    struct vow_record_branch branches[4];
};

/* What became of one transaction, seen from outside. */
struct told {
    struct vow_gtrid gtrid;
    bool durable, committed, aborted, two_phase;
};

static struct fixture f;
static struct fuzz_ids ids;
static struct logged written[RECORDS_MAX];
static size_t written_len;
static struct told told[256];
static size_t told_len;
static uint64_t participants[3]; /* sessions; 0 = not connected */
static struct vow_coord_lookup lookups[64];
static size_t lookups_len;

static struct told *told_of(const struct vow_gtrid *gtrid)
{
    for (size_t i = 0; i < told_len; i++) {
        if (vow_gtrid_equal(&told[i].gtrid, gtrid))
            return &told[i];
    }
    FUZZ_REQUIRE(told_len < sizeof(told) / sizeof(told[0]));
    told[told_len] = (struct told){.gtrid = *gtrid};
    return &told[told_len++];
}

static void take_decision(const struct vow_msg_decision *decision)
{
    struct told *t = told_of(&decision->header.gtrid);
    if (decision->verdict == VOW_COMMIT) {
        FUZZ_REQUIRE(t->durable);
        return;
    }
    FUZZ_REQUIRE(!t->durable);
}

static void take_outcome(const struct vow_msg_outcome *outcome)
{
    struct told *t = told_of(&outcome->gtrid);
    if (outcome->outcome == VOW_COMMITTED)
        t->committed = true;
    if (outcome->outcome == VOW_ABORTED) {
        FUZZ_REQUIRE(!t->durable);
        t->aborted = true;
    }
    /* What was told of a decision in the log never flips; a read-only or one-phase commit has no record of its own. */
    FUZZ_REQUIRE(!(t->durable && t->aborted));
}

static void take_log(const struct vow_coord_effect *effect)
{
    const struct vow_record *record = &effect->log.record;
    if (written_len == RECORDS_MAX)
        return;
    struct logged *entry = &written[written_len++];
    *entry = (struct logged){.token = effect->log.token, .record = *record};
    FUZZ_REQUIRE(record->branches_len <= 4);
    if (record->branches_len > 0)
        memcpy(entry->branches, record->branches, record->branches_len * sizeof(entry->branches[0]));
    entry->record.branches = entry->branches;
    FUZZ_REQUIRE(record->kind != VOW_RECORD_COMMIT || (record->branches_len > 0 && effect->log.forced));
}

static void take_effects(void)
{
    for (size_t i = 0; i < f.effects.len; i++) {
        const struct vow_coord_effect *effect = &f.effects.items[i];
        if (effect->kind == VOW_COORD_LOG)
            take_log(effect);
        else if (effect->kind == VOW_COORD_LOOKUP && lookups_len < sizeof(lookups) / sizeof(lookups[0]))
            lookups[lookups_len++] =
                (struct vow_coord_lookup){.question = effect->lookup.question, .session = effect->session};
        else if (effect->kind == VOW_COORD_SEND && effect->msg.kind == VOW_MSG_DECISION)
            take_decision(&effect->msg.decision);
        else if (effect->kind == VOW_COORD_REPLY && effect->msg.kind == VOW_MSG_OUTCOME)
            take_outcome(&effect->msg.outcome);
    }
}

/* ---- events ---- */

static void client_says(struct input *in)
{
    static const enum vow_msg_kind kinds[] = {VOW_MSG_IDS_REQUEST,      VOW_MSG_BEGIN,
                                              VOW_MSG_COMMIT_REQUEST,   VOW_MSG_COMMIT_REQUEST,
                                              VOW_MSG_ROLLBACK_REQUEST, VOW_MSG_STATUS_REQUEST};
    const uint64_t session = 1 + input_below(in, 3);
    struct vow_msg msg;
    if (!fuzz_message(in, &ids, kinds[input_below(in, sizeof(kinds) / sizeof(kinds[0]))], &msg))
        return;
    fixture_send(&f, session, &msg);
    take_effects();
}

static void participant_says(struct input *in)
{
    static const enum vow_msg_kind kinds[] = {VOW_MSG_VOTE,   VOW_MSG_VOTE,           VOW_MSG_ACK,
                                              VOW_MSG_ENLIST, VOW_MSG_ONE_PHASE_DONE, VOW_MSG_INQUIRY};
    const uint64_t session = participants[input_below(in, 3)];
    struct vow_msg msg;
    if (session == 0 || !fuzz_message(in, &ids, kinds[input_below(in, sizeof(kinds) / sizeof(kinds[0]))], &msg))
        return;
    fixture_send(&f, session, &msg);
    take_effects();
}

static void connect_or_drop(struct input *in)
{
    static const char *const names[] = {"stock", "payment", "order"};
    const uint32_t which = input_below(in, 3);
    if (participants[which] == 0)
        participants[which] = fixture_peer_back(&f, names[which], 1 + input_below(in, 3), (uint8_t)input_below(in, 2));
    else {
        fixture_down(&f, participants[which]);
        participants[which] = 0;
    }
    take_effects();
}

static void log_becomes_durable(struct input *in)
{
    size_t count = 1 + input_below(in, 8);
    /* In order, as a log is; then the answers. */
    for (size_t i = 0; i < written_len && count > 0; i++) {
        if (written[i].done)
            continue;
        written[i].durable = written[i].done = true;
        count--;
        if (written[i].record.kind == VOW_RECORD_COMMIT)
            told_of(&written[i].record.gtrid)->durable = true;
        fixture_log_done(&f, written[i].token);
        take_effects();
    }
}

static void journal_answers(void)
{
    if (lookups_len == 0)
        return;
    struct vow_coord_lookup lookup = lookups[--lookups_len];
    for (size_t i = 0; i < written_len; i++) {
        if (!written[i].durable || !vow_gtrid_equal(&written[i].record.gtrid, &lookup.question.gtrid))
            continue;
        if (written[i].record.kind == VOW_RECORD_COMMIT)
            lookup.found = lookup.decided = true, lookup.outcome = VOW_COMMITTED;
    }
    fixture_looked_up(&f, &lookup);
    take_effects();
}

static bool has_ended(const struct vow_gtrid *gtrid)
{
    for (size_t i = 0; i < written_len; i++) {
        if (written[i].durable && written[i].record.kind == VOW_RECORD_END &&
            vow_gtrid_equal(&written[i].record.gtrid, gtrid))
            return true;
    }
    return false;
}

static void crash(void)
{
    const struct vow_coord_limits limits = f.limits;
    const uint32_t epoch = f.epoch + 1;
    const uint64_t now_ms = f.now_ms, last_session = f.last_session;
    fixture_close(&f);
    fixture_init(&f, &limits, epoch);
    f.now_ms = now_ms;
    f.last_session = last_session;
    ids.epoch = epoch;
    lookups_len = 0;
    memset(participants, 0, sizeof(participants));
    for (size_t i = 0; i < written_len; i++) {
        written[i].done = true; /* what was not durable is lost */
        if (written[i].durable && written[i].record.kind == VOW_RECORD_COMMIT && !has_ended(&written[i].record.gtrid)) {
            fixture_recovered(&f, &written[i].record);
            take_effects();
        }
    }
    fixture_recovery_done(&f);
    take_effects();
}

static void grant(void)
{
    if (ids.len < FUZZ_IDS_MAX)
        ids.ids[ids.len] = fixture_id(&f, ids.len % 3 == 2 ? VOW_GTRID_ONE_PHASE : 0), ids.len++;
}

static void one_event(struct input *in)
{
    switch (input_byte(in) % 12) {
    case 0:
        grant();
        break;
    case 1:
    case 2:
    case 3:
        client_says(in);
        break;
    case 4:
    case 5:
    case 6:
        participant_says(in);
        break;
    case 7:
        connect_or_drop(in);
        break;
    case 8:
        log_becomes_durable(in);
        break;
    case 9:
        journal_answers();
        break;
    case 10:
        fixture_after(&f, input_number(in, 1) * 100);
        take_effects();
        break;
    case 11:
        if (input_below(in, 4) == 0)
            crash();
        else
            fixture_down(&f, 1 + input_below(in, 3)), take_effects();
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, data + size};
    fixture_open(&f);
    f.last_session = SESSIONS;
    ids = (struct fuzz_ids){.epoch = 1};
    written_len = told_len = lookups_len = 0;
    memset(participants, 0, sizeof(participants));
    grant();
    for (int step = 0; step < STEPS_MAX && input_left(&in) > 0; step++)
        one_event(&in);
    fixture_close(&f);
    return 0;
}
