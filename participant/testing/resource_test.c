/* The resource test: folders, kills, and what is printed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "participant/testing/plays.h"
#include "participant/testing/power.h"

struct test {
    const struct vow_test_resource_options *options;
    struct board *board; /* shared with the lives */
    char folder[512];    /* of all trials; each has folder/data and folder/notes */
    char data[560], notes[560];
    const char *only;    /* one check alone; NULL = all */
    unsigned only_place; /* one place alone; 0 = all */
    bool only_power;     /* with only_place */
    char problem[1400];  /* of the check under way; "" = none */
};

/* ---- one trial ---- */

static bool is_system_error(struct test *test, int error, const char *doing)
{
    if (error != 0)
        snprintf(test->problem, sizeof(test->problem), "the test could not go on: %s: %s", doing, strerror(error));
    return error != 0;
}

static bool begin_trial(struct test *test)
{
    power_remove(test->data);
    power_remove(test->notes);
    memset(test->board, 0, sizeof(*test->board));
    const int error = mkdir(test->data, 0700) != 0 || mkdir(test->notes, 0700) != 0 ? errno : 0;
    return !is_system_error(test, error, test->data) &&
           !is_system_error(test, power_all_synced(test->data, test->notes), test->notes);
}

static enum life_end live(struct test *test, life_play_fn *play, unsigned kill_at)
{
    test->board->kill_at = kill_at;
    return life_run(test->options, test->data, test->options->no_power_loss ? NULL : test->notes, test->board, play);
}

static void report(struct test *test, const struct check *check, unsigned place, bool power, const char *where)
{
    const char *failure = test->board->failure;
    if (place == 0)
        snprintf(test->problem, sizeof(test->problem), "%s\n       again: VOW_TEST_RESOURCE=%s", failure, check->name);
    else
        snprintf(test->problem, sizeof(test->problem),
                 "%s\n       killed %s (place %u)%s\n       again: VOW_TEST_RESOURCE=%s:%u:%s", failure, where, place,
                 power ? ", and the power failed" : "", check->name, place, power ? "power" : "kill");
}

/* After the kill: judged; then the power fails, and what was answered must still hold. */
static bool judge(struct test *test, bool power)
{
    if (power && is_system_error(test, power_lose(test->data, test->notes), test->data))
        return false;
    if (live(test, life_judge, 0) != LIFE_ENDED)
        return false;
    if (power || test->options->no_power_loss)
        return true;
    if (is_system_error(test, power_lose(test->data, test->notes), test->data))
        return false;
    if (live(test, life_judge, 0) == LIFE_ENDED)
        return true;
    const size_t len = strlen(test->board->failure);
    snprintf(test->board->failure + len, sizeof(test->board->failure) - len,
             " (after all was ended, and a loss of power: something that was answered was not synced)");
    return false;
}

/* Returns how the life ended that is killed at the place; its judges too, so LIFE_FAILED is the trial's. */
static enum life_end try_place(struct test *test, const struct check *check, unsigned place, bool power)
{
    enum life_end end;
    char where[sizeof(test->board->doing)];
    if (!begin_trial(test))
        return LIFE_FAILED;
    if (check->trial == TRIAL_RECOVERY) {
        end = live(test, check->play, 0);
        if (end == LIFE_ENDED)
            end = live(test, life_judge, place);
    } else {
        end = live(test, check->play, place);
    }
    snprintf(where, sizeof(where), "%s", test->board->doing);
    if (end != LIFE_FAILED && !judge(test, power))
        end = LIFE_FAILED;
    if (end == LIFE_FAILED && test->problem[0] == '\0')
        report(test, check, place, power, where);
    return end;
}

/* ---- one check ---- */

/* How many places there are: a life that is not killed counts them. */
static unsigned count_places(struct test *test, const struct check *check)
{
    if (!begin_trial(test))
        return 0;
    enum life_end end = live(test, check->play, 0);
    if (check->trial == TRIAL_RECOVERY && end == LIFE_ENDED)
        end = live(test, life_judge, 0);
    if (end != LIFE_ENDED)
        report(test, check, 0, false, "");
    return atomic_load(&test->board->places);
}

/* Threads may meet a few places more or less each time: the last ones are tried until a life is not killed. */
static void try_places(struct test *test, const struct check *check, bool power, unsigned *places)
{
    const unsigned step = check->places_max > 0 && *places > check->places_max ? *places / check->places_max : 1;
    for (unsigned place = 1; test->problem[0] == '\0'; place += step)
        if (try_place(test, check, place, power) != LIFE_KILLED)
            break;
}

static void run_check(struct test *test, const struct check *check)
{
    test->problem[0] = '\0';
    unsigned places = count_places(test, check);
    const bool has_power = !test->options->no_power_loss;
    if (test->problem[0] == '\0' && test->only_place > 0) {
        (void)try_place(test, check, test->only_place, test->only_power);
    } else if (test->problem[0] == '\0' && check->trial != TRIAL_ONCE) {
        try_places(test, check, false, &places);
        if (has_power)
            try_places(test, check, true, &places);
    }
    if (test->problem[0] != '\0')
        printf("FAIL   %-9s %s\n", check->name, test->problem);
    else if (!test->options->quiet && check->trial == TRIAL_ONCE)
        printf("ok     %s\n", check->name);
    else if (!test->options->quiet)
        printf("ok     %-9s %u places%s\n", check->name, places,
               has_power ? ", each by a kill and by a loss of power" : ", each by a kill");
    fflush(stdout);
}

/* ---- all of them ---- */

/* PLACE:kill or PLACE:power. */
static bool read_place(struct test *test, const char *text)
{
    char *how;
    test->only_place = (unsigned)strtoul(text, &how, 10);
    test->only_power = strcmp(how, ":power") == 0;
    return test->only_place > 0 && (test->only_power || strcmp(how, ":kill") == 0);
}

/* CHECK or CHECK:PLACE:kill or CHECK:PLACE:power. */
static bool read_only_what(struct test *test, const char *only)
{
    if (only == NULL)
        return true;
    const size_t len = strcspn(only, ":");
    for (unsigned i = 0; i < resource_checks_len; i++)
        if (strlen(resource_checks[i].name) == len && strncmp(only, resource_checks[i].name, len) == 0)
            test->only = resource_checks[i].name;
    return test->only != NULL && (only[len] == '\0' || read_place(test, only + len + 1));
}

static int refuse(int error, const char *why)
{
    fprintf(stderr, "vow_test_resource: %s\n", why);
    return error;
}

static int begin(struct test *test)
{
    const char *temporary = getenv("TMPDIR"), *where = test->options->directory;
    if (where == NULL)
        where = temporary != NULL ? temporary : "/var/tmp";
    const int len = snprintf(test->folder, sizeof(test->folder), "%s/vow-resource-XXXXXX", where);
    if (len < 0 || (size_t)len >= sizeof(test->folder) || mkdtemp(test->folder) == NULL)
        return refuse(VOW_E_SYSTEM, "no folder can be made: see options.directory");
    snprintf(test->data, sizeof(test->data), "%s/data", test->folder);
    snprintf(test->notes, sizeof(test->notes), "%s/notes", test->folder);
    test->board = mmap(NULL, sizeof(*test->board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return test->board != MAP_FAILED ? 0 : refuse(VOW_E_SYSTEM, "no shared memory");
}

static int run_checks(struct test *test)
{
    int failed = 0;
    for (unsigned i = 0; i < resource_checks_len; i++) {
        const struct check *check = &resource_checks[i];
        if (test->only != NULL && test->only != check->name)
            continue;
        run_check(test, check);
        if (test->problem[0] == '\0')
            continue;
        failed++;
        if (test->only != NULL)
            printf("       its folder is left: %s\n", test->data);
    }
    return failed;
}

int vow_test_resource(const struct vow_test_resource_options *options)
{
    struct test test = {.options = options};
    const char *only = getenv("VOW_TEST_RESOURCE");
    if (options == NULL || options->size != sizeof(*options))
        return refuse(VOW_E_ARGUMENT, "options.size is not sizeof(struct vow_test_resource_options)");
    if (options->open == NULL || options->close == NULL || options->work == NULL || options->seen == NULL)
        return refuse(VOW_E_ARGUMENT, "open, close, work and seen are required");
    if (!read_only_what(&test, only != NULL ? only : options->only))
        return refuse(VOW_E_ARGUMENT, "VOW_TEST_RESOURCE is not CHECK or CHECK:PLACE:kill or CHECK:PLACE:power");
    if (begin(&test) != 0)
        return VOW_E_SYSTEM;
    const int failed = run_checks(&test);
    if (failed == 0 || test.only == NULL)
        power_remove(test.folder);
    munmap(test.board, sizeof(*test.board));
    return failed;
}
