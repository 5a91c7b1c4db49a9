/* vowctl states: the table by which vowd goes. Asks nobody. */
#include <stdio.h>

#include "coordinator/core/coord.h"
#include "coordinator/ctl/commands.h"
#include "proto/fsm_doc.h"

int run_states(const struct flags *flags, char **words)
{
    (void)words;
    if (flags->dot)
        vow_fsm_print_dot(vow_coord_fsm(), stdout);
    else if (flags->markdown)
        vow_fsm_print_markdown(vow_coord_fsm(), stdout);
    else
        vow_fsm_print_mermaid(vow_coord_fsm(), stdout);
    return EXIT_ANSWERED;
}
