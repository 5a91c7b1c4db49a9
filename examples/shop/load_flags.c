/* The flags of shop-load. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

static const char usage_text[] =
    "usage: shop-load [flags]\n"
    "Places orders at the shop, each one transaction over shop-order, shop-stock and shop-payment.\n"
    "  --orders N              how many (2000)\n"
    "  --in-flight N           how many at once (64)\n"
    "  --items N, --accounts N what shop-stock and shop-payment were filled with (500, 500)\n"
    "  --seed N                the same seed places the same orders (1)\n"
    "  --run WORD              first part of the orders' ids (the time)\n"
    "  --retries N             further transactions for an order that aborted by accident (100; open loop: 0)\n"
    "  --gifts N               each Nth order costs nothing: shop-payment has nothing to write, and votes READ_ONLY\n"
    "  --rate N                open loop: N orders a second come by chance, whatever became of those before; when\n"
    "                          --in-flight are under way, they are turned away\n"
    "  --seconds N             for so long (10)\n"
    "  --skew X                the nth item, and account, is ordered as often as 1/n^X says (all alike)\n"
    "  --history FILE          open loop: a JSON line for every order, with its times (docs/trace.md)\n"
    "  --timeout-ms N          after which an outcome counts as unknown and is asked about (10000)\n"
    "  --ask-ms N              how long it is asked about (60000)\n"
    "  --protocol P            an order is: 2pc: a transaction; saga: a saga, which is undone if it cannot be done;\n"
    "                          choreography: an event, and what the services make of it; outbox: a transaction of\n"
    "                          one service, and an event for the others, who cannot refuse (2pc)\n"
    "  --db FILE               choreography: the load's own file, with its outbox\n"
    "  --countermeasure C      have the sagas looked at, and do against what they let in: none, semantic-lock,\n"
    "                          commutative, pessimistic-view, reread, version-file, by-value (docs/shop.md)\n"
    "  --contender wait|fail-fast  what an order does that finds a semantic lock of another one (wait)\n"
    "  --pending-ms N          after which a semantic lock raises an alarm (10000)\n"
    "  --dear N                by-value: an order that costs more is a transaction (9)\n"
    "  --coordinator HOST:PORT where vowd listens (" VOW_DEFAULT_COORDINATOR ")\n"
    "  --log FILE              a JSON line for every order: its transactions and its outcome\n"
    "  --report FILE           the totals as JSON\n"
    "SIGINT and SIGTERM place no more orders and wait for those in flight.\n"
    "Exit status: 0 every order has a known outcome, and all was written; 1 not so, 2 wrong flags.\n";

static void read_number(const char *flag, const char *text, int64_t min, int64_t max, int64_t *value)
{
    if (shop_number(text, min, max, value) == 0)
        return;
    fprintf(stderr, "shop-load: --%s wants a number of %" PRId64 " to %" PRId64 ", not \"%s\"\n", flag, min, max, text);
    exit(SHOP_EXIT_USAGE);
}

/* The run becomes part of an order's id, which is a word of a payload. */
static void check_run(const char *run)
{
    if (run[0] != '\0' && strlen(run) <= 32 && strcspn(run, " ") == strlen(run))
        return;
    fprintf(stderr, "shop-load: --run wants a word of at most 32 characters, not \"%s\"\n", run);
    exit(SHOP_EXIT_USAGE);
}

static enum load_protocol read_protocol(const char *text)
{
    static const char *const names[] = {
        [LOAD_2PC] = "2pc", [LOAD_SAGA] = "saga", [LOAD_CHOREOGRAPHY] = "choreography", [LOAD_OUTBOX] = "outbox"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i]) == 0)
            return (enum load_protocol)i;
    fprintf(stderr, "shop-load: --protocol wants 2pc, saga, choreography or outbox, not \"%s\"\n", text);
    exit(SHOP_EXIT_USAGE);
}

static void read_arm(const char *text, enum shop_arm *arm)
{
    if (shop_arm_parse(text, arm) == 0)
        return;
    fprintf(stderr, "shop-load: --countermeasure does not know \"%s\"; see shop-load --help\n", text);
    exit(SHOP_EXIT_USAGE);
}

static bool read_contender(const char *text)
{
    if (strcmp(text, "wait") == 0 || strcmp(text, "fail-fast") == 0)
        return text[0] == 'f';
    fprintf(stderr, "shop-load: --contender wants wait or fail-fast, not \"%s\"\n", text);
    exit(SHOP_EXIT_USAGE);
}

static double read_skew(const char *text)
{
    char *end;
    const double skew = strtod(text, &end);

    if (end != text && *end == '\0' && skew >= 0 && skew <= 10)
        return skew;
    fprintf(stderr, "shop-load: --skew wants a number of 0 to 10, not \"%s\"\n", text);
    exit(SHOP_EXIT_USAGE);
}

/* --help, --version and flags that do not exist end the program here. */
static _Noreturn void end_after_flag(int flag)
{
    if (flag == 'v')
        printf("shop-load %s\n", SHOP_VERSION);
    else
        fputs(usage_text, flag == 'h' ? stdout : stderr);
    exit(flag == 'v' || flag == 'h' ? 0 : SHOP_EXIT_USAGE);
}

/* Flags that do not go together. */
static void check_together(const struct load_options *options)
{
    const bool is_led = options->protocol == LOAD_2PC || options->protocol == LOAD_SAGA;

    if (!is_led && options->arm != SHOP_ARM_UNSET && options->arm != SHOP_ARM_NONE &&
        options->arm != SHOP_ARM_COMMUTATIVE) {
        fprintf(stderr, "shop-load: this --countermeasure goes with --protocol saga, or 2pc to compare with\n");
        exit(SHOP_EXIT_USAGE);
    }
    if (options->gifts != 0 &&
        (options->protocol != LOAD_2PC || options->arm != SHOP_ARM_UNSET || options->rate != 0)) {
        fprintf(stderr, "shop-load: --gifts goes with transactions that are not looked at\n");
        exit(SHOP_EXIT_USAGE);
    }
    if (options->rate == 0 && (options->history_path != NULL || options->seconds != 0)) {
        fprintf(stderr, "shop-load: --history and --seconds go with --rate\n");
        exit(SHOP_EXIT_USAGE);
    }
    if (options->protocol == LOAD_CHOREOGRAPHY && options->db == NULL) {
        fprintf(stderr, "shop-load: --protocol choreography wants --db FILE\n");
        exit(SHOP_EXIT_USAGE);
    }
}

/* What goes into a history is looked at. */
static void fill_in(struct load_options *options)
{
    if (options->retries < 0)
        options->retries = options->rate > 0 ? 0 : 100;
    if (options->rate > 0 && options->seconds == 0)
        options->seconds = 10;
    if (options->history_path != NULL && options->arm == SHOP_ARM_UNSET)
        options->arm = SHOP_ARM_NONE;
}

/* A flag that wants a number has 256 plus its place in `numbers`. */
void load_read_flags(struct load_options *options, int argc, char **argv)
{
    const struct {
        const char *name;
        int64_t min, max;
        int64_t *value;
    } numbers[] = {
        {"orders", 1, 100000000, &options->orders},
        {"in-flight", 1, 4096, &options->in_flight},
        {"items", 1, 1000000, &options->items},
        {"accounts", 1, 1000000, &options->accounts},
        {"seed", 0, INT64_MAX, &options->seed},
        {"retries", 0, 1000, &options->retries},
        {"timeout-ms", 1, 600000, &options->timeout_ms},
        {"ask-ms", 0, 86400000, &options->ask_ms},
        {"pending-ms", 0, INT32_MAX, &options->pending_ms},
        {"dear", 0, INT32_MAX, &options->dear},
        {"rate", 1, 100000, &options->rate},
        {"seconds", 1, 86400, &options->seconds},
        {"gifts", 1, 1000000, &options->gifts},
    };
    const struct option flags[] = {
        {"orders", required_argument, NULL, 256},      {"in-flight", required_argument, NULL, 257},
        {"items", required_argument, NULL, 258},       {"accounts", required_argument, NULL, 259},
        {"seed", required_argument, NULL, 260},        {"retries", required_argument, NULL, 261},
        {"timeout-ms", required_argument, NULL, 262},  {"ask-ms", required_argument, NULL, 263},
        {"pending-ms", required_argument, NULL, 264},  {"dear", required_argument, NULL, 265},
        {"rate", required_argument, NULL, 266},        {"seconds", required_argument, NULL, 267},
        {"gifts", required_argument, NULL, 268},       {"skew", required_argument, NULL, 'S'},
        {"history", required_argument, NULL, 'H'},     {"countermeasure", required_argument, NULL, 'C'},
        {"contender", required_argument, NULL, 'f'},   {"protocol", required_argument, NULL, 'P'},
        {"db", required_argument, NULL, 'd'},          {"run", required_argument, NULL, 'r'},
        {"coordinator", required_argument, NULL, 'c'}, {"log", required_argument, NULL, 'l'},
        {"report", required_argument, NULL, 'p'},      {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},           {NULL, 0, NULL, 0},
    };
    int flag;

    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        if (flag >= 256)
            read_number(numbers[flag - 256].name, optarg, numbers[flag - 256].min, numbers[flag - 256].max,
                        numbers[flag - 256].value);
        else if (flag == 'r')
            check_run(options->run = optarg);
        else if (flag == 'P')
            options->protocol = read_protocol(optarg);
        else if (flag == 'd')
            options->db = optarg;
        else if (flag == 'C')
            read_arm(optarg, &options->arm);
        else if (flag == 'f')
            options->fails_fast = read_contender(optarg);
        else if (flag == 'c')
            options->coordinator = optarg;
        else if (flag == 'l')
            options->log_path = optarg;
        else if (flag == 'p')
            options->report_path = optarg;
        else if (flag == 'H')
            options->history_path = optarg;
        else if (flag == 'S')
            options->skew = read_skew(optarg);
        else
            end_after_flag(flag);
    }
    if (optind != argc)
        end_after_flag('?');
    check_together(options);
    fill_in(options);
}
