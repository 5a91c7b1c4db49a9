/* vowctl doctor, beside a running vowd and on the directory of a stopped one: each finding is brought about once. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "disk.h"
#include "files.h"
#include "kit.h"

TestSuite(doctor, .timeout = 60);

static struct cluster cluster;
static struct run run;
static char data[160];
static json_t *answer; /* of the last run */

static void doctor(const char *const flags[])
{
    const char *argv[10] = {VOW_BIN "/vowctl", "--json", "doctor"};
    for (size_t i = 0; flags[i] != NULL; i++)
        argv[i + 3] = flags[i];
    run_program(&run, argv);
    json_decref(answer);
    answer = json_loads(run.out, 0, NULL);
    cr_assert_not_null(answer, "exit status %d, no JSON: %s%s", run.status, run.out, run.err);
}

static void doctor_offline(void)
{
    doctor((const char *const[]){"--data", data, NULL});
}

static void doctor_online(void)
{
    doctor((const char *const[]){"--coordinator", cluster.address, NULL});
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    cr_assert_not_null(value, "no \"%s\" in: %s", key, run.out);
    return value;
}

static const json_t *find(const char *check, const char *status, const char *what)
{
    size_t i;
    const json_t *finding;
    json_array_foreach(json_object_get(answer, "findings"), i, finding)
    {
        if (strcmp(text_of(finding, "check"), check) == 0 && strcmp(text_of(finding, "status"), status) == 0 &&
            strstr(text_of(finding, "what"), what) != NULL)
            return finding;
    }
    return NULL;
}

/* What is not well says what to do; what is well says nothing. */
static void expect(const char *check, const char *status, const char *what)
{
    const json_t *finding = find(check, status, what);
    cr_assert_not_null(finding, "no %s %s \"%s\" in: %s", check, status, what, run.out);
    cr_expect_eq(text_of(finding, "do")[0] == '\0', strcmp(status, "ok") == 0, "%s", run.out);
}

static bool is_one_of(const char *text, const char *const allowed[])
{
    for (size_t i = 0; allowed[i] != NULL; i++) {
        if (strcmp(text, allowed[i]) == 0)
            return true;
    }
    return false;
}

/* Scripts lean on these names. */
static void expect_schema(const char *mode)
{
    static const char *const checks[] = {"coordinator", "directory", "file-system", "space", "fsync",
                                         "journal",     "sqlite",    "clock",       "ports", "versions",
                                         "limits",      "peers",     "in-doubt",    NULL};
    static const char *const statuses[] = {"ok", "warn", "fail", "unknown", NULL};
    static const char *const verdicts[] = {"ok/warn", "fail", "-", "unknown"};
    size_t i;
    const json_t *finding;
    cr_expect_eq(json_object_size(answer), 3);
    cr_expect_str_eq(text_of(answer, "mode"), mode);
    const char *verdict = text_of(answer, "verdict");
    cr_assert(run.status == 0 || run.status == 1 || run.status == 3, "exit status %d", run.status);
    cr_expect_not_null(strstr(verdicts[run.status], verdict), "%d and %s", run.status, verdict);
    json_array_foreach(json_object_get(answer, "findings"), i, finding)
    {
        cr_expect_eq(json_object_size(finding), 4);
        cr_expect(is_one_of(text_of(finding, "check"), checks), "%s", run.out);
        cr_expect(is_one_of(text_of(finding, "status"), statuses), "%s", run.out);
    }
    cr_expect_gt(i, 0);
    cr_expect_str_empty(run.err);
}

/* ---- a stopped vowd ---- */

static void stop_after(int transactions)
{
    cluster_start(&cluster, 2, NULL, NULL);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    for (int i = 0; i < transactions; i++)
        cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, transactions);
    cr_assert_eq(process_end(&cluster.vowd), 0);
}

Test(doctor, offline_and_well)
{
    stop_after(3);
    uint64_t before = directory_sum(data);
    doctor_offline();
    expect_schema("offline");
    expect("directory", "ok", data);
    expect("journal", "ok", "coordinator vowd, epoch 1");
    expect("in-doubt", "ok", "nothing is left");
    cr_expect_not_null(find("sqlite", "ok", ""), "%s", run.out);
    cr_expect_eq(directory_sum(data), before, "something was changed");
    cluster_end(&cluster);
}

Test(doctor, offline_after_a_crash_changes_nothing)
{
    stop_after(0);
    vowd_start(&cluster, NULL);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    process_kill(&cluster.vowd); /* the newest events are in the -wal */
    uint64_t before = directory_sum(data);
    doctor_offline();
    expect("journal", "ok", "epoch 2");
    cr_expect_eq(directory_sum(data), before, "something was changed");
    vowd_start(&cluster, NULL);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

Test(doctor, offline_with_a_transaction_in_doubt)
{
    char id[VOW_GTRID_TEXT_SIZE];
    cluster_start(&cluster, 2, NULL, STRAND_AT);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
    process_kill(&cluster.vowd);
    doctor_offline();
    expect_schema("offline");
    expect("in-doubt", "warn", id);
    expect("in-doubt", "warn", "s0, s1");
    cr_expect_eq(run.status, 0, "a warning alone is no failure");
    vowd_start(&cluster, NULL);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    cluster_end(&cluster);
}

Test(doctor, F113_a_damaged_log)
{
    char path[192];
    stop_after(2);
    snprintf(path, sizeof(path), "%s/journal.db", data);
    off_t at = file_find(path, "s1"); /* in a yes-list */
    file_flip(path, at);
    doctor_offline();
    expect("journal", "fail", "the log is damaged");
    cr_expect_eq(run.status, 1);
    file_flip(path, at);
    doctor_offline();
    expect("journal", "ok", "");
    vowd_start(&cluster, NULL);
    cluster_end(&cluster);
}

Test(doctor, F023_a_log_behind_its_witness)
{
    char journal[192], copy[192];
    stop_after(1);
    snprintf(journal, sizeof(journal), "%s/journal.db", data);
    snprintf(copy, sizeof(copy), "%s/copy", cluster.directory);
    file_copy(journal, copy);
    vowd_start(&cluster, NULL);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 2);
    cr_assert_eq(process_end(&cluster.vowd), 0);
    file_copy(copy, journal);
    doctor_offline();
    expect("journal", "fail", "ends before its witness");
    cluster_end(&cluster);
}

Test(doctor, modes_of_the_directory)
{
    stop_after(1);
    cr_assert_eq(chmod(data, 0755), 0);
    doctor_offline();
    expect("directory", "warn", "may be read by others");
    cr_assert_eq(chmod(data, 0777), 0);
    doctor_offline();
    expect("directory", "fail", "may be written by others");
    cr_assert_eq(chmod(data, 0700), 0);
    doctor_offline();
    expect("directory", "ok", "mode 0700");
    cluster_end(&cluster);
}

Test(doctor, directories_that_are_none)
{
    snprintf(data, sizeof(data), "/nowhere/at/all");
    doctor_offline();
    expect_schema("offline");
    expect("directory", "unknown", "No such file");
    cr_expect_eq(run.status, 3);
    snprintf(data, sizeof(data), "/etc/passwd");
    doctor_offline();
    expect("directory", "unknown", "is not a directory");
    cr_expect_eq(run.status, 3);
    snprintf(data, sizeof(data), "/tmp/vow-doctor-XXXXXX");
    cr_assert_not_null(mkdtemp(data));
    doctor_offline();
    expect("journal", "warn", "has no journal");
    cr_expect_eq(rmdir(data), 0, "something was left behind");
}

Test(doctor, a_directory_in_memory)
{
    struct statfs about;
    snprintf(data, sizeof(data), "/dev/shm/vow-doctor-XXXXXX");
    if (statfs("/dev/shm", &about) != 0 || about.f_type != 0x01021994 || mkdtemp(data) == NULL)
        cr_skip_test("no file system in memory here");
    doctor_offline();
    expect("file-system", "fail", "is in memory");
    rmdir(data);
}

/* A disk without room, as a limit of the size of files: the answer goes through it, so it has room for that. */
Test(doctor, F103_a_full_disk)
{
    struct rlimit limit;
    stop_after(1);
    getrlimit(RLIMIT_FSIZE, &limit);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 32768, .rlim_max = limit.rlim_max}), 0);
    doctor_offline();
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    expect("fsync", "fail", "File too large");
    cluster_end(&cluster);
}

Test(doctor, F118_a_slow_disk)
{
    stop_after(1);
    struct faults *disk = disk_new(&cluster);
    faults_set_disk(disk, &(struct faults_disk){.sync_ms = 30});
    setenv("LD_PRELOAD", VOW_FAULTS_LIBRARY, 1);
    setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
    doctor_offline();
    unsetenv("LD_PRELOAD");
    expect("fsync", "warn", "p50");
    cr_expect_gt(faults_hits(disk, FAULTS_SLOW_SYNC), 0);
    cluster_end(&cluster);
    disk_free(disk);
}

Test(doctor, offline_is_refused_while_vowd_runs)
{
    char process[32];
    cluster_start(&cluster, 2, NULL, NULL);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    snprintf(process, sizeof(process), "in use by process %ld", (long)cluster.vowd.pid);
    doctor_offline();
    expect_schema("offline");
    expect("journal", "unknown", process);
    cr_expect_eq(run.status, 3);
    cluster_expect_alive(&cluster);
    cluster_end(&cluster);
}

/* ---- a running vowd ---- */

Test(doctor, online_and_well)
{
    cluster_init(&cluster);
    const char *const flags[] = {"--http", "127.0.0.1:0"};
    memcpy(cluster.vowd_flags, flags, sizeof(flags));
    cluster_run(&cluster, 2, NULL, NULL);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    cluster_expect_alive(&cluster);
    cluster_expect_counters(&cluster, 1);
    doctor_online();
    expect_schema("online");
    expect("coordinator", "ok", "vowd, epoch 1");
    expect("directory", "ok", data);
    expect("ports", "ok", cluster.http);
    expect("versions", "ok", VOW_SOFTWARE_VERSION);
    expect("journal", "ok", "lsn");
    expect("limits", "ok", "");
    expect("peers", "ok", "2 of 2");
    expect("in-doubt", "ok", "none for long");
    cluster_end(&cluster);
}

/* A vowd elsewhere may have the number of a process here, and a directory of that name may be here, too. */
Test(doctor, a_directory_of_another_machine)
{
    char lock[192];
    cluster_start(&cluster, 0, NULL, NULL);
    snprintf(data, sizeof(data), "%s/vowd", cluster.directory);
    snprintf(lock, sizeof(lock), "%s/lock", data);
    doctor_online();
    cr_expect_not_null(strstr(run.out, "fsync"), "%s", run.out);
    FILE *file = fopen(lock, "w");
    cr_assert_not_null(file);
    cr_assert_gt(fprintf(file, "1\n"), 0);
    cr_assert_eq(fclose(file), 0);
    doctor_online();
    expect("directory", "ok", "is not on this machine");
    cr_expect_null(strstr(run.out, "fsync"), "%s", run.out);
    cluster_end(&cluster);
}

/* Names of files are bytes: what is no UTF-8 is shown as well as JSON can. */
Test(doctor, F177_a_directory_whose_name_is_no_text)
{
    cluster_init(&cluster);
    snprintf(data, sizeof(data), "%s/d\xff", cluster.directory);
    const char *const flags[] = {"--data", data};
    memcpy(cluster.vowd_flags, flags, sizeof(flags));
    cluster_run(&cluster, 0, NULL, NULL);
    doctor_online();
    expect_schema("online");
    expect("coordinator", "ok", "vowd, epoch 1");
    expect("directory", "ok", "/d?");
    cr_assert_eq(process_end(&cluster.vowd), 0);
    doctor_offline();
    expect_schema("offline");
    expect("directory", "ok", "/d?");
    cluster_end(&cluster);
}

Test(doctor, nobody_answers)
{
    cluster_start(&cluster, 0, NULL, NULL);
    process_end(&cluster.vowd);
    doctor_online();
    expect_schema("online");
    expect("coordinator", "unknown", cluster.address);
    cr_expect_eq(run.status, 3);
    cluster_end(&cluster);
}

Test(doctor, a_transaction_that_is_stuck)
{
    char id[VOW_GTRID_TEXT_SIZE];
    cluster_init(&cluster);
    const char *const flags[] = {"--ack-timeout", "1", "--ack-timeout-max", "1"};
    memcpy(cluster.vowd_flags, flags, sizeof(flags));
    cluster_run(&cluster, 2, NULL, STRAND_AT);
    struct vow_gtrid gtrid = cluster_strand(&cluster);
    vow_gtrid_to_text(&gtrid, id);
    do
        doctor_online();
    while (find("in-doubt", "warn", id) == NULL);
    expect("in-doubt", "warn", "waits for s0 (not connected)");
    expect("peers", "fail", "s0 is not connected");
    expect("peers", "fail", "1 unfinished transactions wait for it");
    expect("peers", "ok", "1 of 2");
    cr_expect_eq(run.status, 1);
    service_start(&cluster, 0, NULL);
    cluster_expect_counters(&cluster, 1);
    do
        doctor_online();
    while (find("peers", "ok", "2 of 2") == NULL || find("in-doubt", "ok", "") == NULL);
    cluster_end(&cluster);
}

Test(doctor, F119_a_disk_that_hangs)
{
    struct commit commit;
    cluster_init(&cluster);
    struct faults *disk = disk_new(&cluster);
    const char *const flags[] = {"--journal-stall", "50"};
    memcpy(cluster.vowd_flags, flags, sizeof(flags));
    cluster_run(&cluster, 1, NULL, NULL);
    disk_hang(disk, true);
    commit_start_all(&cluster, &commit, "add");
    do
        doctor_online();
    while (find("journal", "fail", "no progress") == NULL);
    disk_hang(disk, false);
    commit_wait(&cluster, &commit);
    cluster_end(&cluster);
    disk_free(disk);
}

/* ---- for people ---- */

Test(doctor, what_it_prints)
{
    const char *argv[] = {VOW_BIN "/vowctl", "doctor", "--data", data, NULL};
    stop_after(1);
    cr_assert_eq(chmod(data, 0777), 0);
    run_program(&run, argv);
    cr_expect_eq(run.status, 1, "%s", run.err);
    cr_expect_eq(lines_with(run.out, "fail ", " directory  "), 1, "%s", run.out);
    cr_expect_eq(lines_with(run.out, "-> chmod 700", ""), 1, "%s", run.out);
    cr_expect_eq(lines_with(run.out, "ok ", " journal  "), 1, "%s", run.out);
    cluster_end(&cluster);
}
