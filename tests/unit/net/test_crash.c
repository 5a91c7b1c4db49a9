#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/error.h"
#include "proto/net/crash.h"

TestSuite(crash);

#ifdef VOW_CRASH_POINTS

static int init_with(const char *value)
{
    setenv("VOW_CRASH_AT", value, 1);
    return vow_crash_init();
}

Test(crash, does_nothing_unless_armed)
{
    unsetenv("VOW_CRASH_AT");
    cr_assert_eq(vow_crash_init(), 0);
    VOW_CRASH("send", "before", "PREPARE");
}

Test(crash, kills_at_the_point, .signal = SIGKILL)
{
    cr_assert_eq(init_with("send.before.PREPARE"), 0);
    VOW_CRASH("send", "before", "PREPARE");
}

Test(crash, of_several_points_the_first_that_is_met_counts)
{
    cr_assert_eq(init_with("log.after.COMMIT@2,send.before.PREPARE,log.after.END"), 0);
    cr_assert_eq(vow_crash_hit("log", "after", "COMMIT"), 0);
    cr_assert_eq(vow_crash_hit("log", "before", "END"), 0);
    cr_assert_neq(vow_crash_hit("send", "before", "PREPARE"), 0);
    cr_assert_neq(vow_crash_hit("log", "after", "COMMIT"), 0);
    cr_assert_eq(vow_crash_arm("log.after.END@2"), 0);
    cr_assert_eq(vow_crash_hit("send", "before", "PREPARE"), 0);
    cr_assert_eq(vow_crash_hit("log", "after", "END"), 0);
    cr_assert_neq(vow_crash_hit("log", "after", "END"), 0);
}

/* What a run has met, without being armed: each point once in each life. */
Test(crash, points_that_are_met_are_added_to_a_file)
{
    char path[] = "/tmp/vow-crash-XXXXXX", text[100] = "";
    close(mkstemp(path));
    unsetenv("VOW_CRASH_AT");
    setenv("VOW_CRASH_MET", path, 1);
    for (int life = 0; life < 2; life++) {
        int status;
        const pid_t child = fork();
        if (child == 0) {
            (void)vow_crash_init();
            VOW_CRASH("send", "before", "PREPARE");
            VOW_CRASH("log", "after", "COMMIT");
            VOW_CRASH("send", "before", "PREPARE");
            _exit(0);
        }
        cr_assert_eq(waitpid(child, &status, 0), child);
    }
    FILE *file = fopen(path, "r");
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    unlink(path);
    cr_expect_str_eq(text, "send.before.PREPARE\nlog.after.COMMIT\nsend.before.PREPARE\nlog.after.COMMIT\n");
}

/* Whoever armed it tells it from any other SIGKILL by that (docs/chaos.md). */
Test(crash, leaves_a_note_before_it_kills)
{
    char path[] = "/tmp/vow-crash-XXXXXX", note[100] = "", wanted[100];
    int status;
    close(mkstemp(path));
    setenv("VOW_CRASH_NOTE", path, 1);
    cr_assert_eq(init_with("send.before.PREPARE@2"), 0);
    const pid_t child = fork();
    if (child == 0) {
        VOW_CRASH("send", "before", "PREPARE");
        VOW_CRASH("send", "before", "PREPARE");
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    FILE *file = fopen(path, "r");
    cr_expect_not_null(fgets(note, sizeof(note), file));
    fclose(file);
    unlink(path);
    snprintf(wanted, sizeof(wanted), "%ld send.before.PREPARE\n", (long)child);
    cr_expect_str_eq(note, wanted);
}

Test(crash, passes_other_points_by)
{
    cr_assert_eq(init_with("send.before.PREPARE"), 0);
    VOW_CRASH("send", "after", "PREPARE");
    VOW_CRASH("send", "before", "PREPARED");
    VOW_CRASH("log", "before", "PREPARE");
}

Test(crash, hits_exactly_the_Nth_meeting)
{
    cr_assert_eq(init_with("log.after.COMMIT@3"), 0);
    cr_assert_eq(vow_crash_hit("log", "after", "COMMIT"), 0);
    cr_assert_eq(vow_crash_hit("log", "before", "COMMIT"), 0);
    cr_assert_eq(vow_crash_hit("log", "after", "COMMIT"), 0);
    cr_assert_neq(vow_crash_hit("log", "after", "COMMIT"), 0);
    cr_assert_eq(vow_crash_hit("log", "after", "COMMIT"), 0);
}

Test(crash, refuses_a_value_that_is_no_point)
{
    static const char *const bad[] = {"",   "@1", "name@", "name@0", "name@x", "name@1x", "name@-1", "two names",
                                      "a*", ",",  "a,",    ",a",     "a,,b",   "a@2,b@",  "a b,c"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(init_with(bad[i]), VOW_E_ARGUMENT, "%s", bad[i]);
}

/* A value that is no point is refused every time, not only when it is first read. */
Test(crash, goes_on_refusing_a_value_that_is_no_point)
{
    cr_assert_eq(init_with("two names"), VOW_E_ARGUMENT);
    cr_assert_eq(vow_crash_init(), VOW_E_ARGUMENT);
}

static void note_name(void *ctx, const char *name)
{
    snprintf(ctx, VOW_CRASH_NAME_SIZE, "%s", name);
}

Test(crash, a_hook_is_called_in_place_of_the_death)
{
    char name[VOW_CRASH_NAME_SIZE] = "";
    vow_crash_set_hook(note_name, name);
    cr_assert_eq(vow_crash_arm("pay.before.update@2"), 0);
    VOW_CRASH("pay", "before", "update");
    cr_assert_str_eq(name, "");
    VOW_CRASH("pay", "before", "update");
    cr_assert_str_eq(name, "pay.before.update");
    cr_assert_eq(vow_crash_arm(NULL), 0);
    name[0] = '\0';
    VOW_CRASH("pay", "before", "update");
    cr_assert_str_eq(name, "");
}

static void add_met(void *ctx, const char *name, unsigned long times)
{
    char *text = ctx;
    snprintf(text + strlen(text), 100, "%s*%lu ", name, times);
}

Test(crash, points_that_are_met_are_written_down)
{
    char text[300] = "";
    vow_crash_hit_named("before");
    vow_crash_record(true);
    vow_crash_hit_named("b");
    vow_crash_hit("a", "b", "c");
    vow_crash_hit_named("b");
    vow_crash_each_met(add_met, text);
    cr_assert_str_eq(text, "b*2 a.b.c*1 ");
    vow_crash_record(false);
    text[0] = '\0';
    vow_crash_each_met(add_met, text);
    cr_assert_str_eq(text, "");
}

#endif
