/* What must hold at every step. */
#include "model_world.h"

/* Guarantee 2, mistakes 1 and 4: nobody hears COMMIT before the record is durable, and then only the yes-list does. */
void model_check_decision(struct model *m, const struct vow_msg *msg, uint32_t part)
{
    const struct world_txn *t = &m->txns[model_txn_of(m, &msg->decision.header.gtrid)];

    if (msg->decision.verdict == VOW_COMMIT && !t->commit_durable)
        model_broke(m, "COMMIT was sent before the record was durable");
    if (msg->decision.verdict == VOW_COMMIT && (t->yes_list >> part & 1) == 0)
        model_broke(m, "COMMIT was sent to %s, which is not in the yes-list", m->parts[part].name);
    for (uint32_t i = 0; i < m->txns_len; i++) {
        const struct world_txn *other = &m->txns[i];

        if (!other->commit_durable || !vow_gtrid_below(&other->id, msg->decision.watermark))
            continue;
        for (uint32_t p = 0; p < PARTS; p++) {
            if ((other->yes_list >> p & 1) != 0 && m->parts[p].state[i] != COMMITTED)
                model_broke(m, "the watermark passed a transaction that %s has not committed", m->parts[p].name);
        }
    }
}

static bool is_read_only_everywhere(const struct world_txn *t)
{
    return t->voters == 0;
}

/* Guarantee 3: an answer is true and never changes. */
void model_check_outcome(struct model *m, const struct vow_msg_outcome *outcome)
{
    struct world_txn *t = &m->txns[model_txn_of(m, &outcome->gtrid)];

    if (outcome->outcome == VOW_COMMITTED) {
        if (!t->commit_durable && !t->one_phase_committed && !is_read_only_everywhere(t))
            model_broke(m, "a client was told COMMITTED before the record was durable");
        t->told_read_only |= !t->commit_durable && !t->one_phase_committed;
        t->told_committed = true;
    } else if (outcome->outcome == VOW_ABORTED) {
        if (t->commit_durable || t->one_phase_committed)
            model_broke(m, "a client was told ABORTED of a transaction that is committed");
        t->told_aborted = true;
    }
    /* A read-only commit leaves nothing but a note, which a crash may lose; nothing took effect either way. */
    if (t->told_committed && t->told_aborted && !t->told_read_only)
        model_broke(m, "one transaction, two answers");
}

void model_check_commit(struct model *m, const struct journal_entry *entry)
{
    struct world_txn *t = &m->txns[model_txn_of(m, &entry->record.gtrid)];

    t->commit_durable = true;
    for (uint32_t i = 0; i < entry->record.branches_len; i++)
        t->yes_list |= 1u << (uint32_t)(entry->branches[i].name[1] - '0');
    if (t->yes_list != t->voters)
        model_broke(m, "the yes-list is not who voted YES");
    if (t->told_aborted)
        model_broke(m, "a COMMIT record after a client was told ABORTED");
}
