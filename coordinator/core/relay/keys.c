/*
 * The keys that were published under, and the newest number of each: what a duplicate and a gap are told by. They are
 * many, and most are of things that are over, so the one that was published under longest ago is forgotten for a new
 * one. What comes under it then begins anew, with whatever number it has: a publisher sends nothing before its last
 * event was acknowledged, and consumers know a duplicate by themselves.
 */
#include <string.h>

#include "coordinator/core/relay/core.h"
#include "proto/assert.h"
#include "proto/gtrid_table.h"

/* FNV-1a. */
static uint32_t *head_of(const struct vow_relay *core, const uint8_t db_uuid[VOW_DB_UUID_BYTES], const char *name)
{
    uint32_t hash = 2166136261u;

    for (uint32_t i = 0; i < VOW_DB_UUID_BYTES; i++)
        hash = (hash ^ db_uuid[i]) * 16777619u;
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &core->key_heads[hash & (vow_gtrid_table_heads(core->limits.keys_max) - 1)];
}

uint32_t key_find(const struct vow_relay *core, const uint8_t db_uuid[VOW_DB_UUID_BYTES], const char *name)
{
    uint32_t index = *head_of(core, db_uuid, name);

    while (index != RELAY_NIL && (strcmp(core->keys[index].name, name) != 0 ||
                                  memcmp(core->keys[index].db_uuid, db_uuid, VOW_DB_UUID_BYTES) != 0))
        index = core->keys[index].next;
    return index;
}

/* ---- by when they were published under ---- */

static void unlink_age(struct vow_relay *core, uint32_t index)
{
    struct key *key = &core->keys[index];

    if (key->older != RELAY_NIL)
        core->keys[key->older].newer = key->newer;
    else
        core->oldest_key = key->newer;
    if (key->newer != RELAY_NIL)
        core->keys[key->newer].older = key->older;
    else
        core->newest_key = key->older;
}

static void link_newest(struct vow_relay *core, uint32_t index)
{
    struct key *key = &core->keys[index];

    key->older = core->newest_key;
    key->newer = RELAY_NIL;
    if (core->newest_key != RELAY_NIL)
        core->keys[core->newest_key].newer = index;
    else
        core->oldest_key = index;
    core->newest_key = index;
}

static void forget(struct vow_relay *core, uint32_t index)
{
    struct key *key = &core->keys[index];
    uint32_t *link = head_of(core, key->db_uuid, key->name);

    while (*link != index)
        link = &core->keys[*link].next;
    *link = key->next;
    unlink_age(core, index);
    key->next = core->keys_free;
    core->keys_free = index;
    core->keys_len--;
}

static void make_room(struct vow_relay *core)
{
    uint32_t index = core->oldest_key;

    while (index != RELAY_NIL && core->keys[index].refs > 0)
        index = core->keys[index].newer;
    if (index != RELAY_NIL)
        forget(core, index);
}

uint32_t key_intern(struct vow_relay *core, const uint8_t db_uuid[VOW_DB_UUID_BYTES], const char *name)
{
    uint32_t index = key_find(core, db_uuid, name), *head = head_of(core, db_uuid, name);
    struct key *key;

    if (index != RELAY_NIL)
        return index;
    if (core->keys_len >= core->limits.keys_max)
        make_room(core);
    if (core->keys_free == RELAY_NIL)
        return RELAY_NIL;
    VOW_ASSERT(strlen(name) < VOW_EVENT_KEY_SIZE);
    index = core->keys_free;
    key = &core->keys[index];
    core->keys_free = key->next;
    core->keys_len++;
    *key = (struct key){.logging = RELAY_NIL, .next = *head};
    memcpy(key->db_uuid, db_uuid, VOW_DB_UUID_BYTES);
    memcpy(key->name, name, strlen(name) + 1);
    *head = index;
    link_newest(core, index);
    return index;
}

void key_published(struct vow_relay *core, uint32_t index, uint64_t seq, uint64_t lsn)
{
    struct key *key = &core->keys[index];

    if (seq > key->seq) {
        key->seq = seq;
        key->lsn = lsn;
    }
    unlink_age(core, index);
    link_newest(core, index);
}

void key_ref(struct vow_relay *core, uint32_t index)
{
    core->keys[index].refs++;
}

void key_unref(struct vow_relay *core, uint32_t index)
{
    VOW_ASSERT(core->keys[index].refs > 0);
    core->keys[index].refs--;
}
