/* Moves 30 from one bank to another: two SQLite files, one transaction. Start vowd, then this. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <vow/vow.h>

static int add(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    char sql[64];
    if (len == 0 || ((const char *)payload)[len - 1] != '\0')
        return vow_branch_refuse(branch, "not an amount");
    snprintf(sql, sizeof(sql), "UPDATE account SET money = money + %ld", strtol(payload, NULL, 10));
    return (void)ctx, sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static struct vow_participant *open_bank(const char *name, const char *path)
{
    const char *schema = "CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, money INT CHECK (money >= 0));"
                         "INSERT INTO account SELECT 'me', 100 WHERE NOT EXISTS (SELECT 1 FROM account)";
    struct vow_participant_options options = {sizeof(options), .name = name, .path = path, .schema = schema};
    struct vow_participant *bank;
    int error = vow_participant_open(&options, &bank, NULL) || vow_participant_handle(bank, "add", add, NULL) ||
                vow_participant_start(bank) || vow_participant_wait(bank, 5000);
    return error ? NULL : bank;
}

int main(void)
{
    struct vow_participant *north = open_bank("north", "north.db"), *south = open_bank("south", "south.db");
    struct vow_client *client;
    struct vow_result result = {.outcome = VOW_ABORTED};
    const struct vow_call calls[] = {{"north", "add", "-30", 4}, {"south", "add", "30", 3}};
    if (!north || !south || vow_client_open(NULL, &client, NULL) != 0)
        return fprintf(stderr, "transfer: no connection; is vowd running?\n"), 1;
    while (vow_commit(client, calls, 2, &result) == 0 && result.cause == VOW_CAUSE_LOCK_CONFLICT)
        ; /* the last run's transfer still holds the row: a moment later it does not */
    vow_client_close(client), vow_participant_close(north), vow_participant_close(south);
    return printf("%s\n", vow_outcome_name((int)result.outcome)) < 0; /* the fourth run says "aborted" */
}
