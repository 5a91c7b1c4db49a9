/*
 * The judge of a run that goes on (chaos/judge): reads what its processes write ten times a second, and ends the run at
 * the first violation. What is broken stays broken: the rest of an hour would show nothing but more of it.
 */
#include <string.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/directory.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"

#define LOOK_MS 100
#define CALM_EVERY 10 /* looks */

/* --- Is all well? --- */

static bool has_lasting_fault(const struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->faults_len; i++) {
        const struct real_deed *deed = &run->deeds[i];
        for (size_t j = 0; deed->is_done && j < deed->fault->targets_len; j++)
            if (deed->is_inside[j] || deed->ways[j] != 0)
                return true;
    }
    return false;
}

static bool all_serve(const struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (!real_node_is(&run->members[i].node, REAL_NODE_SERVING))
            return false;
    return true;
}

static bool is_calm(const struct real_run *run)
{
    return all_serve(run) && !has_lasting_fault(run);
}

/* --- What came of it --- */

static void keep_violation(const struct real_run *run, json_t *violation)
{
    char path[REAL_FILE_SIZE];

    (void)snprintf(path, sizeof(path), "%s/violation.json", run->out);
    (void)json_object_set_new(violation, "t_us", json_integer((json_int_t)(real_clock_us() - run->zero_us)));
    if (json_dump_file(violation, path, JSON_INDENT(2)) != 0)
        (void)fprintf(stderr, "vow-chaos: %s: cannot be written\n", path);
}

static void tell_lines(struct real_run *run, const json_t *violation)
{
    size_t i;
    const json_t *line;

    json_array_foreach(json_object_get(violation, "lines"), i, line)
    {
        const char *text = json_string_value(json_object_get(line, "text"));
        real_record_say(&run->record, REAL_MOMENT_SHOWN, NULL, "%s:%lld: %.350s",
                        json_string_value(json_object_get(line, "file")),
                        (long long)json_integer_value(json_object_get(line, "line")), text != NULL ? text : "");
    }
}

static void condemn(struct real_run *run)
{
    json_t *violation = judge_files_violation(run->judge.files);

    real_record_say(&run->record, REAL_MOMENT_VIOLATED, NULL, "the law %s (%s): %s",
                    json_string_value(json_object_get(violation, "law")),
                    json_string_value(json_object_get(violation, "invariant")),
                    json_string_value(json_object_get(violation, "found")));
    tell_lines(run, violation);
    keep_violation(run, violation);
    json_decref(violation);
    run->judge.is_condemned = true;
    run->is_interrupted = true;
}

/* --- While it goes on --- */

static void look(struct real_run *run)
{
    struct real_judge *judge = &run->judge;
    char why[MEASURE_ERROR_SIZE];

    if (judge->of == NULL || judge->is_condemned)
        return;
    if (!judge_files_poll(judge->files, why))
        real_record_say(&run->record, REAL_MOMENT_INVALID, NULL, "not all can be judged: %.400s", why);
    if (!is_calm(run) || run->record.disturbed_us > judge->calm_us)
        judge->calm_us = real_clock_us();
    else if (judge->looks++ % CALM_EVERY == 0)
        judge_calm(judge->of, judge->calm_us, real_clock_us(), run->scenario->settle_ms * 1000);
    if (judge_violation(judge->of) != NULL)
        condemn(run);
}

static void on_time(void *ctx)
{
    struct real_run *run = ctx;

    look(run);
    if (!run->judge.is_condemned)
        real_timer_set(run->judge.timer, LOOK_MS);
}

static bool is_isolated(const struct real_run *run)
{
    for (size_t i = 0; i < run->vars_len; i++)
        if (strcmp(run->scenario->vars[i].name.text, "protocol") == 0)
            return strcmp(run->vars[i], "2pc") == 0;
    return false;
}

int real_judge_open(struct real_run *run)
{
    char path[REAL_FILE_SIZE];

    (void)snprintf(path, sizeof(path), "%s/" JUDGE_TRACES, run->out);
    const int error = real_directory_make(path);
    if (error != 0) {
        (void)fprintf(stderr, "vow-chaos: %s: %s\n", path, strerror(error));
        return -1;
    }
    run->judge.of = judge_new(is_isolated(run));
    run->judge.files = judge_files_new(run->judge.of, run->out);
    run->judge.timer = real_timer_new(run->base, on_time, run);
    real_timer_set(run->judge.timer, LOOK_MS);
    return 0;
}

void real_judge_replaced(struct real_run *run, const char *node)
{
    if (run->judge.of != NULL)
        judge_replaced(run->judge.of, node, real_clock_us());
}

/* All have ended: what they have written is all there is. */
void real_judge_end(struct real_run *run)
{
    struct real_judge *judge = &run->judge;

    if (judge->of == NULL || judge->is_condemned)
        return;
    look(run);
    judge_end(judge->of);
    if (!judge->is_condemned && judge_violation(judge->of) != NULL)
        condemn(run);
    if (!judge->is_condemned && judge_lines(judge->of) > 0)
        real_record_say(&run->record, REAL_MOMENT_CHECK, NULL, "no line contradicts another one: holds: %llu lines",
                        (unsigned long long)judge_lines(judge->of));
}

json_t *real_judge_of(const struct real_run *run)
{
    json_t *met = real_need(json_object());

    if (run->judge.of == NULL)
        return json_decref(met), real_need(json_null());
    for (int i = JUDGE_NO_LAW + 1; i < JUDGE_LAWS; i++)
        (void)json_object_set_new(met, judge_law_word((enum judge_law)i),
                                  json_integer((json_int_t)judge_met(run->judge.of, (enum judge_law)i)));
    return real_need(json_pack("{s:I, s:o}", "lines", (json_int_t)judge_lines(run->judge.of), "laws", met));
}

void real_judge_close(struct real_run *run)
{
    real_timer_free(run->judge.timer);
    judge_files_free(run->judge.files);
    judge_free(run->judge.of);
    run->judge = (struct real_judge){.of = NULL};
}
