/* The verdict on a run: small scenarios of shells, each with one thing that is as it must be, or is not. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "chaos/kill/directory.h"
#include "chaos/kill/run.h"

/* A node that serves until SIGTERM ends it: its file has how often it was started. */
#define SERVE "echo x >>lives; mkfifo f 2>/dev/null; echo ready; exec cat <>f"
/* The rest of a node with a trap, which a shell looks for between two commands. */
#define IDLE "while :; do sleep 0.1; done"
/* A load that does `what`, and ends. */
#define LOAD(what) "load:\n  command: [sh, -c, '" what "']\n"
#define NODE(name, script)                                                                                             \
    "- name: " name "\n  command: [sh, -c, \"" script "\"]\n  ready: {line: ready}\n  exit_status: 143\n"
#define HEAD "teaches: t\nnodes:\n"

/* Waits until node a has been started so many times, for a file of its says so. */
#define UNTIL(count) "until [ $(cat ${a.dir}/lives 2>/dev/null | wc -l) -ge " count " ]; do :; done"

/* A node that does `what` in its first life, which has a crash point, and serves in the next. */
#define ARMED(what)                                                                                                    \
    NODE("a", "[ -n \\\"$VOW_CRASH_AT\\\" ] || { " SERVE "; }; T=${out}/timeline.jsonl; echo ready; " what)            \
    "  crash_at: p\n"
/* As proto/net/crash.c dies. */
#define CRASH "echo $$$$ p >$VOW_CRASH_NOTE; kill -9 $$$$"
#define IS_BACK(when)                                                                                                  \
    "checks: [{name: c, while: " when ", command: [grep, life 2 serves, \"${out}/timeline.jsonl\"]}]\n"
#define LATE "1 of 1 crash points were not met while the load ran"

struct bed {
    char directory[64], scenario[96], out[96];
    struct real_sets sets;
};

/* Something that may be executed, and cannot. */
static void make_broken_program(const struct bed *bed)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/broken", bed->directory);
    FILE *file = fopen(path, "w");
    cr_assert(fputs("#!/no/such/interpreter\n", file) >= 0 && fclose(file) == 0 && chmod(path, 0700) == 0);
}

static void bed_open(struct bed *bed, const char *text)
{
    bed->sets.len = 0;
    (void)snprintf(bed->directory, sizeof(bed->directory), "/tmp/vow-run-XXXXXX");
    cr_assert_not_null(mkdtemp(bed->directory));
    (void)snprintf(bed->scenario, sizeof(bed->scenario), "%s/s.yaml", bed->directory);
    (void)snprintf(bed->out, sizeof(bed->out), "%s/out", bed->directory);
    FILE *file = fopen(bed->scenario, "w");
    cr_assert(fputs(text, file) >= 0 && fclose(file) == 0);
    make_broken_program(bed);
}

static void bed_close(const struct bed *bed)
{
    cr_expect_eq(real_directory_empty(bed->directory), 0);
    cr_expect_eq(rmdir(bed->directory), 0);
}

static int bed_run(const struct bed *bed)
{
    return real_run(&(struct real_run_options){.scenario = bed->scenario, .out = bed->out, .sets = bed->sets});
}

static json_t *verdict_of(const struct bed *bed)
{
    char path[128];
    json_error_t error;
    (void)snprintf(path, sizeof(path), "%s/verdict.json", bed->out);
    json_t *verdict = json_load_file(path, 0, &error);
    cr_assert_not_null(verdict, "%s", error.text);
    return verdict;
}

/* Has a list of the verdict a text with `part` in it? */
static bool tells(const json_t *verdict, const char *list, const char *part)
{
    size_t i;
    const json_t *text;
    json_array_foreach(json_object_get(verdict, list), i,
                       text) if (strstr(json_string_value(text), part) != NULL) return true;
    return false;
}

struct ending {
    char text[1100];
    int status;
    char list[16], part[64]; /* of the verdict; "" = nothing to find */
};

static void expect_ending(const struct ending *ending)
{
    struct bed bed;
    bed_open(&bed, ending->text);
    cr_expect_eq(bed_run(&bed), ending->status, "%s", ending->text);
    json_t *verdict = verdict_of(&bed);
    if (ending->list[0] != '\0')
        cr_expect(tells(verdict, ending->list, ending->part), "%s in verdict.json of: %s", ending->part, ending->text);
    json_decref(verdict);
    bed_close(&bed);
}

ParameterizedTestParameters(kill_run, ends_with_its_verdict)
{
    static struct ending endings[] = {
        {HEAD NODE("a", SERVE) LOAD("true"), REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE) LOAD("exit 3"), REAL_VIOLATED, "violations", "load: ended with status 3, not 0"},
        {HEAD NODE("a", SERVE) "within: 1ms\n" LOAD("mkfifo f; read x <>f"), REAL_VIOLATED, "violations",
         "did not end within"},
        {HEAD NODE("a", "trap 'exit 5' TERM; echo ready; " IDLE) LOAD("true"), REAL_VIOLATED, "violations",
         "a: ended with status 5 when it was told to end"},
        {HEAD NODE("a", "echo $$$$ >pid; echo ready; " IDLE) LOAD("kill -9 $$(cat ${a.dir}/pid)"), REAL_VIOLATED,
         "violations", "a: ended by signal 9"},
        {HEAD NODE("a", "(setsid sh -c 'mkfifo g; echo ready; exec cat <>g')& " IDLE) LOAD("true"), REAL_VIOLATED,
         "violations", "1 processes were left behind"},
        {HEAD NODE("a", SERVE) LOAD("true") "checks: [{name: c, command: [sh, -c, 'exit 1']}]\n", REAL_VIOLATED,
         "violations", "c: ended with status 1"},
        {HEAD NODE("a", SERVE) LOAD("true") "checks: [{name: c, command: [sh, -c, 'exit 1'], exit_status: 1}]\n",
         REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE)
             LOAD("true") "checks: [{name: c, while: serving, command: [sh, -c, 'echo >>n; [ $(wc -l <n) = 3 ]']}]\n",
         REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE)
             LOAD("true") "checks: [{name: c, within: 1ms, command: [sh, -c, 'mkfifo f; read x <>f']}]\n",
         REAL_VIOLATED, "violations", "c: did not end within its time"},
        {HEAD NODE("a", SERVE) "  databases: [none.db]\nsettle_within: 1ms\n" LOAD("true"), REAL_VIOLATED, "violations",
         "none.db: unable to open"},
        {HEAD NODE("a", SERVE) LOAD(UNTIL("2")) "faults:\n- {at: 0ms, kill: a}\n- {on: {died: a}, start: a}\n",
         REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE) LOAD(UNTIL("3")) "faults:\n- {at: 0ms, kill: a}\n- {after: 0ms, start: a}\n"
                                                "- {on: {ready: a}, restart: a}\n",
         REAL_HELD, "", ""},
        {HEAD NODE("a", "cat etc/conf; " SERVE) "  files: {etc/conf: \"${a.dir}\"}\n" LOAD(
             "until [ -s ${a.dir}/etc/conf ]; do :; done; [ $(cat ${a.dir}/etc/conf) = ${a.dir} ]"),
         REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE) "  files: {conf: c}\n" LOAD("rm ${a.dir}/conf; echo go; " UNTIL(
             "2") "; [ -s ${a.dir}/conf ]") "faults:\n- {on: {says: load, text: go}, kill: a}\n- {on: {died: a}, "
                                            "start: a}\n",
         REAL_HELD, "", ""},
        {HEAD NODE("a", "[ $(cat made) = b ] && " SERVE) "  files: {conf: b}\n" LOAD(
             "true") "setup:\n- {command: [sh, -c, 'cp ${a.dir}/conf ${a.dir}/making']}\n"
                     "- {command: [sh, -c, 'mv ${a.dir}/making ${a.dir}/made; exit 3'], exit_status: 3}\n",
         REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE) LOAD("true") "setup: [{command: [sh, -c, 'exit 3']}]\n", REAL_INVALID, "invalid",
         "setup-1: ended with status 3, not 0 (line 9)"},
        {HEAD NODE("a", SERVE) LOAD("true") "setup: [{command: [sh, -c, 'mkfifo f; read x <>f'], within: 1ms}]\n",
         REAL_INVALID, "invalid", "setup-1: did not end within its time"},
        {HEAD NODE(
             "a",
             SERVE) "load:\n- {name: one, command: [sh, -c, 'mkfifo f; read x <f']}\n"
                    "- {name: two, command: [sh, -c, 'until [ -p ${one.dir}/f ]; do :; done; echo >${one.dir}/f']}\n",
         REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE) "load:\n- {name: one, command: [sh, -c, 'exit 0']}\n"
                               "- {name: two, command: [sh, -c, 'exit 3']}\n",
         REAL_VIOLATED, "violations", "two: ended with status 3, not 0"},
        {HEAD NODE("a", SERVE) "load: {command: [sh, -c, 'kill -SEGV $$$$'], exit_status: 139}\n", REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE) "load: {command: [sh, -c, 'kill -SEGV $$$$'], exit_status: 138}\n", REAL_VIOLATED,
         "violations", "load: ended by signal 11"},
        {HEAD NODE("a", SERVE) "load: {command: [\"${out}/../broken\"]}\n", REAL_INVALID, "invalid",
         "load: could not be started: No such file"},
        {HEAD NODE("a", SERVE) LOAD("true") "checks: [{name: c, command: [\"${out}/../broken\"]}]\n", REAL_INVALID,
         "invalid", "c: could not be started: No such file"},
        {HEAD ARMED("until grep -q settles $T; do :; done; " CRASH) LOAD("true") IS_BACK("serving"), REAL_INVALID,
         "invalid", LATE},
        {HEAD ARMED("trap '" CRASH "' TERM; " IDLE) LOAD("true") IS_BACK("ended"), REAL_INVALID, "invalid", LATE},
        {HEAD NODE("a", SERVE) LOAD("echo ok 1; echo no; echo ok 2; echo no >f") "  needs: {text: ok, times: 2}\n",
         REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE) LOAD("echo ok 1; echo no; echo ok 2") "  needs: {text: ok, times: 3}\n", REAL_INVALID,
         "invalid", "load: has done too little: 2 of 3 lines with ok"},
        {HEAD NODE("a", SERVE) LOAD("echo ok >f; echo ok; echo no >>f") "  needs: {text: ok, times: 2, file: f}\n",
         REAL_INVALID, "invalid", "load: has done too little: 1 of 2 lines with ok"},
        {HEAD NODE("a", SERVE) LOAD("echo ok >f") "  needs: {text: ok, times: 1, file: f}\n", REAL_HELD, "", ""},
        {HEAD NODE("a", SERVE) LOAD("true") "  needs: {text: ok, times: 1, file: f}\n", REAL_INVALID, "invalid",
         "0 of 1 lines"},
        {HEAD NODE("a", SERVE) LOAD("case $PATH in ${bin}:*) ;; *) exit 1 ;; esac"), REAL_HELD, "", ""},
        {HEAD NODE("a", "case $PATH in ${bin}:mine) ;; *) exit 1 ;; esac; PATH=/bin:/usr/bin; " SERVE) "  env: {PATH: "
                                                                                                       "mine}\n" LOAD(
                                                                                                           "true"),
         REAL_HELD, "", ""},
        {HEAD NODE("a", "exit 1") LOAD("true"), REAL_INVALID, "invalid", "a: ended with status 1"},
        {HEAD NODE("a", "mkfifo f; read x <>f") "  ready_within: 1ms\n" LOAD("true"), REAL_INVALID, "invalid",
         "did not get ready at its first start"},
    };

    return cr_make_param_array(struct ending, endings, sizeof(endings) / sizeof(endings[0]));
}

ParameterizedTest(struct ending *ending, kill_run, ends_with_its_verdict)
{
    expect_ending(ending);
}

ParameterizedTestParameters(kill_run, I31_a_planned_fault_that_does_not_hit_makes_it_invalid)
{
    static struct ending endings[] = {
        {HEAD NODE("a", SERVE) LOAD("true") "faults: [{at: 1m, kill: a}]\n", REAL_INVALID, "invalid",
         "kill did not happen before the load ended"},
        {HEAD NODE("a", SERVE) LOAD("true") "faults: [{on: {says: load, text: never}, kill: a}]\n", REAL_INVALID,
         "invalid", "kill did not happen"},
        {HEAD NODE("a", SERVE) "  crash_at: no.such.point\n" LOAD("true"), REAL_INVALID, "invalid",
         "1 of 1 crash points were not met"},
        {HEAD NODE("a", SERVE) LOAD("echo go; read x <${out}/timeline.jsonl; until grep -q missed "
                                    "${out}/timeline.jsonl; do :; done") "faults: [{on: {says: load, text: go}, "
                                                                         "resume: a}]\n",
         REAL_INVALID, "invalid", "resume found its node in another state"},
        {HEAD NODE("a", SERVE) LOAD("until grep -q cut ${out}/timeline.jsonl; do :; done") "links: [{name: l, to: "
                                                                                           "\"127.0.0.1:1\"}]\nfaults: "
                                                                                           "[{at: 0ms, cut: l}]\n",
         REAL_INVALID, "invalid", "cut met nothing on its link"},
    };

    return cr_make_param_array(struct ending, endings, sizeof(endings) / sizeof(endings[0]));
}

ParameterizedTest(struct ending *ending, kill_run, I31_a_planned_fault_that_does_not_hit_makes_it_invalid)
{
    expect_ending(ending);
}

/* The events of both come at once, and the harm is one step further on: its load finds the one that heals last. */
#define HEALED_LAST(heal, harm, target)                                                                                \
    LOAD("T=${out}/timeline.jsonl; echo go; echo go; until [ $(grep -c \"(line\" $T) = 3 ]; do :; done; "              \
         "[ $(grep -o -e " #harm " -e " #heal " $T | tail -n 1) = " #heal " ]")                                        \
    "faults:\n- {on: {says: load, text: go}, backup: a}\n- {after: 1ms, " #harm ": " target "}\n"                      \
    "- {on: {says: load, text: go, times: 2}, " #heal ": " target "}\n"

ParameterizedTestParameters(kill_run, what_heals_comes_after_what_stands_above_it)
{
    static struct ending endings[] = {
        {HEAD NODE("a", SERVE) HEALED_LAST(repair, fail_sync, "a"), REAL_INVALID, "invalid",
         "fail_sync met nothing inside its node"},
        {HEAD NODE("a", SERVE) "links: [{name: l, to: \"127.0.0.1:1\"}]\n" HEALED_LAST(mend, refuse, "l"), REAL_INVALID,
         "invalid", "refuse met nothing on its link"},
    };

    return cr_make_param_array(struct ending, endings, sizeof(endings) / sizeof(endings[0]));
}

ParameterizedTest(struct ending *ending, kill_run, what_heals_comes_after_what_stands_above_it)
{
    expect_ending(ending);
}

/* The second refusal is met; the first, which was over by then, is not. */
Test(kill_run, I31_what_a_later_fault_meets_is_not_an_earlier_one_s)
{
    struct bed bed;
    bed_open(&bed,
             HEAD NODE("a", SERVE) "links: [{name: l, to: \"127.0.0.1:1\"}]\n"
                                   "load:\n  command:\n  - bash\n  - -c\n  - 'a=${link.l}; f=${out}/timeline.jsonl\n\n"
                                   "    until [ $(grep -c \"(line [0-9]*)\" $f) = 3 ]; do :; done\n\n"
                                   "    exec 3<>/dev/tcp/$${a%:*}/$${a#*:}\n\n"
                                   "    until grep -q REFUSED $f; do :; done'\n"
                                   "faults:\n- {at: 0ms, refuse: l}\n- {after: 0ms, mend: l}\n"
                                   "- {after: 0ms, refuse: l}\n");
    cr_expect_eq(bed_run(&bed), REAL_INVALID);
    json_t *verdict = verdict_of(&bed);
    const json_t *faults = json_object_get(verdict, "faults");
    cr_assert_eq(json_array_size(faults), 3);
    cr_expect(json_is_false(json_object_get(json_array_get(faults, 0), "hit")));
    cr_expect(json_is_true(json_object_get(json_array_get(faults, 2), "hit")));
    json_decref(verdict);
    bed_close(&bed);
}

/* A program that does what a line of its pipe "in" says, and answers in "out". */
#define PROBE                                                                                                          \
    "- name: a\n  command: [sh, -c, \"mkfifo in out; echo ready; exec " VOW_PRELOAD_PROBE " <>in 1<>out\"]\n"          \
    "  ready: {line: ready}\n  exit_status: 143\n"
/* Has it do something, once the timeline has `before` in it. */
#define TELL(before, what)                                                                                             \
    "until grep -q \"" before "\" ${out}/timeline.jsonl; do :; done; echo " what " >${a.dir}/in; read x "              \
    "<${a.dir}/out; "

ParameterizedTestParameters(kill_run, I31_what_goes_wrong_inside_a_node_is_counted_there)
{
    static struct ending endings[] = {
        {HEAD PROBE LOAD(TELL("fail_sync", "open ${a.dir}/f")
                             TELL("fail_sync", "fsync") "[ $x = EIO ]") "faults: [{at: 0ms, fail_sync: a}]\n",
         REAL_HELD, "", ""},
        {HEAD PROBE LOAD(TELL("fail_sync", "open ${a.dir}/f")) "faults: [{at: 0ms, fail_sync: a}]\n", REAL_INVALID,
         "invalid", "fail_sync met nothing inside its node"},
        {HEAD PROBE LOAD(TELL("repair", "open ${a.dir}/f") TELL(
             "repair", "fsync") "[ $x = 0 ]") "faults:\n- {at: 0ms, fail_sync: a}\n- {after: 0ms, repair: a}\n",
         REAL_INVALID, "invalid", "fail_sync met nothing inside its node"},
        {HEAD PROBE LOAD(
             TELL("clock_behind",
                  "time")) "faults:\n- {at: 0ms, clock_ahead: a, by: 1m}\n- {after: 0ms, clock_behind: a, by: 1m}\n",
         REAL_INVALID, "invalid", "clock_ahead met nothing inside its node"},
        {HEAD PROBE LOAD(TELL("slow_sync", "open ${a.dir}/f") TELL(
             "slow_sync",
             "write 10") "[ $x = 4 ]") "faults:\n- {at: 0ms, fill: a, room: 4}\n- {after: 0ms, slow_sync: a, by: 1m}\n",
         REAL_INVALID, "invalid", "slow_sync met nothing inside its node"},
        {HEAD PROBE LOAD(TELL("few_desc", "descriptors") "[ $x -lt 30 ] && echo go; " TELL(
             "life 2 serves", "descriptors") "[ $x -lt 30 ]") "faults:\n- {at: 0ms, few_descriptors: a, most: 30}\n- "
                                                              "{on: {says: load, text: go}, restart: a}\n",
         REAL_HELD, "", ""},
        {HEAD PROBE LOAD(TELL("little_mem", "memory") "[ $x -lt 20 ] && echo go; " TELL(
             "life 2 serves", "memory") "[ $x -lt 20 ]") "faults:\n- {at: 0ms, little_memory: a, room: 16000000}\n- "
                                                         "{on: {says: load, text: go}, restart: a}\n",
         REAL_HELD, "", ""},
        {HEAD PROBE LOAD(TELL("repair", "memory") "[ $x = 64 ]") "faults:\n- {at: 0ms, little_memory: a, room: 1}\n"
                                                                 "- {after: 0ms, repair: a}\n",
         REAL_INVALID, "invalid", "little_memory met nothing inside its node"},
        {HEAD PROBE LOAD(TELL("life 1 ended", "memory") "[ $x -lt 20 ]") "faults:\n- {at: 0ms, kill: a}\n- {after: "
                                                                         "0ms, little_memory: a, most: 20000000}\n"
                                                                         "- {on: {died: a}, start: a}\n",
         REAL_HELD, "", ""},
        {HEAD PROBE LOAD("until grep -q little ${out}/timeline.jsonl; do :; done") "faults:\n- {at: 0ms, kill: a}\n- "
                                                                                   "{on: {died: a}, little_memory: "
                                                                                   "a}\n- {after: 0ms, start: a}\n",
         REAL_INVALID, "invalid", "little_memory met nothing inside its node"},
        {HEAD PROBE "  end_within: 1ms\n" LOAD(TELL("fail_sync", "open ${a.dir}/f") TELL(
             "fail_sync", "fsync")) "faults: [{at: 0ms, fail_sync: a, ends_with: 2}]\n",
         REAL_VIOLATED, "violations", "a: did not end by itself with status 2"},
        {HEAD PROBE LOAD(
             TELL("fail_sync", "open ${a.dir}/f") TELL("fail_sync", "fsync") "echo stop >${a.dir}/in; " TELL(
                 "life 2 serves",
                 "fsync")) "faults:\n- {at: 0ms, fail_sync: a, ends_with: 3}\n- {on: {died: a}, start: a}\n",
         REAL_VIOLATED, "violations", "a: ended with status 2"},
        {HEAD PROBE LOAD(TELL("fail_sync", "open ${a.dir}/f")) "faults: [{at: 0ms, fail_sync: a, ends_with: 2}]\n",
         REAL_INVALID, "invalid", "fail_sync met nothing inside its node"},
        {HEAD PROBE LOAD(
             TELL("fail_sync", "open ${a.dir}/f") TELL("fail_sync", "fsync") "echo stop >${a.dir}/in; " TELL(
                 "life 2 serves",
                 "fsync")) "faults:\n- {at: 0ms, fail_sync: a, ends_with: 2}\n- {on: {died: a}, start: a}\n",
         REAL_HELD, "", ""},
    };

    return cr_make_param_array(struct ending, endings, sizeof(endings) / sizeof(endings[0]));
}

ParameterizedTest(struct ending *ending, kill_run, I31_what_goes_wrong_inside_a_node_is_counted_there)
{
    expect_ending(ending);
}

/* The disk of the archive is full, or as here something is in the way. */
Test(kill_run, I31_a_fault_that_cannot_be_done_says_why)
{
    struct bed bed;
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("echo >${out}/backups; echo go; until grep -q missed "
                                              "${out}/timeline.jsonl; do :; done") "faults: [{on: {says: load, text: "
                                                                                   "go}, backup: a}]\n");
    cr_expect_eq(bed_run(&bed), REAL_INVALID);
    json_t *verdict = verdict_of(&bed);
    cr_expect(tells(verdict, "invalid", "backup: Not a directory"));
    json_decref(verdict);
    bed_close(&bed);
}

Test(kill_run, nodes_that_end_are_waited_for_as_long_as_they_may_take)
{
    static const char text[] = "teaches: t\nnodes:\n- {name: a, command: [x], end_within: 5m}\n- {name: b, command: "
                               "[x]}\nload: {command: [x]}\n";
    struct real_scenario *scenario;
    struct real_error error;
    cr_assert_eq(real_scenario_parse("s", text, sizeof(text) - 1, NULL, &scenario, &error), 0, "%s", error.text);
    cr_expect_gt(real_ends_within_ms(scenario), 300000);
    real_scenario_free(scenario);
}

/* A check that nobody can run is found before anything is started, not after hours of load. */
Test(kill_run, a_check_without_its_program_runs_nothing)
{
    struct bed bed;
    char path[128];
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("true") "checks: [{name: c, command: [no-such-program]}]\n");
    cr_expect_eq(bed_run(&bed), REAL_BAD);
    (void)snprintf(path, sizeof(path), "%s/nodes/a/lives", bed.out);
    cr_expect_neq(access(path, F_OK), 0);
    bed_close(&bed);
}

Test(kill_run, a_name_that_is_no_UTF_8_has_a_verdict)
{
    struct bed bed;
    char path[128];
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("true"));
    (void)snprintf(path, sizeof(path), "%s/\xff.yaml", bed.directory);
    cr_assert_eq(rename(bed.scenario, path), 0);
    cr_expect_eq(real_run(&(struct real_run_options){.scenario = path, .out = bed.out}), REAL_HELD);
    json_t *verdict = verdict_of(&bed);
    cr_expect_str_eq(json_string_value(json_object_get(verdict, "scenario")), "?");
    json_decref(verdict);
    bed_close(&bed);
}

/* Cut to what there is room for, it would be another folder. */
Test(kill_run, a_long_name_of_the_archive_is_refused)
{
    struct bed bed;
    char out[1400];
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("true"));
    size_t len = (size_t)snprintf(out, sizeof(out), "%s", bed.directory);
    while (len < 1300)
        len += (size_t)snprintf(out + len, sizeof(out) - len, "/%0100d", 0);
    cr_expect_eq(real_run(&(struct real_run_options){.scenario = bed.scenario, .out = out}), REAL_BAD);
    (void)snprintf(out, sizeof(out), "%s/%0100d", bed.directory, 0);
    cr_expect_neq(access(out, F_OK), 0, "nothing was made");
    bed_close(&bed);
}

/* How long a text is with its variables shows where the folders are known; what is wrong has a place all the same. */
Test(kill_run, a_text_that_grows_too_long_is_told_with_its_place)
{
    static const char of[] = "\"${a}${a}${a}${a}${a}${a}${a}${a}${a}${a}\"";
    static const char more[] = "\"${b}${b}${b}${b}${b}${b}${b}${b}${b}${b}\"";
    char text[1100], path[128], said[1024] = "";
    struct bed bed;

    (void)snprintf(text, sizeof(text), "vars:\n  a: \"%0200d\"\n  b: %s\n  c: %s\n" HEAD NODE("a", SERVE) LOAD("true"),
                   0, of, more);
    bed_open(&bed, text);
    (void)snprintf(path, sizeof(path), "%s/said", bed.directory);
    cr_assert_not_null(freopen(path, "w", stderr));
    cr_expect_eq(bed_run(&bed), REAL_BAD);
    (void)fflush(stderr);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL && fread(said, 1, sizeof(said) - 1, file) > 0);
    (void)fclose(file);
    cr_expect_not_null(
        strstr(said, "/s.yaml:4:6: is more than 16 KiB when it is written out, with the variable: \"b\""), "%s", said);
    bed_close(&bed);
}

Test(kill_run, a_bad_scenario_runs_nothing)
{
    struct bed bed;
    bed_open(&bed, "teaches: t\nnodes: [{name: a, command: [no-such-program]}]\n" LOAD("true"));
    cr_expect_eq(bed_run(&bed), REAL_BAD);
    cr_expect_neq(access(bed.out, F_OK), 0, "the next try may have the same folder");
    bed_close(&bed);
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("true") "checks: [{name: c, command: [no-such-program]}]\n");
    cr_expect_eq(bed_run(&bed), REAL_BAD, "nor one that would be missed at the end alone");
    cr_expect_eq(real_run(&(struct real_run_options){.scenario = "/no/such.yaml"}), REAL_BAD);
    bed_close(&bed);
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("true"));
    cr_expect_eq(bed_run(&bed), REAL_HELD);
    cr_expect_eq(bed_run(&bed), REAL_BAD, "the folder is not free any more");
    bed_close(&bed);
}

/* Whoever is called by another name may be another program by that. */
Test(kill_run, a_program_that_is_a_link_stays_one)
{
    struct bed bed;
    char program[96], link[96];
    bed_open(&bed, HEAD NODE("a", SERVE) "load: {command: [\"${here}/link\"]}\n");
    (void)snprintf(program, sizeof(program), "%s/program", bed.directory);
    (void)snprintf(link, sizeof(link), "%s/link", bed.directory);
    FILE *file = fopen(program, "w");
    cr_assert(fputs("#!/bin/sh\ncase $0 in */link) ;; *) exit 1 ;; esac\n", file) >= 0 && fclose(file) == 0);
    cr_assert(chmod(program, 0700) == 0 && symlink("program", link) == 0);
    cr_expect_eq(bed_run(&bed), REAL_HELD);
    bed_close(&bed);
}

/* A load that traces one line. */
#define TRACED                                                                                                         \
    LOAD("printf \"{\\042t_us\\042:1,\\042what\\042:\\042begin\\042,\\042id\\042:\\042a\\042}\\n\" >$VOW_TRACE; echo " \
         "ok")

/* It holds, and says what it has not shown. */
Test(kill_run, I31_what_nobody_has_asked_for_is_noted)
{
    static const struct {
        const char *text;
        size_t notes;
    } cases[] = {{HEAD NODE("a", SERVE) LOAD("true"), 3},
                 {HEAD NODE("a", SERVE) LOAD("true") "checks: [{name: c, command: [\"true\"]}]\n", 2},
                 {HEAD NODE("a", SERVE) LOAD("echo ok") "  needs: {text: ok, times: 1}\n", 2},
                 {HEAD NODE("a", SERVE) LOAD("echo ok") "  needs: {text: ok, times: 1}\nchecks: [{name: c, command: "
                                                        "[\"true\"]}]\n",
                  1},
                 {HEAD NODE("a", SERVE) TRACED "  needs: {text: ok, times: 1}\nchecks: [{name: c, command: "
                                               "[\"true\"]}]\n",
                  0}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bed bed;
        bed_open(&bed, cases[i].text);
        cr_expect_eq(bed_run(&bed), REAL_HELD);
        json_t *verdict = verdict_of(&bed);
        cr_expect_eq(json_array_size(json_object_get(verdict, "notes")), cases[i].notes, "%s", cases[i].text);
        json_decref(verdict);
        bed_close(&bed);
    }
}

/* ${...} of every kind, as the processes of a scenario meet it: the load ends well if it is what it says. */
Test(kill_run, variables_are_what_they_stand_for)
{
    static const char text[] =
        "teaches: t\nseed: 7\nvars: {colour: red, v: \"$${v}\", of: \"${here}/out ${seed}\"}\nnodes:\n"
        "- name: a\n  ports: [main]\n  exit_status: 143\n  ready: {line: \"listens on ${a.main.port}.\"}\n"
        "  command: [sh, -c, 'echo \"listens on $$(echo ${a.main} | cut -d: -f2).\"; mkfifo f; exec cat <>f']\n"
        "links: [{name: l, to: \"${a.main}\"}]\n"
        "load:\n  command: [sh, -c, '[ \"$$1\" = \"$$2\" ]', sh,"
        "            \"${colour} ${of} ${dir} ${a.main} ${link.l}\",\n"
        "            \"${v} ${out} 7 ${load.dir} ${a.main.host}:${a.main.port} ${link.l.host}:${link.l.port}\"]\n";
    struct bed bed;
    bed_open(&bed, text);
    bed.sets = (struct real_sets){{"colour=${v}"}, 1};
    cr_expect_eq(bed_run(&bed), REAL_HELD);
    json_t *verdict = verdict_of(&bed);
    const json_t *colour = json_object_get(json_object_get(verdict, "vars"), "colour");
    cr_expect_str_eq(json_string_value(colour), "${v}");
    json_decref(verdict);
    bed_close(&bed);
}

/* It counts its lives in a file: the third one starts from what the first had written, and counts to two. */
Test(kill_run, a_node_comes_back_from_its_old_backup)
{
    struct bed bed;
    char path[128], lives[16] = "";
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("echo go; until grep -q \"life 3 serves\" ${out}/timeline.jsonl; do :; "
                                              "done") "faults:\n- {on: {says: load, text: go}, backup: a}\n- {after: "
                                                      "0ms, kill: a}\n"
                                                      "- {on: {died: a}, start: a}\n- {on: {ready: a}, kill: a}\n"
                                                      "- {on: {died: a, times: 2}, restore: a}\n- {after: 0ms, start: "
                                                      "a}\n");
    cr_expect_eq(bed_run(&bed), REAL_HELD);
    (void)snprintf(path, sizeof(path), "%s/nodes/a/lives", bed.out);
    FILE *file = fopen(path, "r");
    cr_expect_eq(fread(lives, 1, sizeof(lives) - 1, file), 4);
    fclose(file);
    cr_expect_str_eq(lives, "x\nx\n");
    bed_close(&bed);
}

/* Ctrl-C, or a terminal that closes: the nodes end, and the verdict says that it is none. */
struct interruption {
    char name[8];
};

ParameterizedTestParameters(kill_run, an_interrupted_run_leaves_nothing_and_proves_nothing)
{
    static struct interruption signals[] = {{"INT"}, {"TERM"}, {"HUP"}};

    return cr_make_param_array(struct interruption, signals, sizeof(signals) / sizeof(signals[0]));
}

ParameterizedTest(struct interruption *by, kill_run, an_interrupted_run_leaves_nothing_and_proves_nothing)
{
    struct bed bed;
    char text[1024];
    (void)snprintf(text, sizeof(text),
                   HEAD NODE("a", "(setsid sh -c 'mkfifo g; echo ready; exec cat <>g')& " IDLE) //
                   "  databases: [none.db]\nsettle_within: 1ms\n"
                   "load: {command: [sh, -c, 'kill -%s $$PPID; mkfifo f; read x <>f']}\n"
                   "checks: [{name: c, command: [sh, -c, 'exit 1']}]\n",
                   by->name);
    bed_open(&bed, text);
    cr_expect_eq(bed_run(&bed), REAL_INVALID);
    json_t *verdict = verdict_of(&bed);
    cr_expect(tells(verdict, "invalid", "interrupted"));
    json_decref(verdict);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "no child is left");
    bed_close(&bed);
}

/* Runs it in a process of its own, which `prepare` has changed. Returns its exit status, or -1. */
static int bed_run_apart(const struct bed *bed, bool is_json, void (*prepare)(void))
{
    int status;
    const pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        prepare();
        _exit(real_run(&(struct real_run_options){.scenario = bed->scenario, .out = bed->out, .is_json = is_json}));
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void close_the_reader(void)
{
    int ends[2];
    if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0 || close(ends[0]) != 0)
        _exit(99);
}

/* vow-chaos run ... | head -n 1: the run is made, and its verdict is in the archive. */
Test(kill_run, a_reader_that_has_had_enough_ends_nothing)
{
    struct bed bed;
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("true"));
    cr_expect_eq(bed_run_apart(&bed, false, close_the_reader), REAL_HELD);
    json_t *verdict = verdict_of(&bed);
    cr_expect_str_eq(json_string_value(json_object_get(verdict, "verdict")), "held");
    json_decref(verdict);
    bed_close(&bed);
}

static void fill_stdout(void)
{
    if (freopen("/dev/full", "w", stdout) == NULL)
        _exit(99);
}

Test(kill_run, I31_a_verdict_that_nobody_can_read_is_none)
{
    struct bed bed;
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("true"));
    cr_expect_eq(bed_run_apart(&bed, true, fill_stdout), REAL_INVALID);
    bed_close(&bed);
}

static void bound_files(void)
{
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){8192, 8192}) != 0)
        _exit(99);
}

/* What is missing may have been what shows that something was wrong. A limit is as good as a full disk here. */
Test(kill_run, I31_an_archive_that_is_not_whole_proves_nothing)
{
    struct bed bed;
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("seq 3000"));
    cr_expect_eq(bed_run_apart(&bed, false, bound_files), REAL_INVALID);
    json_t *verdict = verdict_of(&bed);
    cr_expect(tells(verdict, "invalid", "load: its log could not be written in full"));
    json_decref(verdict);
    bed_close(&bed);
}

/* The node has started a process that has left its group, and its session; that one writes down who it is. */
static int open_stray(const struct bed *bed)
{
    char path[128], pid[16] = "";
    (void)snprintf(path, sizeof(path), "%s/nodes/a/stray", bed->out);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL && fgets(pid, sizeof(pid), file) != NULL);
    (void)fclose(file);
    return pidfd_open((pid_t)strtol(pid, NULL, 10), 0);
}

Test(kill_run, a_harness_that_is_killed_leaves_nothing)
{
    struct bed bed;
    char path[128];
    bed_open(&bed, HEAD NODE("a", "(setsid sh -c 'echo $$$$ >stray; mkfifo g; echo ready; exec cat <>g')& " IDLE)
                       LOAD("mkfifo f; read x <>f"));
    const pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0)
        _exit(bed_run(&bed));
    (void)snprintf(path, sizeof(path), "%s/nodes/load/f", bed.out);
    while (access(path, F_OK) != 0)
        cr_assert_eq(waitpid(pid, NULL, WNOHANG), 0, "it runs still");
    struct pollfd stray = {.fd = open_stray(&bed), .events = POLLIN};
    cr_assert_geq(stray.fd, 0);
    cr_assert(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    cr_expect_eq(poll(&stray, 1, 60000), 1, "it ends");
    close(stray.fd);
    bed_close(&bed);
}

/* A run of a storm follows another in the same process, and a harness may be a node of another one's. */
Test(kill_run, a_run_takes_its_mark_back)
{
    struct bed bed;
    bed_open(&bed, HEAD NODE("a", SERVE) LOAD("case $VOW_CHAOS_RUN in *,outer) ;; *) exit 1 ;; esac"));
    cr_assert_eq(setenv(REAL_GUARD_VARIABLE, "outer", 1), 0);
    cr_expect_eq(bed_run(&bed), REAL_HELD);
    cr_expect_str_eq(getenv(REAL_GUARD_VARIABLE), "outer");
    bed_close(&bed);
}

/* --- The judge --- */

/* A load that traces `lines`, and waits for ever. */
#define TRACES(lines)                                                                                                  \
    HEAD NODE("a", SERVE) "within: 10m\nload:\n  command: [sh, t.sh]\n  files:\n    t.sh: |\n"                         \
                          "      cat >> $$VOW_TRACE <<E\n" lines "      E\n      mkfifo f; read x <>f\n"
#define DECIDED "      {\"t_us\":5,\"what\":\"decided\",\"id\":\"x\",\"outcome\":\"commit\"}\n"
#define ABORTED "      {\"t_us\":6,\"what\":\"applied\",\"id\":\"x\",\"outcome\":\"abort\"}\n"

/* An hour's run must not go on for fifty minutes: this one would for ten. */
Test(kill_run, I01_the_first_line_that_contradicts_another_one_ends_the_run, .timeout = 60)
{
    char path[128];
    struct bed bed;
    bed_open(&bed, TRACES(DECIDED ABORTED));
    cr_expect_eq(bed_run(&bed), REAL_VIOLATED);
    json_t *verdict = verdict_of(&bed);
    cr_expect(tells(verdict, "violations", "the law one-outcome (I01): x: COMMIT decided"));
    cr_expect_eq(json_array_size(json_object_get(verdict, "violations")), 1);
    cr_expect_eq(json_array_size(json_object_get(verdict, "invalid")), 0, "it was not interrupted");
    (void)snprintf(path, sizeof(path), "%s/violation.json", bed.out);
    json_t *violation = json_load_file(path, 0, NULL);
    const json_t *line = json_array_get(json_object_get(violation, "lines"), 1);
    cr_expect_str_eq(json_string_value(json_object_get(line, "file")), "traces/load.jsonl");
    cr_expect_eq(json_integer_value(json_object_get(line, "line")), 2);
    json_decref(violation);
    json_decref(verdict);
    bed_close(&bed);
}

/* What is written last is read when all have ended, and that nothing comes behind it is known only then. */
Test(kill_run, I13_what_the_last_line_says_is_judged)
{
    const struct ending ending = {
        HEAD "- name: a\n  command: [sh, t.sh]\n  ready: {line: ready}\n  exit_status: 0\n  files:\n    t.sh: |\n"
             "      end() {\n      cat >> $$VOW_TRACE <<E\n"
             "      {\"t_us\":5,\"what\":\"lock\",\"id\":\"x\",\"key\":\"item/1\"}\n" ABORTED
             "      E\n      exit 0\n      }\n"
             "      trap end TERM; echo ready; while :; do sleep 0.1; done\n" LOAD("true"),
        REAL_VIOLATED, "violations", "the law lock-of-nobody (I13)"};
    expect_ending(&ending);
}

Test(kill_run, what_cannot_be_judged_proves_less)
{
    const struct ending ending = {HEAD NODE("a", "echo no trace >> $$VOW_TRACE; echo >> $$VOW_TRACE; " SERVE)
                                      LOAD("true"),
                                  REAL_INVALID, "invalid", "not all can be judged: traces/a.jsonl:"};
    expect_ending(&ending);
}
