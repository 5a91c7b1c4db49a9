#include "chaos/sim/marks.h"

#include <string.h>

#define HIT(marks, number, condition) ((marks)->hit[SIM_MARK_##number] = (marks)->hit[SIM_MARK_##number] || (condition))

/* The shortest time for votes that a world draws (options.c). */
#define PAUSE_LONG_US UINT64_C(500000)
/* F077: flapping within 50 ms to 5 s. */
#define FLAPS_WITHIN_US UINT64_C(5000000)

struct row {
    const char *number, *text;
    uint32_t within;
    bool is_of_sagas, is_of_events;
};

/* clang-format off */
static const struct row rows[] = {
#define MARK(number, within, text) {#number, text, within, false, false},
#define SAGA_MARK(number, within, text) {#number, text, within, true, false},
#define EVENT_MARK(number, within, text) {#number, text, within, false, true},
#include "chaos/sim/marks.def"
#undef MARK
};
/* clang-format on */

const char *sim_mark_number(enum sim_mark mark)
{
    return rows[mark].number;
}

const char *sim_mark_text(enum sim_mark mark)
{
    return rows[mark].text;
}

uint32_t sim_mark_within(enum sim_mark mark)
{
    return rows[mark].within;
}

bool sim_mark_is_of_sagas(enum sim_mark mark)
{
    return rows[mark].is_of_sagas;
}

bool sim_mark_is_of_events(enum sim_mark mark)
{
    return rows[mark].is_of_events;
}

void sim_marks_begin(struct sim_marks *marks, const struct sim_book *book, const struct sim_ledger *ledger)
{
    memset(marks, 0, sizeof(*marks));
    marks->book = book;
    marks->ledger = ledger;
}

/* ---- a coordinator crashes ---- */

/* How far a transaction had come, counted over its participants. */
struct count {
    uint32_t shares, enlisted, asked, yes, read_only, no, votes, told, acks, listed, alone, alone_done;
};

static struct count count_shares(const struct book_txn *txn, uint32_t life)
{
    struct count n = {0};

    for (const struct book_share *s = txn->shares; s != NULL; s = s->next) {
        bool has_voted = s->vote_got != 0 && s->vote_life == life;

        n.shares++;
        n.enlisted += s->enlisted != 0;
        n.asked += s->prepare_sent != 0;
        n.votes += has_voted;
        n.yes += has_voted && s->vote == VOW_VOTE_YES;
        n.read_only += has_voted && s->vote == VOW_VOTE_READ_ONLY;
        n.no += has_voted && s->vote == VOW_VOTE_NO;
        n.told += s->commit_sent != 0;
        n.acks += s->ack_got != 0;
        n.listed += s->is_on_yes_list;
        n.alone += s->one_phase_sent != 0;
        n.alone_done += s->one_phase_got != 0;
    }
    return n;
}

static void undecided(struct sim_marks *marks, const struct book_txn *txn, const struct count *n, bool is_asked,
                      bool in_commit)
{
    HIT(marks, F002, n->shares == 0);
    HIT(marks, F003, n->enlisted > 0 && n->asked == 0);
    HIT(marks, F004, n->asked > 0 && n->votes == 0);
    HIT(marks, F005, n->yes > 0 && n->votes < n->asked);
    HIT(marks, F006, n->asked > 0 && n->yes + n->read_only == n->asked && is_asked);
    HIT(marks, F007, is_asked && in_commit);
    HIT(marks, F015, n->alone > 0 && n->alone_done == 0);
    HIT(marks, F016, n->read_only > 0 && txn->read_only == 0);
}

static void committed(struct sim_marks *marks, const struct book_txn *txn, const struct count *n)
{
    HIT(marks, F008, n->told == 0);
    HIT(marks, F009, n->told > 0 && n->acks < n->listed);
    HIT(marks, F010, txn->committed_sent != 0 && n->acks == 0);
    HIT(marks, F011, n->acks >= n->listed && txn->ended == 0);
}

static void coordinator_crashed(struct sim_marks *marks, const struct sim_sight *sight)
{
    const struct book_node *node = &marks->book->nodes[sight->node];
    uint32_t under_way = 0;

    HIT(marks, F013, sight->crashed.in_recovery);
    for (const struct book_txn *txn = marks->book->txns; txn != NULL; txn = txn->next) {
        struct count n;
        bool is_asked = txn->commit_log_asked != 0 && txn->commit_log_life == node->life && txn->committed == 0;

        if (txn->coord != sight->node)
            continue;
        n = count_shares(txn, node->life);
        under_way += is_asked;
        if (txn->began != 0 && txn->began_life == node->life && txn->committed == 0 && txn->aborted == 0)
            undecided(marks, txn, &n, is_asked, sight->crashed.in_commit);
        if (txn->committed != 0 && txn->ended == 0)
            committed(marks, txn, &n);
        HIT(marks, F014, n.no > 0);
    }
    HIT(marks, F018, under_way > 1 && sight->crashed.in_commit && sight->crashed.how == SIM_CRASH_POWER);
}

/* ---- a participant crashes ---- */

static bool is_in_doubt(const struct book_share *share)
{
    return share->on_disk == SIM_BRANCH_PREPARED;
}

/* Joined work that nobody has asked to prepare. */
static bool is_active(const struct book_share *share)
{
    return share->confirmed != NULL && share->yes == 0 && share->read_only == 0 && share->committed == 0 &&
           share->prepare_received == 0 && share->dropped == 0;
}

static void branch_crashed(struct sim_marks *marks, const struct book_txn *txn, const struct book_share *share,
                           const struct sim_sight *sight)
{
    bool is_applying = share->commit_received != 0 && share->committed == 0;
    bool is_preparing = share->prepare_asked > share->last_yes && share->prepare_asked > share->refused &&
                        share->read_only == 0 && share->committed == 0;

    HIT(marks, F030, share->prepare_sent != 0 && share->prepare_received == 0 && txn->aborted == 0);
    HIT(marks, F031, is_active(share));
    HIT(marks, F032, is_preparing && sight->crashed.in_commit && sight->crashed.how == SIM_CRASH_POWER);
    HIT(marks, F033, is_in_doubt(share) && share->yes_sent == 0);
    HIT(marks, F035, is_applying && is_in_doubt(share));
    HIT(marks, F036, is_applying && sight->crashed.in_commit);
    HIT(marks, F037, share->committed != 0 && share->is_on_yes_list && share->ack_got == 0);
    HIT(marks, F038, share->abort_received != 0 && is_in_doubt(share));
}

typedef void share_fn(struct sim_marks *marks, const struct book_txn *txn, const struct book_share *share,
                      const struct sim_sight *sight);

static void each_share(struct sim_marks *marks, const struct sim_sight *sight, uint8_t node, share_fn *one)
{
    for (const struct book_txn *txn = marks->book->txns; txn != NULL; txn = txn->next) {
        const struct book_share *share = sim_txn_share(txn, node);

        if (share != NULL)
            one(marks, txn, share, sight);
    }
}

/* ---- processes ---- */

static void branch_up(struct sim_marks *marks, const struct book_txn *txn, const struct book_share *share,
                      const struct sim_sight *sight)
{
    (void)txn, (void)sight;
    HIT(marks, F034, is_in_doubt(share));
}

static void branch_paused(struct sim_marks *marks, const struct book_txn *txn, const struct book_share *share,
                          const struct sim_sight *sight)
{
    (void)txn, (void)sight;
    HIT(marks, F047, is_in_doubt(share));
}

static void branch_unlinked(struct sim_marks *marks, const struct book_txn *txn, const struct book_share *share,
                            const struct sim_sight *sight)
{
    (void)txn, (void)sight;
    HIT(marks, F041, is_in_doubt(share));
    HIT(marks, F042, is_active(share));
}

static bool owes(const struct book_txn *txn, const struct book_share *share)
{
    return is_in_doubt(share) || (share->committed != 0 && txn->ended == 0);
}

static void branch_lost(struct sim_marks *marks, const struct book_txn *txn, const struct book_share *share,
                        const struct sim_sight *sight)
{
    HIT(marks, F044, sight->fault.fault == SIM_FAULT_WIPE && owes(txn, share));
    HIT(marks, F045, sight->fault.fault == SIM_FAULT_RESTORE && owes(txn, share));
}

/* It stood still for longer than the shortest time that a world gives a vote. */
static void coordinator_resumed(struct sim_marks *marks, const struct sim_sight *sight)
{
    const bool is_long = sight->at_us - marks->paused_us[sight->node] >= PAUSE_LONG_US;
    const struct book_node *node = &marks->book->nodes[sight->node];

    for (const struct book_txn *txn = marks->book->txns; txn != NULL && is_long; txn = txn->next) {
        const bool is_deciding = txn->commit_log_asked != 0 && txn->commit_log_life == node->life &&
                                 txn->commit_log_asked < marks->paused[sight->node] && txn->committed == 0;

        HIT(marks, F019, txn->coord == sight->node && is_deciding);
    }
}

/* What the client has under way, and has not been told of. */
static bool is_waited_for(const struct book_txn *txn, const struct sim_sight *sight)
{
    return txn->client == sight->node && txn->client_life == sight->life && txn->told == 0 && txn->given_up == 0;
}

static void client_crashed(struct sim_marks *marks, const struct sim_sight *sight)
{
    for (const struct book_txn *txn = marks->book->txns; txn != NULL; txn = txn->next) {
        const bool is_open = is_waited_for(txn, sight) && txn->began != 0 && txn->aborted == 0 && txn->committed == 0;

        HIT(marks, F060, is_open && txn->commit_asked == 0 && txn->rollback_asked == 0);
        HIT(marks, F061, is_open && txn->commit_requested != 0);
    }
}

static void client_unlinked(struct sim_marks *marks, const struct sim_sight *sight)
{
    for (const struct book_txn *txn = marks->book->txns; txn != NULL; txn = txn->next)
        HIT(marks, F066, is_waited_for(txn, sight) && txn->commit_asked != 0);
}

static void see_process(struct sim_marks *marks, const struct sim_sight *sight, const struct book_node *node)
{
    bool is_coordinator = node->role == SIM_COORDINATOR, is_participant = node->role == SIM_PARTICIPANT;

    switch ((int)sight->kind) {
    case SIM_SEEN_CRASHED:
        if (is_coordinator)
            coordinator_crashed(marks, sight);
        HIT(marks, F040, is_participant && sight->crashed.in_recovery);
        if (is_participant)
            each_share(marks, sight, sight->node, branch_crashed);
        if (node->role == SIM_CLIENT)
            client_crashed(marks, sight);
        break;
    case SIM_SEEN_UP:
        if (is_participant && sight->life > 1)
            each_share(marks, sight, sight->node, branch_up);
        break;
    case SIM_SEEN_PAUSED:
        marks->paused[sight->node] = sight->seq;
        marks->paused_us[sight->node] = sight->at_us;
        if (is_participant)
            each_share(marks, sight, sight->node, branch_paused);
        break;
    case SIM_SEEN_RESUMED:
        if (is_coordinator)
            coordinator_resumed(marks, sight);
        break;
    case SIM_SEEN_UNLINKED:
        if (is_participant)
            each_share(marks, sight, sight->node, branch_unlinked);
        else if (node->role == SIM_CLIENT)
            client_unlinked(marks, sight);
        break;
    default:
        break;
    }
}

/* ---- messages ---- */

static void coordinator_received(struct sim_marks *marks, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct vow_msg *msg = sight->message.msg;
    bool is_late_yes = msg->kind == VOW_MSG_VOTE && msg->vote.vote == VOW_VOTE_YES && txn->aborted != 0;
    bool was_asked = false;

    for (const struct book_share *s = txn->shares; s != NULL; s = s->next)
        was_asked = was_asked || s->prepare_sent != 0;
    HIT(marks, F017, is_late_yes && txn->abort_cause == VOW_CAUSE_VOTE_TIMEOUT);
    if (sight->peer < marks->book->nodes_len)
        HIT(marks, F046, is_late_yes && marks->book->nodes[sight->peer].faults[SIM_FAULT_PAUSE] > 0);
    HIT(marks, F049, msg->kind == VOW_MSG_ENLIST && (was_asked || txn->aborted != 0));
    HIT(marks, F082, sim_msg_header(msg) != NULL && txn->ended != 0);
    HIT(marks, F065, msg->kind == VOW_MSG_ROLLBACK_REQUEST && txn->commit_requested != 0);
    HIT(marks, F068, msg->kind == VOW_MSG_ROLLBACK_REQUEST && was_asked && txn->committed == 0);
    HIT(marks, F062, msg->kind == VOW_MSG_COMMIT_REQUEST && txn->commit_requested < sight->seq);
    HIT(marks, F064,
        msg->kind == VOW_MSG_STATUS_REQUEST && txn->began_life != 0 &&
            txn->began_life < marks->book->nodes[sight->node].life);
}

static void decision_received(struct sim_marks *marks, const struct sim_sight *sight, const struct book_txn *txn,
                              const struct book_share *share)
{
    bool is_commit = sight->message.msg->decision.verdict == VOW_COMMIT;
    bool is_below = vow_gtrid_below(&txn->gtrid, marks->book->nodes[sight->node].known);
    bool is_preparing = share->prepare_asked > share->last_yes && share->prepare_asked > share->refused;

    HIT(marks, F039, is_commit && share->on_disk == 0 && is_below);
    HIT(marks, F051, is_commit && share->on_disk == 0 && !is_below);
    HIT(marks, F050, !is_commit && is_preparing && share->read_only == 0);
    HIT(marks, F053, !is_commit && share->prepare_asked == 0 && share->confirmed == NULL);
    HIT(marks, F056, share->heuristic != 0 && share->heuristic_verdict != sight->message.msg->decision.verdict);
}

static void participant_received(struct sim_marks *marks, const struct sim_sight *sight, const struct book_txn *txn)
{
    const struct vow_msg *msg = sight->message.msg;
    const struct book_share *share = sim_txn_share(txn, sight->node);

    if (share == NULL)
        return;
    if (msg->kind == VOW_MSG_DECISION)
        decision_received(marks, sight, txn, share);
    HIT(marks, F048, msg->kind == VOW_MSG_PREPARE && share->abort_received != 0);
    HIT(marks, F082,
        sim_msg_header(msg) != NULL && sim_msg_header(msg)->epoch < marks->book->nodes[sight->node].epoch_known);
}

static void see_message(struct sim_marks *marks, const struct sim_sight *sight, const struct book_node *node)
{
    const struct book_txn *txn = sim_book_find(marks->book, &node->input.gtrid);

    if (sight->kind == SIM_SEEN_SENT) {
        const struct vow_msg *msg = sight->message.msg;

        HIT(marks, F067, msg->kind == VOW_MSG_OUTCOME && msg->outcome.cause == VOW_CAUSE_TXN_TIMEOUT);
        return;
    }
    if (txn != NULL && node->role == SIM_COORDINATOR)
        coordinator_received(marks, sight, txn);
    else if (txn != NULL && node->role == SIM_PARTICIPANT)
        participant_received(marks, sight, txn);
}

/* ---- links ---- */

static void branch_cut(struct sim_marks *marks, const struct book_txn *txn, const struct book_share *share,
                       const struct sim_sight *sight)
{
    uint8_t p = share->node, c = txn->coord;
    bool to, from;

    (void)sight;
    if (c >= marks->book->nodes_len)
        return;
    to = (marks->book->cut[c] & sim_bit(p)) != 0;
    from = (marks->book->cut[p] & sim_bit(c)) != 0;
    HIT(marks, F070, to && from && share->prepare_sent != 0 && share->vote_got == 0 && txn->aborted == 0);
    HIT(marks, F071, to && from && is_in_doubt(share));
    HIT(marks, F072, to && !from && is_in_doubt(share));
    HIT(marks, F073, !to && from && is_in_doubt(share));
}

/* Asked, and not over for either side. */
static bool is_under_way(const struct book_share *share)
{
    return share->prepare_sent != 0 && share->ack_got == 0 && share->abort_sent == 0 && share->read_only == 0 &&
           share->no_got == 0;
}

/* The fourth cut of one link within so short a time, while a branch at its end is under way. */
static void see_flap(struct sim_marks *marks, const struct sim_sight *sight)
{
    struct sim_flaps *flaps = &marks->flaps[sight->node][sight->peer];
    const uint8_t participant = marks->book->nodes[sight->node].role == SIM_PARTICIPANT ? sight->node : sight->peer;
    const uint64_t fourth_last_us = flaps->at_us[flaps->len % SIM_FLAPS_KEPT];
    const bool is_flapping = flaps->len >= SIM_FLAPS_KEPT && sight->at_us - fourth_last_us <= FLAPS_WITHIN_US;

    flaps->at_us[flaps->len++ % SIM_FLAPS_KEPT] = sight->at_us;
    for (const struct book_txn *txn = marks->book->txns; txn != NULL && is_flapping; txn = txn->next) {
        const struct book_share *share = sim_txn_share(txn, participant);

        HIT(marks, F077,
            (txn->coord == sight->node || txn->coord == sight->peer) && share != NULL && is_under_way(share));
    }
}

static void see_cut(struct sim_marks *marks, const struct sim_sight *sight)
{
    const struct sim_book *book = marks->book;
    const struct book_node *a = &book->nodes[sight->node], *b = &book->nodes[sight->peer];
    uint8_t participant = a->role == SIM_PARTICIPANT ? sight->node : sight->peer;
    bool is_both = (book->cut[sight->peer] & sim_bit(sight->node)) != 0;
    bool all_off = true;

    each_share(marks, sight, participant, branch_cut);
    HIT(marks, F074,
        is_both && (a->role == SIM_CLIENT || b->role == SIM_CLIENT) &&
            (a->role == SIM_COORDINATOR || b->role == SIM_COORDINATOR));
    HIT(marks, F076, a->role == SIM_PARTICIPANT && b->role == SIM_PARTICIPANT);
    see_flap(marks, sight);
    for (uint32_t i = 0; i < book->nodes_len; i++) {
        const struct book_node *p = &book->nodes[i];

        if (p->role == SIM_PARTICIPANT)
            all_off =
                all_off && (book->cut[i] & sim_bit(p->coord)) != 0 && (book->cut[p->coord] & sim_bit((uint8_t)i)) != 0;
    }
    HIT(marks, F075, all_off);
}

/* ---- faults that are their own mark ---- */

static void see_fault(struct sim_marks *marks, const struct sim_sight *sight, const struct book_node *node)
{
    static const int own[SIM_FAULTS] = {
        [SIM_FAULT_LOSS] = SIM_MARK_F079,
        [SIM_FAULT_DUPLICATE] = SIM_MARK_F080,
        [SIM_FAULT_REORDER] = SIM_MARK_F081,
        [SIM_FAULT_FRAME_FLIP] = SIM_MARK_F083,
        [SIM_FAULT_HALF_OPEN] = SIM_MARK_F084,
        [SIM_FAULT_RESET_MID_FRAME] = SIM_MARK_F085,
        [SIM_FAULT_SLICED] = SIM_MARK_F087,
        [SIM_FAULT_REFUSED] = SIM_MARK_F090,
        [SIM_FAULT_QUOTA] = SIM_MARK_F103,
        [SIM_FAULT_WRITE_ERROR] = SIM_MARK_F104,
        [SIM_FAULT_SYNC_ERROR] = SIM_MARK_F105,
        [SIM_FAULT_TORN] = SIM_MARK_F108,
        [SIM_FAULT_UNSYNCED_LOST] = SIM_MARK_F109,
        [SIM_FAULT_NAME_LOST] = SIM_MARK_F110,
        [SIM_FAULT_UNSYNCED_REORDERED] = SIM_MARK_F111,
        [SIM_FAULT_LYING_SYNC] = SIM_MARK_F112,
        [SIM_FAULT_WAL_FLIP] = SIM_MARK_F113,
        [SIM_FAULT_PAGE_FLIP] = SIM_MARK_F114,
        [SIM_FAULT_STALE_PAGE] = SIM_MARK_F115,
        [SIM_FAULT_WAL_CUT] = SIM_MARK_F116,
        [SIM_FAULT_WAL_ZERO] = SIM_MARK_F116,
        [SIM_FAULT_WAL_GONE] = SIM_MARK_F117,
        [SIM_FAULT_SLOW_SYNC] = SIM_MARK_F118,
        [SIM_FAULT_CLOCK_JUMP] = SIM_MARK_F130,
        [SIM_FAULT_CLOCK_SKEW] = SIM_MARK_F132,
    };
    enum sim_fault fault = sight->fault.fault;
    bool is_coordinator = node->role == SIM_COORDINATOR;

    if (own[fault] != 0)
        marks->hit[own[fault]] = true;
    HIT(marks, F100, fault == SIM_FAULT_NO_SPACE && is_coordinator);
    HIT(marks, F102, fault == SIM_FAULT_NO_SPACE && node->role == SIM_PARTICIPANT);
    HIT(marks, F106, fault == SIM_FAULT_READ_ERROR && node->state == BOOK_STARTING);
    HIT(marks, F023, fault == SIM_FAULT_RESTORE && is_coordinator);
    HIT(marks, F024, fault == SIM_FAULT_WIPE && is_coordinator);
    each_share(marks, sight, sight->node, branch_lost);
}

/* Nobody has heard of the branch since COMMIT was logged. */
static void see_forget(struct sim_marks *marks, const struct book_txn *txn)
{
    for (const struct book_share *s = txn->shares; s != NULL; s = s->next)
        HIT(marks, F224, s->is_on_yes_list && s->ack_got == 0 && s->mismatch_got == 0 && s->no_record_got == 0);
}

static void see_log(struct sim_marks *marks, const struct sim_sight *sight)
{
    const struct book_txn *txn = sim_book_find(marks->book, &sight->log.record->gtrid);

    if (txn != NULL && txn->committed != 0 && sight->log.record->kind == VOW_RECORD_FORGET)
        see_forget(marks, txn);
}

void sim_marks_see(void *ctx, const struct sim_sight *sight)
{
    struct sim_marks *marks = ctx;
    const struct book_node *node;

    if (sight->node < marks->book->nodes_len)
        marks_saga_see(marks, sight);
    if (sight->node < marks->book->nodes_len)
        marks_events_see(marks, sight);
    if (sight->node >= marks->book->nodes_len || sim_is_of_saga(sight) || sim_is_of_event(sight))
        return;
    node = &marks->book->nodes[sight->node];
    switch ((int)sight->kind) {
    case SIM_SEEN_SENT:
    case SIM_SEEN_RECEIVED:
        see_message(marks, sight, node);
        break;
    case SIM_SEEN_FAULT:
        see_fault(marks, sight, node);
        break;
    case SIM_SEEN_LOG_ASKED:
        see_log(marks, sight);
        break;
    case SIM_SEEN_CUT:
        if (sight->peer < marks->book->nodes_len)
            see_cut(marks, sight);
        break;
    default:
        see_process(marks, sight, node);
        break;
    }
}
