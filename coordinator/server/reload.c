/*
 * SIGHUP: the settings are loaded again, all of them or none. What can change at run time changes; of the rest the log
 * says that it needs a restart. Transactions in flight keep their deadlines, connections that are up keep what was
 * agreed in their handshake (fault F225).
 */
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

/* At the highest limit new work gets less room: what the log left open fitted into the core that decided it. */
static void widen(uint32_t *limit, uint32_t by, uint32_t highest)
{
    if (*limit <= highest)
        *limit = by < highest - *limit ? *limit + by : highest;
}

void server_limits(const struct vow_server *server, const struct vow_settings *settings,
                   struct vow_coord_limits *limits)
{
    vow_settings_core_limits(settings, limits);
    widen(&limits->txns_max, server->room.txns, VOW_COORD_TXNS_HIGHEST);
    widen(&limits->branches_max, server->room.branches, VOW_COORD_BRANCHES_HIGHEST);
    widen(&limits->peers_max, server->room.participants, VOW_COORD_PEERS_HIGHEST);
}

void server_retention(const struct vow_settings *settings, struct vow_journal_retention *retention)
{
    *retention = (struct vow_journal_retention){.age_ms = settings->retention_ms,
                                                .bytes = settings->retention_bytes,
                                                .least_ms = 2 * (uint64_t)settings->txn_ms + settings->vote_ms};
}

void server_log_settings(const struct vow_settings *settings)
{
    struct vow_log_field fields[VOW_SETTINGS_MAX];
    static char texts[VOW_SETTINGS_MAX][64];
    char path[VOW_SETTINGS_PATH_SIZE];
    for (size_t i = 0; i < vow_setting_count; i++) {
        vow_setting_print(&vow_setting_list[i], settings, path, sizeof(path));
        size_t len = strnlen(path, sizeof(texts[i]) - 1);
        memcpy(texts[i], path, len);
        texts[i][len] = '\0';
        fields[i] = VOW_STR(vow_setting_list[i].key, texts[i]);
    }
    vow_log_write(VOW_LOG_INFO, "settings", fields, (unsigned)vow_setting_count);
}

/* Takes over what may change, and names what may not. The old values of that stay. */
static void take_over(struct vow_server *server, const struct vow_settings *loaded)
{
    struct vow_settings next = *loaded;
    for (size_t i = 0; i < vow_setting_count; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        char before[256], after[256];
        if (!vow_setting_differs(setting, &server->settings, loaded))
            continue;
        vow_setting_print(setting, &server->settings, before, sizeof(before));
        vow_setting_print(setting, loaded, after, sizeof(after));
        VOW_LOG(setting->is_live ? VOW_LOG_INFO : VOW_LOG_WARN,
                setting->is_live ? "setting_changed" : "setting_needs_restart", VOW_STR("key", setting->key),
                VOW_STR("from", before), VOW_STR("to", after));
        if (!setting->is_live)
            vow_setting_copy(setting, &server->settings, &next);
    }
    server->settings = next;
}

/* The core moves into larger memory, if the limits have grown. Without it they grow as far as there is room. */
static void make_room(struct vow_server *server)
{
    if (vow_coord_fits(server->core, &server->limits))
        return;
    struct vow_coord_limits larger = server->limits;
    vow_coord_widen(server->core, &larger);
    size_t size = vow_coord_size(&larger);
    void *memory = size > 0 ? malloc(size) : NULL;
    if (memory == NULL) {
        VOW_LOG(VOW_LOG_WARN, "setting_needs_restart", VOW_STR("key", "limits"), VOW_STR("why", "out of memory"));
        return;
    }
    server->core = vow_coord_move(memory, &larger, server->core);
    free(server->core_memory);
    server->core_memory = memory;
}

static void apply(struct vow_server *server)
{
    struct vow_channel_options options;
    struct vow_coord_event event = {.kind = VOW_COORD_LIMITS, .now_ms = vow_clock_ms()};
    struct vow_journal_retention retention;
    vow_log_set_level((enum vow_log_level)server->settings.log_level);
    vow_settings_channel_options(&server->settings, &options);
    options.timers = server->timers;
    if (vow_listener_set_options(server->listener, &options) != 0)
        VOW_LOG(VOW_LOG_WARN, "setting_needs_restart", VOW_STR("key", "limits.frame_bytes_max"),
                VOW_STR("why", "out of memory"));
    server_retention(&server->settings, &retention);
    vow_journal_set_retention(server->journal, &retention);
    server_limits(server, &server->settings, &server->limits);
    make_room(server);
    event.limits = &server->limits;
    server_step(server, &event);
}

static void reload(struct vow_server *server)
{
    struct vow_settings loaded;
    struct vow_settings_error error;
    if (server->source == NULL || server->source->file == NULL) {
        VOW_LOG(VOW_LOG_WARN, "reload_ignored", VOW_STR("why", "vowd was started without --config"));
        return;
    }
    if (vow_settings_load(server->source, &loaded, &error) != 0) {
        VOW_LOG(VOW_LOG_ERROR, "reload_refused", VOW_STR("why", error.text),
                VOW_STR("do", "mend the file and send SIGHUP again; the settings stay as they were"));
        return;
    }
    take_over(server, &loaded);
    apply(server);
    VOW_LOG(VOW_LOG_INFO, "reloaded", VOW_STR("file", server->source->file));
}

void server_on_sighup(struct vow_server *server)
{
    health_say_reloading(server);
    reload(server);
    health_say_ready(server);
}
