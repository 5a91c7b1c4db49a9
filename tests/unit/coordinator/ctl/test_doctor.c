/* Findings that a test cannot bring about on a real machine: other versions, clocks that jump, limits that were met. */
#include <criterion/criterion.h>
#include <string.h>

#include "coordinator/ctl/doctor.h"
#include "coordinator/ctl/owing.h"
#include "proto/message.h"
#include "proto/net/clock.h"

static struct diagnosis diagnosis;

static void begin(void)
{
    diagnosis = (struct diagnosis){.findings = json_array()};
}

static void end(void)
{
    json_decref(diagnosis.findings);
}

TestSuite(doctor, .init = begin, .fini = end);

static const char *text_of(const json_t *finding, const char *key)
{
    return json_string_value(json_object_get(finding, key));
}

/* The finding of that check with that status and those words; the test fails without it. */
static void expect(const char *check, const char *status, const char *what, const char *advice)
{
    size_t i;
    const json_t *finding;
    json_array_foreach(diagnosis.findings, i, finding)
    {
        if (strcmp(text_of(finding, "check"), check) == 0 && strcmp(text_of(finding, "status"), status) == 0 &&
            strstr(text_of(finding, "what"), what) != NULL && strstr(text_of(finding, "do"), advice) != NULL)
            return;
    }
    cr_assert_fail("no %s %s \"%s\" -> \"%s\" in %s", check, status, what, advice,
                   json_dumps(diagnosis.findings, JSON_INDENT(1)));
}

Test(doctor, versions_of_sqlite)
{
    check_sqlite(&diagnosis, "vowd", "3.36.0");
    expect("sqlite", "fail", "vowd has SQLite 3.36.0: too old", "install 3.37");
    check_sqlite(&diagnosis, "vowd", "3.40.1");
    expect("sqlite", "ok", "below 3.51.3", "");
    check_sqlite(&diagnosis, "vowd", "3.51.3");
    expect("sqlite", "ok", "vowd has SQLite 3.51.3", "");
    cr_expect(diagnosis.failed && !diagnosis.warned);
    check_sqlite(&diagnosis, "vowd", "nonsense");
    expect("sqlite", "fail", "nonsense", "");
}

/* What a daemon that is well says. */
static json_t *well(void)
{
    return json_pack("{s:s,s:i,s:i,s:i,s:b,s:b,s:s,s:i,s:s,s:s,s:I,s:i,s:{s:i},s:{s:i,s:i,s:i,s:i,s:b,s:b},s:{}}",
                     "name", "vowd", "epoch", 3, "uptime_ms", 5000, "pid", 1, "draining", 0, "recovering", 0,
                     "software", "vowd " VOW_SOFTWARE_VERSION, "wire", VOW_WIRE_VERSION, "sqlite", "3.51.3", "http",
                     "off", "wall_us", (json_int_t)vow_clock_wall_us(), "clock_jumped_ms", 0, "anomalies", "hazards", 0,
                     "journal", "last_lsn", 7, "waiting", 0, "waiting_most", 1, "stalled_ms", 0, "stalled", 0, "proved",
                     1, "limits");
}

static void check_with(const char *key, json_t *value)
{
    json_t *status = well();
    cr_assert_not_null(status);
    if (key != NULL)
        json_object_set_new(status, key, value);
    check_status(&diagnosis, status);
    json_decref(status);
}

Test(doctor, all_is_well)
{
    check_with(NULL, NULL);
    cr_expect_not(diagnosis.warned || diagnosis.failed || diagnosis.unknown);
    expect("coordinator", "ok", "vowd, epoch 3", "");
    expect("versions", "ok", VOW_SOFTWARE_VERSION, "");
    expect("journal", "ok", "lsn 7", "");
    expect("limits", "ok", "none was met", "");
}

Test(doctor, what_a_daemon_says)
{
    check_with("software", json_string("vowd 9.9"));
    expect("versions", "warn", "vowd 9.9", "vowctl of the same version");
    check_with("draining", json_true());
    expect("coordinator", "warn", "draining", "wait");
    check_with("clock_jumped_ms", json_integer(-3600000));
    expect("clock", "warn", "moved by -3600.0 s", "no outcome hangs on it");
    check_with("wall_us", json_integer((json_int_t)vow_clock_wall_us() - 60000000));
    expect("clock", "warn", "apart", "synchronise");
    check_with("anomalies", json_pack("{s:i}", "hazards", 2));
    expect("coordinator", "warn", "2 times since the start of vowd", "in-doubt");
    check_with("journal", json_pack("{s:b,s:i,s:i}", "stalled", 1, "stalled_ms", 12000, "waiting", 4));
    expect("journal", "fail", "no progress for 12.0 s, 4 operations wait", "look at the disk");
    check_with("limits",
               json_pack("{s:{s:i,s:i,s:i,s:i}}", "txns_max", "limit", 10, "now", 1, "most", 10, "refused", 5));
    expect("limits", "warn", "txns_max: 5 refused at the limit of 10", "SIGHUP");
    check_with("limits", json_pack("{s:{s:i,s:i,s:i}}", "descriptors", "limit", 10, "now", 1, "most", 9));
    expect("limits", "warn", "descriptors: 9 of 10", "raise it");
}

Test(doctor, peers_of_another_version)
{
    json_t *peers =
        json_pack("[{s:s,s:b,s:i,s:s}]", "name", "stock", "connected", 1, "seen_ms", 0, "software", "libvow 0.0.1");
    json_t *none = json_array();
    check_peers(&diagnosis, peers, none);
    expect("versions", "warn", "stock runs \"libvow 0.0.1\"", "upgrade");
    expect("peers", "ok", "1 of 1", "");
    json_decref(peers);
    json_decref(none);
}

/* The counter alone cannot say whether it is over. */
Test(doctor, F044_who_has_no_record_is_named_until_it_acknowledges)
{
    json_t *txns = json_pack("[{s:s,s:s,s:i,s:i,s:[{s:s,s:s,s:b,s:b,s:b}]}]", "id", "abc", "state", "COMMITTING",
                             "in_state_ms", 5, "attempts", 1, "branches", "participant", "stock", "vote", "yes",
                             "connected", 1, "acknowledged", 0, "no_record", 1);
    check_in_doubt(&diagnosis, txns);
    expect("in-doubt", "fail", "abc is committed, and stock has no record of it", "no record");
    end(), begin();
    json_object_set_new(json_array_get(json_object_get(json_array_get(txns, 0), "branches"), 0), "acknowledged",
                        json_true());
    check_in_doubt(&diagnosis, txns);
    expect("in-doubt", "ok", "1 transactions", "");
    cr_expect_not(diagnosis.failed);
    json_decref(txns);
}

/* The list ends with who was asked and is silent, which is no transaction. */
Test(doctor, who_is_silent_is_not_counted)
{
    json_t *rows = json_pack("[{s:[]}]", "silent");
    check_in_doubt(&diagnosis, rows);
    expect("in-doubt", "ok", "0 transactions", "");
    json_decref(rows);
}

static bool is_owing(const char *state, const char *vote, bool acknowledged)
{
    json_t *branch = json_pack("{s:s,s:b}", "vote", vote, "acknowledged", (int)acknowledged);
    bool owing = branch_is_owing(branch, state);
    json_decref(branch);
    return owing;
}

Test(doctor, who_voted_read_only_owes_nothing)
{
    cr_expect(is_owing("PREPARING", "none", false));
    cr_expect(is_owing("DELEGATED", "none", false));
    cr_expect_not(is_owing("PREPARING", "yes", false));
    cr_expect_not(is_owing("PREPARING", "read-only", false));
    cr_expect(is_owing("COMMITTING", "yes", false));
    cr_expect(is_owing("COMMITTING", "none", false), "of a transaction of an earlier life");
    cr_expect_not(is_owing("COMMITTING", "yes", true));
    cr_expect_not(is_owing("COMMITTING", "read-only", false));
}
