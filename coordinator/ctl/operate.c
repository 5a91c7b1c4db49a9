#include "coordinator/ctl/operate.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/ctl/ask.h"
#include "coordinator/ctl/explain.h"
#include "coordinator/ctl/fields.h"
#include "proto/line.h"

enum { STATUS_DONE = 0, STATUS_NO_ANSWER = 1, STATUS_USAGE = 2, STATUS_NOT_FOUND = 3 };

static bool is_of_saga(enum vow_admin_command command)
{
    return command == VOW_ADMIN_SAGA_RETRY || command == VOW_ADMIN_SAGA_CLOSE;
}

static bool is_of_dead_letter(enum vow_admin_command command)
{
    return command == VOW_ADMIN_DLQ_RETRY || command == VOW_ADMIN_DLQ_DROP;
}

static bool is_of_group(enum vow_admin_command command)
{
    return command == VOW_ADMIN_GROUP_REMOVE || command == VOW_ADMIN_GROUP_SEEK;
}

static const char *command_name(enum vow_admin_command command)
{
    if (is_of_dead_letter(command))
        return command == VOW_ADMIN_DLQ_RETRY ? "deliver it again" : "drop it";
    if (is_of_group(command))
        return command == VOW_ADMIN_GROUP_REMOVE ? "remove it" : "move it";
    if (is_of_saga(command))
        return command == VOW_ADMIN_SAGA_RETRY ? "try it again" : "close it";
    return command == VOW_ADMIN_COMMIT ? "commit" : command == VOW_ADMIN_ABORT ? "abort" : "forget";
}

static int complain(int status, const char *what, const char *then)
{
    fprintf(stderr, "vowctl: %s%s%s\n", what, then[0] != '\0' ? "; " : "", then);
    return status;
}

/* ---- who ---- */

static void who_am_i(char out[OPERATION_WHO_MAX + 1])
{
    char host[64] = "";
    const struct passwd *user = getpwuid(getuid());
    struct vow_line line = vow_line_start(out, OPERATION_WHO_MAX + 1);
    vow_line_put(&line, user != NULL ? user->pw_name : "?");
    vow_line_put(&line, "@");
    if (gethostname(host, sizeof(host) - 1) != 0 || !vow_text_is_printable(host))
        host[0] = '\0';
    vow_line_put(&line, host[0] != '\0' ? host : "?");
}

static int check(const struct operation *operation)
{
    if (operation->reason == NULL || operation->reason[0] == '\0')
        return complain(STATUS_USAGE, "a reason is required: --reason TEXT", "it is kept in the history");
    if (strlen(operation->reason) > OPERATION_REASON_MAX || !vow_text_is_printable(operation->reason))
        return complain(STATUS_USAGE, "--reason wants at most 120 printable characters", "");
    if (operation->as != NULL && (operation->as[0] == '\0' || strlen(operation->as) > OPERATION_WHO_MAX ||
                                  !vow_text_is_printable(operation->as)))
        return complain(STATUS_USAGE, "--as wants a name of at most 60 printable characters", "");
    if (operation->participant[0] != '\0' && !vow_name_is_valid(operation->participant))
        return complain(STATUS_USAGE, "--participant wants a participant's name", "see vowctl peers");
    return STATUS_DONE;
}

/* ---- asking ---- */

static int no_answer(const struct operation *operation, const struct vow_error_detail *detail)
{
    char address[VOW_ADDRESS_SIZE];
    vow_address_print(&operation->address, address);
    fprintf(stderr, "vowctl: %s: %s; %s\n", address, vow_error_text(detail->error), detail->text);
    return STATUS_NO_ANSWER;
}

static const char *offset_of(const struct operation *operation)
{
    return operation->offset != NULL ? operation->offset : "";
}

static enum vow_admin_command question_of(enum vow_admin_command command)
{
    if (is_of_dead_letter(command))
        return VOW_ADMIN_DLQ_SHOW;
    if (is_of_group(command))
        return VOW_ADMIN_TOPICS;
    return is_of_saga(command) ? VOW_ADMIN_SAGA_SHOW : VOW_ADMIN_SHOW;
}

/* Of the rows that vowd has of groups and topics, the group's alone. */
static int pick_group(const struct operation *operation, json_t **rows)
{
    json_t *all = *rows, *row, *found = NULL;
    size_t i;
    json_array_foreach(all, i, row)
    {
        if (json_object_get(row, "group") != NULL && strcmp(field_text(row, "group"), operation->participant) == 0)
            found = row;
    }
    *rows = json_array();
    (void)json_array_append(*rows, found);
    json_decref(all);
    if (json_array_size(*rows) > 0)
        return STATUS_DONE;
    json_decref(*rows);
    return complain(STATUS_NOT_FOUND, "there is no such group", "see vowctl topics");
}

/* What it is about, as it is now. */
static int look(const struct operation *operation, json_t **rows)
{
    struct vow_error_detail detail;
    const struct vow_msg_admin_request request = {.command = question_of(operation->command),
                                                  .gtrid = operation->gtrid,
                                                  .filter = offset_of(operation),
                                                  .participant =
                                                      operation->offset != NULL ? operation->participant : "",
                                                  .who = "",
                                                  .why = ""};
    const int error = ask(&operation->address, &request, operation->timeout_ms, rows, &detail);
    if (error == VOW_E_NOT_FOUND && operation->offset != NULL)
        return complain(STATUS_NOT_FOUND, "there is no such dead letter", "see vowctl dlq list");
    if (error == VOW_E_NOT_FOUND)
        return complain(STATUS_NOT_FOUND, "there is nothing of this transaction, in memory or in the history", "");
    if (error != 0)
        return no_answer(operation, &detail);
    if (is_of_group(operation->command))
        return pick_group(operation, rows);
    if (json_array_size(*rows) > 0)
        return STATUS_DONE;
    json_decref(*rows);
    return complain(STATUS_NOT_FOUND, "it holds no branch of this transaction in doubt", "");
}

/* A person at a terminal types the whole word; whatever else comes is a no. */
static int confirm(const struct operation *operation, enum explained verdict)
{
    char line[16] = "";
    if (operation->yes)
        return STATUS_DONE;
    if (!isatty(STDIN_FILENO))
        return complain(STATUS_USAGE, "nobody is here to be asked: without a terminal it wants --yes", "");
    fprintf(stderr, "%s Type \"yes\" to %s: ", verdict == EXPLAINED_DAMAGING ? "THIS CAN DAMAGE DATA." : "",
            command_name(operation->command));
    fflush(stderr);
    if (fgets(line, sizeof(line), stdin) == NULL || strcmp(line, "yes\n") != 0)
        return complain(OPERATED_NOT_CONFIRMED, "nothing was done", "");
    return STATUS_DONE;
}

/* ---- doing ---- */

static void print_done(const struct operation *operation, const json_t *rows)
{
    const json_t *row = json_array_get(rows, 0);
    if (operation->json) {
        json_dumpf(row, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        printf("\n");
    } else {
        printf("%s\n", field_text(row, "done"));
    }
}

/* Of vowd, which keeps it in the history. */
static int order(const struct operation *operation, const char *who, json_t **rows, struct vow_error_detail *detail)
{
    const struct vow_msg_admin_request request = {.command = operation->command,
                                                  .gtrid = operation->gtrid,
                                                  .filter =
                                                      operation->to != NULL ? operation->to : offset_of(operation),
                                                  .participant = operation->participant,
                                                  .who = who,
                                                  .why = operation->reason};
    return ask(&operation->address, &request, operation->timeout_ms, rows, detail);
}

/* Of the participant itself, which keeps it with the branch. */
static int resolve(const struct operation *operation, const char *who, json_t **rows, struct vow_error_detail *detail)
{
    const struct vow_msg_resolve resolve = {.header = {.gtrid = operation->gtrid},
                                            .verdict = operation->command == VOW_ADMIN_COMMIT ? VOW_COMMIT : VOW_ABORT,
                                            .who = who,
                                            .why = operation->reason};
    return ask_resolve(&operation->address, &resolve, operation->timeout_ms, rows, detail);
}

static int carry_out(const struct operation *operation, bool is_own)
{
    char me[OPERATION_WHO_MAX + 1];
    json_t *rows;
    struct vow_error_detail detail;
    who_am_i(me);
    const char *who = operation->as != NULL ? operation->as : me;
    const int error = is_own ? resolve(operation, who, &rows, &detail) : order(operation, who, &rows, &detail);
    if (error == VOW_E_REFUSED || error == VOW_E_STATE || error == VOW_E_NOT_FOUND)
        return complain(OPERATED_REFUSED, "refused", detail.text);
    if (error != 0) {
        (void)no_answer(operation, &detail);
        return complain(STATUS_NO_ANSWER, "it is not known whether it was done", "see vowctl show and vowctl history");
    }
    print_done(operation, rows);
    json_decref(rows);
    return STATUS_DONE;
}

/* vowd itself refuses what is not stuck. */
static enum explained explain_saga(const struct operation *operation, char text[EXPLAIN_SIZE])
{
    if (operation->command == VOW_ADMIN_SAGA_RETRY) {
        snprintf(text, EXPLAIN_SIZE, "What is stuck is tried again, under the same keys: nothing is done twice.\n");
        return EXPLAINED_HARMLESS;
    }
    snprintf(text, EXPLAIN_SIZE,
             "The saga ends as it is: what was done stays done, what is not undone stays so, and nobody comes back to "
             "it.\n");
    return EXPLAINED_DAMAGING;
}

static enum explained explain_dead_letter(const struct operation *operation, char text[EXPLAIN_SIZE])
{
    if (operation->command == VOW_ADMIN_DLQ_RETRY) {
        snprintf(text, EXPLAIN_SIZE, "The event is delivered again, under the same name: nothing is done twice.\n");
        return EXPLAINED_HARMLESS;
    }
    snprintf(text, EXPLAIN_SIZE, "The event is given up: this group never does it.\n");
    return EXPLAINED_DAMAGING;
}

/* vowd itself looks whether its service is connected, too. */
static enum explained explain_group(const json_t *row, char text[EXPLAIN_SIZE])
{
    if (field_is_true(row, "connected")) {
        snprintf(text, EXPLAIN_SIZE, "its service is connected: stop it first, or it subscribes again\n");
        return EXPLAINED_REFUSED;
    }
    snprintf(text, EXPLAIN_SIZE,
             "Group %s of %s has not done %lld events, and has %lld dead letters: it never does them. If its service "
             "comes back it is a new group, which begins where it asks to.\n",
             field_text(row, "group"), field_text(row, "participant"), field_number(row, "lag"),
             field_number(row, "dead"));
    return field_number(row, "lag") + field_number(row, "dead") > 0 ? EXPLAINED_DAMAGING : EXPLAINED_HARMLESS;
}

/* vowd itself looks whether that is kept. Back is where the group's service has been: its inbox knows what it did
 * there, as long as it remembers (docs/events.md). */
static enum explained explain_move(const struct operation *operation, const json_t *row, char text[EXPLAIN_SIZE])
{
    const uint64_t cursor = (uint64_t)field_number(row, "cursor");
    const bool is_back = strcmp(operation->to, "oldest") == 0 ||
                         (strcmp(operation->to, "newest") != 0 && strtoull(operation->to, NULL, 10) <= cursor);
    const long long lag = field_number(row, "lag");
    /* What it has to read is not counted yet. */
    const bool is_reading = json_object_get(row, "unread") != NULL;
    snprintf(text, EXPLAIN_SIZE, "Group %s of %s stands at @%llu and has not done %lld events%s. %s\n",
             field_text(row, "group"), field_text(row, "participant"), (unsigned long long)cursor, lag,
             is_reading ? ", beside those that it has not read yet" : "",
             is_back ? "It goes back: what its service has done, and remembers, is not done again; what it may have "
                       "done and has forgotten (inbox_retention_ms) is refused, and goes to the dead letters; all "
                       "else is done, also what was dropped or passed over."
                     : "It goes forward: what it has not done before that it never does, but for what is a dead "
                       "letter, unless it is moved back.");
    return !is_back && (lag > 0 || is_reading) ? EXPLAINED_DAMAGING : EXPLAINED_HARMLESS;
}

static enum explained explain_it(const struct operation *operation, const json_t *row, char text[EXPLAIN_SIZE])
{
    if (is_of_dead_letter(operation->command))
        return explain_dead_letter(operation, text);
    if (operation->command == VOW_ADMIN_GROUP_SEEK)
        return explain_move(operation, row, text);
    if (is_of_group(operation->command))
        return explain_group(row, text);
    if (is_of_saga(operation->command))
        return explain_saga(operation, text);
    return explain(operation->command, row, operation->participant, text);
}

int operate(const struct operation *operation)
{
    char text[EXPLAIN_SIZE];
    json_t *rows = NULL;
    int status = check(operation);
    if (status == STATUS_DONE)
        status = look(operation, &rows);
    if (status != STATUS_DONE)
        return status;
    const enum explained verdict = explain_it(operation, json_array_get(rows, 0), text);
    const bool is_own = row_is_own(json_array_get(rows, 0));
    json_decref(rows);
    if (verdict == EXPLAINED_REFUSED) {
        text[strcspn(text, "\n")] = '\0';
        return complain(OPERATED_REFUSED, "refused", text);
    }
    fputs(text, stderr);
    status = confirm(operation, verdict);
    return status == STATUS_DONE ? carry_out(operation, is_own) : status;
}
