/*
 * shop-unlock: frees the item that a saga holds which an operator has closed (vowctl saga close).
 *
 * A semantic lock is cleared by its saga, and by nobody else. One that an operator closes sends nothing any more, so
 * its lock stays, and rightly so: what it left half done is seen by nobody before it is mended. Then a person runs
 * this. It asks the coordinator first: the lock of a saga that has not ended is that saga's, however long it has been
 * stuck. To run it twice does no harm.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vow/vow.h>

#include "shop.h"

#define PATIENCE_MS 5000

static _Noreturn void usage(FILE *out, int status)
{
    fprintf(out, "usage: shop-unlock [--coordinator HOST:PORT] SAGA\n"
                 "Frees the item that a saga holds which an operator has closed. Mend first what it left half done.\n"
                 "Exit status: 0 it is free, 1 it is not, or nobody knows; the line says which. 2 wrong flags.\n");
    exit(status);
}

static int say(const char *what, const char *more)
{
    fprintf(stderr, "shop-unlock: %s%s%s\n", what, more[0] != '\0' ? ": " : "", more);
    return SHOP_EXIT_FAILED;
}

static bool is_end(enum vow_saga_state state)
{
    return state == VOW_SAGA_CLOSED || state == VOW_SAGA_COMPLETED || state == VOW_SAGA_COMPENSATED;
}

/* What is older than the history has ended, for nothing else is cut off. */
static int has_ended(struct vow_client *client, const struct vow_gtrid *saga)
{
    struct vow_saga_result result;
    const int error = vow_saga_status(client, saga, &result);

    if (error == VOW_E_EXPIRED || (error == 0 && is_end(result.state)))
        return 0;
    if (error == 0 && result.state != VOW_SAGA_UNKNOWN)
        return say("the saga has not ended, and the lock is its own", vow_saga_state_name((int)result.state));
    return say("it is not known whether the saga has ended", vow_error_text(error != 0 ? error : result.error));
}

/* It comes to stock behind all that the coordinator has ever sent there for that saga. */
static int unlock(struct vow_client *client, const char *saga)
{
    const struct vow_call call = {"stock", "unlock", saga, strlen(saga)};
    struct vow_result result;
    const int error = vow_commit(client, &call, 1, &result);

    if (error != 0)
        return say("nothing was done", vow_error_text(error));
    if (result.outcome == VOW_UNKNOWN)
        return say("it is not known whether the item is free, run this again", vow_error_text(result.error));
    if (result.outcome == VOW_ABORTED)
        return say("nothing was done", result.text[0] != '\0' ? result.text : vow_cause_name((int)result.cause));
    printf("the item is free\n");
    return 0;
}

static int run(const char *coordinator, const struct vow_gtrid *id)
{
    const struct vow_client_options options = {
        .size = sizeof(options), .coordinator = coordinator, .name = "shop-unlock", .timeout_ms = PATIENCE_MS};
    char saga[VOW_GTRID_TEXT_SIZE];
    struct vow_client *client;
    struct vow_error_detail detail;
    int status;

    if (vow_client_open(&options, &client, &detail) != 0)
        return say("nothing was done", detail.text);
    vow_gtrid_to_text(id, saga);
    status = has_ended(client, id);
    if (status == 0)
        status = unlock(client, saga);
    vow_client_close(client);
    return status;
}

int main(int argc, char **argv)
{
    static const struct option flags[] = {
        {"coordinator", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    const char *coordinator = NULL;
    struct vow_gtrid saga;
    int flag;

    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        if (flag == 'c')
            coordinator = optarg;
        else if (flag == 'v')
            exit(printf("shop-unlock %s\n", SHOP_VERSION) < 0);
        else
            usage(flag == 'h' ? stdout : stderr, flag == 'h' ? 0 : SHOP_EXIT_USAGE);
    }
    if (optind + 1 != argc)
        usage(stderr, SHOP_EXIT_USAGE);
    if (!vow_gtrid_from_text(argv[optind], strlen(argv[optind]), &saga)) {
        fprintf(stderr, "shop-unlock: not the id of a saga: 42 letters and digits, as vowctl saga list shows it\n");
        return SHOP_EXIT_USAGE;
    }
    return run(coordinator, &saga);
}
