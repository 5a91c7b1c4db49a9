/*
 * What the core will do from here on, as one number: two cores of one digest answer every event alike, but for times,
 * jitter, counters and the attempts of messages. For searches through all states of a small world, which must know one
 * they have seen. Not on any path of the product.
 */
#include <string.h>

#include "coordinator/core/txn.h"

#define FNV_BASIS UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static void mix(uint64_t *digest, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        *digest = (*digest ^ (value >> (8 * i) & 0xff)) * FNV_PRIME;
}

static void mix_bytes(uint64_t *digest, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        *digest = (*digest ^ at[i]) * FNV_PRIME;
    mix(digest, len);
}

static void mix_text(uint64_t *digest, const char *text)
{
    mix_bytes(digest, text, strlen(text));
}

/* Not when it runs out, but whether it runs, and whether it is to be served before anything else can fall due. */
static uint64_t timer_class(const struct vow_coord *core, const struct txn *txn)
{
    const struct vow_heap_entry *entry = vow_heap_find(&core->deadlines, txn_index(core, txn));

    if (entry == NULL)
        return 0;
    return entry->key.major <= core->now_ms ? 1 : 2;
}

static void mix_branch(uint64_t *digest, const struct vow_coord *core, const struct branch *branch)
{
    mix_text(digest, branch_peer(core, branch)->name);
    mix(digest, branch->number);
    mix(digest, branch->incarnation);
    mix_bytes(digest, branch->db_uuid, sizeof(branch->db_uuid));
    mix(digest, branch->vote);
    mix(digest, (uint64_t)branch->contacted | (uint64_t)branch->lost << 1 | (uint64_t)branch->acknowledged << 2 |
                    (uint64_t)branch->hazard << 3 | (uint64_t)branch->contradicts << 6 | (uint64_t)branch->due << 4 |
                    (uint64_t)branch->strange_reported << 5);
}

static void mix_txn(uint64_t *digest, const struct vow_coord *core, const struct txn *txn)
{
    mix_bytes(digest, txn->gtrid.bytes, sizeof(txn->gtrid.bytes));
    mix(digest, txn->state);
    mix(digest, (uint64_t)txn->client_lost | (uint64_t)txn->question << 1 | (uint64_t)txn->is_reported << 2 |
                    (uint64_t)txn->damage << 8 | (uint64_t)txn->damage_before << 12 | (uint64_t)txn->outcome << 16 |
                    (uint64_t)txn->cause << 24);
    mix(digest, txn->opener);
    mix(digest, txn->client);
    mix(digest, txn->delay_ms);
    mix(digest, txn->end_ms != UINT64_MAX);
    mix_text(digest, txn->key != COORD_NIL ? core->keys.items[txn->key].key : "");
    mix(digest, txn->votes);
    mix(digest, txn->yes);
    mix(digest, txn->unacknowledged);
    mix(digest, timer_class(core, txn));
    mix(digest, vow_heap_find(&core->order, txn_index(core, txn)) != NULL);
    for (const struct branch *b = branch_at(core, txn->first); b != NULL; b = branch_at(core, b->next))
        mix_branch(digest, core, b);
}

static void mix_peers(uint64_t *digest, const struct vow_coord *core)
{
    for (uint32_t i = 0; i < core->peers_len; i++) {
        const struct peer *peer = &core->peers[i];

        mix_text(digest, peer->name);
        mix_text(digest, peer->address);
        mix(digest, peer->session);
        mix(digest, peer->is_full);
        mix(digest, peer->incarnation);
        mix_bytes(digest, peer->db_uuid, sizeof(peer->db_uuid));
        mix(digest, peer->since.epoch);
        mix(digest, peer->since.seq);
    }
}

/* The ring in its order, from the one that falls out next. */
static void mix_ended(uint64_t *digest, const struct vow_coord *core)
{
    for (uint32_t i = 0; i < core->limits.ended_max; i++) {
        const struct ended *ended = &core->ended[(core->ended_next + i) % core->limits.ended_max];

        if (!ended->taken)
            continue;
        mix_bytes(digest, ended->gtrid.bytes, sizeof(ended->gtrid.bytes));
        mix(digest, (uint64_t)ended->outcome | (uint64_t)ended->cause << 8 | (uint64_t)ended->logged << 16);
        mix(digest, ended->who);
    }
}

/* Whom an alarm was raised for. */
static void mix_expired(uint64_t *digest, const struct vow_coord *core)
{
    for (uint32_t i = 0; i < COORD_EXPIRED_MAX; i++) {
        const struct vow_gtrid *gtrid = &core->expired[(core->expired_next + i) % COORD_EXPIRED_MAX];

        if (!vow_gtrid_is_none(gtrid))
            mix_bytes(digest, gtrid->bytes, sizeof(gtrid->bytes));
    }
}

static void mix_ids(uint64_t *digest, const struct coord_ids *ids)
{
    mix(digest, ids->identity.coord);
    mix(digest, ids->identity.epoch);
    mix(digest, ids->next);
    mix(digest, ids->lowest_fresh);
    for (uint64_t seq = ids->floor; seq < ids->next; seq++)
        mix(digest, ids->used[seq % ids->window / 64] >> (seq % 64) & 1);
}

uint64_t vow_coord_digest(const struct vow_coord *core)
{
    uint64_t digest = FNV_BASIS;

    mix(&digest, (uint64_t)core->recovering | (uint64_t)core->draining << 1 | (uint64_t)core->shedding << 2);
    mix(&digest, core->lookups);
    mix_ids(&digest, &core->ids);
    mix_peers(&digest, core);
    for (uint32_t i = 0; i < core->txns_room; i++) {
        if (core->txns[i].state != TXN_NONE)
            mix_txn(&digest, core, &core->txns[i]);
    }
    mix_ended(&digest, core);
    mix_expired(&digest, core);
    return digest;
}
