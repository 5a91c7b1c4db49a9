/* Faults inside a process, seen from outside: a program that knows nothing of them says how its calls went. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chaos/preload/faults.h"
#include "chaos/preload/limits.h"
#include "proto/error.h"

TestSuite(preload, .timeout = 60);

static struct faults *faults;
static char folder[64], control[96], data[96], text[600];
static FILE *to, *from;
static pid_t probe;

static void become_probe(int in, int out)
{
    dup2(in, 0);
    dup2(out, 1);
    setenv("VOW_FAULTS", control, 1);
    setenv("LD_PRELOAD", VOW_FAULTS_LIBRARY ":" VOW_MEMORY_LIBRARY, 1);
    execl(VOW_PRELOAD_PROBE, VOW_PRELOAD_PROBE, (char *)NULL);
    _exit(127);
}

static void start_probe(void)
{
    int in[2], out[2];

    cr_assert(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    probe = fork();
    cr_assert_geq(probe, 0);
    if (probe == 0)
        become_probe(in[0], out[1]);
    close(in[0]);
    close(out[1]);
    to = fdopen(in[1], "w");
    from = fdopen(out[0], "r");
}

static void end_probe(void)
{
    fclose(to);
    fclose(from);
    cr_assert_eq(waitpid(probe, NULL, 0), probe);
}

static void begin(void)
{
    snprintf(folder, sizeof(folder), "/var/tmp/vow-preload-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(control, sizeof(control), "%s/control", folder);
    snprintf(data, sizeof(data), "%s/data", folder);
    cr_assert_eq(mkdir(data, 0700), 0);
    cr_assert_eq(faults_new(control, data, &faults), 0);
    start_probe();
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *at)
{
    (void)about, (void)type, (void)at;
    return remove(path);
}

static void end(void)
{
    end_probe();
    faults_free(faults);
    cr_assert_eq(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void ask(const char *deed, const char *argument)
{
    fprintf(to, "%s %s\n", deed, argument);
    fflush(to);
}

static const char *answer(void)
{
    cr_assert_not_null(fgets(text, sizeof(text), from), "the probe has ended");
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void expect(const char *deed, const char *argument, const char *wanted)
{
    ask(deed, argument);
    cr_expect_str_eq(answer(), wanted, "%s %s: %s", deed, argument, text);
}

static void open_file(const char *root, const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    expect("open", path, "0");
}

static void set(struct faults_disk disk)
{
    faults_set_disk(faults, &disk);
}

static void expect_hits(enum faults_kind kind, uint64_t hits)
{
    cr_expect_eq(faults_hits(faults, kind), hits, "%s: %lu", faults_name(kind),
                 (unsigned long)faults_hits(faults, kind));
}

static void expect_no_hits(void)
{
    for (int kind = 0; kind < FAULTS_LEN; kind++)
        expect_hits((enum faults_kind)kind, 0);
}

Test(preload, good_disk)
{
    begin();
    open_file(data, "file");
    expect("write", "1000", "1000");
    expect("append", "24", "24");
    expect("read", "1010", "14");
    expect("fsync", "", "0");
    expect("fdatasync", "", "0");
    expect("truncate", "10", "0");
    expect("allocate", "5000", "0");
    expect_no_hits();
    end();
}

/* On and off while it runs, and only for the files that are meant: not for the next folder, whose name begins alike. */
Test(preload, writes_that_fail_and_where)
{
    char other[128];

    begin();
    snprintf(other, sizeof(other), "%s-of-others", data);
    cr_assert_eq(mkdir(other, 0700), 0);
    open_file(data, "file");
    set((struct faults_disk){.write_fails = true});
    expect_no_hits();
    expect("write", "10", "EIO");
    expect("append", "10", "EIO");
    expect("truncate", "0", "EIO");
    expect("read", "0", "0");
    expect("fsync", "", "0");
    expect_hits(FAULTS_WRITE_ERROR, 3);
    open_file(other, "file");
    expect("write", "10", "10");
    open_file(data, "file");
    set((struct faults_disk){.write_fails = false});
    expect("write", "10", "10");
    expect_hits(FAULTS_WRITE_ERROR, 3);
    end();
}

Test(preload, reads_that_fail)
{
    begin();
    open_file(data, "file");
    expect("write", "10", "10");
    set((struct faults_disk){.read_fails = true});
    expect("read", "0", "EIO");
    expect("write", "10", "10");
    expect_hits(FAULTS_READ_ERROR, 1);
    end();
}

Test(preload, syncs_that_fail)
{
    begin();
    open_file(data, "file");
    set((struct faults_disk){.sync_fails = true});
    expect("write", "10", "10");
    expect("fsync", "", "EIO");
    expect("fdatasync", "", "EIO");
    expect_hits(FAULTS_SYNC_ERROR, 2);
    end();
}

/* What is there may be written again; a write that fits in part is done in part. */
Test(preload, full_after_so_many_bytes)
{
    begin();
    open_file(data, "file");
    expect("write", "1000", "1000");
    set((struct faults_disk){.has_room = true, .room = 100});
    expect("append", "60", "60");
    expect_hits(FAULTS_NO_SPACE, 0);
    expect("append", "60", "40");
    expect("append", "1", "ENOSPC");
    expect("overwrite", "1100", "1100");
    expect("overwrite", "500", "500");
    expect("overwrite", "1200", "1100");
    expect("allocate", "1200", "ENOSPC");
    expect("fsync", "", "0");
    expect_hits(FAULTS_NO_SPACE, 4);
    set((struct faults_disk){.has_room = true, .room = 5});
    expect("allocate", "1200", "ENOSPC");
    expect_hits(FAULTS_NO_SPACE, 5);
    expect("append", "5", "5");
    set((struct faults_disk){.has_room = false});
    expect("append", "5000", "5000");
    end();
}

/* A write that fails, whoever lets it fail, has made nothing longer; and neither has one whose place is behind the room
 * that is left. */
Test(preload, what_was_not_written_takes_no_room)
{
    char path[160];

    begin();
    open_file(data, "file");
    set((struct faults_disk){.has_room = true, .room = 100});
    snprintf(path, sizeof(path), "%s/file", data);
    expect("open_to_read", path, "0");
    expect("append", "60", "EBADF");
    expect("write", "60", "EBADF");
    open_file(data, "file");
    expect("beyond", "200", "ENOSPC");
    expect("append", "100", "100");
    expect("append", "1", "ENOSPC");
    expect_hits(FAULTS_NO_SPACE, 2);
    set((struct faults_disk){.has_room = true, .room = 100});
    expect("beyond", "95", "5");
    expect("append", "1", "ENOSPC");
    end();
}

/* open() has a mode only where it makes a file, and O_TMPFILE has the bit of O_DIRECTORY. */
Test(preload, opening_a_folder_and_a_file_without_a_name)
{
    begin();
    expect("folder", data, "0");
    expect("nameless", data, "384"); /* 0600 */
    set((struct faults_disk){.is_read_only = true});
    expect("folder", data, "0");
    expect("nameless", data, "EROFS");
    end();
}

/* It says so to who asks before writing. */
Test(preload, full_is_seen)
{
    begin();
    ask("free", data);
    const long long before = strtoll(answer(), NULL, 10);
    set((struct faults_disk){.has_room = true, .room = 1 << 20});
    ask("free", data);
    const long long now = strtoll(answer(), NULL, 10);
    cr_expect(now <= 1 << 20 && now < before, "%lld of %lld", now, before);
    end();
}

Test(preload, read_only)
{
    char path[160], none[160];

    begin();
    snprintf(path, sizeof(path), "%s/file", data);
    snprintf(none, sizeof(none), "%s/none", data);
    open_file(data, "file");
    expect("write", "10", "10");
    set((struct faults_disk){.is_read_only = true});
    expect("write", "10", "EROFS");
    expect("read", "0", "10");
    expect("rename", path, "EROFS");
    expect("unlink", path, "EROFS");
    expect("mkdir", none, "EROFS");
    expect("open", none, "EROFS");
    expect_hits(FAULTS_READ_ONLY, 5);
    set((struct faults_disk){.is_read_only = false});
    expect("unlink", path, "0");
    end();
}

static void wait_for(enum faults_kind kind)
{
    while (faults_hits(faults, kind) == 0)
        sched_yield();
}

/* Who is woken runs at once; so when it sleeps again, it has looked at what changed. */
static void wait_until_asleep(void)
{
    char path[64], state = 'R';

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)probe);
    while (state != 'S') {
        FILE *stat = fopen(path, "r");

        cr_assert(stat != NULL && fscanf(stat, "%*d %*s %c", &state) == 1);
        fclose(stat);
    }
}

Test(preload, sync_hangs_until_it_is_mended)
{
    begin();
    open_file(data, "file");
    set((struct faults_disk){.hangs = true});
    ask("fdatasync", "");
    wait_for(FAULTS_SYNC_HUNG);
    wait_until_asleep();
    set((struct faults_disk){.hangs = true, .write_fails = true}); /* a change that mends nothing */
    wait_until_asleep();
    fcntl(fileno(from), F_SETFL, O_NONBLOCK);
    cr_expect_null(fgets(text, sizeof(text), from), "it has returned");
    clearerr(from);
    fcntl(fileno(from), F_SETFL, 0);
    set((struct faults_disk){.hangs = false});
    cr_expect_str_eq(answer(), "0");
    expect_hits(FAULTS_SYNC_HUNG, 1);
    end();
}

/* A process that hangs can be killed; its next life finds the disk as it is. */
Test(preload, the_next_life_meets_the_same)
{
    begin();
    open_file(data, "file");
    set((struct faults_disk){.hangs = true});
    ask("fsync", "");
    wait_for(FAULTS_SYNC_HUNG);
    kill(probe, SIGKILL);
    end_probe();
    set((struct faults_disk){.sync_fails = true});
    start_probe();
    open_file(data, "file");
    expect("fsync", "", "EIO");
    expect_hits(FAULTS_SYNC_HUNG, 1);
    end();
}

/* An hour, if nobody mended it: the test waits for the change, not for the time. */
Test(preload, slow_sync_goes_on_when_it_is_mended)
{
    begin();
    open_file(data, "file");
    set((struct faults_disk){.sync_ms = 3600000});
    ask("fsync", "");
    wait_for(FAULTS_SLOW_SYNC);
    set((struct faults_disk){.sync_ms = 0});
    cr_expect_str_eq(answer(), "0");
    set((struct faults_disk){.sync_ms = 1});
    expect("fdatasync", "", "0");
    expect_hits(FAULTS_SLOW_SYNC, 2);
    end();
}

static long long ask_number(const char *deed)
{
    ask(deed, "");
    return strtoll(answer(), NULL, 10);
}

Test(preload, wall_clock_jumps)
{
    static const int64_t years = 10LL * 365 * 86400;

    begin();
    const long long at = (long long)time(NULL), ticks = ask_number("monotonic");
    cr_expect_geq(ask_number("time"), at);
    expect_no_hits();
    faults_set_clock(faults, years * 1000000);
    cr_expect_geq(ask_number("time"), at + years);
    cr_expect_lt(ask_number("monotonic"), ticks + 3600);
    faults_set_clock(faults, -3600500000);
    cr_expect(ask_number("time") < (long long)time(NULL) - 3599);
    cr_expect(ask_number("monotonic") - ticks < 3600);
    cr_expect_gt(faults_hits(faults, FAULTS_CLOCK_JUMP), 0);
    end();
}

Test(preload, descriptors_run_out)
{
    begin();
    cr_expect_eq(ask_number("descriptors"), 256);
    cr_assert_eq(limits_set(probe, LIMITS_DESCRIPTORS, 16), 0);
    cr_expect_lt(ask_number("descriptors"), 16);
    expect_hits(FAULTS_NO_DESCRIPTORS, 1);
    cr_assert_eq(limits_lift(probe, LIMITS_DESCRIPTORS), 0);
    cr_expect_eq(ask_number("descriptors"), 256);
    expect_hits(FAULTS_NO_DESCRIPTORS, 1);
    end();
}

Test(preload, F142_memory_runs_out)
{
    uint64_t now;

    begin();
    cr_expect_eq(ask_number("memory"), 64);
    cr_assert_eq(limits_memory(probe, &now), 0);
    cr_assert_eq(limits_set(probe, LIMITS_MEMORY, now + (8 << 20)), 0);
    expect_no_hits();
    cr_expect_leq(ask_number("memory"), 8);
    expect_hits(FAULTS_NO_MEMORY, 1);
    cr_assert_eq(limits_lift(probe, LIMITS_MEMORY), 0);
    cr_expect_eq(ask_number("memory"), 64);
    expect_hits(FAULTS_NO_MEMORY, 1);
    end();
    cr_expect_eq(limits_memory(probe, &now), VOW_E_SYSTEM);
}

Test(preload, library_lies_beside_the_programs)
{
    char path[512], real[PATH_MAX], wanted[PATH_MAX];

    cr_assert_eq(faults_library(path, sizeof(path)), 0);
    cr_assert(realpath(path, real) != NULL && realpath(VOW_FAULTS_LIBRARY, wanted) != NULL);
    cr_expect_str_eq(real, wanted);
    cr_expect_eq(faults_library(path, 8), VOW_E_NOT_FOUND);
    cr_assert_eq(faults_memory_library(path, sizeof(path)), 0);
    cr_assert(realpath(path, real) != NULL && realpath(VOW_MEMORY_LIBRARY, wanted) != NULL);
    cr_expect_str_eq(real, wanted);
}

Test(preload, control_that_cannot_be_made)
{
    cr_expect_eq(faults_new("/var/tmp/vow-none/control", "/var/tmp", &faults), VOW_E_IO);
    cr_expect_null(faults);
}
