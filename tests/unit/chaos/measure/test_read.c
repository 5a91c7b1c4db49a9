/* What a run has written, and what it has not. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

#include "chaos/measure/read.h"

#define LIFE "{\"t_us\":1,\"what\":\"life\",\"node\":\"stock\",\"pid\":7,\"role\":\"participant\"}\n"
#define YES "{\"t_us\":20,\"what\":\"yes\",\"id\":\"a\"}\n"

struct bed {
    struct measure_run run;
    char why[MEASURE_ERROR_SIZE];
};

static int bed_read(struct bed *bed, const char *text, bool is_history)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    cr_assert_not_null(file);
    measure_run_init(&bed->run);
    const int error = is_history ? measure_read_history(&bed->run, file, "f.jsonl", bed->why)
                                 : measure_read_trace(&bed->run, "stock", file, "f.jsonl", bed->why);
    (void)fclose(file);
    measure_run_settle(&bed->run);
    return error;
}

Test(measure_read, each_kind_of_line)
{
    struct bed bed;
    cr_assert_eq(bed_read(&bed,
                          LIFE
                          "{\"t_us\":2,\"what\":\"lock\",\"id\":\"a\",\"key\":\"item/1\",\"more\":[1]}\n"
                          "{\"t_us\":3,\"what\":\"wait\",\"id\":\"b\",\"key\":\"\",\"for\":\"a\"}\n" YES
                          "{\"t_us\":21,\"what\":\"applied\",\"id\":\"a\",\"outcome\":\"abort\"}\n"
                          "{\"t_us\":22,\"what\":\"saga\",\"id\":\"s\",\"state\":\"stuck\"}\n"
                          "{\"t_us\":23,\"what\":\"write\",\"id\":\"s\",\"key\":\"item/1\",\"version\":7,\"from\":5,"
                          "\"kind\":\"compensation\"}\n"
                          "{\"t_us\":24,\"what\":\"read\",\"id\":\"s\",\"key\":\"item/1\",\"version\":7,\"by\":\"\"}\n"
                          "{\"t_us\":25,\"what\":\"audit\",\"sum\":-4,\"expected\":10}\n"
                          "{\"t_us\":26,\"what\":\"cost\",\"fsyncs\":1,\"msgs_in\":2,\"msgs_out\":3,\"bytes_in\":4,"
                          "\"bytes_out\":5,\"cpu_us\":6}\n"
                          "{\"t_us\":27,\"what\":\"parted\",\"with\":\"stock\"}\n"
                          "{\"t_us\":28,\"what\":\"event\",\"lag_us\":70}\n"
                          "{\"t_us\":29,\"what\":\"handled\",\"group\":\"billing\",\"event\":\"stock/apple/1\"}\n"
                          "{\"t_us\":30,\"what\":\"again\",\"id\":\"a\",\"of\":\"step\"}\n"
                          "{\"t_us\":31,\"what\":\"letters\",\"letters\":4,\"group\":\"billing\",\"offset\":9,"
                          "\"says\":\"dead\"}\n",
                          false),
                 0, "%s", bed.why);
    const struct measure_record *at = bed.run.records;
    cr_assert_eq(bed.run.records_len, 15);
    cr_expect_eq(at[0].what, MEASURE_LIFE);
    cr_expect_not(at[0].is_coordinator);
    cr_expect_eq(at[1].id, at[2].other);
    cr_expect_str_eq(measure_text(bed.run.names, at[1].key), "item/1");
    cr_expect_str_eq(measure_text(bed.run.names, at[1].node), "stock");
    cr_expect_eq(at[4].outcome, MEASURE_ABORTED);
    cr_expect_eq(at[5].state, MEASURE_HALTED);
    cr_expect(at[6].is_compensation);
    cr_expect_eq(at[6].version, 7);
    cr_expect_eq(at[6].from, 5);
    cr_expect_eq(at[7].other, 0);
    cr_expect_eq(at[8].sum, -4);
    cr_expect_eq(at[9].cost.cpu_us, 6);
    cr_expect_eq(at[10].what, MEASURE_PARTED);
    cr_expect_eq(at[11].lag_us, 70);
    cr_expect_str_eq(measure_text(bed.run.names, at[12].other), "billing");
    cr_expect_str_eq(measure_text(bed.run.names, at[12].key), "stock/apple/1");
    cr_expect_eq(at[13].what, MEASURE_AGAIN);
    cr_expect_eq(at[14].letters, 4);
    measure_run_deinit(&bed.run);
}

Test(measure_read, a_history)
{
    struct bed bed;
    cr_assert_eq(
        bed_read(&bed,
                 "{\"op\":2,\"due_us\":50,\"start_us\":51,\"end_us\":null,\"outcome\":\"unknown\"}\n"
                 "{\"op\":1,\"due_us\":10,\"start_us\":12,\"end_us\":30,\"id\":\"a\",\"outcome\":\"completed\","
                 "\"reads\":[{\"key\":\"k\",\"version\":3,\"by\":\"z\"}],"
                 "\"writes\":[{\"key\":\"k\",\"version\":4,\"from\":3}],\"amount\":250}\n",
                 true),
        0, "%s", bed.why);
    cr_assert_eq(bed.run.ops_len, 2);
    cr_expect_eq(bed.run.ops[0].due_us, 10);
    cr_expect_eq(bed.run.ops[0].amount, 250);
    cr_expect_eq(bed.run.ops[0].outcome, MEASURE_COMPLETED);
    cr_expect_eq(bed.run.ops[1].end_us, 0);
    cr_expect_eq(bed.run.from_us, 10);
    cr_expect_eq(bed.run.to_us, 50);
    cr_assert_eq(bed.run.records_len, 2);
    cr_expect_eq(bed.run.records[0].what, MEASURE_READ);
    cr_expect_eq(bed.run.records[1].from, 3);
    measure_run_deinit(&bed.run);
}

/* A SIGKILL cuts the line that was being written, and the next life goes on behind it. */
Test(measure_read, a_line_that_a_death_has_cut_is_none)
{
    struct bed bed;
    cr_expect_eq(bed_read(&bed, LIFE YES "{\"t_us\":30,\"wh", false), 0, "%s", bed.why);
    cr_expect_eq(bed.run.records_len, 2);
    measure_run_deinit(&bed.run);
    cr_expect_eq(bed_read(&bed, LIFE "{\"t_us\":30,\"wh\n" LIFE YES, false), 0, "%s", bed.why);
    cr_expect_eq(bed.run.records_len, 3);
    measure_run_deinit(&bed.run);
}

Test(measure_read, a_cut_line_elsewhere_is_an_error)
{
    struct bed bed;
    cr_expect_eq(bed_read(&bed, LIFE "{\"t_us\":30,\"wh\n" YES, false), -1);
    cr_expect(strstr(bed.why, "f.jsonl:2: no JSON") != NULL, "%s", bed.why);
    measure_run_deinit(&bed.run);
    cr_expect_eq(bed_read(&bed, LIFE YES "{\"t_us\":30,\"wh\n", false), -1);
    cr_expect(strstr(bed.why, "f.jsonl:3: no JSON") != NULL, "%s", bed.why);
    measure_run_deinit(&bed.run);
}

/* A whole line that says nothing is none that was cut, wherever it stands. */
Test(measure_read, a_whole_line_was_not_cut)
{
    struct bed bed;
    cr_expect_eq(bed_read(&bed, LIFE "{\"t_us\":30,\"what\":\"maybe\"}\n" LIFE, false), -1);
    cr_expect(strstr(bed.why, "f.jsonl:2: \"what\" does not know") != NULL, "%s", bed.why);
    measure_run_deinit(&bed.run);
}

struct bad {
    char line[200], why[80];
    bool is_history;
};

ParameterizedTestParameters(measure_read, a_bad_line_is_told_with_its_place)
{
    static struct bad bad[] = {
        {"[7]\n", "no object", false},
        {"{\"what\":\"yes\",\"id\":\"a\"}\n", "whole number \"t_us\"", false},
        {"{\"t_us\":-1,\"what\":\"yes\",\"id\":\"a\"}\n", "\"t_us\" is below 0", false},
        {"{\"t_us\":1,\"what\":\"maybe\"}\n", "\"what\" does not know \"maybe\"", false},
        {"{\"t_us\":1,\"what\":\"yes\"}\n", "wants a text \"id\"", false},
        {"{\"t_us\":1,\"what\":\"yes\",\"id\":\"\"}\n", "\"id\" is empty", false},
        {"{\"t_us\":1,\"t_us\":2,\"what\":\"yes\",\"id\":\"a\"}\n", "no JSON: duplicate", false},
        {"{\"t_us\":1,\"what\":\"applied\",\"id\":\"a\",\"outcome\":\"\\u001b[2J\"}\n", "know \"\\x1b[2J\"", false},
        {"{\"t_us\":1,\"what\":\"cost\",\"fsyncs\":1}\n", "whole number \"msgs_in\"", false},
        {"{\"op\":1,\"due_us\":5,\"start_us\":6,\"outcome\":\"unknown\"}\n", "wants \"end_us\"", true},
        {"{\"op\":1,\"due_us\":5,\"start_us\":4,\"end_us\":7,\"outcome\":\"unknown\"}\n", "before it was due", true},
        {"{\"op\":1,\"due_us\":5,\"start_us\":6,\"end_us\":5,\"outcome\":\"unknown\"}\n", "before it has started",
         true},
        {"{\"op\":1,\"due_us\":5,\"start_us\":6,\"end_us\":7,\"outcome\":\"fine\"}\n", "does not know \"fine\"", true},
    };

    return cr_make_param_array(struct bad, bad, sizeof(bad) / sizeof(bad[0]));
}

ParameterizedTest(struct bad *bad, measure_read, a_bad_line_is_told_with_its_place)
{
    struct bed bed;
    cr_expect_eq(bed_read(&bed, bad->line, bad->is_history), -1);
    cr_expect(strstr(bed.why, "f.jsonl:1: ") == bed.why, "%s", bed.why);
    cr_expect(strstr(bed.why, bad->why) != NULL, "%s", bed.why);
    measure_run_deinit(&bed.run);
}
