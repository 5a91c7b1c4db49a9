#include "shop.h"

#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t shop_order_print(const struct shop_order *order, char payload[SHOP_PAYLOAD_SIZE])
{
    int len = snprintf(payload, SHOP_PAYLOAD_SIZE, "%s %s %s %" PRId64 " %" PRId64, order->id, order->item,
                       order->account, order->quantity, order->amount);

    if (order->arm != SHOP_ARM_UNSET && len > 0 && len < SHOP_PAYLOAD_SIZE)
        len += snprintf(payload + len, SHOP_PAYLOAD_SIZE - (size_t)len, " %s %s %" PRId64, shop_arm_name(order->arm),
                        order->fails_fast ? "fail-fast" : "wait", order->pending_ms);
    return len > 0 && len < SHOP_PAYLOAD_SIZE ? (size_t)len : 0;
}

static int copy_word(char word[SHOP_WORD_SIZE], const char *text)
{
    if (text == NULL || strlen(text) >= SHOP_WORD_SIZE)
        return -1;
    memcpy(word, text, strlen(text) + 1);
    return 0;
}

static int parse_arm(char *rest, struct shop_order *order)
{
    const char *contender;

    if (shop_arm_parse(strsep(&rest, " "), &order->arm) != 0)
        return -1;
    contender = strsep(&rest, " ");
    order->fails_fast = contender != NULL && strcmp(contender, "fail-fast") == 0;
    if (contender == NULL || (!order->fails_fast && strcmp(contender, "wait") != 0))
        return -1;
    return shop_number(rest, 0, INT32_MAX, &order->pending_ms);
}

int shop_order_parse(const void *payload, size_t len, struct shop_order *order)
{
    char text[SHOP_PAYLOAD_SIZE];
    char *rest = text;

    if (len == 0 || len >= sizeof(text))
        return -1;
    memcpy(text, payload, len);
    text[len] = '\0';
    if (copy_word(order->id, strsep(&rest, " ")) != 0 || copy_word(order->item, strsep(&rest, " ")) != 0 ||
        copy_word(order->account, strsep(&rest, " ")) != 0)
        return -1;
    if (shop_number(strsep(&rest, " "), 1, INT32_MAX, &order->quantity) != 0 ||
        shop_number(strsep(&rest, " "), 0, INT32_MAX, &order->amount) != 0)
        return -1;
    order->arm = SHOP_ARM_UNSET;
    return rest == NULL ? 0 : parse_arm(rest, order);
}

static void bind(sqlite3_stmt *statement, const char *types, va_list values)
{
    for (int i = 0; types[i] != '\0'; i++) {
        if (types[i] == 's')
            sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1, SQLITE_STATIC);
        else
            sqlite3_bind_int64(statement, i + 1, va_arg(values, int64_t));
    }
}

int shop_sql(struct sqlite3 *db, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement;
    va_list values;
    int error = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

    if (error != SQLITE_OK)
        return error;
    va_start(values, types);
    bind(statement, types, values);
    va_end(values);
    while (sqlite3_step(statement) == SQLITE_ROW)
        ;
    return sqlite3_finalize(statement);
}

int shop_number(const char *text, int64_t min, int64_t max, int64_t *value)
{
    char *end;
    long long number;

    if (text == NULL || text[0] == '\0')
        return -1;
    errno = 0;
    number = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < min || number > max)
        return -1;
    *value = number;
    return 0;
}

int shop_close_written(FILE *file, const char *program, const char *path)
{
    int error = file != NULL && ferror(file) ? EIO : 0;

    if (file != NULL && fclose(file) != 0)
        error = errno;
    if (error == 0)
        return 0;
    fprintf(stderr, "%s: cannot write %s: %s\n", program, path, strerror(error));
    return -1;
}
