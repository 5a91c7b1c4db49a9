/* The core's memory: how much it takes, how it is laid out, how it moves into more. */
#include "coordinator/core/memory.h"

#include <string.h>

#include "coordinator/core/dispatch.h"
#include "coordinator/core/peers.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"
#include "proto/layout.h"

static bool is_within(uint32_t value, uint32_t min, uint32_t max)
{
    return value >= min && value <= max;
}

/* The upper bounds keep every size far from overflow, also where size_t has 32 bits. */
static bool are_valid(const struct vow_coord_limits *limits)
{
    const uint32_t day_ms = 24u * 60u * 60u * 1000u;

    return is_within(limits->txns_max, 1, VOW_COORD_TXNS_HIGHEST) &&
           is_within(limits->branches_max, 1, VOW_COORD_BRANCHES_HIGHEST) &&
           is_within(limits->peers_max, 1, VOW_COORD_PEERS_HIGHEST) && is_within(limits->keys_max, 1, 1u << 20) &&
           is_within(limits->ended_max, 1, 1u << 20) && is_within(limits->ids_window, VOW_IDS_MAX, 1u << 28) &&
           limits->ids_window % 64 == 0 && is_within(limits->txn_timeout_ms, 1, day_ms) &&
           is_within(limits->vote_timeout_ms, 1, day_ms) && is_within(limits->ack_timeout_ms, 1, day_ms) &&
           is_within(limits->ack_timeout_max_ms, limits->ack_timeout_ms, day_ms);
}

static void lay_out(struct vow_layout *layout, struct vow_coord *core, const struct vow_coord_limits *limits)
{
    VOW_LAYOUT_TAKE(layout, core->txns, limits->txns_max);
    VOW_LAYOUT_TAKE(layout, core->branches, limits->branches_max);
    VOW_LAYOUT_TAKE(layout, core->peers, limits->peers_max);
    VOW_LAYOUT_TAKE(layout, core->peer_heads, vow_gtrid_table_heads(limits->peers_max));
    VOW_LAYOUT_TAKE(layout, core->keys.items, limits->keys_max);
    VOW_LAYOUT_TAKE(layout, core->keys.heads, vow_gtrid_table_heads(limits->keys_max));
    VOW_LAYOUT_TAKE(layout, core->ended, limits->ended_max);
    VOW_LAYOUT_TAKE(layout, core->ids.used, limits->ids_window / 64);
    VOW_LAYOUT_TAKE(layout, core->effects, (size_t)COORD_EFFECTS_MAX);
    VOW_LAYOUT_TAKE(layout, core->edge_hits, vow_coord_fsm()->edges_len);
    vow_layout_take_heap(layout, &core->deadlines, limits->txns_max);
    vow_layout_take_heap(layout, &core->order, limits->txns_max);
    vow_layout_take_table(layout, &core->txn_table, limits->txns_max);
    vow_layout_take_table(layout, &core->ended_table, limits->ended_max);
}

size_t vow_coord_size(const struct vow_coord_limits *limits)
{
    struct vow_coord nowhere;
    struct vow_layout layout = {NULL, 0};

    if (!are_valid(limits))
        return 0;
    vow_layout_take(&layout, 1, sizeof(struct vow_coord));
    lay_out(&layout, &nowhere, limits);
    return layout.used;
}

/* Puts the slots from these on to the free lists. */
static void chain_free_lists(struct vow_coord *core, uint32_t txns, uint32_t branches)
{
    for (uint32_t i = core->txns_room; i > txns; i--) {
        core->txns[i - 1] = (struct txn){.state = TXN_NONE, .active_next = core->txns_free};
        core->txns_free = i - 1;
    }
    for (uint32_t i = core->branches_room; i > branches; i--) {
        core->branches[i - 1].next = core->branches_free;
        core->branches_free = i - 1;
    }
    core->branches_left += core->branches_room - branches;
}

static void init_tables(struct vow_coord *core)
{
    core->txn_table.items = (const unsigned char *)core->txns;
    core->txn_table.stride = sizeof(struct txn);
    vow_gtrid_table_init(&core->txn_table, core->txns_room);
    core->ended_table.items = (const unsigned char *)core->ended;
    core->ended_table.stride = sizeof(struct ended);
    vow_gtrid_table_init(&core->ended_table, core->limits.ended_max);
    vow_heap_init(&core->deadlines, core->txns_room);
    vow_heap_init(&core->order, core->txns_room);
    for (uint32_t i = 0; i < vow_gtrid_table_heads(core->peers_room); i++)
        core->peer_heads[i] = COORD_NIL;
}

static void set_room(struct vow_coord *core, const struct vow_coord_limits *limits)
{
    core->limits = *limits;
    core->txns_room = limits->txns_max;
    core->branches_room = limits->branches_max;
    core->peers_room = limits->peers_max;
}

struct vow_coord *vow_coord_init(void *mem, const struct vow_coord_limits *limits,
                                 const struct vow_coord_identity *identity)
{
    struct vow_layout layout = {mem, 0};
    struct vow_coord *core = vow_layout_take(&layout, 1, sizeof(*core));

    VOW_ASSERT(are_valid(limits) && identity->coord <= VOW_COORD_MAX);
    memset(core, 0, sizeof(*core));
    set_room(core, limits);
    lay_out(&layout, core, limits);
    core->jitter = identity->seed != 0 ? identity->seed : 1;
    core->ordinal = vow_ordinal_make(core->jitter ^ core->jitter >> 32, 0);
    core->recovering = true;
    core->active = COORD_NIL;
    core->fsm = vow_coord_fsm();
    memset(core->edge_hits, 0, core->fsm->edges_len * sizeof(*core->edge_hits));
    coord_fill_handlers(core);
    coord_ids_init(&core->ids, identity, limits->ids_window);
    core->txns_free = core->branches_free = COORD_NIL;
    chain_free_lists(core, 0, 0);
    init_tables(core);
    memset(core->ended, 0, limits->ended_max * sizeof(struct ended));
    vow_key_table_init(&core->keys, limits->keys_max);
    return core;
}

/* ---- other limits ---- */

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void coord_take_limits(struct vow_coord *core, const struct vow_coord_limits *limits)
{
    struct vow_coord_limits next = *limits;

    VOW_ASSERT(are_valid(limits));
    next.txns_max = smaller(limits->txns_max, core->txns_room);
    next.branches_max = smaller(limits->branches_max, core->branches_room);
    next.peers_max = smaller(limits->peers_max, core->peers_room);
    next.keys_max = core->limits.keys_max;
    next.ended_max = core->limits.ended_max;
    next.ids_window = core->limits.ids_window;
    core->limits = next;
}

bool vow_coord_fits(const struct vow_coord *core, const struct vow_coord_limits *limits)
{
    return limits->txns_max <= core->txns_room && limits->branches_max <= core->branches_room &&
           limits->peers_max <= core->peers_room;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

void vow_coord_widen(const struct vow_coord *core, struct vow_coord_limits *limits)
{
    limits->txns_max = larger(limits->txns_max, core->txns_room);
    limits->branches_max = larger(limits->branches_max, core->branches_room);
    limits->peers_max = larger(limits->peers_max, core->peers_room);
    limits->keys_max = core->limits.keys_max;
    limits->ended_max = core->limits.ended_max;
    limits->ids_window = core->limits.ids_window;
}

/* Objects name one another by index, so that they are the same in another place. */
static void copy_objects(struct vow_coord *core, const struct vow_coord *old)
{
    memcpy(core->txns, old->txns, old->txns_room * sizeof(*core->txns));
    memcpy(core->branches, old->branches, old->branches_room * sizeof(*core->branches));
    memcpy(core->peers, old->peers, old->peers_len * sizeof(*core->peers));
    memcpy(core->keys.items, old->keys.items, old->limits.keys_max * sizeof(*core->keys.items));
    memcpy(core->keys.heads, old->keys.heads, vow_gtrid_table_heads(old->limits.keys_max) * sizeof(*core->keys.heads));
    memcpy(core->ended, old->ended, old->limits.ended_max * sizeof(*core->ended));
    memcpy(core->ids.used, old->ids.used, old->limits.ids_window / 8);
    memcpy(core->edge_hits, old->edge_hits, core->fsm->edges_len * sizeof(*core->edge_hits));
}

static void copy_heap(struct vow_heap *heap, const struct vow_heap *old)
{
    for (uint32_t i = 0; i < old->len; i++)
        vow_heap_set(heap, old->entries[i].item, old->entries[i].key);
}

/* The tables have other sizes, so everything is put into them anew. */
static void fill_tables(struct vow_coord *core, const struct vow_coord *old)
{
    for (uint32_t i = 0; i < old->txns_room; i++) {
        if (core->txns[i].state != TXN_NONE)
            vow_gtrid_table_add(&core->txn_table, i);
    }
    for (uint32_t i = 0; i < core->limits.ended_max; i++) {
        if (core->ended[i].taken)
            vow_gtrid_table_add(&core->ended_table, i);
    }
    for (uint32_t i = 0; i < core->peers_len; i++)
        coord_peer_index(core, i);
    copy_heap(&core->deadlines, &old->deadlines);
    copy_heap(&core->order, &old->order);
}

struct vow_coord *vow_coord_move(void *mem, const struct vow_coord_limits *limits, const struct vow_coord *old)
{
    struct vow_layout layout = {mem, 0};
    struct vow_coord *core = vow_layout_take(&layout, 1, sizeof(*core));

    VOW_ASSERT(are_valid(limits) && old->in == NULL && limits->ended_max == old->limits.ended_max &&
               limits->keys_max == old->limits.keys_max && limits->ids_window == old->limits.ids_window &&
               limits->txns_max >= old->txns_room && limits->branches_max >= old->branches_room &&
               limits->peers_max >= old->peers_room);
    *core = *old;
    set_room(core, limits);
    lay_out(&layout, core, limits);
    copy_objects(core, old);
    chain_free_lists(core, old->txns_room, old->branches_room);
    init_tables(core);
    fill_tables(core, old);
    core->limits = old->limits;
    return core;
}
