#include "crash.h"

#include <criterion/criterion.h>

void expect_crash_survived(struct cluster *cluster, struct commit *commit, const char *point, int expected)
{
    enum vow_outcome outcome = commit_wait(cluster, commit);
    if (expected != EITHER)
        cr_expect_eq((int)outcome, expected, "%s, %u services: outcome %s", point, cluster->services_len,
                     vow_outcome_name((int)outcome));
    cluster_expect_counters(cluster, outcome == VOW_COMMITTED ? 1 : 0);
    cluster_expect_alive(cluster);
    cluster_expect_counters(cluster, outcome == VOW_COMMITTED ? 2 : 1);
    cluster_end(cluster);
}
