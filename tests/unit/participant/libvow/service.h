/* A participant for the tests, and the coordinator's part of the protocol towards it. */
#ifndef VOW_TEST_LIBVOW_SERVICE_H
#define VOW_TEST_LIBVOW_SERVICE_H

#include <vow/sqlite.h>

#include "fake.h"

/* The id of a transaction of the fake coordinator, in its present epoch. */
struct vow_gtrid service_id(const struct fake *fake, uint64_t seq);

/* options.lock_wait_ms of those that are opened from now on. */
extern uint32_t service_lock_wait_ms;

/* Opened and not started. path NULL: the null store. */
struct vow_participant *service_open(const struct fake *fake, const char *path);

/* PREPARE, or COMMIT_ONE_PHASE, for branch 0 with one call. */
void service_prepare(struct fake *fake, const struct vow_gtrid *id, const char *handler, const char *payload);
void service_one_phase(struct fake *fake, const struct vow_gtrid *id, const char *handler, const char *payload);
void service_decide(struct fake *fake, const struct vow_gtrid *id, enum vow_verdict verdict);

/* Prepares and expects this vote; returns what was heard. */
const struct heard *service_vote(struct fake *fake, const struct vow_gtrid *id, const char *handler,
                                 const char *payload, enum vow_vote vote);
/* Commits and expects the acknowledgement. */
void service_commit(struct fake *fake, const struct vow_gtrid *id);

#endif
