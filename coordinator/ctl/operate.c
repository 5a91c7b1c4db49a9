#include "coordinator/ctl/operate.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/core/order.h"
#include "coordinator/ctl/explain.h"
#include "coordinator/ctl/fields.h"
#include "coordinator/ctl/ordered.h"
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

/* Whether an order was carried out. */
static const char *where_to_look(enum vow_admin_command command)
{
    if (is_of_dead_letter(command))
        return "vowctl dlq list";
    if (is_of_group(command))
        return "vowctl topics";
    return is_of_saga(command) ? "vowctl saga show ID" : "vowctl show ID";
}

static int complain(int status, const char *what, const char *then)
{
    fprintf(stderr, "vowctl: %s%s%s\n", what, then[0] != '\0' ? "; " : "", then);
    return status;
}

/* ---- who, why ---- */

/* Whole characters only, and nothing that vowd would take for no text. */
static void who_am_i(char out[OPERATION_WHO_MAX + 1])
{
    char host[64] = "", raw[VOW_TEXT_SIZE], text[VOW_TEXT_SIZE];
    const struct passwd *user = getpwuid(getuid());
    struct vow_line line = vow_line_start(raw, sizeof(raw));
    size_t len = 0, next = 0;
    vow_line_put(&line, user != NULL ? user->pw_name : "?");
    vow_line_put(&line, "@");
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    vow_line_put(&line, host[0] != '\0' ? host : "?");
    vow_text_copy(text, raw);
    do {
        len = next;
        next += text[len] != '\0' ? vow_text_printable_len(text + len) : 0;
    } while (next > len && next <= OPERATION_WHO_MAX);
    memcpy(out, text, len);
    out[len] = '\0';
}

static const char *offset_of(const struct operation *operation)
{
    return operation->offset != NULL ? operation->offset : "";
}

static struct vow_msg_admin_request request_of(const struct operation *operation, const char *who)
{
    return (struct vow_msg_admin_request){.command = operation->command,
                                          .gtrid = operation->gtrid,
                                          .filter = operation->to != NULL ? operation->to : offset_of(operation),
                                          .participant = operation->participant,
                                          .who = who,
                                          .why = operation->reason};
}

/* All of it has a place in the history, or it is refused before anybody is asked. */
static int check(const struct operation *operation, const char *who)
{
    char text[VOW_TEXT_SIZE], said[256];
    if (operation->reason == NULL)
        return complain(STATUS_USAGE, "a reason is required: --reason TEXT", "it is kept in the history");
    const struct vow_msg_admin_request request = request_of(operation, who);
    const size_t len = vow_order_text(&request, text);
    if (len <= VOW_TEXT_MAX)
        return STATUS_DONE;
    snprintf(said, sizeof(said),
             "the history keeps %d bytes of an order, and this one has %zu: %zu of --reason, %zu of the name, and %zu "
             "beside them",
             VOW_TEXT_MAX, len, strlen(operation->reason), strlen(who), len - strlen(operation->reason) - strlen(who));
    return complain(STATUS_USAGE, said, "shorten --reason, or --as");
}

/* ---- asking ---- */

/* How an order ended that was not done, in one line. */
static int say_end(const struct operation *operation, enum ordered what, const struct vow_error_detail *detail)
{
    char address[VOW_ADDRESS_SIZE];
    vow_address_print(&operation->address, address);
    if (what == ORDERED_LATER || what == ORDERED_REFUSED)
        return complain(OPERATED_REFUSED, ordered_words(what), detail->text);
    fprintf(stderr, "vowctl: %s; %s: %s", ordered_words(what), address, detail->text);
    if (what == ORDERED_UNKNOWN)
        fprintf(stderr, "; %s says more", where_to_look(operation->command));
    fputs("\n", stderr);
    return what == ORDERED_UNKNOWN ? OPERATED_UNKNOWN : STATUS_NO_ANSWER;
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
    enum ask_end end;
    const int error = ask_order(&operation->address, &request, operation->timeout_ms, rows, &detail, &end);
    if (error == VOW_E_NOT_FOUND && operation->offset != NULL)
        return complain(STATUS_NOT_FOUND, "there is no such dead letter", "see vowctl dlq list");
    if (error == VOW_E_NOT_FOUND)
        return complain(STATUS_NOT_FOUND, "there is nothing of this transaction, in memory or in the history", "");
    if (error != 0)
        return say_end(operation, end == ASK_ANSWERED ? ordered(end, error) : ORDERED_NOT_GIVEN, &detail);
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

/* Of the participant itself, which keeps it with the branch. */
static int resolve(const struct operation *operation, const char *who, json_t **rows, struct vow_error_detail *detail,
                   enum ask_end *end)
{
    const struct vow_msg_resolve resolve = {.header = {.gtrid = operation->gtrid},
                                            .verdict = operation->command == VOW_ADMIN_COMMIT ? VOW_COMMIT : VOW_ABORT,
                                            .who = who,
                                            .why = operation->reason};
    return ask_resolve(&operation->address, &resolve, operation->timeout_ms, rows, detail, end);
}

/* Else of vowd, which keeps it in the history. */
static int carry_out(const struct operation *operation, const char *who, bool is_own)
{
    const struct vow_msg_admin_request request = request_of(operation, who);
    json_t *rows;
    struct vow_error_detail detail;
    enum ask_end end;
    const int error = is_own ? resolve(operation, who, &rows, &detail, &end)
                             : ask_order(&operation->address, &request, operation->timeout_ms, &rows, &detail, &end);
    const enum ordered what = ordered(end, error);
    if (what != ORDERED_DONE)
        return say_end(operation, what, &detail);
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
    char text[EXPLAIN_SIZE], me[OPERATION_WHO_MAX + 1];
    json_t *rows = NULL;
    who_am_i(me);
    const char *who = operation->as != NULL ? operation->as : me;
    int status = check(operation, who);
    if (status == STATUS_DONE)
        status = look(operation, &rows);
    if (status != STATUS_DONE)
        return status;
    const enum explained verdict = explain_it(operation, json_array_get(rows, 0), text);
    const bool is_own = row_is_own(json_array_get(rows, 0));
    json_decref(rows);
    if (verdict == EXPLAINED_REFUSED) {
        text[strcspn(text, "\n")] = '\0';
        return complain(OPERATED_REFUSED, ordered_words(ORDERED_REFUSED), text);
    }
    fputs(text, stderr);
    status = confirm(operation, verdict);
    return status == STATUS_DONE ? carry_out(operation, who, is_own) : status;
}
