#include "world.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void world_start(struct world *world, const char *service_crash)
{
    memset(world, 0, sizeof(*world));
    cluster_init(&world->cluster);
    world->cluster.keeps_log = true;
    cluster_run(&world->cluster, 2, NULL, service_crash);
}

static struct peer *new_peer(struct world *world)
{
    cr_assert_lt(world->peers_len, PEERS_MAX);
    return &world->peers[world->peers_len++];
}

struct peer *world_stranger(struct world *world)
{
    struct peer *peer = new_peer(world);
    peer_connect(peer, &world->cluster);
    return peer;
}

struct peer *world_guest(struct world *world, enum vow_role role)
{
    struct peer *peer = new_peer(world);
    peer_open(peer, &world->cluster, role, "rogue");
    return peer;
}

void world_expect_alive(struct world *world)
{
    cluster_expect_alive(&world->cluster);
    world->commits++;
}

void world_end(struct world *world)
{
    world_expect_alive(world);
    cluster_expect_counters(&world->cluster, world->commits);
    char *log = cluster_log(&world->cluster);
    cr_expect_eq(lines_with(log, "level=warn", ""), world->warnings, "not %u warnings:\n%s", world->warnings, log);
    cr_expect_eq(lines_with(log, "level=error", ""), world->errors, "not %u errors:\n%s", world->errors, log);
    free(log);
    for (unsigned i = 0; i < world->peers_len; i++)
        peer_close(&world->peers[i]);
    cluster_end(&world->cluster);
}

/* One line about this peer, and it says why. */
void world_expect_line(struct world *world, const struct peer *peer, const char *why)
{
    char who[80];
    char *log = cluster_log(&world->cluster);
    snprintf(who, sizeof(who), "peer=%s ", peer->address);
    cr_expect_eq(lines_with(log, who, ""), 1, "not one line about %s (%s):\n%s", peer->address, why, log);
    cr_expect_eq(lines_with(log, who, why), 1, "\"%s\" is not what is said of %s:\n%s", why, peer->address, log);
    free(log);
}

/* For a peer that cannot read the close, because it must not read. */
void world_wait_for_line(struct world *world, const struct peer *peer, const char *why)
{
    char who[80];
    unsigned found = 0;
    snprintf(who, sizeof(who), "peer=%s ", peer->address);
    while (found == 0) {
        char *log = cluster_log(&world->cluster);
        found = lines_with(log, who, why);
        free(log);
        poll(NULL, 0, 1); /* the suite's time-out is the bound */
    }
}

void world_expect_dropped(struct world *world, struct peer *peer, const char *why)
{
    peer_expect_closed(peer);
    world->warnings++;
    world_expect_line(world, peer, why);
    world_expect_alive(world);
}
