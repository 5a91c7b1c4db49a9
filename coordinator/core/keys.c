#include "coordinator/core/keys.h"

#include <string.h>

#include "coordinator/core/damage.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"
#include "proto/error.h"

void coord_keys_init(struct vow_coord *core)
{
    const uint32_t max = core->limits.keys_max;

    for (uint32_t i = 0; i < max; i++)
        core->keys[i].next = i + 1 < max ? i + 1 : COORD_NIL;
    for (uint32_t i = 0; i < vow_gtrid_table_heads(max); i++)
        core->key_heads[i] = COORD_NIL;
    core->keys_free = 0;
    core->keys_oldest = core->keys_newest = COORD_NIL;
}

static bool is_none(const char *key)
{
    return key == NULL || key[0] == '\0';
}

/* FNV-1a. Who may speak to the coordinator at all may choose keys: a long chain slows his own requests. */
static uint32_t *head_of(const struct vow_coord *core, const char *key)
{
    uint32_t hash = 2166136261u;

    for (const char *c = key; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    return &core->key_heads[hash & (vow_gtrid_table_heads(core->limits.keys_max) - 1)];
}

static uint32_t find(const struct vow_coord *core, const char *key)
{
    uint32_t index = *head_of(core, key);

    while (index != COORD_NIL && strcmp(core->keys[index].key, key) != 0)
        index = core->keys[index].next;
    return index;
}

static void drop(struct vow_coord *core, uint32_t index)
{
    uint32_t *at = head_of(core, core->keys[index].key);

    while (*at != index)
        at = &core->keys[*at].next;
    *at = core->keys[index].next;
    core->keys[index].next = core->keys_free;
    core->keys_free = index;
}

/* The window moves on: the oldest committed one is forgotten. */
static void make_room(struct vow_coord *core)
{
    uint32_t oldest = core->keys_oldest;

    if (core->keys_free != COORD_NIL)
        return;
    VOW_ASSERT(oldest != COORD_NIL);
    core->keys_oldest = core->keys[oldest].newer;
    if (core->keys_oldest == COORD_NIL)
        core->keys_newest = COORD_NIL;
    drop(core, oldest);
}

static uint32_t add(struct vow_coord *core, const char *key, const struct vow_gtrid *gtrid)
{
    uint32_t *head = head_of(core, key);
    uint32_t index;

    make_room(core);
    index = core->keys_free;
    core->keys_free = core->keys[index].next;
    core->keys[index] = (struct keyed){.gtrid = *gtrid, .next = *head, .newer = COORD_NIL};
    coord_copy_text(core->keys[index].key, VOW_KEY_SIZE, key);
    *head = index;
    return index;
}

static void keep(struct vow_coord *core, uint32_t index)
{
    if (core->keys[index].committed)
        return;
    core->keys[index].committed = true;
    if (core->keys_newest != COORD_NIL)
        core->keys[core->keys_newest].newer = index;
    else
        core->keys_oldest = index;
    core->keys_newest = index;
}

/* A client that begins again on a new connection goes on with what it began (F063). */
static void adopt(struct vow_coord *core, const struct input *in, struct txn *txn)
{
    txn->client = in->session;
    txn->client_lost = false;
    txn_arm(core, txn, txn->expires_ms);
}

bool coord_answer_by_key(struct vow_coord *core, const struct input *in, const char *key)
{
    struct vow_msg_outcome answer = {.gtrid = *in->gtrid, .outcome = VOW_COMMITTED, .participant = "", .text = ""};
    uint32_t index = is_none(key) ? COORD_NIL : find(core, key);
    struct txn *txn;

    if (index == COORD_NIL || vow_gtrid_equal(&core->keys[index].gtrid, in->gtrid))
        return false;
    answer.named = core->keys[index].gtrid;
    txn = txn_find(core, &answer.named);
    if (!core->keys[index].committed) {
        VOW_ASSERT(txn != NULL);
        if (in->event == TXN_ON_BEGIN && txn->state != TXN_ACTIVE) { /* it is about to end: then it can be told */
            coord_reply_error(core, in->session, in->gtrid, VOW_E_BUSY);
            return true;
        }
        if (in->event == TXN_ON_BEGIN)
            adopt(core, in, txn);
        answer.outcome = VOW_PENDING;
    } else {
        answer.error = txn != NULL ? txn_told_damage(txn) : vow_damage_error((enum vow_damage)core->keys[index].damage);
    }
    coord_reply(core, in->session, &answer);
    return true;
}

bool coord_has_key_room(const struct vow_coord *core, const char *key)
{
    return is_none(key) || core->keys_free != COORD_NIL || core->keys_oldest != COORD_NIL;
}

void coord_bind_key(struct vow_coord *core, struct txn *txn, const char *key)
{
    if (!is_none(key))
        txn->key = add(core, key, &txn->gtrid);
}

void coord_log_key(struct vow_coord *core, const struct txn *txn)
{
    struct vow_record *record;

    if (txn->key == COORD_NIL)
        return;
    record = coord_log(core, VOW_RECORD_KEY, &txn->gtrid, 0, false);
    coord_copy_text(record->text, sizeof(record->text), core->keys[txn->key].key);
}

void coord_keep_key(struct vow_coord *core, const struct txn *txn)
{
    if (txn->key != COORD_NIL)
        keep(core, txn->key);
}

/* A committed one may have been forgotten since, and its place been given away. */
void coord_release_key(struct vow_coord *core, const struct txn *txn)
{
    if (txn->key != COORD_NIL && !core->keys[txn->key].committed &&
        vow_gtrid_equal(&core->keys[txn->key].gtrid, &txn->gtrid))
        drop(core, txn->key);
}

/* Rare, so that looking through all of them is good enough. */
void coord_damage_key(struct vow_coord *core, const struct vow_gtrid *gtrid, enum vow_damage damage)
{
    for (uint32_t i = core->keys_oldest; i != COORD_NIL; i = core->keys[i].newer) {
        if (vow_gtrid_equal(&core->keys[i].gtrid, gtrid))
            core->keys[i].damage = (uint8_t)damage;
    }
}

void coord_recover_key(struct vow_coord *core, const struct vow_record *record)
{
    uint32_t index;

    if (!vow_key_is_valid(record->text) || find(core, record->text) != COORD_NIL)
        return;
    index = add(core, record->text, &record->gtrid);
    core->keys[index].damage = (uint8_t)record->detail;
    keep(core, index);
}
