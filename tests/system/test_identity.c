/* Who is whom, when an address or a data directory changes hands. */
#include <criterion/criterion.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "kit.h"

TestSuite(identity, .timeout = 60);

/* Waits for a line of vowd's log; the suite's time-out is the bound. */
static void wait_for_log(const struct cluster *cluster, const char *words)
{
    bool found = false;
    while (!found) {
        char *log = cluster_log(cluster);
        found = strstr(log, words) != NULL;
        free(log);
    }
}

/* The log is lost and a new vowd listens at the old address: the participants hold prepared branches of the lost one.
 * It refuses them, so nothing is presumed: they stay in doubt, and their rows stay locked. */
Test(identity, F024_F091_a_new_log_does_not_get_the_old_ones_participants)
{
    struct cluster cluster;
    struct commit commit;
    char data[160];
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 2, "log.after.COMMIT", NULL);
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    remove_directory(data);
    vowd_start(&cluster, NULL);
    wait_for_log(&cluster, "belongs to another coordinator");
    struct vow_call call = {.participant = "s0", .handler = "add"};
    struct vow_result result = {.outcome = VOW_UNKNOWN};
    while (vow_commit(cluster.client, &call, 1, &result) != 0)
        continue;
    cr_expect_eq(result.outcome, VOW_ABORTED);
    cr_expect_eq(result.cause, VOW_CAUSE_PARTICIPANT_UNAVAILABLE);
    for (uint32_t i = 0; i < 2; i++) {
        cr_expect_eq(service_number(&cluster, i, "SELECT count(*) FROM vow_branch WHERE state = 'prepared'"), 1);
        cr_expect_gt(service_number(&cluster, i, "SELECT count(*) FROM vow_lock"), 0);
        cr_expect_eq(service_number(&cluster, i, "SELECT value FROM counter"), 0);
    }
    cluster_end(&cluster);
}

static struct vow_participant *open_rival(const struct cluster *cluster, const char *name, const char *file)
{
    char path[160];
    struct vow_error_detail detail;
    struct vow_participant *rival;
    snprintf(path, sizeof(path), "%s/%s", cluster->directory, file);
    struct vow_participant_options options = {
        .size = sizeof(options), .name = name, .path = path, .coordinator = cluster->address};
    cr_assert_eq(vow_participant_open(&options, &rival, &detail), 0, "%s", detail.text);
    cr_assert_eq(vow_participant_start(rival), 0);
    return rival;
}

/* One name for two data files would split the work of "s0" between them; one file under two names would do it twice. */
Test(identity, F044_one_name_one_file)
{
    struct cluster cluster;
    cluster_start(&cluster, 2, NULL, NULL);
    struct vow_participant *other_file = open_rival(&cluster, "s0", "other.db");
    struct vow_participant *other_name = open_rival(&cluster, "s7", "s0.db");
    cr_expect_eq(vow_participant_wait(other_file, 500), VOW_E_UNREACHABLE);
    cr_expect_eq(vow_participant_wait(other_name, 500), VOW_E_UNREACHABLE);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    vow_participant_close(other_file);
    vow_participant_close(other_name);
    cluster_end(&cluster);
}

/* It may be meant, so it is let in; that its data are not what they were is said. */
Test(identity, F044_another_data_file_than_last_time_is_warned_of)
{
    struct cluster cluster;
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 1, NULL, NULL);
    process_kill(&cluster.services[0]);
    service_start(&cluster, 0, NULL);
    cluster_expect_alive(&cluster);
    char *log = cluster_log(&cluster);
    cr_expect_null(strstr(log, "event=other_data_file"), "it has the file that it had: %s", log);
    free(log);
    process_kill(&cluster.services[0]);
    wait_for_log(&cluster, "event=participant_down name=s0");
    struct vow_participant *other_file = open_rival(&cluster, "s0", "other.db");
    wait_for_log(&cluster, "event=other_data_file name=s0");
    vow_participant_close(other_file);
    service_start(&cluster, 0, NULL);
    cluster_end(&cluster);
}

/* A second process on the same file has the newer incarnation and is taken; the older one must not take the session
 * back. */
Test(identity, F021_an_older_life_does_not_come_back)
{
    struct cluster cluster;
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 2, NULL, NULL);
    struct vow_participant *newer = open_rival(&cluster, "s0", "s0.db");
    cr_assert_eq(vow_participant_wait(newer, 10000), 0);
    wait_for_log(&cluster, "a newer life of this participant is connected");
    struct vow_participant_stats stats;
    vow_participant_stats(newer, &stats, sizeof(stats));
    cr_expect(stats.connected);
    vow_participant_close(newer);
    /* The service that was pushed away does not come back when the newer one is gone: it has to look at its file anew.
     */
    wait_for_log(&cluster, "data file went back");
    cr_assert_eq(process_end(&cluster.services[0]), 0);
    service_start(&cluster, 0, NULL);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

static void copy_database(const struct cluster *cluster, const char *from, const char *to)
{
    static const char *const ends[] = {"", "-wal"};
    for (size_t i = 0; i < 2; i++) {
        char source[192], target[192];
        snprintf(source, sizeof(source), "%s/%s.db%s", cluster->directory, from, ends[i]);
        snprintf(target, sizeof(target), "%s/%s.db%s", cluster->directory, to, ends[i]);
        unlink(target);
        if (access(source, F_OK) == 0)
            file_copy(source, target);
    }
}

static void wait_for_alarms(const struct cluster *cluster, unsigned count)
{
    unsigned seen;
    do {
        char *log = cluster_log(cluster);
        seen = lines_with(log, "event=alarm", "participant=s0");
        free(log);
    } while (seen < count);
}

/* Nothing is in doubt, nobody is connected: without this, what was committed since the backup would be lost unseen. */
Test(identity, F045_a_file_that_went_back_is_refused)
{
    struct cluster cluster;
    struct vow_call call = {.participant = "s0", .handler = "add"};
    struct vow_result result;
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 2, NULL, NULL);
    for (int life = 1; life <= 3; life++) {
        cluster_expect_alive(&cluster);
        cluster_expect_counters(&cluster, life);
        cr_assert_eq(process_end(&cluster.services[0]), 0);
        if (life == 1)
            copy_database(&cluster, "s0", "backup");
        if (life < 3)
            service_start(&cluster, 0, NULL);
    }
    copy_database(&cluster, "s0", "newest");
    copy_database(&cluster, "backup", "s0");
    service_spawn(&cluster, 0, NULL);
    wait_for_log(&cluster, "data file went back");
    /* vowd does not forget it by a restart. */
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    wait_for_alarms(&cluster, 2);
    do
        cr_assert_eq(vow_commit(cluster.client, &call, 1, &result), 0);
    while (result.error != 0);
    cr_expect_eq(result.cause, VOW_CAUSE_PARTICIPANT_UNAVAILABLE);
    process_kill(&cluster.services[0]);
    copy_database(&cluster, "newest", "s0");
    service_start(&cluster, 0, NULL);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 4);
    char *log = cluster_log(&cluster);
    cr_expect_eq(lines_with(log, "event=alarm", "participant=s0"), 2, "%s", log);
    free(log);
    cluster_end(&cluster);
}

/* People looked, and there is no newer copy: its own count says so, above the one that was seen. */
Test(identity, F045_a_file_that_went_back_is_taken_when_it_is_told_to_go_on)
{
    struct cluster cluster;
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 2, NULL, NULL);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    cr_assert_eq(process_end(&cluster.services[0]), 0);
    copy_database(&cluster, "s0", "backup");
    service_start(&cluster, 0, NULL);
    cr_assert_eq(process_end(&cluster.services[0]), 0);
    copy_database(&cluster, "backup", "s0");
    (void)service_number(&cluster, 0, "UPDATE vow_meta SET value = value + 1 WHERE key = 'incarnation'");
    service_start(&cluster, 0, NULL);
    cluster_expect_alive(&cluster);
    char *log = cluster_log(&cluster);
    cr_expect_eq(lines_with(log, "event=alarm", "participant=s0"), 0, "%s", log);
    free(log);
    cluster_end(&cluster);
}

/* As docs/operations.md has it, with vowd and the service stopped. */
static void go_on_behind_what_vowd_knows(const struct cluster *cluster)
{
    static const char sql[] = "UPDATE vow_meta SET value = value + 1 WHERE key = 'incarnation';"
                              "ATTACH '%s/vowd/journal.db' AS journal;"
                              "INSERT INTO vow_outbox_key SELECT key, key_seq FROM journal.relay_key "
                              "WHERE db_uuid = (SELECT value FROM vow_meta WHERE key = 'uuid') "
                              "ON CONFLICT (agg_key) DO UPDATE SET last = max(last, excluded.last);";
    char path[160], text[sizeof(sql) + sizeof(cluster->directory)];
    sqlite3 *db;
    snprintf(path, sizeof(path), "%s/s0.db", cluster->directory);
    snprintf(text, sizeof(text), sql, cluster->directory);
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void wait_until_noted(const struct cluster *cluster, int64_t events)
{
    while (service_number(cluster, 1, "SELECT count(*) FROM noted") < events ||
           service_number(cluster, 0, "SELECT count(*) FROM vow_outbox") != 0)
        poll(NULL, 0, 1); /* the suite's time-out is the bound */
}

/* The numbers of its events went back, too: what comes under one that vowd has passes for a copy, and is lost. */
Test(identity, F045_I26_what_a_file_that_went_back_publishes_then_is_not_lost)
{
    struct cluster cluster;
    cluster_init(&cluster);
    cluster.programs[0] = cluster.programs[1] = VOW_TESTS_BIN "/test-events-service";
    cluster_run(&cluster, 2, NULL, NULL);
    cluster_expect_alive(&cluster);
    wait_until_noted(&cluster, 1);
    cr_assert_eq(process_end(&cluster.services[0]), 0);
    copy_database(&cluster, "s0", "backup");
    service_start(&cluster, 0, NULL);
    for (int i = 0; i < 2; i++)
        cluster_expect_alive(&cluster);
    wait_until_noted(&cluster, 3);
    cr_assert_eq(process_end(&cluster.services[0]), 0);
    copy_database(&cluster, "backup", "s0");
    process_kill(&cluster.vowd);
    go_on_behind_what_vowd_knows(&cluster);
    vowd_start(&cluster, NULL);
    service_start(&cluster, 0, NULL);
    for (int i = 0; i < 2; i++)
        cluster_expect_alive(&cluster);
    wait_until_noted(&cluster, 5);
    cr_expect_eq(service_number(&cluster, 1, "SELECT count(*) FROM noted"), 5);
    cr_expect_eq(service_number(&cluster, 1, "SELECT max(times) FROM noted"), 1);
    cr_expect_eq(service_number(&cluster, 1, "SELECT max(seq) FROM noted"), 5);
    cluster_end(&cluster);
}

/* The memo of a one-phase commit was in a file that is gone, and vowd died before it had noted the outcome. What the
 * new file does not have is no abort: nobody knows, and the client is told so. */
Test(identity, F044_a_new_file_is_no_witness_of_an_older_one_phase_commit)
{
    struct cluster cluster;
    struct commit commit;
    struct vow_result result;
    uint64_t value;
    char id[VOW_GTRID_TEXT_SIZE];
    static struct run run;
    cluster_start(&cluster, 1, "recv.before.ONE_PHASE_DONE@2", NULL);
    commit_start(&cluster, &commit, "add");
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    /* What the journal was told before is durable when it answers. */
    vow_gtrid_to_text(&commit.result.id, id);
    run_program(&run, (const char *const[]){VOW_BIN "/vowctl", "--coordinator", cluster.address, "history", id, NULL});
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    cluster_expect_counter(&cluster, 0, 2);
    cr_assert_eq(process_end(&cluster.services[0]), 0);
    copy_database(&cluster, "none", "s0");
    vowd_start(&cluster, NULL);
    service_start(&cluster, 0, NULL);
    cluster_expect_alive(&cluster);
    cr_assert_eq(read(commit.events, &value, sizeof(value)), (ssize_t)sizeof(value));
    cr_expect_neq(commit.result.outcome, VOW_ABORTED, "it was committed: %s", commit.result.text);
    do /* the question of the client that has given up may still be under way: the suite's time-out is the bound */
        cr_assert_eq(vow_status(cluster.client, &commit.result.id, "s0", &result), 0);
    while (result.outcome == VOW_PENDING);
    cr_expect_eq(result.outcome, VOW_UNKNOWN, "%s", vow_outcome_name((int)result.outcome));
    cr_expect_eq(result.error, VOW_E_IN_DOUBT, "%s", vow_error_name(result.error));
    close(commit.events);
    cluster_end(&cluster);
}
