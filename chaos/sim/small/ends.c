/*
 * The faults are over: does all that is open end? From a state a run without faults is played, one that is fair: dead
 * nodes start, what is disconnected connects, disks answer, each message that is sent now arrives, in order, and when
 * nothing is left to do the timers run out, each in its turn. What was sent before is lost, which is the worst.
 */
#include <string.h>

#include "chaos/sim/small/peers.h"
#include "chaos/sim/small/world.h"

#define ROUNDS_MAX 200
#define LETTERS_MAX 256

/* In the order in which they were sent. */
struct run {
    struct small_nodes *nodes;
    struct small_world world;
    struct small_breach breach;
    struct small_event letters[LETTERS_MAX];
    uint32_t letters_len;
    bool moved; /* in this round */
    const struct small_names *names;
    FILE *trace;
};

static void post(struct run *run, struct small_event event, const struct small_step *step)
{
    for (uint32_t i = 0; i < step->sends_len && run->letters_len < LETTERS_MAX; i++) {
        const struct small_event letter = small_letter(run->nodes, event, step, i);

        if (letter.kind != 0)
            run->letters[run->letters_len++] = letter;
    }
}

static void happen(struct run *run, enum small_event_kind kind, uint32_t peer, uint32_t arg)
{
    const struct small_event event = {(uint8_t)kind, (uint8_t)peer, (uint16_t)arg};

    const struct small_world before = run->world;
    const uint32_t letters_len = run->letters_len;

    if (run->breach.rule != NULL)
        return;
    if (event.kind < SMALL_JOIN)
        post(run, event, small_coord_step(run->nodes, run->world.coord, event));
    else
        post(run, event, small_part_step(run->nodes, run->world.parts[peer], event));
    run->breach = small_world_step(run->nodes, &run->world, event);
    run->moved = run->moved || run->letters_len > letters_len || memcmp(&before, &run->world, sizeof(before)) != 0;
    if (run->trace != NULL)
        small_print(run->nodes, &run->world, event, run->names, run->trace);
}

static const struct small_coord *coord_of(const struct run *run)
{
    return &run->nodes->coords[run->world.coord];
}

static const struct small_part *part_of(const struct run *run, uint32_t peer)
{
    return &run->nodes->parts[run->world.parts[peer]];
}

static bool is_whole(const struct run *run, uint32_t peer)
{
    const struct small_coord *coord = coord_of(run);
    const struct small_part *part = part_of(run, peer);

    return coord->up && (coord->sessions >> peer & 1) != 0 && part->up && part->is_connected;
}

/* What is half open is seen to be broken by the other half, too; then it is made anew. */
static void connect(struct run *run, uint32_t peer)
{
    const struct small_part *part = part_of(run, peer);

    if (is_whole(run, peer))
        return;
    if (part->is_connected)
        happen(run, SMALL_COORD_DOWN, peer, 0);
    if ((coord_of(run)->sessions >> peer & 1) != 0)
        happen(run, SMALL_SESSION_DOWN, peer, 0);
    const uint32_t welcome = coord_of(run)->welcome;

    happen(run, SMALL_SESSION_UP, peer, part_of(run, peer)->rows[0].incarnation);
    happen(run, SMALL_COORD_UP, peer, welcome);
}

static void heal(struct run *run)
{
    if (!coord_of(run)->up)
        happen(run, SMALL_COORD_START, 0, 0);
    if (!coord_of(run)->has_recovered)
        happen(run, SMALL_COORD_RECOVER, 0, 0);
    for (uint32_t i = 0; i < run->nodes->config.participants; i++) {
        if (!part_of(run, i)->up)
            happen(run, SMALL_PART_START, i, 0);
        connect(run, i);
    }
}

/* The first answer that makes a difference. */
static bool answer_store(struct run *run, uint32_t peer)
{
    enum vow_store_result results[3];
    const uint32_t before = run->world.parts[peer];

    for (uint32_t i = 0; i < part_of(run, peer)->queue_len && run->breach.rule == NULL; i++) {
        (void)small_part_answers(part_of(run, peer), i, results);
        happen(run, SMALL_STORE_DONE, peer, small_answer(i, results[0]));
        if (run->world.parts[peer] != before)
            return true;
    }
    return false;
}

static bool answer_journal(struct run *run)
{
    const uint32_t before = run->world.coord;

    if (coord_of(run)->queue_len > 0 && run->breach.rule == NULL)
        happen(run, SMALL_JOURNAL_DONE, 0, 0);
    return run->world.coord != before;
}

static void answer_disks(struct run *run)
{
    while (answer_journal(run))
        continue;
    for (uint32_t i = 0; i < run->nodes->config.participants; i++) {
        while (answer_store(run, i))
            continue;
    }
}

static void deliver(struct run *run)
{
    const uint32_t len = run->letters_len;

    for (uint32_t i = 0; i < len; i++)
        happen(run, (enum small_event_kind)run->letters[i].kind, run->letters[i].peer, run->letters[i].arg);
    run->letters_len -= len;
    memmove(run->letters, run->letters + len, run->letters_len * sizeof(run->letters[0]));
}

static void run_timers_out(struct run *run)
{
    if (coord_of(run)->has_timer)
        happen(run, SMALL_COORD_TIMER, 0, 0);
    for (uint32_t i = 0; i < run->nodes->config.participants; i++) {
        if (part_of(run, i)->has_timer)
            happen(run, SMALL_PART_LATE, i, 0);
    }
}

static bool is_over(const struct run *run)
{
    bool is_open = coord_of(run)->open > 0;

    for (uint32_t i = 0; i < run->nodes->config.participants; i++) {
        const struct small_part *part = part_of(run, i);

        is_open = is_open || part->open > 0 || part->rows[part->rows_len - 1].state == SMALL_ROW_PREPARED;
    }
    return !is_open;
}

static uint64_t key_of(const struct run *run)
{
    uint64_t key = small_mix(1, run->world.coord);

    for (uint32_t i = 0; i < run->nodes->config.participants; i++)
        key = small_mix(key, run->world.parts[i]);
    return small_mix(key, run->world.flags);
}

static bool is_known(const struct run *run, const struct small_map *seen)
{
    uint32_t ignored;

    return run->letters_len == 0 && small_map_find(seen, key_of(run), &ignored);
}

/* By whatever names; not what was said or voted, which a search may leave out when it makes no difference any more. */
static void note_outcome(const struct run *run, struct small_ends *ends, bool has_ended)
{
    const uint64_t flags = run->world.flags & (SMALL_F_COMMIT | SMALL_F_COMMIT_LOGGED | SMALL_F_END);
    uint64_t outcome = small_mix(small_mix(1, flags), has_ended);
    uint64_t parts = 0;
    uint32_t ignored;

    for (uint32_t i = 0; i < run->nodes->config.participants; i++) {
        const uint64_t done = run->world.flags >> small_f(i, 0) & (1u << SMALL_P_COMMITTED | 1u << SMALL_P_MEMO);

        parts += small_mix(2, done);
    }
    outcome = small_mix(outcome, parts);
    if (small_map_find(&ends->outcomes, outcome, &ignored))
        return;
    small_map_put(&ends->outcomes, outcome, 1);
    ends->outcomes_digest += outcome;
}

void small_ends_deinit(struct small_ends *ends)
{
    small_map_deinit(&ends->from);
    small_map_deinit(&ends->outcomes);
}

struct small_breach small_world_ends(struct small_nodes *nodes, const struct small_world *world,
                                     struct small_ends *ends, const struct small_names *names, FILE *trace)
{
    struct small_map *seen = &ends->from;
    struct run run = {.nodes = nodes, .world = *world, .names = names, .trace = trace};
    uint64_t passed[ROUNDS_MAX];
    uint32_t passed_len = 0;

    note_outcome(&run, ends, false);
    for (uint32_t i = 0; i < ROUNDS_MAX && run.breach.rule == NULL; i++) {
        if (is_known(&run, seen))
            break;
        if (run.letters_len == 0)
            passed[passed_len++] = key_of(&run);
        run.moved = false;
        heal(&run);
        answer_disks(&run);
        deliver(&run);
        if (!run.moved && is_over(&run)) {
            run.breach = small_check_end(nodes, &run.world);
            note_outcome(&run, ends, true);
            break;
        }
        if (!run.moved)
            run_timers_out(&run);
        if (i + 1 == ROUNDS_MAX || !run.moved)
            return (struct small_breach){"I05", "the faults are over, and it does not end"};
    }
    for (uint32_t i = 0; i < passed_len && run.breach.rule == NULL; i++) {
        uint32_t ignored;

        if (!small_map_find(seen, passed[i], &ignored))
            small_map_put(seen, passed[i], 1);
    }
    return run.breach;
}
