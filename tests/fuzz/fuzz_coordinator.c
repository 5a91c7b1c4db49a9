/*
 * Sequences of messages, connections, log answers, crashes and time against the coordinator's core, from clients,
 * participants and operators that need not be honest. Whatever they say: a COMMIT leaves only after its record is
 * durable (mistake 1), no ABORT once it was handed to the log (mistakes 6, 16), no client is told COMMITTED of what
 * another was told ABORTED of, and what was durable is still told after a restart (guarantee 2).
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
    bool submitted, durable; /* its COMMIT record */
    bool dropped;            /* a participant was told ABORT */
    bool committed, aborted; /* clients were told so */
};

/* What the journal was asked for, when so many records had been handed to it. */
struct asked {
    struct vow_coord_lookup lookup;
    size_t after;
};

static struct fixture f;
static struct fuzz_ids ids;
static struct logged written[RECORDS_MAX];
static size_t written_len;
static struct told told[512];
static size_t told_len;
static uint64_t participants[3]; /* sessions; 0 = not connected */
static struct asked lookups[64];
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

/* Of a one-phase transaction a participant decides, which may say one thing today and another tomorrow. */
static bool is_ours(const struct told *t)
{
    return (vow_gtrid_flags(&t->gtrid) & VOW_GTRID_ONE_PHASE) == 0;
}

static void take_decision(const struct vow_msg_decision *decision)
{
    struct told *t = told_of(&decision->header.gtrid);
    FUZZ_REQUIRE(decision->verdict == VOW_COMMIT ? t->durable : !t->submitted);
    t->dropped = t->dropped || decision->verdict == VOW_ABORT;
}

/* What is told of a key is told of the transaction that it names. */
static void take_outcome(const struct vow_msg_outcome *outcome)
{
    struct told *t = told_of(vow_gtrid_is_none(&outcome->named) ? &outcome->gtrid : &outcome->named);
    if (outcome->outcome == VOW_COMMITTED) {
        FUZZ_REQUIRE(t->durable || !t->submitted);
        t->committed = true;
    }
    if (outcome->outcome == VOW_ABORTED) {
        FUZZ_REQUIRE(!t->submitted);
        t->aborted = true;
    }
    FUZZ_REQUIRE(!(t->committed && t->aborted) || !is_ours(t));
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
    if (record->kind == VOW_RECORD_COMMIT) {
        FUZZ_REQUIRE(!told_of(&record->gtrid)->dropped);
        told_of(&record->gtrid)->submitted = true;
    }
}

static void take_effects(void)
{
    for (size_t i = 0; i < f.effects.len; i++) {
        const struct vow_coord_effect *effect = &f.effects.items[i];
        if (effect->kind == VOW_COORD_LOG)
            take_log(effect);
        else if (effect->kind == VOW_COORD_LOOKUP && lookups_len < sizeof(lookups) / sizeof(lookups[0]))
            lookups[lookups_len++] =
                (struct asked){{.question = effect->lookup.question, .session = effect->session}, written_len};
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
    /* The last two are for participants' ears alone. */
    static const enum vow_msg_kind rare[] = {VOW_MSG_HEURISTIC_REPORT, VOW_MSG_HEURISTIC_REPORT, VOW_MSG_RESOLVED,
                                             VOW_MSG_PEER_INQUIRY, VOW_MSG_PEER_ANSWER};
    const uint64_t session = participants[input_below(in, 3)];
    const uint8_t choice = input_byte(in);
    const enum vow_msg_kind kind = choice < 192 ? kinds[choice % (sizeof(kinds) / sizeof(kinds[0]))]
                                                : rare[choice % (sizeof(rare) / sizeof(rare[0]))];
    struct vow_msg msg;
    if (session == 0 || !fuzz_message(in, &ids, kind, &msg))
        return;
    fixture_send(&f, session, &msg);
    take_effects();
}

static void operator_says(struct input *in)
{
    static const char *const names[] = {"", "stock", "payment", "order"};
    const struct vow_gtrid id = fuzz_id(in, &ids);
    fixture_forget(&f, &id, names[input_below(in, 4)]);
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

/* In order, as a log is; then the answers. */
static void becomes_durable(size_t from, size_t to, size_t count)
{
    for (size_t i = from; i < to && count > 0; i++) {
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

static void log_becomes_durable(struct input *in)
{
    becomes_durable(0, written_len, 1 + input_below(in, 8));
}

static void find(struct vow_coord_lookup *lookup, const struct vow_record *record)
{
    if (record->kind == VOW_RECORD_COMMIT)
        lookup->decided = true;
    if (record->kind == VOW_RECORD_COMMIT || record->kind == VOW_RECORD_READ_ONLY ||
        record->kind == VOW_RECORD_ONE_PHASE) {
        lookup->found = true;
        lookup->outcome = VOW_COMMITTED;
    }
    if (record->kind == VOW_RECORD_ABORTED) {
        lookup->found = true;
        lookup->outcome = VOW_ABORTED;
        lookup->cause = record->cause;
    }
}

/* The oldest question, after all that the journal was handed before it. */
static void journal_answers(void)
{
    if (lookups_len == 0)
        return;
    const struct asked asked = lookups[0];
    struct vow_coord_lookup lookup = asked.lookup;
    memmove(lookups, lookups + 1, --lookups_len * sizeof(lookups[0]));
    becomes_durable(0, asked.after, asked.after);
    for (size_t i = 0; i < written_len; i++) {
        if (written[i].durable && vow_gtrid_equal(&written[i].record.gtrid, &lookup.question.gtrid))
            find(&lookup, &written[i].record);
    }
    fixture_looked_up(&f, &lookup);
    take_effects();
}

/* An END ends the events of its transaction that are before it, and no others (protocol 2.7). */
static bool has_ended(size_t at)
{
    for (size_t i = at; i < written_len; i++) {
        if (written[i].durable && written[i].record.kind == VOW_RECORD_END &&
            vow_gtrid_equal(&written[i].record.gtrid, &written[at].record.gtrid))
            return true;
    }
    return false;
}

/* What was not durable is lost, and with a note what a client was told of it (protocol 2.8). */
static void lose(struct logged *entry)
{
    struct told *t;
    entry->done = true;
    if (entry->durable || vow_gtrid_is_none(&entry->record.gtrid))
        return;
    t = told_of(&entry->record.gtrid);
    if (entry->record.kind == VOW_RECORD_COMMIT)
        t->submitted = t->durable;
    if (entry->record.kind == VOW_RECORD_READ_ONLY)
        t->committed = false;
}

static bool is_open(size_t at)
{
    const enum vow_record_kind kind = written[at].record.kind;
    return written[at].durable && !has_ended(at) &&
           (kind == VOW_RECORD_COMMIT || kind == VOW_RECORD_HAZARD || kind == VOW_RECORD_HEURISTIC ||
            kind == VOW_RECORD_DAMAGE || kind == VOW_RECORD_FORGET);
}

static void recover(bool (*is_meant)(size_t at))
{
    for (size_t i = 0; i < written_len; i++) {
        if (!is_meant(i))
            continue;
        fixture_recovered(&f, &written[i].record);
        take_effects();
    }
}

/* As the journal does: a key that is durable without its COMMIT names nothing. */
static bool is_key(size_t at)
{
    return written[at].durable && written[at].record.kind == VOW_RECORD_KEY &&
           told_of(&written[at].record.gtrid)->durable;
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
    for (size_t i = 0; i < written_len; i++)
        lose(&written[i]);
    recover(is_open);
    recover(is_key);
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
    const uint8_t choice = input_byte(in);
    if (choice >= 252) {
        operator_says(in);
        return;
    }
    switch (choice % 12) {
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
