/* Whatever is put in and taken out, each item is found by its gtrid, and only while it is in. */
#include "proto/gtrid_table.h"

#include <criterion/criterion.h>
#include <stdbool.h>

#define ITEMS 64
#define GTRIDS 20 /* fewer than items: several have the same */

struct item {
    struct vow_gtrid gtrid;
    bool in;
};

static struct vow_gtrid nth(uint32_t n)
{
    return vow_gtrid_make(1, 1, n + 1, 0, n);
}

/* True if the chain of the gtrid gives exactly the items that are in with it. */
static bool finds_all(const struct vow_gtrid_table *table, const struct item *items, const struct vow_gtrid *gtrid)
{
    uint32_t found = 0, in = 0;
    for (uint32_t i = 0; i < ITEMS; i++)
        in += items[i].in && vow_gtrid_equal(&items[i].gtrid, gtrid);
    for (uint32_t at = vow_gtrid_table_find(table, gtrid); at != VOW_GTRID_TABLE_NONE;
         at = vow_gtrid_table_find_next(table, at)) {
        if (!items[at].in || !vow_gtrid_equal(&items[at].gtrid, gtrid))
            return false;
        found++;
    }
    return found == in;
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
            items[at].gtrid = nth((uint32_t)(random >> 33) % GTRIDS);
            vow_gtrid_table_add(&table, at);
        }
        items[at].in = !items[at].in;
        const struct vow_gtrid gtrid = items[at].gtrid, none = nth(GTRIDS);
        cr_assert(finds_all(&table, items, &gtrid));
        cr_assert(finds_all(&table, items, &none));
    }
}
