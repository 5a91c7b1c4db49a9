/*
 * shop-stock: keeps what is on the shelves, and takes an order's goods off them.
 *
 * Unlike order.c it has something to refuse: an order for more than there is. Then the order aborts everywhere, and the
 * client reads this service's reason.
 */
#include <sqlite3.h>
#include <vow/sqlite.h>

#include "service.h"
#include "shop.h"

/* `initial` and `reservation` are there for the audit: initial = stock + what the orders took, for every item. */
static const char schema[] = "CREATE TABLE IF NOT EXISTS item ("
                             "  name TEXT PRIMARY KEY NOT NULL,"
                             "  initial INTEGER NOT NULL,"
                             "  stock INTEGER NOT NULL CHECK (stock >= 0));"
                             "CREATE TABLE IF NOT EXISTS reservation ("
                             "  order_id TEXT PRIMARY KEY NOT NULL,"
                             "  item TEXT NOT NULL,"
                             "  quantity INTEGER NOT NULL)";

/* Every tenth item is scarce, so that some orders fail. Does nothing to a file that has items. */
static const char fill[] = "INSERT INTO item (name, initial, stock)"
                           "  WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1),"
                           "  shelf(i, stock) AS (SELECT i, CASE WHEN i % 10 = 0 THEN 5 ELSE 100000 END FROM n)"
                           "  SELECT format('item-%05d', i), stock, stock FROM shelf"
                           "  WHERE NOT EXISTS (SELECT 1 FROM item)";

static int take(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;
    int error;

    (void)ctx;
    if (shop_order_parse(payload, len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    error = shop_sql(db, "UPDATE item SET stock = stock - ?1 WHERE name = ?2 AND stock >= ?1", "is", order.quantity,
                     order.item);
    /* The item may be held by another order that is not decided yet. The library knows that cause by itself. */
    if (error != SQLITE_OK)
        return error;
    if (sqlite3_changes(db) == 0)
        return vow_branch_refuse(branch, "out of stock");
    return shop_sql(db, "INSERT INTO reservation (order_id, item, quantity) VALUES (?1, ?2, ?3)", "ssi", order.id,
                    order.item, order.quantity);
}

/* Undoes what take() did, for a saga that could not go on. Never called for an order that take() refused. */
static int give_back(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;
    int error;

    (void)ctx;
    if (shop_order_parse(payload, len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    error = shop_sql(db, "UPDATE item SET stock = stock + ?1 WHERE name = ?2", "is", order.quantity, order.item);
    return error != SQLITE_OK ? error : shop_sql(db, "DELETE FROM reservation WHERE order_id = ?1", "s", order.id);
}

int main(int argc, char **argv)
{
    struct service service = {.program = "shop-stock", .fills = "items", .rows = 500};
    struct vow_participant *participant;
    struct vow_error_detail detail;

    service_begin(&service, argc, argv);
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = "stock",
                                                    .path = service.db,
                                                    .coordinator = service.coordinator,
                                                    .peer_listen = service.peer_listen,
                                                    .schema = schema};
    if (vow_participant_open(&options, &participant, &detail) != 0)
        return service_failed(&service, detail.text);

    /* Until it is started, the database is ours alone to set up. */
    int error = shop_sql(vow_participant_db(participant), fill, "i", service.rows) == SQLITE_OK ? 0 : VOW_E_DATABASE;
    if (error == 0)
        error = vow_participant_handle(participant, "take", take, NULL);
    if (error == 0)
        error = vow_participant_handle(participant, "give_back", give_back, NULL);
    if (error == 0)
        error = vow_participant_start(participant);
    if (error == 0)
        service_live(&service, participant);
    vow_participant_close(participant);
    return error == 0 ? 0 : service_failed(&service, vow_error_text(error));
}
