/* vowctl status, list, show, history, peers: how things are. */
#include <string.h>

#include "coordinator/ctl/commands.h"
#include "coordinator/ctl/print.h"

int run_status(const struct flags *flags, char **words)
{
    (void)words;
    const struct question question = {
        .request = {.command = VOW_ADMIN_STATUS, .filter = ""}, .print = print_status, .one_row = true};
    return command_ask(flags, &question);
}

int run_list(const struct flags *flags, char **words)
{
    (void)words;
    const struct question question = {.request = {.command = VOW_ADMIN_LIST, .filter = flags->filter},
                                      .print = strcmp(flags->filter, "in-doubt") == 0 ? print_in_doubt : print_list};
    return command_ask(flags, &question);
}

int run_peers(const struct flags *flags, char **words)
{
    (void)words;
    const struct question question = {.request = {.command = VOW_ADMIN_PEERS, .filter = ""}, .print = print_peers};
    return command_ask(flags, &question);
}

/* ---- of one transaction ---- */

#define NO_EVENT "the journal has no event of this transaction; "

/* What silence says of this id (presumed abort; but nothing where the participant may have decided alone, F015). */
static const char *no_event_means(const struct vow_gtrid *gtrid)
{
    if ((vow_gtrid_flags(gtrid) & VOW_GTRID_ONE_PHASE) != 0)
        return NO_EVENT "it had one participant, which alone may know the outcome: ask with vow_status(), naming that "
                        "participant";
    return NO_EVENT "so it is aborted (presumed), unless it has not begun, is another coordinator's or older than the "
                    "history, or \"vowctl status --json\" does not yet say proved";
}

static int ask_of_txn(const struct flags *flags, const char *id, struct question *question)
{
    if (!command_parse_id(id, &question->request.gtrid))
        return usage(id, NO_ID_OF_TXN);
    question->none = no_event_means(&question->request.gtrid);
    return command_ask(flags, question);
}

int run_show(const struct flags *flags, char **words)
{
    struct question question = {
        .request = {.command = VOW_ADMIN_SHOW, .filter = ""}, .print = print_txn, .one_row = true};
    return ask_of_txn(flags, words[0], &question);
}

int run_history(const struct flags *flags, char **words)
{
    struct question question = {.request = {.command = VOW_ADMIN_HISTORY, .filter = ""}, .print = print_history};
    return ask_of_txn(flags, words[0], &question);
}
