/* vowctl: the operator's tool. What commands there are, and which flags each has a use for. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "coordinator/ctl/commands.h"
#include "coordinator/ctl/told.h"
#include "proto/line.h"

static const char help[] =
    "vowctl: what the coordinator is doing, and why\n"
    "\n"
    "  vowctl [--coordinator ADDR] [--json] COMMAND\n"
    "\n"
    "  status                          counters, journal, health at a glance\n"
    "  list [--in-doubt|--stuck|--all] transactions in memory; in-doubt: decided, not acknowledged by all,\n"
    "                                  or left to its one participant, which has not said what it did;\n"
    "                                  stuck: decided, and asked for again three times or for 10 s\n"
    "  show ID                         one transaction: who voted what, what it waits for\n"
    "  history ID                      its events in the journal\n"
    "  replay --until TIME|LSN [ID]    what had not ended then: the state after the event LSN, or after the last one "
    "up\n"
    "                                  to TIME (2026-11-26T12:58:53Z); with ID: that one then, and its events up to "
    "there.\n"
    "                                  With --data: out of the directory of a stopped vowd, or of a copy\n"
    "  peers                           participants, connected or not\n"
    "  abort ID                        aborts a transaction that is not decided\n"
    "  commit|abort ID --participant P ends the prepared branch of one participant by hand\n"
    "  forget ID [--participant P]     damage done by hand has been seen to; or P never comes back\n"
    "                                  These three explain what they may break, ask on a terminal (else: --yes), want\n"
    "                                  --reason TEXT, and are kept in the history with who asked (--as NAME)\n"
    "  saga list [--stuck|--all]       sagas that have not ended; --all: and those whose end is not written down yet\n"
    "  saga show ID                    one saga: how its steps stand; its events, if it has ended\n"
    "  saga retry|close ID             what is stuck is tried again, or ends as it is; these ask like the three above\n"
    "  topics                          groups of consumers and what they have not done; topics that wait\n"
    "  topics remove GROUP             a group that never comes back, with all that it has not done; asks like the "
    "three\n"
    "                                  above\n"
    "  topics seek GROUP --to WHERE    a group goes on from the event OFFSET, from the oldest that is kept, or with "
    "what\n"
    "                                  comes from now on (OFFSET|oldest|newest); asks like the three above\n"
    "  dlq list [GROUP]                dead letters: events that a group could not do; show GROUP OFFSET: one of them\n"
    "  dlq retry|drop GROUP OFFSET     it is delivered again, or given up; these ask like the three above\n"
    "  doctor [--data DIR]             what is well, what is not, and what to do; with --data: of a stopped vowd\n"
    "  states [--dot|--markdown]       the state table of a transaction (default: Mermaid); asks nobody\n"
    "\n"
    "  --coordinator ADDR  where vowd listens          (127.0.0.1:7420); or a participant: for list --in-doubt, show,\n"
    "                      commit and abort, of what it holds itself\n"
    "  --json              JSON: an object for status, show, replay and doctor, else an array of objects\n"
    "  --timeout MS        how long to wait            (5000)\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 answered, done · 1 no answer; what changes something was not done · 2 wrong flags\n"
    "             3 no such transaction, or state · 4 refused, nothing was done · 5 not confirmed, nothing was done\n"
    "             6 ordered, and not known whether it was done\n"
    "of doctor:   0 all is well, or warnings only · 1 something is wrong · 2 wrong flags · 3 could not look\n";

/* The letters of flags, as flags.c has them. */
#define ASKS "cjt"
#define ORDERS ASKS "rAy"

#define NOTHING "takes no argument"
#define ONE_TXN "wants one transaction id"
#define SAGA "wants list, show ID, retry ID or close ID"
#define TOPICS "takes no argument, remove GROUP, or seek GROUP --to OFFSET|oldest|newest"
#define DLQ "wants list, show GROUP OFFSET, retry GROUP OFFSET or drop GROUP OFFSET"

/* A flag that a command has no use for is refused: whoever gives it believes in it. */
static const struct command {
    const char *name, *verb; /* verb "" = there is none */
    const char *flags;
    int words_min, words_max; /* behind name and verb */
    const char *wants;        /* what is said if there are fewer or more */
    command_fn *run;
} commands[] = {
    {"status", "", ASKS, 0, 0, NOTHING, run_status},
    {"list", "", ASKS "isa", 0, 0, NOTHING, run_list},
    {"show", "", ASKS, 1, 1, ONE_TXN, run_show},
    {"history", "", ASKS, 1, 1, ONE_TXN, run_history},
    {"replay", "", ASKS "Du", 0, 1, "takes one id at most", run_replay},
    {"peers", "", ASKS, 0, 0, NOTHING, run_peers},
    {"abort", "", ORDERS "p", 1, 1, ONE_TXN, run_abort},
    {"commit", "", ORDERS "p", 1, 1, ONE_TXN, run_commit},
    {"forget", "", ORDERS "p", 1, 1, ONE_TXN, run_forget},
    {"saga", "list", ASKS "sa", 0, 0, SAGA, run_saga_list},
    {"saga", "show", ASKS, 1, 1, SAGA, run_saga_show},
    {"saga", "retry", ORDERS, 1, 1, SAGA, run_saga_retry},
    {"saga", "close", ORDERS, 1, 1, SAGA, run_saga_close},
    {"topics", "remove", ORDERS, 1, 1, TOPICS, run_topics_remove},
    {"topics", "seek", ORDERS "o", 1, 1, TOPICS, run_topics_seek},
    {"topics", "", ASKS, 0, 0, TOPICS, run_topics},
    {"dlq", "list", ASKS, 0, 1, DLQ, run_dlq_list},
    {"dlq", "show", ASKS, 2, 2, DLQ, run_dlq_show},
    {"dlq", "retry", ORDERS, 2, 2, DLQ, run_dlq_retry},
    {"dlq", "drop", ORDERS, 2, 2, DLQ, run_dlq_drop},
    {"doctor", "", ASKS "D", 0, 0, NOTHING, run_doctor},
    {"states", "", "dm", 0, 0, NOTHING, run_states},
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* Of what there is not: says so, and NULL. */
static const struct command *find(int argc, char **argv)
{
    const char *wants = argc > 0 ? "no such command" : "say what to do";
    for (size_t i = 0; argc > 0 && i < COMMANDS; i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        if (commands[i].verb[0] == '\0' || (argc > 1 && strcmp(argv[1], commands[i].verb) == 0))
            return &commands[i];
        wants = commands[i].wants;
    }
    (void)usage(argc > 0 ? argv[0] : "no command", wants);
    return NULL;
}

/* ---- flags that are not for it ---- */

static void put_command(struct vow_line *line, const char *before, const struct command *command)
{
    vow_line_put(line, before);
    vow_line_put(line, command->name);
    if (command->verb[0] != '\0')
        vow_line_put(line, " ");
    vow_line_put(line, command->verb);
}

static int refuse_flag(char letter, const struct command *command)
{
    char flag[32], why[512];
    const char *before = ", but for ";
    snprintf(flag, sizeof(flag), "--%s", flags_name(letter));
    struct vow_line line = vow_line_start(why, sizeof(why));
    put_command(&line, "is not for ", command);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strchr(commands[i].flags, letter) == NULL)
            continue;
        put_command(&line, before, &commands[i]);
        before = ", ";
    }
    return usage(flag, why);
}

/* ---- running it ---- */

/* An answer that did not arrive is none. An order is done all the same, or is not, and its status says which. */
static int finish(bool is_order, int status)
{
    if (told_all())
        return status;
    fprintf(stderr, "vowctl: stdout cannot be written\n");
    return status == EXIT_ANSWERED && !is_order ? EXIT_NO_ANSWER : status;
}

static int run_command(const struct flags *flags, int argc, char **argv)
{
    const struct command *command = find(argc, argv);
    if (command == NULL)
        return EXIT_USAGE;
    const char unused = flags_first_unused(flags, command->flags);
    if (unused != '\0')
        return refuse_flag(unused, command);
    const int own = command->verb[0] != '\0' ? 2 : 1;
    if (argc - own < command->words_min || argc - own > command->words_max)
        return usage(command->name, command->wants);
    return finish(strchr(command->flags, 'y') != NULL, command->run(flags, argv + own));
}

static int tell(const struct flags *flags)
{
    if (flags->help)
        fputs(help, stdout);
    else
        printf("vowctl %s (wire %d)\n", VOW_SOFTWARE_VERSION, VOW_WIRE_VERSION);
    return finish(false, EXIT_ANSWERED);
}

int main(int argc, char **argv)
{
    struct flags flags;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* doctor writes to measure, and says that it could not */
    const int error = flags_parse(&flags, argc, argv);
    if (error != 0)
        return error;
    return flags.help || flags.version ? tell(&flags) : run_command(&flags, argc - optind, argv + optind);
}
