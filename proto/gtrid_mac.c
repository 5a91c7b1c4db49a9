/* The keyed part of an id: SipHash-2-4 (Aumasson and Bernstein, 2012) over coord | epoch | seq, big-endian. */
#include "proto/gtrid_mac.h"

#include "proto/gtrid.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void rounds(struct sip *s, int count)
{
    while (count-- > 0) {
        s->v0 += s->v1;
        s->v1 = rotate(s->v1, 13) ^ s->v0;
        s->v0 = rotate(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotate(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotate(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotate(s->v1, 17) ^ s->v2;
        s->v2 = rotate(s->v2, 32);
    }
}

/* Up to 8 bytes as a little-endian word. */
static uint64_t word(const uint8_t *at, size_t len)
{
    uint64_t value = 0;
    while (len > 0)
        value = value << 8 | at[--len];
    return value;
}

static void absorb(struct sip *s, uint64_t m)
{
    s->v3 ^= m;
    rounds(s, 2);
    s->v0 ^= m;
}

uint64_t gtrid_siphash(const uint8_t key[16], const uint8_t *data, size_t len)
{
    const uint64_t k0 = word(key, 8);
    const uint64_t k1 = word(key + 8, 8);
    struct sip s = {k0 ^ UINT64_C(0x736f6d6570736575), k1 ^ UINT64_C(0x646f72616e646f6d),
                    k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    const size_t tail = len % 8;
    for (size_t i = 0; i + 8 <= len; i += 8)
        absorb(&s, word(data + i, 8));
    absorb(&s, (uint64_t)len << 56 | word(data + len - tail, tail));
    s.v2 ^= 0xff;
    rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t vow_gtrid_mac(const uint8_t secret[16], uint64_t coord, uint32_t epoch, uint64_t seq)
{
    /* The id's own first 17 bytes are just that: coord | epoch | seq, big-endian, without flags and rand. */
    const struct vow_gtrid g = vow_gtrid_make(coord, epoch, seq, 0, 0);
    return gtrid_siphash(secret, g.bytes, 17);
}
