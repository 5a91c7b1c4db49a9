#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/directory.h"
#include "chaos/kill/library.h"
#include "chaos/storm/storm.h"

static const char help[] =
    "vow-chaos storm: kills real processes, again and again, and judges what they have left\n"
    "\n"
    "  vow-chaos storm [--kills N] [--seed N] [--kinds LIST]   at random moments, in worlds of all kinds of\n"
    "                                            transactions, one after another\n"
    "  vow-chaos storm SCENARIO.yaml [--kills N] [--seed N]    in a world of your own; its load is told to end by\n"
    "                                            SIGTERM, when it is enough\n"
    "  vow-chaos storm --points [--kinds LIST]   at every crash point (vow-chaos list), at least once for each kind "
    "of\n"
    "                                            transaction that comes to it; for a build that has them\n"
    "  vow-chaos storm --pairs N [--kinds LIST] [--seed N]     at crash points, and again at another in the life that\n"
    "                                            comes next, until there have been so many different pairs\n"
    "\n"
    "  --kills N     how many in all (200)\n"
    "  --per-world N how many in one world (100, or a fortieth of all if that is more)\n"
    "  --every N     one in so many milliseconds, on the average (120)\n"
    "  --kinds LIST  with commas; see vow-chaos list\n"
    "  --seed N      what is drawn follows it; each world has the next (1)\n"
    "  --at LIST     of points: these alone\n"
    "  --times N     at each point and kind at least so often (1)\n"
    "  --set NAME=VALUE\n                ${NAME} of the scenario\n"
    "  --out DIR     where archives of worlds that did not hold stay; a new or empty folder (one under out/)\n"
    "  --help\n"
    "\n"
    "Exit status: 0 held · 1 violated · 2 usage, or a bad scenario · 3 invalid: it shows less than it says\n";

/* A world that begins and ends takes as long as dozens of kills. */
#define PER_WORLD 100
#define WORLDS_MANY 40

static int usage(const char *what, const char *value)
{
    (void)fprintf(stderr, "vow-chaos storm: %s %s; see vow-chaos storm --help\n", what, value);
    return REAL_BAD;
}

static bool read_number(const char *text, uint32_t *number)
{
    const size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 9 || text[len] != '\0')
        return false;
    *number = (uint32_t)strtoul(text, NULL, 10);
    return true;
}

static bool read_kinds(const char *list, struct storm_options *options)
{
    options->has_kinds = true;
    for (const char *at = list;; at++) {
        const size_t len = strcspn(at, ",");
        const enum points_kind kind = points_kind_find(at, len);
        if (kind == POINTS_KINDS)
            return false;
        options->kinds[kind] = true;
        at += len;
        if (*at == '\0')
            return true;
    }
}

static bool read_set(const char *text, struct storm_options *options)
{
    if (strchr(text, '=') == NULL || options->sets.len == REAL_VARS_MAX / 2)
        return false;
    options->sets.of[options->sets.len++] = text;
    return true;
}

/* What is at least 1; NULL = it is another flag. */
static uint32_t *count_of(int flag, struct storm_options *options)
{
    switch (flag) {
    case 'k':
        return &options->kills;
    case 'w':
        return &options->per_world;
    case 't':
        return &options->times;
    case 'P':
        return &options->pairs;
    default:
        return NULL;
    }
}

/* False if the value is none. */
static bool read_flag(int flag, struct storm_options *options)
{
    uint32_t *count = count_of(flag, options);

    options->is_points = options->is_points || flag == 'p' || flag == 'P';
    if (count != NULL)
        return read_number(optarg, count) && *count > 0;
    if (flag == 'e')
        return read_number(optarg, &options->every_ms);
    if (flag == 's')
        return read_number(optarg, &options->seed);
    if (flag == 'K')
        return read_kinds(optarg, options);
    if (flag == 'v')
        return read_set(optarg, options);
    if (flag == 'a')
        options->at = optarg;
    options->out = flag == 'o' ? optarg : options->out;
    return true;
}

/* Its own name, or one of a list. */
bool storm_is_in(const char *list, const char *name)
{
    const size_t len = strlen(name);

    for (const char *at = list; at != NULL; at = strchr(at, ','), at += at != NULL)
        if (strcspn(at, ",") == len && memcmp(at, name, len) == 0)
            return true;
    return false;
}

static bool all_are_points(const char *list)
{
    size_t found = 0, wanted = 1;

    for (const char *at = list; *at != '\0'; at++)
        wanted += *at == ',';
    for (size_t i = 0; points_name(i) != NULL; i++)
        found += storm_is_in(list, points_name(i));
    return found == wanted;
}

/* Returns a status to end with, or -1 to go on. */
static int read_flags(int argc, char **argv, struct storm_options *options)
{
    static const struct option flags[] = {{"kills", required_argument, NULL, 'k'},
                                          {"per-world", required_argument, NULL, 'w'},
                                          {"every", required_argument, NULL, 'e'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"kinds", required_argument, NULL, 'K'},
                                          {"at", required_argument, NULL, 'a'},
                                          {"times", required_argument, NULL, 't'},
                                          {"set", required_argument, NULL, 'v'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"points", no_argument, NULL, 'p'},
                                          {"pairs", required_argument, NULL, 'P'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int flag;

    opterr = 0;
    while ((flag = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
        if (flag == ':' || flag == '?')
            return usage(flag == ':' ? "a value is missing behind" : "there is no flag", argv[optind - 1]);
        if (flag == 'h')
            return fputs(help, stdout) < 0 ? REAL_BAD : REAL_HELD;
        if (!read_flag(flag, options))
            return usage("there is no such value:", optarg);
    }
    if (optind + 1 < argc)
        return usage("wants one scenario at most, found", argv[optind + 1]);
    options->scenario = argv[optind];
    if (options->at != NULL && (!options->is_points || options->pairs > 0))
        return usage("--at goes with --points; found", options->at);
    if (!options->is_points && options->kinds[POINTS_OPERATOR])
        return usage("--kinds operator goes with --points, found", "none");
    if (options->at != NULL && !all_are_points(options->at))
        return usage("there is no such point among", options->at);
    if (options->scenario != NULL && (options->is_points || options->has_kinds))
        return usage("--points and --kinds are of Vow's own worlds, and not of", options->scenario);
    return -1;
}

static int make_out(const char *wanted, char out[STORM_PATH_SIZE])
{
    if (wanted != NULL && strlen(wanted) > 700)
        return ENAMETOOLONG;
    if (wanted != NULL)
        (void)snprintf(out, STORM_PATH_SIZE, "%s", wanted);
    else
        (void)snprintf(out, STORM_PATH_SIZE, "out/storm-%d", (int)getpid());
    const int error = real_directory_is_free(out);
    return error != 0 ? error : real_directory_make(out);
}

/* Before anything is made: each world would find the same mistake, and be counted as one that has not held. */
static int check_scenario(const struct storm_options *options)
{
    struct real_scenario *scenario;
    struct real_error error;

    if (options->scenario == NULL)
        return 0;
    if (real_scenario_load(options->scenario, &options->sets, &scenario, &error) != 0)
        return real_scenario_tell("vow-chaos storm", &error), -1;
    real_scenario_free(scenario);
    return 0;
}

int storm_command(int argc, char **argv)
{
    struct storm_options options = {.times = 1, .kills = 200, .every_ms = 120, .seed = 1};
    char out[STORM_PATH_SIZE], path[REAL_FILE_SIZE];
    const int status = read_flags(argc, argv, &options);
    int error;

    if (status >= 0)
        return status;
    if (options.scenario != NULL && access(options.scenario, F_OK) != 0 &&
        real_library_find(options.scenario, path, sizeof(path)))
        options.scenario = path;
    if (check_scenario(&options) != 0)
        return REAL_BAD;
    if ((error = make_out(options.out, out)) != 0)
        return usage(out, strerror(error));
    if (options.per_world == 0)
        options.per_world = options.kills / WORLDS_MANY > PER_WORLD ? options.kills / WORLDS_MANY : PER_WORLD;
    if (options.pairs > 0)
        return storm_pairs(&options, out);
    return options.is_points ? storm_matrix(&options, out) : storm_kills(&options, out);
}
