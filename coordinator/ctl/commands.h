/* What each command of vowctl does, and what they share. The table of them is in vowctl.c. */
#ifndef VOW_CTL_COMMANDS_H
#define VOW_CTL_COMMANDS_H

#include <jansson.h>

#include "coordinator/ctl/flags.h"
#include "coordinator/ctl/operate.h"
#include "proto/message.h"

/* An exit status; all that is to be said is said. `words` are those behind the command's own, as many as the table says
 * and then NULL. */
typedef int command_fn(const struct flags *flags, char **words);

command_fn run_status, run_list, run_show, run_history, run_peers; /* run_show.c */
command_fn run_abort, run_commit, run_forget;                      /* run_by_hand.c */
command_fn run_saga_list, run_saga_show, run_saga_retry, run_saga_close;
command_fn run_topics, run_topics_remove, run_topics_seek;
command_fn run_dlq_list, run_dlq_show, run_dlq_retry, run_dlq_drop;
command_fn run_replay, run_doctor, run_states;

/* ---- commands.c: what they share ---- */

struct question {
    struct vow_msg_admin_request request;
    void (*print)(const json_t *);
    bool one_row;     /* print gets the row, not the array */
    const char *none; /* what it means that there is nothing of it; NULL = cannot be */
};

/* Asks, and prints. */
int command_ask(const struct flags *flags, const struct question *question);

/* What the flags say of an order; what it is about is left to say. */
struct operation command_order(const struct flags *flags, enum vow_admin_command command);

#define NO_ID_OF_TXN "is not a transaction id (42 letters and digits, or 52 hex digits)"
#define NO_ID_OF_SAGA "is not the id of a saga (42 letters and digits, or 52 hex digits)"
#define NO_GROUP "is not the name of a group"

/* As it is printed, or as sqlite3's hex() prints the column of vow_lock and vow_branch. */
bool command_parse_id(const char *text, struct vow_gtrid *gtrid);

#endif
