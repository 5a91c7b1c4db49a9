/*
 * What this participant knows of its coordinator: its id, the highest epoch seen, the forget watermark (protocol
 * 2.8). It is used at once from memory and kept in the store lazily: losing the newest of it to a crash only keeps
 * tombstones longer, and the coordinator says it again at the next handshake.
 */
#include "participant/core/core.h"

/* A watermark moves with almost every message; this much progress is worth an operation. */
#define WORTH_IDS 1000
#define WORTH_MS 1000

static bool is_before(struct vow_watermark a, struct vow_watermark b)
{
    return a.epoch != b.epoch ? a.epoch < b.epoch : a.seq < b.seq;
}

void branch_keep_init(struct vow_branches *core, const struct vow_branches_identity *identity)
{
    VOW_ASSERT(identity->coord <= VOW_COORD_MAX);
    struct vow_branch_keep *keep = &core->keep;
    keep->now = (struct vow_branch_known){identity->coord, identity->epoch, identity->watermark};
    keep->sent = keep->now;
    keep->behind_ms = BRANCH_NEVER_MS;
}

void branch_keep_raise(struct vow_branches *core, uint32_t epoch, struct vow_watermark watermark)
{
    struct vow_branch_known *now = &core->keep.now;
    if (epoch > now->epoch)
        now->epoch = epoch;
    if (is_before(now->watermark, watermark))
        now->watermark = watermark;
}

static bool is_behind(const struct vow_branch_keep *keep)
{
    return keep->now.coord != keep->sent.coord || keep->now.epoch != keep->sent.epoch ||
           is_before(keep->sent.watermark, keep->now.watermark);
}

/* A new coordinator or epoch is rare and fences off the past: kept soon. */
static bool is_worth_it(const struct vow_branches *core)
{
    const struct vow_branch_keep *keep = &core->keep;
    const struct vow_watermark now = keep->now.watermark, sent = keep->sent.watermark;
    return keep->urgent || keep->now.coord != keep->sent.coord || keep->now.epoch != keep->sent.epoch ||
           now.epoch != sent.epoch || now.seq - sent.seq >= WORTH_IDS || core->now_ms - keep->behind_ms >= WORTH_MS;
}

void branch_keep_flush(struct vow_branches *core)
{
    struct vow_branch_keep *keep = &core->keep;
    if (!is_behind(keep)) {
        keep->urgent = false;
        return;
    }
    if (keep->behind_ms == BRANCH_NEVER_MS)
        keep->behind_ms = core->now_ms;
    if (keep->under_way || !is_worth_it(core))
        return;
    branch_store_watermark(core);
    keep->sent = keep->now;
    keep->under_way = true;
    keep->urgent = false;
    keep->behind_ms = BRANCH_NEVER_MS;
}

void branch_keep_stored(struct vow_branches *core)
{
    const struct vow_gtrid none = {{0}};
    if (!core->keep.under_way)
        branch_violation(core, &none, "the store answered what was not asked");
    core->keep.under_way = false;
}

uint64_t branch_keep_due_ms(const struct vow_branches *core)
{
    const struct vow_branch_keep *keep = &core->keep;
    if (keep->under_way || keep->behind_ms == BRANCH_NEVER_MS)
        return BRANCH_NEVER_MS;
    return keep->behind_ms + WORTH_MS;
}
