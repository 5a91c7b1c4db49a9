#include "coordinator/core/peers.h"

#include <string.h>

#include "proto/assert.h"

/* FNV-1a: names are few and come from configuration. */
static uint32_t *head_of(const struct vow_coord *core, const char *name)
{
    uint32_t hash = 2166136261u;

    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &core->peer_heads[hash & (vow_gtrid_table_heads(core->peers_room) - 1)];
}

uint32_t coord_peer_find(const struct vow_coord *core, const char *name)
{
    uint32_t index = *head_of(core, name);

    while (index != COORD_NIL && strcmp(core->peers[index].name, name) != 0)
        index = core->peers[index].next;
    return index;
}

/* Not connected, and without a branch in memory: nothing here depends on it. */
static uint32_t find_idle(const struct vow_coord *core)
{
    for (uint32_t i = 0; i < core->peers_len; i++) {
        if (core->peers[i].session == 0 && core->peers[i].branches == COORD_NIL)
            return i;
    }
    return COORD_NIL;
}

bool coord_peer_has_room(const struct vow_coord *core)
{
    return core->peers_len < core->limits.peers_max || find_idle(core) != COORD_NIL;
}

static void unindex(struct vow_coord *core, uint32_t index)
{
    uint32_t *at = head_of(core, core->peers[index].name);

    while (*at != index)
        at = &core->peers[*at].next;
    *at = core->peers[index].next;
}

/* Nobody else is to be blamed for the aborts that it caused. */
static void forget_blame(struct vow_coord *core, uint32_t index)
{
    for (uint32_t i = 0; i < core->limits.ended_max; i++) {
        if (core->ended[i].who == index)
            core->ended[i].who = COORD_NIL;
    }
}

/* Whoever is gone and owes nothing makes room: names that come and go must not keep the others out for ever. */
static uint32_t take_slot(struct vow_coord *core)
{
    uint32_t index;

    if (core->peers_len < core->limits.peers_max)
        return core->peers_len++;
    index = find_idle(core);
    if (index != COORD_NIL) {
        unindex(core, index);
        forget_blame(core, index);
    }
    return index;
}

uint32_t coord_peer_intern(struct vow_coord *core, const char *name)
{
    uint32_t index = coord_peer_find(core, name);
    struct peer *peer;

    if (index != COORD_NIL)
        return index;
    VOW_ASSERT(strlen(name) < VOW_NAME_SIZE);
    index = take_slot(core);
    if (index == COORD_NIL)
        return COORD_NIL;
    peer = &core->peers[index];
    memset(peer, 0, sizeof(*peer));
    memcpy(peer->name, name, strlen(name) + 1);
    peer->branches = COORD_NIL;
    coord_peer_index(core, index);
    return index;
}

void coord_peer_index(struct vow_coord *core, uint32_t index)
{
    uint32_t *head = head_of(core, core->peers[index].name);

    core->peers[index].next = *head;
    *head = index;
}

uint32_t coord_peer_of_session(const struct vow_coord *core, uint64_t session)
{
    for (uint32_t i = 0; i < core->peers_len && session != 0; i++) {
        if (core->peers[i].session == session)
            return i;
    }
    return COORD_NIL;
}

static bool has_same_file(const struct peer *peer, const struct branch *branch)
{
    return memcmp(peer->db_uuid, branch->db_uuid, VOW_DB_UUID_BYTES) == 0;
}

/* Lives are counted in the data file: two files may well be in the same one. */
bool coord_peer_is_same_life(const struct vow_coord *core, const struct branch *branch)
{
    const struct peer *peer = branch_peer(core, branch);

    return peer->incarnation == branch->incarnation && has_same_file(peer, branch);
}

bool coord_peer_has_seen(const struct vow_coord *core, const struct branch *branch)
{
    const struct peer *peer = branch_peer(core, branch);

    return peer->incarnation >= branch->incarnation && has_same_file(peer, branch);
}

void coord_peer_link(struct vow_coord *core, struct branch *branch)
{
    struct peer *peer = branch_peer(core, branch);
    uint32_t index = (uint32_t)(branch - core->branches);

    branch->peer_prev = COORD_NIL;
    branch->peer_next = peer->branches;
    if (peer->branches != COORD_NIL)
        core->branches[peer->branches].peer_prev = index;
    peer->branches = index;
}

void coord_peer_unlink(struct vow_coord *core, struct branch *branch)
{
    if (branch->peer_prev != COORD_NIL)
        core->branches[branch->peer_prev].peer_next = branch->peer_next;
    else
        branch_peer(core, branch)->branches = branch->peer_next;
    if (branch->peer_next != COORD_NIL)
        core->branches[branch->peer_next].peer_prev = branch->peer_prev;
}
