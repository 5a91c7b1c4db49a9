#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chaos/compare/compare.h"
#include "chaos/kill/library.h"
#include "chaos/kill/run.h"

static const char help[] =
    "vow-chaos compare: the same orders and faults in several ways, and what each of them costs\n"
    "\n"
    "  vow-chaos compare SCENARIO.yaml [--out DIR] [--runs N] [--arms LIST] [--seed N] [--set NAME=VALUE]...\n"
    "  vow-chaos compare NAME ...   a scenario that is installed; see vow-chaos list\n"
    "  vow-chaos compare --redraw DIR\n"
    "\n"
    "  --out DIR         report.html, results.json, results.csv, and the archives of all runs; a new or empty folder\n"
    "                    (one under out/)\n"
    "  --runs N          runs of each arm (3)\n"
    "  --arms A,B,...    only these; see --list (those that the scenario is for, its key arms; else all)\n"
    "  --seed N          ${seed} of the first run of each arm; the next have the next (1)\n"
    "  --set NAME=VALUE  another value of one of the scenario's vars, for all runs\n"
    "  --redraw DIR      write DIR/report.html anew from DIR/results.json\n"
    "  --list            print the arms\n"
    "  --help\n"
    "\n"
    "A scenario takes part if ${protocol} or ${arm} is among its vars (docs/experiment.md).\n"
    "Exit status: 0 all runs are valid · 1 one was violated · 2 usage · 3 one is not valid: it proves less than it\n"
    "says, was not measured, or breaks a law that every run must obey\n";

static int usage(const char *what, const char *value)
{
    (void)fprintf(stderr, "vow-chaos compare: %s %s; see vow-chaos compare --help\n", what, value);
    return REAL_BAD;
}

static bool read_number(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
    const size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 9 || text[len] != '\0')
        return false;
    *number = (uint32_t)strtoul(text, NULL, 10);
    return *number >= least && *number <= most;
}

static int list_arms(void)
{
    for (int i = 0; i < COMPARE_ARMS; i++) {
        const struct compare_arm *arm = compare_arm((enum compare_arm_name)i);
        printf("%-22s %s\n", arm->word, arm->text);
    }
    return REAL_HELD;
}

static int read_flag(int flag, const char *value, struct compare_options *options)
{
    char wrong[64];

    if (flag == 'o')
        options->out = value;
    else if (flag == 'd')
        options->redraw = value;
    else if (flag == 'r' && !read_number(value, 1, COMPARE_RUNS_MAX, &options->runs))
        return usage("--runs wants a number of 1 to 1000, found", value);
    else if (flag == 's' && !read_number(value, 0, UINT32_MAX, &options->seed))
        return usage("--seed wants a number, found", value);
    else if (flag == 'a' && compare_arms_parse(value, &options->arms, wrong) != 0)
        return usage("--arms does not know, or has twice,", wrong);
    else if (flag == 'v' && options->sets.len == REAL_VARS_MAX)
        return usage("there are too many of --set", value);
    else if (flag == 'v')
        options->sets.of[options->sets.len++] = value;
    return -1;
}

/* Returns a status to end with, or -1 to go on. */
static int read_flags(int argc, char **argv, struct compare_options *options)
{
    static const struct option flags[] = {{"out", required_argument, NULL, 'o'},
                                          {"runs", required_argument, NULL, 'r'},
                                          {"arms", required_argument, NULL, 'a'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"set", required_argument, NULL, 'v'},
                                          {"redraw", required_argument, NULL, 'd'},
                                          {"list", no_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int flag, status = -1;

    opterr = 0;
    while (status < 0 && (flag = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
        if (flag == 'h')
            return fputs(help, stdout) < 0 ? REAL_BAD : REAL_HELD;
        if (flag == 'l')
            return list_arms();
        if (flag == ':' || flag == '?')
            return usage(flag == ':' ? "a value is missing behind" : "there is no flag", argv[optind - 1]);
        status = read_flag(flag, optarg, options);
    }
    if (status >= 0)
        return status;
    if (optind + (options->redraw == NULL) != argc)
        return usage(options->redraw == NULL ? "wants one scenario, found" : "--redraw wants no scenario, found",
                     optind == argc ? "none" : argv[argc - 1]);
    options->scenario = argv[optind];
    return -1;
}

/* A word as a shell reads it; a quote ends the quotes, stands for itself, and begins them again. */
static size_t write_word(const char *word, char *text, size_t size)
{
    const bool is_plain = word[0] != '\0' && strpbrk(word, " \t\n'\"\\$&|;<>()*?[]#~`!{}") == NULL;
    size_t len = (size_t)snprintf(text, size, is_plain ? " " : " '");

    for (; *word != '\0' && len < size; word++)
        len += (size_t)snprintf(text + len, size - len, *word == '\'' ? "'\\''" : "%c", *word);
    if (!is_plain && len < size)
        len += (size_t)snprintf(text + len, size - len, "'");
    return len;
}

/* What repeats it, for a shell. */
static void write_command(int argc, char **argv, char *text, size_t size)
{
    size_t len = (size_t)snprintf(text, size, "vow-chaos compare");

    for (int i = 1; i < argc && len < size; i++)
        len += write_word(argv[i], text + len, size - len);
}

int compare_command(int argc, char **argv)
{
    struct compare_options options = {.runs = 3, .seed = 1};
    char text[4096], path[REAL_FILE_SIZE];

    write_command(argc, argv, text, sizeof(text));
    const int status = read_flags(argc, argv, &options);
    if (status >= 0)
        return status;
    if (options.scenario != NULL && access(options.scenario, F_OK) != 0 &&
        real_library_find(options.scenario, path, sizeof(path)))
        options.scenario = path;
    options.command = text;
    return options.redraw != NULL ? compare_redraw(options.redraw) : compare_all(&options);
}
