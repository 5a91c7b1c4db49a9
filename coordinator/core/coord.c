/* The outside of the core: its memory, its step, its deadline. */
#include "coordinator/core/coord.h"

#include <string.h>

#include "coordinator/core/dispatch.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"

const struct vow_coord_limits vow_coord_default_limits = {
    .txns_max = 16384,
    .branches_max = 65536,
    .peers_max = 256,
    .ended_max = 16384,
    .ids_window = 1u << 20,
    .txn_timeout_ms = 30000,
    .vote_timeout_ms = 5000,
    .ack_timeout_ms = 1000,
    .ack_timeout_max_ms = 60000,
    .notes = true,
};

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
           is_within(limits->peers_max, 1, VOW_COORD_PEERS_HIGHEST) && is_within(limits->ended_max, 1, 1u << 20) &&
           is_within(limits->ids_window, VOW_IDS_MAX, 1u << 28) && limits->ids_window % 64 == 0 &&
           is_within(limits->txn_timeout_ms, 1, day_ms) && is_within(limits->vote_timeout_ms, 1, day_ms) &&
           is_within(limits->ack_timeout_ms, 1, day_ms) &&
           is_within(limits->ack_timeout_max_ms, limits->ack_timeout_ms, day_ms);
}

/* Lays arrays out one behind the other; a first time with base NULL, to learn the size. */
struct layout {
    unsigned char *base;
    size_t used;
};

static void *take(struct layout *layout, size_t items, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    size_t at = layout->used;

    layout->used += (items * size + align - 1) / align * align;
    return layout->base != NULL ? layout->base + at : NULL;
}

#define TAKE(layout, field, items) ((field) = take(layout, items, sizeof(*(field))))

static void lay_out_heap(struct layout *layout, struct vow_heap *heap, uint32_t items)
{
    TAKE(layout, heap->entries, items);
    TAKE(layout, heap->position, items);
}

static void lay_out_table(struct layout *layout, struct vow_gtrid_table *table, uint32_t items)
{
    TAKE(layout, table->heads, vow_gtrid_table_heads(items));
    TAKE(layout, table->next, items);
}

static void lay_out(struct layout *layout, struct vow_coord *core, const struct vow_coord_limits *limits)
{
    TAKE(layout, core->txns, limits->txns_max);
    TAKE(layout, core->branches, limits->branches_max);
    TAKE(layout, core->peers, limits->peers_max);
    TAKE(layout, core->peer_heads, vow_gtrid_table_heads(limits->peers_max));
    TAKE(layout, core->ended, limits->ended_max);
    TAKE(layout, core->ids.used, limits->ids_window / 64);
    TAKE(layout, core->effects, (size_t)COORD_EFFECTS_MAX);
    TAKE(layout, core->edge_hits, vow_coord_fsm()->edges_len);
    lay_out_heap(layout, &core->deadlines, limits->txns_max);
    lay_out_heap(layout, &core->order, limits->txns_max);
    lay_out_table(layout, &core->txn_table, limits->txns_max);
    lay_out_table(layout, &core->ended_table, limits->ended_max);
}

size_t vow_coord_size(const struct vow_coord_limits *limits)
{
    struct vow_coord nowhere;
    struct layout layout = {NULL, 0};

    if (!are_valid(limits))
        return 0;
    take(&layout, 1, sizeof(struct vow_coord));
    lay_out(&layout, &nowhere, limits);
    return layout.used;
}

static void chain_free_lists(struct vow_coord *core)
{
    core->txns_free = core->branches_free = COORD_NIL;
    for (uint32_t i = core->limits.txns_max; i > 0; i--) {
        core->txns[i - 1] = (struct txn){.state = TXN_NONE, .active_next = core->txns_free};
        core->txns_free = i - 1;
    }
    for (uint32_t i = core->limits.branches_max; i > 0; i--) {
        core->branches[i - 1].next = core->branches_free;
        core->branches_free = i - 1;
    }
    core->branches_left = core->limits.branches_max;
}

static void init_tables(struct vow_coord *core)
{
    core->txn_table.items = (const unsigned char *)core->txns;
    core->txn_table.stride = sizeof(struct txn);
    vow_gtrid_table_init(&core->txn_table, core->limits.txns_max);
    core->ended_table.items = (const unsigned char *)core->ended;
    core->ended_table.stride = sizeof(struct ended);
    vow_gtrid_table_init(&core->ended_table, core->limits.ended_max);
    memset(core->ended, 0, core->limits.ended_max * sizeof(struct ended));
    vow_heap_init(&core->deadlines, core->limits.txns_max);
    vow_heap_init(&core->order, core->limits.txns_max);
    for (uint32_t i = 0; i < vow_gtrid_table_heads(core->limits.peers_max); i++)
        core->peer_heads[i] = COORD_NIL;
}

struct vow_coord *vow_coord_init(void *mem, const struct vow_coord_limits *limits,
                                 const struct vow_coord_identity *identity)
{
    struct layout layout = {mem, 0};
    struct vow_coord *core = take(&layout, 1, sizeof(*core));

    VOW_ASSERT(are_valid(limits) && identity->coord <= VOW_COORD_MAX);
    memset(core, 0, sizeof(*core));
    core->limits = *limits;
    lay_out(&layout, core, limits);
    core->jitter = identity->seed != 0 ? identity->seed : 1;
    core->recovering = true;
    core->active = COORD_NIL;
    core->fsm = vow_coord_fsm();
    memset(core->edge_hits, 0, core->fsm->edges_len * sizeof(*core->edge_hits));
    coord_fill_handlers(core);
    coord_ids_init(&core->ids, identity, limits->ids_window);
    chain_free_lists(core);
    init_tables(core);
    return core;
}

static void take_looked_up(struct vow_coord *core, const struct vow_coord_lookup *lookup)
{
    struct input in = {.event = TXN_ON_LOOKED_UP,
                       .gtrid = &lookup->gtrid,
                       .session = lookup->session,
                       .lookup = lookup,
                       .txn = txn_find(core, &lookup->gtrid)};

    core->lookups -= core->lookups > 0;
    coord_dispatch(core, &in);
}

static void take_event(struct vow_coord *core, const struct vow_coord_event *event)
{
    switch (event->kind) {
    case VOW_COORD_MESSAGE:
        coord_take_message(core, event);
        break;
    case VOW_COORD_LOG_DONE:
        coord_take_log_done(core, event->token);
        break;
    case VOW_COORD_LOOKED_UP:
        take_looked_up(core, &event->lookup);
        break;
    case VOW_COORD_TIMER:
        coord_take_timer(core);
        break;
    case VOW_COORD_PEER_UP:
        coord_take_peer_up(core, event->session, &event->peer);
        break;
    case VOW_COORD_SESSION_DOWN:
        coord_take_session_down(core, event->session);
        break;
    case VOW_COORD_RECOVERED:
        coord_take_recovered(core, event->record);
        break;
    case VOW_COORD_RECOVERY_DONE:
        core->recovering = false;
        break;
    case VOW_COORD_DRAIN:
        core->draining = true;
        break;
    }
}

void vow_coord_step(struct vow_coord *core, const struct vow_coord_event *event, struct vow_coord_effects *effects)
{
    VOW_ASSERT(event->now_ms >= core->now_ms);
    core->now_ms = event->now_ms;
    core->effects_len = 0;
    coord_ids_expire(&core->ids, core->now_ms, core->limits.txn_timeout_ms);
    take_event(core, event);
    effects->items = core->effects;
    effects->len = core->effects_len;
}

uint64_t vow_coord_deadline_ms(const struct vow_coord *core)
{
    const struct vow_heap_entry *first = vow_heap_first(&core->deadlines);

    return first != NULL ? first->key.major : UINT64_MAX;
}
