/* shop-payment: keeps the customers' accounts, takes an order's money. The twin of stock.c, where the comments are. */
#include <sqlite3.h>
#include <vow/sqlite.h>

#include "access.h"
#include "events.h"
#include "purse.h"
#include "service.h"
#include "shop.h"

static const char schema[] = "CREATE TABLE IF NOT EXISTS account ("
                             "  name TEXT PRIMARY KEY NOT NULL,"
                             "  initial INTEGER NOT NULL,"
                             "  balance INTEGER NOT NULL CHECK (balance >= 0),"
                             "  version INTEGER NOT NULL DEFAULT 0,"
                             "  writer TEXT NOT NULL DEFAULT '');"
                             "CREATE TABLE IF NOT EXISTS payment ("
                             "  order_id TEXT PRIMARY KEY NOT NULL,"
                             "  account TEXT NOT NULL,"
                             "  amount INTEGER NOT NULL)";

/* Every tenth account is nearly empty, so that some orders fail. */
static const char fill[] = "INSERT INTO account (name, initial, balance)"
                           "  WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1),"
                           "  purse(i, money) AS (SELECT i, CASE WHEN i % 10 = 0 THEN 20 ELSE 1000000 END FROM n)"
                           "  SELECT format('account-%05d', i), money, money FROM purse"
                           "  WHERE NOT EXISTS (SELECT 1 FROM account)";

static int take_unseen(struct sqlite3 *db, const struct shop_order *order, const char **why)
{
    int error;

    if (order->amount == 0)
        return 0; /* a gift: nothing is written, and the vote is READ_ONLY */
    error = shop_sql(db, "UPDATE account SET balance = balance - ?1 WHERE name = ?2 AND balance >= ?1", "is",
                     order->amount, order->account);
    if (error != SQLITE_OK)
        return error;
    if (sqlite3_changes(db) == 0) {
        *why = "no money";
        return 0;
    }
    return shop_sql(db, "INSERT INTO payment (order_id, account, amount) VALUES (?1, ?2, ?3)", "ssi", order->id,
                    order->account, order->amount);
}

static int take_money(struct vow_branch *branch, struct sqlite3 *db, const struct shop_order *order, const char **why)
{
    return order->arm != SHOP_ARM_UNSET ? purse_pay(branch, db, order, why) : take_unseen(db, order, why);
}

static int pay(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;
    const char *why = NULL;
    int error;

    (void)ctx;
    if (shop_order_parse(payload, len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    error = take_money(branch, db, &order, &why);
    return error != 0 || why == NULL ? error : vow_branch_refuse(branch, why);
}

static int pay_back(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    struct shop_order order;
    int error;

    (void)ctx;
    if (shop_order_parse(payload, len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    if (order.arm != SHOP_ARM_UNSET)
        return purse_pay_back(branch, db, &order);
    error =
        shop_sql(db, "UPDATE account SET balance = balance + ?1 WHERE name = ?2", "is", order.amount, order.account);
    return error != SQLITE_OK ? error : shop_sql(db, "DELETE FROM payment WHERE order_id = ?1", "s", order.id);
}

static int on_taken(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    struct shop_order order;
    const char *why = NULL;
    int error;

    (void)ctx;
    if (shop_order_parse(event->payload, event->len, &order) != 0)
        return vow_branch_refuse(branch, "not an order");
    error = take_money(branch, db, &order, &why);
    return error != 0 ? error : events_pass_on(branch, event, why == NULL ? EVENT_PAID : EVENT_UNPAID, why);
}

static int on_sold(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    return pay(branch, db, event->payload, event->len, ctx);
}

static const char *const taken_leads_to[] = {EVENT_PAID, EVENT_UNPAID};
static const struct vow_reaction reactions[] = {
    {.on = EVENT_TAKEN, .handler = on_taken, .publishes = taken_leads_to, .publishes_len = 2},
    {.on = EVENT_SOLD, .handler = on_sold}};
static const struct vow_subscription payments = {
    .size = sizeof(payments), .group = "payment", .reactions = reactions, .reactions_len = 2};

static int set_up(struct sqlite3 *db, int64_t accounts)
{
    const bool is_done = sqlite3_exec(db, access_schema, NULL, NULL, NULL) == SQLITE_OK &&
                         shop_sql(db, fill, "i", accounts) == SQLITE_OK;

    return is_done ? 0 : VOW_E_DATABASE;
}

int main(int argc, char **argv)
{
    struct service service = {.program = "shop-payment", .fills = "accounts", .rows = 500, .table = "account"};
    struct vow_participant *participant;
    struct vow_error_detail detail;

    service_begin(&service, argc, argv);
    const struct vow_participant_options options = {.size = sizeof(options),
                                                    .name = "payment",
                                                    .path = service.db,
                                                    .coordinator = service.coordinator,
                                                    .peer_listen = service.peer_listen,
                                                    .decision_timeout_ms = (uint32_t)service.ask_after_ms,
                                                    .schema = schema};
    if (vow_participant_open(&options, &participant, &detail) != 0)
        return service_failed(&service, detail.text);

    int error = set_up(vow_participant_db(participant), service.rows);
    if (error == 0)
        error = vow_participant_handle(participant, "pay", pay, NULL);
    if (error == 0)
        error = vow_participant_handle(participant, "pay_back", pay_back, NULL);
    if (error == 0)
        error = vow_participant_subscribe(participant, &payments);
    if (error == 0)
        error = vow_participant_start(participant);
    if (error == 0)
        service_live(&service, participant);
    vow_participant_close(participant);
    return error == 0 ? service_tell(&service) : service_failed(&service, vow_error_text(error));
}
