/*
 * test-service NAME FILE ADDRESS: a participant for the system tests. Prints "ready" when it is connected; ends at
 * SIGTERM. SERVICE_BRANCHES_MAX in the environment is its branches_max, SERVICE_PEER_LISTEN its peer_listen; with
 * SERVICE_HAS_LATE it has the handler "late", which does what "add" does, or, if that says "refuses", what "refuse"
 * does.
 */
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vow/vow.h>

#include "service_rpc.h"

static int run(struct sqlite3 *db, const char *sql)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : VOW_E_DATABASE;
}

static int add(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)payload, (void)len, (void)ctx;
    return run(db, "UPDATE counter SET value = value + 1 WHERE id = 1");
}

/* What undoes "add". */
static int take_back(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)payload, (void)len, (void)ctx;
    return run(db, "UPDATE counter SET value = value - 1 WHERE id = 1");
}

/* A row of its own, so that many branches can be prepared at once. */
static int note(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)payload, (void)len, (void)ctx;
    return run(db, "INSERT INTO note VALUES (vow_new_key('note'))");
}

static int look(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)branch, (void)payload, (void)len, (void)ctx;
    return run(db, "SELECT value FROM counter");
}

static int refuse(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)db, (void)payload, (void)len, (void)ctx;
    return vow_branch_refuse(branch, "told to refuse");
}

/* Writes, and says no then: what it has written must leave no trace. */
static int spoil(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    int error = add(branch, db, payload, len, ctx);
    return error != 0 ? error : vow_branch_refuse(branch, "told to refuse");
}

static int register_late(struct vow_participant *participant)
{
    const char *late = getenv("SERVICE_HAS_LATE");
    if (late == NULL)
        return 0;
    return vow_participant_handle(participant, "late", strcmp(late, "refuses") == 0 ? refuse : add, NULL);
}

static int register_handlers(struct vow_participant *participant)
{
    return vow_participant_handle(participant, "add", add, NULL) ||
           vow_participant_handle(participant, "take_back", take_back, NULL) ||
           vow_participant_handle(participant, "note", note, NULL) ||
           vow_participant_handle(participant, "look", look, NULL) ||
           vow_participant_handle(participant, "spoil", spoil, NULL) ||
           vow_participant_handle(participant, "refuse", refuse, NULL) || register_late(participant);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    struct vow_participant_options options = {
        .size = sizeof(options),
        .name = argv[1],
        .path = argv[2],
        .coordinator = argv[3],
        .schema = "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL);"
                  "CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY);"
                  "INSERT OR IGNORE INTO counter VALUES (1, 0)"};
    const char *branches_max = getenv("SERVICE_BRANCHES_MAX");
    struct vow_participant *participant;
    struct vow_error_detail detail = {0};
    sigset_t signals;
    int number;
    options.peer_listen = getenv("SERVICE_PEER_LISTEN");
    if (branches_max != NULL)
        options.branches_max = (uint32_t)strtoul(branches_max, NULL, 10);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (vow_participant_open(&options, &participant, &detail) != 0 || register_handlers(participant) != 0 ||
        vow_participant_start(participant) != 0) {
        fprintf(stderr, "test-service: %s\n", detail.text);
        return 1;
    }
    if (service_rpc_start(participant, argv[2]) != 0) {
        fprintf(stderr, "test-service: no socket\n");
        return 1;
    }
    while (vow_participant_wait(participant, 60000) != 0)
        continue;
    puts("ready");
    fflush(stdout);
    sigwait(&signals, &number);
    vow_participant_close(participant);
    return 0;
}
