#include "coordinator/core/keys.h"

#include "coordinator/core/damage.h"
#include "coordinator/core/emit.h"
#include "coordinator/core/txn.h"
#include "proto/assert.h"
#include "proto/error.h"

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
    uint32_t index = vow_key_table_find(&core->keys, key);
    const struct keyed *keyed = index != KEY_NIL ? &core->keys.items[index] : NULL;
    struct txn *txn;

    if (keyed == NULL || vow_gtrid_equal(&keyed->gtrid, in->gtrid))
        return false;
    answer.named = keyed->gtrid;
    txn = txn_find(core, &answer.named);
    if (!keyed->is_kept) {
        VOW_ASSERT(txn != NULL);
        if (in->event == TXN_ON_BEGIN && txn->state != TXN_ACTIVE) { /* it is about to end: then it can be told */
            coord_reply_error(core, in->session, in->gtrid, VOW_E_BUSY);
            return true;
        }
        if (in->event == TXN_ON_BEGIN)
            adopt(core, in, txn);
        answer.outcome = VOW_PENDING;
    } else {
        answer.error = txn != NULL ? txn_told_damage(txn) : vow_damage_error((enum vow_damage)keyed->damage);
    }
    coord_reply(core, in->session, &answer);
    return true;
}

bool coord_has_key_room(const struct vow_coord *core, const char *key)
{
    return vow_key_is_none(key) || vow_key_table_has_room(&core->keys);
}

void coord_bind_key(struct vow_coord *core, struct txn *txn, const char *key)
{
    if (!vow_key_is_none(key))
        txn->key = vow_key_table_add(&core->keys, key, &txn->gtrid);
}

void coord_log_key(struct vow_coord *core, const struct txn *txn)
{
    struct vow_record *record;

    if (txn->key == COORD_NIL)
        return;
    record = coord_log(core, VOW_RECORD_KEY, &txn->gtrid, 0, false);
    coord_copy_text(record->text, sizeof(record->text), core->keys.items[txn->key].key);
}

void coord_keep_key(struct vow_coord *core, const struct txn *txn)
{
    if (txn->key != COORD_NIL)
        vow_key_table_keep(&core->keys, txn->key);
}

/* A committed one may have been forgotten since, and its place been given away. */
void coord_release_key(struct vow_coord *core, const struct txn *txn)
{
    const struct keyed *keyed = txn->key != COORD_NIL ? &core->keys.items[txn->key] : NULL;

    if (keyed != NULL && !keyed->is_kept && vow_gtrid_equal(&keyed->gtrid, &txn->gtrid))
        vow_key_table_drop(&core->keys, txn->key);
}

/* Rare, so that looking through all of them is good enough. */
void coord_damage_key(struct vow_coord *core, const struct vow_gtrid *gtrid, enum vow_damage damage)
{
    const struct key_table *keys = &core->keys;

    for (uint32_t i = keys->oldest; i != KEY_NIL; i = keys->items[i].newer) {
        if (vow_gtrid_equal(&keys->items[i].gtrid, gtrid))
            keys->items[i].damage = (uint8_t)damage;
    }
}

void coord_recover_key(struct vow_coord *core, const struct vow_record *record)
{
    uint32_t index;

    if (!vow_key_is_valid(record->text) || vow_key_table_find(&core->keys, record->text) != KEY_NIL)
        return;
    index = vow_key_table_add(&core->keys, record->text, &record->gtrid);
    core->keys.items[index].damage = (uint8_t)record->detail;
    vow_key_table_keep(&core->keys, index);
}
