/* F142: a record of the journal for which there is no memory is no bug of ours: the process stops with a word. */
#include <criterion/criterion.h>

#include "coordinator/server/internal.h"
#include "fail.h"

Test(failing_record, F142_no_memory_stops, .exit_code = VOW_SERVER_EXIT_FAILED)
{
    static struct vow_server without_ops;

    fail_arm(FAIL_MEMORY, FAIL_FOR_GOOD, 1);
    (void)log_op_take(&without_ops);
    (void)fail_disarm();
}
