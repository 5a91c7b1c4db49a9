/* The fuzzer's bytes, read as choices. When they are used up every choice is 0, so each input means something. */
#ifndef VOW_FUZZ_INPUT_H
#define VOW_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct input {
    const uint8_t *at, *end;
};

static inline size_t input_left(const struct input *in)
{
    return (size_t)(in->end - in->at);
}

static inline uint8_t input_byte(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* 0 to below - 1. */
static inline uint32_t input_below(struct input *in, uint32_t below)
{
    return below == 0 ? 0 : input_byte(in) % below;
}

static inline uint64_t input_number(struct input *in, unsigned bytes)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < bytes; i++)
        number = number << 8 | input_byte(in);
    return number;
}

#endif
