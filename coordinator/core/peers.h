/* The participants: by name, their current connection, and their branches in memory. */
#ifndef VOW_COORDINATOR_PEERS_H
#define VOW_COORDINATOR_PEERS_H

#include "coordinator/core/core.h"

/* By name; COORD_NIL if it was never seen. */
uint32_t coord_peer_find(const struct vow_coord *core, const char *name);
/* By name; makes it, not connected, and in the place of one that is idle if there is no other. COORD_NIL if all are
 * connected or have branches. What is made must be connected, or get a branch, before the next one is. */
uint32_t coord_peer_intern(struct vow_coord *core, const char *name);
/* There is room for one more name. */
bool coord_peer_has_room(const struct vow_coord *core);
/* Puts it into the index of names. */
void coord_peer_index(struct vow_coord *core, uint32_t index);
/* By its current session: looks at all of them, so not for what happens often. */
uint32_t coord_peer_of_session(const struct vow_coord *core, uint64_t session);

/* The branch's participant is, by what its current connection said, still in the life and on the data file that did the
 * work. */
bool coord_peer_is_same_life(const struct vow_coord *core, const struct branch *branch);
/* It is on the same data file, in that life or a later one: only then its ignorance means anything. */
bool coord_peer_has_seen(const struct vow_coord *core, const struct branch *branch);

/* The list of a participant's branches. */
void coord_peer_link(struct vow_coord *core, struct branch *branch);
void coord_peer_unlink(struct vow_coord *core, struct branch *branch);

#endif
