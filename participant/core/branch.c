/* The core's outside: its memory, the step, the deadline. */
#include "participant/core/branch.h"

#include <string.h>

#include "participant/core/core.h"

const struct vow_branches_limits vow_branches_default_limits = {
    .branches_max = 65536,
    .ended_max = 16384,
    .enlist_timeout_ms = 5000,
    .idle_timeout_ms = 60000,
    .decision_timeout_ms = 2000,
    .decision_timeout_max_ms = 30000,
    .termination_after = 2,
    .heuristic_timeout_ms = 0,
    .heuristic_verdict = VOW_ABORT,
    .heuristics_max = 1024,
};

/* --- memory --- */

/* More would not be a table in memory any more; and no size below can overflow. */
#define LIMIT_MAX (UINT32_C(1) << 24)

/* What an entry can count; by then the back-off has long ended. */
#define TERMINATION_AFTER_MAX 255

/* Where each array lies behind the struct. */
struct layout {
    uint32_t entries_max;
    size_t entries, table_heads, table_next, timers, timers_position, ended, ended_heads, ended_next, records, size;
};

static bool are_limits_good(const struct vow_branches_limits *limits)
{
    return limits->branches_max >= 1 && limits->branches_max <= LIMIT_MAX && limits->ended_max >= 1 &&
           limits->ended_max <= LIMIT_MAX && limits->enlist_timeout_ms >= 1 && limits->idle_timeout_ms >= 1 &&
           limits->decision_timeout_ms >= 1 && limits->decision_timeout_max_ms >= limits->decision_timeout_ms &&
           limits->decision_timeout_max_ms <= UINT32_MAX / 2 && limits->termination_after >= 1 &&
           limits->termination_after <= TERMINATION_AFTER_MAX && limits->heuristics_max >= 1 &&
           limits->heuristics_max <= LIMIT_MAX &&
           (limits->heuristic_verdict == VOW_COMMIT || limits->heuristic_verdict == VOW_ABORT);
}

/* Takes the next `len` items of `size` bytes, and returns where they begin. */
static size_t take(size_t *at, size_t len, size_t size)
{
    const size_t align = _Alignof(max_align_t);
    const size_t begin = (*at + align - 1) / align * align;
    *at = begin + len * size;
    return begin;
}

static struct layout lay_out(const struct vow_branches_limits *limits)
{
    struct layout layout = {.entries_max = limits->branches_max + BRANCH_RECALLS_MAX};
    const uint32_t entries = layout.entries_max, ended = limits->ended_max;
    size_t at = sizeof(struct vow_branches);
    layout.entries = take(&at, entries, sizeof(struct vow_branch_entry));
    layout.table_heads = take(&at, vow_gtrid_table_heads(entries), sizeof(uint32_t));
    layout.table_next = take(&at, entries, sizeof(uint32_t));
    layout.timers = take(&at, entries, sizeof(struct vow_heap_entry));
    layout.timers_position = take(&at, entries, sizeof(uint32_t));
    layout.ended = take(&at, ended, sizeof(struct vow_branch_ended));
    layout.ended_heads = take(&at, vow_gtrid_table_heads(ended), sizeof(uint32_t));
    layout.ended_next = take(&at, ended, sizeof(uint32_t));
    layout.records = take(&at, limits->heuristics_max, sizeof(struct vow_branch_record));
    layout.size = at;
    return layout;
}

size_t vow_branches_size(const struct vow_branches_limits *limits)
{
    return are_limits_good(limits) ? lay_out(limits).size : 0;
}

struct vow_branches *vow_branches_init(void *mem, const struct vow_branches_limits *limits,
                                       const struct vow_branches_identity *identity)
{
    VOW_ASSERT(are_limits_good(limits));
    const struct layout layout = lay_out(limits);
    char *base = mem;
    struct vow_branches *core = mem;
    memset(core, 0, sizeof(*core));
    core->limits = *limits;
    core->incarnation = identity->incarnation;
    core->random = identity->seed;
    core->entries_max = layout.entries_max;
    core->entries = (void *)(base + layout.entries);
    core->ended = (void *)(base + layout.ended);
    core->timers = (struct vow_heap){
        .entries = (void *)(base + layout.timers),
        .position = (void *)(base + layout.timers_position),
    };
    core->table = (struct vow_gtrid_table){
        .items = (const unsigned char *)core->entries,
        .stride = sizeof(struct vow_branch_entry),
        .heads = (void *)(base + layout.table_heads),
        .next = (void *)(base + layout.table_next),
    };
    core->ended_table = (struct vow_gtrid_table){
        .items = (const unsigned char *)core->ended,
        .stride = sizeof(struct vow_branch_ended),
        .heads = (void *)(base + layout.ended_heads),
        .next = (void *)(base + layout.ended_next),
    };
    core->records = (void *)(base + layout.records);
    branch_records_init(core);
    branch_table_init(core);
    branch_ended_init(core);
    branch_keep_init(core, identity);
    branch_cells_init(core);
    return core;
}

/* --- the step --- */

static void take_event(struct vow_branches *core, const struct vow_branches_event *event)
{
    switch (event->kind) {
    case VOW_BRANCHES_MESSAGE:
        branch_on_message(core, event->msg);
        return;
    case VOW_BRANCHES_STORE_DONE:
        branch_on_store_done(core, &event->done);
        return;
    case VOW_BRANCHES_TIMER:
        branch_on_timer(core);
        return;
    case VOW_BRANCHES_COORD_UP:
        branch_on_coord_up(core, event);
        return;
    case VOW_BRANCHES_COORD_DOWN:
        branch_on_coord_down(core);
        return;
    case VOW_BRANCHES_JOIN:
        branch_on_join(core, &event->join.gtrid);
        return;
    case VOW_BRANCHES_PEER:
        branch_on_peer(core, event->peer.msg);
        return;
    case VOW_BRANCHES_RECOVERED:
        branch_dispatch(core, &event->recovered.gtrid, event->recovered.branch,
                        event->recovered.heuristic != 0 ? VOW_BRANCH_EV_RECOVERED_HEURISTIC : VOW_BRANCH_EV_RECOVERED);
        return;
    case VOW_BRANCHES_RESOLVE:
        branch_on_resolve(core, event->resolve.tag, &event->resolve.msg->resolve);
        return;
    }
    VOW_UNREACHABLE("an event of no kind");
}

void vow_branches_step(struct vow_branches *core, const struct vow_branches_event *event,
                       struct vow_branches_effects *effects)
{
    VOW_ASSERT(event->now_ms >= core->now_ms);
    core->now_ms = event->now_ms;
    core->input = event;
    core->header = NULL;
    core->effects_len = 0;
    take_event(core, event);
    branch_keep_flush(core);
    core->input = NULL;
    core->header = NULL;
    effects->items = core->effects;
    effects->len = core->effects_len;
}

uint64_t vow_branches_deadline_ms(const struct vow_branches *core)
{
    const struct vow_branch_entry *first = branch_timer_first(core);
    const uint64_t keep_ms = branch_keep_due_ms(core);
    return first != NULL && first->due_ms < keep_ms ? first->due_ms : keep_ms;
}
