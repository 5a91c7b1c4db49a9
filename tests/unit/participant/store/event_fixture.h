/*
 * What the tests of events have beside fixture.h: in the SQL of any work, "SELECT publish(TOPIC, KEY)" publishes an
 * event with the payload "p"; and operations of the outbox and the inbox.
 */
#ifndef VOW_TESTS_STORE_EVENT_FIXTURE_H
#define VOW_TESTS_STORE_EVENT_FIXTURE_H

#include "fixture.h"

#define ROWS                                                                                                           \
    "CREATE TABLE t (id INTEGER PRIMARY KEY, v INT CHECK (v >= 0)); INSERT INTO t VALUES (1, 0), (2, 0), (3, 0);"
#define VALUES "SELECT v FROM t ORDER BY id"
#define ADD "UPDATE t SET v = v + 1 WHERE id = 1;"
/* "key number topic", in the order of the rows. */
#define OUTBOX "SELECT agg_key || agg_seq || topic FROM vow_outbox ORDER BY seq"
#define OUTBOX_LEN "SELECT value FROM vow_meta WHERE key = 'outbox_len'"
#define INBOX "SELECT grp || agg_key || agg_seq FROM vow_inbox ORDER BY grp, agg_key, agg_seq"

/* For .init of suites: a service whose handlers do steps and react to events by running them as SQL. */
void service_of_events(void);
/* As service_start() and service_restart(), with publish(). */
void events_start(const char *schema);
void events_restart(void);
/* What publish() has answered last: an error of vow_store_sqlite_publish(). */
extern int publish_error;
/* The handler refuses in these words, unless NULL. */
extern const char *says_no;

/* On another connection, in one transaction: the SQL, then such an event. end is "COMMIT" or "ROLLBACK". */
int publish_outside(const char *sql, const char *topic, const char *key, const char *end);

/* One delivery: the reaction is SQL. What the store says is in `delivered`. */
struct delivering {
    struct work work;
    struct vow_store_delivery delivery;
};
extern struct delivering delivered;
struct delivering delivering_of(const char *group, uint64_t offset, const char *key, uint64_t key_seq, const char *sql);
int run_delivering(struct delivering *delivering);
enum vow_event_result deliver(const char *group, uint64_t offset, const char *key, uint64_t key_seq, const char *sql);

/* The step `seq` of a saga. */
enum vow_step_result step_of_saga(uint64_t seq, const char *sql);

/* A read that the store may keep. */
struct reading {
    struct work work;
    struct vow_store_outbox outbox;
};
/* skip: keys of one letter; true if the store has answered. */
bool read_outbox(struct reading *reading, const char *skip, const char *after, uint32_t max);
/* What was read, as "key number topic" joined by ' '; frees it. */
const char *take_read(struct reading *reading);
/* The coordinator has it. */
void outbox_sent(const char *key, uint64_t key_seq);

#endif
