/* What a step of a saga does at its participant (purse.h), on the wire: whoever judges reads it, too. Pure. */
#ifndef VOW_CHAOS_SIM_DEED_H
#define VOW_CHAOS_SIM_DEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A step as the payload of both of its handlers, and back. */
struct sim_deed {
    uint32_t step;
    int64_t amount;
    bool is_refused;  /* its action is, for good; a retriable one, which may not be: now and then */
    bool is_stubborn; /* its compensation is, now and then */
};
#define SIM_DEED_BYTES 16
void sim_deed_encode(const struct sim_deed *deed, uint8_t bytes[SIM_DEED_BYTES]);
bool sim_deed_decode(const uint8_t *bytes, size_t len, struct sim_deed *deed);

#endif
