/* vowd: the coordinator daemon. The ready line and the exit status; flags are in vowd_flags.c, the work in server/. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "coordinator/server/server.h"
#include "coordinator/vowd_flags.h"
#include "proto/net/crash.h"
#include "proto/net/trace.h"

_Static_assert(VOWD_EXIT_JOURNAL == VOW_SERVER_EXIT_FAILED, "the same end for whoever started it");

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

/* As many descriptors as it may have: the default is for programs that use select(), and less than limits.sessions_max.
 */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* It ends already: one more signal shall not take the place of the exit status, which says what was left. */
static void hold_signals(void)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGTERM);
    (void)sigaddset(&ends, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
}

static int serve(const struct vow_server_options *options)
{
    struct vow_server *server;
    struct vow_error_detail detail;
    int error = vow_server_open(options, &server, &detail);
    if (error != 0) {
        fprintf(stderr, "vowd: %s: %s\n", vow_error_text(error), detail.text);
        return VOWD_EXIT_START;
    }
    print_ready(server);
    enum vow_server_end end = vow_server_run(server);
    hold_signals();
    vow_server_free(server);
    if (end == VOW_SERVER_LEFT_OPEN)
        fprintf(stderr, "vowd: stopped with transactions open; start it again with the same --data to finish them\n");
    return end == VOW_SERVER_DRAINED     ? VOWD_EXIT_DRAINED
           : end == VOW_SERVER_LEFT_OPEN ? VOWD_EXIT_LEFT_OPEN
                                         : VOWD_EXIT_JOURNAL;
}

int main(int argc, char **argv)
{
    struct vow_settings_source source;
    struct vow_settings_error wrong;
    struct vow_server_options options = {.source = &source, .trace = vow_trace_path()};
    int status;
    if (!vowd_flags(argc, argv, &source, &status))
        return status;
    if (vow_settings_load(&source, &options.settings, &wrong) != 0) {
        fprintf(stderr, "vowd: %s\n", wrong.text);
        return VOWD_EXIT_USAGE;
    }
    raise_descriptors();
    signal(SIGHUP, SIG_IGN);  /* but while there are settings to be read again: not before, and not after */
    signal(SIGPIPE, SIG_IGN); /* a peer that is gone is told by write(), not by a signal */
    signal(SIGXFSZ, SIG_IGN); /* and so is a file that may not grow (fault F103) */
    if (vow_crash_init() != 0)
        return vowd_usage("VOW_CRASH_AT", getenv("VOW_CRASH_AT"), "NAME or NAME@N, or several with commas");
    return serve(&options);
}
