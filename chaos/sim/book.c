#include "chaos/sim/book.h"

#include <string.h>

#include "chaos/sim/book_pages.h"
#include "proto/assert.h"
#include "proto/error.h"

#define TABLE_SIZE 1024u

void sim_book_init(struct sim_book *book, struct sim_memory *memory)
{
    memset(book, 0, sizeof(*book));
    book->memory = memory;
    book->txns_last = &book->txns;
    book->table = sim_memory_take(memory, TABLE_SIZE * sizeof(struct book_txn *));
}

/* ---- transactions ---- */

static uint32_t slot_of(const struct vow_gtrid *gtrid)
{
    return (uint32_t)(vow_gtrid_hash(gtrid) % TABLE_SIZE);
}

struct book_txn *sim_book_find(const struct sim_book *book, const struct vow_gtrid *gtrid)
{
    struct book_txn *txn = book->table[slot_of(gtrid)];

    while (txn != NULL && !vow_gtrid_equal(&txn->gtrid, gtrid))
        txn = txn->hash_next;
    return txn;
}

static uint8_t owner_of(const struct sim_book *book, const struct vow_gtrid *gtrid)
{
    for (uint32_t i = 0; i < book->nodes_len; i++) {
        if (book->nodes[i].role == SIM_COORDINATOR && book->nodes[i].coord_id == vow_gtrid_coord(gtrid))
            return (uint8_t)i;
    }
    return SIM_NODE_NONE;
}

struct book_txn *book_find_txn(struct sim_book *book, const struct vow_gtrid *gtrid)
{
    struct book_txn *txn;

    if (vow_gtrid_is_none(gtrid))
        return NULL;
    txn = sim_book_find(book, gtrid);
    if (txn != NULL)
        return txn;
    txn = sim_memory_take(book->memory, sizeof(*txn));
    txn->gtrid = *gtrid;
    txn->index = book->txns_len;
    txn->coord = owner_of(book, gtrid);
    txn->client = txn->owner = SIM_NODE_NONE;
    txn->hash_next = book->table[slot_of(gtrid)];
    book->table[slot_of(gtrid)] = txn;
    *book->txns_last = txn;
    book->txns_last = &txn->next;
    book->txns_len++;
    return txn;
}

struct book_share *sim_txn_share(const struct book_txn *txn, uint8_t node)
{
    struct book_share *share = txn->shares;

    while (share != NULL && share->node != node)
        share = share->next;
    return share;
}

struct book_share *book_find_share(struct sim_book *book, struct book_txn *txn, uint8_t node)
{
    struct book_share *share = sim_txn_share(txn, node);

    if (share != NULL)
        return share;
    share = sim_memory_take(book->memory, sizeof(*share));
    share->node = node;
    share->next = txn->shares;
    txn->shares = share;
    txn->shares_len++;
    return share;
}

bool sim_txn_is_read_only(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->prepare_sent != 0 && share->read_only == 0)
            return false;
    }
    return true;
}

bool sim_txn_is_committed(const struct book_txn *txn)
{
    if (txn->committed != 0 || txn->one_phase_durable != 0)
        return true;
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->committed_alone != 0)
            return true;
    }
    return false;
}

enum sim_branch_state sim_share_stands(const struct sim_book *book, const struct book_share *share)
{
    const struct book_node *node = &book->nodes[share->node];

    return node->served > node->disk_read ? share->on_disk : share->stood;
}

bool sim_share_contradicts(const struct book_txn *txn, const struct book_share *share)
{
    if (share->heuristic == 0)
        return false;
    if (txn->committed != 0)
        return share->heuristic_verdict == VOW_ABORT;
    return txn->aborted != 0 && share->heuristic_verdict == VOW_COMMIT;
}

bool sim_txn_has_heuristic(const struct book_txn *txn)
{
    for (const struct book_share *share = txn->shares; share != NULL; share = share->next) {
        if (share->heuristic != 0)
            return true;
    }
    return false;
}

bool sim_share_writes(const struct book_share *share, enum sim_table table, uint64_t key)
{
    int64_t added = 0;

    for (const struct book_change *c = share->first; c != NULL; c = c->next) {
        if (c->change.table != table || c->change.key != key)
            continue;
        if (c->change.kind == SIM_APPEND || c->change.kind == SIM_INSERT)
            return true;
        added += c->change.kind == SIM_ADD ? c->change.value : 0;
    }
    return added != 0;
}

/* ---- nodes ---- */

uint8_t sim_book_named(const struct sim_book *book, const char *name)
{
    for (uint32_t i = 0; i < book->nodes_len; i++) {
        if (strcmp(book->nodes[i].name, name) == 0)
            return (uint8_t)i;
    }
    return SIM_NODE_NONE;
}

static void new_node(struct sim_book *book, const struct sim_sight *sight)
{
    struct book_node *node;
    size_t name_size = strlen(sight->node_is.name) + 1;
    char *name = sim_memory_take(book->memory, name_size);

    VOW_ASSERT(sight->node == book->nodes_len && book->nodes_len < SIM_NODES_MAX);
    memcpy(name, sight->node_is.name, name_size);
    node = &book->nodes[book->nodes_len++];
    node->role = sight->node_is.role;
    node->name = name;
    node->coord = sight->node_is.coord;
    node->coord_id = sight->node_is.coord_id;
    node->forgets_damage = sight->node_is.forgets_damage;
    node->heuristic_ms = sight->node_is.heuristic_ms;
    node->heuristic_verdict = sight->node_is.heuristic_verdict;
    node->txn_ms = sight->node_is.txn_ms;
    node->vote_ms = sight->node_is.vote_ms;
}

static void node_started(struct book_node *node, const struct sim_sight *sight)
{
    node->state = BOOK_STARTING;
    node->life = sight->life;
    node->started = sight->seq;
    node->up = 0;
    node->is_paused = false;
    node->epoch_known = 0;
    node->failed = node->unlinked = 0;
    node->heard = 0;
}

static void node_up(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    node->state = BOOK_SERVING;
    node->up = node->served = sight->seq;
    if (node->role == SIM_COORDINATOR) {
        node->coord_id = sight->up.coord_id;
        node->epoch = sight->up.epoch;
        for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next)
            txn->damage_told = txn->coord == sight->node && txn->damage != 0 ? sight->seq : txn->damage_told;
    } else {
        node->incarnation = sight->up.incarnation;
        memcpy(node->db_uuid, sight->up.db_uuid, sizeof(node->db_uuid));
        for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
            struct book_share *share = sim_txn_share(txn, sight->node);

            if (share != NULL && share->on_disk == SIM_BRANCH_PREPARED) {
                share->told_yes = sight->seq;
                share->told_yes_us = sight->at_us;
            }
        }
    }
}

/* Its process is gone: what it had under way, and what it believed of others. */
static void node_ended(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    node->state = BOOK_DOWN;
    node->ended = sight->seq;
    node->is_paused = false;
    memset(&node->input, 0, sizeof(node->input));
    book->linked[sight->node] = 0;
    if (sight->kind == SIM_SEEN_CRASHED && sight->crashed.how == SIM_CRASH_POWER) {
        if (node->has_lied)
            node->harm |= BOOK_HARM_LIED;
        node->has_lied = false;
    }
    for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        struct book_share *share = sim_txn_share(txn, sight->node);

        if (txn->coord == sight->node)
            txn->damage_told = 0;
        if (share != NULL)
            share->told_yes = share->ending_asked = 0;
    }
}

static void see_fault(struct sim_book *book, const struct sim_sight *sight)
{
    static const unsigned harm[SIM_FAULTS] = {
        [SIM_FAULT_WIPE] = BOOK_HARM_WIPED,           [SIM_FAULT_RESTORE] = BOOK_HARM_RESTORED,
        [SIM_FAULT_WAL_FLIP] = BOOK_HARM_DAMAGED,     [SIM_FAULT_PAGE_FLIP] = BOOK_HARM_DAMAGED,
        [SIM_FAULT_STALE_PAGE] = BOOK_HARM_DAMAGED,   [SIM_FAULT_WAL_CUT] = BOOK_HARM_DAMAGED,
        [SIM_FAULT_WAL_ZERO] = BOOK_HARM_DAMAGED,     [SIM_FAULT_WAL_GONE] = BOOK_HARM_DAMAGED,
        [SIM_FAULT_WITNESS_FLIP] = BOOK_HARM_DAMAGED,
    };
    struct book_node *node;

    if (sight->node >= book->nodes_len)
        return;
    node = &book->nodes[sight->node];
    node->faults[sight->fault.fault]++;
    node->last_fault = sight->seq;
    node->harm |= harm[sight->fault.fault];
    /* A sync that fails and says so is no lie: nothing may be built upon it, nor upon what was read after it (F105). */
    node->has_lied = node->has_lied || sight->fault.fault == SIM_FAULT_LYING_SYNC;
}

/* What a client has begun, or a participant not voted on, may end with the connection to it. */
static void peer_lost(struct sim_book *book, const struct sim_sight *sight)
{
    for (struct book_txn *txn = book->txns; txn != NULL; txn = txn->next) {
        struct book_share *share = sim_txn_share(txn, sight->peer);

        if (txn->coord == sight->node && txn->owner == sight->peer)
            txn->client_lost = sight->seq;
        if (txn->coord == sight->node && share != NULL)
            share->unlinked = sight->seq;
    }
}

static void see_link(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    uint32_t bit = sight->peer < SIM_NODES_MAX ? sim_bit(sight->peer) : 0;

    switch ((int)sight->kind) {
    case SIM_SEEN_CUT:
        book->cut[sight->node] |= bit;
        node->last_cut = sight->seq;
        break;
    case SIM_SEEN_MENDED:
        book->cut[sight->node] &= ~bit;
        break;
    case SIM_SEEN_LINKED:
        book->linked[sight->node] |= bit;
        if (node->role == SIM_COORDINATOR && sight->peer < book->nodes_len)
            book->nodes[sight->peer].linked_incarnation = book->nodes[sight->peer].incarnation;
        /* A peer's welcome names the epoch that it knows, which is nobody's word (2.6). */
        if (node->role == SIM_PARTICIPANT && sight->peer == node->coord)
            book_epoch(node, sight->link.epoch, sight->link.watermark);
        break;
    default:
        book->linked[sight->node] &= ~bit;
        if (node->role == SIM_PARTICIPANT && sight->peer == node->coord) {
            node->unlinked = sight->seq;
            node->unlinked_us = sight->at_us;
        }
        if (node->role == SIM_COORDINATOR)
            peer_lost(book, sight);
        break;
    }
}

void book_epoch(struct book_node *node, uint32_t epoch, struct vow_watermark watermark)
{
    if (epoch > node->epoch_known)
        node->epoch_known = epoch;
    if (watermark.epoch > node->known.epoch ||
        (watermark.epoch == node->known.epoch && watermark.seq > node->known.seq))
        node->known = watermark;
}

/* ---- clients ---- */

/* A question names no key of its own. */
static void note_key(struct sim_book *book, struct book_txn *txn, const struct sim_sight *sight)
{
    size_t size;

    if (sight->asked.what != SIM_ASK_COMMIT || txn->key != NULL || sight->asked.key == NULL ||
        sight->asked.key[0] == '\0')
        return;
    size = strlen(sight->asked.key) + 1;
    txn->key = memcpy(sim_memory_take(book->memory, size), sight->asked.key, size);
}

static void see_client(struct sim_book *book, const struct sim_sight *sight)
{
    struct book_txn *txn = book_find_txn(book, &sight->gtrid);

    if (txn == NULL)
        return;
    if (sight->kind == SIM_SEEN_ASKED) {
        if (txn->asked == 0) {
            txn->client = sight->node;
            txn->client_life = sight->life;
        }
        book_first(&txn->asked, sight->seq);
        txn->asked_of |= sight->asked.nodes;
        if (sight->asked.what == SIM_ASK_COMMIT)
            book_first(&txn->commit_asked, sight->seq);
        if (sight->asked.what == SIM_ASK_ROLLBACK)
            book_first(&txn->rollback_asked, sight->seq);
        txn->is_reading = txn->is_reading || sight->asked.is_read_only;
        note_key(book, txn, sight);
        return;
    }
    if (sight->told.outcome == VOW_UNKNOWN) {
        book_first(&txn->unknown_told, sight->seq);
        if (sight->told.is_final)
            book_first(&txn->given_up, sight->seq);
        if (sight->told.error == VOW_E_EXPIRED)
            book_first(&txn->expired, sight->seq);
    } else if (txn->told == 0 && (sight->told.outcome == VOW_COMMITTED || sight->told.outcome == VOW_ABORTED)) {
        txn->told = sight->told.outcome;
        txn->told_at = sight->seq;
        txn->told_cause = sight->told.cause;
    }
}

static void see_account(struct sim_book *book, const struct sim_sight *sight)
{
    if (book->accounts_len == book->accounts_room) {
        uint32_t room = book->accounts_room > 0 ? 2 * book->accounts_room : 32;
        struct sim_change *more = sim_memory_take(book->memory, room * sizeof(*more));

        if (book->accounts_len > 0)
            memcpy(more, book->accounts, book->accounts_len * sizeof(*more));
        book->accounts = more;
        book->accounts_room = room;
    }
    book->accounts[book->accounts_len] = sight->change;
    book->accounts[book->accounts_len].node = sight->node;
    book->accounts[book->accounts_len++].list = NULL;
}

/* ---- alarms and operators ---- */

static void see_order(struct sim_book *book, struct book_txn *txn, const struct sim_sight *sight)
{
    struct book_share *share;

    if (sight->operated.verdict == 0) {
        /* Of a participant that has a part in it, if one is named. */
        if (sight->peer >= book->nodes_len || sim_txn_share(txn, sight->peer) != NULL)
            book_first(&txn->forget_ordered, sight->seq);
    } else if (!sight->operated.is_heuristic) {
        book_first(&txn->abort_ordered, sight->seq);
    } else if (sight->peer < book->nodes_len) {
        share = book_find_share(book, txn, sight->peer);
        book_first(sight->operated.verdict == VOW_COMMIT ? &share->ordered_commit : &share->ordered_abort, sight->seq);
    }
}

static void see_alarm(struct sim_book *book, struct book_txn *txn, const struct sim_sight *sight)
{
    uint8_t who = sight->alarm.who != NULL ? sim_book_named(book, sight->alarm.who) : SIM_NODE_NONE;

    if (!sim_txn_has_heuristic(txn))
        book_first(&txn->alarm, sight->seq);
    if (book->nodes[sight->node].role == SIM_PARTICIPANT)
        book_first(&book_find_share(book, txn, sight->node)->node_alarm, sight->seq);
    else if (who != SIM_NODE_NONE)
        book_first(&book_find_share(book, txn, who)->coord_alarm, sight->seq);
}

static void see_word(struct sim_book *book, const struct sim_sight *sight)
{
    struct book_txn *txn = book_find_txn(book, &sight->gtrid);

    if (txn == NULL)
        return;
    if (sight->kind == SIM_SEEN_OPERATED)
        see_order(book, txn, sight);
    else
        see_alarm(book, txn, sight);
}

/* ---- all ---- */

static void see_world(struct sim_book *book, const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_NODE:
        new_node(book, sight);
        break;
    case SIM_SEEN_ACCOUNT:
        see_account(book, sight);
        break;
    case SIM_SEEN_HEALED:
        book->healed = sight->seq;
        book->healed_us = sight->at_us;
        book->healed_nodes = sight->healed.nodes;
        break;
    case SIM_SEEN_ENDED:
        book->over = sight->seq;
        break;
    case SIM_SEEN_FAULT:
        see_fault(book, sight);
        break;
    default:
        break;
    }
}

static void see_process(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_STARTED:
        node_started(node, sight);
        break;
    case SIM_SEEN_UP:
        node_up(book, node, sight);
        break;
    case SIM_SEEN_REFUSED:
    case SIM_SEEN_STOPPED:
    case SIM_SEEN_CRASHED:
        node_ended(book, node, sight);
        break;
    case SIM_SEEN_PAUSED:
    case SIM_SEEN_RESUMED:
        node->is_paused = sight->kind == SIM_SEEN_PAUSED;
        break;
    case SIM_SEEN_SAMPLE:
        if (sight->sample.what == SIM_SAMPLE_OPEN) {
            node->open = sight->sample.value;
            node->places = sight->sample.limit;
        }
        break;
    case SIM_SEEN_TICKED:
        node->ticked = sight->seq;
        node->ticked_us = sight->at_us;
        break;
    case SIM_SEEN_LINKED:
    case SIM_SEEN_UNLINKED:
    case SIM_SEEN_CUT:
    case SIM_SEEN_MENDED:
        see_link(book, node, sight);
        break;
    default:
        break;
    }
}

static void see_moved(struct sim_book *book, const struct book_node *node, const struct sim_sight *sight)
{
    struct book_txn *txn = book_find_txn(book, &sight->gtrid);

    if (txn != NULL && sight->moved.machine == SIM_MACHINE_COORD)
        txn->entry_life = sight->moved.to != BOOK_NO_ENTRY ? node->life : 0;
}

static void see_work(struct sim_book *book, struct book_node *node, const struct sim_sight *sight)
{
    switch ((int)sight->kind) {
    case SIM_SEEN_SENT:
    case SIM_SEEN_RECEIVED:
        book_message(book, node, sight);
        break;
    case SIM_SEEN_MOVED:
        see_moved(book, node, sight);
        break;
    case SIM_SEEN_LOG_ASKED:
    case SIM_SEEN_LOG_DURABLE:
    case SIM_SEEN_LOG_DONE:
        book_log(book, node, sight);
        break;
    case SIM_SEEN_LOOKED_UP:
        book_looked_up(book, sight);
        break;
    case SIM_SEEN_LOG_FAILED:
    case SIM_SEEN_STORE_FAILED:
        book_first(&node->failed, sight->seq);
        break;
    case SIM_SEEN_STORE_ASKED:
    case SIM_SEEN_STORE_DONE:
    case SIM_SEEN_STORE_TOLD:
        book_store(book, node, sight);
        break;
    case SIM_SEEN_WORKED:
        book_worked(book, sight);
        break;
    case SIM_SEEN_DISK:
        book_disk(book, node, sight);
        break;
    case SIM_SEEN_ASKED:
    case SIM_SEEN_TOLD:
        see_client(book, sight);
        break;
    case SIM_SEEN_ALARM:
    case SIM_SEEN_OPERATED:
        see_word(book, sight);
        break;
    default:
        break;
    }
}

void sim_book_see(struct sim_book *book, const struct sim_sight *sight)
{
    struct book_node *node = sight->node < book->nodes_len ? &book->nodes[sight->node] : NULL;

    book->now = sight->seq;
    book->now_us = sight->at_us;
    see_world(book, sight);
    if (node == NULL)
        return;
    book_note_input(node, sight);
    see_process(book, node, sight);
    see_work(book, node, sight);
}

void sim_book_settle(struct sim_book *book, const struct sim_sight *sight)
{
    if (sight->kind == SIM_SEEN_DISK && sight->node < book->nodes_len)
        book_disk_settle(book, sight);
}
