/* vowctl abort, commit, forget: a transaction, or one branch of it, is ended by hand. */
#include "coordinator/ctl/commands.h"

static int end_by_hand(const struct flags *flags, const char *id, enum vow_admin_command command)
{
    struct operation operation = command_order(flags, command);
    if (!command_parse_id(id, &operation.gtrid))
        return usage(id, NO_ID_OF_TXN);
    return operate(&operation);
}

int run_abort(const struct flags *flags, char **words)
{
    return end_by_hand(flags, words[0], VOW_ADMIN_ABORT);
}

int run_commit(const struct flags *flags, char **words)
{
    return end_by_hand(flags, words[0], VOW_ADMIN_COMMIT);
}

int run_forget(const struct flags *flags, char **words)
{
    return end_by_hand(flags, words[0], VOW_ADMIN_FORGET);
}
