/* vowd: the coordinator daemon. Flags, the ready line, the exit status; the work is in coordinator/server. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/server.h"
#include "proto/message.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

enum exit_status { EXIT_DRAINED = 0, EXIT_START = 1, EXIT_USAGE = 2, EXIT_LEFT_OPEN = 3, EXIT_JOURNAL = 4 };

static const char help[] =
    "vowd: the coordinator of distributed transactions\n"
    "\n"
    "  vowd [FLAGS]\n"
    "\n"
    "  --listen ADDR      where participants, clients and vowctl connect   (127.0.0.1:7420; port 0 takes a free one)\n"
    "  --http ADDR|off    /health and /metrics                             (127.0.0.1:7480)\n"
    "  --data DIR         the journal; made if missing, locked while used  (./vow-data)\n"
    "  --name NAME        the coordinator's name, kept in the directory    (vowd)\n"
    "  --txns-max N       transactions in flight before new ones are told to come back  (16384)\n"
    "  --vote-timeout MS  how long participants may take to vote           (5000)\n"
    "  --drain-timeout MS how long SIGTERM waits for transactions in flight (10000)\n"
    "  --log-level LEVEL  error, warn, info or debug                       (info)\n"
    "  --help, --version\n"
    "\n"
    "Prints one line on stdout when it serves. Logs to stderr. SIGTERM drains; a second one ends at once.\n"
    "\n"
    "Exit status: 0 drained, nothing left · 1 did not start · 2 wrong flags · 3 stopped with transactions open (the\n"
    "next start goes on with those that are decided) · 4 the journal could not be written\n";

struct flags {
    struct vow_server_options server;
    bool done; /* --help or --version */
};

static int usage(const char *flag, const char *value, const char *wants)
{
    fprintf(stderr, "vowd: %s %s: wants %s; see vowd --help\n", flag, value != NULL ? value : "", wants);
    return EXIT_USAGE;
}

static bool parse_number(const char *text, uint32_t lowest, uint32_t highest, uint32_t *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || strlen(text) > 10 || value < lowest || value > highest)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool parse_level(const char *text)
{
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            vow_log_set_level((enum vow_log_level)(i + 1));
            return true;
        }
    }
    return false;
}

static int set_flag(struct flags *flags, int flag, const char *value)
{
    struct vow_server_options *server = &flags->server;
    switch (flag) {
    case 'l':
        return vow_address_parse(value, &server->listen) == 0 ? 0 : usage("--listen", value, "HOST:PORT, numeric");
    case 'h':
        if (strcmp(value, "off") == 0)
            server->http.host[0] = '\0';
        else if (vow_address_parse(value, &server->http) != 0)
            return usage("--http", value, "HOST:PORT, numeric, or off");
        return 0;
    case 'd':
        server->directory = value;
        return value[0] != '\0' ? 0 : usage("--data", value, "a directory");
    case 'n':
        server->name = value;
        return vow_name_is_valid(value) ? 0 : usage("--name", value, "1 to 63 of a-z A-Z 0-9 . _ -");
    case 't':
        if (!parse_number(value, 1, VOW_COORD_TXNS_HIGHEST, &server->limits.txns_max))
            return usage("--txns-max", value, "1 to 1048576");
        server->limits.branches_max = server->limits.txns_max * 4;
        return 0;
    case 'v':
        return parse_number(value, 1, 86400000, &server->limits.vote_timeout_ms)
                   ? 0
                   : usage("--vote-timeout", value, "1 to 86400000 milliseconds");
    case 'w':
        return parse_number(value, 0, 86400000, &server->drain_ms)
                   ? 0
                   : usage("--drain-timeout", value, "0 to 86400000 milliseconds");
    case 'L':
        return parse_level(value) ? 0 : usage("--log-level", value, "error, warn, info or debug");
    case 'H':
        fputs(help, stdout);
        flags->done = true;
        return 0;
    case 'V':
        printf("vowd %s (wire %d)\n", VOW_SOFTWARE_VERSION, VOW_WIRE_VERSION);
        flags->done = true;
        return 0;
    default:
        return 0; /* getopt's own ':' and '?' do not come here */
    }
}

static int not_a_flag(int what, const char *flag)
{
    fprintf(stderr, "vowd: %s: %s; see vowd --help\n", flag, what == ':' ? "wants a value" : "not a flag of vowd");
    return EXIT_USAGE;
}

static int parse_flags(int argc, char **argv, struct flags *flags)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},
        {"http", required_argument, NULL, 'h'},
        {"data", required_argument, NULL, 'd'},
        {"name", required_argument, NULL, 'n'},
        {"txns-max", required_argument, NULL, 't'},
        {"vote-timeout", required_argument, NULL, 'v'},
        {"drain-timeout", required_argument, NULL, 'w'},
        {"log-level", required_argument, NULL, 'L'},
        {"help", no_argument, NULL, 'H'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int flag;
    /* "_only": -x is a flag like any other, and argv names it in full. ":": getopt leaves the talking to us. */
    while (!flags->done && (flag = getopt_long_only(argc, argv, ":", options, NULL)) != -1) {
        bool is_flag = flag != ':' && flag != '?';
        int error = is_flag ? set_flag(flags, flag, optarg) : not_a_flag(flag, argv[optind - 1]);
        if (error != 0)
            return error;
    }
    if (!flags->done && optind < argc) {
        fprintf(stderr, "vowd: %s: takes no such argument; see vowd --help\n", argv[optind]);
        return EXIT_USAGE;
    }
    return 0;
}

static void print_ready(const struct vow_server *server)
{
    struct vow_server_facts facts;
    char listen[VOW_ADDRESS_SIZE], http[VOW_ADDRESS_SIZE] = "off";
    vow_server_facts(server, &facts);
    vow_address_print(&facts.listen, listen);
    if (facts.http.host[0] != '\0')
        vow_address_print(&facts.http, http);
    printf("ready vowd name=%s listen=%s http=%s epoch=%u recovered=%u data=%s\n", facts.name, listen, http,
           facts.epoch, facts.recovered, facts.directory);
    fflush(stdout);
}

static int serve(const struct vow_server_options *options)
{
    struct vow_server *server;
    struct vow_error_detail detail;
    int error = vow_server_open(options, &server, &detail);
    if (error != 0) {
        fprintf(stderr, "vowd: %s: %s\n", vow_error_text(error), detail.text);
        return EXIT_START;
    }
    print_ready(server);
    enum vow_server_end end = vow_server_run(server);
    vow_server_free(server);
    if (end == VOW_SERVER_LEFT_OPEN)
        fprintf(stderr, "vowd: stopped with transactions open; start it again with the same --data to finish them\n");
    return end == VOW_SERVER_DRAINED ? EXIT_DRAINED : end == VOW_SERVER_LEFT_OPEN ? EXIT_LEFT_OPEN : EXIT_JOURNAL;
}

int main(int argc, char **argv)
{
    struct flags flags = {.server = {.listen = {.host = "127.0.0.1", .port = 7420},
                                     .http = {.host = "127.0.0.1", .port = 7480},
                                     .directory = "vow-data",
                                     .limits = vow_coord_default_limits,
                                     .drain_ms = 10000}};
    int error = parse_flags(argc, argv, &flags);
    if (error != 0 || flags.done)
        return error;
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is told by write(), not by a signal */
    if (vow_crash_init() != 0)
        return usage("VOW_CRASH_AT", getenv("VOW_CRASH_AT"), "NAME or NAME@N");
    return serve(&flags.server);
}
