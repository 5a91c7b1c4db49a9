/*
 * shop-stock: keeps what is on the shelves, and takes an order's goods off them.
 *
 * Unlike order.c it has something to refuse: an order for more than there is. Then the order aborts everywhere, and the
 * client reads this service's reason.
 */
#include <sqlite3.h>
#include <vow/sqlite.h>

#include "access.h"
#include "events.h"
#include "service.h"
#include "shelf.h"
#include "shop.h"

/* `initial` and `reservation` are there for the audit: initial = stock + what the orders took, for every item. The last
 * four columns are for sagas that are looked at (shelf.h). */
static const char schema[] = "CREATE TABLE IF NOT EXISTS item ("
                             "  name TEXT PRIMARY KEY NOT NULL,"
                             "  initial INTEGER NOT NULL,"
                             "  stock INTEGER NOT NULL CHECK (stock >= 0),"
                             "  version INTEGER NOT NULL DEFAULT 0,"
                             "  writer TEXT NOT NULL DEFAULT '',"
                             "  pending TEXT,"
                             "  pending_until INTEGER);"
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

static int take_unseen(struct sqlite3 *db, const struct shop_order *order, const char **why)
{
    const int error = shop_sql(db, "UPDATE item SET stock = stock - ?1 WHERE name = ?2 AND stock >= ?1", "is",
                               order->quantity, order->item);

    /* The item may be held by another order that is not decided yet. The library knows that cause by itself. */
    if (error != SQLITE_OK)
        return error;
    if (sqlite3_changes(db) == 0) {
        *why = "out of stock";
        return 0;
    }
    return shop_sql(db, "INSERT INTO reservation (order_id, item, quantity) VALUES (?1, ?2, ?3)", "ssi", order->id,
                    order->item, order->quantity);
}

/* Takes an order's goods. Leaves `why` alone, or says in it why they cannot be had: then nothing has happened. */
static int take_goods(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order, const char **why)
{
    return order->arm != SHOP_ARM_UNSET ? shelf_take(branch, db, order, why) : take_unseen(db, order, why);
}

static int take(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;
    const char *why = NULL;
    int error;

    (void)ctx;
    if (shop_order_parse(payload, len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    error = take_goods(branch, db, &order, &why);
    return error != 0 || why == NULL ? error : vow_branch_refuse(branch, why);
}

/* Undoes what take() did, for a saga that could not go on. Never called for an order that take() refused. */
static int give_back(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;
    int error;

    (void)ctx;
    if (shop_order_parse(payload, len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    if (order.arm != SHOP_ARM_UNSET)
        return shelf_give_back(branch, db, &order);
    error = shop_sql(db, "UPDATE item SET stock = stock + ?1 WHERE name = ?2", "is", order.quantity, order.item);
    return error != SQLITE_OK ? error : shop_sql(db, "DELETE FROM reservation WHERE order_id = ?1", "s", order.id);
}

/* What a saga that is looked at begins with, and, its lock, ends with. */
static int look(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;

    (void)ctx;
    return shop_order_parse(payload, len, &order) != 0 ? vow_branch_refuse(branch, "not an order")
                                                       : shelf_look(branch, db, &order);
}

static int settle(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;

    (void)ctx;
    return shop_order_parse(payload, len, &order) != 0 ? vow_branch_refuse(branch, "not an order")
                                                       : shelf_settle(branch, db, &order);
}

/* An operator's, about a saga that he has closed: shop-unlock. */
static int unlock(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct vow_gtrid id;
    char saga[VOW_GTRID_TEXT_SIZE];

    (void)ctx;
    if (!vow_gtrid_from_text(payload, len, &id))
        return vow_branch_refuse(branch, "not the id of a saga");
    vow_gtrid_to_text(&id, saga);
    return shelf_unlock(branch, db, saga);
}

/* The first of a choreographed order. What a saga's step would refuse is told by an event, for that is done, too. */
static int on_asked(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    struct shop_order order;
    const char *why = NULL;
    int error;

    (void)ctx;
    if (shop_order_parse(event->payload, event->len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    error = take_goods(branch, db, &order, &why);
    return error != 0 ? error : events_pass_on(branch, event, why == NULL ? EVENT_TAKEN : EVENT_OUT_OF_STOCK, why);
}

/* An order that is sold already (--protocol outbox): whether there are goods was to be known before. What cannot be had
 * is among the dead letters, for a person. */
static int on_sold(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    return take(branch, db, event->payload, event->len, ctx);
}

/* A later service could not do its part. */
static int on_unpaid(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    const int error = give_back(branch, db, event->payload, event->len, ctx);

    return error != 0 ? error : events_pass_on(branch, event, EVENT_RETURNED, events_reason(event));
}

static const char *const asked_leads_to[] = {EVENT_TAKEN, EVENT_OUT_OF_STOCK};
static const char *const unpaid_leads_to[] = {EVENT_RETURNED};
static const struct vow_reaction forward[] = {
    {.on = EVENT_ASKED, .handler = on_asked, .publishes = asked_leads_to, .publishes_len = 2},
    {.on = EVENT_SOLD, .handler = on_sold}};
static const struct vow_reaction backward[] = {
    {.on = EVENT_UNPAID, .handler = on_unpaid, .publishes = unpaid_leads_to, .publishes_len = 1}};
/* Two groups: as one they would close a circle, from goods that are taken to money that is not there, and back. */
static const struct vow_subscription groups[] = {
    {.size = sizeof(groups[0]), .group = "stock", .reactions = forward, .reactions_len = 2},
    {.size = sizeof(groups[0]), .group = "stock-back", .reactions = backward, .reactions_len = 1}};

static const struct {
    const char *name;
    vow_handler_fn *handler;
} handlers[] = {{"take", take}, {"give_back", give_back}, {"look", look}, {"settle", settle}, {"unlock", unlock}};

static struct sqlite3 *watch;

static void look_around(const struct service *service)
{
    /* If the file cannot be read now, the next look may. */
    (void)shelf_watch(service->db, &watch);
}

/* Until the participant is started, the database is ours alone to set up. */
static int set_up(struct sqlite3 *db, int64_t items)
{
    const bool is_done = sqlite3_exec(db, access_schema, NULL, NULL, NULL) == SQLITE_OK &&
                         sqlite3_exec(db, shelf_schema, NULL, NULL, NULL) == SQLITE_OK &&
                         shop_sql(db, fill, "i", items) == SQLITE_OK;

    return is_done ? 0 : VOW_E_DATABASE;
}

int main(int argc, char **argv)
{
    struct service service = {
        .program = "shop-stock", .fills = "items", .rows = 500, .table = "item", .look_around = look_around};
    struct vow_participant *participant;
    struct vow_error_detail detail;

    service_begin(&service, argc, argv);
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = "stock",
                                                    .path = service.db,
                                                    .coordinator = service.coordinator,
                                                    .peer_listen = service.peer_listen,
                                                    .decision_timeout_ms = (uint32_t)service.ask_after_ms,
                                                    .schema = schema};
    if (vow_participant_open(&options, &participant, &detail) != 0)
        return service_failed(&service, detail.text);

    int error = set_up(vow_participant_db(participant), service.rows);
    for (size_t i = 0; error == 0 && i < sizeof(handlers) / sizeof(handlers[0]); i++)
        error = vow_participant_handle(participant, handlers[i].name, handlers[i].handler, NULL);
    for (size_t i = 0; error == 0 && i < sizeof(groups) / sizeof(groups[0]); i++)
        error = vow_participant_subscribe(participant, &groups[i]);
    if (error == 0)
        error = vow_participant_start(participant);
    if (error == 0)
        service_live(&service, participant);
    shelf_unwatch(&watch);
    vow_participant_close(participant);
    return error == 0 ? service_tell(&service) : service_failed(&service, vow_error_text(error));
}
