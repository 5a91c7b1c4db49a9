/* The crash points of <vow/testing.h>. */
#include <stdio.h>
#include <vow/testing.h>

#include "chaos/points/points.h"
#include "proto/net/crash.h"

void vow_testing_crash_point(const char *name)
{
    if (vow_crash_hit_named(name))
        vow_crash_now();
}

int vow_testing_crash_at(const char *point)
{
    return vow_crash_arm(point);
}

void vow_testing_on_crash(vow_testing_crash_fn *fn, void *ctx)
{
    vow_crash_set_hook(fn, ctx);
}

void vow_testing_crash_record(int on)
{
    vow_crash_record(on != 0);
}

void vow_testing_crash_points_met(vow_testing_met_fn *fn, void *ctx)
{
    vow_crash_each_met(fn, ctx);
}

const char *vow_testing_crash_point_name(size_t i)
{
    return points_name(i);
}
