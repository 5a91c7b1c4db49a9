/*
 * What sagas of the shop do to one another, and what each countermeasure does against it, as shop-audit counts it from
 * the versions of the rows. Two sagas want one item: A stands at a gate, a participant of this test, while B runs.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shop.h"

TestSuite(shop_sagas, .timeout = 120);

/* --- gates: steps that stand still until they are told what to answer --- */

enum gate_state { GATE_SHUT, GATE_OPEN, GATE_REFUSES };

struct gate {
    struct vow_participant *participant;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    enum gate_state state;
    bool has_guest, refuses_back; /* refuses_back: what was done there cannot be undone */
};

static int pass(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct gate *gate = ctx;
    (void)db, (void)payload, (void)len;
    pthread_mutex_lock(&gate->mutex);
    gate->has_guest = true;
    pthread_cond_broadcast(&gate->changed);
    while (gate->state == GATE_SHUT)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    enum gate_state state = gate->state;
    pthread_mutex_unlock(&gate->mutex);
    return state == GATE_OPEN ? 0 : vow_branch_refuse(branch, "the gate refuses");
}

static int pass_back(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct gate *gate = ctx;
    (void)db, (void)payload, (void)len;
    pthread_mutex_lock(&gate->mutex);
    const bool refuses = gate->refuses_back;
    pthread_mutex_unlock(&gate->mutex);
    return refuses ? vow_branch_refuse(branch, "the gate does not open backwards") : 0;
}

static void gate_start(struct gate *gate, const struct cluster *cluster, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s.db", cluster->directory, name);
    struct vow_participant_options options = {
        .size = sizeof(options), .name = name, .path = path, .coordinator = cluster->address};
    *gate = (struct gate){.state = GATE_SHUT};
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->changed, NULL);
    cr_assert_eq(vow_participant_open(&options, &gate->participant, NULL), 0);
    cr_assert_eq(vow_participant_handle(gate->participant, "pass", pass, gate), 0);
    cr_assert_eq(vow_participant_handle(gate->participant, "pass_back", pass_back, gate), 0);
    cr_assert_eq(vow_participant_start(gate->participant), 0);
    cr_assert_eq(vow_participant_wait(gate->participant, 60000), 0);
}

static void gate_set(struct gate *gate, enum gate_state state)
{
    pthread_mutex_lock(&gate->mutex);
    gate->state = state;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static void gate_wait_guest(struct gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    while (!gate->has_guest)
        pthread_cond_wait(&gate->changed, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

/* --- the shop, with gates --- */

struct town {
    struct shop shop;
    struct gate first, last; /* before goods are taken, and after all that may be refused */
    FILE *log;               /* as shop-load writes it */
};

static void town_open(struct town *town)
{
    shop_start(&town->shop);
    gate_start(&town->first, &town->shop.cluster, "first");
    gate_start(&town->last, &town->shop.cluster, "last");
    town->log = fopen(shop_path(&town->shop, "log"), "w");
    cr_assert_not_null(town->log);
}

/* --- orders --- */

/* One of the two sagas; B passes no gates. */
struct order {
    struct vow_saga *saga;
    struct vow_saga_result result;
    bool done;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    const char *id;
    char payload[256];
};

static void add(struct order *order, const char *participant, const char *action, const char *compensation,
                enum vow_step_kind kind)
{
    struct vow_saga_step step = {.size = sizeof(step),
                                 .participant = participant,
                                 .action = action,
                                 .compensation = compensation,
                                 .payload = order->payload,
                                 .len = strlen(order->payload),
                                 .kind = kind,
                                 .attempts_max = 1000,
                                 .attempt_ms = 60000,
                                 .backoff_ms = 5,
                                 .backoff_max_ms = 20};
    cr_assert_eq(vow_saga_step(order->saga, &step), 0, "%s", vow_saga_why(order->saga));
}

static void add_gate(struct order *order, const char *name, bool has_gates)
{
    if (has_gates)
        add(order, name, "pass", "pass_back", VOW_STEP_COMPENSATABLE);
}

/* The orders of steps of shop-load, with gates. */
static void add_steps(struct order *order, const char *arm, bool has_gates)
{
    const bool goods_last = strcmp(arm, "pessimistic-view") == 0;
    if (goods_last) {
        add(order, "payment", "pay", "pay_back", VOW_STEP_COMPENSATABLE);
        add_gate(order, "last", has_gates);
    }
    add(order, "stock", "look", "settle", VOW_STEP_COMPENSATABLE);
    add_gate(order, "first", has_gates);
    add(order, "stock", "take", goods_last ? NULL : "give_back", goods_last ? VOW_STEP_PIVOT : VOW_STEP_COMPENSATABLE);
    if (!goods_last) {
        add(order, "payment", "pay", "pay_back", VOW_STEP_COMPENSATABLE);
        add_gate(order, "last", has_gates);
    }
    add(order, "order", "place", NULL, VOW_STEP_RETRIABLE);
    if (strcmp(arm, "semantic-lock") == 0)
        add(order, "stock", "settle", NULL, VOW_STEP_RETRIABLE);
}

static void on_end(void *ctx, const struct vow_saga_result *result)
{
    struct order *order = ctx;
    pthread_mutex_lock(&order->mutex);
    order->result = *result;
    order->done = true;
    pthread_cond_broadcast(&order->changed);
    pthread_mutex_unlock(&order->mutex);
}

static void order_write(struct order *order, const char *id, int amount, const char *arm, const char *contender)
{
    *order = (struct order){.id = id};
    pthread_mutex_init(&order->mutex, NULL);
    pthread_cond_init(&order->changed, NULL);
    snprintf(order->payload, sizeof(order->payload), "%s item-00001 account-00001 2 %d %s %s 0", id, amount, arm,
             contender);
}

static void order_start(struct town *town, struct order *order, const char *arm, bool has_gates)
{
    cr_assert_eq(vow_saga_new(town->shop.cluster.client, NULL, &order->saga), 0);
    add_steps(order, arm, has_gates);
    cr_assert_eq(vow_saga_start(order->saga, 60000, on_end, order), 0);
}

static void tell(struct town *town, const struct order *order, bool is_done)
{
    fprintf(town->log, "{\"order\":\"%s\",\"outcome\":\"%s\",\"tries\":[]}\n", order->id,
            is_done ? "committed" : "aborted");
}

static enum vow_saga_state order_wait(struct town *town, struct order *order)
{
    pthread_mutex_lock(&order->mutex);
    while (!order->done)
        pthread_cond_wait(&order->changed, &order->mutex);
    pthread_mutex_unlock(&order->mutex);
    /* Its time may be over while vowd was away: it is asked for then. */
    while (order->result.state != VOW_SAGA_COMPLETED && order->result.state != VOW_SAGA_COMPENSATED)
        cr_assert_eq(vow_saga_wait(town->shop.cluster.client, &order->result.id, 10000, &order->result), 0);
    tell(town, order, order->result.state == VOW_SAGA_COMPLETED);
    vow_saga_free(order->saga);
    return order->result.state;
}

/* --- what came of it --- */

struct counted {
    int lost, dirty, fuzzy;
};

static int number_after(const char *text, const char *words)
{
    const char *at = strstr(text, words);
    char *end = NULL;
    cr_assert_not_null(at, "%s", text);
    const long number = strtol(at + strlen(words), &end, 10);
    cr_assert(end != at + strlen(words), "%s", at);
    return (int)number;
}

/* Ends all and audits the books, which must be right: a lost update is right where nothing prevents it, and counted. */
static void town_close(struct town *town, struct counted *counted)
{
    static struct run run;
    gate_set(&town->first, GATE_OPEN);
    gate_set(&town->last, GATE_OPEN);
    vow_participant_close(town->first.participant);
    vow_participant_close(town->last.participant);
    shop_stop(&town->shop);
    fclose(town->log);
    shop_audit(&town->shop, &run);
    cr_assert_eq(run.status, 0, "%s%s", run.out, run.err);
    const char *of = strstr(run.out, "at: lost updates");
    cr_assert_not_null(of, "%s", run.out);
    counted->lost = number_after(of, "lost updates ");
    counted->dirty = number_after(of, "dirty reads ");
    counted->fuzzy = number_after(of, "fuzzy reads ");
    cluster_end(&town->shop.cluster);
}

struct arm_case {
    char arm[24];
    bool a_is_done, b_is_done;
    struct counted expected;
};

static void expect(const struct arm_case *c, const struct counted *counted)
{
    cr_expect_eq(counted->lost, c->expected.lost, "%s: %d lost updates", c->arm, counted->lost);
    cr_expect_eq(counted->dirty, c->expected.dirty, "%s: %d dirty reads", c->arm, counted->dirty);
    cr_expect_eq(counted->fuzzy, c->expected.fuzzy, "%s: %d fuzzy reads", c->arm, counted->fuzzy);
}

static void expect_state(const char *arm, bool is_done, enum vow_saga_state state)
{
    cr_expect_eq(state, is_done ? VOW_SAGA_COMPLETED : VOW_SAGA_COMPENSATED, "%s: %s", arm,
                 vow_saga_state_name((int)state));
}

/* --- B runs between A's reading and A's writing --- */

ParameterizedTestParameters(shop_sagas, F200_another_order_between_read_and_write)
{
    static struct arm_case cases[] = {
        {"none", true, true, {1, 0, 1}},        {"semantic-lock", true, false, {0, 0, 0}},
        {"commutative", true, true, {0, 0, 1}}, {"pessimistic-view", true, true, {1, 0, 1}},
        {"reread", false, true, {0, 0, 0}},     {"version-file", true, true, {0, 0, 1}},
        {"by-value", true, true, {1, 0, 1}},
    };
    return cr_make_param_array(struct arm_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct arm_case *c, shop_sagas, F200_another_order_between_read_and_write)
{
    struct town town;
    struct order a, b;
    struct counted counted;
    town_open(&town);
    gate_set(&town.last, GATE_OPEN);
    order_write(&a, "a", 4, c->arm, "fail-fast");
    order_start(&town, &a, c->arm, true);
    gate_wait_guest(&town.first);
    order_write(&b, "b", 6, c->arm, "fail-fast");
    order_start(&town, &b, c->arm, false);
    expect_state(c->arm, c->b_is_done, order_wait(&town, &b));
    gate_set(&town.first, GATE_OPEN);
    expect_state(c->arm, c->a_is_done, order_wait(&town, &a));
    town_close(&town, &counted);
    expect(c, &counted);
}

/* --- B reads what A has written, and A is undone --- */

ParameterizedTestParameters(shop_sagas, F200_an_order_is_undone_that_another_has_read)
{
    static struct arm_case cases[] = {
        {"none", false, true, {1, 2, 0}},        {"semantic-lock", false, false, {0, 0, 0}},
        {"commutative", false, true, {0, 2, 0}}, {"pessimistic-view", false, true, {0, 0, 0}},
        {"reread", false, true, {0, 2, 0}},      {"version-file", false, true, {0, 2, 0}},
        {"by-value", false, true, {1, 2, 0}},
    };
    return cr_make_param_array(struct arm_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct arm_case *c, shop_sagas, F200_an_order_is_undone_that_another_has_read)
{
    struct town town;
    struct order a, b;
    struct counted counted;
    town_open(&town);
    gate_set(&town.first, GATE_OPEN);
    order_write(&a, "a", 4, c->arm, "fail-fast");
    order_start(&town, &a, c->arm, true);
    gate_wait_guest(&town.last);
    order_write(&b, "b", 6, c->arm, "fail-fast");
    order_start(&town, &b, c->arm, false);
    expect_state(c->arm, c->b_is_done, order_wait(&town, &b));
    gate_set(&town.last, GATE_REFUSES);
    expect_state(c->arm, c->a_is_done, order_wait(&town, &a));
    town_close(&town, &counted);
    expect(c, &counted);
}

/* --- what the service's own file says --- */

static int64_t stock_number(const struct town *town, const char *sql)
{
    return shop_number(&town->shop, STOCK, sql);
}

static void stock_wait(const struct town *town, const char *sql)
{
    while (stock_number(town, sql) != 1)
        ;
}

static void on_result(void *ctx, const struct vow_result *result)
{
    struct order *order = ctx;
    pthread_mutex_lock(&order->mutex);
    order->result.state = result->outcome == VOW_ABORTED ? VOW_SAGA_COMPENSATED : VOW_SAGA_COMPLETED;
    order->done = true;
    pthread_cond_broadcast(&order->changed);
    pthread_mutex_unlock(&order->mutex);
}

/* A dear order is a transaction: what it has changed is not seen before it has ended. */
Test(shop_sagas, F200_a_dear_order_is_not_read_before_its_end)
{
    const struct arm_case c = {"by-value", false, true, {0, 0, 0}};
    struct town town;
    struct order a, b;
    struct counted counted;
    town_open(&town);
    order_write(&a, "a", 400, c.arm, "fail-fast");
    const size_t len = strlen(a.payload);
    const struct vow_call calls[] = {{"stock", "take", a.payload, len},
                                     {"payment", "pay", a.payload, len},
                                     {"order", "place", a.payload, len},
                                     {"last", "pass", "", 0}};
    cr_assert_eq(vow_commit_async(town.shop.cluster.client, calls, 4, on_result, &a), 0);
    stock_wait(&town, "SELECT count(*) FROM vow_branch WHERE changeset IS NOT NULL");
    order_write(&b, "b", 6, c.arm, "fail-fast");
    order_start(&town, &b, c.arm, false);
    stock_wait(&town, "SELECT count(*) FROM access WHERE step = 'look'");
    gate_set(&town.last, GATE_REFUSES);
    expect_state(c.arm, false, order_wait(&town, &a));
    expect_state(c.arm, true, order_wait(&town, &b));
    town_close(&town, &counted);
    expect(&c, &counted);
}

/* A contender that waits does so until the lock is cleared, and then goes on with what it reads now. */
Test(shop_sagas, F200_a_contender_waits_for_the_lock)
{
    const struct arm_case c = {"semantic-lock", true, true, {0, 0, 0}};
    struct town town;
    struct order a, b;
    struct counted counted;
    town_open(&town);
    gate_set(&town.last, GATE_OPEN);
    order_write(&a, "a", 4, c.arm, "wait");
    order_start(&town, &a, c.arm, true);
    gate_wait_guest(&town.first);
    order_write(&b, "b", 6, c.arm, "wait");
    order_start(&town, &b, c.arm, false);
    gate_set(&town.first, GATE_OPEN);
    expect_state(c.arm, true, order_wait(&town, &a));
    expect_state(c.arm, true, order_wait(&town, &b));
    town_close(&town, &counted);
    expect(&c, &counted);
}

/* --- the owner of a lock dies --- */

static void wait_alarm(struct town *town)
{
    char line[4096];
    do
        cr_assert_not_null(fgets(line, sizeof(line), town->shop.stock_says), "shop-stock ended without an alarm");
    while (strstr(line, "alarm: item-00001 is pending") == NULL);
}

#define PENDING "SELECT count(*) FROM item WHERE pending IS NOT NULL"

/* The lock's time is over at once, which raises an alarm; and its saga's coordinator dies. Nobody clears it for that:
 * not the time, not a contender, not a start. The saga does, when it ends. */
static void lose_the_owner(enum gate_state last)
{
    const bool a_is_done = last == GATE_OPEN;
    const struct arm_case c = {"semantic-lock", a_is_done, false, {0, 0, 0}};
    struct town town;
    struct order a, b, d;
    struct counted counted;
    town_open(&town);
    order_write(&a, "a", 4, c.arm, "fail-fast");
    order_start(&town, &a, c.arm, true);
    gate_wait_guest(&town.first);
    wait_alarm(&town);
    process_kill(&town.shop.cluster.vowd);
    cr_expect_eq(stock_number(&town, PENDING), 1, "the lock went with the coordinator");
    vowd_start(&town.shop.cluster, NULL);
    order_write(&b, "b", 6, c.arm, "fail-fast");
    order_start(&town, &b, c.arm, false);
    expect_state(c.arm, false, order_wait(&town, &b));
    cr_expect_eq(stock_number(&town, PENDING), 1, "a contender took the lock away");
    gate_set(&town.first, GATE_OPEN);
    gate_set(&town.last, last);
    expect_state(c.arm, a_is_done, order_wait(&town, &a));
    cr_expect_eq(stock_number(&town, PENDING), 0, "the lock has outlived its saga");
    order_write(&d, "d", 6, c.arm, "fail-fast");
    order_start(&town, &d, c.arm, false);
    expect_state(c.arm, true, order_wait(&town, &d));
    town_close(&town, &counted);
    expect(&c, &counted);
}

Test(shop_sagas, F211_a_lock_is_cleared_by_the_last_step_of_its_saga_alone)
{
    lose_the_owner(GATE_OPEN);
}

Test(shop_sagas, F211_a_lock_is_cleared_by_the_compensation_of_its_saga_alone)
{
    lose_the_owner(GATE_REFUSES);
}

/* --- an operator closes the owner of a lock --- */

static struct run tool;

static int run_tool(const struct town *town, const char *program, const char *const arguments[])
{
    const char *argv[12] = {program, "--coordinator", town->shop.cluster.address};
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[i + 3] = arguments[i];
    run_program(&tool, argv);
    return tool.status;
}

#define RUN(town, program, ...) run_tool(town, VOW_BIN "/" program, (const char *const[]){__VA_ARGS__, NULL})

/* Its goods are given back; what stands still is between that and its lock. */
static void get_stuck(struct town *town, struct order *order, char id[VOW_GTRID_TEXT_SIZE])
{
    town->first.refuses_back = true;
    gate_set(&town->first, GATE_OPEN);
    gate_set(&town->last, GATE_REFUSES);
    order_start(town, order, "semantic-lock", true);
    pthread_mutex_lock(&order->mutex);
    while (!order->done)
        pthread_cond_wait(&order->changed, &order->mutex);
    pthread_mutex_unlock(&order->mutex);
    cr_assert_eq(order->result.state, VOW_SAGA_STUCK_COMPENSATING, "%s", vow_saga_state_name((int)order->result.state));
    vow_gtrid_to_text(&order->result.id, id);
}

static void expect_contender(struct town *town, const char *id, bool is_done)
{
    struct order contender;
    order_write(&contender, id, 6, "semantic-lock", "fail-fast");
    order_start(town, &contender, "semantic-lock", false);
    expect_state("semantic-lock", is_done, order_wait(town, &contender));
}

/* What is stuck has its lock, and so has what was closed: nobody comes for it any more. Then, and only then, an
 * operator frees the item. */
Test(shop_sagas, F211_a_lock_of_a_saga_that_was_closed_is_freed_by_an_operator)
{
    const struct arm_case c = {"semantic-lock", false, false, {0, 0, 0}};
    struct town town;
    struct order a;
    struct counted counted;
    char id[VOW_GTRID_TEXT_SIZE];
    town_open(&town);
    order_write(&a, "a", 4, c.arm, "fail-fast");
    get_stuck(&town, &a, id);
    expect_contender(&town, "b", false);
    cr_expect_eq(RUN(&town, "shop-unlock", id), 1);
    cr_expect_not_null(strstr(tool.err, "has not ended, and the lock is its own"), "%s", tool.err);
    cr_expect_eq(stock_number(&town, PENDING), 1, "a lock was taken from a saga that may go on");
    cr_assert_eq(RUN(&town, "vowctl", "saga", "close", id, "--reason", "a test", "--yes"), 0, "%s", tool.err);
    expect_contender(&town, "d", false);
    cr_expect_eq(stock_number(&town, PENDING), 1, "the lock of what is half done is an operator's to clear");
    cr_expect_eq(RUN(&town, "shop-unlock", id), 0, "%s", tool.err);
    cr_expect_eq(stock_number(&town, PENDING), 0);
    cr_expect_eq(RUN(&town, "shop-unlock", id), 1);
    cr_expect_not_null(strstr(tool.err, "no item is pending for it"), "%s", tool.err);
    cr_expect_eq(RUN(&town, "shop-unlock", "me"), 2);
    expect_contender(&town, "e", true);
    tell(&town, &a, false);
    vow_saga_free(a.saga);
    town_close(&town, &counted);
    expect(&c, &counted);
}
