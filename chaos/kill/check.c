/* What must hold: nothing is in doubt, and every command of the scenario says so. */
#include "chaos/kill/clock.h"
#include "chaos/kill/doubt.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"
#include "proto/quote.h"

#define LOOK_MS 100

static bool never(struct real_run *run)
{
    (void)run;
    return false;
}

/* `moment`: what it means for the verdict if it does not hold. What was cut short by an interruption says nothing. */
static void tell(struct real_run *run, const char *name, bool holds, enum real_moment moment, const char *said)
{
    char why[256];

    if (run->is_interrupted)
        return;
    (void)snprintf(why, sizeof(why), "%s", said);
    vow_text_to_ascii(why);
    real_record_say(&run->record, REAL_MOMENT_CHECK, NULL, "%s: %s%s%s", name, holds ? "holds" : "does not hold",
                    why[0] != '\0' ? ": " : "", why);
    if (!holds)
        real_record_say(&run->record, moment, NULL, "%s%s%s", name, why[0] != '\0' ? ": " : "", why);
    (void)json_array_append_new(run->checks,
                                real_need(json_pack("{s:s, s:b, s:s}", "name", name, "held", holds, "why", why)));
}

/* --- Nothing in doubt --- */

static bool is_settled(struct real_run *run, char why[160])
{
    struct real_doubt doubt = {0};
    char path[REAL_FILE_SIZE];

    why[0] = '\0';
    for (size_t i = 0; i < run->scenario->nodes_len; i++) {
        const struct real_words *databases = &run->scenario->nodes[i].databases;
        for (size_t j = 0; j < databases->len; j++) {
            if ((size_t)snprintf(path, sizeof(path), "%s/%s", run->members[i].directory, databases->of[j].text) >=
                sizeof(path)) {
                (void)snprintf(why, 160, "%.100s...: a path that is too long", databases->of[j].text);
                return false;
            }
            if (real_doubt_count(path, &doubt, why) != 0)
                return false;
        }
    }
    if (doubt.branches != 0 || doubt.locks != 0)
        (void)snprintf(why, 160, "%lld prepared branches, %lld locks", (long long)doubt.branches,
                       (long long)doubt.locks);
    return why[0] == '\0';
}

static bool has_databases(const struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (run->scenario->nodes[i].databases.len > 0)
            return true;
    return false;
}

static void check_doubt(struct real_run *run, const char *name, uint64_t within_ms)
{
    const uint64_t until_us = real_clock_us() + within_ms * 1000;
    char why[160];

    if (!has_databases(run))
        return;
    while (!is_settled(run, why) && real_clock_us() < until_us && !run->is_interrupted)
        (void)real_wait(run, never, LOOK_MS);
    tell(run, name, why[0] == '\0', REAL_MOMENT_VIOLATED, why);
}

/* --- Commands --- */

static void run_check(struct real_run *run, const struct real_check *check)
{
    const uint64_t until_us = real_clock_us() + check->within_ms * 1000;
    char name[32];

    (void)snprintf(name, sizeof(name), "check-%zu", (size_t)(check - run->scenario->checks) + 1);
    if (real_task_open(run, check, name) != 0) {
        tell(run, check->name.text, false, REAL_MOMENT_INVALID, "could not be started");
        return;
    }
    bool holds = real_task_run(run, until_us);
    while (check->is_serving && !holds && run->task_error == 0 && real_clock_us() < until_us && !run->is_interrupted) {
        (void)real_wait(run, never, LOOK_MS);
        holds = real_task_run(run, until_us);
    }
    tell(run, check->name.text, holds, run->task_error == 0 ? REAL_MOMENT_VIOLATED : REAL_MOMENT_INVALID,
         holds ? "" : run->task.node.why);
    real_member_close(&run->task);
}

static void run_checks(struct real_run *run, bool is_serving)
{
    for (size_t i = 0; i < run->scenario->checks_len && !run->is_interrupted; i++)
        if (run->scenario->checks[i].is_serving == is_serving)
            run_check(run, &run->scenario->checks[i]);
}

void real_checks_serving(struct real_run *run)
{
    check_doubt(run, "nothing is in doubt any more", run->scenario->settle_ms);
    run_checks(run, true);
}

void real_checks_ended(struct real_run *run)
{
    check_doubt(run, "nothing was left in doubt", 0);
    run_checks(run, false);
}
