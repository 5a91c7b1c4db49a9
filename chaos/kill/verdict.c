/* The verdict: verdict.json, the last lines, the exit status. */
#include <inttypes.h>
#include <string.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"

static const char *word_of(int status)
{
    return status == REAL_HELD ? "held" : status == REAL_VIOLATED ? "violated" : "invalid";
}

static json_t *faults_of(const struct real_run *run)
{
    json_t *faults = real_need(json_array());

    for (size_t i = 0; i < run->scenario->faults_len; i++) {
        const struct real_deed *deed = &run->deeds[i];
        const struct real_fault *fault = &run->scenario->faults[i];
        json_t *row = real_need(json_pack("{s:I, s:s, s:b, s:b}", "line", (json_int_t)fault->place.line, "action",
                                          real_action_key(fault->action), "done", deed->is_done, "hit", deed->is_hit));
        if (deed->is_done)
            (void)json_object_set_new(row, "t_us", json_integer((json_int_t)deed->done_us));
        (void)json_array_append_new(faults, row);
    }
    return faults;
}

static json_t *lives_of(const struct real_run *run)
{
    json_t *lives = real_need(json_object());

    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        (void)json_object_set_new(lives, run->scenario->nodes[i].name.text, json_integer(run->members[i].node.lives));
    return lives;
}

/* With what --set said: the scenario of the archive has them as they are in its file. What is not UTF-8 is null. */
static json_t *vars_of(const struct real_run *run)
{
    json_t *vars = real_need(json_object());

    for (size_t i = 0; i < run->vars_len; i++) {
        json_t *value = json_string(run->vars[i]);
        (void)json_object_set_new(vars, run->scenario->vars[i].name.text, value != NULL ? value : json_null());
    }
    return vars;
}

/* What a run that holds does not show, for nobody has asked it to. */
static json_t *notes_of(const struct real_run *run)
{
    const struct real_scenario *scenario = run->scenario;
    json_t *notes = real_need(json_array());
    bool has_needs = false, has_checks = scenario->checks_len > 0;

    for (size_t i = 0; i < scenario->loads_len; i++)
        has_needs = has_needs || scenario->loads[i].needs.text.text != NULL;
    for (size_t i = 0; i < scenario->nodes_len; i++)
        has_checks = has_checks || scenario->nodes[i].databases.len > 0;
    if (!has_needs)
        (void)json_array_append_new(notes, json_string("the load may have done nothing: it says no needs"));
    if (!has_checks)
        (void)json_array_append_new(notes, json_string("nobody has looked at the data: there are no checks"));
    if (run->judge.of != NULL && judge_lines(run->judge.of) == 0)
        (void)json_array_append_new(notes, json_string("no law was judged: no process has traced (VOW_TRACE)"));
    return notes;
}

static json_t *verdict_of(const struct real_run *run, int status)
{
    return real_need(json_pack(
        "{s:o, s:s, s:s, s:s, s:o, s:s, s:I, s:I, s:{s:I, s:I}, s:o, s:o, s:o, s:O, s:O, s:O}", "notes", notes_of(run),
        "verdict", word_of(status), "scenario", run->scenario->name, "teaches", run->scenario->teaches.text, "vars",
        vars_of(run), "seed", run->seed, "zero_us", (json_int_t)run->zero_us, "took_us",
        (json_int_t)(real_clock_us() - run->zero_us), "crash_points", "armed", (json_int_t)run->points_armed, "met",
        (json_int_t)run->points_met, "faults", faults_of(run), "lives", lives_of(run), "work", real_work_of(run),
        "checks", run->checks, "violations", run->record.violations, "invalid", run->record.invalids));
}

static void print_list(const char *title, const json_t *list)
{
    size_t i;
    const json_t *text;

    json_array_foreach(list, i, text) printf("%s: %s\n", title, json_string_value(text));
}

/* Whoever reads the verdict there, and does not get it, has none. */
static int flush(int status, bool is_json)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    (void)fprintf(stderr, "vow-chaos: stdout: cannot be written\n");
    return status == REAL_HELD && is_json ? REAL_INVALID : status;
}

int real_verdict(struct real_run *run, bool is_json)
{
    char path[REAL_FILE_SIZE];
    const size_t violations = json_array_size(run->record.violations);

    if (!real_record_is_whole(&run->record))
        real_record_say(&run->record, REAL_MOMENT_INVALID, NULL, "the timeline could not be written in full");
    int status = violations > 0 ? REAL_VIOLATED : json_array_size(run->record.invalids) > 0 ? REAL_INVALID : REAL_HELD;
    json_t *verdict = verdict_of(run, status);

    (void)json_object_set_new(verdict, "judge", real_judge_of(run));
    if (run->storm != NULL)
        (void)json_object_set_new(verdict, "storm",
                                  real_need(json_pack("{s:I, s:I}", "killed", (json_int_t)run->storm->killed, "crashed",
                                                      (json_int_t)run->storm->crashed)));
    (void)snprintf(path, sizeof(path), "%s/verdict.json", run->out);
    if (json_dump_file(verdict, path, JSON_INDENT(2)) != 0) {
        (void)fprintf(stderr, "vow-chaos: %s: cannot be written\n", path);
        status = status == REAL_HELD ? REAL_INVALID : status;
    }
    if (is_json) {
        (void)json_dumpf(verdict, stdout, JSON_INDENT(2));
        (void)fputc('\n', stdout);
    } else if (!run->is_quiet || status != REAL_HELD) {
        print_list("VIOLATED", run->record.violations);
        print_list("INVALID", run->record.invalids);
        if (status == REAL_HELD && !run->is_quiet)
            print_list("NOTE", json_object_get(verdict, "notes"));
        printf("%s: %s. The archive is %s\n", run->scenario->name, word_of(status), run->out);
    }
    json_decref(verdict);
    return flush(status, is_json);
}
