#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "chaos/export/export.h"
#include "chaos/measure/read.h"

enum { EXPORT_DONE = 0, EXPORT_NOT_WRITTEN = 1, EXPORT_USAGE = 2 };

static const char help[] =
    "vow-chaos export: the history of a load as Elle and Jepsen read it\n"
    "\n"
    "  vow-chaos export --as elle|jepsen HISTORY [ACCESSES...]\n"
    "\n"
    "  HISTORY     of shop-load --history, or of any load that writes its form (docs/shop.md)\n"
    "  ACCESSES    what the services have read and written: shop-stock --history, shop-payment --history\n"
    "  --as elle   transactions over lists: a row is the list of the versions that its value was made of, and who\n"
    "              writes one appends it (Elle's list-append)\n"
    "  --as jepsen transactions over registers: a row is its version (rw-register)\n"
    "\n"
    "Writes one map of EDN for each op to stdout. Exit status: 0 written · 1 could not be · 2 usage, or a bad file\n";

static int usage(const char *what, const char *value)
{
    (void)fprintf(stderr, "vow-chaos export: %s %s; see vow-chaos export --help\n", what, value);
    return EXPORT_USAGE;
}

static int read_file(struct measure_run *run, const char *path, bool is_history)
{
    char why[MEASURE_ERROR_SIZE];
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        (void)fprintf(stderr, "vow-chaos export: %s: %s\n", path, strerror(errno));
        return -1;
    }
    const int error =
        is_history ? measure_read_history(run, file, path, why) : measure_read_trace(run, path, file, path, why);
    (void)fclose(file);
    if (error != 0)
        (void)fprintf(stderr, "vow-chaos export: %s\n", why);
    return error;
}

static int write_all(int files, char **paths, enum export_model model)
{
    struct measure_run run;
    char why[MEASURE_ERROR_SIZE];
    int status = EXPORT_DONE;

    measure_run_init(&run);
    for (int i = 0; i < files && status == EXPORT_DONE; i++)
        status = read_file(&run, paths[i], i == 0) == 0 ? EXPORT_DONE : EXPORT_USAGE;
    if (status == EXPORT_DONE) {
        measure_run_settle(&run);
        if (export_edn(&run, model, stdout, why, sizeof(why)) != 0) {
            (void)fprintf(stderr, "vow-chaos export: %s: a file of accesses is missing\n", why);
            status = EXPORT_USAGE;
        }
    }
    measure_run_deinit(&run);
    if (fflush(stdout) == 0)
        return status;
    (void)fprintf(stderr, "vow-chaos export: cannot write: %s\n", strerror(errno));
    return EXPORT_NOT_WRITTEN;
}

int export_command(int argc, char **argv)
{
    static const struct option flags[] = {
        {"as", required_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *as = NULL;
    int flag;

    opterr = 0;
    while ((flag = getopt_long(argc, argv, ":", flags, NULL)) != -1) {
        if (flag == 'h')
            return fputs(help, stdout) < 0 ? EXPORT_NOT_WRITTEN : EXPORT_DONE;
        if (flag != 'a')
            return usage(flag == ':' ? "a value is missing behind" : "there is no flag", argv[optind - 1]);
        as = optarg;
    }
    if (as == NULL || (strcmp(as, "elle") != 0 && strcmp(as, "jepsen") != 0))
        return usage("--as wants elle or jepsen, found", as != NULL ? as : "nothing");
    if (optind == argc)
        return usage("wants a history, found", "none");
    return write_all(argc - optind, argv + optind, strcmp(as, "elle") == 0 ? EXPORT_LIST_APPEND : EXPORT_RW_REGISTER);
}
