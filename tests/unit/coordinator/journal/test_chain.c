#include <criterion/criterion.h>
#include <string.h>

#include "coordinator/journal/chain.h"

static struct journal_chain chain;

static void setup(void)
{
    cr_assert_eq(journal_chain_init(&chain), 0);
}

static void teardown(void)
{
    journal_chain_deinit(&chain);
}

TestSuite(chain, .init = setup, .fini = teardown);

static struct journal_hash hash_of(const struct journal_hash *before, const struct journal_row *row)
{
    struct journal_hash hash;

    cr_assert_eq(journal_chain_next(&chain, before, row, &hash), 0);
    return hash;
}

Test(chain, digest_is_sha256)
{
    /* FIPS 180-2, "abc". */
    static const uint8_t expected[JOURNAL_HASH_BYTES] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                                         0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23};
    struct journal_hash hash;

    cr_assert_eq(journal_chain_digest(&chain, (const uint8_t *)"abc", 3, &hash), 0);
    cr_assert_arr_eq(hash.bytes, expected, sizeof(expected));
}

/* Every part of an event, and the event before it, is under the hash. */
Test(chain, each_field_changes_the_hash)
{
    static const uint8_t body[] = "body", other[] = "bodz";
    struct journal_hash zero = {{0}}, before = {{1}};
    struct journal_row row = {.lsn = 1, .wall_us = 2, .kind = 3, .body = {body, 4}};
    struct journal_hash plain = hash_of(&zero, &row), hashes[6];
    struct journal_row changed[5] = {row, row, row, row, row};

    changed[0].lsn++;
    changed[1].wall_us++;
    changed[2].gtrid.bytes[25] = 1;
    changed[3].kind++;
    changed[4].body.data = other;
    for (int i = 0; i < 5; i++)
        hashes[i] = hash_of(&zero, &changed[i]);
    hashes[5] = hash_of(&before, &row);
    for (int i = 0; i < 6; i++) {
        cr_assert_not(journal_hash_equal(&hashes[i], &plain), "field %d", i);
        for (int j = 0; j < i; j++)
            cr_assert_not(journal_hash_equal(&hashes[i], &hashes[j]), "fields %d and %d", i, j);
    }
}
