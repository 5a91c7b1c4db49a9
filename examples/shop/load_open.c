/*
 * The open loop: orders come when they come, whatever has become of those before. Their times are drawn by the seed, as
 * often as --rate says on the average, each independent of all others; so a service that stands still does not slow the
 * customers down, and what an answer takes is counted from the moment in which its order was due (coordinated
 * omission). What comes while --in-flight orders are under way is turned away, at once, and is not placed later.
 */
#include <stddef.h>

#include "load.h"

/* The customers, as their clock has them. */
struct crowd {
    uint64_t random;
    uint64_t due_us, end_us; /* when the next one comes, and when no more come */
};

static void come_next(struct crowd *crowd, const struct load *load)
{
    crowd->due_us += draw_gap_us(&crowd->random, load->options.rate);
}

static struct crowd crowd_of(const struct load *load)
{
    struct crowd crowd = {.random = (uint64_t)load->options.seed * 2654435761u,
                          .due_us = load->began_us,
                          .end_us = load->began_us + (uint64_t)load->options.seconds * 1000000};

    come_next(&crowd, load);
    return crowd;
}

static struct load_order *find_free(struct load *load)
{
    for (int64_t i = 0; i < load->options.in_flight; i++)
        if (load->slots[i].state == LOAD_FREE)
            return &load->slots[i];
    return NULL;
}

static void serve(struct load *load, uint64_t due_us)
{
    struct load_order *slot = find_free(load);
    const int64_t number = ++load->totals.placed;

    if (slot == NULL) {
        load_history_turned_away(load, number, due_us);
        load->totals.done++;
        load->totals.turned_away++;
        return;
    }
    load_order_begin(slot, number);
    slot->due_us = due_us;
    slot->start_us = load_now_us();
    load_order_send(slot);
}

/* Who has come until now. Returns when to look again. */
static uint64_t serve_all(struct load *load, struct crowd *crowd)
{
    uint64_t next_us = load_send_again(load);

    while (crowd->due_us < crowd->end_us && crowd->due_us <= load_now_us()) {
        serve(load, crowd->due_us);
        come_next(crowd, load);
    }
    return crowd->due_us < crowd->end_us && crowd->due_us < next_us ? crowd->due_us : next_us;
}

void load_run_open(struct load *load)
{
    struct crowd crowd = crowd_of(load);

    while ((crowd.due_us < crowd.end_us && !load_is_stopped()) || load->totals.done < load->totals.placed) {
        if (load_is_stopped())
            crowd.end_us = crowd.due_us;
        load_judge_all(load, serve_all(load, &crowd));
    }
}
