/*
 * Joined work: the client talks to each bank itself, in as many requests as it likes, and commits at the end. A request
 * here is a function call; between processes it is your HTTP or RPC, with the token in a header and the receipt in the
 * reply. Start vowd, then this. Usage: joined [COORDINATOR]
 */
#include <sqlite3.h>
#include <stdio.h>
#include <vow/vow.h>

/* --- the bank, a service --- */

static struct vow_participant *open_bank(const char *name, const char *path, const char *coordinator)
{
    const char *schema = "CREATE TABLE account (name TEXT PRIMARY KEY, money INT CHECK (money >= 0));"
                         "INSERT INTO account VALUES ('me', 100)";
    struct vow_participant_options options = {sizeof(options), .name = name, .path = path, .coordinator = coordinator,
                                              .schema = schema};
    struct vow_participant *bank;
    int error =
        vow_participant_open(&options, &bank, NULL) || vow_participant_start(bank) || vow_participant_wait(bank, 5000);
    return error ? NULL : bank;
}

static int add(struct vow_branch *branch, struct sqlite3 *db, void *amount)
{
    char sql[80];
    (void)branch;
    snprintf(sql, sizeof(sql), "UPDATE account SET money = money + %d", *(int *)amount);
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

/* One request: returns the receipt, the number of operations that were done; 0 = the bank says no. */
static unsigned ask_bank(struct vow_participant *bank, const char *token, int amount)
{
    struct vow_joined joined;
    int error = vow_join(bank, token, add, &amount, &joined);
    if (error != 0)
        printf("the bank says no: %s %s\n", vow_error_text(error), joined.text);
    return joined.ops;
}

/* --- the client --- */

static enum vow_outcome transfer(struct vow_client *client, struct vow_participant *north,
                                 struct vow_participant *south)
{
    struct vow_result result = {.outcome = VOW_ABORTED};
    struct vow_txn *txn;
    char token[VOW_TOKEN_SIZE];
    if (vow_begin(client, NULL, &txn) != 0 || vow_txn_token(txn, token) != 0)
        return VOW_ABORTED;
    unsigned took = ask_bank(north, token, -30), gave = took > 0 ? ask_bank(south, token, 30) : 0;
    if (gave > 0 && vow_txn_worked(txn, "north", took) == 0 && vow_txn_worked(txn, "south", gave) == 0 &&
        vow_txn_commit(txn, NULL, 0, &result) != 0)
        result.outcome = VOW_UNKNOWN;
    vow_txn_free(txn); /* rolls back what was not asked to commit */
    return result.outcome;
}

int main(int argc, char **argv)
{
    const struct vow_client_options how = {sizeof(how), .coordinator = argc > 1 ? argv[1] : NULL};
    struct vow_participant *north = open_bank("north", "north.db", how.coordinator),
                           *south = open_bank("south", "south.db", how.coordinator);
    struct vow_client *client;
    if (north == NULL || south == NULL || vow_client_open(&how, &client, NULL) != 0)
        return fprintf(stderr, "joined: no connection to %s; is vowd running there?\n",
                       how.coordinator != NULL ? how.coordinator : VOW_DEFAULT_COORDINATOR),
               1;
    enum vow_outcome outcome = transfer(client, north, south);
    vow_client_close(client), vow_participant_close(north), vow_participant_close(south);
    return printf("%s\n", vow_outcome_name((int)outcome)) < 0;
}
