/* vowctl against a running vowd with a transaction that is stuck, because one of its services is dead. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "kit.h"
#include "proto/gtrid.h"

TestSuite(vowctl, .timeout = 60);

static struct run run; /* the last answer */

/* Runs vowctl, and expects an exit status. `arguments` is NULL-ended. */
static void vowctl(const char *address, int status, const char *const arguments[])
{
    const char *argv[12] = {VOW_BIN "/vowctl", "--coordinator", address};
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[i + 3] = arguments[i];
    run_program(&run, argv);
    cr_assert_eq(run.status, status, "vowctl %s: exit status %d: %s%s", arguments[0], run.status, run.out, run.err);
    cr_expect_eq(lines_with(run.err, "vowctl:", ""), status == 0 ? 0 : 1, "vowctl %s: %s", arguments[0], run.err);
    cr_expect_eq(lines_with(run.err, "", ""), status == 0 ? 0 : 1, "vowctl %s: %s", arguments[0], run.err);
}

#define VOWCTL(cluster, status, ...) vowctl((cluster)->address, status, (const char *const[]){__VA_ARGS__, NULL})

static void expect_words(const char *first, const char *second)
{
    cr_expect_not_null(strstr(run.out, first), "no \"%s\" in: %s", first, run.out);
    cr_expect_not_null(strstr(run.out, second), "no \"%s\" in: %s", second, run.out);
}

/* What --json has printed; the caller's to json_decref(). */
static json_t *parse(void)
{
    json_error_t error;
    json_t *parsed = json_loads(run.out, 0, &error);
    cr_assert_not_null(parsed, "%s: %s", error.text, run.out);
    return parsed;
}

/* The last object of list --in-doubt has no id: it says what the list lacks. */
static json_t *rows(size_t count)
{
    json_t *parsed = parse();
    cr_assert(json_is_array(parsed), "%s", run.out);
    const size_t len = json_array_size(parsed);
    if (len > 0 && json_object_get(json_array_get(parsed, len - 1), "silent") != NULL)
        json_array_remove(parsed, len - 1);
    cr_assert_eq(json_array_size(parsed), count, "%s", run.out);
    return parsed;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    cr_assert_not_null(value, "no text \"%s\" in: %s", key, run.out);
    return value;
}

static json_int_t number_of(const json_t *object, const char *key)
{
    cr_assert(json_is_integer(json_object_get(object, key)), "no number \"%s\" in: %s", key, run.out);
    return json_integer_value(json_object_get(object, key));
}

static bool is_true(const json_t *object, const char *key)
{
    cr_assert(json_is_boolean(json_object_get(object, key)), "no \"%s\" in: %s", key, run.out);
    return json_is_true(json_object_get(object, key));
}

/* ---- a stuck transaction ---- */

static struct cluster cluster;
static char id[VOW_GTRID_TEXT_SIZE];

static void strand(void)
{
    cluster_start(&cluster, 2, NULL, STRAND_AT);
    struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
}

/* s1 acknowledges in its own time; then only s0 is waited for. */
static void wait_for_s1(void)
{
    const json_t *branch;
    bool done;
    do {
        VOWCTL(&cluster, 0, "--json", "list", "--in-doubt");
        json_t *all = rows(1);
        branch = json_array_get(json_object_get(json_array_get(all, 0), "branches"), 1);
        done = is_true(branch, "acknowledged");
        json_decref(all);
    } while (!done);
}

static void expect_stuck_row(const json_t *row)
{
    const json_t *branches = json_object_get(row, "branches");
    cr_expect_str_eq(text_of(row, "id"), id);
    cr_expect_str_eq(text_of(row, "state"), "COMMITTING");
    cr_assert_eq(json_array_size(branches), 2);
    const json_t *dead = json_array_get(branches, 0), *living = json_array_get(branches, 1);
    cr_expect_str_eq(text_of(dead, "participant"), "s0");
    cr_expect_str_eq(text_of(dead, "vote"), "yes");
    cr_expect_not(is_true(dead, "connected"));
    cr_expect_not(is_true(dead, "acknowledged"));
    cr_expect_str_eq(text_of(living, "participant"), "s1");
    cr_expect(is_true(living, "connected"));
    cr_expect(is_true(living, "acknowledged"));
}

Test(vowctl, list_and_show)
{
    strand();
    wait_for_s1();
    json_t *all = rows(1);
    expect_stuck_row(json_array_get(all, 0));
    json_decref(all);
    VOWCTL(&cluster, 0, "list", "--in-doubt");
    expect_words(id, "not connected, last seen");
    expect_words("not told by s0: not connected", "COMMIT is decided: make s0 reachable");
    VOWCTL(&cluster, 0, "list");
    expect_words(id, "COMMITTING");
    VOWCTL(&cluster, 0, "--json", "show", id);
    json_t *row = parse();
    expect_stuck_row(row);
    json_decref(row);
    VOWCTL(&cluster, 0, "show", id);
    expect_words("COMMITTING", "not connected, last seen");

    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    do
        VOWCTL(&cluster, 0, "list");
    while (strstr(run.out, id) != NULL);
    expect_words("no transactions", "");
    VOWCTL(&cluster, 0, "--json", "list", "--all");
    json_decref(rows(0));
    VOWCTL(&cluster, 0, "--json", "show", id);
    row = parse();
    cr_expect_str_eq(text_of(row, "outcome"), "committed");
    json_decref(row);
    cluster_end(&cluster);
}

Test(vowctl, status_and_peers)
{
    strand();
    VOWCTL(&cluster, 0, "--json", "status");
    json_t *row = parse();
    const json_t *txns = json_object_get(row, "transactions");
    cr_expect_str_eq(text_of(row, "name"), "vowd");
    cr_expect_eq(number_of(row, "epoch"), 1);
    cr_expect_eq(number_of(txns, "in_doubt"), 1);
    cr_expect_eq(number_of(txns, "committed"), 1);
    cr_expect_eq(number_of(json_object_get(row, "anomalies"), "protocol_errors"), 0);
    json_decref(row);
    VOWCTL(&cluster, 0, "status");
    expect_words("of which unfinished 1", "epoch 1");

    VOWCTL(&cluster, 0, "--json", "peers");
    json_t *all = rows(2);
    for (size_t i = 0; i < 2; i++) {
        const json_t *peer = json_array_get(all, i);
        cr_expect_eq(is_true(peer, "connected"), strcmp(text_of(peer, "name"), "s1") == 0);
        cr_expect_eq(number_of(peer, "incarnation"), 1);
    }
    json_decref(all);
    VOWCTL(&cluster, 0, "peers");
    expect_words("s0", "s1");
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

Test(vowctl, history)
{
    strand();
    VOWCTL(&cluster, 0, "--json", "history", id);
    json_t *all = rows(1);
    const json_t *event = json_array_get(all, 0), *yes_list = json_object_get(event, "yes_list");
    cr_expect_str_eq(text_of(event, "event"), "COMMIT");
    cr_expect_str_eq(text_of(event, "id"), id);
    cr_expect_eq(number_of(event, "epoch"), 1);
    cr_assert_eq(json_array_size(yes_list), 2);
    cr_expect_str_eq(json_string_value(json_array_get(yes_list, 0)), "s0");
    json_decref(all);
    VOWCTL(&cluster, 0, "history", id);
    expect_words("COMMIT", "yes=s0,s1");
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    do
        VOWCTL(&cluster, 0, "history", id);
    while (strstr(run.out, "END") == NULL);
    cluster_end(&cluster);
}

/* ---- no coordinator is asked ---- */

static void states(const char *form)
{
    run_program(&run, (const char *const[]){VOW_BIN "/vowctl", "states", form, NULL});
    cr_expect_eq(run.status, 0, "%s", run.err);
}

Test(vowctl, states)
{
    states(NULL);
    expect_words("stateDiagram", "COMMITTING");
    states("--dot");
    expect_words("digraph", "COMMITTING");
    states("--markdown");
    expect_words("|", "COMMITTING");
    vowctl("127.0.0.1:1", 0, (const char *const[]){"--help", NULL});
    expect_words("Exit status", "--in-doubt");
    vowctl("127.0.0.1:1", 0, (const char *const[]){"--version", NULL});
    expect_words("vowctl " VOW_SOFTWARE_VERSION, "");
}

/* ---- exit status ---- */

Test(vowctl, exit_1_without_an_answer)
{
    cluster_start(&cluster, 0, NULL, NULL);
    process_end(&cluster.vowd); /* its port is free: nobody listens */
    VOWCTL(&cluster, 1, "status");
    cr_expect_not_null(strstr(run.err, cluster.address), "%s", run.err);
    VOWCTL(&cluster, 1, "--json", "list");
    cr_expect_str_empty(run.out);
    cluster_end(&cluster);
}

Test(vowctl, exit_2_for_what_is_wrong)
{
    static const char *const wrong[][4] = {
        {"explode"},
        {"status", "now"},
        {"show"},
        {"show", "me"},
        {"history"},
        {"states", "x"},
        {"--colour"},
        {"--coordinator", "here", "status"},
        {"list", "--dott"},
        {"--timeout", "soon"},
        {"--timeout"},
        {"--timeout", "0", "status"},
        {"--timeout", "-5"},
        {"--timeout", "5s", "status"},
        {"--json=1", "status"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        vowctl("127.0.0.1:1", 2, wrong[i]);
    static const char *const none[] = {NULL};
    vowctl("127.0.0.1:1", 2, none);
}

Test(vowctl, exit_3_for_an_unknown_transaction)
{
    char unknown[VOW_GTRID_TEXT_SIZE];
    struct vow_gtrid nobody = vow_gtrid_make(1, 2, 3, 0, 4);
    vow_gtrid_to_text(&nobody, unknown);
    cluster_start(&cluster, 0, NULL, NULL);
    VOWCTL(&cluster, 3, "history", unknown);
    VOWCTL(&cluster, 3, "show", unknown);
    cr_expect_not_null(strstr(run.err, "so it is aborted (presumed)"), "%s", run.err);
    VOWCTL(&cluster, 3, "--json", "show", unknown);
    cr_expect_str_empty(run.out);
    cluster_end(&cluster);
}

/* The journal's silence says nothing of it. */
Test(vowctl, F015_of_one_phase_its_participant_knows)
{
    char unknown[VOW_GTRID_TEXT_SIZE];
    struct vow_gtrid nobody = vow_gtrid_make(1, 2, 3, VOW_GTRID_ONE_PHASE, 4);
    vow_gtrid_to_text(&nobody, unknown);
    cluster_start(&cluster, 0, NULL, NULL);
    VOWCTL(&cluster, 3, "show", unknown);
    cr_expect_null(strstr(run.err, "aborted"), "%s", run.err);
    cr_expect_not_null(strstr(run.err, "naming that participant"), "%s", run.err);
    cluster_end(&cluster);
}
