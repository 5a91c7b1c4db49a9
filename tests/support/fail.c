#include "fail_private.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/error.h"

/* Of one run. */
#define CALLS_MAX 20000

unsigned fail_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    unsigned count = 0;

    cr_assert_not_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static bool is_allowed(const int *errors, int error)
{
    if (error == 0)
        return true;
    while (*errors != 0 && *errors != error)
        errors++;
    return *errors == error;
}

/* One run with the nth call failing. Returns how many calls there were. */
static unsigned run_once(enum fail_kind kind, enum fail_mode mode, unsigned nth, const struct fail_case *subject,
                         void *ctx)
{
    unsigned descriptors = fail_descriptors(), made;
    int error;

    if (subject->before != NULL)
        subject->before(ctx);
    fail_arm(kind, mode, nth);
    error = subject->run(ctx);
    made = fail_disarm();
    cr_assert(is_allowed(subject->errors, error), "call %u (%s%s): %s: %s", nth, fail_name(),
              mode == FAIL_FOR_GOOD ? ", and all after it" : "", vow_error_name(error),
              subject->why != NULL ? subject->why : "");
    cr_assert(error == 0 || made >= nth, "%s, and nothing has failed", vow_error_name(error));
    subject->after(ctx, error);
    cr_assert_eq(fail_descriptors(), descriptors, "call %u (%s): a descriptor is lost", nth, fail_name());
    return made;
}

int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static void expect_no_leak(void)
{
    cr_assert(__lsan_do_recoverable_leak_check == NULL || __lsan_do_recoverable_leak_check() == 0, "memory is lost");
}

/* --- Which calls fail --- */

static uint64_t places[CALLS_MAX];

/*
 * A sample: of the calls that come from one place of the program the first; and, if the others then go well, the
 * second, the fourth and so on, and the last. There are thousands of calls, and most are within SQLite and answered in
 * the same line of ours.
 */
static bool is_in_sample(enum fail_mode mode, unsigned nth, unsigned all)
{
    unsigned before = 0, after = 0;

    for (unsigned i = 0; i < all; i++) {
        if (places[i] == places[nth - 1]) {
            before += i + 1 < nth;
            after += i + 1 > nth;
        }
    }
    if (mode == FAIL_FOR_GOOD)
        return before == 0;
    return after == 0 || (before & (before - 1)) == 0;
}

/* Which of a sample run, if not all. */
static unsigned sample_step(enum fail_mode mode, unsigned all, unsigned runs_max)
{
    unsigned size = 0;

    for (unsigned nth = 1; nth <= all; nth++)
        size += is_in_sample(mode, nth, all);
    return runs_max > 0 && size > runs_max ? (size + runs_max - 1) / runs_max : 1;
}

/* The first run warms up what libraries keep for good; the second says how many calls there are, and whence. */
static unsigned count_calls(enum fail_kind kind, enum fail_mode mode, const struct fail_case *subject, void *ctx)
{
    unsigned all;

    (void)run_once(kind, mode, UINT_MAX, subject, ctx);
    fail_note_places(places, CALLS_MAX);
    all = run_once(kind, mode, UINT_MAX, subject, ctx);
    fail_note_places(NULL, 0);
    cr_assert_leq(all, CALLS_MAX);
    return all;
}

void fail_sweep(enum fail_kind kind, const struct fail_case *subject, void *ctx)
{
    bool is_sample = getenv("VOW_FAIL_ALL") == NULL;

    for (enum fail_mode mode = FAIL_ONCE; mode <= (subject->is_once_only ? FAIL_ONCE : FAIL_FOR_GOOD); mode++) {
        unsigned all = count_calls(kind, mode, subject, ctx), runs = 0, seen = 0;
        unsigned step = is_sample ? sample_step(mode, all, subject->runs_max) : 1;

        for (unsigned nth = 1; nth <= all; nth++) {
            if (is_sample && (!is_in_sample(mode, nth, all) || seen++ % step != 0))
                continue;
            (void)run_once(kind, mode, nth, subject, ctx);
            runs++;
        }
        cr_log_info("%u calls, %u of them failed", all, runs);
    }
    expect_no_leak();
}

const char *fail_parent(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
    (void)status, (void)flag, (void)ftw;
    return remove(path);
}

void fail_remove(const char *path)
{
    cr_assert_eq(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}
