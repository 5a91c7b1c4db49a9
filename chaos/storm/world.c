/* One world of a storm: its scenario, its run, and its archive. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/directory.h"
#include "chaos/storm/storm.h"
#include "chaos/storm/worlds.h"
#include "chaos/written.h"
#include "proto/jitter.h"

#define SETS_MAX 4

/* All of them go on for as long as the storm does. */
#define FOR_EVER "seconds=86400"
static const struct world {
    const char *name, *text;
    const char *sets[SETS_MAX];
    const char *calm; /* where it is calm somebody stands still again and again (shop.yaml); NULL = nobody */
} worlds[POINTS_KINDS] = {
    [POINTS_TWO_PHASE] = {"shop", world_shop, {FOR_EVER}, .calm = "hold=payment"},
    [POINTS_COOPERATIVE] = {"shop", world_shop, {FOR_EVER, "peers=127.0.0.1:0"}, .calm = "hold=payment"},
    [POINTS_OPERATOR] = {"operator", world_operator, {FOR_EVER}, .calm = NULL},
    [POINTS_ONE_PHASE] = {"shop", world_shop, {FOR_EVER, "protocol=outbox"}, .calm = "hold=shop"},
    [POINTS_SAGA] = {"shop", world_shop, {FOR_EVER, "protocol=saga"}, .calm = "hold=shop"},
    [POINTS_STUCK] = {"stuck", world_stuck, {FOR_EVER}, .calm = NULL},
    [POINTS_CHOREOGRAPHY] = {"shop", world_shop, {FOR_EVER, "protocol=choreography"}, .calm = "hold=shop"},
};

bool storm_has_kind(const struct storm_options *options, enum points_kind kind)
{
    return options->has_kinds ? options->kinds[kind] : options->is_points || kind != POINTS_OPERATOR;
}

bool storm_holds(enum points_kind kind)
{
    return kind == POINTS_TWO_PHASE || kind == POINTS_COOPERATIVE;
}

int storm_worse(int status, int other)
{
    static const int order[] = {[REAL_HELD] = 0, [REAL_INVALID] = 1, [REAL_BAD] = 2, [REAL_VIOLATED] = 3};

    return order[other] > order[status] ? other : status;
}

#define AWAY_MS 150
#define LONG_AWAY_MS 6000
#define WHILE_AWAY_MS 2000
#define WHILE_ONE_IN 8

/* Mostly it is back before anybody has asked twice; sometimes others do something meanwhile. */
uint64_t storm_away_ms(void *ctx, const char *program)
{
    struct storm_away *away = ctx;
    const uint64_t luck = vow_jitter_next(&away->luck);

    if (away->long_one_in > 0 && strcmp(program, "vowd") == 0 && luck % away->long_one_in == 0)
        return LONG_AWAY_MS;
    return luck % WHILE_ONE_IN == 1 ? WHILE_AWAY_MS : AWAY_MS;
}

/* So it can be run again by vow-chaos run. */
static int write_scenario(const struct world *world, const char *out, char path[STORM_PATH_SIZE])
{
    (void)snprintf(path, STORM_PATH_SIZE, "%.900s/%s.yaml", out, world->name);
    const int error = written_text(path, world->text);
    if (error == 0)
        return 0;
    (void)fprintf(stderr, "vow-chaos storm: %s: %s\n", path, strerror(error));
    return -1;
}

static void drop(const char *directory)
{
    if (real_directory_empty(directory) == 0)
        (void)rmdir(directory);
}

/* What is not met for so long will not be, in this world. And where most lives are long what has ended may be cut off
 * meanwhile: whoever asks has asked by then. Where they are short it would be EXPIRED for who asks late. */
#define POINTS_WITHIN "within=3m"
#define SHORTLY "retention=40s"

static bool is_set(const struct storm_options *options, const char *name)
{
    for (size_t i = 0; i < options->sets.len; i++)
        if (strncmp(options->sets.of[i], name, strlen(name)) == 0)
            return true;
    return false;
}

static void add_sets(struct real_run_options *run, const struct world *world, const struct storm_options *options,
                     bool is_calm)
{
    for (size_t i = 0; i < SETS_MAX && world->sets[i] != NULL; i++)
        run->sets.of[run->sets.len++] = world->sets[i];
    if (options->is_points && !is_set(options, "within="))
        run->sets.of[run->sets.len++] = POINTS_WITHIN;
    if (is_calm && !is_set(options, "retention="))
        run->sets.of[run->sets.len++] = SHORTLY;
    if (is_calm && world->calm != NULL)
        run->sets.of[run->sets.len++] = world->calm;
    for (size_t i = 0; i < options->sets.len && run->sets.len < REAL_VARS_MAX; i++)
        run->sets.of[run->sets.len++] = options->sets.of[i];
}

int storm_world(const struct storm_options *options, enum points_kind kind, const char *directory, uint32_t seed,
                bool is_calm, struct real_storm *storm)
{
    const struct world *world = &worlds[kind];
    char path[STORM_PATH_SIZE], above[STORM_PATH_SIZE];
    struct real_run_options run = {.out = directory, .seed = seed, .has_seed = true, .is_quiet = true, .storm = storm};

    (void)snprintf(above, sizeof(above), "%.*s", (int)(strrchr(directory, '/') - directory), directory);
    run.scenario = options->scenario;
    if (run.scenario != NULL)
        run.sets = options->sets;
    else if (write_scenario(world, above, path) != 0)
        return REAL_BAD;
    else
        run.scenario = path, add_sets(&run, world, options, is_calm);
    const int status = real_run(&run);
    if (status == REAL_HELD)
        drop(directory);
    return status;
}
