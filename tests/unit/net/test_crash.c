#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>

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
    static const char *const bad[] = {"", "@1", "name@", "name@0", "name@x", "name@1x", "name@-1", "two names", "a*"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(init_with(bad[i]), VOW_E_ARGUMENT, "%s", bad[i]);
}

#endif
