/* Histories for Elle and Jepsen, read by a strict reader of their form. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/export/export.h"
#include "chaos/measure/read.h"
#include "edn.h"

static struct measure_run run;
static struct edn_op ops[EDN_OPS_MAX];
static size_t ops_len;
static char why[256];

static void begin(void)
{
    measure_run_init(&run);
}

static void end(void)
{
    measure_run_deinit(&run);
}

TestSuite(export, .init = begin, .fini = end, .timeout = 60);

/* An order, with its times in milliseconds; 0: it was never answered. */
static void order(const char *id, unsigned begin_ms, unsigned end_ms, const char *outcome)
{
    char line[256], text[32] = "null", said[MEASURE_ERROR_SIZE];
    if (end_ms > 0)
        (void)snprintf(text, sizeof(text), "%u000", end_ms);
    (void)snprintf(line, sizeof(line),
                   "{\"op\":1,\"due_us\":%u000,\"start_us\":%u000,\"end_us\":%s,\"id\":\"%s\",\"outcome\":\"%s\"}",
                   begin_ms, begin_ms, text, id, outcome);
    cr_assert_eq(measure_parse_op(&run, line, said), 0, "%s", said);
}

static void tell(const char *format, unsigned at_ms, const char *id, const char *key, int version, const char *rest)
{
    char line[256], said[MEASURE_ERROR_SIZE];
    (void)snprintf(line, sizeof(line),
                   "{\"t_us\":%u000,\"what\":\"%s\",\"id\":\"%s\",\"key\":\"%s\",\"version\":%d,%s}", at_ms, format, id,
                   key, version, rest);
    cr_assert_eq(measure_parse_record(&run, 1, line, said), 0, "%s: %s", line, said);
}

static void reads(unsigned at_ms, const char *id, const char *key, int version)
{
    tell("read", at_ms, id, key, version, "\"by\":\"\"");
}

static void writes(unsigned at_ms, const char *id, const char *key, int version, int from)
{
    char rest[64];
    (void)snprintf(rest, sizeof(rest), "\"from\":%d,\"kind\":\"action\"", from);
    tell("write", at_ms, id, key, version, rest);
}

static void undoes(unsigned at_ms, const char *id, const char *key, int version, int from)
{
    char rest[64];
    (void)snprintf(rest, sizeof(rest), "\"from\":%d,\"kind\":\"compensation\"", from);
    tell("write", at_ms, id, key, version, rest);
}

/* Writes it, and reads it again. */
static int export_as(enum export_model model)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    measure_run_settle(&run);
    const int error = export_edn(&run, model, out, why, sizeof(why));
    (void)fclose(out);
    ops_len = edn_read(text, ops);
    edn_check(ops, ops_len);
    free(text);
    return error;
}

/* The micro-operations of op `at`: "r item/1 [1 2], append item/1 3". */
static const char *mops(size_t at)
{
    static char all[1024];
    all[0] = '\0';
    for (size_t i = 0; i < ops[at].mops_len; i++) {
        const struct edn_mop *mop = &ops[at].mops[i];
        char value[256];
        (void)snprintf(value, sizeof(value), "%s", mop->is_nil ? "nil" : "");
        if (!mop->is_nil && !mop->is_list)
            (void)snprintf(value, sizeof(value), "%lld", (long long)mop->value);
        for (size_t k = 0; k < mop->list_len; k++)
            (void)snprintf(value + strlen(value), sizeof(value) - strlen(value), "%s%lld", k > 0 ? "+" : "",
                           (long long)mop->list[k]);
        (void)snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s %s %s", i > 0 ? ", " : "", mop->f, mop->key,
                       value);
    }
    return all;
}

static void expect(size_t at, const char *type, const char *wanted)
{
    cr_expect_str_eq(ops[at].type, type, "op %zu: %s", at, ops[at].type);
    cr_expect_str_eq(mops(at), wanted, "op %zu: %s", at, mops(at));
}

/* Two after one another: the second has read what the first has written. */
static void two_orders(void)
{
    order("a", 10, 20, "committed");
    order("b", 30, 40, "committed");
    reads(11, "a", "item/1", 0);
    writes(11, "a", "item/1", 1, 0);
    reads(31, "b", "item/1", 1);
    writes(31, "b", "item/1", 2, 1);
}

Test(export, a_list_is_all_that_its_version_was_made_of)
{
    two_orders();
    cr_assert_eq(export_as(EXPORT_LIST_APPEND), 0, "%s", why);
    cr_assert_eq(ops_len, 4);
    expect(0, "invoke", "r item/1 nil, append item/1 1");
    expect(1, "ok", "r item/1 , append item/1 1");
    expect(2, "invoke", "r item/1 nil, append item/1 2");
    expect(3, "ok", "r item/1 1, append item/1 2");
    cr_assert_eq(ops[3].time, 30000000, "nanoseconds since the first");
    cr_assert_eq(ops[2].process, 0, "a process that is free is taken again");
}

Test(export, a_register_is_its_version_and_nil_before_the_first)
{
    two_orders();
    cr_assert_eq(export_as(EXPORT_RW_REGISTER), 0, "%s", why);
    expect(0, "invoke", "r item/1 nil, w item/1 1");
    expect(1, "ok", "r item/1 nil, w item/1 1");
    expect(3, "ok", "r item/1 1, w item/1 2");
}

/* What a checker is to find: the list of the third version has no second one. */
Test(export, a_lost_update_is_missing_in_the_list)
{
    order("a", 10, 90, "completed");
    order("b", 20, 30, "completed");
    order("c", 92, 95, "completed");
    reads(11, "a", "item/1", 0);
    reads(21, "b", "item/1", 0);
    writes(22, "b", "item/1", 1, 0);
    writes(80, "a", "item/1", 2, 0);
    reads(93, "c", "item/1", 2);
    cr_assert_eq(export_as(EXPORT_LIST_APPEND), 0, "%s", why);
    expect(ops_len - 1, "ok", "r item/1 2");
    cr_assert_eq(ops[1].process, 1, "two at once are two processes");
}

/* An order that was undone has failed, and who has read what it wrote has read what never was (G1a). */
Test(export, what_was_undone_has_failed_and_its_undoing_is_a_write_of_its_own)
{
    order("a", 10, 50, "compensated");
    order("b", 20, 30, "completed");
    reads(11, "a", "item/1", 0);
    writes(12, "a", "item/1", 1, 0);
    reads(21, "b", "item/1", 1);
    undoes(40, "a", "item/1", 2, 1);
    cr_assert_eq(export_as(EXPORT_LIST_APPEND), 0, "%s", why);
    cr_assert_eq(ops_len, 6);
    expect(0, "invoke", "r item/1 nil, append item/1 1");
    expect(2, "ok", "r item/1 1");
    expect(3, "invoke", "append item/1 2");
    expect(4, "ok", "append item/1 2");
    expect(5, "fail", "r item/1 nil, append item/1 1");
}

/* Nobody knows: it lasts for ever, and its process does nothing else. */
Test(export, an_order_that_was_never_answered_is_an_info)
{
    order("a", 10, 0, "unknown");
    order("b", 20, 30, "committed");
    order("c", 40, 50, "committed");
    order("d", 60, 70, "rejected");
    writes(12, "a", "item/1", 1, 0);
    writes(21, "b", "item/2", 1, 0);
    writes(41, "c", "item/2", 2, 1);
    cr_assert_eq(export_as(EXPORT_RW_REGISTER), 0, "%s", why);
    cr_assert_eq(ops_len, 6, "what has done nothing is left out");
    expect(0, "invoke", "w item/1 1");
    expect(5, "info", "w item/1 1");
    cr_assert_eq(ops[3].process, 1);
}

Test(export, what_nobody_told_of_but_its_services_is_an_info_too)
{
    writes(12, "a", "item/1", 1, 0);
    cr_assert_eq(export_as(EXPORT_LIST_APPEND), 0, "%s", why);
    cr_assert_eq(ops_len, 2);
    expect(1, "info", "append item/1 1");
}

Test(export, a_version_that_nobody_has_written_is_told)
{
    order("a", 10, 20, "committed");
    reads(11, "a", "item/1", 3);
    cr_assert_neq(export_as(EXPORT_LIST_APPEND), 0);
    cr_assert_str_eq(why, "version 3 of item/1 was read, and nobody has written what it is made of");
}

Test(export, a_key_is_a_text_whatever_is_in_it)
{
    order("a", 10, 20, "committed");
    writes(11, "a", "item/\\\"x\\\\", 1, 0);
    cr_assert_eq(export_as(EXPORT_RW_REGISTER), 0, "%s", why);
    expect(1, "ok", "w item/\"x\\ 1");
}
