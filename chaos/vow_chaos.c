/* vow-chaos: breaks a cluster on purpose, and proves what held. */
#include <stdio.h>
#include <string.h>

#include "chaos/compare/compare.h"
#include "chaos/export/export.h"
#include "chaos/judge/command.h"
#include "chaos/kill/command.h"
#include "chaos/kill/library.h"
#include "chaos/kill/scenario.h"
#include "chaos/points/points.h"
#include "chaos/sim/command.h"
#include "chaos/sim/plan.h"
#include "chaos/sim/report.h"
#include "chaos/sim/seen.h"
#include "chaos/storm/storm.h"

static const char help[] =
    "vow-chaos: breaks a cluster on purpose, and proves what held\n"
    "\n"
    "  vow-chaos sim [--seeds A..B] [--protocol 2pc|saga|events|all] [--trace] [--json] [--jobs N] [--first]\n"
    "  vow-chaos run SCENARIO.yaml [--out DIR] [--seed N] [--set NAME=VALUE]... [--json]\n"
    "  vow-chaos storm [--kills N | --points] [--kinds LIST] [--seed N] [SCENARIO.yaml]\n"
    "  vow-chaos compare SCENARIO.yaml [--out DIR] [--runs N] [--arms LIST]\n"
    "  vow-chaos export --as elle|jepsen HISTORY [ACCESSES...]\n"
    "  vow-chaos judge DIR\n"
    "  vow-chaos list\n"
    "  vow-chaos --help | --version\n"
    "\n"
    "  sim      coordinators, participants and clients in one process, on a virtual network, clock and\n"
    "           disk, each world from one seed; see vow-chaos sim --help\n"
    "  run      real processes, any that a scenario names, killed and started again as it says; see vow-chaos run "
    "--help\n"
    "  storm    real processes, killed at random moments or at every crash point; see vow-chaos storm --help\n"
    "  compare  the same orders and faults as transactions and as sagas, and what each costs; see vow-chaos compare "
    "--help\n"
    "  export   the history of a load as Elle and Jepsen read it; see vow-chaos export --help\n"
    "  judge    the archive of a run, by the laws that it was held to while it went on; see vow-chaos judge --help\n"
    "  list     what it may do to them, crash points, and the scenarios that are installed\n"
    "\n"
    "Exit status: 0 held · 1 an invariant was violated · 2 usage · 3 invalid: a planned fault was\n"
    "never hit\n";

static int list(void)
{
    printf("faults:\n");
    for (int i = 1; i < SIM_FAULTS; i++)
        printf("  %-18s %s\n", sim_fault_name((enum sim_fault)i), sim_fault_text((enum sim_fault)i));
    printf("actions of a plan:\n");
#define ACTION(name, text) printf("  %-18s %s\n", #name, text);
    SIM_ACTIONS(ACTION)
#undef ACTION
    printf("options of a world:\n");
#define OPTION(name, least, most, text) printf("  %-18s %s\n", #name, text);
#include "chaos/sim/options.def"
#undef OPTION
    printf("actions of a scenario of real processes:\n");
    for (int i = 0; i < REAL_ACTIONS; i++)
        printf("  %-18s %s\n", real_action_key((enum real_action)i), real_action_text((enum real_action)i));
    points_print(stdout);
    real_library_print(stdout);
    return SIM_EXIT_HELD;
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    if (strcmp(command, "sim") == 0)
        return sim_command(argc - 1, argv + 1);
    if (strcmp(command, "run") == 0)
        return real_command(argc - 1, argv + 1);
    if (strcmp(command, "storm") == 0)
        return storm_command(argc - 1, argv + 1);
    if (strcmp(command, "compare") == 0)
        return compare_command(argc - 1, argv + 1);
    if (strcmp(command, "export") == 0)
        return export_command(argc - 1, argv + 1);
    if (strcmp(command, "judge") == 0)
        return judge_command(argc - 1, argv + 1);
    if (strcmp(command, "list") == 0 && argc == 2)
        return list();
    if (strcmp(command, "--help") == 0 || strcmp(command, "help") == 0) {
        (void)fputs(help, stdout);
        return SIM_EXIT_HELD;
    }
    if (strcmp(command, "--version") == 0) {
        printf("vow-chaos %s\n", VOW_SOFTWARE_VERSION);
        return SIM_EXIT_HELD;
    }
    if (strcmp(command, "list") == 0)
        (void)fprintf(stderr, "vow-chaos list: wants nothing more, found %s; see vow-chaos --help\n", argv[2]);
    else if (argc > 1)
        (void)fprintf(
            stderr,
            "vow-chaos: wants sim, run, storm, compare, export, judge or list, found %s; see vow-chaos --help\n",
            command);
    else
        (void)fputs(help, stderr);
    return SIM_EXIT_USAGE;
}
