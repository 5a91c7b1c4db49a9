/* The order of what happens: by time, by priority with change points (PCT), by somebody else. */
#include <criterion/criterion.h>

#include "chaos/sim/agenda.h"

struct bed {
    struct sim_arena arena;
    struct sim_agenda agenda;
};

static void open_bed(struct bed *bed, uint64_t seed)
{
    *bed = (struct bed){.arena = {NULL, NULL, 0}};
    sim_agenda_begin(&bed->agenda, &bed->arena, sim_rng_of(seed, SIM_FOR_SCHEDULE, 0, 0));
}

static void close_bed(struct bed *bed)
{
    sim_agenda_free(&bed->agenda);
    sim_arena_free(&bed->arena);
}

static void add(struct bed *bed, uint64_t delay_us, uint32_t task, uint64_t number, bool is_timed)
{
    const struct sim_event event = {.kind = SIM_EVENT_LOOK, .task = task, .number = number, .is_timed = is_timed};

    (void)sim_agenda_add(&bed->agenda, delay_us, &event);
}

static uint64_t next(struct bed *bed)
{
    struct sim_event event;

    return sim_agenda_next(&bed->agenda, &event) ? event.number : UINT64_MAX;
}

Test(agenda, by_time_the_earliest_comes_first_and_equals_as_they_were_added)
{
    struct bed bed;
    uint64_t last_us = 0;

    open_bed(&bed, 1);
    for (uint64_t i = 0; i < 500; i++)
        add(&bed, i * 7919 % 101, 0, i, false);
    for (uint64_t i = 0, last = 0; i < 500; i++) {
        const uint64_t number = next(&bed);

        cr_assert(bed.agenda.now_us >= last_us);
        cr_assert(bed.agenda.now_us > last_us || i == 0 || number > last, "%lu after %lu", number, last);
        last_us = bed.agenda.now_us;
        last = number;
    }
    cr_assert_eq(next(&bed), UINT64_MAX);
    close_bed(&bed);
}

Test(agenda, by_priority_one_task_goes_before_all_others_and_keeps_its_own_order)
{
    struct bed bed;
    uint64_t seen[40];

    open_bed(&bed, 2);
    sim_agenda_use_priorities(&bed.agenda, 0, 100);
    for (uint64_t i = 0; i < 40; i++)
        add(&bed, 1000000 * (40 - i), (uint32_t)(i % 4), i, false);
    for (int i = 0; i < 40; i++)
        seen[i] = next(&bed);
    for (int i = 1; i < 40; i++) {
        const bool is_same_task = seen[i] % 4 == seen[i - 1] % 4;

        cr_assert(is_same_task ? seen[i] == seen[i - 1] + 4 : i % 10 == 0, "at %d", i);
    }
    close_bed(&bed);
}

/* A node that was paused: the second piece of a frame does not overtake the first, which came while it stood still. */
static void put_off(bool by_priority)
{
    struct bed bed;
    struct sim_event first;

    open_bed(&bed, 3);
    if (by_priority)
        sim_agenda_use_priorities(&bed.agenda, 0, 100);
    add(&bed, 5, 7, 1, false);
    add(&bed, 6, 7, 2, false);
    cr_assert(sim_agenda_next(&bed.agenda, &first));
    cr_assert_eq(first.number, 1);
    sim_agenda_add_again(&bed.agenda, 1, &first);
    cr_expect_eq(next(&bed), 1);
    cr_expect_eq(next(&bed), 2);
    close_bed(&bed);
}

Test(agenda, what_was_put_off_keeps_its_place)
{
    put_off(false);
    put_off(true);
}

Test(agenda, a_change_point_lets_another_task_go_first)
{
    int changed = 0;

    for (uint64_t seed = 0; seed < 50; seed++) {
        struct bed bed;
        int switches = 0;
        uint64_t last = UINT64_MAX;

        open_bed(&bed, seed);
        sim_agenda_use_priorities(&bed.agenda, 1, 20);
        for (uint64_t i = 0; i < 20; i++)
            add(&bed, 0, (uint32_t)(i % 2), i, false);
        for (int i = 0; i < 20; i++) {
            const uint64_t number = next(&bed);

            switches += i > 0 && number % 2 != last % 2;
            last = number;
        }
        cr_assert(switches == 1 || switches == 2);
        changed += switches == 2;
        close_bed(&bed);
    }
    cr_assert(changed > 10 && changed < 50, "%d", changed);
}

Test(agenda, what_waits_for_its_time_does_so_by_priority_too)
{
    struct bed bed;

    open_bed(&bed, 3);
    sim_agenda_use_priorities(&bed.agenda, 0, 100);
    add(&bed, 5000000, 1, 1, true);
    add(&bed, 9000000, 2, 2, false);
    cr_assert_eq(next(&bed), 2);
    cr_assert(bed.agenda.now_us < 5000000);
    cr_assert_eq(next(&bed), 1);
    cr_assert(bed.agenda.now_us >= 5000000);
    close_bed(&bed);
}

Test(agenda, what_is_there_already_goes_over_to_priorities_and_back)
{
    struct bed bed;
    uint64_t sum = 0;

    open_bed(&bed, 4);
    for (uint64_t i = 0; i < 30; i++)
        add(&bed, 100 * (30 - i), (uint32_t)i, i, i % 3 == 0);
    sim_agenda_use_priorities(&bed.agenda, 2, 10);
    for (int i = 0; i < 7; i++)
        sum += next(&bed);
    sim_agenda_use_time(&bed.agenda, 1000);
    for (int i = 0; i < 23; i++)
        sum += next(&bed);
    cr_assert_eq(sum, 29 * 30 / 2);
    cr_assert_eq(next(&bed), UINT64_MAX);
    close_bed(&bed);
}

static uint32_t pick_last(void *ctx, struct sim_agenda *agenda, struct sim_event *const *ready, uint32_t len)
{
    (void)agenda, (void)ready;
    ++*(int *)ctx;
    return len - 1;
}

Test(agenda, somebody_else_may_choose)
{
    struct bed bed;
    int asked = 0;

    open_bed(&bed, 5);
    sim_agenda_use_pick(&bed.agenda, pick_last, &asked, 0);
    for (uint64_t i = 0; i < 5; i++)
        add(&bed, 0, 0, i, false);
    for (uint64_t i = 5; i-- > 0;)
        cr_assert_eq(next(&bed), i);
    cr_assert_eq(asked, 5);
    close_bed(&bed);
}
