#include "chaos/testing/network.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "coordinator/server/server.h"
#include "proto/net/crash.h"
#include "proto/net/thread.h"

static void *run(void *ctx)
{
    struct vow_server *server = ctx;

    /* A journal that cannot be written ends a daemon; here it ends the coordinator, as a kill would. */
    (void)vow_server_run(server);
    return NULL;
}

static int open_server(struct vow_test_network *network, const int *feed, struct vow_error_detail *detail)
{
    struct vow_server_options options = {.feed = feed};

    vow_settings_defaults(&options.settings);
    options.settings.http.host[0] = '\0';
    (void)snprintf(options.settings.data, sizeof(options.settings.data), "%s", network->directory);
    return vow_server_open(&options, &network->server, detail);
}

static int fail(struct vow_error_detail *detail, int error)
{
    detail->error = error;
    (void)snprintf(detail->text, sizeof(detail->text), "the coordinator cannot start: %s", vow_error_text(error));
    return error;
}

int coordinator_start(struct vow_test_network *network, struct vow_error_detail *detail)
{
    int feed[2];
    int error;

    if (network->server != NULL)
        return fail(detail, VOW_E_STATE);
    if (vow_crash_init() != 0)
        return fail(detail, VOW_E_ARGUMENT);
    if (pipe2(feed, O_CLOEXEC | O_NONBLOCK) != 0)
        return fail(detail, VOW_E_SYSTEM);
    error = open_server(network, &feed[0], detail);
    if (error == 0 && (error = vow_thread_start(&network->coordinator_thread, run, network->server, NULL)) != 0) {
        vow_server_free(network->server);
        network->server = NULL;
        (void)fail(detail, error);
    }
    if (error != 0) {
        close(feed[0]);
        close(feed[1]);
        return error;
    }
    pthread_mutex_lock(&network->lock);
    network->feed = feed[1];
    network->server_feed = feed[0];
    pthread_mutex_unlock(&network->lock);
    return 0;
}

/* Connections that it had no time to take. */
static void close_untaken(int feed)
{
    int fd;

    while (read(feed, &fd, sizeof(fd)) == (ssize_t)sizeof(fd))
        close(fd);
}

void coordinator_stop(struct vow_test_network *network)
{
    if (network->server == NULL)
        return;
    pthread_mutex_lock(&network->lock);
    close(network->feed);
    network->feed = -1;
    pthread_mutex_unlock(&network->lock);
    (void)pthread_join(network->coordinator_thread, NULL);
    vow_server_free(network->server);
    network->server = NULL;
    close_untaken(network->server_feed);
    close(network->server_feed);
    network->server_feed = -1;
}
