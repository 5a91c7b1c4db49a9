#include "shop.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *const names[SHOP_SERVICES] = {"order", "stock", "payment"};

const char *shop_path(const struct shop *shop, const char *file)
{
    static char paths[6][256];
    static unsigned next;
    char *path = paths[next++ % 6];
    snprintf(path, sizeof(paths[0]), "%s/%s", shop->cluster.directory, file);
    return path;
}

const char *shop_history(const struct shop *shop, int service)
{
    char file[32];
    snprintf(file, sizeof(file), "%s.history", names[service]);
    return shop_path(shop, file);
}

const char *shop_book(const struct shop *shop, int service)
{
    char file[32];
    snprintf(file, sizeof(file), "%s.db", names[service]);
    return shop_path(shop, file);
}

static _Noreturn void become_service(const struct shop *shop, int service, int out, int err)
{
    char program[256];
    snprintf(program, sizeof(program), VOW_BIN "/shop-%s", names[service]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    if (service == STOCK)
        dup2(err, STDERR_FILENO);
    const char *const history = service != ORDER ? shop_history(shop, service) : NULL;
    execl(program, program, "--db", shop_book(shop, service), "--coordinator", shop->cluster.address,
          history != NULL ? "--history" : NULL, history, (char *)NULL);
    _exit(127);
}

static void start_service(struct shop *shop, int service)
{
    int out[2], err[2];
    char byte;
    cr_assert_eq(pipe(out), 0);
    cr_assert_eq(pipe(err), 0);
    const pid_t pid = fork();
    if (pid == 0)
        become_service(shop, service, out[1], err[1]);
    cr_assert_gt(pid, 0);
    close(out[1]);
    close(err[1]);
    shop->services[service] = (struct process){.pid = pid, .out = out[0]};
    /* Its first word is that it is ready. */
    cr_assert_eq(read(out[0], &byte, 1), 1, "%s did not start", names[service]);
    if (service == STOCK)
        shop->stock_says = fdopen(err[0], "r");
    else
        close(err[0]);
}

void shop_start(struct shop *shop)
{
    *shop = (struct shop){.stock_says = NULL};
    cluster_start(&shop->cluster, 0, NULL, NULL);
    for (int i = 0; i < SHOP_SERVICES; i++)
        start_service(shop, i);
}

void shop_stop(struct shop *shop)
{
    for (int i = 0; i < SHOP_SERVICES; i++)
        cr_assert_eq(process_end(&shop->services[i]), 0);
    fclose(shop->stock_says);
}

int64_t shop_number(const struct shop *shop, int service, const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;
    cr_assert_eq(sqlite3_open_v2(shop_book(shop, service), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return number;
}

void shop_audit(const struct shop *shop, struct run *run)
{
    const char *const argv[] = {VOW_BIN "/shop-audit",  "--order",   shop_book(shop, ORDER),   "--stock",
                                shop_book(shop, STOCK), "--payment", shop_book(shop, PAYMENT), "--log",
                                shop_path(shop, "log"), NULL};
    run_program(run, argv);
}
