/*
 * A cluster with two honest services, and peers made by hand that misbehave beside them. What they do must cost vowd
 * one line in its log, and nobody anything else: world_end() compares all lines and all books.
 */
#ifndef VOW_TESTS_SYSTEM_WORLD_H
#define VOW_TESTS_SYSTEM_WORLD_H

#include "peer.h"

#define PEERS_MAX 48

/* The peers stay open to the end, so that no two have the same address in the log. */
struct world {
    struct cluster cluster;
    struct peer peers[PEERS_MAX];
    unsigned peers_len;
    unsigned warnings, errors; /* lines that vowd should have logged */
    int64_t commits;           /* transactions that should have taken effect */
};

/* service_crash: as for cluster_start(). */
void world_start(struct world *world, const char *service_crash);
/* The cluster is alive, the log has exactly `warnings` and `errors`, every counter is `commits`. */
void world_end(struct world *world);

/* A peer that is connected, and one that is introduced, too. */
struct peer *world_stranger(struct world *world);
struct peer *world_guest(struct world *world, enum vow_role role);

void world_expect_alive(struct world *world);
/* One line about this peer, and it says why. */
void world_expect_line(struct world *world, const struct peer *peer, const char *why);
/* For a peer that cannot read the close, because it must not read. */
void world_wait_for_line(struct world *world, const struct peer *peer, const char *why);
/* vowd closes it, warns once and says why, and goes on with the others. */
void world_expect_dropped(struct world *world, struct peer *peer, const char *why);

#endif
