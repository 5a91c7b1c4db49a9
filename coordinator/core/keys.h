/*
 * Idempotency keys. A client's key names one transaction: the first that began with it, unless that was aborted, for
 * then nothing was done and the key is free again. A request with the key of another transaction begins nothing and is
 * answered with that one.
 *
 * A key is kept in memory while its transaction may still commit, and after that as one of the newest keys_max. The KEY
 * record goes to the log in front of its COMMIT, so that it is durable with it: at the next start the keys of committed
 * transactions are known again. Those of others are not, and need not be: they can never commit (protocol 2.2-key).
 */
#ifndef VOW_COORDINATOR_KEYS_H
#define VOW_COORDINATOR_KEYS_H

#include "coordinator/core/core.h"

/* Answers a request whose key names another transaction than its id. False if it does not. */
bool coord_answer_by_key(struct vow_coord *core, const struct input *in, const char *key);
/* Room for one more key; NULL and "" are none and need none. */
bool coord_has_key_room(const struct vow_coord *core, const char *key);
/* From now on the key, if there is one, names the transaction. There is room (asserted). */
void coord_bind_key(struct vow_coord *core, struct txn *txn, const char *key);
/* Its transaction commits with the record that is logged next. */
void coord_log_key(struct vow_coord *core, const struct txn *txn);
/* The transaction has committed: its key is kept. */
void coord_keep_key(struct vow_coord *core, const struct txn *txn);
/* The transaction leaves memory. */
void coord_release_key(struct vow_coord *core, const struct txn *txn);
/* A KEY record from the log, oldest first. */
void coord_recover_key(struct vow_coord *core, const struct vow_record *record);

/* Its transaction ends, and was not atomic: who asks by the key hears so, as who asks by the id does. */
void coord_damage_key(struct vow_coord *core, const struct vow_gtrid *gtrid, enum vow_damage damage);

#endif
