/*
 * What only services with the SQLite store need.
 *
 * Rows that a handler writes are locked by themselves until the transaction's decision. Rows that it only reads are
 * not: two transactions that each read what the other one writes may both commit, each on what the other one has
 * changed meanwhile (write skew). Nor is a row of which an UPDATE changes no value: what is written is what changes, so
 * "UPDATE wallet SET money = money + 0", a lock elsewhere, locks nothing here and is not counted as writing. A handler
 * that decides by what it read holds those rows:
 *
 *     SELECT vow_hold('doctor', name), on_call FROM doctor WHERE ward = 7
 *
 * A row that is held stays as it is until the decision, across restarts of the service: no connection to the file can
 * change or delete it. Any number of transactions may hold one row; to a transaction that wants to write it each of
 * them is a holder as a writer is (enum vow_lock_policy), and so is a writer to one that wants to hold it. What is held
 * are rows that are there. That no new row comes (a phantom) is not, except through what you hold: hold the row that
 * all who insert write to or hold, too.
 *
 * A branch that writes nothing but holds rows is prepared, votes YES and takes part in the decision as one that writes;
 * only a branch without either votes READ_ONLY. The transaction's other branches may not have done their work yet when
 * this one votes, and until they have, what was read here must stay true. In a transaction of a single call, which
 * commits at once, a hold has no effect and needs none.
 *
 * An INTEGER PRIMARY KEY that SQLite chooses is the highest in the table and one. SQLite does not see the rows of
 * prepared branches there, so a second branch chooses the same number, and waits for the first one or is refused.
 * Instead,
 *
 *     INSERT INTO orders (id, what) VALUES (vow_new_key('orders'), 'apples')
 *
 * takes a number that no row has and no prepared branch will have; so does AUTOINCREMENT, of itself. Numbers of aborted
 * branches may be used again by the former and are not by the latter.
 */
#ifndef VOW_SQLITE_H
#define VOW_SQLITE_H

#include <vow/participant.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sqlite3_value; /* <sqlite3.h> */

/* The database, for set-up before start (schema, first rows), on the caller's thread. NULL after start, and with any
 * other store. */
VOW_EXPORT struct sqlite3 *vow_participant_db(struct vow_participant *participant);

/*
 * In a handler, or in work that joins: holds the row of `table` with this primary key. Which transaction has the row
 * meanwhile is found out when that has returned: then the work waits for it, or is refused, as for a row that it
 * writes. Each returns
 *   0                 the row will be held if the branch votes YES
 *   VOW_E_NOT_FOUND   there is no such row, or no such table that can take part
 *   VOW_E_ARGUMENT    the table's primary key has another number of columns
 *   VOW_E_TOO_LARGE   the branch holds 10,000 rows already
 *   VOW_E_STATE       the participant's store is not SQLite's
 *   VOW_E_NO_MEMORY, VOW_E_DATABASE
 * The branch goes on after an error; the handler decides what it means. The key is read during the call. In SQL,
 * vow_hold(TABLE, KEY...) does the same and returns 1; an error is an error of the statement.
 */
VOW_EXPORT VOW_MUST_USE int vow_branch_hold(struct vow_branch *branch, const char *table, int64_t key);
VOW_EXPORT VOW_MUST_USE int vow_branch_hold_text(struct vow_branch *branch, const char *table, const char *key);
/* A key of several columns, or of another type, in the order of the PRIMARY KEY. */
VOW_EXPORT VOW_MUST_USE int vow_branch_hold_key(struct vow_branch *branch, const char *table,
                                                struct sqlite3_value *const *key, size_t key_len);

#ifdef __cplusplus
}
#endif

#endif
