/* Events end to end in one service: an order is placed with its event, and paid when that comes back. Start vowd
 * first. */
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>
#include <vow/vow.h>

static int pay(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    const struct vow_event paid = {sizeof(paid), .topic = "order.paid", .key = event->key};
    char *sql = sqlite3_mprintf("UPDATE orders SET paid = paid + 1 WHERE name = %Q", event->key);
    int error = sql == NULL || sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK;
    (void)ctx;
    sqlite3_free(sql);
    return error ? 1 : vow_publish(branch, &paid);
}

static int say(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    (void)branch, (void)db, (void)ctx;
    printf("%s: %s\n", event->topic, event->key);
    return fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *publishes[] = {"order.paid"};
    const struct vow_reaction pays = {.on = "order.placed", .handler = pay, .publishes = publishes, .publishes_len = 1};
    const struct vow_reaction says = {.on = "order.paid", .handler = say};
    const struct vow_subscription groups[] = {{sizeof(groups[0]), .group = "payment", &pays, 1},
                                              {sizeof(groups[0]), .group = "post", &says, 1}};
    const struct vow_participant_options options = {
        sizeof(options), .name = "shop", .path = "event.db", .coordinator = argc > 1 ? argv[1] : NULL,
        .schema = "CREATE TABLE orders (name TEXT PRIMARY KEY NOT NULL, paid INTEGER NOT NULL)"};
    char name[32], sql[96];
    const struct vow_event placed = {sizeof(placed), .topic = "order.placed", .key = name};
    struct vow_participant *shop;
    sqlite3 *db = NULL;
    int error = vow_participant_open(&options, &shop, NULL);
    for (int i = 0; i < 2 && !error; i++)
        error = vow_participant_subscribe(shop, &groups[i]);
    if (!error)
        error = vow_participant_start(shop);
    if (!error && sqlite3_open("event.db", &db) == SQLITE_OK) {
        snprintf(name, sizeof(name), "order-%ld", (long)getpid());
        snprintf(sql, sizeof(sql), "BEGIN IMMEDIATE; INSERT INTO orders VALUES ('%s', 0)", name);
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK && vow_outbox_publish(db, &placed) == 0 &&
            sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK)
            for (;;)
                pause();
    }
    sqlite3_close(db), vow_participant_close(shop);
    return 1;
}
