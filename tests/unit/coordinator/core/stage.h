/* One transaction in any state, and what it can be given: for tests that go through the whole table of coord.def. */
#ifndef VOW_TEST_STAGE_H
#define VOW_TEST_STAGE_H

#include "coordinator/core/core.h"
#include "fixture.h"

/* One transaction of one participant, brought to a state. */
struct stage {
    struct fixture f;
    uint64_t client, peer;
    struct vow_gtrid id;
    struct vow_msg_header header;
    struct vow_coord_lookup lookup;
};

void stage_reach(struct stage *s, enum txn_state state);
/* Makes the event happen. Returns false if this state has no way to feel it. */
bool stage_feed(struct stage *s, enum txn_event event);
void stage_commit(struct stage *s);
/* The record that is waited for, which is the last of those that a step may log, is durable. */
void stage_log_done(struct stage *s);

#endif
