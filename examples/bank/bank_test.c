/*
 * The test of a service, to be copied. It kills the service at every point of its handler and everywhere in the
 * library, cuts the network at the worst moment, lets hours pass in no time, and checks the books.
 *
 * One process holds two banks, a client, a real coordinator and the network between them. A process that is to die is a
 * child of the test's; what it leaves in the directory is looked at by another one.
 *
 *     bank-test DIRECTORY [--all]      --all: the library's own points, too; about a minute
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vow/testing.h>

#include "bank.h"

struct town {
    char north_path[300], south_path[300];
    struct vow_test_network *network;
    struct vow_participant *north, *south;
    struct vow_client *client;
    struct vow_result result;
};

/* For a child: ends it with words. */
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* --- All in one process, on a clock that we move --- */

static void town_open(struct town *town, const char *directory)
{
    struct vow_client_options options = {.size = sizeof(options)};
    char data[300];

    (void)snprintf(data, sizeof(data), "%s/vowd", directory);
    (void)snprintf(town->north_path, sizeof(town->north_path), "%s/north.db", directory);
    (void)snprintf(town->south_path, sizeof(town->south_path), "%s/south.db", directory);
    CHECK(vow_testing_clock_take() == 0);
    CHECK(vow_test_network_open(data, &town->network, NULL) == 0);
    options.coordinator = vow_test_network_address(town->network);
    town->north = bank_open("north", town->north_path, options.coordinator);
    town->south = bank_open("south", town->south_path, options.coordinator);
    CHECK(town->north != NULL && town->south != NULL);
    CHECK(vow_client_open(&options, &town->client, NULL) == 0);
    vow_testing_clock_settle(); /* all are connected */
}

static void town_close(struct town *town)
{
    vow_client_close(town->client);
    vow_participant_close(town->north);
    vow_participant_close(town->south);
    vow_test_network_close(town->network);
    CHECK(vow_testing_clock_give_back() == 0);
}

static void keep_result(void *ctx, const struct vow_result *result)
{
    *(struct vow_result *)ctx = *result;
}

/* Moves 30 from north to south; town->result.outcome is 0 until it has ended. */
static void start_transfer(struct town *town)
{
    const struct vow_call calls[] = {{"north", "add", "-30", 4}, {"south", "add", "30", 3}};

    memset(&town->result, 0, sizeof(town->result));
    CHECK(vow_commit_async(town->client, calls, 2, keep_result, &town->result) == 0);
    vow_testing_clock_settle();
}

static int in_doubt(struct vow_participant *bank)
{
    struct vow_participant_stats stats;

    vow_participant_stats(bank, &stats, sizeof(stats));
    return (int)stats.in_doubt;
}

/* Both banks say the same, no piece of it is missing, and nobody waits. */
static void check_books(struct town *town)
{
    const int north = bank_money(town->north_path), south = bank_money(town->south_path);

    CHECK(in_doubt(town->north) == 0 && in_doubt(town->south) == 0);
    CHECK(north + south == 200);
    CHECK(north == 100 || north == 70);
}

/* --- A run that goes well says at which points it can be made to go wrong --- */

static void print_point(void *ctx, const char *name, unsigned long times)
{
    for (unsigned long n = 1; n <= times; n++)
        fprintf(ctx, "%s@%lu\n", name, n);
}

static void run_well(const char *directory)
{
    char path[300];
    struct town town;

    (void)snprintf(path, sizeof(path), "%s/points", directory);
    FILE *points = fopen(path, "w");

    CHECK(points != NULL);
    town_open(&town, directory);
    vow_testing_crash_record(1);
    start_transfer(&town);
    CHECK(town.result.outcome == VOW_COMMITTED);
    vow_testing_crash_points_met(print_point, points);
    vow_testing_crash_record(0);
    CHECK(fclose(points) == 0);
    check_books(&town);
    town_close(&town);
}

static void run_into_point(const char *directory, const char *point)
{
    struct town town;

    town_open(&town, directory);
    CHECK(vow_testing_crash_at(point) == 0);
    start_transfer(&town);
    vow_testing_clock_advance(10000);
    CHECK(false && "it was not killed");
}

static void run_after_death(const char *directory)
{
    struct town town;

    town_open(&town, directory);
    vow_testing_clock_advance(60000); /* who is in doubt asks, and who knows says it again */
    check_books(&town);
    start_transfer(&town);
    CHECK(town.result.outcome == VOW_COMMITTED); /* no row is held any more */
    town_close(&town);
}

/* --- The worst moment: its YES is on the way, and nothing comes back --- */

static void run_with_cut(const char *directory)
{
    struct town town;

    town_open(&town, directory);
    CHECK(vow_test_network_harm(town.network, "north", VOW_TEST_TO_COORDINATOR, "VOTE", 1, VOW_TEST_CUT_AFTER) == 0);
    start_transfer(&town);
    CHECK(town.result.outcome == VOW_COMMITTED); /* both have said yes, so it is */
    CHECK(bank_money(town.south_path) == 130);
    vow_testing_clock_advance(60000);
    CHECK(in_doubt(town.north) == 1); /* it has given its vow: it does not decide alone */
    CHECK(bank_money(town.north_path) == 100);
    vow_test_network_heal(town.network, "north");
    vow_testing_clock_advance(10000);
    check_books(&town);
    CHECK(bank_money(town.north_path) == 70);
    town_close(&town);
}

#define POINT_SIZE 80

/* --- The test itself: one thread, and children --- */

static int in_child(void (*run)(const char *), const char *directory)
{
    const pid_t child = fork();
    int status = -1;

    if (child == 0) {
        run(directory);
        exit(0); /* NOLINT(concurrency-mt-unsafe): its threads have ended */
    }
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

static const char *next_point; /* for run_into() */

static void run_into(const char *directory)
{
    run_into_point(directory, next_point);
}

static void new_directory(char path[256], const char *under, const char *name)
{
    (void)snprintf(path, 256, "%s/%s-XXXXXX", under, name);
    if (mkdtemp(path) == NULL) {
        perror(path);
        exit(1);
    }
}

/* Dies at the point, in a directory of its own, and looks at what is left. */
static int try_point(const char *under, const char *point)
{
    char directory[256];
    int status;

    new_directory(directory, under, point);
    next_point = point;
    status = in_child(run_into, directory);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        return fprintf(stderr, "%s: not killed there\n", point), 1;
    if (in_child(run_after_death, directory) != 0)
        return fprintf(stderr, "%s: the books are in %s\n", point, directory), 1;
    return 0;
}

/* All points of the run that went well; or the first of them. Before there are children that share the file. */
static size_t read_points(const char *directory, char points[][POINT_SIZE], size_t points_max)
{
    char path[300];
    size_t len = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/points", directory);
    file = fopen(path, "r");
    if (file == NULL)
        return 0;
    while (len < points_max && fgets(points[len], POINT_SIZE, file) != NULL) {
        points[len][strcspn(points[len], "\n")] = '\0';
        len++;
    }
    (void)fclose(file);
    return len;
}

int main(int argc, char **argv)
{
    static char points[1000][POINT_SIZE];
    const int all = argc == 3 && strcmp(argv[2], "--all") == 0;
    size_t points_len;
    char directory[256];
    int failed = 0, tried = 0;

    if (argc != 2 && !all)
        return fprintf(stderr, "usage: bank-test DIRECTORY [--all]\n"), 2;
    new_directory(directory, argv[1], "well");
    failed += in_child(run_well, directory) != 0;
    points_len = read_points(directory, points, sizeof(points) / sizeof(points[0]));
    for (size_t i = 0; i < points_len; i++) {
        if (!all && strncmp(points[i], "bank.", 5) != 0)
            continue;
        failed += try_point(argv[1], points[i]);
        tried++;
    }
    new_directory(directory, argv[1], "cut");
    failed += in_child(run_with_cut, directory) != 0;
    printf("killed at %d points, cut once: %s\n", tried, failed == 0 ? "the books balance" : "FAILED");
    return failed != 0 || tried == 0;
}
