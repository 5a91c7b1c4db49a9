/* What the client was told: shop-load's log, a JSON object on every line. */
#include "audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "shop.h"

static int tell(sqlite3 *db, const char *text)
{
    const char *order, *outcome;
    json_t *line = json_loads(text, 0, NULL);
    int error = -1;

    if (json_unpack(line, "{s:s, s:s}", "order", &order, "outcome", &outcome) == 0)
        error = shop_sql(db, "INSERT INTO temp.told (id, outcome) VALUES (?1, ?2)", "ss", order, outcome);
    json_decref(line);
    return error;
}

int audit_read_log(sqlite3 *db, const char *path)
{
    FILE *log = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    int number = 0;
    int error = 0;

    if (log == NULL) {
        fprintf(stderr, "shop-audit: cannot read %s: %s\n", path, strerror(errno));
        return -1;
    }
    while (error == 0 && getline(&line, &size, log) > 0) {
        number++;
        error = tell(db, line);
    }
    if (error != 0)
        fprintf(stderr, "shop-audit: %s:%d: not a line of shop-load's log, or an order told twice\n", path, number);
    else if (ferror(log))
        error = fprintf(stderr, "shop-audit: cannot read %s: %s\n", path, strerror(errno));
    free(line);
    fclose(log);
    return error == 0 ? 0 : -1;
}
