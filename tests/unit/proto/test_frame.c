#include <criterion/criterion.h>

#include "proto/error.h"
#include "proto/frame.h"

static const uint32_t max = VOW_FRAME_MAX_DEFAULT;

/* Peeks at a header that says `length`, followed by `rest` bytes. */
static int peek(uint32_t length, size_t rest, uint32_t *seen)
{
    static uint8_t data[VOW_FRAME_HEADER_BYTES + VOW_FRAME_MAX_DEFAULT + 1];
    vow_frame_put_length(data, length);
    return vow_frame_peek(data, VOW_FRAME_HEADER_BYTES + rest, max, seen);
}

Test(frame, length_is_big_endian)
{
    uint8_t header[VOW_FRAME_HEADER_BYTES];
    vow_frame_put_length(header, 0x01020304);
    cr_expect_arr_eq(header, ((uint8_t[]){1, 2, 3, 4}), sizeof(header));
}

Test(frame, waits_for_the_header)
{
    const uint8_t header[] = {0, 0, 0, 1};
    for (size_t len = 0; len < sizeof(header); len++) {
        uint32_t length = 99;
        cr_expect_eq(vow_frame_peek(header, len, max, &length), 0);
        cr_expect_eq(length, 0);
    }
}

Test(frame, waits_for_the_body)
{
    uint32_t length;
    for (size_t rest = 0; rest < 10; rest++) {
        cr_expect_eq(peek(10, rest, &length), 0);
        cr_expect_eq(length, 10);
    }
    cr_expect_eq(peek(10, 10, &length), 1);
    cr_expect_eq(peek(10, 11, &length), 1, "the next frame has begun");
    cr_expect_eq(length, 10);
}

/* F161, F160: judged by the header alone. */
Test(frame, F160_F161_length_is_judged_before_the_body)
{
    uint32_t length;
    cr_expect_eq(peek(0, 0, &length), VOW_E_FRAME);
    cr_expect_eq(peek(1, 0, &length), 0);
    cr_expect_eq(peek(1, 1, &length), 1);
    cr_expect_eq(peek(max, 0, &length), 0);
    cr_expect_eq(peek(max, max - 1, &length), 0);
    cr_expect_eq(peek(max, max, &length), 1);
    cr_expect_eq(length, max);
    cr_expect_eq(peek(max + 1, 0, &length), VOW_E_FRAME);
    cr_expect_eq(peek(0x80000000, 0, &length), VOW_E_FRAME);
    cr_expect_eq(peek(0xffffffff, 0, &length), VOW_E_FRAME);
}
