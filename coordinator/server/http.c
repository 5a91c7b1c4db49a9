/* GET /health and GET /metrics (Prometheus text). Reads only; binds to the address it was given and to nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/server/internal.h"
#include "proto/net/log.h"
#include "proto/net/socket_address.h"

/* How long nothing is accepted, at most, after accept() found no descriptor. */
#define RESUME_MS 1000
#define BACKLOG 128
/* Nor while less than this part of all descriptors is left: participants and operators come first. */
#define DESCRIPTORS_KEPT 4

struct http {
    struct evhttp *server;
    struct evconnlistener *acceptor; /* the server's own */
    struct vow_timer resume;         /* runs while there is an acceptor */
};

static void answer(struct evhttp_request *request, int code, const char *reason, struct evbuffer *body)
{
    /* libevent would send it all the same, and the reader would take it for the next answer. */
    if (body != NULL && evhttp_request_get_command(request) == EVHTTP_REQ_HEAD)
        evbuffer_drain(body, evbuffer_get_length(body));
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", "text/plain; version=0.0.4");
    evhttp_send_reply(request, code, reason, body);
    if (body != NULL)
        evbuffer_free(body);
}

static void on_health(struct evhttp_request *request, void *ctx)
{
    struct vow_server *server = ctx;
    struct evbuffer *body = evbuffer_new();
    bool is_stalled = health_is_stalled(server);
    const char *state = server->draining ? "draining" : is_stalled ? "the journal does not answer" : "ok";
    if (body != NULL)
        evbuffer_add_printf(body, "%s\n", state);
    if (server->draining || is_stalled)
        answer(request, 503, server->draining ? "Draining" : "Journal stalled", body);
    else
        answer(request, 200, "OK", body);
}

static void metric(struct evbuffer *body, const char *name, const char *type, const char *help, uint64_t value)
{
    evbuffer_add_printf(body, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
                        (unsigned long long)value);
}

static void limit_metric(struct evbuffer *body, const char *name, const char *type, const char *help,
                         const struct limit_use *use, size_t field)
{
    evbuffer_add_printf(body, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
    for (int i = 0; i < LIMITS; i++)
        evbuffer_add_printf(body, "%s{limit=\"%s\"} %llu\n", name, use[i].name,
                            (unsigned long long)*(const uint64_t *)((const char *)&use[i] + field));
}

static void limit_metrics(struct evbuffer *body, struct vow_server *server)
{
    struct limit_use use[LIMITS];
    admission_use(server, use);
    limit_metric(body, "vow_limit", "gauge", "The limit; 0 is none.", use, offsetof(struct limit_use, limit));
    limit_metric(body, "vow_limit_used", "gauge", "Used now.", use, offsetof(struct limit_use, now));
    limit_metric(body, "vow_limit_used_most", "gauge", "Used at the worst moment.", use,
                 offsetof(struct limit_use, most));
    limit_metric(body, "vow_limit_refused_total", "counter", "Refused because of it.", use,
                 offsetof(struct limit_use, refused));
}

static void event_metrics(struct evbuffer *body, const struct vow_server *server)
{
    struct broker_counts broker;
    server->broker->ops->counts(server->broker, &broker);
    const struct vow_relay_counts counts = broker.of;
    metric(body, "vow_events_waiting", "gauge", "Events that some group has not done.", counts.events);
    metric(body, "vow_event_bytes", "gauge", "What they take.", broker.bytes);
    metric(body, "vow_event_groups", "gauge", "Groups of consumers.", counts.groups);
    metric(body, "vow_event_groups_paused", "gauge", "Of them without room for one more dead letter.", counts.paused);
    metric(body, "vow_event_keys", "gauge", "Keys whose newest event is known.", counts.keys);
    metric(body, "vow_events_dead", "gauge", "Dead letters.", counts.dead);
    metric(body, "vow_events_published_total", "counter", "Events kept.", counts.published);
    metric(body, "vow_events_duplicates_total", "counter", "Published again.", counts.duplicates);
    metric(body, "vow_events_refused_total", "counter", "Not taken: wrong, or in too long a chain.", counts.refused);
    metric(body, "vow_events_gaps_total", "counter", "Not taken: the one before was missing.", counts.gaps);
    metric(body, "vow_events_busy_total", "counter", "Told to come back.", counts.busy);
    metric(body, "vow_deliveries_total", "counter", "Events sent to groups, first attempts and others.", counts.sent);
    metric(body, "vow_delivery_retries_total", "counter", "Of these not the first attempt.", counts.retries);
    metric(body, "vow_deliveries_unsent_total", "counter", "Held back, for their consumer has not read what was sent.",
           counts.unsent);
    metric(body, "vow_deliveries_done_total", "counter", "Events that a group has done.", counts.done);
    metric(body, "vow_reactions_overdue", "gauge",
           "Events that a group has not done, or that are its dead letters, and whose deadline has passed.",
           counts.overdue);
    metric(body, "vow_deadlines_missed_total", "counter", "Events that a group had not done by their deadline.",
           counts.missed);
    metric(body, "vow_events_buried_total", "counter", "Events that went to the dead letters.", counts.buried);
    metric(body, "vow_dead_letters_gone", "gauge", "Dead letters whose event was missing at the start.",
           counts.letters_gone);
}

static void saga_metrics(struct evbuffer *body, const struct vow_server *server)
{
    struct vow_sagas_counts counts;
    vow_sagas_counts(server->sagas.core, &counts);
    metric(body, "vow_sagas_open", "gauge", "Sagas that have not ended.", counts.open);
    metric(body, "vow_sagas_stuck", "gauge", "Sagas that an operator has to see to.", counts.stuck);
    metric(body, "vow_saga_steps", "gauge", "Steps of the sagas that have not ended.", counts.steps);
    metric(body, "vow_saga_bytes", "gauge", "What their orders and answers take.", server->sagas.book.bytes);
    metric(body, "vow_sagas_begun_total", "counter", "Sagas begun.", counts.begun);
    metric(body, "vow_sagas_completed_total", "counter", "Sagas all of whose steps are done.", counts.completed);
    metric(body, "vow_sagas_compensated_total", "counter", "Sagas whose steps are undone.", counts.compensated);
    metric(body, "vow_sagas_closed_total", "counter", "Sagas that an operator has closed.", counts.closed);
    metric(body, "vow_saga_attempts_total", "counter", "Steps sent, first attempts and others.", counts.sent);
    metric(body, "vow_saga_retries_total", "counter", "Of these not the first attempt.", counts.retries);
    metric(body, "vow_saga_held_total", "counter",
           "Attempts that had to wait for the budget, or the circuit breaker, of their participant.", counts.held);
    metric(body, "vow_saga_unsent_total", "counter", "Steps not sent, for much waits for their participant.",
           counts.unsent);
    metric(body, "vow_saga_breakers_open", "gauge", "Participants that leave steps without an answer.",
           counts.breakers_open);
    metric(body, "vow_saga_breaks_total", "counter", "Times that a circuit breaker has opened.", counts.breaks);
}

static void on_metrics(struct evhttp_request *request, void *ctx)
{
    struct vow_server *server = ctx;
    struct evbuffer *body = evbuffer_new();
    if (body == NULL) {
        answer(request, 500, "Out of memory", NULL);
        return;
    }
    struct vow_coord_counts counts;
    struct vow_journal_stats journal;
    vow_coord_counts(server->core, &counts);
    vow_journal_stats(server->journal, &journal);
    metric(body, "vow_transactions_open", "gauge", "Transactions in memory.", counts.open);
    metric(body, "vow_transactions_in_doubt", "gauge", "Decided, not yet acknowledged by all.", counts.in_doubt);
    metric(body, "vow_transactions_begun_total", "counter", "Transactions begun.", counts.begun);
    metric(body, "vow_transactions_committed_total", "counter", "Transactions committed.", counts.committed);
    metric(body, "vow_transactions_aborted_total", "counter", "Transactions aborted.", counts.aborted);
    metric(body, "vow_hazards_total", "counter", "Participants without a record of what they must commit.",
           counts.hazards);
    metric(body, "vow_contradictions_total", "counter", "Branches that were ended by hand, against the decision.",
           counts.contradictions);
    metric(body, "vow_transactions_damaged", "gauge", "Not atomic, and nobody has seen to it.", counts.damaged);
    metric(body, "vow_transactions_given_up", "gauge", "Decided, and a participant was given up.", counts.abandoned);
    metric(body, "vow_protocol_errors_total", "counter", "Messages that broke the protocol.", counts.protocol_errors);
    metric(body, "vow_journal_commits_total", "counter", "Group commits of the journal.", journal.commits);
    metric(body, "vow_journal_syncs_total", "counter", "fsync and fdatasync calls of log and witness.", journal.syncs);
    metric(body, "vow_journal_waiting", "gauge", "Operations that the journal has not done yet.",
           server->health.waiting);
    metric(body, "vow_journal_stalled_milliseconds", "gauge", "How long the journal has made no progress.",
           health_stalled_ms(server));
    metric(body, "vow_journal_last_lsn", "gauge", "LSN of the newest event.", journal.last_lsn);
    metric(body, "vow_transactions_stuck", "gauge", "Decided, and not coming to an end.", server->stuck);
    metric(body, "vow_space_bytes", "gauge", "What the journal may still grow by.", server->space_bytes);
    metric(body, "vow_shedding", "gauge", "1 while new transactions are refused for want of space.",
           server->is_shedding);
    metric(body, "vow_journal_pruned_total", "counter", "Events cut off since the journal was made.", journal.pruned);
    metric(body, "vow_journal_cut_lsn", "gauge", "Events up to here are cut off.", journal.cut_lsn);
    saga_metrics(body, server);
    event_metrics(body, server);
    limit_metrics(body, server);
    answer(request, 200, "OK", body);
}

static void read_port(struct vow_server *server, struct evhttp_bound_socket *bound)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    socklen_t len = sizeof(address);
    memset(&address, 0, sizeof(address));
    if (getsockname(evhttp_bound_socket_get_fd(bound), &address.any, &len) == 0)
        server->http_address.port =
            ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/*
 * accept() has no descriptor (fault F140). Who waits keeps the socket readable, so that loop and log would spin:
 * nothing is accepted for a moment. libevent gives this callback evhttp's context and not ours, so the timer runs all
 * the time.
 */
static void on_accept_error(struct evconnlistener *acceptor, void *evhttp)
{
    (void)evhttp;
    VOW_LOG(VOW_LOG_WARN, "http_accept_paused", VOW_STR("why", strerror(EVUTIL_SOCKET_ERROR())));
    evconnlistener_disable(acceptor);
}

/* Called for each connection that was accepted. NULL: libevent makes what it would have made. */
static struct bufferevent *on_accepted(struct event_base *base, void *ctx)
{
    struct http *http = ctx;
    (void)base;
    if (admission_is_scarce(DESCRIPTORS_KEPT)) {
        VOW_LOG(VOW_LOG_WARN, "http_accept_paused", VOW_STR("why", "few descriptors are left"));
        evconnlistener_disable(http->acceptor);
    }
    return NULL;
}

static void on_resume(void *ctx)
{
    struct http *http = ctx;
    if (!admission_is_scarce(DESCRIPTORS_KEPT))
        evconnlistener_enable(http->acceptor);
    vow_timer_arm(&http->resume, RESUME_MS);
}

static void guard_accept(struct vow_server *server, struct evhttp_bound_socket *bound)
{
    struct http *http = server->http;
    http->acceptor = evhttp_bound_socket_get_listener(bound);
    evconnlistener_set_error_cb(http->acceptor, on_accept_error);
    evhttp_set_bevcb(http->server, on_accepted, http);
    vow_timer_init(&http->resume, server->base, server->timers, on_resume, http);
    vow_timer_arm(&http->resume, RESUME_MS);
}

static int fail_to_listen(const struct vow_server *server, struct vow_error_detail *detail)
{
    detail->error = errno == ENOMEM ? VOW_E_NO_MEMORY : VOW_E_SYSTEM;
    snprintf(detail->text, sizeof(detail->text),
             "cannot listen for HTTP on %s port %u: in use? choose another with --http, or --http off",
             server->http_address.host, server->http_address.port);
    return detail->error;
}

/* The acceptor is made here: evhttp's own way to bind loses the descriptor if it then has no memory. */
static int http_bind(struct vow_server *server, struct vow_error_detail *detail)
{
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE;
    struct sockaddr_storage address;
    socklen_t len;
    if (socket_address_fill(&server->http_address, &address, &len) != 0)
        return detail->error = VOW_E_ADDRESS;
    errno = 0;
    struct evconnlistener *acceptor =
        evconnlistener_new_bind(server->base, NULL, NULL, flags, BACKLOG, (struct sockaddr *)&address, (int)len);
    if (acceptor == NULL)
        return fail_to_listen(server, detail);
    struct evhttp_bound_socket *bound = evhttp_bind_listener(server->http->server, acceptor);
    if (bound == NULL) {
        evconnlistener_free(acceptor);
        return detail->error = VOW_E_NO_MEMORY;
    }
    read_port(server, bound);
    guard_accept(server, bound);
    return 0;
}

int http_open(struct vow_server *server, struct vow_error_detail *detail)
{
    server->http = calloc(1, sizeof(*server->http));
    struct evhttp *http = server->http != NULL ? evhttp_new(server->base) : NULL;
    if (http == NULL)
        return detail->error = VOW_E_NO_MEMORY;
    server->http->server = http;
    evhttp_set_allowed_methods(http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(http, 8192);
    evhttp_set_max_body_size(http, 0);
    evhttp_set_timeout(http, 10);
    if (evhttp_set_cb(http, "/health", on_health, server) != 0 ||
        evhttp_set_cb(http, "/metrics", on_metrics, server) != 0)
        return detail->error = VOW_E_NO_MEMORY;
    return http_bind(server, detail);
}

void http_close(struct vow_server *server)
{
    if (server->http == NULL)
        return;
    if (server->http->acceptor != NULL)
        vow_timer_deinit(&server->http->resume);
    if (server->http->server != NULL)
        evhttp_free(server->http->server);
    free(server->http);
    server->http = NULL;
}
