/* What was done to a run, as its timeline says. */
#include <criterion/criterion.h>
#include <string.h>

#include "chaos/measure/timeline.h"

#define LINE(t, what, who, text) "{\"t_us\":" #t ",\"what\":\"" what "\",\"who\":\"" who "\",\"text\":\"" text "\"}\n"
#define PHASE(t, text) "{\"t_us\":" #t ",\"what\":\"phase\",\"text\":\"" text "\"}\n"

static struct measure_run run;
static char why[MEASURE_ERROR_SIZE];

static int read(const char *text)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    measure_run_init(&run);
    const int error = measure_read_timeline(&run, 1000000, file, "timeline.jsonl", why);
    (void)fclose(file);
    return error;
}

static void expect_fault(size_t i, uint64_t t_us, uint64_t healed_us, const char *node, bool is_death)
{
    cr_assert_lt(i, run.faults_len);
    cr_expect_eq(run.faults[i].t_us, t_us);
    cr_expect_eq(run.faults[i].healed_us, healed_us);
    cr_expect_str_eq(measure_text(run.names, run.faults[i].node), node);
    cr_expect_eq(run.faults[i].is_death, is_death);
}

/* It is down until it serves, not until it is started. The ends after the load are none of its faults. */
Test(timeline, a_death_lasts_until_the_node_serves_again)
{
    cr_assert_eq(read(PHASE(0, "the nodes start") LINE(5, "ready", "vowd", "life 1 serves") PHASE(10, "the load works")
                          LINE(20, "crashed", "vowd", "life 1 died at its crash point")
                              LINE(30, "started", "vowd", "life 2") LINE(31, "fault", "vowd", "start (line 28)")
                                  LINE(40, "ready", "vowd", "life 2 serves") LINE(90, "ended", "load", "life 1 ended")
                                      PHASE(91, "what is down comes back") PHASE(99, "the nodes end")
                                          LINE(100, "ended", "vowd", "life 2 ended")),
                 0, "%s", why);
    cr_expect_eq(run.faults_len, 1);
    expect_fault(0, 1000020, 1000040, "vowd", true);
    measure_run_deinit(&run);
}

Test(timeline, who_comes_back_after_the_load_only)
{
    cr_assert_eq(read(LINE(5, "ready", "stock", "life 1 serves") PHASE(10, "the load works")
                          LINE(20, "ended", "stock", "life 1 ended by signal 9") PHASE(91, "what is down comes back")
                              LINE(95, "ready", "stock", "life 2 serves")),
                 0, "%s", why);
    expect_fault(0, 1000020, 1000095, "stock", true);
    measure_run_deinit(&run);
}

Test(timeline, what_lasts_is_undone_or_healed_at_the_end)
{
    cr_assert_eq(read(PHASE(10, "the load works") LINE(20, "fault", "stock", "cut forth (line 3)")
                          LINE(21, "fault", "vowd", "pause (line 4)") LINE(22, "fault", "payment", "half_open (line 5)")
                              LINE(30, "fault", "vowd", "resume (line 6)") LINE(40, "fault", "stock", "mend (line 7)")
                                  LINE(45, "ready", "payment", "life 1 serves") PHASE(91, "what is down comes back")),
                 0, "%s", why);
    cr_assert_eq(run.faults_len, 3);
    expect_fault(0, 1000020, 1000040, "stock", false);
    expect_fault(1, 1000021, 1000030, "vowd", false);
    expect_fault(2, 1000022, 1000091, "payment", false);
    measure_run_deinit(&run);
}

/* Loads have names of their own, one may end before another, and a node may be called as one. */
Test(timeline, a_load_that_ends_is_no_death)
{
    cr_assert_eq(read(LINE(5, "ready", "loader", "life 1 serves") PHASE(10, "the load works")
                          LINE(20, "ended", "buyers", "life 1 ended with status 0")
                              LINE(30, "died", "loader", "life 1 ended by signal 9")),
                 0, "%s", why);
    cr_assert_eq(run.faults_len, 1);
    expect_fault(0, 1000030, 0, "loader", true);
    measure_run_deinit(&run);
}

Test(timeline, a_bad_line_is_told_with_its_place)
{
    cr_expect_eq(read(PHASE(10, "the load works") "{\"t_us\":1}\n"), -1);
    cr_expect_not_null(strstr(why, "timeline.jsonl:2: no line of a timeline"), "%s", why);
    measure_run_deinit(&run);
}
