#include <criterion/criterion.h>
#include <signal.h>

#include "proto/assert.h"
#include "proto/gtrid.h"

Test(assert, holds)
{
    VOW_ASSERT(1 + 1 == 2);
    VOW_IMPLIES(0, 0);
    VOW_IMPLIES(0, 1);
    VOW_IMPLIES(1, 1);
}

Test(assert, ends_the_process, .signal = SIGABRT)
{
    VOW_ASSERT(1 + 1 == 3);
}

Test(assert, implication_ends_the_process, .signal = SIGABRT)
{
    VOW_IMPLIES(1, 0);
}

Test(assert, unreachable_ends_the_process, .signal = SIGABRT)
{
    VOW_UNREACHABLE("this is what the test is about");
}

Test(assert, too_large_a_coordinator_id, .signal = SIGABRT)
{
    vow_gtrid_make(VOW_COORD_MAX + 1, 0, 0, 0, 0);
}

Test(assert, too_large_a_sequence_number, .signal = SIGABRT)
{
    vow_gtrid_make(0, 0, VOW_SEQ_MAX + 1, 0, 0);
}
