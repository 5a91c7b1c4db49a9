/* Whatever is put in and taken out, each item is found by its gtrid, and only while it is in. */
#include "proto/gtrid_table.h"

#include <criterion/criterion.h>
#include <stdbool.h>

#define ITEMS 64

struct item {
    struct vow_gtrid gtrid;
    bool in;
};

static struct vow_gtrid nth(uint32_t n)
{
    return vow_gtrid_make(1, 1, n + 1, 0, n);
}

static uint32_t found(const struct vow_gtrid_table *table, uint32_t n)
{
    const struct vow_gtrid gtrid = nth(n);
    return vow_gtrid_table_find(table, &gtrid);
}

Test(gtrid_table, finds_what_is_in_and_nothing_else)
{
    struct item items[ITEMS] = {0};
    uint32_t heads[ITEMS], next[ITEMS];
    struct vow_gtrid_table table = {
        .items = (const unsigned char *)items, .stride = sizeof(items[0]), .heads = heads, .next = next};
    uint64_t random = 1;
    cr_assert_eq(vow_gtrid_table_heads(ITEMS), ITEMS);
    cr_assert_eq(vow_gtrid_table_heads(ITEMS + 1), 2 * ITEMS);
    vow_gtrid_table_init(&table, ITEMS);
    for (int round = 0; round < 20000; round++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint32_t at = (uint32_t)(random >> 40) % ITEMS;
        if (items[at].in) {
            vow_gtrid_table_remove(&table, at);
        } else {
            items[at].gtrid = nth(at);
            vow_gtrid_table_add(&table, at);
        }
        items[at].in = !items[at].in;
        const uint32_t other = (uint32_t)(random >> 33) % ITEMS;
        cr_assert_eq(found(&table, at), items[at].in ? at : VOW_GTRID_TABLE_NONE);
        cr_assert_eq(found(&table, other), items[other].in ? other : VOW_GTRID_TABLE_NONE);
    }
}
