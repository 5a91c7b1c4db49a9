#include <vow/participant.h>
#include <vow/sqlite.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "participant/options.h"
#include "participant/participant_internal.h"
#include "participant/store/resource.h"
#include "participant/store/sqlite.h"
#include "proto/net/crash.h"
#include "proto/net/log.h"

/* A quarter of what the core can have: the rest is for branches that are found prepared. */
#define BRANCHES_HIGHEST (1u << 22)
#define DECISION_TIMEOUT_HIGHEST_MS 3600000u

/* --- Open and close --- */

static bool is_any_host(const struct vow_address *address)
{
    return strcmp(address->host, "0.0.0.0") == 0 || strcmp(address->host, "::") == 0;
}

static int take_peer_addresses(struct vow_participant *participant, const struct vow_participant_options *options,
                               struct vow_error_detail *detail)
{
    const char *listen = options->peer_listen != NULL ? options->peer_listen : "";
    const char *announce = options->peer_announce != NULL ? options->peer_announce : "";

    participant->listens = listen[0] != '\0';
    if (participant->listens && vow_address_parse(listen, &participant->peer_listen) != 0)
        return vow_detail(detail, VOW_E_ADDRESS, "options.peer_listen: %s", vow_error_text(VOW_E_ADDRESS));
    if (announce[0] != '\0' && vow_address_parse(announce, &participant->peer_announce) != 0)
        return vow_detail(detail, VOW_E_ADDRESS, "options.peer_announce: %s", vow_error_text(VOW_E_ADDRESS));
    if (announce[0] != '\0' && !participant->listens)
        return vow_detail(detail, VOW_E_ADDRESS, "options.peer_announce is set, but options.peer_listen is not");
    if (participant->listens && announce[0] == '\0' && is_any_host(&participant->peer_listen))
        return vow_detail(detail, VOW_E_ADDRESS,
                          "options.peer_listen takes any address of this host: say in options.peer_announce by which "
                          "one others reach it");
    return 0;
}

static int take_options(struct vow_participant *participant, const struct vow_participant_options *options,
                        struct vow_error_detail *detail)
{
    if (options->name == NULL)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.name is required: clients call the participant by it");
    if (!vow_name_is_valid(options->name))
        return vow_detail(detail, VOW_E_NAME, "options.name: %s", vow_error_text(VOW_E_NAME));
    if (vow_options_coordinator(options->coordinator, &participant->coordinator) != 0)
        return vow_detail(detail, VOW_E_ADDRESS, "options.coordinator: %s", vow_error_text(VOW_E_ADDRESS));
    if (options->store != VOW_STORE_KIND_SQLITE && options->store != VOW_STORE_KIND_NULL &&
        options->store != VOW_STORE_KIND_RESOURCE)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.store is none of enum vow_store_kind");
    if (options->store == VOW_STORE_KIND_SQLITE && options->path == NULL)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.path is required: the service's SQLite file");
    if (options->lock_policy != VOW_LOCK_WAIT_DIE && options->lock_policy != VOW_LOCK_FAIL_FAST)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.lock_policy is none of enum vow_lock_policy");
    if (options->store == VOW_STORE_KIND_RESOURCE && (options->path == NULL || options->resource == NULL))
        return vow_detail(detail, VOW_E_ARGUMENT, "options.resource and options.path, Vow's own file, are required");
    if (vow_options_loop(options->loop, options->base, detail) != 0)
        return VOW_E_ARGUMENT;
    if (take_peer_addresses(participant, options, detail) != 0)
        return VOW_E_ADDRESS;
    if (options->branches_max > BRANCHES_HIGHEST)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.branches_max is over %u", BRANCHES_HIGHEST);
    if (options->heuristic != VOW_HEURISTIC_OFF && options->heuristic != VOW_HEURISTIC_COMMIT &&
        options->heuristic != VOW_HEURISTIC_ABORT)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.heuristic is none of enum vow_heuristic");
    if ((options->heuristic == VOW_HEURISTIC_OFF) != (options->heuristic_timeout_ms == 0))
        return vow_detail(detail, VOW_E_ARGUMENT, "options.heuristic and options.heuristic_timeout_ms need each other");
    if (options->reserved != 0)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.reserved is not 0");
    if (options->decision_timeout_ms > DECISION_TIMEOUT_HIGHEST_MS)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.decision_timeout_ms is over %u",
                          DECISION_TIMEOUT_HIGHEST_MS);
    participant->heuristic = options->heuristic;
    participant->heuristic_timeout_ms = options->heuristic_timeout_ms;
    participant->decision_timeout_ms = options->decision_timeout_ms;
    participant->loop_kind = options->loop;
    participant->base = options->base;
    participant->branches_max =
        options->branches_max != 0 ? options->branches_max : vow_branches_default_limits.branches_max;
    memcpy(participant->name, options->name, strlen(options->name) + 1);
    participant->store_is_sqlite = options->store == VOW_STORE_KIND_SQLITE;
    participant->has_handlers = options->store != VOW_STORE_KIND_RESOURCE;
    return 0;
}

static int open_store(struct vow_participant *participant, const struct vow_participant_options *options,
                      struct vow_error_detail *detail)
{
    const struct vow_sqlite_options sqlite = {.path = options->path,
                                              .call = vow_participant_call,
                                              .step = vow_participant_do_step,
                                              .event = vow_participant_react,
                                              .ctx = participant,
                                              .lock_wait_ms = options->lock_wait_ms,
                                              .lock_grace_ms = options->lock_grace_ms,
                                              .fail_fast = options->lock_policy == VOW_LOCK_FAIL_FAST,
                                              .step_retention_ms = options->step_retention_ms,
                                              .inbox_retention_ms = options->inbox_retention_ms,
                                              .outbox_max = options->outbox_max,
                                              .outbox_archive_max = options->outbox_archive_max,
                                              .trace = participant->trace};

    if (participant->store_is_sqlite)
        return vow_store_sqlite_open(&sqlite, &participant->store_ops, &participant->store, detail);
    if (options->store == VOW_STORE_KIND_RESOURCE)
        return vow_store_resource_open(options->resource, options->path, &participant->store_ops, &participant->store,
                                       detail);
    return vow_store_null_open(&participant->store_ops, &participant->store);
}

/* vow_participant_wait() counts on a clock that does not jump (fault F130). */
static int init_signals(struct vow_participant *participant)
{
    pthread_condattr_t attributes;
    int error = VOW_E_NO_MEMORY;

    if (pthread_condattr_init(&attributes) != 0)
        return VOW_E_NO_MEMORY;
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (pthread_cond_init(&participant->changed, &attributes) == 0) {
        error = pthread_mutex_init(&participant->lock, NULL) == 0 ? 0 : VOW_E_NO_MEMORY;
        if (error != 0)
            (void)pthread_cond_destroy(&participant->changed);
    }
    (void)pthread_condattr_destroy(&attributes);
    return error;
}

static void deinit_signals(struct vow_participant *participant)
{
    (void)pthread_mutex_destroy(&participant->lock);
    (void)pthread_cond_destroy(&participant->changed);
}

static int open_participant(struct vow_participant *participant, const struct vow_participant_options *options,
                            struct vow_error_detail *detail)
{
    int error = take_options(participant, options, detail);

    if (error != 0)
        return error;
    participant->turn.end = &participant->turn.first;
    participant->timer_ms = UINT64_MAX;
    participant->process = getpid();
    error = init_signals(participant);
    if (error != 0)
        return error;
    error = vow_participant_open_trace(participant, detail);
    if (error != 0)
        goto err_deinit_signals;
    error = open_store(participant, options, detail);
    if (error != 0)
        goto err_close_trace;
    if (options->schema != NULL && participant->store_is_sqlite)
        error = vow_store_sqlite_schema(participant->store, options->schema, detail);
    if (error != 0)
        goto err_close_store;
    error = vow_participant_recover(participant, detail);
    vow_trace_flush(participant->trace);
    if (error == 0)
        return 0;

    vow_participant_drop_all_peers(participant);
    free(participant->core);
err_close_store:
    participant->store_ops->close(participant->store);
err_close_trace:
    vow_trace_close(participant->trace);
err_deinit_signals:
    deinit_signals(participant);
    return error;
}

int vow_participant_open(const struct vow_participant_options *given, struct vow_participant **out,
                         struct vow_error_detail *detail)
{
    struct vow_error_detail own = {.error = 0};
    struct vow_participant_options options;
    struct vow_participant *participant;
    int error;

    if (detail == NULL)
        detail = &own;
    if (out == NULL)
        return vow_detail(detail, VOW_E_ARGUMENT, "there is nowhere to put the participant");
    *out = NULL;
    if (given == NULL || vow_options_read(&options, sizeof(options), given) != 0)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.size is not sizeof(struct vow_participant_options)");
    if (vow_crash_init() != 0)
        return vow_detail(detail, VOW_E_ARGUMENT, "VOW_CRASH_AT is not NAME or NAME@N, or several with commas");
    participant = calloc(1, sizeof(*participant));
    if (participant == NULL)
        return vow_detail(detail, VOW_E_NO_MEMORY, "%s", vow_error_text(VOW_E_NO_MEMORY));
    detail->error = 0;
    error = open_participant(participant, &options, detail);
    if (error != 0) {
        if (detail->error != error)
            (void)vow_detail(detail, error, "%s", vow_error_text(error));
        free(participant);
        return error;
    }
    *out = participant;
    return 0;
}

/* A child has neither the threads nor a socket or SQLite connection of its own (fault F058). */
static bool is_forked(const struct vow_participant *participant)
{
    return getpid() != participant->process;
}

static bool may_close(const struct vow_participant *participant)
{
    if (!participant->started || !vow_worker_is_mine(participant->worker))
        return true;
    VOW_LOG(VOW_LOG_ERROR, "participant_not_closed", VOW_STR("name", participant->name),
            VOW_STR("why", "closed from a handler, which it would have to wait for"));
    return false;
}

void vow_participant_close(struct vow_participant *participant)
{
    if (participant == NULL || is_forked(participant) || !may_close(participant))
        return;
    if (participant->started)
        vow_participant_halt(participant);
    vow_participant_tell_last_cost(participant);
    participant->store_ops->close(participant->store);
    vow_trace_close(participant->trace);
    vow_participant_drop_all_peers(participant);
    deinit_signals(participant);
    free(participant->core);
    free(participant->handlers);
    vow_subscriptions_free(participant->subscriptions);
    free(participant);
}

/* --- Set-up --- */

int vow_participant_handle(struct vow_participant *participant, const char *name, vow_handler_fn *run, void *ctx)
{
    struct vow_handler *handlers;
    size_t at;

    if (participant == NULL || run == NULL)
        return VOW_E_ARGUMENT;
    if (is_forked(participant))
        return VOW_E_FORKED;
    if (participant->started || !participant->has_handlers)
        return VOW_E_STATE;
    if (name == NULL || !vow_name_is_valid(name))
        return VOW_E_NAME;
    if (vow_handler_find(participant, name, &at) != NULL)
        return VOW_E_DUPLICATE;
    handlers = realloc(participant->handlers, (participant->handlers_len + 1) * sizeof(*handlers));
    if (handlers == NULL)
        return VOW_E_NO_MEMORY;
    participant->handlers = handlers;
    memmove(&handlers[at + 1], &handlers[at], (participant->handlers_len - at) * sizeof(*handlers));
    handlers[at] = (struct vow_handler){.run = run, .ctx = ctx};
    memcpy(handlers[at].name, name, strlen(name) + 1);
    participant->handlers_len++;
    return 0;
}

struct sqlite3 *vow_participant_db(struct vow_participant *participant)
{
    if (participant == NULL || is_forked(participant) || participant->started || !participant->store_is_sqlite)
        return NULL;
    return vow_store_sqlite_db(participant->store);
}

int vow_participant_start(struct vow_participant *participant)
{
    struct vow_error_detail detail = {.error = 0};
    int error;

    if (participant == NULL)
        return VOW_E_ARGUMENT;
    if (is_forked(participant))
        return VOW_E_FORKED;
    if (participant->started)
        return VOW_E_STATE;
    if (participant->store_is_sqlite && vow_store_sqlite_enrol(participant->store, &detail) != 0) {
        VOW_LOG(VOW_LOG_ERROR, "tables_not_enrolled", VOW_STR("name", participant->name), VOW_STR("why", detail.text));
        return detail.error == VOW_E_NO_MEMORY ? VOW_E_NO_MEMORY : VOW_E_DATABASE;
    }
    /* Before the threads read it. */
    participant->started = true;
    error = vow_participant_run(participant);
    if (error != 0)
        participant->started = false;
    return error;
}

/* --- On another loop --- */

int vow_participant_fd(const struct vow_participant *participant)
{
    if (participant == NULL)
        return VOW_E_ARGUMENT;
    if (is_forked(participant))
        return VOW_E_FORKED;
    return participant->started ? vow_loop_descriptor(&participant->loop) : VOW_E_STATE;
}

int vow_participant_process(struct vow_participant *participant)
{
    if (participant == NULL)
        return VOW_E_ARGUMENT;
    if (is_forked(participant))
        return VOW_E_FORKED;
    return participant->started ? vow_loop_process(&participant->loop) : VOW_E_STATE;
}

/* --- Looking in --- */

struct timespec vow_participant_after(uint32_t timeout_ms)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += timeout_ms / 1000;
    at.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

int vow_participant_wait(struct vow_participant *participant, uint32_t timeout_ms)
{
    const struct timespec until = vow_participant_after(timeout_ms);
    int connected;

    if (participant == NULL)
        return VOW_E_ARGUMENT;
    if (is_forked(participant))
        return VOW_E_FORKED;
    if (vow_loop_is_mine(&participant->loop))
        return VOW_E_STATE;
    (void)pthread_mutex_lock(&participant->lock);
    while (!participant->stats.connected) {
        if (pthread_cond_timedwait(&participant->changed, &participant->lock, &until) == ETIMEDOUT)
            break;
    }
    connected = participant->stats.connected;
    (void)pthread_mutex_unlock(&participant->lock);
    return connected ? 0 : VOW_E_UNREACHABLE;
}

void vow_participant_stats(struct vow_participant *participant, struct vow_participant_stats *stats, size_t size)
{
    const size_t known = size < sizeof(*stats) ? size : sizeof(*stats);

    if (participant == NULL || stats == NULL)
        return;
    memset(stats, 0, size);
    if (is_forked(participant))
        return;
    (void)pthread_mutex_lock(&participant->lock);
    memcpy(stats, &participant->stats, known);
    (void)pthread_mutex_unlock(&participant->lock);
}
