/*
 * What the core will do from here on, as one number: two cores of one digest answer every event alike, but for times,
 * jitter, counters and the attempts of messages. For searches through all states of a small world, which must know one
 * they have seen. Not on any path of the product.
 */
#include "participant/core/core.h"

#define FNV_BASIS UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

static void mix(uint64_t *digest, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        *digest = (*digest ^ (value >> (8 * i) & 0xff)) * FNV_PRIME;
}

static void mix_gtrid(uint64_t *digest, const struct vow_gtrid *gtrid)
{
    for (size_t i = 0; i < sizeof(gtrid->bytes); i++)
        *digest = (*digest ^ gtrid->bytes[i]) * FNV_PRIME;
}

static void mix_entry(uint64_t *digest, const struct vow_branch_entry *entry)
{
    /* Only an ENLIST's attempt tells an answer from another's. */
    const bool is_attempt_read = entry->state == VOW_BRANCH_ENLISTING;

    mix_gtrid(digest, &entry->gtrid);
    mix(digest, (uint64_t)entry->state | (uint64_t)entry->op << 8 | (uint64_t)entry->cause << 16 |
                    (uint64_t)entry->forget << 24 | (uint64_t)entry->lost << 25);
    mix(digest, entry->branch);
    mix(digest, entry->ops);
    mix(digest, entry->epoch);
    mix(digest, is_attempt_read ? entry->attempt : 0);
    mix(digest, entry->delay_ms);
    mix(digest, (uint64_t)entry->heuristic | (uint64_t)entry->decided << 8 |
                    (uint64_t)(entry->heur_ms != BRANCH_NEVER_MS) << 16);
    mix(digest, (uint64_t)entry->silent | (uint64_t)entry->asked << 8 | (uint64_t)entry->blocked << 9 |
                    (uint64_t)entry->heard_heuristic << 10 | (uint64_t)entry->adopted << 11);
    mix(digest, (uint64_t)(entry->due_ms != BRANCH_NEVER_MS) | (uint64_t)(entry->end_ms != BRANCH_NEVER_MS) << 1);
}

static void mix_known(uint64_t *digest, const struct vow_branch_known *known)
{
    mix(digest, known->coord);
    mix(digest, known->epoch);
    mix(digest, known->watermark.epoch);
    mix(digest, known->watermark.seq);
}

static void mix_ordinals(uint64_t *digest, const struct branch_ordinals *ordinals)
{
    mix(digest, ordinals->epoch);
    mix(digest, ordinals->highest);
    for (uint32_t i = 0; i < BRANCH_ORDINALS / 64; i++) {
        if (ordinals->seen[i] != 0) {
            mix(digest, i);
            mix(digest, ordinals->seen[i]);
        }
    }
}

/* The ring in its order, from the one that falls out next. */
static void mix_ended(uint64_t *digest, const struct vow_branches *core)
{
    for (uint32_t i = 0; i < core->limits.ended_max; i++) {
        const struct vow_branch_ended *ended = &core->ended[(core->ended_at + i) % core->limits.ended_max];

        if (ended->end == 0)
            continue;
        mix_gtrid(digest, &ended->gtrid);
        mix(digest, (uint64_t)ended->end | (uint64_t)ended->cause << 8 | (uint64_t)ended->dropped << 16 |
                        (uint64_t)ended->told << 17 | (uint64_t)ended->missing << 18 | (uint64_t)ended->proof << 24);
        mix(digest, ended->epoch);
    }
    mix_gtrid(digest, &core->dropped_floor);
    mix_gtrid(digest, &core->told_floor);
    mix_gtrid(digest, &core->missing_floor);
    mix_gtrid(digest, &core->forgotten_floor);
}

uint64_t vow_branches_digest(const struct vow_branches *core)
{
    uint64_t digest = FNV_BASIS;

    mix(&digest, core->incarnation);
    mix(&digest, core->connected);
    mix(&digest, core->enlists);
    mix(&digest, core->recalls);
    mix_known(&digest, &core->keep.now);
    mix_known(&digest, &core->keep.sent);
    mix(&digest, (uint64_t)core->keep.under_way | (uint64_t)core->keep.urgent << 1 |
                     (uint64_t)(core->keep.behind_ms != BRANCH_NEVER_MS) << 2);
    for (uint32_t i = 0; i < core->entries_max; i++) {
        if (core->entries[i].state != VOW_BRANCH_UNKNOWN)
            mix_entry(&digest, &core->entries[i]);
    }
    mix_ended(&digest, core);
    mix_ordinals(&digest, &core->ordinals);
    return digest;
}
