/* vowctl dlq list, show, retry, drop: dead letters. */
#include <string.h>

#include "coordinator/ctl/commands.h"
#include "coordinator/ctl/print.h"

int run_dlq_list(const struct flags *flags, char **words)
{
    const char *group = words[0] != NULL ? words[0] : "";
    const struct question question = {.request = {.command = VOW_ADMIN_DLQ_LIST, .participant = group, .filter = ""},
                                      .print = print_dead_list};
    return words[0] == NULL || vow_name_is_valid(group) ? command_ask(flags, &question) : usage(group, NO_GROUP);
}

/* ---- one of them: a group, an offset ---- */

static int check(char **words)
{
    if (!vow_name_is_valid(words[0]))
        return usage(words[0], NO_GROUP);
    if (strspn(words[1], "0123456789") != strlen(words[1]))
        return usage(words[1], "is not an offset: a number, as dlq list shows it");
    return 0;
}

int run_dlq_show(const struct flags *flags, char **words)
{
    const struct question question = {
        .request = {.command = VOW_ADMIN_DLQ_SHOW, .participant = words[0], .filter = words[1]},
        .print = print_dead,
        .one_row = true,
        .none = "there is no such dead letter; see vowctl dlq list"};
    const int error = check(words);
    return error == 0 ? command_ask(flags, &question) : error;
}

static int order(const struct flags *flags, char **words, enum vow_admin_command command)
{
    struct operation operation = command_order(flags, command);
    const int error = check(words);
    operation.participant = words[0];
    operation.offset = words[1];
    return error == 0 ? operate(&operation) : error;
}

int run_dlq_retry(const struct flags *flags, char **words)
{
    return order(flags, words, VOW_ADMIN_DLQ_RETRY);
}

int run_dlq_drop(const struct flags *flags, char **words)
{
    return order(flags, words, VOW_ADMIN_DLQ_DROP);
}
