#include "chaos/sim/deed.h"

#include <string.h>

void sim_deed_encode(const struct sim_deed *deed, uint8_t bytes[SIM_DEED_BYTES])
{
    memset(bytes, 0, SIM_DEED_BYTES);
    bytes[0] = (uint8_t)deed->step;
    bytes[1] = deed->is_refused;
    bytes[2] = deed->is_stubborn;
    for (int i = 0; i < 8; i++)
        bytes[8 + i] = (uint8_t)((uint64_t)deed->amount >> 8 * i);
}

bool sim_deed_decode(const uint8_t *bytes, size_t len, struct sim_deed *deed)
{
    uint64_t amount = 0;

    if (len != SIM_DEED_BYTES)
        return false;
    for (int i = 0; i < 8; i++)
        amount |= (uint64_t)bytes[8 + i] << 8 * i;
    *deed = (struct sim_deed){
        .step = bytes[0], .amount = (int64_t)amount, .is_refused = bytes[1] != 0, .is_stubborn = bytes[2] != 0};
    return true;
}
