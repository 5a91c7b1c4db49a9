/*
 * Copies of work. What a coordinator asks for comes once, and a network, or a connection that was thought dead, may
 * bring it again. While its branch is in memory, in the store or in the ring of ended ids, a copy is known by that. Of
 * what the ring has lost, the store knows only what was written: work that was refused, or that wrote nothing, would be
 * done by a late copy, after the client was told how it ended (F082). So it is known of each work that it was here:
 * each has an ordinal, and those that came are bits of a window. Work that is older than the window counts as a copy.
 * It can only be that or have been overtaken by thousands of others, on a connection that keeps their order.
 *
 * The window is not kept by a restart, for work of an earlier life of this participant is refused anyway.
 */
#include <string.h>

#include "participant/core/core.h"

static void begin_anew(struct branch_ordinals *ordinals, uint32_t epoch, uint64_t ordinal)
{
    memset(ordinals, 0, sizeof(*ordinals));
    ordinals->epoch = epoch;
    ordinals->highest = vow_ordinal_make(vow_ordinal_life(ordinal), 0);
}

static uint64_t *word_of(struct branch_ordinals *ordinals, uint64_t ordinal)
{
    return &ordinals->seen[ordinal % BRANCH_ORDINALS / 64];
}

static uint64_t bit_of(uint64_t ordinal)
{
    return UINT64_C(1) << ordinal % 64;
}

/* Those in between are not here yet. */
static void go_up_to(struct branch_ordinals *ordinals, uint64_t ordinal)
{
    if (ordinal - ordinals->highest >= BRANCH_ORDINALS)
        memset(ordinals->seen, 0, sizeof(ordinals->seen));
    else
        for (uint64_t i = ordinals->highest + 1; i <= ordinal; i++)
            *word_of(ordinals, i) &= ~bit_of(i);
    ordinals->highest = ordinal;
}

bool branch_ordinals_take(struct branch_ordinals *ordinals, uint32_t epoch, uint64_t ordinal)
{
    if (ordinal == 0) /* an older coordinator does not say it */
        return true;
    if (epoch < ordinals->epoch)
        return false;
    /* In one epoch another life: its journal was put back, and what is asked for now is another one's. */
    if (epoch > ordinals->epoch || vow_ordinal_life(ordinal) != vow_ordinal_life(ordinals->highest))
        begin_anew(ordinals, epoch, ordinal);
    if (ordinal > ordinals->highest)
        go_up_to(ordinals, ordinal);
    else if (ordinals->highest - ordinal >= BRANCH_ORDINALS || (*word_of(ordinals, ordinal) & bit_of(ordinal)) != 0)
        return false;
    *word_of(ordinals, ordinal) |= bit_of(ordinal);
    return true;
}
