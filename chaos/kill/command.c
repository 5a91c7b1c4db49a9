#include "chaos/kill/command.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/kill/library.h"
#include "chaos/kill/run.h"

static const char help[] =
    "vow-chaos run: runs real processes, does to them what a scenario says, and judges what they have left\n"
    "\n"
    "  vow-chaos run SCENARIO.yaml [--out DIR] [--seed N] [--set NAME=VALUE]... [--network KIND] [--json]\n"
    "  vow-chaos run NAME ...   a scenario that is installed; see vow-chaos list\n"
    "\n"
    "  --out DIR  the archive: scenario, logs, data, timeline, verdict; a new or empty folder (one under out/)\n"
    "  --seed N   ${seed} of the scenario, instead of its own\n"
    "  --set NAME=VALUE\n             ${NAME} of the scenario, in place of what its vars say\n"
    "  --network KIND\n             proxy or namespaces, in place of what the scenario says; namespaces want root\n"
    "  --json     print the verdict as JSON instead of the timeline\n"
    "  --keys     print the keys that a scenario may have\n"
    "  --help\n"
    "\n"
    "Exit status: 0 held · 1 violated · 2 usage, or a bad scenario · 3 invalid: a planned fault was never hit\n";

static int usage(const char *what, const char *value)
{
    (void)fprintf(stderr, "vow-chaos run: %s %s; see vow-chaos run --help\n", what, value);
    return REAL_BAD;
}

static bool read_seed(const char *text, struct real_run_options *options)
{
    const size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 9 || text[len] != '\0')
        return false;
    options->seed = (uint32_t)strtoul(text, NULL, 10);
    options->has_seed = true;
    return true;
}

static bool read_set(const char *text, struct real_run_options *options)
{
    if (strchr(text, '=') == NULL || options->sets.len == REAL_VARS_MAX)
        return false;
    options->sets.of[options->sets.len++] = text;
    return true;
}

/* Returns a status to end with, or -1 to go on. */
static int read_flags(int argc, char **argv, struct real_run_options *options)
{
    static const struct option flags[] = {
        {"out", required_argument, NULL, 'o'}, {"seed", required_argument, NULL, 's'},
        {"set", required_argument, NULL, 'v'}, {"network", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},      {"keys", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},      {NULL, 0, NULL, 0}};
    int flag;

    opterr = 0;
    while ((flag = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
        if (flag == 'o')
            options->out = optarg;
        else if (flag == 'n')
            options->network = optarg;
        else if (flag == 'j')
            options->is_json = true;
        else if (flag == 'v' && !read_set(optarg, options))
            return usage("--set wants NAME=VALUE, and at most 32 of them, found", optarg);
        else if (flag == 's' && !read_seed(optarg, options))
            return usage("--seed wants a number, found", optarg);
        else if (flag == 'k')
            return real_scenario_print_keys(stdout), REAL_HELD;
        else if (flag == 'h')
            return fputs(help, stdout) < 0 ? REAL_BAD : REAL_HELD;
        else if (flag != 's' && flag != 'v')
            return usage(flag == ':' ? "a value is missing behind" : "there is no flag", argv[optind - 1]);
    }
    if (optind + 1 != argc)
        return usage("wants one scenario, found", optind == argc ? "none" : argv[optind + 1]);
    options->scenario = argv[optind];
    return -1;
}

int real_command(int argc, char **argv)
{
    struct real_run_options options = {0};
    char path[REAL_FILE_SIZE];
    const int status = read_flags(argc, argv, &options);

    if (status >= 0)
        return status;
    if (access(options.scenario, F_OK) != 0) {
        if (real_library_find(options.scenario, path, sizeof(path)))
            options.scenario = path;
        else if (strpbrk(options.scenario, "/.") == NULL)
            return usage(
                "no file, and no installed scenario (vow-chaos list; in Vow's source chaos/scenarios/NAME.yaml), "
                "has the name",
                options.scenario);
    }
    return real_run(&options);
}
