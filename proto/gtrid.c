#include "proto/gtrid.h"

#include <string.h>

#include "proto/assert.h"

/* Where each part begins, and its length: coord 6 | epoch 4 | seq 7 | flags 1 | rand 8. */
enum { COORD_AT = 0, EPOCH_AT = 6, SEQ_AT = 10, FLAGS_AT = 17, RAND_AT = 18 };
enum { COORD_LEN = 6, EPOCH_LEN = 4, SEQ_LEN = 7, RAND_LEN = 8 };

/* Parts are big-endian, so that memcmp() of two ids orders them as (coord, epoch, seq). */
static void put(uint8_t *at, size_t len, uint64_t value)
{
    while (len > 0) {
        at[--len] = (uint8_t)value;
        value >>= 8;
    }
}

static uint64_t get(const uint8_t *at, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

struct vow_gtrid vow_gtrid_make(uint64_t coord, uint32_t epoch, uint64_t seq, uint8_t flags, uint64_t rand)
{
    VOW_ASSERT(coord <= VOW_COORD_MAX);
    VOW_ASSERT(seq <= VOW_SEQ_MAX);
    struct vow_gtrid g;
    put(g.bytes + COORD_AT, COORD_LEN, coord);
    put(g.bytes + EPOCH_AT, EPOCH_LEN, epoch);
    put(g.bytes + SEQ_AT, SEQ_LEN, seq);
    g.bytes[FLAGS_AT] = flags;
    put(g.bytes + RAND_AT, RAND_LEN, rand);
    return g;
}

uint64_t vow_gtrid_coord(const struct vow_gtrid *g)
{
    return get(g->bytes + COORD_AT, COORD_LEN);
}

uint32_t vow_gtrid_epoch(const struct vow_gtrid *g)
{
    return (uint32_t)get(g->bytes + EPOCH_AT, EPOCH_LEN);
}

uint64_t vow_gtrid_seq(const struct vow_gtrid *g)
{
    return get(g->bytes + SEQ_AT, SEQ_LEN);
}

uint8_t vow_gtrid_flags(const struct vow_gtrid *g)
{
    return g->bytes[FLAGS_AT];
}

uint64_t vow_gtrid_rand(const struct vow_gtrid *g)
{
    return get(g->bytes + RAND_AT, RAND_LEN);
}

bool vow_gtrid_equal(const struct vow_gtrid *a, const struct vow_gtrid *b)
{
    return memcmp(a->bytes, b->bytes, VOW_GTRID_BYTES) == 0;
}

bool vow_gtrid_is_none(const struct vow_gtrid *g)
{
    static const struct vow_gtrid none;
    return vow_gtrid_equal(g, &none);
}

bool vow_gtrid_below(const struct vow_gtrid *g, struct vow_watermark w)
{
    const uint32_t epoch = vow_gtrid_epoch(g);
    return epoch < w.epoch || (epoch == w.epoch && vow_gtrid_seq(g) < w.seq);
}

/* The finalizer of MurmurHash3: every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

uint64_t vow_gtrid_hash(const struct vow_gtrid *g)
{
    /* Words at 0, 8, 16 and 18: the last two overlap, and together they cover all 26 bytes. */
    uint64_t hash = mix(get(g->bytes, 8));
    hash = mix(hash ^ get(g->bytes + 8, 8));
    hash = mix(hash ^ get(g->bytes + 16, 8));
    return mix(hash + get(g->bytes + 18, 8));
}

/* Crockford's base32 in lower case. It ascends in ASCII, so printed ids sort like the ids. */
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

void vow_gtrid_to_text(const struct vow_gtrid *g, char text[VOW_GTRID_TEXT_SIZE])
{
    unsigned window = 0; /* bits read and not printed yet, at the low end */
    unsigned bits = 0;
    size_t out = 0;
    for (size_t i = 0; i < VOW_GTRID_BYTES; i++) {
        window = (window << 8 | g->bytes[i]) & 0xfff;
        for (bits += 8; bits >= 5; bits -= 5)
            text[out++] = digits[window >> (bits - 5) & 31];
    }
    /* 208 bits fill 41 characters and 3 bits of the last. */
    text[out++] = digits[window << (5 - bits) & 31];
    text[out] = '\0';
}

/* The value of a digit, or -1. */
static int digit_value(char c)
{
    const int lower = c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
    const char *at = lower == '\0' ? NULL : strchr(digits, lower);
    return at == NULL ? -1 : (int)(at - digits);
}

bool vow_gtrid_from_text(const char *text, size_t len, struct vow_gtrid *g)
{
    if (len != VOW_GTRID_TEXT_LEN)
        return false;
    struct vow_gtrid read;
    unsigned window = 0;
    unsigned bits = 0;
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        const int value = digit_value(text[i]);
        if (value < 0)
            return false;
        window = (window << 5 | (unsigned)value) & 0xfff;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            read.bytes[out++] = (uint8_t)(window >> bits);
        }
    }
    /* Padding must be zero: one id has one printed form. */
    if ((window & ((1u << bits) - 1)) != 0)
        return false;
    *g = read;
    return true;
}
