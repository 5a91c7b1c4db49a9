#include "chaos/kill/probe.h"

#include <event2/event.h>
#include <event2/http.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "chaos/kill/clock.h"
#include "chaos/kill/memory.h"
#include "chaos/kill/node.h"

#define LOOK_MS 20

struct real_probe {
    struct event_base *base;
    const struct real_readiness_plan *plan;
    const char *directory;
    real_probe_fn *ready, *late;
    void *ctx;
    struct real_timer *look, *limit;
    struct evhttp_connection *http;
    struct stat before; /* of the file, when the process was started; all zero = it was not there */
    bool is_over, is_held, is_told;
};

/* While it is held the process cannot serve: it is ready when it goes on. */
static void be_ready(struct real_probe *probe)
{
    probe->is_told = true;
    if (probe->is_over || probe->is_held)
        return;
    real_probe_stop(probe);
    probe->ready(probe->ctx);
}

/* --- A file --- */

static struct stat look_at(const struct real_probe *probe)
{
    char path[4096];
    struct stat about;

    (void)snprintf(path, sizeof(path), "%s/%s", probe->directory, probe->plan->file);
    return stat(path, &about) == 0 ? about : (struct stat){.st_size = 0};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* One that the life before has left tells nothing of this one. It is not removed: it may be more than a sign. */
static bool has_file(const struct real_probe *probe)
{
    const struct stat now = look_at(probe), *before = &probe->before;

    return now.st_size > 0 &&
           (now.st_ino != before->st_ino || now.st_size != before->st_size ||
            !is_same_time(now.st_mtim, before->st_mtim) || !is_same_time(now.st_ctim, before->st_ctim));
}

/* --- HTTP --- */

static void on_answer(struct evhttp_request *request, void *ctx)
{
    struct real_probe *probe = ctx;

    if (probe->is_over)
        return;
    if (request != NULL && evhttp_request_get_response_code(request) == 200)
        be_ready(probe);
    else if (!probe->is_held)
        real_timer_set(probe->look, LOOK_MS);
}

/* A new connection each time: the process may have been another one when the last was made. */
static void ask(struct real_probe *probe)
{
    char host[256];
    const char *http = probe->plan->http;
    const char *colon = strchr(http, ':');
    const char *slash = strchr(http, '/');
    const int len = colon != NULL ? (int)(colon - http) : 0;

    if (probe->http != NULL)
        evhttp_connection_free(probe->http);
    probe->http = NULL;
    if (len == 0 || len >= (int)sizeof(host))
        return; /* never ready, and so told */
    (void)snprintf(host, sizeof(host), "%.*s", len, http);
    probe->http =
        real_need(evhttp_connection_base_new(probe->base, NULL, host, (unsigned short)strtoul(colon + 1, NULL, 10)));
    evhttp_connection_set_timeout(probe->http, 2);
    struct evhttp_request *request = real_need(evhttp_request_new(on_answer, probe));
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Host", host);
    if (evhttp_make_request(probe->http, request, EVHTTP_REQ_GET, slash != NULL ? slash : "/") != 0)
        real_timer_set(probe->look, LOOK_MS);
}

/* --- The probe --- */

static void look(void *ctx)
{
    struct real_probe *probe = ctx;
    const struct real_readiness_plan *plan = probe->plan;

    if (probe->is_over)
        return;
    if (plan->http != NULL && !probe->is_told)
        ask(probe);
    else if (probe->is_told || plan->file == NULL || has_file(probe))
        be_ready(probe);
    else
        real_timer_set(probe->look, LOOK_MS);
}

static void on_limit(void *ctx)
{
    struct real_probe *probe = ctx;

    if (!probe->is_over)
        probe->late(probe->ctx);
}

struct real_probe *real_probe_new(struct event_base *base, const struct real_readiness_plan *plan,
                                  const char *directory, real_probe_fn *ready, real_probe_fn *late, void *ctx)
{
    struct real_probe *probe = real_need(calloc(1, sizeof(*probe)));

    *probe = (struct real_probe){
        .base = base, .plan = plan, .directory = directory, .ready = ready, .late = late, .ctx = ctx};
    probe->look = real_timer_new(base, look, probe);
    probe->limit = real_timer_new(base, on_limit, probe);
    if (plan->file != NULL)
        probe->before = look_at(probe);
    real_probe_go_on(probe);
    return probe;
}

void real_probe_hold(struct real_probe *probe)
{
    probe->is_held = true;
    real_timer_clear(probe->look);
    real_timer_clear(probe->limit);
}

void real_probe_go_on(struct real_probe *probe)
{
    probe->is_held = false;
    if (probe->is_over)
        return;
    real_timer_set(probe->limit, probe->plan->within_ms);
    if (probe->plan->line == NULL || probe->is_told)
        real_timer_set(probe->look, 0);
}

void real_probe_stop(struct real_probe *probe)
{
    probe->is_over = true;
    real_timer_clear(probe->look);
    real_timer_clear(probe->limit);
}

void real_probe_free(struct real_probe *probe)
{
    if (probe == NULL)
        return;
    probe->is_over = true;
    if (probe->http != NULL)
        evhttp_connection_free(probe->http);
    real_timer_free(probe->look);
    real_timer_free(probe->limit);
    free(probe);
}

void real_probe_line(struct real_probe *probe, const char *line)
{
    if (probe->plan->line != NULL && strstr(line, probe->plan->line) != NULL)
        be_ready(probe);
}
