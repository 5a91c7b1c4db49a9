/* vowctl saga list, show, retry, close. */
#include "coordinator/ctl/commands.h"
#include "coordinator/ctl/print.h"

int run_saga_list(const struct flags *flags, char **words)
{
    (void)words;
    const struct question question = {.request = {.command = VOW_ADMIN_SAGA_LIST, .filter = flags->filter},
                                      .print = print_sagas};
    return command_ask(flags, &question);
}

int run_saga_show(const struct flags *flags, char **words)
{
    struct question question = {.request = {.command = VOW_ADMIN_SAGA_SHOW, .filter = ""},
                                .print = print_saga,
                                .none = "no saga of this id has begun, or it is older than the history; \"vowctl saga "
                                        "list\" has those that have not ended"};
    if (!command_parse_id(words[0], &question.request.gtrid))
        return usage(words[0], NO_ID_OF_SAGA);
    return command_ask(flags, &question);
}

static int order(const struct flags *flags, const char *id, enum vow_admin_command command)
{
    struct operation operation = command_order(flags, command);
    if (!command_parse_id(id, &operation.gtrid))
        return usage(id, NO_ID_OF_SAGA);
    return operate(&operation);
}

int run_saga_retry(const struct flags *flags, char **words)
{
    return order(flags, words[0], VOW_ADMIN_SAGA_RETRY);
}

int run_saga_close(const struct flags *flags, char **words)
{
    return order(flags, words[0], VOW_ADMIN_SAGA_CLOSE);
}
