/* vow-bench: flags, rounds, exit status. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "proto/quote.h"

static const char help[] =
    "vow-bench: what a distributed transaction costs, beside the machine's own floor\n"
    "\n"
    "  vow-bench [--protocol 2pc|saga|choreography] [--store sqlite|null] [--participants N] [--clients N] "
    "[--connections N]\n"
    "            [--seconds N] [--rounds N] [--rows N] [--fail-fast] [--floor] [--json]\n"
    "  vow-bench --in-doubt N [--participants N] [--json]\n"
    "  vow-bench --history N [--json]\n"
    "\n"
    "  --protocol P       2pc: transactions; saga: the same work as orchestrated sagas, a step at each participant, "
    "one\n"
    "                     after the other; choreography: the same as sagas that nobody leads, each participant "
    "hearing\n"
    "                     of the one before by an event. By turns with both, in the same run, transactions     (2pc)\n"
    "  --store STORE      sqlite: each branch updates a row of its own file; null: nothing is kept          (sqlite)\n"
    "  --participants N   branches of a transaction, steps of a saga, each a process, 1 to 32    (2, of a saga 3)\n"
    "  --clients N        transactions or sagas in flight, 1 to 1024                                            (64)\n"
    "  --connections N    over which the clients reach vowd, 1 to 256 and to the number of clients              (4)\n"
    "  --seconds N        measured time of each subject, over all rounds                                        (6)\n"
    "  --rounds N         subjects take turns this often, 1 to 32                                               (3)\n"
    "  --rows N           rows that the clients share, 1 to 100000; without it, each client has its own\n"
    "  --fail-fast        a row that is held refuses the work at once; without it, the work waits\n"
    "  --floor            also a bare group-committed log over loopback (of a transaction three round trips, the\n"
    "                     last one durable; of a saga one more than it has steps, all durable) and, for sqlite and\n"
    "                     2pc, the same branches in one process without coordinator; printed as ratios\n"
    "  --in-doubt N       instead: start vowd and participants with N transactions in doubt, 1 to 1000000, and say\n"
    "                     how long it takes until vowd serves and until all are resolved\n"
    "  --history N        instead: start vowd on a journal of N transactions, 1 to 10000000, and say how long it "
    "takes\n"
    "                     until it serves, and until it has replayed all of it\n"
    "  --json             one JSON object\n"
    "  --help, --version\n"
    "\n"
    "Files go to a new directory below $TMPDIR or /var/tmp and are removed.\n"
    "Exit status: 0 measured · 1 could not · 2 wrong flags\n";

static int usage(const char *flag, const char *value, const char *wants)
{
    char quoted[VOW_QUOTE_SIZE];
    vow_quote(value, strlen(value), quoted);
    fprintf(stderr, "vow-bench: %s: wants %s, found %s; see vow-bench --help\n", flag, wants, quoted);
    return 2;
}

static int number(const char *flag, const char *value, uint32_t highest, uint32_t *out)
{
    size_t len = strlen(value);
    unsigned long long parsed = strtoull(value, NULL, 10);
    if (len == 0 || len > 10 || strspn(value, "0123456789") != len || parsed < 1 || parsed > highest) {
        char wants[32];
        snprintf(wants, sizeof(wants), "1 to %u", highest);
        return usage(flag, value, wants);
    }
    *out = (uint32_t)parsed;
    return 0;
}

static int refuse(const char *what, const char *why)
{
    char quoted[VOW_QUOTE_SIZE];
    vow_quote(what, strlen(what), quoted);
    fprintf(stderr, "vow-bench: %s: %s; see vow-bench --help\n", quoted, why);
    return 2;
}

static int set_protocol(struct bench_options *options, const char *value)
{
    if (strcmp(value, "2pc") == 0)
        options->protocol = BENCH_2PC;
    else if (strcmp(value, "saga") == 0)
        options->protocol = BENCH_SAGA;
    else if (strcmp(value, "choreography") == 0)
        options->protocol = BENCH_CHOREOGRAPHY;
    else
        return usage("--protocol", value, "2pc, saga or choreography");
    return 0;
}

static int set_flag(struct bench_options *options, int flag, const char *value, const char *flag_text)
{
    switch (flag) {
    case 'P':
        return set_protocol(options, value);
    case 's':
        if (strcmp(value, "null") != 0 && strcmp(value, "sqlite") != 0)
            return usage("--store", value, "sqlite or null");
        options->store = value[0] == 'n' ? BENCH_STORE_NULL : BENCH_STORE_SQLITE;
        return 0;
    case 'p':
        return number("--participants", value, PARTICIPANTS_MAX, &options->participants);
    case 'c':
        return number("--clients", value, CLIENTS_MAX, &options->clients);
    case 'C':
        return number("--connections", value, 256, &options->connections);
    case 't':
        return number("--seconds", value, 3600, &options->seconds);
    case 'r':
        return number("--rounds", value, 32, &options->rounds);
    case 'R':
        return number("--rows", value, BENCH_ROWS, &options->rows);
    case 'F':
        options->fail_fast = true;
        return 0;
    case 'd':
        return number("--in-doubt", value, 1000000, &options->in_doubt);
    case 'h':
        return number("--history", value, 10000000, &options->history);
    case 'f':
        options->floor = true;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'H':
        fputs(help, stdout);
        exit(0);
    case 'V':
        printf("vow-bench %s\n", VOW_SOFTWARE_VERSION);
        exit(0);
    case ':':
        return refuse(flag_text, "wants a value");
    default:
        return refuse(flag_text, "not a flag of vow-bench, or with a value that it does not take");
    }
}

static int parse(int argc, char **argv, struct bench_options *options)
{
    static const struct option flags[] = {
        {"protocol", required_argument, NULL, 'P'},
        {"store", required_argument, NULL, 's'},
        {"participants", required_argument, NULL, 'p'},
        {"clients", required_argument, NULL, 'c'},
        {"connections", required_argument, NULL, 'C'},
        {"seconds", required_argument, NULL, 't'},
        {"rounds", required_argument, NULL, 'r'},
        {"rows", required_argument, NULL, 'R'},
        {"fail-fast", no_argument, NULL, 'F'},
        {"in-doubt", required_argument, NULL, 'd'},
        {"history", required_argument, NULL, 'h'},
        {"floor", no_argument, NULL, 'f'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'H'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int flag, error;
    /* "_only": -x is a flag like any other, and argv names it in full. ":": getopt leaves the talking to us. */
    while ((flag = getopt_long_only(argc, argv, ":", flags, NULL)) != -1)
        if ((error = set_flag(options, flag, optarg, argv[optind - 1])) != 0)
            return error;
    if (optind < argc)
        return refuse(argv[optind], "takes no such argument");
    if (options->in_doubt > 0 && options->protocol != BENCH_2PC)
        return refuse("--in-doubt", "is for transactions, and takes no other --protocol");
    if (options->store == BENCH_STORE_NULL && options->protocol == BENCH_CHOREOGRAPHY)
        return refuse("--store", "must be sqlite for a choreography: the null store has no outbox");
    if (options->participants == 0)
        options->participants = options->protocol == BENCH_2PC ? 2 : 3;
    if (options->connections > options->clients)
        options->connections = options->clients;
    return 0;
}

static void progress(const struct bench_options *options, uint32_t round, const char *subject)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\rround %u of %u: %-12s", round + 1, options->rounds, subject);
}

/* Every subject that was asked for, once. */
static int run_round(const struct bench_options *options, const struct cluster *cluster,
                     struct bench_subjects *subjects, uint32_t i)
{
    uint32_t millis = options->seconds * 1000 / options->rounds;
    progress(options, i, subjects->vow.name);
    if (load_round(options, options->protocol, cluster, millis, &subjects->vow.rounds[i]) != 0)
        return -1;
    progress(options, i, subjects->two_phase.name);
    if (options->protocol != BENCH_2PC &&
        load_round(options, BENCH_2PC, cluster, millis, &subjects->two_phase.rounds[i]) != 0)
        return -1;
    if (!options->floor)
        return 0;
    progress(options, i, subjects->log_floor.name);
    if (floor_log_round(options, millis, &subjects->log_floor.rounds[i]) != 0)
        return -1;
    if (options->store != BENCH_STORE_SQLITE || options->protocol != BENCH_2PC)
        return 0;
    progress(options, i, subjects->store_floor.name);
    return floor_store_round(options, millis, &subjects->store_floor.rounds[i]);
}

static int run(const struct bench_options *options, const struct cluster *cluster)
{
    static struct bench_subjects subjects = {.vow.name = "vow",
                                             .two_phase.name = "vow, 2PC",
                                             .log_floor.name = "bare log",
                                             .store_floor.name = "bare store"};
    for (uint32_t i = 0; i < options->rounds; i++)
        if (run_round(options, cluster, &subjects, i) != 0)
            return -1;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%40s\r", "");
    report(options, &subjects);
    return 0;
}

static int measure(const struct bench_options *options)
{
    struct cluster cluster;
    int error = cluster_start(options, &cluster);
    if (error == 0)
        error = run(options, &cluster);
    cluster_stop(&cluster);
    if (error != 0)
        fprintf(stderr, "vow-bench: the run could not be finished\n");
    return error;
}

/* Figures that nobody can read are none. */
static int told(void)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return 0;
    fprintf(stderr, "vow-bench: stdout cannot be written\n");
    return -1;
}

int main(int argc, char **argv)
{
    struct bench_options options = {
        .store = BENCH_STORE_SQLITE, .clients = 64, .connections = 4, .seconds = 6, .rounds = 3};
    int error = parse(argc, argv, &options);
    if (error != 0)
        return error;
    signal(SIGPIPE, SIG_IGN);
    if (options.history > 0)
        error = history_run(&options);
    else if (options.in_doubt > 0)
        error = in_doubt_run(&options);
    else
        error = measure(&options);
    return told() == 0 && error == 0 ? 0 : 1;
}
