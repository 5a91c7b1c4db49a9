/*
 * What vowctl makes of each answer to an order: done, refused, or not known whether it was done. The coordinator is a
 * scripted one, since a real one gives most of these answers once in a year.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "fake.h"
#include "kit.h"
#include "proto/error.h"

TestSuite(orders, .timeout = 60);

#define ID "f5mxzjpf2w00000100000000000g08d6bhp004bnf4"

enum act { ANSWERS, HANGS_UP, IS_SILENT };

static const struct order_case {
    const char *name;
    enum act act;
    int error;
    const char *json;
    int status;
    const char *says, *also;
} cases[] = {
    {"done", ANSWERS, 0, "{\"done\":\"aborted\"}", 0, "aborted", ""},
    {"busy", ANSWERS, VOW_E_BUSY, "{\"why\":\"too many orders are under way\"}", 4,
     "refused for now, nothing was done: give the order again; too many orders are under way", ""},
    {"busy, without words", ANSWERS, VOW_E_BUSY, "", 4, "refused for now, nothing was done", ""},
    {"going down", ANSWERS, VOW_E_SHUTTING_DOWN, "", 4, "refused for now, nothing was done", ""},
    {"refused", ANSWERS, VOW_E_REFUSED, "{\"why\":\"it is decided\"}", 4, "refused, nothing was done; it is decided",
     ""},
    {"another state", ANSWERS, VOW_E_STATE, "{\"why\":\"it is not stuck\"}", 4, "nothing was done; it is not stuck",
     ""},
    {"gone", ANSWERS, VOW_E_NOT_FOUND, "", 4, "refused, nothing was done", ""},
    {"in doubt", ANSWERS, VOW_E_IN_DOUBT, "{\"why\":\"the participant has not answered\"}", 6,
     "it is not known whether it was done", "the participant has not answered"},
    {"of a newer version", ANSWERS, -999, "", 6, "it is not known whether it was done", "vowctl show ID"},
    {"hangs up", HANGS_UP, 0, "", 6, "it is not known whether it was done", "vowctl show ID"},
    {"no word", IS_SILENT, 0, "", 6, "it is not known whether it was done", "no answer in time"},
};

static struct run run;

struct tool {
    struct fake *fake;
    pthread_t thread;
    atomic_bool done;
};

static void *run_tool(void *ctx)
{
    struct tool *tool = ctx;
    const char *const argv[] = {VOW_BIN "/vowctl",
                                "--coordinator",
                                tool->fake->address,
                                "--timeout",
                                "2000",
                                "abort",
                                ID,
                                "--reason",
                                "a test",
                                "--yes",
                                NULL};
    run_program(&run, argv);
    atomic_store(&tool->done, true);
    fake_wake(tool->fake);
    return NULL;
}

static void tool_start(struct tool *tool)
{
    *tool = (struct tool){.fake = fake_open()};
    cr_assert_eq(pthread_create(&tool->thread, NULL, run_tool, tool), 0);
}

static void tool_end(struct tool *tool)
{
    fake_until(tool->fake, &tool->done);
    cr_assert_eq(pthread_join(tool->thread, NULL), 0);
    fake_close(tool->fake);
}

static void reply(struct fake *fake, uint64_t tag, int error, const char *json)
{
    struct vow_msg msg = {.kind = VOW_MSG_ADMIN_REPLY};
    msg.admin_reply = (struct vow_msg_admin_reply){.error = error, .json = json, .last = true, .tag = tag};
    fake_send(fake, &msg);
}

/* vowctl looks first; its order comes on another connection. */
static void give_order(struct fake *fake, const struct order_case *c)
{
    const struct heard *look = fake_hear(fake, VOW_MSG_ADMIN_REQUEST);
    cr_assert_eq(look->msg.admin_request.command, VOW_ADMIN_SHOW);
    reply(fake, look->msg.admin_request.tag, 0, "{\"id\":\"" ID "\",\"state\":\"PREPARING\",\"branches\":[]}");
    const struct heard *order = fake_hear(fake, VOW_MSG_ADMIN_REQUEST);
    cr_assert_eq(order->msg.admin_request.command, VOW_ADMIN_ABORT);
    if (c->act == ANSWERS)
        reply(fake, order->msg.admin_request.tag, c->error, c->json);
    else if (c->act == HANGS_UP)
        fake_drop(fake);
}

Test(orders, each_answer_is_told_as_what_it_is)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct order_case *c = &cases[i];
        struct tool tool;
        tool_start(&tool);
        give_order(tool.fake, c);
        tool_end(&tool);
        cr_expect_eq(run.status, c->status, "%s: %d, %s%s", c->name, run.status, run.out, run.err);
        const char *said = c->status == 0 ? run.out : run.err;
        cr_expect(strstr(said, c->says) != NULL && strstr(said, c->also) != NULL, "%s: %s", c->name, said);
        cr_expect_eq(strstr(run.err, "not known") != NULL, c->status == 6, "%s: %s", c->name, run.err);
        cr_expect_eq(strstr(run.err, "nothing was done") != NULL, c->status == 4, "%s: %s", c->name, run.err);
    }
}

/* Whoever cannot even look orders nothing. */
Test(orders, what_was_not_ordered_was_not_done)
{
    struct tool tool;
    tool_start(&tool);
    const struct heard *look = fake_hear(tool.fake, VOW_MSG_ADMIN_REQUEST);
    reply(tool.fake, look->msg.admin_request.tag, VOW_E_BUSY, "");
    tool_end(&tool);
    cr_expect_eq(run.status, 4, "%s", run.err);
    cr_expect_not_null(strstr(run.err, "refused for now, nothing was done"), "%s", run.err);

    tool_start(&tool);
    fake_hear(tool.fake, VOW_MSG_ADMIN_REQUEST);
    fake_drop(tool.fake);
    tool_end(&tool);
    cr_expect_eq(run.status, 1, "%s", run.err);
    cr_expect_not_null(strstr(run.err, "nothing was done: the order was not sent"), "%s", run.err);
}
