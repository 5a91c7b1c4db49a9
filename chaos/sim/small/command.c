#include "chaos/sim/small/command.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Single digits between commas. */
bool sim_small_read(const char *text, struct small_config *config)
{
    uint32_t *const numbers[] = {&config->participants, &config->coord_crashes, &config->part_crashes,
                                 &config->crashes};
    const size_t len = strlen(text);

    if (len != 1 && len != 5 && len != 7)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (i % 2 == 0 ? !is_digit(text[i]) : text[i] != ',')
            return false;
        if (i % 2 == 0)
            *numbers[i / 2] = (uint32_t)(text[i] - '0');
    }
    return config->participants >= 1 && config->participants <= SMALL_PARTICIPANTS_MAX &&
           config->coord_crashes <= SMALL_CRASHES_MAX && config->part_crashes <= SMALL_CRASHES_MAX;
}

bool sim_small_read_work(const char *text, struct small_config *config)
{
    static const char *const words[] = {"shipped", "joined", "one-phase"};
    bool found = false;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) != 0)
            continue;
        config->work = (enum small_work)(SMALL_SHIPPED + i);
        found = true;
    }
    return found;
}

bool sim_small_read_keep(const char *text, struct small_config *config)
{
    config->is_whole = strcmp(text, "all") == 0;
    config->is_apart = config->is_whole || strcmp(text, "names") == 0;
    config->is_unswept = strcmp(text, "order") == 0;
    config->keeps_flags = strcmp(text, "flags") == 0;
    config->is_loud = strcmp(text, "crashes") == 0;
    return config->is_apart || config->is_unswept || config->keeps_flags || config->is_loud;
}

bool sim_small_read_breaks(const char *text, struct small_config *config)
{
    if (!is_digit(text[0]) || text[1] != '\0' || text[0] > '3')
        return false;
    config->breaks = (uint32_t)(text[0] - '0');
    return true;
}

/* Of the processor: clock() is the standard's, and far from wrapping here. */
static double seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void print_walks(const struct small_report *report, double took, bool json)
{
    const char *form = json ? "{\"walks\": %" PRIu64 ", \"states\": %" PRIu64 ", \"transitions\": %" PRIu64
                              ", \"broken\": \"%s\", \"cpu_seconds\": %.2f}\n"
                            : "walks %" PRIu64 ", states %" PRIu64 ", transitions %" PRIu64 "\nbroken: %s, CPU seconds "
                              "%.2f\n";
    const char *rule = report->rule != NULL ? report->rule : json ? "" : "nothing";

    printf(form, report->walks, report->states, report->transitions, rule, took);
}

static void print(const struct small_report *report, double took, bool json)
{
    const char *form = json ? "{\"states\": %" PRIu64 ", \"looked_at\": %" PRIu64 ", \"alike\": %" PRIu64
                              ", \"covered\": %" PRIu64 ", \"transitions\": %" PRIu64 ", \"depth\": %" PRIu32
                              ", \"coordinator_states\": %" PRIu64 ", \"participant_states\": %" PRIu64
                              ", \"core_steps\": %" PRIu64
                              ", \"complete\": %s, \"broken\": \"%s\", \"cpu_seconds\": %.2f}\n"
                            : "states %" PRIu64 ", looked at %" PRIu64 ", by whatever names %" PRIu64
                              ", covered by others %" PRIu64 ", transitions %" PRIu64 ", depth %" PRIu32
                              "\nstates of the coordinator %" PRIu64 ", of a participant %" PRIu64
                              ", steps of real cores %" PRIu64 "\ncomplete: %s, broken: %s, CPU seconds %.2f\n";
    const char *rule = report->rule != NULL ? report->rule : json ? "" : "nothing";

    printf(form, report->states, report->looked_at, report->alike, report->covered, report->transitions, report->depth,
           report->coord_states, report->part_states, report->core_steps, report->complete ? "true" : "false", rule,
           took);
}

int sim_small_command(const struct small_config *config, bool json)
{
    struct small_config full = *config;
    struct small_report report;
    const double before = seconds();
    int status;

    full.work = config->work != 0 ? config->work : SMALL_SHIPPED;
    full.rolls_back = full.asks_peers = true;
    status = small_search(&full, &report, json ? stderr : stdout);
    if (status < 0) {
        (void)fputs("vow-chaos sim: one-phase commit is for one participant\n", stderr);
        return 2;
    }
    (full.walk_last != 0 ? print_walks : print)(&report, seconds() - before, json);
    return status == 1 ? 1 : report.complete ? 0 : 3;
}
