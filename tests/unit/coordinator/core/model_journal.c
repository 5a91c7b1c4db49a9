/* A network that loses what belongs to a dead connection, a journal that loses what was not flushed. */
#include "model_world.h"

#include <string.h>

void model_post(struct model *m, bool to_coord, uint32_t part, const struct vow_msg *msg)
{
    if (m->parts[part].session == 0 || m->net_len == NET_MAX)
        return; /* lost */
    m->net[m->net_len++] = (struct packet){to_coord, part, m->parts[part].session, m->order++, *msg};
}

static uint32_t part_of_session(const struct model *m, uint64_t session)
{
    for (uint32_t p = 0; p < PARTS; p++) {
        if (m->parts[p].session == session)
            return p;
    }
    return PARTS;
}

static void submit(struct model *m, const struct vow_coord_effect *effect)
{
    struct journal_entry *entry = &m->log[m->log_len];

    if (m->log_len == LOG_MAX) {
        model_broke(m, "the model's log is full");
        return;
    }
    m->log_len++;
    memset(entry, 0, sizeof(*entry));
    if (effect->kind == VOW_COORD_LOOKUP) {
        entry->lookup = true;
        entry->session = effect->session;
        entry->record.gtrid = effect->lookup.question.gtrid;
        entry->question = effect->lookup.question;
        m->totals->lookups++;
        return;
    }
    entry->token = effect->log.token;
    entry->record = effect->log.record;
    if (entry->record.kind == VOW_RECORD_COMMIT && entry->record.branches_len == 0)
        model_broke(m, "a COMMIT record without its yes-list");
    for (uint32_t i = 0; i < entry->record.branches_len; i++)
        entry->branches[i] = effect->log.record.branches[i];
}

static void take_send(struct model *m, const struct vow_coord_effect *effect)
{
    uint32_t part = part_of_session(m, effect->session);

    if (part == PARTS) {
        model_broke(m, "a message to a session that is gone");
        return;
    }
    if (effect->msg.kind == VOW_MSG_DECISION)
        model_check_decision(m, &effect->msg, part);
    model_post(m, false, part, &effect->msg);
}

void model_take_effects(struct model *m)
{
    for (size_t i = 0; i < m->f.effects.len; i++) {
        const struct vow_coord_effect *effect = &m->f.effects.items[i];

        if (effect->kind == VOW_COORD_SEND)
            take_send(m, effect);
        else if (effect->kind == VOW_COORD_REPLY && effect->msg.kind == VOW_MSG_OUTCOME)
            model_check_outcome(m, &effect->msg.outcome);
        else if (effect->kind == VOW_COORD_LOG || effect->kind == VOW_COORD_LOOKUP)
            submit(m, effect);
        else if (effect->kind == VOW_COORD_ALARM)
            model_broke(m, "an alarm among honest participants: %s", effect->alarm.what);
    }
    m->totals->steps++;
}

static void answer_lookup(struct model *m, const struct journal_entry *question)
{
    struct vow_coord_lookup lookup = {.question = question->question, .session = question->session};

    for (size_t i = 0; i < m->flushed; i++) {
        const struct vow_record *record = &m->log[i].record;

        if (!m->log[i].lookup && vow_gtrid_equal(&record->gtrid, &lookup.question.gtrid)) {
            lookup.found = true;
            lookup.outcome = record->kind == VOW_RECORD_ABORTED ? VOW_ABORTED : VOW_COMMITTED;
            lookup.cause = record->cause;
            lookup.decided = record->kind == VOW_RECORD_COMMIT;
        }
    }
    fixture_looked_up(&m->f, &lookup);
    model_take_effects(m);
}

void model_flush(struct model *m, size_t count)
{
    for (size_t i = 0; i < count && m->flushed < m->log_len; i++) {
        struct journal_entry *entry = &m->log[m->flushed];

        m->flushed++;
        entry->record.branches = entry->branches;
        if (entry->lookup) {
            answer_lookup(m, entry);
            continue;
        }
        if (entry->record.kind == VOW_RECORD_COMMIT)
            model_check_commit(m, entry);
        fixture_log_done(&m->f, entry->token);
        model_take_effects(m);
    }
}

bool model_has_ended(const struct model *m, const struct vow_gtrid *id)
{
    for (size_t i = 0; i < m->log_len; i++) {
        if (m->log[i].record.kind == VOW_RECORD_END && vow_gtrid_equal(&m->log[i].record.gtrid, id))
            return true;
    }
    return false;
}

void model_lose_unflushed(struct model *m)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->flushed; i++) {
        if (!m->log[i].lookup) {
            m->log[kept] = m->log[i];
            m->log[kept].record.branches = m->log[kept].branches;
            kept++;
        }
    }
    m->log_len = m->flushed = kept;
}
