#include "chaos/sim/small/strip.h"

static void take_in(struct small_set *set, const struct small_memo *memo)
{
    for (size_t i = 0; i < memo->moves_len; i++) {
        const struct small_event event = memo->moves[i].event;

        if (event.kind == SMALL_TO_COORD || event.kind == SMALL_TO_PART)
            set->words[event.arg / 64] |= UINT64_C(1) << (event.arg % 64);
    }
}

static bool has(const struct small_set *set, uint32_t message)
{
    return (set->words[message / 64] >> (message % 64) & 1) != 0;
}

/* What a participant says to another is numbered by who says it, and each of them may. */
static bool matters(struct small_nodes *nodes, const struct small_set *set, bool is_coord, struct small_send send)
{
    bool does = false;

    if (is_coord || send.peer == SMALL_TO_THE_COORD)
        return has(set, send.message);
    for (uint32_t i = 0; i < nodes->config.participants; i++)
        does = does || has(set, small_mail_of(&nodes->mail, send.message, i));
    return does;
}

static bool strip_step(struct small_nodes *nodes, const struct small_set *set, bool is_coord, struct small_step *step)
{
    const uint8_t before = step->sends_len;

    step->sends_len = 0;
    for (uint32_t i = 0; i < before; i++) {
        if (matters(nodes, set, is_coord, step->sends[i]))
            step->sends[step->sends_len++] = step->sends[i];
    }
    return step->sends_len < before;
}

static bool strip_kind(struct small_nodes *nodes, const struct small_set *set, bool is_coord, struct small_memo *memo)
{
    bool did = false;

    for (size_t i = 0; i < memo->moves_len; i++)
        did = strip_step(nodes, set, is_coord, &memo->steps[memo->moves[i].step]) || did;
    return did;
}

bool small_strip(struct small_nodes *nodes, struct small_memo *coords, struct small_memo *parts)
{
    struct small_set set = {{0}};
    bool did;

    take_in(&set, coords);
    take_in(&set, parts);
    did = strip_kind(nodes, &set, true, coords);
    return strip_kind(nodes, &set, false, parts) || did;
}
