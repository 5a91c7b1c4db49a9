#include <criterion/criterion.h>

#include "participant/client_ids.h"

TestSuite(client_ids, .timeout = 60);

static void grant(struct vow_ids *ids, uint32_t epoch, uint64_t first_seq, uint32_t count, uint32_t waiting,
                  uint64_t now_ms)
{
    uint64_t rand[VOW_IDS_MAX] = {0};
    const struct vow_msg_ids msg = {.epoch = epoch, .first_seq = first_seq, .count = count, .rand = rand};

    rand[0] = 77;
    vow_ids_granted(ids, &msg, waiting, now_ms);
}

Test(client_ids, an_id_is_made_of_what_was_granted)
{
    struct vow_ids ids = {0};
    struct vow_gtrid id;

    vow_ids_connected(&ids, 5, 3);
    grant(&ids, 3, 100, 2, 0, 0);
    cr_assert(vow_ids_take(&ids, 0, VOW_GTRID_ONE_PHASE, &id));
    cr_assert_eq(vow_gtrid_coord(&id), 5);
    cr_assert_eq(vow_gtrid_epoch(&id), 3);
    cr_assert_eq(vow_gtrid_seq(&id), 100);
    cr_assert_eq(vow_gtrid_rand(&id), 77);
    cr_assert_eq(vow_gtrid_flags(&id), VOW_GTRID_ONE_PHASE);
    cr_assert(vow_ids_take(&ids, 0, 0, &id));
    cr_assert_eq(vow_gtrid_seq(&id), 101, "never the same one twice");
    cr_assert_not(vow_ids_take(&ids, 0, 0, &id));
}

Test(client_ids, ids_are_dropped_when_they_are_old)
{
    struct vow_ids ids = {0};
    struct vow_gtrid id;

    vow_ids_connected(&ids, 5, 3);
    grant(&ids, 3, 100, 4, 0, 1000);
    grant(&ids, 3, 200, 4, 0, 2000);
    cr_assert(vow_ids_take(&ids, 999 + VOW_IDS_LIFE_MS, 0, &id));
    cr_assert_eq(vow_gtrid_seq(&id), 100);
    cr_assert(vow_ids_take(&ids, 1000 + VOW_IDS_LIFE_MS, 0, &id));
    cr_assert_eq(vow_gtrid_seq(&id), 200);
    cr_assert_not(vow_ids_take(&ids, 2000 + VOW_IDS_LIFE_MS, 0, &id));
}

Test(client_ids, ids_of_another_epoch_are_dropped)
{
    struct vow_ids ids = {0};
    struct vow_gtrid id;

    vow_ids_connected(&ids, 5, 3);
    grant(&ids, 3, 100, 4, 0, 0);
    vow_ids_connected(&ids, 5, 3);
    cr_assert(vow_ids_take(&ids, 0, 0, &id), "a reconnect alone changes nothing");
    vow_ids_connected(&ids, 5, 4);
    cr_assert_not(vow_ids_take(&ids, 0, 0, &id));
    grant(&ids, 3, 104, 4, 0, 0);
    cr_assert_not(vow_ids_take(&ids, 0, 0, &id), "a late grant");
    grant(&ids, 4, 1, 4, 0, 0);
    cr_assert(vow_ids_take(&ids, 0, 0, &id));
    vow_ids_connected(&ids, 6, 4);
    cr_assert_not(vow_ids_take(&ids, 0, 0, &id), "another coordinator");
}

Test(client_ids, more_are_wanted_below_half_and_one_request_is_under_way_at_most)
{
    struct vow_ids ids = {0};
    struct vow_gtrid id;

    vow_ids_connected(&ids, 5, 3);
    cr_assert_eq(vow_ids_wanted(&ids, 0), VOW_IDS_IDLE);
    ids.asked = true;
    cr_assert_eq(vow_ids_wanted(&ids, 100), 0);
    grant(&ids, 3, 1, VOW_IDS_IDLE, 0, 0);
    for (unsigned i = 0; i < VOW_IDS_IDLE / 2; i++) {
        cr_assert_eq(vow_ids_wanted(&ids, 0), 0);
        cr_assert(vow_ids_take(&ids, 0, 0, &id));
    }
    cr_assert(vow_ids_take(&ids, 0, 0, &id));
    cr_assert_eq(vow_ids_wanted(&ids, 0), VOW_IDS_IDLE / 2 + 1);
}

Test(client_ids, the_stock_grows_with_demand_and_shrinks_when_idle)
{
    struct vow_ids ids = {0};
    struct vow_gtrid id;

    vow_ids_connected(&ids, 5, 3);
    cr_assert_eq(vow_ids_wanted(&ids, 100), VOW_IDS_IDLE + 100);
    cr_assert_eq(vow_ids_wanted(&ids, 5000), VOW_IDS_MAX);
    for (unsigned i = 0; i < 10; i++)
        grant(&ids, 3, 1 + i, 1, 1, 0);
    cr_assert_eq(ids.target, VOW_IDS_MAX);
    cr_assert_not(vow_ids_take(&ids, VOW_IDS_LIFE_MS, 0, &id));
    cr_assert_eq(ids.target, VOW_IDS_IDLE);
}

Test(client_ids, a_grant_beyond_the_room_is_cut)
{
    struct vow_ids ids = {0};
    struct vow_gtrid id;
    unsigned taken = 0;

    vow_ids_connected(&ids, 5, 3);
    for (unsigned i = 0; i < 3; i++)
        grant(&ids, 3, 1 + i * VOW_IDS_MAX, VOW_IDS_MAX, 0, 0);
    while (vow_ids_take(&ids, 0, 0, &id))
        cr_assert_eq(vow_gtrid_seq(&id), ++taken);
    cr_assert_eq(taken, VOW_IDS_STOCK);
}
