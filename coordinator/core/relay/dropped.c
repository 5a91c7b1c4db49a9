/*
 * Letters that an operator has dropped, until their group's cursor has passed them. A cursor stands before the oldest
 * event that is not done, and what lies behind it comes again with a start, or with another subscription. Of what was
 * done the inbox knows; what was dropped, and never done, would be delivered, and buried, once more.
 */
#include <string.h>

#include "coordinator/core/relay/core.h"

/* Where it is, or would be. */
static uint32_t place_of(const struct vow_relay *core, uint32_t group, uint64_t lsn)
{
    uint32_t low = 0, high = core->dropped_len;

    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const struct dropped *at = &core->dropped_letters[middle];

        if (at->lsn < lsn || (at->lsn == lsn && at->group < group))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool dropped_has(const struct vow_relay *core, uint32_t group, uint64_t lsn)
{
    const uint32_t at = place_of(core, group, lsn);

    return at < core->dropped_len && core->dropped_letters[at].lsn == lsn && core->dropped_letters[at].group == group;
}

void dropped_add(struct vow_relay *core, uint32_t group, uint64_t lsn)
{
    const uint32_t at = place_of(core, group, lsn);
    struct dropped *place = &core->dropped_letters[at];

    if (core->dropped_len == core->limits.events_max || dropped_has(core, group, lsn))
        return;
    memmove(place + 1, place, (core->dropped_len - at) * sizeof(*place));
    *place = (struct dropped){.lsn = lsn, .group = group};
    core->dropped_len++;
}

void dropped_pass(struct vow_relay *core, uint32_t group, uint64_t cursor)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < core->dropped_len; i++) {
        const struct dropped letter = core->dropped_letters[i];

        if (letter.group != group || letter.lsn > cursor)
            core->dropped_letters[left++] = letter;
    }
    core->dropped_len = left;
}
