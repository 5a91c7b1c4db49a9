/*
 * Space for the journal. A record that cannot be written stops vowd, for nobody can say what is on the disk then; so
 * new work is refused while there is still room for the records of what is in flight (fault F100).
 */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What a limit on the size of files leaves to the larger one of the two that grow. */
static uint64_t left_by_limit(const char *directory)
{
    static const char *const names[] = {"journal.db", "journal.db-wal"};
    struct rlimit limit;
    uint64_t left = UINT64_MAX;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return left;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[VOW_SETTINGS_PATH_SIZE + 32];
        struct stat status;
        uint64_t size = 0;
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        if (stat(path, &status) == 0)
            size = (uint64_t)status.st_size;
        left = smaller(left, limit.rlim_cur > size ? limit.rlim_cur - size : 0);
    }
    return left;
}

/* A disk that cannot be asked is not taken for a full one: the journal finds out. */
static uint64_t space_left(const char *directory)
{
    struct statvfs disk;
    uint64_t left = left_by_limit(directory);
    return statvfs(directory, &disk) == 0 ? smaller(left, (uint64_t)disk.f_bavail * disk.f_frsize) : left;
}

static void shed(struct vow_server *server, bool on)
{
    struct vow_coord_event event = {.kind = VOW_COORD_SHED, .now_ms = vow_clock_ms(), .shed = on};
    server->is_shedding = on;
    VOW_LOG(on ? VOW_LOG_ERROR : VOW_LOG_WARN, on ? "space_is_low" : "space_is_back",
            VOW_NUM("left_bytes", server->space_bytes), VOW_NUM("wanted_bytes", server->settings.space_bytes_min),
            VOW_STR("do", on ? "make room: new transactions are refused until then, those in flight go on"
                             : "new transactions are taken again"));
    server_step(server, &event);
    sagas_shed(server, on);
    server->broker->ops->shed(server->broker, on);
}

void space_look(struct vow_server *server)
{
    uint64_t least = server->settings.space_bytes_min;
    server->space_bytes = space_left(server->settings.data);
    /* A little more than the least ends it, so that it does not flutter. */
    if (!server->is_shedding && server->space_bytes < least)
        shed(server, true);
    else if (server->is_shedding && (least == 0 || server->space_bytes >= least + least / 8))
        shed(server, false);
}

uint64_t space_lacking(const struct vow_server *server)
{
    uint64_t least = server->settings.space_bytes_min;
    return server->looks > 0 && server->space_bytes < least ? least - server->space_bytes : 0;
}
