/* What the book knows of disks: log records, store operations, the work that became part of a branch, and dumps. */
#include <string.h>

#include "chaos/sim/book_pages.h"

/* ---- the log ---- */

static void yes_list(struct sim_book *book, struct book_txn *txn, const struct vow_record *record)
{
    for (uint32_t i = 0; i < record->branches_len; i++) {
        uint8_t node = sim_book_named(book, record->branches[i].name);

        if (node != SIM_NODE_NONE) {
            txn->yes_list |= sim_bit(node);
            book_find_share(book, txn, node)->is_on_yes_list = true;
        }
    }
}

static void log_asked(struct sim_book *book, struct book_txn *txn, const struct book_node *node,
                      const struct sim_sight *sight)
{
    switch ((int)sight->log.record->kind) {
    case VOW_RECORD_COMMIT:
        txn->commit_log_asked = sight->seq;
        txn->commit_log_life = node->life;
        yes_list(book, txn, sight->log.record);
        break;
    case VOW_RECORD_END:
        book_first(&txn->end_asked, sight->seq);
        break;
    case VOW_RECORD_ABORTED:
        if (txn->cause_told == 0)
            txn->abort_cause = sight->log.record->cause;
        if (txn->aborted == 0)
            txn->aborted_life = node->life;
        book_first(&txn->cause_told, sight->seq);
        book_first(&txn->aborted, sight->seq);
        break;
    case VOW_RECORD_READ_ONLY:
        book_first(&txn->read_only, sight->seq);
        break;
    case VOW_RECORD_FORGET:
        txn->forget_life = txn->forgot == 0 ? node->life : txn->forget_life;
        break;
    default:
        break;
    }
}

/* The word covers what was noted before it, and nothing that comes later. */
static void forgot(struct book_txn *txn, uint64_t lsn, book_moment now)
{
    book_first(&txn->forgot, now);
    for (struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->noted != 0 && share->noted_lsn < lsn)
            book_first(&share->forgiven, now);
    }
}

static void log_durable(struct book_txn *txn, uint32_t kind, uint64_t lsn, book_moment now)
{
    switch (kind) {
    case VOW_RECORD_COMMIT:
        if (txn->committed == 0)
            txn->commit_lsn = lsn;
        book_first(&txn->committed, now);
        break;
    case VOW_RECORD_END:
        book_first(&txn->ended, now);
        break;
    case VOW_RECORD_ABORTED:
        book_first(&txn->aborted_durable, now);
        book_first(&txn->aborted, now);
        break;
    case VOW_RECORD_READ_ONLY:
        book_first(&txn->read_only_durable, now);
        break;
    case VOW_RECORD_ONE_PHASE:
        book_first(&txn->one_phase_durable, now);
        break;
    case VOW_RECORD_HAZARD:
        book_first(&txn->hazard, now);
        break;
    case VOW_RECORD_DAMAGE:
        book_first(&txn->damage, now);
        break;
    case VOW_RECORD_FORGET:
        forgot(txn, lsn, now);
        break;
    default:
        break;
    }
}

/* HEURISTIC is durable. */
static void noted(struct sim_book *book, struct book_txn *txn, const char *who, uint64_t lsn, book_moment now)
{
    const uint8_t node = sim_book_named(book, who);
    struct book_share *share = node != SIM_NODE_NONE ? book_find_share(book, txn, node) : NULL;

    if (share == NULL || (share->noted != 0 && !share->is_note_lost))
        return;
    share->is_note_lost = false;
    share->forgiven = 0;
    share->noted = now;
    share->noted_lsn = lsn;
}

void book_looked_up(struct sim_book *book, const struct sim_sight *sight)
{
    struct book_txn *txn = book_find_txn(book, &sight->gtrid);

    if (txn == NULL)
        return;
    for (struct book_share *share = txn->shares; share != NULL; share = share->next)
        share->is_note_lost = share->noted != 0 && share->noted_lsn <= sight->looked_up.cut_lsn;
}

void book_log(struct sim_book *book, const struct book_node *node, const struct sim_sight *sight)
{
    struct book_txn *txn = book_find_txn(book, &sight->log.record->gtrid);

    if (txn == NULL)
        return;
    if (sight->kind == SIM_SEEN_LOG_DONE) {
        if (sight->log.record->kind == VOW_RECORD_DAMAGE)
            txn->damage_told = sight->seq;
        if (sight->log.record->kind == VOW_RECORD_COMMIT)
            txn->commit_told = sight->seq;
    } else if (sight->kind == SIM_SEEN_LOG_ASKED)
        log_asked(book, txn, node, sight);
    else if (sight->log.record->kind == VOW_RECORD_HEURISTIC)
        noted(book, txn, sight->log.record->who, sight->log.lsn, sight->seq);
    else
        log_durable(txn, sight->log.record->kind, sight->log.lsn, sight->seq);
}

/* ---- work ---- */

static void drop_after(struct book_share *share, struct book_change *keep)
{
    share->compared = keep;
    share->last = keep;
    if (keep != NULL)
        keep->next = NULL;
    else
        share->first = NULL;
}

void book_worked(struct sim_book *book, const struct sim_sight *sight)
{
    struct book_txn *txn = book_find_txn(book, &sight->gtrid);
    struct book_share *share = txn != NULL ? book_find_share(book, txn, sight->node) : NULL;
    struct book_change *entry;
    size_t bytes = sight->change.list_len * sizeof(int64_t);

    if (share == NULL)
        return;
    if (sight->change.is_first)
        drop_after(share, share->confirmed);
    entry = sim_memory_take(book->memory, sizeof(*entry));
    entry->change = sight->change;
    entry->change.node = sight->node;
    entry->change.list = NULL;
    if (bytes > 0)
        entry->change.list = memcpy(sim_memory_take(book->memory, bytes), sight->change.list, bytes);
    entry->prev = share->last;
    if (share->last != NULL)
        share->last->next = entry;
    else
        share->first = entry;
    share->last = entry;
}

/* ---- the store ---- */

static bool is_by_hand(enum vow_store_op_kind op)
{
    return op == VOW_STORE_HEURISTIC_COMMIT || op == VOW_STORE_HEURISTIC_ABORT;
}

static void store_asked(struct book_share *share, struct book_node *node, const struct sim_sight *sight)
{
    share->worked = 0;
    share->asked_life = sight->life;
    share->asked_op = sight->store.op;
    if (sight->store.op == VOW_STORE_ABORT) {
        node->heard++;
        share->works = 0;
        book_gone(share, node);
    }
    if (sight->store.op == VOW_STORE_WORK || (sight->store.op == VOW_STORE_ABORT && share->on_disk == 0))
        share->drop_life = sight->life;
    if (sight->store.op == VOW_STORE_PREPARE || sight->store.op == VOW_STORE_ONE_PHASE)
        share->prepare_asked = sight->seq;
    if (sight->store.op == VOW_STORE_COMMIT || sight->store.op == VOW_STORE_ABORT || is_by_hand(sight->store.op))
        share->ending_asked = sight->seq;
    if (sight->store.op == VOW_STORE_ABORT)
        book_first(&share->abort_asked, sight->seq);
    if (sight->store.op == VOW_STORE_SETTLE) {
        share->settle_asked = sight->seq;
        share->settled = sight->store.verdict;
    }
    if (sight->store.op == VOW_STORE_FORGET && share->heuristic != 0)
        book_first(&share->damage_drop_asked, sight->seq);
}

/* What a tombstone keeps away is a duplicate: the work that it was of is done, and stays. */
static void work_refused(struct book_share *share)
{
    if (sim_share_applied(share) == 0)
        share->confirmed = NULL;
    drop_after(share, share->confirmed);
}

static void prepare_done(struct book_share *share, const struct book_node *node, const struct sim_sight *sight)
{
    if (sight->store.result == VOW_STORE_DONE) {
        book_first(&share->yes, sight->seq);
        share->last_yes = sight->seq;
        share->yes_life = node->life;
        share->yes_epoch = sight->store.epoch;
        share->on_disk = SIM_BRANCH_PREPARED;
        share->confirmed = share->last;
    } else if (sight->store.result == VOW_STORE_READ_ONLY) {
        book_first(&share->read_only, sight->seq);
        share->confirmed = share->last;
    } else {
        book_first(&share->refused, sight->seq);
        share->refused_cause = sight->store.cause;
        share->no_life = node->life;
        work_refused(share);
    }
}

static void one_phase_done(struct book_share *share, const struct sim_sight *sight)
{
    if (sight->store.result == VOW_STORE_DONE) {
        book_first(&share->committed, sight->seq);
        book_first(&share->committed_alone, sight->seq);
        share->on_disk = SIM_BRANCH_MEMO;
        share->confirmed = share->last;
    } else if (sight->store.result == VOW_STORE_READ_ONLY) {
        book_first(&share->one_phase_read_only, sight->seq);
        share->confirmed = share->last;
    } else {
        book_first(&share->refused, sight->seq);
        share->refused_cause = sight->store.cause;
        work_refused(share);
    }
}

static void work_done(struct book_share *share, const struct sim_sight *sight)
{
    if (sight->store.result == VOW_STORE_DONE)
        share->confirmed = share->last;
    else
        drop_after(share, share->confirmed);
}

static void abort_done(struct book_share *share, const struct sim_sight *sight)
{
    if (share->on_disk == SIM_BRANCH_PREPARED) {
        book_first(&share->aborted, sight->seq);
        share->on_disk = 0;
    } else {
        book_first(&share->dropped, sight->seq);
    }
}

/*
 * The tombstone of a branch that was committed by hand goes when it turns out to have been aborted. A harmed disk may
 * have brought the branch back: then it is ended anew, and the store knows of nothing else.
 */
static void by_hand(struct book_share *share, enum vow_verdict verdict, book_moment now)
{
    if (share->heuristic == 0 || share->on_disk == SIM_BRANCH_PREPARED)
        share->heuristic_verdict = verdict;
    book_first(&share->heuristic, now);
    share->has_record = true;
    share->on_disk = verdict == VOW_COMMIT ? SIM_BRANCH_COMMITTED : 0;
}

static void settle_done(struct book_share *share, const struct sim_sight *sight)
{
    if (sight->store.result != VOW_STORE_DONE || share->heuristic == 0)
        return;
    share->record_says = share->settled;
    share->has_record = share->settled != share->heuristic_verdict;
    if (share->has_record)
        share->on_disk = 0;
}

static void store_done(struct book_share *share, const struct book_node *node, const struct sim_sight *sight)
{
    switch ((int)sight->store.op) {
    case VOW_STORE_PREPARE:
        prepare_done(share, node, sight);
        break;
    case VOW_STORE_ONE_PHASE:
        one_phase_done(share, sight);
        break;
    case VOW_STORE_WORK:
        work_done(share, sight);
        break;
    case VOW_STORE_COMMIT:
        /* Of one that was committed by hand it finds the tombstone. */
        if (sight->store.result == VOW_STORE_DONE) {
            if (share->heuristic_verdict != VOW_COMMIT)
                book_first(&share->committed, sight->seq);
            share->on_disk = SIM_BRANCH_COMMITTED;
        }
        break;
    case VOW_STORE_ABORT:
        abort_done(share, sight);
        break;
    case VOW_STORE_HEURISTIC_COMMIT:
    case VOW_STORE_HEURISTIC_ABORT:
        if (sight->store.result == VOW_STORE_DONE)
            by_hand(share, sight->store.op == VOW_STORE_HEURISTIC_COMMIT ? VOW_COMMIT : VOW_ABORT, sight->seq);
        break;
    case VOW_STORE_SETTLE:
        settle_done(share, sight);
        break;
    case VOW_STORE_FORGET:
        share->on_disk = 0;
        share->has_record = false;
        break;
    default:
        break;
    }
}

/* Prepared, or prepared as before, because a heuristic was refused. */
static bool is_in_doubt_now(const struct sim_sight *sight)
{
    return (sight->store.op == VOW_STORE_PREPARE && sight->store.result == VOW_STORE_DONE) ||
           (is_by_hand(sight->store.op) && sight->store.result == VOW_STORE_REFUSED);
}

static void store_told(struct book_share *share, const struct book_node *node, const struct sim_sight *sight)
{
    if (sight->store.op == share->asked_op) /* something older than the newest may be told */
        share->asked_life = 0;
    if (is_in_doubt_now(sight)) {
        share->told_yes = sight->seq;
        share->told_yes_us = sight->at_us;
    }
    if (sight->store.op != VOW_STORE_WORK || sight->store.result != VOW_STORE_DONE)
        return;
    if (share->works_life != node->life)
        share->works = 0;
    share->works_life = node->life;
    share->works++;
    share->worked = sight->seq;
    share->worked_us = sight->at_us;
}

void book_store(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    struct book_txn *txn = book_find_txn(book, &sight->gtrid);
    struct book_share *share;

    if (txn == NULL)
        return;
    share = book_find_share(book, txn, sight->node);
    /* A peer's question is looked up beside whatever else the store does for the branch. */
    if (sight->store.op == VOW_STORE_RECALL)
        return;
    if (sight->kind == SIM_SEEN_STORE_ASKED)
        store_asked(share, node, sight);
    else if (sight->kind == SIM_SEEN_STORE_DONE)
        store_done(share, node, sight);
    else
        store_told(share, node, sight);
}

/* ---- dumps ---- */

/*
 * After a sync that failed, what a life finds may be in the page cache alone, and it is the start that writes it again
 * (F105). If that life never came up, nobody built upon it.
 */
static void disown_found(struct sim_book *book, const struct book_node *node)
{
    if (node->served > node->disk_read || node->disk_read == 0)
        return;
    for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        if (txn->committed == node->disk_read)
            txn->committed = 0;
    }
}

/* A crash in the middle of a commit: what the disk kept is what counts (F007, F036). */
static void journal_found(struct sim_book *book, const struct sim_dump_journal *journal, const struct book_node *node,
                          book_moment now)
{
    disown_found(book, node);
    for (uint32_t i = 0; i < journal->events_len; i++) {
        struct book_txn *txn = vow_record_is_saga((enum vow_record_kind)journal->events[i].kind)
                                   ? NULL
                                   : book_find_txn(book, &journal->events[i].gtrid);

        if (txn != NULL && journal->events[i].kind == VOW_RECORD_HEURISTIC)
            noted(book, txn, journal->events[i].who, journal->events[i].lsn, now);
        else if (txn != NULL)
            log_durable(txn, journal->events[i].kind, journal->events[i].lsn, now);
    }
}

static void heuristics_found(struct sim_book *book, const struct sim_dump_store *store, const struct sim_sight *sight)
{
    for (uint32_t i = 0; i < store->heuristics_len; i++) {
        struct book_txn *txn = book_find_txn(book, &store->heuristics[i].gtrid);

        struct book_share *share = txn != NULL ? book_find_share(book, txn, sight->node) : NULL;

        if (share == NULL || share->heuristic != 0)
            continue;
        by_hand(share, store->heuristics[i].verdict, sight->seq);
        share->stood = share->on_disk;
    }
}

static const struct sim_dump_branch *find_found(const struct sim_dump_store *store, const struct vow_gtrid *gtrid)
{
    for (uint32_t i = 0; i < store->branches_len; i++) {
        if (vow_gtrid_equal(&store->branches[i].gtrid, gtrid))
            return &store->branches[i];
    }
    return NULL;
}

/* A COMMIT was under way, it was done, and nobody waits for the tombstone any more. */
static void find_gone(struct sim_book *book, const struct sim_dump_store *store, const struct sim_sight *sight)
{
    for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        struct book_share *share = sim_txn_share(txn, sight->node);

        if (share != NULL && share->asked_op == VOW_STORE_COMMIT && share->abort_asked == 0 &&
            sim_share_stands(book, share) == SIM_BRANCH_PREPARED && find_found(store, &txn->gtrid) == NULL)
            book_first(&share->committed, sight->seq);
    }
}

/* As of a journal (disown_found()), of one-phase commits: the others are committed again. */
static void disown_memos(struct sim_book *book, const struct book_node *node, uint8_t index)
{
    if (node->served > node->disk_read || node->disk_read == 0)
        return;
    for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        struct book_share *share = sim_txn_share(txn, index);

        if (share != NULL && share->committed_alone == node->disk_read)
            share->committed = share->committed_alone = 0;
    }
}

static bool has_heuristic(const struct sim_dump_store *store, const struct vow_gtrid *gtrid)
{
    for (uint32_t i = 0; i < store->heuristics_len; i++) {
        if (vow_gtrid_equal(&store->heuristics[i].gtrid, gtrid))
            return true;
    }
    return false;
}

/* And of what was done by hand, if it is gone: the branch is in doubt again. */
static void disown_heuristics(struct sim_book *book, const struct sim_dump_store *store, const struct book_node *node,
                              const struct sim_sight *sight)
{
    if (node->served > node->disk_read || node->disk_read == 0)
        return;
    for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        struct book_share *share = sim_txn_share(txn, sight->node);

        if (share == NULL || share->heuristic != node->disk_read || has_heuristic(store, &txn->gtrid))
            continue;
        share->heuristic = 0;
        share->heuristic_verdict = 0;
        share->has_record = false;
        share->stood = SIM_BRANCH_PREPARED;
        share->disowned = sight->seq;
    }
}

static void store_found(struct sim_book *book, const struct sim_dump_store *store, const struct book_node *node,
                        const struct sim_sight *sight)
{
    disown_memos(book, node, sight->node);
    disown_heuristics(book, store, node, sight);
    heuristics_found(book, store, sight);
    for (uint32_t i = 0; i < store->branches_len; i++) {
        const struct sim_dump_branch *branch = &store->branches[i];
        struct book_txn *txn = book_find_txn(book, &branch->gtrid);
        struct book_share *share = txn != NULL ? book_find_share(book, txn, sight->node) : NULL;

        if (share == NULL)
            continue;
        if (branch->state == SIM_BRANCH_PREPARED && share->yes == 0) {
            share->yes = share->last_yes = sight->seq;
            share->yes_life = node->life;
            share->yes_epoch = branch->epoch;
            share->confirmed = share->last;
        }
        if (branch->state == SIM_BRANCH_COMMITTED && share->heuristic == 0)
            book_first(&share->committed, sight->seq);
        if (branch->state == SIM_BRANCH_MEMO && share->committed == 0) {
            share->committed = share->committed_alone = sight->seq;
            share->confirmed = share->last;
        }
    }
}

void book_disk(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    const struct sim_dump *dump = sight->disk.dump;

    if (!dump->is_readable)
        return;
    if (dump->is_journal)
        journal_found(book, &dump->journal, node, sight->seq);
    else
        store_found(book, &dump->store, node, sight);
    if (!dump->is_journal && node->harm == 0)
        find_gone(book, &dump->store, sight);
}

/* From now on the disk is as it was found: an ABORT that was under way may have been done. */
void book_disk_settle(struct sim_book *book, const struct sim_sight *sight)
{
    const struct sim_dump *dump = sight->disk.dump;

    if (!dump->is_readable)
        return;
    if (dump->is_journal) {
        book->nodes[sight->node].disk_read = sight->seq;
        return;
    }
    for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        struct book_share *share = sim_txn_share(txn, sight->node);

        if (share == NULL)
            continue;
        share->stood = sim_share_stands(book, share);
        if (share->on_disk == SIM_BRANCH_PREPARED && share->abort_asked != 0 &&
            find_found(&dump->store, &txn->gtrid) == NULL)
            book_first(&share->aborted, sight->seq);
        share->on_disk = 0;
        share->has_record = false;
        share->record_says = 0;
        /* Work that was not prepared went with the process. */
        if (share->yes == 0 && share->committed == 0 && share->read_only == 0) {
            share->confirmed = NULL;
            drop_after(share, NULL);
        }
    }
    for (uint32_t i = 0; dump->store.branches != NULL && i < dump->store.branches_len; i++) {
        const struct sim_dump_branch *branch = &dump->store.branches[i];
        struct book_txn *txn = sim_book_find(book, &branch->gtrid);

        if (txn != NULL)
            book_find_share(book, txn, sight->node)->on_disk = branch->state;
    }
    for (uint32_t i = 0; i < dump->store.heuristics_len; i++) {
        struct book_txn *txn = sim_book_find(book, &dump->store.heuristics[i].gtrid);
        struct book_share *share = txn != NULL ? book_find_share(book, txn, sight->node) : NULL;

        if (share == NULL)
            continue;
        share->has_record = true;
        share->record_says = dump->store.heuristics[i].decided;
    }
    book->nodes[sight->node].disk_read = sight->seq;
}
