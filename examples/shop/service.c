#include "service.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "access.h"
#include "shop.h"

#define CONNECT_WAIT_MS 200
#define PATIENCE_MS 3000

static void usage(const struct service *service, FILE *out)
{
    fprintf(out, "usage: %s --db FILE [--coordinator HOST:PORT] [--peer-listen HOST:PORT]", service->program);
    if (service->fills != NULL)
        fprintf(out, " [--%s N] [--history FILE]", service->fills);
    fprintf(
        out,
        "\n  --db FILE                 the service's SQLite file, made if missing\n"
        "  --coordinator HOST:PORT   where vowd listens (" VOW_DEFAULT_COORDINATOR ")\n"
        "  --peer-listen HOST:PORT   where the other services and vowctl ask this one (nowhere)\n"
        "  --ask-after-ms N          in doubt for so long, it asks vowd, and the others after 7 times that (2000)\n");
    if (service->fills != NULL)
        fprintf(out, "  --%-23s how many %s a new file gets (%" PRId64 ")\n", service->fills, service->fills,
                service->rows);
    if (service->table != NULL)
        fprintf(out, "  --history FILE            at the end: who has read and written which version of a row\n");
    fprintf(out, "Exit status: 0 stopped by SIGTERM or SIGINT, 1 could not go on, 2 wrong flags.\n");
}

static int64_t number_of(const struct service *service, const char *flag, int64_t most)
{
    int64_t number = 0;

    if (shop_number(optarg, 1, most, &number) == 0)
        return number;
    fprintf(stderr, "%s: --%s wants a number of 1 to %" PRId64 ", not \"%s\"\n", service->program, flag, most, optarg);
    exit(SHOP_EXIT_USAGE);
}

static _Noreturn void usage_error(const struct service *service)
{
    usage(service, stderr);
    exit(SHOP_EXIT_USAGE);
}

static void read_flags(struct service *service, int argc, char **argv)
{
    const struct option flags[] = {
        {"db", required_argument, NULL, 'd'},
        {"coordinator", required_argument, NULL, 'c'},
        {"peer-listen", required_argument, NULL, 'p'},
        {"ask-after-ms", required_argument, NULL, 'a'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {"history", required_argument, NULL, 'H'},
        {service->fills, required_argument, NULL, 'n'}, /* the list ends here if there is nothing to fill */
        {NULL, 0, NULL, 0},
    };
    int flag;

    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        if (flag == 'd') {
            service->db = optarg;
        } else if (flag == 'c') {
            service->coordinator = optarg;
        } else if (flag == 'p') {
            service->peer_listen = optarg;
        } else if (flag == 'a') {
            service->ask_after_ms = number_of(service, "ask-after-ms", 3600000);
        } else if (flag == 'h') {
            usage(service, stdout);
            exit(0);
        } else if (flag == 'v') {
            printf("%s %s\n", service->program, SHOP_VERSION);
            exit(0);
        } else if (flag == 'H' && service->table != NULL) {
            service->history = optarg;
        } else if (flag == 'n') {
            service->rows = number_of(service, service->fills, 1000000);
        } else {
            usage_error(service);
        }
    }
    if (service->db == NULL || optind != argc)
        usage_error(service);
}

static sigset_t stop_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    return signals;
}

void service_begin(struct service *service, int argc, char **argv)
{
    sigset_t signals = stop_signals();

    read_flags(service, argc, argv);
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* The library's threads inherit the mask, so that only service_live() ever sees these signals. */
    sigprocmask(SIG_BLOCK, &signals, NULL);
}

static bool told_to_stop(long wait_ms)
{
    const sigset_t signals = stop_signals();
    const struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000};

    return sigtimedwait(&signals, NULL, &wait) > 0;
}

/* A service outlives its coordinator: it keeps trying, and says so once. Returns false if it was told to stop first. */
static bool wait_for_coordinator(const struct service *service, struct vow_participant *participant)
{
    for (int waited_ms = 0; vow_participant_wait(participant, CONNECT_WAIT_MS) != 0; waited_ms += CONNECT_WAIT_MS) {
        if (told_to_stop(0))
            return false;
        if (waited_ms == PATIENCE_MS)
            fprintf(stderr, "%s: no coordinator at %s yet; is vowd running? Still trying\n", service->program,
                    service->coordinator != NULL ? service->coordinator : VOW_DEFAULT_COORDINATOR);
    }
    return true;
}

static void print_stats(const struct service *service, const struct vow_participant_stats *stats)
{
    printf("stats %s prepared=%" PRIu64 " committed=%" PRIu64 " aborted=%" PRIu64 " refused=%" PRIu64
           " in_doubt=%" PRIu64 " in_doubt_max_ms=%" PRIu64 " store_commits=%" PRIu64 "\n",
           service->program, stats->prepared, stats->committed, stats->aborted, stats->refused, stats->in_doubt,
           stats->in_doubt_max_ms, stats->store_commits);
}

void service_live(const struct service *service, struct vow_participant *participant)
{
    struct vow_participant_stats stats;
    uint64_t in_doubt_max_ms = 0;

    if (wait_for_coordinator(service, participant)) {
        printf("ready %s db=%s coordinator=%s\n", service->program, service->db,
               service->coordinator != NULL ? service->coordinator : VOW_DEFAULT_COORDINATOR);
        /* A new longest time in doubt is said soon, for a service that is killed has no last word. */
        while (!told_to_stop(CONNECT_WAIT_MS)) {
            vow_participant_stats(participant, &stats, sizeof(stats));
            if (stats.in_doubt_max_ms > in_doubt_max_ms)
                print_stats(service, &stats);
            in_doubt_max_ms = stats.in_doubt_max_ms;
            if (service->look_around != NULL)
                service->look_around(service);
        }
    }
    vow_participant_stats(participant, &stats, sizeof(stats));
    print_stats(service, &stats);
}

int service_tell(const struct service *service)
{
    if (service->history == NULL || access_tell(service->program, service->db, service->table, service->history) == 0)
        return 0;
    return SHOP_EXIT_FAILED;
}

int service_failed(const struct service *service, const char *why)
{
    fprintf(stderr, "%s: %s: %s\n", service->program, service->db, why);
    return SHOP_EXIT_FAILED;
}
