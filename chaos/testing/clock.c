/* The clock of <vow/testing.h>. */
#include <vow/testing.h>

#include "proto/net/clock.h"
#include "proto/net/clock_manual.h"

int vow_testing_clock_take(void)
{
    return vow_clock_take();
}

int vow_testing_clock_give_back(void)
{
    return vow_clock_give_back();
}

void vow_testing_clock_advance(uint64_t ms)
{
    vow_clock_advance(ms);
}

void vow_testing_clock_settle(void)
{
    vow_clock_advance(0);
}

uint64_t vow_testing_clock_ms(void)
{
    return vow_clock_ms();
}

void vow_testing_clock_jump_wall(int64_t ms)
{
    vow_clock_jump_wall(ms * 1000);
}
