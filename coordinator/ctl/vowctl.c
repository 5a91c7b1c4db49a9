/* vowctl: the operator's tool. Flags and commands; asking is in ask.c, printing in print.c. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/core/coord.h"
#include "coordinator/ctl/ask.h"
#include "coordinator/ctl/doctor.h"
#include "coordinator/ctl/operate.h"
#include "coordinator/ctl/print.h"
#include "coordinator/ctl/replay.h"
#include "coordinator/ctl/told.h"
#include "coordinator/fold/until.h"
#include "proto/fsm_doc.h"
#include "proto/line.h"
#include "proto/net/clock.h"
#include "proto/quote.h"

enum exit_status { EXIT_ANSWERED = 0, EXIT_NO_ANSWER = 1, EXIT_USAGE = 2, EXIT_NOT_FOUND = 3 };

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

struct command {
    struct vow_address coordinator;
    struct vow_msg_admin_request request;
    bool json, dot, markdown, done;
    const char *data; /* doctor, replay: a stopped daemon's directory */
    const char *until;
    struct operation operation;
    unsigned given; /* bits: places in known_flags */
    unsigned timeout_ms;
    void (*print)(const json_t *);
    bool one_row; /* print gets the row, not the array */
};

static int usage(const char *what, const char *why)
{
    char quoted[VOW_QUOTE_SIZE];
    vow_quote(what, strlen(what), quoted);
    fprintf(stderr, "vowctl: %s: %s; see vowctl --help\n", quoted, why);
    return EXIT_USAGE;
}

/* --- what has a use for what --- */

/* A letter for each flag: `uses` and set_flag() go by them. */
static const struct option known_flags[] = {
    {"coordinator", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"timeout", required_argument, NULL, 't'},
    {"data", required_argument, NULL, 'D'},
    {"until", required_argument, NULL, 'u'},
    {"participant", required_argument, NULL, 'p'},
    {"reason", required_argument, NULL, 'r'},
    {"as", required_argument, NULL, 'A'},
    {"to", required_argument, NULL, 'o'},
    {"yes", no_argument, NULL, 'y'},
    {"in-doubt", no_argument, NULL, 'i'},
    {"stuck", no_argument, NULL, 's'},
    {"all", no_argument, NULL, 'a'},
    {"dot", no_argument, NULL, 'd'},
    {"markdown", no_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'H'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

#define ASKS "cjt"
#define ORDERS ASKS "rAy"

/* The flags that each command has a use for. One that it has none for is refused: whoever gives it believes in it. */
static const struct use {
    const char *name, *verb; /* "" = without a further word, or with any */
    const char *flags;
} uses[] = {
    {"status", "", ASKS},        {"list", "", ASKS "isa"},     {"show", "", ASKS},
    {"history", "", ASKS},       {"replay", "", ASKS "Du"},    {"peers", "", ASKS},
    {"abort", "", ORDERS "p"},   {"commit", "", ORDERS "p"},   {"forget", "", ORDERS "p"},
    {"saga", "list", ASKS "sa"}, {"saga", "show", ASKS},       {"saga", "retry", ORDERS},
    {"saga", "close", ORDERS},   {"topics", "remove", ORDERS}, {"topics", "seek", ORDERS "o"},
    {"topics", "", ASKS},        {"dlq", "list", ASKS},        {"dlq", "show", ASKS},
    {"dlq", "retry", ORDERS},    {"dlq", "drop", ORDERS},      {"doctor", "", ASKS "D"},
    {"states", "", "dm"},
};
enum { USES = sizeof(uses) / sizeof(uses[0]) };

static const struct use *use_of(int argc, char **argv)
{
    for (size_t i = 0; i < USES; i++) {
        if (strcmp(argv[0], uses[i].name) == 0 &&
            (uses[i].verb[0] == '\0' || (argc > 1 && strcmp(argv[1], uses[i].verb) == 0)))
            return &uses[i];
    }
    return NULL;
}

static void put_command(struct vow_line *line, const char *before, const struct use *use)
{
    vow_line_put(line, before);
    vow_line_put(line, use->name);
    if (use->verb[0] != '\0')
        vow_line_put(line, " ");
    vow_line_put(line, use->verb);
}

static int refuse_flag(const struct option *option, const struct use *use)
{
    char flag[32], why[512];
    const char *before = ", but for ";
    snprintf(flag, sizeof(flag), "--%s", option->name);
    struct vow_line line = vow_line_start(why, sizeof(why));
    put_command(&line, "is not for ", use);
    for (size_t i = 0; i < USES; i++) {
        if (strchr(uses[i].flags, option->val) == NULL)
            continue;
        put_command(&line, before, &uses[i]);
        before = ", ";
    }
    return usage(flag, why);
}

/* Of a command that there is not, whoever runs it says so. */
static int check_flags(unsigned given, int argc, char **argv)
{
    const struct use *use = use_of(argc, argv);
    for (size_t i = 0; use != NULL && known_flags[i].name != NULL; i++) {
        if ((given & 1U << i) != 0 && strchr(use->flags, known_flags[i].val) == NULL)
            return refuse_flag(&known_flags[i], use);
    }
    return 0;
}

/* --- commands --- */

static const struct {
    const char *name;
    enum vow_admin_command command;
    bool wants_id, one_row;
    void (*print)(const json_t *);
} commands[] = {
    {"status", VOW_ADMIN_STATUS, false, true, print_status}, {"list", VOW_ADMIN_LIST, false, false, print_list},
    {"show", VOW_ADMIN_SHOW, true, true, print_txn},         {"history", VOW_ADMIN_HISTORY, true, false, print_history},
    {"peers", VOW_ADMIN_PEERS, false, false, print_peers},   {"topics", VOW_ADMIN_TOPICS, false, false, print_topics},
};

static int states(const struct command *command)
{
    if (command->dot)
        vow_fsm_print_dot(vow_coord_fsm(), stdout);
    else if (command->markdown)
        vow_fsm_print_markdown(vow_coord_fsm(), stdout);
    else
        vow_fsm_print_mermaid(vow_coord_fsm(), stdout);
    return EXIT_ANSWERED;
}

static int examine(const struct command *command)
{
    const struct doctor_options options = {.coordinator = command->coordinator,
                                           .directory = command->data,
                                           .json = command->json,
                                           .timeout_ms = command->timeout_ms};
    return doctor(&options);
}

/* What silence says of this id (presumed abort; but nothing where the participant may have decided alone, F015). */
static const char *no_event_means(const struct vow_gtrid *gtrid)
{
    if ((vow_gtrid_flags(gtrid) & VOW_GTRID_ONE_PHASE) != 0)
        return "it had one participant, which alone may know the outcome: ask with vow_status(), naming that "
               "participant";
    return "so it is aborted (presumed), unless it has not begun, is another coordinator's or older than the history, "
           "or "
           "\"vowctl status --json\" does not yet say proved";
}

static int answer(const struct command *command)
{
    json_t *rows;
    struct vow_error_detail detail;
    int error = ask(&command->coordinator, &command->request, command->timeout_ms, &rows, &detail);
    if (error == VOW_E_NOT_FOUND && command->request.command == VOW_ADMIN_DLQ_SHOW) {
        fprintf(stderr, "vowctl: there is no such dead letter; see vowctl dlq list\n");
        return EXIT_NOT_FOUND;
    }
    if (error == VOW_E_NOT_FOUND) {
        if (command->request.command == VOW_ADMIN_SAGA_SHOW)
            fprintf(stderr,
                    "vowctl: no saga of this id has begun, or it is older than the history; \"vowctl saga list\" "
                    "has those that have not ended\n");
        else
            fprintf(stderr, "vowctl: the journal has no event of this transaction; %s\n",
                    no_event_means(&command->request.gtrid));
        return EXIT_NOT_FOUND;
    }
    if (error != 0) {
        char address[VOW_ADDRESS_SIZE];
        vow_address_print(&command->coordinator, address);
        fprintf(stderr, "vowctl: %s: %s; %s. Is vowd running there? Choose another with --coordinator\n", address,
                vow_error_text(error), detail.text);
        return EXIT_NO_ANSWER;
    }
    const json_t *shown = command->one_row ? json_array_get(rows, 0) : rows;
    if (command->json) {
        json_dumpf(shown, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        printf("\n");
    } else if (shown != NULL) {
        command->print(shown);
    }
    json_decref(rows);
    return EXIT_ANSWERED;
}

/* ---- replay ---- */

static int say_no_replay(const struct replay_options *options, const struct vow_error_detail *detail)
{
    char address[VOW_ADDRESS_SIZE];
    vow_address_print(&options->coordinator, address);
    if (detail->error == VOW_E_UNREACHABLE)
        fprintf(stderr,
                "vowctl: %s: %s. Is vowd running there? Choose another with --coordinator, wait longer with --timeout, "
                "or read the journal of a stopped one with --data\n",
                address, detail->text);
    else
        fprintf(stderr, "vowctl: %s: %s\n", options->directory != NULL ? options->directory : address, detail->text);
    return detail->error == VOW_E_ARGUMENT || detail->error == VOW_E_EXPIRED ? EXIT_NOT_FOUND : EXIT_NO_ANSWER;
}

static int show_replay(const struct command *command, const struct replay_options *options)
{
    struct vow_error_detail detail;
    json_t *state;
    int error = replay(options, &state, &detail);
    if (error == VOW_E_NOT_FOUND) {
        fprintf(stderr, "vowctl: the journal has no event of this id up to there: it was not decided, had not begun, "
                        "or is older than the history\n");
        return EXIT_NOT_FOUND;
    }
    if (error != 0) {
        detail.error = error;
        return say_no_replay(options, &detail);
    }
    if (command->json) {
        json_dumpf(state, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        print_replay(state);
    }
    json_decref(state);
    return EXIT_ANSWERED;
}

/* As it is printed, or as sqlite3's hex() prints the column of vow_lock and vow_branch. */
static bool parse_id(const char *text, struct vow_gtrid *gtrid)
{
    if (strlen(text) != (size_t)2 * VOW_GTRID_BYTES)
        return vow_gtrid_from_text(text, strlen(text), gtrid) && !vow_gtrid_is_none(gtrid);
    for (size_t i = 0; i < VOW_GTRID_BYTES; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        char *end;
        gtrid->bytes[i] = (uint8_t)strtoul(digits, &end, 16);
        if (*end != '\0' || strchr(" +-", digits[0]) != NULL)
            return false;
    }
    return !vow_gtrid_is_none(gtrid);
}

/* argv[0] is "replay". */
static int run_replay(const struct command *command, int argc, char **argv)
{
    struct replay_options options = {
        .coordinator = command->coordinator, .directory = command->data, .timeout_ms = command->timeout_ms};
    if (command->until == NULL)
        return usage(argv[0], "wants --until TIME or --until LSN");
    const char *why = vow_until_parse(command->until, &options.until);
    if (why != NULL)
        return usage(command->until, why);
    if (options.until.is_time && options.until.wall_us > vow_clock_wall_us())
        return usage(command->until, "has not come yet");
    if (argc > 2)
        return usage(argv[2], "replay takes one id at most");
    if (argc == 2 && !parse_id(argv[1], &options.gtrid))
        return usage(argv[1], "is not a transaction id (42 letters and digits, or 52 hex digits)");
    return show_replay(command, &options);
}

/* ---- by hand ---- */

static enum vow_admin_command operation_of(const char *name)
{
    if (strcmp(name, "commit") == 0)
        return VOW_ADMIN_COMMIT;
    if (strcmp(name, "abort") == 0)
        return VOW_ADMIN_ABORT;
    return strcmp(name, "forget") == 0 ? VOW_ADMIN_FORGET : 0;
}

/* What the flags say of an order; what it is about is left to say. */
static struct operation *prepare(struct command *command, enum vow_admin_command order)
{
    struct operation *operation = &command->operation;
    operation->command = order;
    operation->address = command->coordinator;
    operation->timeout_ms = command->timeout_ms;
    operation->json = command->json;
    return operation;
}

static int run_operation(struct command *command, int argc, char **argv)
{
    struct operation *operation = prepare(command, operation_of(argv[0]));
    if (argc != 2)
        return usage(argv[0], "wants one transaction id");
    if (!parse_id(argv[1], &operation->gtrid))
        return usage(argv[1], "is not a transaction id (42 letters and digits, or 52 hex digits)");
    return operate(operation);
}

#define NO_ID_OF_SAGA "is not the id of a saga (42 letters and digits, or 52 hex digits)"

static int run_saga_order(struct command *command, enum vow_admin_command order, int argc, char **argv)
{
    struct operation *operation = prepare(command, order);
    if (argc != 2)
        return usage(argv[0], "wants one id of a saga");
    if (!parse_id(argv[1], &operation->gtrid))
        return usage(argv[1], NO_ID_OF_SAGA);
    return operate(operation);
}

/* argv[0] is what to do with it. */
static int run_saga(struct command *command, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "list") == 0) {
        command->request.command = VOW_ADMIN_SAGA_LIST;
        command->print = print_sagas;
        return answer(command);
    }
    if (argc == 2 && strcmp(argv[0], "show") == 0) {
        if (!parse_id(argv[1], &command->request.gtrid))
            return usage(argv[1], NO_ID_OF_SAGA);
        command->request.command = VOW_ADMIN_SAGA_SHOW;
        command->print = print_saga;
        return answer(command);
    }
    if (argc > 0 && strcmp(argv[0], "retry") == 0)
        return run_saga_order(command, VOW_ADMIN_SAGA_RETRY, argc, argv);
    if (argc > 0 && strcmp(argv[0], "close") == 0)
        return run_saga_order(command, VOW_ADMIN_SAGA_CLOSE, argc, argv);
    return usage("saga", "wants list, show ID, retry ID or close ID");
}

/* argv: retry or drop, a group, an offset. */
static int run_dead_letter_order(struct command *command, enum vow_admin_command order, char **argv)
{
    struct operation *operation = prepare(command, order);
    operation->participant = argv[1];
    operation->offset = argv[2];
    return operate(operation);
}

static int show_dead_letters(struct command *command, int argc, char **argv)
{
    const bool is_one = strcmp(argv[0], "show") == 0;
    command->request.command = is_one ? VOW_ADMIN_DLQ_SHOW : VOW_ADMIN_DLQ_LIST;
    command->request.participant = argc > 1 ? argv[1] : "";
    command->request.filter = is_one ? argv[2] : "";
    command->print = is_one ? print_dead : print_dead_list;
    command->one_row = is_one;
    return answer(command);
}

/* argv[0] is what to do with them. */
static int run_dlq(struct command *command, int argc, char **argv)
{
    if (argc > 1 && !vow_name_is_valid(argv[1]))
        return usage(argv[1], "is not the name of a group");
    if (argc == 3 && strspn(argv[2], "0123456789") != strlen(argv[2]))
        return usage(argv[2], "is not an offset: a number, as dlq list shows it");
    if ((argc == 1 || argc == 2) && strcmp(argv[0], "list") == 0)
        return show_dead_letters(command, argc, argv);
    if (argc == 3 && strcmp(argv[0], "show") == 0)
        return show_dead_letters(command, argc, argv);
    if (argc == 3 && strcmp(argv[0], "retry") == 0)
        return run_dead_letter_order(command, VOW_ADMIN_DLQ_RETRY, argv);
    if (argc == 3 && strcmp(argv[0], "drop") == 0)
        return run_dead_letter_order(command, VOW_ADMIN_DLQ_DROP, argv);
    return usage("dlq", "wants list, show GROUP OFFSET, retry GROUP OFFSET or drop GROUP OFFSET");
}

static bool is_place(const char *text)
{
    return strcmp(text, "oldest") == 0 || strcmp(text, "newest") == 0 ||
           (text[0] != '\0' && strlen(text) < 19 && strspn(text, "0123456789") == strlen(text) &&
            strtoll(text, NULL, 10) > 0);
}

/* argv[0] is remove or seek. */
static int run_topics(struct command *command, int argc, char **argv)
{
    const bool is_seek = strcmp(argv[0], "seek") == 0;
    if (argc != 2 || (!is_seek && strcmp(argv[0], "remove") != 0))
        return usage("topics", "takes no argument, remove GROUP, or seek GROUP --to OFFSET|oldest|newest");
    if (!vow_name_is_valid(argv[1]))
        return usage(argv[1], "is not the name of a group");
    const char *to = command->operation.to;
    if (is_seek && (to == NULL || !is_place(to)))
        return usage(to != NULL ? to : "seek", "wants --to OFFSET, a number as history shows it, or oldest, or newest");
    struct operation *operation = prepare(command, is_seek ? VOW_ADMIN_GROUP_SEEK : VOW_ADMIN_GROUP_REMOVE);
    operation->participant = argv[1];
    return operate(operation);
}

static int run_command(struct command *command, int argc, char **argv)
{
    if (argc < 1)
        return usage("no command", "say what to do");
    const int error = check_flags(command->given, argc, argv);
    if (error != 0)
        return error;
    if (strcmp(argv[0], "saga") == 0)
        return run_saga(command, argc - 1, argv + 1);
    if (strcmp(argv[0], "dlq") == 0)
        return run_dlq(command, argc - 1, argv + 1);
    if (strcmp(argv[0], "topics") == 0 && argc > 1)
        return run_topics(command, argc - 1, argv + 1);
    if (operation_of(argv[0]) != 0)
        return run_operation(command, argc, argv);
    if (strcmp(argv[0], "doctor") == 0)
        return argc == 1 ? examine(command) : usage(argv[1], "doctor takes no argument");
    if (strcmp(argv[0], "replay") == 0)
        return run_replay(command, argc, argv);
    if (strcmp(argv[0], "states") == 0)
        return argc == 1 ? states(command) : usage(argv[1], "states takes no argument");
    for (unsigned i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[0], commands[i].name) != 0)
            continue;
        command->request.command = commands[i].command;
        command->print = commands[i].print;
        if (command->request.command == VOW_ADMIN_LIST && strcmp(command->request.filter, "in-doubt") == 0)
            command->print = print_in_doubt;
        command->one_row = commands[i].one_row;
        if (argc != (commands[i].wants_id ? 2 : 1))
            return usage(argv[0], commands[i].wants_id ? "wants one transaction id" : "takes no argument");
        if (commands[i].wants_id && !parse_id(argv[1], &command->request.gtrid))
            return usage(argv[1], "is not a transaction id (42 letters and digits, or 52 hex digits)");
        return answer(command);
    }
    return usage(argv[0], "no such command");
}

/* --- flags --- */

static bool parse_timeout(const char *text, unsigned *timeout_ms)
{
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 7)
        return false;
    *timeout_ms = (unsigned)strtoul(text, &end, 10);
    return *end == '\0' && *timeout_ms > 0;
}

/* What the history keeps of who and why. */
static int check_text(const char *flag, const char *value, unsigned max)
{
    char why[96];
    const size_t len = strlen(value);
    snprintf(why, sizeof(why), "wants 1 to %u bytes of printable text, found %zu%s", max, len,
             vow_text_is_printable(value) ? "" : ", some not printable");
    return len >= 1 && len <= max && vow_text_is_printable(value) ? 0 : usage(flag, why);
}

static int check_operation_flag(int flag, const char *value)
{
    if (flag == 'r')
        return check_text("--reason", value, OPERATION_REASON_MAX);
    if (flag == 'A')
        return check_text("--as", value, OPERATION_WHO_MAX);
    if (flag == 'p' && !vow_name_is_valid(value))
        return usage("--participant", "wants a participant's name, 1 to 63 of a-z A-Z 0-9 . _ -; see vowctl peers");
    return 0;
}

/* Of commit, abort and forget. */
static int set_operation_flag(struct command *command, int flag, const char *value)
{
    struct operation *operation = &command->operation;
    const int error = check_operation_flag(flag, value);
    if (error != 0)
        return error;
    if (flag == 'p')
        operation->participant = value;
    else if (flag == 'r')
        operation->reason = value;
    else if (flag == 'A')
        operation->as = value;
    else if (flag == 'o')
        operation->to = value;
    else
        operation->yes = true;
    return 0;
}

static int set_flag(struct command *command, int flag, const char *value, const char *flag_text)
{
    switch (flag) {
    case 'c':
        return vow_address_parse(value, &command->coordinator) == 0 ? 0 : usage(value, "wants HOST:PORT, numeric");
    case 'j':
        command->json = true;
        return 0;
    case 't':
        return parse_timeout(value, &command->timeout_ms) ? 0 : usage("--timeout", "wants 1 to 9999999 milliseconds");
    case 'D':
        command->data = value;
        return value[0] != '\0' ? 0 : usage("--data", "wants a directory");
    case 'u':
        command->until = value;
        return 0;
    case 'p':
    case 'r':
    case 'A':
    case 'o':
    case 'y':
        return set_operation_flag(command, flag, value);
    case 'i':
        command->request.filter = "in-doubt";
        return 0;
    case 's':
        command->request.filter = "stuck";
        return 0;
    case 'a':
        command->request.filter = "all";
        return 0;
    case 'd':
        command->dot = true;
        return 0;
    case 'm':
        command->markdown = true;
        return 0;
    case 'H':
        fputs(help, stdout);
        command->done = true;
        return 0;
    case 'V':
        printf("vowctl %s (wire %d)\n", VOW_SOFTWARE_VERSION, VOW_WIRE_VERSION);
        command->done = true;
        return 0;
    case ':':
        return usage(flag_text, "wants a value");
    default:
        return usage(flag_text, "not a flag of vowctl");
    }
}

/* An answer that did not arrive is none. An order is done all the same, or is not, and its status says which. */
static int finish(const struct command *command, int status)
{
    if (told_all())
        return status;
    fprintf(stderr, "vowctl: stdout cannot be written\n");
    return status == EXIT_ANSWERED && command->operation.command == 0 ? EXIT_NO_ANSWER : status;
}

int main(int argc, char **argv)
{
    struct command command = {.coordinator = {.host = "127.0.0.1", .port = 7420},
                              .operation = {.participant = ""},
                              .request = {.filter = ""},
                              .timeout_ms = 5000};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* doctor writes to measure, and says that it could not */
    int flag, place = 0;
    /* "_only": -x is a flag like any other, and argv names it in full. ":": getopt leaves the talking to us. */
    while (!command.done && (flag = getopt_long_only(argc, argv, ":", known_flags, &place)) != -1) {
        int error = set_flag(&command, flag, optarg, argv[optind - 1]);
        if (error != 0)
            return error;
        command.given |= 1U << place;
    }
    return finish(&command, command.done ? EXIT_ANSWERED : run_command(&command, argc - optind, argv + optind));
}
