#include "chaos/sim/small/node.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

void small_break_rule(struct small_step *step, const char *rule, const char *what)
{
    if (step->rule == NULL) {
        step->rule = rule;
        step->what = what;
    }
}

/*
 * Alarms that this network is enough for. Its messages come twice and cross reconnections, which TCP's do not; what the
 * core then finds odd, it reports, and rightly so. Nothing else may alarm anybody in a world without damage.
 */
static const char *const harmless_alarms[] = {
    /* A duplicate of PREPARE meets a participant that was prepared and has aborted since, as a peer told it to. */
    "a participant changed its vote (F171)",
    /* A READ_ONLY vote comes after a restart of the coordinator, which recovers the yes-list alone. */
    "a participant speaks for a branch that is not its own (F168)",
    /* COMMIT_ONE_PHASE comes again to a later life, of work that wrote nothing and so left no memo. */
    "a participant takes its commit back",
    "a participant lost what it has committed",
};

void small_alarm(struct small_step *step, const char *what)
{
    for (size_t i = 0; i < sizeof(harmless_alarms) / sizeof(harmless_alarms[0]); i++) {
        if (strcmp(harmless_alarms[i], what) == 0)
            return;
    }
    small_break_rule(step, "alarm", what);
}

void small_send(struct small_step *step, uint32_t peer, uint32_t message)
{
    VOW_ASSERT(step->sends_len < SMALL_SENDS_MAX);
    step->sends[step->sends_len++] = (struct small_send){(uint8_t)peer, (uint16_t)message};
}

struct small_event small_letter(struct small_nodes *nodes, struct small_event event, const struct small_step *step,
                                uint32_t i)
{
    const struct small_send send = step->sends[i];

    if (event.kind < SMALL_JOIN)
        return (struct small_event){SMALL_TO_PART, send.peer, send.message};
    if (send.peer == SMALL_TO_THE_COORD)
        return (struct small_event){SMALL_TO_COORD, event.peer, send.message};
    return (struct small_event){send.peer != event.peer ? SMALL_TO_PART : 0, send.peer,
                                (uint16_t)small_mail_of(&nodes->mail, send.message, event.peer)};
}

/* ---- a core's assertion is a broken rule like any other, with a way there to be printed ---- */

static sigjmp_buf before_step;

static void on_abort(int signal)
{
    (void)signal;
    siglongjmp(before_step, 1);
}

typedef void run_fn(struct small_nodes *nodes, uint32_t from, struct small_event event, struct small_step *step);

/* The handler stays: no signal's mask changes, and no step needs the system. */
static void run_guarded(run_fn *run, struct small_nodes *nodes, uint32_t from, struct small_event event,
                        struct small_step *step)
{
    if (!nodes->catches) {
        const struct sigaction catching = {.sa_handler = on_abort, .sa_flags = SA_NODEFER};

        (void)sigaction(SIGABRT, &catching, &nodes->before);
        nodes->catches = true;
    }
    if (sigsetjmp(before_step, 0) == 0) {
        run(nodes, from, event, step);
    } else {
        step->to = from;
        small_break_rule(step, "assert", "an assertion of the core failed");
    }
}

void small_nodes_let_go(struct small_nodes *nodes)
{
    if (nodes->catches)
        (void)sigaction(SIGABRT, &nodes->before, NULL);
    nodes->catches = false;
}

/* ---- steps are run once ---- */

static uint64_t key_of(uint32_t from, struct small_event event)
{
    return (uint64_t)from << 32 | (uint64_t)event.kind << 24 | (uint64_t)event.peer << 16 | event.arg;
}

static bool is_message(struct small_event event)
{
    return event.kind == SMALL_TO_COORD || event.kind == SMALL_TO_PART;
}

static bool is_idle(const struct small_memo *memo, uint32_t from, struct small_event event)
{
    return is_message(event) && from < memo->idle_room &&
           (memo->idle[from].sets[event.peer].words[event.arg / 64] >> (event.arg % 64) & 1) != 0;
}

static bool knows(const struct small_memo *memo, uint32_t from, struct small_event event)
{
    uint32_t ignored;

    return is_idle(memo, from, event) || small_map_find(&memo->step_of, key_of(from, event), &ignored);
}

bool small_coord_knows(const struct small_nodes *nodes, uint32_t from, struct small_event event)
{
    return knows(&nodes->coord_memo, from, event);
}

bool small_part_knows(const struct small_nodes *nodes, uint32_t from, struct small_event event)
{
    event.peer = 0;
    return knows(&nodes->part_memo, from, event);
}

static const struct small_step *do_nothing(struct small_memo *memo, uint32_t from)
{
    memo->nothing = (struct small_step){.to = from};
    return &memo->nothing;
}

static const struct small_step *remember(struct small_nodes *nodes, struct small_memo *memo, run_fn *run, uint32_t from,
                                         struct small_event event)
{
    const uint64_t key = key_of(from, event);
    uint32_t at;

    if (is_idle(memo, from, event))
        return do_nothing(memo, from);
    if (small_map_find(&memo->step_of, key, &at))
        return &memo->steps[at];
    VOW_ASSERT(!nodes->is_folded);
    struct small_step step = {.to = from};

    run_guarded(run, nodes, from, event, &step);
    nodes->core_steps++;
    if (is_message(event) && small_step_is_idle(&step, from)) {
        memo->idle = small_room_grow(memo->idle, &memo->idle_room, (size_t)from + 1, sizeof(*memo->idle));
        memo->idle[from].sets[event.peer].words[event.arg / 64] |= UINT64_C(1) << (event.arg % 64);
        return do_nothing(memo, from);
    }
    memo->steps = small_room_grow(memo->steps, &memo->steps_room, memo->steps_len + 1, sizeof(*memo->steps));
    memo->steps[memo->steps_len] = step;
    small_map_put(&memo->step_of, key, (uint32_t)memo->steps_len);
    return &memo->steps[memo->steps_len++];
}

const struct small_step *small_coord_step(struct small_nodes *nodes, uint32_t from, struct small_event event)
{
    return remember(nodes, &nodes->coord_memo, small_coord_run, from, event);
}

/* Which participant it is makes no difference to it. */
const struct small_step *small_part_step(struct small_nodes *nodes, uint32_t from, struct small_event event)
{
    event.peer = 0;
    return remember(nodes, &nodes->part_memo, small_part_run, from, event);
}

void small_nodes_repeat(struct small_nodes *nodes, uint32_t from, struct small_event event)
{
    struct small_step step = {.to = from};

    run_guarded(event.kind < SMALL_JOIN ? small_coord_run : small_part_run, nodes, from, event, &step);
    small_nodes_let_go(nodes);
}

void small_nodes_init(struct small_nodes *nodes, const struct small_config *config)
{
    *nodes = (struct small_nodes){.config = *config};
    small_mail_init(&nodes->mail);
    small_coord_first(nodes);
    small_part_first(nodes);
}

static void free_memo(struct small_memo *memo)
{
    small_map_deinit(&memo->step_of);
    small_map_deinit(&memo->state_of);
    free(memo->steps);
    free(memo->idle);
    free(memo->reached);
    free(memo->moves);
    free(memo->first_move);
    free(memo->stands_for);
    free(memo->live);
    free(memo->rise);
    free(memo->future);
    free(memo->rank);
    free(memo->is_blind);
}

void small_nodes_deinit(struct small_nodes *nodes)
{
    small_nodes_let_go(nodes);
    for (size_t i = 0; i < nodes->coords_len; i++) {
        free(nodes->coords[i].image.words);
        free(nodes->coords[i].queue);
    }
    for (size_t i = 0; i < nodes->parts_len; i++)
        free(nodes->parts[i].image.words);
    free(nodes->coords);
    free(nodes->parts);
    free_memo(&nodes->coord_memo);
    free_memo(&nodes->part_memo);
    free_memo(&nodes->coord_quiet);
    free_memo(&nodes->part_quiet);
    small_block_deinit(&nodes->coord_block);
    small_block_deinit(&nodes->part_block);
    small_mail_deinit(&nodes->mail);
    small_map_deinit(&nodes->turned_set_of);
    for (uint32_t i = 0; i < SMALL_TURNS_MAX; i++) {
        free(nodes->turns[i].coords);
        free(nodes->turns[i].parts);
    }
}
