/* Timers of both kinds: libevent's own, and those of a set, which a descriptor shows to any loop. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <event2/event.h>
#include <poll.h>

#include "loop.h"
#include "proto/net/clock.h"
#include "proto/net/timer.h"

TestSuite(timer, .timeout = SUITE_TIMEOUT);

struct world {
    struct event_base *base;
    struct vow_timers *timers;
    char fired[64]; /* names in order */
    unsigned fired_len;
};

struct named {
    struct vow_timer timer;
    struct world *world;
    char name;
    bool rearms;
    struct named *disarms;
};

static void fire(void *ctx)
{
    struct named *named = ctx;

    cr_assert_lt(named->world->fired_len, sizeof(named->world->fired) - 1);
    named->world->fired[named->world->fired_len++] = named->name;
    if (named->rearms)
        vow_timer_arm(&named->timer, 0);
    if (named->disarms != NULL)
        vow_timer_disarm(&named->disarms->timer);
}

static struct world *world_new(bool with_set)
{
    struct world *world = calloc(1, sizeof(*world));

    world->base = event_base_new();
    if (with_set)
        cr_assert_eq(vow_timers_new(world->base, &world->timers), 0);
    return world;
}

static void world_free(struct world *world)
{
    vow_timers_free(world->timers);
    event_base_free(world->base);
    free(world);
}

static void name(struct world *world, struct named *named, char name)
{
    *named = (struct named){.world = world, .name = name};
    vow_timer_init(&named->timer, world->base, world->timers, fire, named);
}

ParameterizedTestParameters(timer, run_in_the_order_of_their_time)
{
    static bool kinds[] = {false, true};

    return cr_make_param_array(bool, kinds, 2);
}

ParameterizedTest(bool *with_set, timer, run_in_the_order_of_their_time)
{
    struct world *world = world_new(*with_set);
    struct named a, b, c;

    name(world, &a, 'a');
    name(world, &b, 'b');
    name(world, &c, 'c');
    vow_timer_arm(&c.timer, 30);
    vow_timer_arm(&a.timer, 60000);
    vow_timer_arm(&b.timer, 10);
    vow_timer_arm(&a.timer, 1); /* moved */
    cr_assert(vow_timer_is_armed(&a.timer));
    UNTIL(world->base, world->fired_len == 3);
    cr_assert_str_eq(world->fired, "abc");
    cr_assert_not(vow_timer_is_armed(&a.timer));
    world_free(world);
}

ParameterizedTestParameters(timer, disarmed_one_does_not_run)
{
    static bool kinds[] = {false, true};

    return cr_make_param_array(bool, kinds, 2);
}

ParameterizedTest(bool *with_set, timer, disarmed_one_does_not_run)
{
    struct world *world = world_new(*with_set);
    struct named a, b, c;

    name(world, &a, 'a');
    name(world, &b, 'b');
    name(world, &c, 'c');
    a.disarms = &b; /* both are due in the same turn, perhaps */
    vow_timer_arm(&a.timer, 1);
    vow_timer_arm(&b.timer, 2);
    vow_timer_arm(&c.timer, 3);
    UNTIL(world->base, world->fired_len == 2);
    cr_assert_neq(world->fired[1], 'b');
    vow_timer_deinit(&b.timer);
    world_free(world);
}

/* A timer that arms itself for at once must not keep the loop from its other work. */
Test(timer, a_set_runs_each_once_a_turn)
{
    struct world *world = world_new(true);
    struct named again;

    name(world, &again, 'x');
    again.rearms = true;
    vow_timer_arm(&again.timer, 0);
    for (unsigned turn = 1; turn <= 3; turn++) {
        event_base_loop(world->base, EVLOOP_ONCE);
        cr_assert_eq(world->fired_len, turn);
    }
    vow_timer_deinit(&again.timer);
    world_free(world);
}

static unsigned finished;

static void finish(void *ctx)
{
    (void)ctx;
    finished++;
}

ParameterizedTestParameters(timer, finalised_one_is_given_back_once)
{
    static bool kinds[] = {false, true};

    return cr_make_param_array(bool, kinds, 2);
}

ParameterizedTest(bool *with_set, timer, finalised_one_is_given_back_once)
{
    struct world *world = world_new(*with_set);
    struct named a;

    name(world, &a, 'a');
    vow_timer_arm(&a.timer, 0);
    vow_timer_finalize(&a.timer, finish);
    UNTIL(world->base, finished == 1);
    cr_assert_eq(world->fired_len, 0);
    world_free(world);
    cr_assert_eq(finished, 1);
}
