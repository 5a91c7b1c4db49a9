/*
 * shop-order: writes orders down. The simplest service there is: one table, one handler, one INSERT.
 *
 * Read this one first, then stock.c, which also says no.
 */
#include <sqlite3.h>
#include <vow/event.h>

#include "events.h"
#include "service.h"
#include "shop.h"

/* A table takes part in transactions if it has an explicit PRIMARY KEY. */
static const char schema[] = "CREATE TABLE IF NOT EXISTS orders ("
                             "  id TEXT PRIMARY KEY NOT NULL,"
                             "  item TEXT NOT NULL,"
                             "  quantity INTEGER NOT NULL,"
                             "  account TEXT NOT NULL,"
                             "  amount INTEGER NOT NULL)";

/*
 * Called on the library's store thread when an order asks for this service's vow. What it does to the database is kept
 * aside and seen by nobody until the coordinator has decided; a non-zero return aborts the order everywhere.
 */
static int place(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;

    (void)ctx;
    if (shop_order_parse(payload, len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    return shop_sql(db, "INSERT INTO orders (id, item, quantity, account, amount) VALUES (?1, ?2, ?3, ?4, ?5)", "ssisi",
                    order.id, order.item, order.quantity, order.account, order.amount);
}

/* The same, and the event that tells the others, in one transaction: they hear of it if the order is there, and only
 * then (--protocol outbox). */
static int sell(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;
    const int error = place(branch, db, payload, len, ctx);

    if (error != 0 || shop_order_parse(payload, len, &order) != 0)
        return error;
    return events_tell(branch, &order, EVENT_SOLD, NULL);
}

/* The last of a choreographed order: its goods and its money are taken. */
static int on_paid(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    const int error = place(branch, db, event->payload, event->len, ctx);

    return error != 0 ? error : events_pass_on(branch, event, EVENT_PLACED, NULL);
}

static const char *const placed[] = {EVENT_PLACED};
static const struct vow_reaction reactions[] = {
    {.on = EVENT_PAID, .handler = on_paid, .publishes = placed, .publishes_len = 1}};
/* It writes rows of its own, for which nobody else is waited: what fails ten times in a few seconds is for a person. */
static const struct vow_subscription orders = {
    .size = sizeof(orders), .group = "order", .reactions = reactions, .reactions_len = 1, .backoff_max_ms = 1000};

int main(int argc, char **argv)
{
    struct service service = {.program = "shop-order"};
    struct vow_participant *participant;
    struct vow_error_detail detail;

    service_begin(&service, argc, argv);
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = "order",
                                                    .path = service.db,
                                                    .coordinator = service.coordinator,
                                                    .peer_listen = service.peer_listen,
                                                    .decision_timeout_ms = (uint32_t)service.ask_after_ms,
                                                    .schema = schema};
    /* Orders that were prepared when the service last died are found and locked here, before anybody can touch them. */
    if (vow_participant_open(&options, &participant, &detail) != 0)
        return service_failed(&service, detail.text);

    int error = vow_participant_handle(participant, "place", place, NULL);
    if (error == 0)
        error = vow_participant_handle(participant, "sell", sell, NULL);
    if (error == 0)
        error = vow_participant_subscribe(participant, &orders);
    if (error == 0)
        error = vow_participant_start(participant);
    if (error == 0)
        service_live(&service, participant);
    vow_participant_close(participant);
    return error == 0 ? 0 : service_failed(&service, vow_error_text(error));
}
