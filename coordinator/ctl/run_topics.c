/* vowctl topics, topics remove, topics seek: groups of consumers. */
#include <stdlib.h>
#include <string.h>

#include "coordinator/ctl/commands.h"
#include "coordinator/ctl/print.h"

int run_topics(const struct flags *flags, char **words)
{
    (void)words;
    const struct question question = {.request = {.command = VOW_ADMIN_TOPICS, .filter = ""}, .print = print_topics};
    return command_ask(flags, &question);
}

static int order(const struct flags *flags, const char *group, enum vow_admin_command command)
{
    struct operation operation = command_order(flags, command);
    operation.participant = group;
    return operate(&operation);
}

int run_topics_remove(const struct flags *flags, char **words)
{
    if (!vow_name_is_valid(words[0]))
        return usage(words[0], NO_GROUP);
    return order(flags, words[0], VOW_ADMIN_GROUP_REMOVE);
}

static bool is_place(const char *text)
{
    return strcmp(text, "oldest") == 0 || strcmp(text, "newest") == 0 ||
           (text[0] != '\0' && strlen(text) < 19 && strspn(text, "0123456789") == strlen(text) &&
            strtoll(text, NULL, 10) > 0);
}

int run_topics_seek(const struct flags *flags, char **words)
{
    if (!vow_name_is_valid(words[0]))
        return usage(words[0], NO_GROUP);
    if (flags->to == NULL || !is_place(flags->to))
        return usage(flags->to != NULL ? flags->to : "seek",
                     "wants --to OFFSET, a number as history shows it, or oldest, or newest");
    return order(flags, words[0], VOW_ADMIN_GROUP_SEEK);
}
