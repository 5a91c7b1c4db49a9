/* vowd dies for ever: participants in doubt end as one of them knows it ended (protocol 2.6). */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "kit.h"

/* Two inquiries without an answer come first: some 14 s. */
TestSuite(peers_system, .timeout = 120);

static void start(struct cluster *cluster, uint32_t services, const char *vowd_crash)
{
    cr_assert_eq(setenv("SERVICE_PEER_LISTEN", "127.0.0.1:0", 1), 0);
    cluster_init(cluster);
    cluster->keeps_service_logs = true;
    cluster_run(cluster, services, vowd_crash, NULL);
}

/* F009, and guarantee 5: one participant has heard COMMIT, and vowd never comes back. */
Test(peers_system, F009_all_commit_though_vowd_never_comes_back)
{
    struct cluster cluster;
    struct commit commit;

    start(&cluster, 3, "send.after.COMMIT");
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    cluster_expect_counters(&cluster, 1);
    /* The first hears it from vowd, the others from a peer; nobody has decided alone. */
    unsigned said = 0;
    for (uint32_t i = 0; i < 3; i++) {
        char *log = service_log(&cluster, i);
        said += lines_with(log, "level=error", "");
        free(log);
    }
    cr_expect_eq(said, 0, "alarms");
    cluster_end(&cluster);
}

/* The one in doubt is killed, too, and asks when it is back: whom, lies with the prepared branch. */
Test(peers_system, F009_F034_the_one_in_doubt_dies_too)
{
    struct cluster cluster;
    struct commit commit;

    start(&cluster, 2, "send.after.COMMIT");
    commit_start(&cluster, &commit, "add");
    process_wait_killed(&cluster.vowd);
    cluster_expect_counter(&cluster, 0, 1);
    process_kill(&cluster.services[1]);
    service_spawn(&cluster, 1, NULL);
    cluster_expect_counters(&cluster, 1);
    process_kill(&cluster.services[1]); /* it waits for vowd, and hears no SIGTERM until then */
    cluster_end(&cluster);
}
