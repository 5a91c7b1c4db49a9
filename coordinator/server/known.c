/* What is remembered of participants beside what the core needs: for operators, bounded by the core's own table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"

struct known *known_find(const struct vow_server *server, const char *name)
{
    struct known *known = NULL;
    HASH_FIND_STR(server->known, name, known);
    return known;
}

/* Beyond the limit the first one goes: uthash keeps them in the order they came in. Without memory one participant is
 * told of with less. */
static struct known *intern(struct vow_server *server, const char *name)
{
    struct known *known = known_find(server, name);
    if (known != NULL)
        return known;
    if (HASH_COUNT(server->known) >= server->limits.peers_max) {
        known = server->known;
        HASH_DEL(server->known, known);
        free(known);
    }
    known = calloc(1, sizeof(*known));
    if (known == NULL)
        return NULL;
    snprintf(known->name, sizeof(known->name), "%s", name);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it does not see that uthash has unlinked the one that went */
    HASH_ADD_STR(server->known, name, known);
    return known;
}

void known_seen(struct vow_server *server, const struct session *session)
{
    struct known *known = intern(server, session->name);
    if (known == NULL)
        return;
    snprintf(known->software, sizeof(known->software), "%s", session->software);
    snprintf(known->address, sizeof(known->address), "%s", session->address);
    known->seen_ms = vow_clock_ms();
    memcpy(known->db_uuid, session->peer.db_uuid, sizeof(known->db_uuid));
}

void known_free(struct vow_server *server)
{
    struct known *known, *next;
    HASH_ITER(hh, server->known, known, next)
    {
        HASH_DEL(server->known, known); /* NOLINT(clang-analyzer-unix.Malloc): it does not see that uthash unlinks */
        free(known);
    }
}
