/*
 * The data directory is not what vowd left: vowd says what it found and what to do, exits 1, and changes nothing. What
 * was decided in the lost part must never be read as "no record, so abort".
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "kit.h"

static const char vowd_program[] = VOW_BIN "/vowd";

TestSuite(vowd_damage, .timeout = 60);

/* ---- files ---- */

struct file {
    char path[512];
    uint8_t *bytes;
    size_t len;
};

static struct file read_file(const struct cluster *cluster, const char *name)
{
    struct file file;
    struct stat status;
    snprintf(file.path, sizeof(file.path), "%s/vowd/%s", cluster->directory, name);
    int fd = open(file.path, O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && fstat(fd, &status) == 0, "%s", file.path);
    file.len = (size_t)status.st_size;
    file.bytes = malloc(file.len + 1);
    cr_assert_eq(read(fd, file.bytes, file.len), (ssize_t)file.len);
    close(fd);
    return file;
}

static void write_file(const struct file *file)
{
    int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, file->bytes, file->len), (ssize_t)file->len);
    close(fd);
}

/* ---- starts that are refused ---- */

/* Tries to start vowd on the directory as it is now: one line on stderr that has both words, and no byte changed. */
static void expect_refused(struct cluster *cluster, const char *name, const char *found, const char *advice)
{
    static struct run run;
    char data[160];
    snprintf(data, sizeof(data), "%s/vowd", cluster->directory);
    const char *argv[] = {vowd_program,  "--data", data,  "--listen",
                          "127.0.0.1:0", "--http", "off", name != NULL ? "--name" : NULL,
                          name,          NULL};
    uint64_t before = directory_sum(data);
    run_program(&run, argv);
    cr_expect_eq(run.status, 1, "exit status %d: %s", run.status, run.err);
    cr_expect_str_empty(run.out);
    cr_expect_eq(lines_with(run.err, "", ""), 1, "%s", run.err);
    cr_expect_not_null(strstr(run.err, found), "no \"%s\" in: %s", found, run.err);
    cr_expect_not_null(strstr(run.err, advice), "no \"%s\" in: %s", advice, run.err);
    cr_expect_eq(directory_sum(data), before, "the directory was changed");
}

/* The same for a directory whose files cannot be summed. */
static void expect_start_refused(const struct cluster *cluster, const char *found)
{
    static struct run run;
    char data[160];
    snprintf(data, sizeof(data), "%s/vowd", cluster->directory);
    const char *argv[] = {vowd_program, "--data", data, "--listen", "127.0.0.1:0", "--http", "off", NULL};
    run_program(&run, argv);
    cr_expect_eq(run.status, 1, "exit status %d: %s", run.status, run.err);
    cr_expect_eq(lines_with(run.err, "", ""), 1, "%s", run.err);
    cr_expect_not_null(strstr(run.err, found), "no \"%s\" in: %s", found, run.err);
}

static void add_transactions(struct cluster *cluster, int count)
{
    for (int i = 0; i < count; i++)
        cluster_expect_alive(cluster);
}

/* A directory of a vowd that has run and has ended well. */
static void start_and_stop(struct cluster *cluster)
{
    cluster_start(cluster, 2, NULL, NULL);
    add_transactions(cluster, 3);
    cluster_expect_counters(cluster, 3);
    cr_assert_eq(process_end(&cluster->vowd), 0);
}

/* With the true file back, all is as it was. */
static void expect_good_again(struct cluster *cluster, struct file *truth)
{
    if (truth != NULL) {
        write_file(truth);
        free(truth->bytes);
    }
    vowd_start(cluster, NULL);
    add_transactions(cluster, 1);
    cluster_expect_counters(cluster, 4);
    cluster_end(cluster);
}

/* The last page has events; the first has the schema. Every byte of an event counts, whichever it is. */
Test(vowd_damage, F103_a_flipped_bit_in_the_log)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    struct file journal = read_file(&cluster, "journal.db");
    uint8_t *name = memmem(journal.bytes, journal.len, "s1", 2); /* in a yes-list */
    cr_assert_not_null(name);
    name[0] ^= 1;
    write_file(&journal);
    expect_refused(&cluster, NULL, "the log is damaged", "restore journal.db");
    name[0] ^= 1;
    journal.bytes[0] ^= 1; /* SQLite's own header */
    write_file(&journal);
    expect_refused(&cluster, NULL, "the log is damaged", "restore journal.db");
    journal.bytes[0] ^= 1;
    expect_good_again(&cluster, &journal);
}

Test(vowd_damage, the_log_is_gone)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    struct file journal = read_file(&cluster, "journal.db");
    unlink(journal.path);
    expect_refused(&cluster, NULL, "journal.db is missing", "restore the newest journal");
    expect_good_again(&cluster, &journal);
}

Test(vowd_damage, the_log_is_cut_off)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    struct file journal = read_file(&cluster, "journal.db"), cut = journal;
    cut.len -= 4096;
    write_file(&cut);
    expect_refused(&cluster, NULL, "the log is damaged", "restore journal.db");
    cut.len = 0;
    write_file(&cut);
    expect_refused(&cluster, NULL, "missing or empty", "restore the newest journal");
    expect_good_again(&cluster, &journal);
}

Test(vowd_damage, the_witness_is_gone)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    struct file witness = read_file(&cluster, "witness");
    unlink(witness.path);
    expect_refused(&cluster, NULL, "witness is missing", "restore the witness");
    expect_good_again(&cluster, &witness);
}

Test(vowd_damage, the_witness_is_garbage)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    struct file witness = read_file(&cluster, "witness"), bad = witness;
    bad.bytes = calloc(1, bad.len);
    write_file(&bad);
    free(bad.bytes);
    expect_refused(&cluster, NULL, "neither of its two slots is good", "restore this file");
    expect_good_again(&cluster, &witness);
}

Test(vowd_damage, F023_an_older_copy_is_put_back)
{
    struct cluster cluster;
    cluster_start(&cluster, 2, NULL, NULL);
    add_transactions(&cluster, 1);
    cluster_expect_counters(&cluster, 1);
    cr_assert_eq(process_end(&cluster.vowd), 0);
    struct file older = read_file(&cluster, "journal.db");
    vowd_start(&cluster, NULL);
    add_transactions(&cluster, 2);
    cluster_expect_counters(&cluster, 3);
    cr_assert_eq(process_end(&cluster.vowd), 0);
    struct file newest = read_file(&cluster, "journal.db");
    write_file(&older);
    free(older.bytes);
    expect_refused(&cluster, NULL, "the log ends before its witness", "restore the newest journal");
    expect_good_again(&cluster, &newest);
}

/* ---- a journal that is none ---- */

static void replace_file(const struct cluster *cluster, const char *name, const char *text)
{
    struct file file = {.bytes = (uint8_t *)text, .len = strlen(text)};
    snprintf(file.path, sizeof(file.path), "%s/vowd/%s", cluster->directory, name);
    write_file(&file);
}

Test(vowd_damage, a_journal_that_is_no_database)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    struct file journal = read_file(&cluster, "journal.db");
    replace_file(&cluster, "journal.db", "Dear operator, this was never a database, and it is long enough to look.\n");
    expect_refused(&cluster, NULL, "journal.db", "restore journal.db");
    replace_file(&cluster, "journal.db", "");
    expect_refused(&cluster, NULL, "journal.db", "restore");
    expect_good_again(&cluster, &journal);
}

/* Where a file should be there is a directory, or a link that leads nowhere. */
Test(vowd_damage, a_journal_that_is_no_file)
{
    struct cluster cluster;
    char path[192];
    start_and_stop(&cluster);
    struct file journal = read_file(&cluster, "journal.db");
    cr_assert_eq(unlink(journal.path), 0);
    cr_assert_eq(symlink("/nowhere/at/all", journal.path), 0);
    expect_start_refused(&cluster, "journal.db");
    cr_assert_eq(unlink(journal.path), 0);
    cr_assert_eq(mkdir(journal.path, 0700), 0);
    expect_start_refused(&cluster, "journal.db");
    cr_assert_eq(rmdir(journal.path), 0);
    write_file(&journal);
    snprintf(path, sizeof(path), "%s/vowd/lock", cluster.directory);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkdir(path, 0700), 0);
    expect_start_refused(&cluster, "lock");
    cr_assert_eq(rmdir(path), 0);
    expect_good_again(&cluster, &journal);
}

Test(vowd_damage, a_journal_of_a_newer_version)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    struct file journal = read_file(&cluster, "journal.db");
    uint8_t *version = journal.bytes + 60; /* PRAGMA user_version, big-endian, in SQLite's header */
    uint8_t now = version[3];
    version[3] = 200;
    write_file(&journal);
    expect_refused(&cluster, NULL, "was written by a newer version", "use the version that wrote it or a newer one");
    version[3] = now;
    expect_good_again(&cluster, &journal);
}

/* A database of somebody else is left alone. */
Test(vowd_damage, a_database_of_another_program)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    struct file journal = read_file(&cluster, "journal.db");
    journal.bytes[68] ^= 1; /* PRAGMA application_id */
    write_file(&journal);
    expect_refused(&cluster, NULL, "is not a Vow journal", "choose another directory");
    journal.bytes[68] ^= 1;
    expect_good_again(&cluster, &journal);
}

/* The same after a SIGKILL: the newest events are in the -wal, and it is lost. */
Test(vowd_damage, F023_the_wal_is_lost)
{
    struct cluster cluster;
    cluster_start(&cluster, 2, NULL, NULL);
    add_transactions(&cluster, 3);
    cluster_expect_counters(&cluster, 3);
    process_kill(&cluster.vowd);
    struct file wal = read_file(&cluster, "journal.db-wal");
    unlink(wal.path);
    expect_refused(&cluster, NULL, "", "restore");
    expect_good_again(&cluster, &wal);
}

Test(vowd_damage, F022_the_directory_of_another_coordinator)
{
    struct cluster cluster;
    start_and_stop(&cluster);
    expect_refused(&cluster, "other", "not the peer that was expected", "use its name or another directory");
    expect_good_again(&cluster, NULL);
}
