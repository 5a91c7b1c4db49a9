#include "chaos/sim/deed.h"

#include <string.h>

#include "proto/bytes.h"

void sim_deed_encode(const struct sim_deed *deed, uint8_t bytes[SIM_DEED_BYTES])
{
    memset(bytes, 0, SIM_DEED_BYTES);
    bytes[0] = (uint8_t)deed->step;
    bytes[1] = deed->is_refused;
    bytes[2] = deed->is_stubborn;
    vow_bytes_put(bytes + 8, (uint64_t)deed->amount, 8);
}

bool sim_deed_decode(const uint8_t *bytes, size_t len, struct sim_deed *deed)
{
    if (len != SIM_DEED_BYTES)
        return false;
    *deed = (struct sim_deed){.step = bytes[0],
                              .amount = (int64_t)vow_bytes_take(bytes + 8, 8),
                              .is_refused = bytes[1] != 0,
                              .is_stubborn = bytes[2] != 0};
    return true;
}
