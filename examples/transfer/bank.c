/* A bank: a service with a SQLite file, which is called as the bank is. Usage: bank NAME [COORDINATOR] */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <vow/vow.h>

static int add(struct vow_branch *branch, struct sqlite3 *db, const void *amount, size_t len, void *ctx)
{
    char sql[64];
    if (len == 0 || ((const char *)amount)[len - 1] != '\0')
        return vow_branch_refuse(branch, "not an amount");
    snprintf(sql, sizeof(sql), "UPDATE cash SET money = money + %ld", strtol(amount, NULL, 10));
    return (void)ctx, sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
    struct vow_participant *p;
    struct vow_error_detail why = {.text = "cannot start"};
    struct vow_participant_options how = {sizeof(how), argv[1], argv[1], .coordinator = argc > 2 ? argv[2] : NULL};
    how.schema = "CREATE TABLE cash (id PRIMARY KEY, money CHECK (money >= 0)); INSERT INTO cash VALUES (1, 100)";
    if (vow_participant_open(&how, &p, &why) || vow_participant_handle(p, "add", add, NULL) || vow_participant_start(p))
        return fprintf(stderr, "bank: %s\n", why.text), 1;
    return vow_participant_wait(p, UINT32_MAX) || puts("connected") < 0 || fflush(stdout) || pause();
}
