/*
 * The operator at three in the morning: what is in doubt, since when, what it waits for, what it blocks, and what may
 * be done about it. Real processes; what is read is what vowctl prints.
 */
#include <criterion/criterion.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "proto/gtrid.h"

TestSuite(operator, .timeout = 60);

static struct run run; /* vowctl's last answer */
static struct cluster cluster;
static char id[VOW_GTRID_TEXT_SIZE];

static int vowctl(const char *const arguments[])
{
    const char *argv[16] = {VOW_BIN "/vowctl", "--coordinator", cluster.address};
    for (size_t i = 0; arguments[i] != NULL; i++)
        argv[i + 3] = arguments[i];
    run_program(&run, argv);
    return run.status;
}

#define VOWCTL(...) vowctl((const char *const[]){__VA_ARGS__, NULL})

static void expect_words(const char *const words[])
{
    for (size_t i = 0; words[i] != NULL; i++)
        cr_expect_not_null(strstr(run.out, words[i]), "no \"%s\" in: %s", words[i], run.out);
}

#define EXPECT_WORDS(...) expect_words((const char *const[]){__VA_ARGS__, NULL})

/* Runs vowctl until its answer has the word; what it waits for comes with time. */
static void wait_for(const char *word, const char *const arguments[])
{
    do
        cr_assert_eq(vowctl(arguments), 0, "%s", run.err);
    while (strstr(run.out, word) == NULL);
}

#define WAIT_FOR(word, ...) wait_for(word, (const char *const[]){__VA_ARGS__, NULL})

/* s1 stands still, so that s0 is prepared and nobody can say what for. */
static void begin_undecided_with(struct commit *commit, const char *switch_on)
{
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster.keeps_service_logs = true;
    cluster.vowd_flags[0] = "--vote-timeout";
    cluster.vowd_flags[1] = "60000";
    cluster.vowd_flags[2] = "--heartbeat"; /* s1 is not lost, only slow */
    cluster.vowd_flags[3] = "60000";
    cluster.vowd_flags[4] = switch_on;
    cluster.vowd_flags[5] = switch_on != NULL ? "on" : NULL;
    cluster_run(&cluster, 2, NULL, NULL);
    cr_assert_eq(kill(cluster.services[1].pid, SIGSTOP), 0);
    commit_start(&cluster, commit, "add");
    WAIT_FOR("PREPARED", "list", "--in-doubt");
    cr_assert_eq(sscanf(run.out, "%42s", id), 1);
}

static void begin_undecided(struct commit *commit)
{
    begin_undecided_with(commit, NULL);
}

static void end_undecided(struct commit *commit)
{
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    (void)commit_wait(&cluster, commit);
    cluster_end(&cluster);
}

Test(operator, B13_a_prepared_branch_is_listed_with_what_it_waits_for_and_holds)
{
    struct commit commit;
    begin_undecided(&commit);
    EXPECT_WORDS("PREPARING", "s1               has not voted", "holds      counter(id=1)",
                 "not told by s1: has not answered", "it is not decided", "vowctl abort");
    WAIT_FOR("the coordinator has not decided yet", "show", id);
    end_undecided(&commit);
}

/* What waits ends after a while: of those that a branch has stopped most are not there any more, and are counted. */
Test(operator, B13_it_is_told_who_was_stopped_by_a_prepared_branch)
{
    struct commit commit;
    begin_undecided(&commit);
    const struct vow_call call = {"s0", "add", "", 0};
    struct vow_result result;
    cr_assert_eq(vow_commit(cluster.client, &call, 1, &result), 0);
    cr_expect_eq(result.outcome, VOW_ABORTED);
    cr_expect_eq(result.cause, VOW_CAUSE_LOCK_CONFLICT, "%s", vow_cause_name((int)result.cause));
    WAIT_FOR("1 refused because of it so far", "list", "--in-doubt");
    end_undecided(&commit);
}

/* An age that begins with the process hides how long somebody has been waiting. */
Test(operator, an_age_survives_a_restart_of_vowd)
{
    cluster_start(&cluster, 2, NULL, STRAND_AT);
    const struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
    WAIT_FOR("age 1.", "show", id);
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    cr_assert_eq(VOWCTL("show", id), 0, "%s", run.err);
    cr_expect_null(strstr(run.out, " ms\n"), "%s", run.out);
    double seconds = 0;
    const char *age = strstr(run.out, "age ");
    char *end = NULL;
    if (age != NULL)
        seconds = strtod(age + 4, &end);
    cr_assert(end != NULL && strncmp(end, " s", 2) == 0, "%s", run.out);
    cr_expect_geq(seconds, 1.0);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

/* ---- abort of what is not decided ---- */

Test(operator, an_undecided_transaction_is_aborted_everywhere_and_the_history_says_who_and_why)
{
    struct commit commit;
    begin_undecided(&commit);
    cr_assert_eq(VOWCTL("abort", id, "--reason", "s1 stands still", "--as", "alice@ops", "--yes"), 0, "%s", run.err);
    EXPECT_WORDS("aborted, at all its participants");
    cr_expect_not_null(strstr(run.err, "No data is damaged"), "%s", run.err);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    cr_expect_eq(commit.result.cause, VOW_CAUSE_OPERATOR, "%s", vow_cause_name((int)commit.result.cause));
    WAIT_FOR("abort done", "history", id);
    EXPECT_WORDS("OPERATOR", "abort by alice@ops: s1 stands still", "cause=operator");
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    cluster_expect_counters(&cluster, 0);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* The status of an order is about the order: who saw "no answer" would take it for not done. */
Test(operator, an_order_whose_answer_cannot_be_written_is_done)
{
    struct commit commit;
    char command[512];
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    begin_undecided(&commit);
    snprintf(command, sizeof(command),
             "exec " VOW_BIN "/vowctl --coordinator %s abort %s --reason 'a test' --yes >/dev/full", cluster.address,
             id);
    run_program(&run, argv);
    cr_expect_eq(run.status, 0, "%s", run.err);
    cr_expect_not_null(strstr(run.err, "vowctl: stdout cannot be written\n"), "%s", run.err);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    cluster_end(&cluster);
}

/* ---- one branch by hand ---- */

Test(operator, a_branch_that_is_ended_by_hand_gives_back_its_rows_and_says_who_it_was)
{
    struct commit commit;
    begin_undecided(&commit);
    cr_assert_eq(VOWCTL("abort", id, "--participant", "s0", "--reason", "the row is needed", "--as", "alice", "--yes"),
                 0, "%s", run.err);
    EXPECT_WORDS("s0 has rolled back its branch");
    cr_expect_not_null(strstr(run.err, "it still can end the other way"), "%s", run.err);
    cr_expect_not_null(strstr(run.err, "The others: s1 has not voted"), "%s", run.err);
    WAIT_FOR("HEURISTIC_ABORTED", "show", id);
    EXPECT_WORDS("by hand    abort by alice: the row is needed", "s0 was rolled back by hand");
    cr_expect_null(strstr(run.out, "counter("), "%s", run.out);
    const struct vow_call call = {"s0", "add", "", 0};
    struct vow_result result;
    cr_assert_eq(vow_commit(cluster.client, &call, 1, &result), 0);
    cr_expect_eq(result.outcome, VOW_COMMITTED, "the row is free");
    cr_expect_eq(VOWCTL("commit", id, "--participant", "s0", "--reason", "a test", "--yes"), 4, "%s", run.out);

    /* The decision agrees: nothing is left of it. */
    cr_assert_eq(VOWCTL("abort", id, "--reason", "a test", "--yes"), 0, "%s", run.err);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    WAIT_FOR("no transactions", "list", "--in-doubt");
    WAIT_FOR("abort done: s0 has rolled back", "history", id);
    EXPECT_WORDS("participant=s0", "abort by alice: the row is needed");
    cluster_expect_counter(&cluster, 0, 1);
    cluster_expect_counter(&cluster, 1, 0);
    cluster_end(&cluster);
}

/* ---- damage ---- */

/* The opposite decision comes after a branch was ended by hand: at both ends, in the log, in the status, and until
 * somebody has seen to it. */
Test(operator, F056_damage_done_by_hand_is_told_at_both_ends_until_it_is_forgotten)
{
    struct commit commit;
    begin_undecided(&commit);
    cr_assert_eq(VOWCTL("abort", id, "--participant", "s0", "--reason", "the row is needed", "--as", "alice", "--yes"),
                 0, "%s", run.err);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    WAIT_FOR("  HEUR  damage: mixed", "show", id);
    WAIT_FOR("DAMAGED for", "list", "--in-doubt");
    EXPECT_WORDS("HEUR", "ENDED BY HAND against the decision",
                 "by hand    abort by alice: the row is needed; decided was commit", "mend the data", "vowctl forget");
    cr_assert_eq(VOWCTL("status"), 0);
    EXPECT_WORDS("damage          1 open");
    cr_expect_eq(VOWCTL("abort", id, "--reason", "a test", "--yes"), 4, "%s", run.out);
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    WAIT_FOR("  HEUR  damage: mixed", "show", id);

    cr_assert_eq(VOWCTL("forget", id, "--reason", "s0 was mended", "--as", "bob", "--yes"), 0, "%s", run.err);
    cr_expect_not_null(strstr(run.err, "No data is changed by that"), "%s", run.err);
    WAIT_FOR("no transactions", "list", "--in-doubt");
    char *log = cluster_log(&cluster);
    cr_expect_eq(lines_with(log, "peer_dropped", ""), 0, "%s", log);
    free(log);
    WAIT_FOR("END", "history", id);
    EXPECT_WORDS("by_hand=abort", "damage=mixed", "forget by bob: s0 was mended", "FORGET");
    cluster_expect_counter(&cluster, 0, 0);
    cluster_expect_counter(&cluster, 1, 1);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    (void)commit_wait(&cluster, &commit);
    cluster_end(&cluster);
}

/* The other way round: an abort is acknowledged by nobody, so the participant itself speaks up (mistake 22). */
Test(operator, F056_a_commit_by_hand_against_an_abort_is_reported_until_it_is_forgotten)
{
    struct commit commit;
    begin_undecided(&commit);
    cr_assert_eq(VOWCTL("commit", id, "--participant", "s0", "--reason", "a test", "--as", "alice", "--yes"), 0, "%s",
                 run.err);
    WAIT_FOR("only COMMIT agrees with that", "show", id);
    cr_assert_eq(VOWCTL("abort", id, "--reason", "a test", "--yes"), 0, "%s", run.err);
    cr_expect_not_null(strstr(run.err, "s0 has committed its branch by hand"), "%s", run.err);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    WAIT_FOR("  HEUR  damage: mixed", "show", id); /* vowd's end, which comes after the participant's */
    WAIT_FOR("DAMAGED for", "show", id);
    EXPECT_WORDS("HEUR", "damage: mixed", "by hand    commit by alice: a test; decided was abort");
    cr_assert_eq(VOWCTL("forget", id, "--reason", "mended", "--yes"), 0, "%s", run.err);
    WAIT_FOR("no transactions", "list", "--in-doubt");
    char *log = cluster_log(&cluster);
    cr_expect_eq(lines_with(log, "peer_dropped", ""), 0, "%s", log);
    free(log);
    (void)commit_wait(&cluster, &commit);
    cluster_expect_counter(&cluster, 0, 1);
    cluster_expect_counter(&cluster, 1, 0);
    cluster_end(&cluster);
}

static void expect_lines(char *log, const char *word, const char *other)
{
    cr_expect_geq(lines_with(log, word, other), 1, "no \"%s\" of %s", word, other);
    free(log);
}

/* Asks until the damage is recorded; the outcome never changes meanwhile. */
static void wait_for_damage(const struct vow_gtrid *gtrid, enum vow_outcome outcome, int error)
{
    struct vow_result result = {.error = 0};
    while (result.error != error) {
        cr_assert_eq(vow_status(cluster.client, gtrid, NULL, &result), 0);
        cr_assert_eq(result.outcome, outcome);
    }
}

static void expect_status(const struct vow_gtrid *gtrid, enum vow_outcome outcome, int error)
{
    struct vow_result result;
    cr_assert_eq(vow_status(cluster.client, gtrid, NULL, &result), 0);
    cr_expect_eq(result.outcome, outcome);
    cr_expect_eq(result.error, error, "%s", vow_error_name(result.error));
}

/* Rolled back by hand, and then decided to commit: both ends know, the client is told, and it stands over a restart
 * until somebody has seen to it. */
Test(operator, F056_a_branch_rolled_back_by_hand_and_then_decided_to_commit)
{
    struct commit commit;
    begin_undecided(&commit);
    cr_assert_eq(VOWCTL("abort", id, "--participant", "s0", "--reason", "the row is needed", "--as", "eva", "--yes"), 0,
                 "%s", run.err);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    const struct vow_gtrid gtrid = commit.result.id;
    wait_for_damage(&gtrid, VOW_COMMITTED, VOW_E_HEURISTIC_MIXED);
    expect_lines(cluster_log(&cluster), "HEURISTIC_MIXED", id);
    expect_lines(service_log(&cluster, 0), "HEUR_MISMATCH", id);
    cluster_expect_counter(&cluster, 0, 0);
    cluster_expect_counter(&cluster, 1, 1);
    WAIT_FOR("HEUR", "show", id);
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    wait_for_damage(&gtrid, VOW_COMMITTED, VOW_E_HEURISTIC_MIXED);
    while (VOWCTL("forget", id, "--reason", "repaired", "--as", "eva", "--yes") != 0)
        cr_assert_eq(run.status, 5, "%d: %s", run.status, run.err); /* it is not connected yet */
    WAIT_FOR("FORGET", "history", id);
    EXPECT_WORDS("HEURISTIC", "DAMAGE", "eva: repaired");
    while (service_number(&cluster, 0, "SELECT count(*) FROM vow_heuristic") != 0) {
    }
    expect_status(&gtrid, VOW_COMMITTED, VOW_E_HEURISTIC_MIXED);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* Committed by hand, and then aborted: nobody acknowledges an abort, so the service speaks up (mistake 22). */
Test(operator, F056_a_branch_committed_by_hand_and_then_aborted)
{
    struct commit commit;
    begin_undecided(&commit);
    cr_assert_eq(VOWCTL("commit", id, "--participant", "s0", "--reason", "they have paid", "--as", "eva", "--yes"), 0,
                 "%s", run.err);
    cr_assert_eq(VOWCTL("abort", id, "--reason", "s1 is gone", "--as", "eva", "--yes"), 0, "%s", run.err);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    const struct vow_gtrid gtrid = commit.result.id;
    wait_for_damage(&gtrid, VOW_ABORTED, VOW_E_HEURISTIC_MIXED);
    expect_lines(cluster_log(&cluster), "committed by hand, and it was decided to abort", id);
    expect_lines(service_log(&cluster, 0), "HEUR_MISMATCH", id);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    process_kill(&cluster.services[0]);
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    service_start(&cluster, 0, NULL);
    wait_for_damage(&gtrid, VOW_ABORTED, VOW_E_HEURISTIC_MIXED);
    cr_assert_eq(VOWCTL("forget", id, "--reason", "repaired", "--as", "eva", "--yes"), 0, "%s", run.err);
    while (service_number(&cluster, 0, "SELECT count(*) FROM vow_heuristic") != 0) {
    }
    expect_status(&gtrid, VOW_ABORTED, VOW_E_HEURISTIC_MIXED);
    cluster_expect_counter(&cluster, 0, 1);
    cluster_expect_counter(&cluster, 1, 0);
    cluster_end(&cluster);
}

/* Who reconciles by other means has vowd not wait for an operator: it is recorded, told, and forgotten at both ends. */
Test(operator, F056_damage_is_forgotten_by_itself_if_a_setting_says_so)
{
    struct commit commit;
    begin_undecided_with(&commit, "--auto-forget");
    cr_assert_eq(VOWCTL("abort", id, "--participant", "s0", "--reason", "the row is needed", "--as", "eva", "--yes"), 0,
                 "%s", run.err);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    const struct vow_gtrid gtrid = commit.result.id;
    wait_for_damage(&gtrid, VOW_COMMITTED, VOW_E_HEURISTIC_MIXED);
    expect_lines(cluster_log(&cluster), "HEURISTIC_MIXED", id);
    WAIT_FOR("END", "history", id);
    EXPECT_WORDS("DAMAGE", "FORGET", "auto_forget: a setting of this coordinator");
    while (service_number(&cluster, 0, "SELECT count(*) FROM vow_heuristic") != 0) {
    }
    WAIT_FOR("no transactions", "list", "--in-doubt");
    expect_status(&gtrid, VOW_COMMITTED, VOW_E_HEURISTIC_MIXED);
    cluster_end(&cluster);
}

/* A participant is removed for ever: vowd does not wait for it any more, and says what that means. */
Test(operator, F224_a_participant_that_never_comes_back_is_given_up)
{
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 2, NULL, STRAND_AT);
    const struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
    cr_expect_eq(VOWCTL("forget", id, "--participant", "s1", "--reason", "a test", "--yes"), 4, "%s", run.out);
    cr_expect_eq(VOWCTL("forget", id, "--reason", "a test", "--yes"), 4, "%s", run.out);
    cr_assert_eq(VOWCTL("forget", id, "--participant", "s0", "--reason", "s0 was sold", "--as", "carol", "--yes"), 0,
                 "%s", run.err);
    cr_expect_not_null(strstr(run.err, "Only for one that never comes back"), "%s", run.err);
    WAIT_FOR("ABANDONED", "show", id);
    EXPECT_WORDS("an operator gave up who has not answered");
    WAIT_FOR("forget by carol: s0 was sold", "history", id);
    EXPECT_WORDS("FORGET", "participant=s0");
    char *log = cluster_log(&cluster);
    cr_expect_gt(lines_with(log, "alarm", id), 0, "%s", log);
    free(log);
    process_kill(&cluster.vowd);
    vowd_start(&cluster, NULL);
    WAIT_FOR("ABANDONED", "show", id);
    /* It comes back all the same, and is told. */
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    WAIT_FOR("END", "history", id);
    cluster_end(&cluster);
}

/* ---- without vowd ---- */

/* Where a service listens, as vowctl peers tells it. */
static void read_address(const char *name, char address[64])
{
    char format[48];
    cr_assert_eq(VOWCTL("peers"), 0, "%s", run.err);
    const char *line = strstr(run.out, name);
    snprintf(format, sizeof(format), "%s %%*s %%*s %%63s", name);
    cr_assert(line != NULL && sscanf(line, format, address) == 1, "%s", run.out);
}

/* vowd dies with the decision on its disk, and has told nobody. */
static void lose_vowd(struct commit *commit, char addresses[2][64])
{
    cr_assert_eq(setenv("SERVICE_PEER_LISTEN", "127.0.0.1:0", 1), 0);
    cluster_init(&cluster);
    cluster_run(&cluster, 2, "log.after.COMMIT", NULL);
    read_address("s0", addresses[0]);
    read_address("s1", addresses[1]);
    commit_start(&cluster, commit, "add");
    process_wait_killed(&cluster.vowd);
}

static char vowd_address[64];

/* From here on vowctl asks this service. */
static void ask_service(const char *address)
{
    snprintf(vowd_address, sizeof(vowd_address), "%s", cluster.address);
    snprintf(cluster.address, sizeof(cluster.address), "%s", address);
}

static void ask_vowd(void)
{
    snprintf(cluster.address, sizeof(cluster.address), "%s", vowd_address);
}

Test(operator, B13_a_participant_itself_says_what_it_holds_and_why_and_ends_it)
{
    struct commit commit;
    char addresses[2][64];
    lose_vowd(&commit, addresses);
    ask_service(addresses[0]);
    WAIT_FOR("the coordinator cannot be reached", "list", "--in-doubt");
    EXPECT_WORDS("PREPARED at s0", "holds      counter(id=1)", "start vowd with its journal", "damages");
    cr_assert_eq(sscanf(run.out, "%42s", id), 1);
    cr_expect_eq(VOWCTL("forget", id, "--reason", "a test", "--yes"), 4, "%s", run.out);
    cr_expect_eq(VOWCTL("commit", id, "--participant", "s1", "--reason", "a test", "--yes"), 4, "%s", run.out);
    cr_assert_eq(VOWCTL("commit", id, "--reason", "vowd is lost", "--as", "bob", "--yes"), 0, "%s", run.err);
    EXPECT_WORDS("committed");
    cr_expect_not_null(strstr(run.err, "What was decided is not known here"), "%s", run.err);
    WAIT_FOR("HEURISTIC_COMMITTED at s0", "show", id);
    EXPECT_WORDS("by hand    commit by bob: vowd is lost");
    cr_expect_eq(VOWCTL("abort", id, "--reason", "a test", "--yes"), 4, "%s", run.out);
    cr_expect_not_null(strstr(run.err, "ended by hand before"), "%s", run.err);
    cluster_expect_counter(&cluster, 0, 1);

    ask_vowd();
    vowd_start(&cluster, NULL);
    cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    cluster_expect_counters(&cluster, 1);
    WAIT_FOR("END", "history", id);
    cluster_end(&cluster);
}

/* ---- nothing is done without a reason, a yes and a true case ---- */

Test(operator, it_wants_a_reason_and_somebody_who_says_yes)
{
    struct commit commit;
    begin_undecided(&commit);
    cr_expect_eq(VOWCTL("abort", id, "--yes"), 2);
    cr_expect_not_null(strstr(run.err, "a reason is required"), "%s", run.err);
    cr_expect_eq(VOWCTL("abort", id, "--reason", "a test"), 2);
    cr_expect_not_null(strstr(run.err, "without a terminal it wants --yes"), "%s", run.err);
    cr_expect_eq(VOWCTL("commit", id, "--reason", "a test", "--yes"), 4);
    cr_expect_not_null(strstr(run.err, "nobody can decide COMMIT"), "%s", run.err);
    cr_expect_eq(VOWCTL("forget", id, "--reason", "a test", "--yes"), 4);
    cr_expect_eq(VOWCTL("list", "--yes"), 2);
    WAIT_FOR("PREPARING", "show", id);
    end_undecided(&commit);
}

Test(operator, what_is_decided_is_not_aborted_and_the_answer_says_what_is_true)
{
    cluster_start(&cluster, 2, NULL, STRAND_AT);
    const struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
    cr_expect_eq(VOWCTL("abort", id, "--reason", "a test", "--yes"), 4, "%s", run.out);
    cr_expect_not_null(strstr(run.err, "COMMIT is decided, and what is decided is never aborted"), "%s", run.err);
    cr_expect_eq(VOWCTL("abort", id, "--participant", "s0", "--reason", "a test", "--yes"), 4, "%s", run.out);
    cr_expect_not_null(strstr(run.err, "not connected"), "%s", run.err);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    WAIT_FOR("END", "history", id);
    cr_expect_eq(VOWCTL("abort", id, "--reason", "a test", "--yes"), 4, "%s", run.out);
    char nobody[VOW_GTRID_TEXT_SIZE];
    const struct vow_gtrid unknown = vow_gtrid_make(1, 2, 3, 0, 4);
    vow_gtrid_to_text(&unknown, nobody);
    cr_expect_eq(VOWCTL("abort", nobody, "--reason", "a test", "--yes"), 3, "%s", run.out);
    cluster_end(&cluster);
}

/* ---- somebody at a terminal ---- */

/* vowctl abort on a terminal of its own, on which `typed` is typed when it asks. Returns its exit status; run.out is
 * all that the terminal showed. */
static int abort_at_terminal(const char *typed)
{
    int terminal;
    size_t len = 0;
    const pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        execl(VOW_BIN "/vowctl", "vowctl", "--coordinator", cluster.address, "abort", id, "--reason", "a test", NULL);
        _exit(127);
    }
    bool is_asked = false;
    ssize_t got;
    while (len < sizeof(run.out) - 1 && (got = read(terminal, run.out + len, sizeof(run.out) - 1 - len)) > 0) {
        len += (size_t)got;
        run.out[len] = '\0';
        if (!is_asked && strstr(run.out, "Type \"yes\"") != NULL) {
            is_asked = true;
            cr_assert_eq(write(terminal, typed, strlen(typed)), (ssize_t)strlen(typed));
        }
    }
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(close(terminal), 0);
    cr_assert(is_asked, "%s", run.out);
    return WEXITSTATUS(status);
}

Test(operator, at_a_terminal_it_explains_then_asks_and_only_yes_is_a_yes)
{
    struct commit commit;
    begin_undecided(&commit);
    cr_expect_eq(abort_at_terminal("y\n"), 5, "%s", run.out);
    EXPECT_WORDS("nothing was done");
    const char *explained = strstr(run.out, "No data is damaged"), *asked = strstr(run.out, "Type \"yes\"");
    cr_assert(explained != NULL && asked != NULL && explained < asked, "%s", run.out);
    WAIT_FOR("PREPARING", "show", id);
    cr_expect_eq(abort_at_terminal("yes\n"), 0, "%s", run.out);
    cr_assert_eq(commit_wait(&cluster, &commit), VOW_ABORTED);
    WAIT_FOR("abort done", "history", id);
    cr_assert_eq(kill(cluster.services[1].pid, SIGCONT), 0);
    cluster_end(&cluster);
}

/* ---- who is no operator ---- */

static struct vow_msg order_of(enum vow_admin_command command, const struct vow_gtrid *gtrid, const char *participant,
                               const char *why)
{
    return (struct vow_msg){
        .kind = VOW_MSG_ADMIN_REQUEST,
        .admin_request = {
            .command = command, .gtrid = *gtrid, .filter = "", .participant = participant, .who = "root", .why = why}};
}

/* vowctl looks before it asks; vowd does not count on that. */
static void expect_order_refused(struct peer *admin, const struct vow_msg *order, const char *why)
{
    peer_send(admin, order);
    peer_expect(admin, VOW_MSG_ADMIN_REPLY);
    cr_expect_eq(admin->msg.admin_reply.error, VOW_E_REFUSED, "%s", admin->msg.admin_reply.json);
    cr_expect(admin->msg.admin_reply.last);
    cr_expect_not_null(strstr(admin->msg.admin_reply.json, why), "%s", admin->msg.admin_reply.json);
}

Test(operator, vowd_itself_refuses_what_must_not_be)
{
    struct peer admin;
    cluster_start(&cluster, 2, NULL, STRAND_AT);
    const struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
    peer_open(&admin, &cluster, VOW_ROLE_ADMIN, "vowctl");
    const struct vow_msg abort_it = order_of(VOW_ADMIN_ABORT, &gtrid, "", "a test");
    expect_order_refused(&admin, &abort_it, "never aborted");
    const struct vow_msg commit_it = order_of(VOW_ADMIN_COMMIT, &gtrid, "", "a test");
    expect_order_refused(&admin, &commit_it, "nobody can decide COMMIT");
    const struct vow_msg no_reason = order_of(VOW_ADMIN_ABORT, &gtrid, "", "");
    expect_order_refused(&admin, &no_reason, "must be said");
    /* F179: the record has room for a text; what does not fit would be the reason. */
    char name[VOW_TEXT_SIZE] = "";
    memset(name, 'x', sizeof(name) - 1);
    struct vow_msg long_name = order_of(VOW_ADMIN_ABORT, &gtrid, "", "a test");
    long_name.admin_request.who = name;
    expect_order_refused(&admin, &long_name, "too long");
    peer_close(&admin);
    WAIT_FOR("abort not done", "history", id);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

/* What the participant answers is what the operator hears: not each error is a definite no (guarantee 3). */
Test(operator, F056_what_a_participant_leaves_open_is_not_told_as_a_no)
{
    static const struct {
        int error;
        const char *noted;
    } cases[] = {{VOW_E_REFUSED, "commit not done: rogue says: a test"},
                 {VOW_E_BUSY, "commit not done: rogue says: a test"},
                 {VOW_E_DAMAGED, "commit not known whether it was done: rogue says: a test"},
                 {-120, "commit not known whether it was done: rogue says: a test"}}; /* of a newer version */
    struct peer admin, rogue;
    cluster_start(&cluster, 0, NULL, NULL);
    peer_open(&rogue, &cluster, VOW_ROLE_PARTICIPANT, "rogue");
    peer_open(&admin, &cluster, VOW_ROLE_ADMIN, "vowctl");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct vow_gtrid gtrid = vow_gtrid_make(admin.coord, admin.epoch, i + 1, 0, i + 1);
        const struct vow_msg order = order_of(VOW_ADMIN_COMMIT, &gtrid, "rogue", "a test");
        peer_send(&admin, &order);
        peer_expect(&rogue, VOW_MSG_RESOLVE);
        struct vow_msg resolved = {.kind = VOW_MSG_RESOLVED};
        resolved.resolved = (struct vow_msg_resolved){
            .header = rogue.msg.resolve.header, .error = cases[i].error, .verdict = 0, .text = "a test"};
        peer_send(&rogue, &resolved);
        peer_expect(&admin, VOW_MSG_ADMIN_REPLY);
        cr_expect_eq(admin.msg.admin_reply.error, cases[i].error, "%d", admin.msg.admin_reply.error);
        cr_expect_not_null(strstr(admin.msg.admin_reply.json, "rogue says: a test"), "%s", admin.msg.admin_reply.json);
        vow_gtrid_to_text(&gtrid, id);
        WAIT_FOR("rogue says: a test", "history", id);
        cr_expect_not_null(strstr(run.out, cases[i].noted), "%s", run.out);
    }
    peer_close(&rogue);
    peer_close(&admin);
    cluster_end(&cluster);
}

/* F179: each at its longest is too long for a text of the history only where the order is long, too; that is said, with
 * lengths, before anybody is asked. What just fits is taken. */
Test(operator, F179_who_and_why_that_are_too_long_together_are_refused_before_anybody_is_asked)
{
    char name[61] = "", reason[121] = "", fits[121] = "";
    memset(name, 'n', 60);
    memset(reason, 'r', 120);
    memset(fits, 'r', 120 - 5);
    cluster_start(&cluster, 0, NULL, NULL);
    cr_expect_eq(VOWCTL("topics", "seek", "g", "--to", "10000000", "--yes", "--as", name, "--reason", reason), 2);
    cr_expect_not_null(strstr(run.err, "keeps 200 bytes of an order, and this one has 206: 120 of --reason, 60 of the "
                                       "name, and 26 beside them"),
                       "%s", run.err);
    cr_expect_eq(VOWCTL("topics", "seek", "g", "--to", "1000000", "--yes", "--as", name, "--reason", fits), 3, "%s",
                 run.err);
    cr_expect_not_null(strstr(run.err, "there is no such group"), "%s", run.err);
    cluster_end(&cluster);
}

/* What a participant says takes bounded memory, and what is not taken is missed aloud. */
Test(operator, a_participant_that_says_too_much_is_named)
{
    struct peer admin, flood;
    cluster_start(&cluster, 0, NULL, NULL);
    peer_open(&flood, &cluster, VOW_ROLE_PARTICIPANT, "flood");
    peer_open(&admin, &cluster, VOW_ROLE_ADMIN, "vowctl");
    const struct vow_gtrid none = {{0}};
    struct vow_msg list = order_of(VOW_ADMIN_LIST, &none, "", "");
    list.admin_request.filter = "in-doubt";
    peer_send(&admin, &list);
    peer_expect(&flood, VOW_MSG_ADMIN_REQUEST);
    struct vow_msg reply = {.kind = VOW_MSG_ADMIN_REPLY};
    reply.admin_reply.tag = flood.msg.admin_request.tag;
    reply.admin_reply.json = "{\"id\":\"x\"}";
    for (int i = 0; i < 4097; i++)
        peer_send(&flood, &reply);
    reply.admin_reply.json = "";
    reply.admin_reply.last = true;
    peer_send(&flood, &reply);
    do
        peer_expect(&admin, VOW_MSG_ADMIN_REPLY);
    while (!admin.msg.admin_reply.last);
    cr_expect_not_null(strstr(admin.msg.admin_reply.json, "says more than can be listed"), "%s",
                       admin.msg.admin_reply.json);
    peer_close(&flood);
    peer_close(&admin);
    cluster_end(&cluster);
}

/* Rows of a participant that holds nothing vowd knows of; each as long as one may be. */
static void say_rows(struct peer *flood, int rows, bool one_transaction)
{
    static char json[12000];
    peer_expect(flood, VOW_MSG_ADMIN_REQUEST);
    struct vow_msg reply = {.kind = VOW_MSG_ADMIN_REPLY};
    reply.admin_reply.tag = flood->msg.admin_request.tag;
    reply.admin_reply.json = json;
    for (int i = 0; i < rows; i++) {
        snprintf(json, sizeof(json), "{\"id\":\"x%d\",\"branch\":0,\"age_ms\":1,\"locks\":[\"%0*d\"]}",
                 one_transaction ? 0 : i, (int)sizeof(json) - 100, i);
        peer_send(flood, &reply);
    }
    reply.admin_reply.json = "";
    reply.admin_reply.last = true;
    peer_send(flood, &reply);
    /* When this is answered, all of it was taken, and the answer made: nobody has read any of that yet. */
    const struct vow_msg ping = {.kind = VOW_MSG_PING, .ping.nonce = 1};
    peer_send(flood, &ping);
    peer_expect(flood, VOW_MSG_PONG);
}

static void open_flood(struct peer *admin, struct peer *flood)
{
    const struct vow_gtrid none = {{0}};
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 0, NULL, NULL);
    peer_open(flood, &cluster, VOW_ROLE_PARTICIPANT, "flood");
    peer_open(admin, &cluster, VOW_ROLE_ADMIN, "vowctl");
    struct vow_msg list = order_of(VOW_ADMIN_LIST, &none, "", "");
    list.admin_request.filter = "in-doubt";
    peer_send(admin, &list);
}

static void close_flood(struct peer *admin, struct peer *flood)
{
    char *log = cluster_log(&cluster);
    cr_expect_eq(lines_with(log, "VOW_E_SLOW_READER", "") + lines_with(log, "send_failed", ""), 0, "%s", log);
    free(log);
    peer_close(flood);
    peer_close(admin);
    cluster_end(&cluster);
}

/* More than may wait in front of a peer: it comes as it is read, and what is missing is counted. */
Test(operator, F148_a_long_list_arrives_and_says_what_is_missing)
{
    struct peer admin, flood;
    int rows = 0, left_out = 0;
    open_flood(&admin, &flood);
    say_rows(&flood, 1000, false);
    for (; peer_receive(&admin) && !admin.msg.admin_reply.last; rows++)
        cr_assert_eq(admin.msg.kind, VOW_MSG_ADMIN_REPLY);
    cr_assert_eq(admin.msg.kind, VOW_MSG_ADMIN_REPLY);
    const char *missing = strstr(admin.msg.admin_reply.json, "\"left_out\":");
    if (missing != NULL)
        left_out = (int)strtol(missing + strlen("\"left_out\":"), NULL, 10);
    /* vowd does not wait for a participant for ever, and names it then. */
    const bool was_slow = strstr(admin.msg.admin_reply.json, "has not answered") != NULL;
    cr_expect(rows + left_out == 1000 || was_slow, "%d and %d: %s", rows, left_out, admin.msg.admin_reply.json);
    close_flood(&admin, &flood);
}

/* One transaction of which more is said than fits into a message: it is listed, and says that it is cut. */
Test(operator, a_row_that_is_too_long_is_cut_and_says_so)
{
    struct peer admin, flood;
    open_flood(&admin, &flood);
    say_rows(&flood, 8, true);
    peer_expect(&admin, VOW_MSG_ADMIN_REPLY);
    cr_expect_not_null(strstr(admin.msg.admin_reply.json, "\"cut\":true"), "%s", admin.msg.admin_reply.json);
    cr_expect_not_null(strstr(admin.msg.admin_reply.json, "\"id\":\"x0\""), "%s", admin.msg.admin_reply.json);
    peer_expect(&admin, VOW_MSG_ADMIN_REPLY);
    cr_expect(admin.msg.admin_reply.last);
    close_flood(&admin, &flood);
}

Test(operator, F179_an_order_of_a_client_is_refused_and_kept)
{
    struct peer client;
    cluster_start(&cluster, 2, NULL, STRAND_AT);
    const struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
    const struct vow_msg msg = order_of(VOW_ADMIN_ABORT, &gtrid, "s1", "I may do that");
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "mallory");
    peer_send(&client, &msg);
    peer_expect_closed(&client);
    peer_close(&client);
    WAIT_FOR("abort refused", "history", id);
    EXPECT_WORDS("asked for by client \"mallory\", who is no operator", "participant=s1");
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}
