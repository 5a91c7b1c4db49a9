/* The configuration of a running vowd: flags and files that are wrong, SIGHUP in the middle of transactions. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/server/settings.h"
#include "files.h"
#include "peer.h"
#include "proto/error.h"

TestSuite(vowd_config, .timeout = 120);

#define VOWD VOW_BIN "/vowd"

/* ---- refused, with one line and status 2, and nothing on disk ---- */

static char directory[] = "/tmp/vow-config-XXXXXX";
static struct run run;

static void enter(void)
{
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
}

static void leave(void)
{
    cr_assert_eq(chdir("/"), 0);
    remove_directory(directory);
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *here = opendir(".");
    cr_assert_not_null(here);
    for (const struct dirent *entry; (entry = readdir(here)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(here);
    return count;
}

static void expect_one_line(const char *word, const char *what)
{
    const char *newline = strchr(run.err, '\n');
    cr_expect(newline != NULL && newline[1] == '\0', "%s: not one line: %s", what, run.err);
    cr_expect_not_null(strstr(run.err, word), "%s: \"%s\" is not in: %s", what, word, run.err);
    cr_expect_str_empty(run.out, "%s: %s", what, run.out);
    for (const char *c = run.err; *c != '\0'; c++)
        cr_expect(*c == '\n' || (*c >= 0x20 && *c < 0x7f), "%s: byte %d in: %s", what, *c, run.err);
}

static void refused(const char *word, const char *const flags[])
{
    const char *argv[8] = {VOWD};
    unsigned before = count_files();
    for (size_t i = 0; flags[i] != NULL; i++)
        argv[i + 1] = flags[i];
    run_program(&run, argv);
    cr_expect_eq(run.status, 2, "%s: exit status %d: %s", flags[0], run.status, run.err);
    expect_one_line(word, flags[0]);
    cr_expect_eq(count_files(), before, "%s: something was made", flags[0]);
}

#define REFUSED(word, ...) refused(word, (const char *const[]){__VA_ARGS__, NULL})

static void every_wrong_value(const struct vow_setting *setting, const char *flag)
{
    char value[32];
    static const char *const wrong[] = {"", "two words", "\x1b[31m\n", "-1", "[1]"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        bool is_good = (setting->kind == VOW_SETTING_PATH && wrong[i][0] != '\0' && wrong[i][0] != '\x1b') ||
                       (setting->kind == VOW_SETTING_NAME && strcmp(wrong[i], "-1") == 0);
        if (!is_good)
            REFUSED(flag, flag, wrong[i]);
    }
    if (setting->kind != VOW_SETTING_NUMBER)
        return;
    snprintf(value, sizeof(value), "%llu", (unsigned long long)setting->highest + 1);
    REFUSED(value, flag, value);
    REFUSED(flag, flag, "99999999999999999999");
    if (setting->lowest > 0) {
        snprintf(value, sizeof(value), "%u", setting->lowest - 1);
        REFUSED(value, flag, value);
    }
}

Test(vowd_config, every_flag_wrong_in_every_way, .init = enter, .fini = leave)
{
    for (size_t i = 0; i < vow_setting_count; i++) {
        char flag[48];
        snprintf(flag, sizeof(flag), "--%s", vow_setting_list[i].flag);
        REFUSED(flag, flag);
        every_wrong_value(&vow_setting_list[i], flag);
    }
    REFUSED("--config", "--config");
    REFUSED("--config", "--config", "");
    REFUSED("--check-config", "--check-config");
    REFUSED("--check-config", "--check-config", "");
    REFUSED("--help-config", "--help-config=x");
    REFUSED("\\x1b", "--\x1b[31m");
    REFUSED("\\x0a", "a\nb");
    REFUSED("ack-timeout-max", "--ack-timeout", "5000", "--ack-timeout-max", "4999");
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    cr_assert_eq(fclose(file), 0);
}

/* What is wrong with values and forms is the unit test's; here, that vowd says it and ends. */
Test(vowd_config, files_that_are_wrong, .init = enter, .fini = leave)
{
    static const char *const both[] = {"--config", "--check-config"};
    mkdir("directory", 0700);
    write_file("value.yaml", "limits:\n  txns_max: lots\n");
    write_file("key.yaml", "limits:\n  colour: red\n");
    write_file("twice.yaml", "name: a\nname: b\n");
    write_file("yaml.yaml", "name: a\n  b: [\n");
    for (size_t i = 0; i < 2; i++) {
        REFUSED("value.yaml:2: limits.txns_max: wants 1 to 1048576, found \"lots\"", both[i], "value.yaml");
        REFUSED("key.yaml:2: no such key in limits: \"colour\"", both[i], "key.yaml");
        REFUSED("twice.yaml:2: name: said before, on line 1", both[i], "twice.yaml");
        REFUSED("yaml.yaml:2: is not YAML", both[i], "yaml.yaml");
        REFUSED("missing.yaml: cannot be opened", both[i], "missing.yaml");
        REFUSED("directory: is not a file", both[i], "directory");
        REFUSED("is larger than a configuration file can be", both[i], VOWD);
    }
}

/* As nobody: whoever runs the tests as root may read everything. */
Test(vowd_config, a_file_that_may_not_be_read, .init = enter, .fini = leave)
{
    write_file("secret.yaml", "name: a\n");
    cr_assert_eq(chmod("secret.yaml", 0), 0);
    if (geteuid() == 0)
        cr_assert_eq(chown(".", 65534, 65534) | setgid(65534) | setuid(65534), 0);
    REFUSED("secret.yaml: cannot be opened: Permission denied", "--config", "secret.yaml");
}

Test(vowd_config, check_config_says_what_would_hold, .init = enter, .fini = leave)
{
    const char *argv[] = {VOWD, "--txns-max", "77", "--check-config", "good.yaml", NULL};
    write_file("good.yaml", "name: shop\nlimits:\n  txns_max: 5\n  branches_max: 6\n");
    run_program(&run, argv);
    cr_assert_eq(run.status, 0, "%s", run.err);
    cr_expect_str_empty(run.err);
    cr_expect_not_null(strstr(run.out, "\nname: \"shop\"\n"), "%s", run.out);
    cr_expect_not_null(strstr(run.out, "\n  txns_max: 77\n"), "%s", run.out);
    cr_expect_not_null(strstr(run.out, "\n  branches_max: 6\n"), "%s", run.out);
    cr_expect_eq(count_files(), 1);
}

Test(vowd_config, help_config_is_the_sample, .init = enter, .fini = leave)
{
    static char sample[64 * 1024];
    const char *argv[] = {VOWD, "--help-config", NULL};
    FILE *file = fopen(VOW_SAMPLE, "r");
    cr_assert_not_null(file);
    sample[fread(sample, 1, sizeof(sample) - 1, file)] = '\0';
    fclose(file);
    run_program(&run, argv);
    cr_expect_eq(run.status, 0);
    cr_expect_str_eq(run.out, sample, "packaging/vowd.yaml is out of date: vowd --help-config > packaging/vowd.yaml");
}

/* ---- SIGHUP ---- */

static struct cluster cluster;
static char config[160];

static void configure(const char *text)
{
    write_file(config, text);
}

static void start_configured(uint32_t services, const char *service_crash, const char *text)
{
    cluster_init(&cluster);
    cluster.keeps_log = true;
    snprintf(config, sizeof(config), "%s/vowd.yaml", cluster.directory);
    configure(text);
    cluster.vowd_flags[0] = "--config";
    cluster.vowd_flags[1] = config;
    cluster_run(&cluster, services, NULL, service_crash);
}

/* Waits until the log has so many lines with both words. */
static void wait_for_lines(unsigned count, const char *word, const char *other)
{
    unsigned seen;
    do {
        char *log = cluster_log(&cluster);
        seen = lines_with(log, word, other);
        free(log);
        if (seen < count)
            poll(NULL, 0, 1);
    } while (seen < count);
    cr_expect_eq(seen, count, "%u lines with %s %s", seen, word, other);
}

static void reload(unsigned nth, const char *text)
{
    configure(text);
    cr_assert_eq(kill(cluster.vowd.pid, SIGHUP), 0);
    wait_for_lines(nth, "event=reload", "");
}

static void begin(struct peer *peer, const struct vow_gtrid *id)
{
    struct vow_msg msg = {.kind = VOW_MSG_BEGIN, .begin.gtrid = *id};
    peer_send(peer, &msg);
}

static void rollback(struct peer *peer, const struct vow_gtrid *id)
{
    struct vow_msg msg = {.kind = VOW_MSG_ROLLBACK_REQUEST, .rollback_request.gtrid = *id};
    peer_send(peer, &msg);
    peer_expect_outcome(peer, id, VOW_ABORTED);
}

Test(vowd_config, F225_a_bad_file_is_refused_whole)
{
    struct peer client;
    struct vow_gtrid ids[2];
    start_configured(0, NULL, "limits:\n  txns_max: 100\n");
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "c");
    reload(1, "limits:\n  txns_max: 1\ntimeouts:\n  vote_ms: soon\n");
    wait_for_lines(1, "event=reload_refused", "vowd.yaml:4: timeouts.vote_ms: wants 1 to 86400000 milliseconds, found");
    cr_assert_eq(unlink(config), 0);
    cr_assert_eq(kill(cluster.vowd.pid, SIGHUP), 0);
    wait_for_lines(2, "event=reload_refused", "");
    for (size_t i = 0; i < 2; i++) {
        ids[i] = peer_take_id(&client);
        begin(&client, &ids[i]);
        peer_expect_outcome(&client, &ids[i], VOW_PENDING);
    }
    for (size_t i = 0; i < 2; i++)
        rollback(&client, &ids[i]);
    peer_close(&client);
    cluster_end(&cluster);
}

Test(vowd_config, F225_new_limits_hold_for_what_begins)
{
    struct peer client;
    struct vow_gtrid first, second;
    start_configured(2, NULL, "limits:\n  txns_max: 100\n");
    peer_open(&client, &cluster, VOW_ROLE_CLIENT, "c");
    first = peer_take_id(&client);
    second = peer_take_id(&client);
    begin(&client, &first);
    peer_expect_outcome(&client, &first, VOW_PENDING);
    reload(1, "limits:\n  txns_max: 1\n");
    wait_for_lines(1, "event=setting_changed", "key=limits.txns_max from=100 to=1");
    begin(&client, &second);
    peer_expect_error(&client, &second, VOW_E_BUSY);
    /* Larger than what there was memory for: the core moves, with the open transaction in it. */
    reload(2, "limits:\n  txns_max: 50000\n");
    begin(&client, &second);
    peer_expect_outcome(&client, &second, VOW_PENDING);
    peer_commit(&client, &first);
    peer_expect_outcome(&client, &first, VOW_COMMITTED);
    rollback(&client, &second);
    cluster_expect_counters(&cluster, 1);
    peer_close(&client);
    cluster_end(&cluster);
}

/* A decided transaction waits for its participant: nothing that is reloaded changes that. */
Test(vowd_config, F225_what_is_in_doubt_stays_as_it_is)
{
    struct vow_result result;
    start_configured(2, STRAND_AT, "");
    struct vow_gtrid id = cluster_strand(&cluster);
    reload(1, "limits: {txns_max: 1, branches_max: 1}\ntimeouts: {vote_ms: 1, txn_ms: 1, ack_ms: 1, ack_max_ms: 1}\n");
    reload(2, "limits: {participants_max: 1000}\n");
    while (vow_status(cluster.client, &id, NULL, &result) != 0)
        continue;
    cr_expect_eq(result.outcome, VOW_COMMITTED);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(vowd_config, F225_what_needs_a_restart_is_named)
{
    start_configured(0, NULL, "name: a\n");
    reload(1, "name: b\ndata: elsewhere\nhttp: 127.0.0.1:1\nlimits: {ended_max: 5}\ntimeouts: {drain_ms: 7}\n");
    wait_for_lines(1, "event=setting_needs_restart", "key=name from=a to=b");
    wait_for_lines(1, "event=setting_needs_restart", "key=limits.ended_max");
    wait_for_lines(1, "event=setting_changed", "key=timeouts.drain_ms");
    wait_for_lines(0, "event=setting_needs_restart", "key=data"); /* a flag of the kit wins, before and after */
    cr_expect_neq(access("elsewhere", F_OK), 0);
    reload(2, "name: a\n");
    wait_for_lines(2, "event=setting_needs_restart", ""); /* name and ended_max, once each: no new ones */
    cluster_end(&cluster);
}

Test(vowd_config, F225_without_a_file_there_is_nothing_to_load)
{
    cluster_init(&cluster);
    cluster.keeps_log = true;
    cluster_run(&cluster, 0, NULL, NULL);
    cr_assert_eq(kill(cluster.vowd.pid, SIGHUP), 0);
    wait_for_lines(1, "event=reload_ignored", "--config");
    cluster_end(&cluster);
}

/* SIGHUP as fast as they come, with transactions under way: none is lost, and SIGTERM still drains (F151). */
Test(vowd_config, F151_a_storm_of_signals)
{
    struct commit commit;
    start_configured(2, NULL, "limits: {txns_max: 10}\n");
    for (int i = 0; i < 500; i++) {
        cr_assert_eq(kill(cluster.vowd.pid, SIGHUP), 0);
        if (i % 50 != 0)
            continue;
        commit_start(&cluster, &commit, "add");
        cr_expect_eq(commit_wait(&cluster, &commit), VOW_COMMITTED);
    }
    cluster_expect_counters(&cluster, 10);
    cluster_end(&cluster);
}

/* It goes on to the very end: a SIGHUP that comes after the drain does not change the exit status. */
Test(vowd_config, F151_a_storm_of_signals_while_it_ends)
{
    start_configured(0, NULL, "limits: {txns_max: 10}\n");
    pid_t storm = fork();
    cr_assert_geq(storm, 0);
    if (storm == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (kill(cluster.vowd.pid, SIGHUP) == 0)
            continue;
        _exit(0);
    }
    cr_expect_eq(process_end(&cluster.vowd), 0);
    cr_assert_eq(kill(storm, SIGKILL), 0);
    cr_assert_eq(waitpid(storm, NULL, 0), storm);
    cluster_end(&cluster);
}
