/* The two brokers: the embedded one of a vowd, in a directory of its own, and that in memory. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coordinator/server/internal.h"
#include "memory_broker.h"
#include "proto/net/log.h"
#include "stand.h"

/* ---- embedded ---- */

struct vowd {
    char directory[64];
    struct vow_server_options options;
    struct vow_server *server;
};

static void start(struct stand *stand)
{
    struct vowd *vowd = stand->own;
    struct vow_error_detail detail;

    cr_assert_eq(vow_server_open(&vowd->options, &vowd->server, &detail), 0, "%s", detail.text);
    stand->broker = vowd->server->broker;
    stand->broker->host = &stand_host;
    stand->broker->host_ctx = stand;
}

static void embedded_open(struct stand *stand)
{
    struct vowd *vowd = calloc(1, sizeof *vowd);

    cr_assert_not_null(vowd);
    stand->own = vowd;
    strcpy(vowd->directory, "/tmp/vow-broker-XXXXXX");
    cr_assert_not_null(mkdtemp(vowd->directory));
    vow_settings_defaults(&vowd->options.settings);
    vowd->options.settings.listen.port = 0;
    vowd->options.settings.http.host[0] = '\0';
    vowd->options.settings.log_level = VOW_LOG_ERROR;
    vowd->options.settings.events_max = STAND_EVENTS_MAX;
    memcpy(vowd->options.settings.data, vowd->directory, sizeof vowd->directory);
    start(stand);
}

static void embedded_settle(struct stand *stand)
{
    struct vow_server *server = ((struct vowd *)stand->own)->server;

    while (server->pending_first != NULL || server->health.waiting > 0) {
        server_submit(server);
        event_base_loop(server->base, EVLOOP_ONCE);
    }
}

static void embedded_restart(struct stand *stand)
{
    vow_server_free(((struct vowd *)stand->own)->server);
    start(stand);
}

static void embedded_close(struct stand *stand)
{
    static const char *const files[] = {"journal.db", "journal.db-wal", "witness", "lock"};
    struct vowd *vowd = stand->own;
    char path[128];

    vow_server_free(vowd->server);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", vowd->directory, files[i]);
        (void)unlink(path);
    }
    cr_expect_eq(rmdir(vowd->directory), 0, "%s has other files", vowd->directory);
    free(vowd);
}

const struct stand_ops stand_embedded = {
    .open = embedded_open, .settle = embedded_settle, .restart = embedded_restart, .close = embedded_close};

/* ---- in memory ---- */

static void memory_open(struct stand *stand)
{
    stand->broker = memory_broker_new(STAND_EVENTS_MAX, &stand_host, stand);
    cr_assert_not_null(stand->broker);
}

static void memory_settle(struct stand *stand)
{
    memory_broker_sync(stand->broker);
}

static void memory_restart(struct stand *stand)
{
    memory_broker_crash(stand->broker);
}

static void memory_close(struct stand *stand)
{
    stand->broker->ops->free(stand->broker);
}

const struct stand_ops stand_in_memory = {
    .open = memory_open, .settle = memory_settle, .restart = memory_restart, .close = memory_close};
