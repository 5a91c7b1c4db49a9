/*
 * files-service NAME DIRECTORY [HOST:PORT]: a directory of documents that takes part in transactions.
 *
 *     vowd &
 *     files-service north ./north &
 *     files-service south ./south &
 *     files-publish motd "Closed on Monday" north south       # in both directories, or in neither
 *     cat north/docs/motd
 *
 * Kill any of them at any time and start it again. The store is files.c, the client publish.c.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <vow/vow.h>

#include "files.h"

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "files-service: %s: %s\n", what, why);
    return 1;
}

/* Returns the exit status. */
static int serve(const struct vow_participant_options *options)
{
    struct vow_error_detail detail = {.error = 0};
    struct vow_participant *participant;
    sigset_t signals;
    int number;
    /* The library's threads inherit the mask: these signals are for sigwait() alone. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (vow_participant_open(options, &participant, &detail) != 0)
        return fail(options->path, detail.text);
    const int error = vow_participant_start(participant);
    if (error != 0) {
        vow_participant_close(participant);
        return fail(options->path, vow_error_text(error));
    }
    while (vow_participant_wait(participant, 1000) != 0) {
        if (sigtimedwait(&signals, NULL, &(struct timespec){0}) > 0) {
            vow_participant_close(participant);
            return 0;
        }
    }
    puts("ready");
    fflush(stdout);
    sigwait(&signals, &number);
    vow_participant_close(participant);
    return 0;
}

int main(int argc, char **argv)
{
    char path[4096];
    if (argc < 3 || argc > 4) {
        fputs("usage: files-service NAME DIRECTORY [HOST:PORT]\n", stderr);
        return 2;
    }
    struct files *files = files_open(argv[2]);
    if (files == NULL)
        return fail(argv[2], strerror(errno));
    struct vow_resource resource = files_resource(files);
    snprintf(path, sizeof(path), "%s/state.vow", argv[2]); /* Vow's own file */
    const struct vow_participant_options options = {
        .size = sizeof(options),
        .name = argv[1],
        .path = path,
        .coordinator = argc == 4 ? argv[3] : NULL,
        .store = VOW_STORE_KIND_RESOURCE,
        .resource = &resource,
    };
    const int status = serve(&options);
    files_close(files);
    return status;
}
