/* What a running daemon says of itself, of its peers and of what is unfinished. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "coordinator/ctl/doctor.h"
#include "coordinator/ctl/owing.h"
#include "proto/message.h"
#include "proto/net/clock.h"
#include "proto/net/socket_address.h"

static const char *text(const json_t *row, const char *key)
{
    const char *value = json_string_value(json_object_get(row, key));
    return value != NULL ? value : "?";
}

static long long number(const json_t *row, const char *key)
{
    return (long long)json_integer_value(json_object_get(row, key));
}

static bool is_true(const json_t *row, const char *key)
{
    return json_is_true(json_object_get(row, key));
}

static void check_version(struct diagnosis *diagnosis, const json_t *status)
{
    bool is_same = strcmp(text(status, "software"), "vowd " VOW_SOFTWARE_VERSION) == 0;
    diagnosis_add(diagnosis, "versions", is_same ? HEALTH_OK : HEALTH_WARN,
                  is_same ? "" : "use the vowctl of the same version, so that it knows what vowd says",
                  "%s (wire %lld), vowctl %s (wire %d)", text(status, "software"), number(status, "wire"),
                  VOW_SOFTWARE_VERSION, VOW_WIRE_VERSION);
}

#define SECOND_US 1000000ll

static void check_wall(struct diagnosis *diagnosis, const json_t *status)
{
    long long apart_us = (long long)vow_clock_wall_us() - number(status, "wall_us");
    long long jumped_ms = number(status, "clock_jumped_ms");
    if (llabs(apart_us) > SECOND_US)
        diagnosis_add(diagnosis, "clock", HEALTH_WARN, "synchronise both clocks",
                      "vowd's wall clock and this one are %.1f s apart", (double)llabs(apart_us) / 1e6);
    if (llabs(jumped_ms) > 1000)
        diagnosis_add(diagnosis, "clock", HEALTH_WARN,
                      "no outcome hangs on it; times in the history before it are off by that",
                      "the wall clock of vowd's machine was moved by %.1f s since it started", (double)jumped_ms / 1e3);
}

static void check_daemon_journal(struct diagnosis *diagnosis, const json_t *status)
{
    const json_t *journal = json_object_get(status, "journal");
    long long stalled_ms = number(journal, "stalled_ms");
    if (is_true(journal, "stalled"))
        diagnosis_add(diagnosis, "journal", HEALTH_FAIL,
                      "look at the disk and the kernel's log: nothing is acknowledged meanwhile",
                      "no progress for %.1f s, %lld operations wait", (double)stalled_ms / 1e3,
                      number(journal, "waiting"));
    else
        diagnosis_add(diagnosis, "journal", HEALTH_OK, "", "lsn %lld, %lld waiting, %lld at the worst moment%s",
                      number(journal, "last_lsn"), number(journal, "waiting"), number(journal, "waiting_most"),
                      is_true(journal, "proved") ? "" : "; old events are still being proved");
}

/* A limit that was met, or nearly is. Descriptors and memory are among them. */
static void check_limit(struct diagnosis *diagnosis, const char *name, const json_t *limit)
{
    long long most = number(limit, "most"), highest = number(limit, "limit"), refused = number(limit, "refused");
    if (refused > 0)
        diagnosis_add(diagnosis, "limits", HEALTH_WARN,
                      "raise it in the configuration and send SIGHUP, or ask for less at once",
                      "%s: %lld refused at the limit of %lld (now %lld)", name, refused, highest, number(limit, "now"));
    else if (highest > 0 && most > highest / 5 * 4)
        diagnosis_add(diagnosis, "limits", HEALTH_WARN, "raise it before it is met",
                      "%s: %lld of %lld at the worst moment", name, most, highest);
}

static void check_limits(struct diagnosis *diagnosis, const json_t *status)
{
    size_t before = json_array_size(diagnosis->findings);
    const char *name;
    json_t *limit;
    json_object_foreach(json_object_get(status, "limits"), name, limit) check_limit(diagnosis, name, limit);
    if (json_array_size(diagnosis->findings) == before)
        diagnosis_add(diagnosis, "limits", HEALTH_OK, "", "none was met, none is near");
}

/* What operators have to see to of events. */
static void check_events(struct diagnosis *diagnosis, const json_t *status)
{
    const json_t *events = json_object_get(status, "events");
    if (number(events, "overdue") > 0)
        diagnosis_add(diagnosis, "events", HEALTH_WARN,
                      "\"vowctl topics\" names the groups, \"vowctl history ID\" says what each waits for",
                      "%lld events are not done, and their deadline has passed", number(events, "overdue"));
    if (number(events, "paused") > 0)
        diagnosis_add(diagnosis, "events", HEALTH_WARN, "see to the dead letters: vowctl dlq list",
                      "%lld groups are paused, for there is no room for one more dead letter",
                      number(events, "paused"));
}

void check_status(struct diagnosis *diagnosis, const json_t *status)
{
    const json_t *anomalies = json_object_get(status, "anomalies");
    bool is_leaving = is_true(status, "draining") || is_true(status, "recovering");
    diagnosis_add(diagnosis, "coordinator", is_leaving ? HEALTH_WARN : HEALTH_OK,
                  is_leaving ? "wait until it has finished" : "", "%s, epoch %lld, up %lld s, process %lld%s",
                  text(status, "name"), number(status, "epoch"), number(status, "uptime_ms") / 1000,
                  number(status, "pid"), is_true(status, "draining") ? ", draining" : "");
    if (number(anomalies, "hazards") > 0)
        diagnosis_add(diagnosis, "coordinator", HEALTH_WARN,
                      "those that are still open are named below, at in-doubt; this count ends with vowd's process",
                      "%lld times since the start of vowd a participant had no record of what it must commit",
                      number(anomalies, "hazards"));
    check_version(diagnosis, status);
    check_sqlite(diagnosis, "vowd", text(status, "sqlite"));
    check_daemon_journal(diagnosis, status);
    check_limits(diagnosis, status);
    check_events(diagnosis, status);
    check_wall(diagnosis, status);
}

/* Whether somebody listens where the daemon says that it serves HTTP. */
void check_http(struct diagnosis *diagnosis, const json_t *status)
{
    struct vow_address address;
    struct sockaddr_storage to;
    socklen_t len;
    const char *http = text(status, "http");
    if (strcmp(http, "off") == 0 || vow_address_parse(http, &address) != 0 ||
        socket_address_fill(&address, &to, &len) != 0)
        return;
    int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval second = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to, len) == 0)
        diagnosis_add(diagnosis, "ports", HEALTH_OK, "", "vowd answers, and so does http %s", http);
    else
        diagnosis_add(diagnosis, "ports", HEALTH_WARN,
                      "a firewall, or an address of vowd's machine alone: run vowctl there", "http %s: %s", http,
                      strerror(errno));
    if (fd >= 0)
        close(fd);
}

/* ---- peers ---- */

/* How many unfinished transactions wait for this participant. */
static unsigned waits_for(const json_t *in_doubt, const char *name)
{
    unsigned count = 0;
    size_t i, k;
    const json_t *txn, *branch;
    json_array_foreach(in_doubt, i, txn)
    {
        json_array_foreach(json_object_get(txn, "branches"), k, branch) count +=
            strcmp(text(branch, "participant"), name) == 0 && branch_is_owing(branch, text(txn, "state"));
    }
    return count;
}

static void check_peer(struct diagnosis *diagnosis, const json_t *peer, unsigned owes)
{
    const char *name = text(peer, "name"), *software = text(peer, "software");
    if (!is_true(peer, "connected") && owes > 0)
        diagnosis_add(diagnosis, "peers", HEALTH_FAIL,
                      "start it, with the database that it had: it alone can finish them",
                      "%s is not connected, last seen %lld s ago, and %u unfinished transactions wait for it", name,
                      number(peer, "seen_ms") / 1000, owes);
    else if (!is_true(peer, "connected"))
        diagnosis_add(diagnosis, "peers", HEALTH_WARN,
                      "start it, if it is still needed: transactions that call it abort; if it runs, its log says why "
                      "it is kept out",
                      "%s is not connected, last seen %lld s ago", name, number(peer, "seen_ms") / 1000);
    else if (strstr(software, VOW_SOFTWARE_VERSION) == NULL)
        diagnosis_add(diagnosis, "versions", HEALTH_WARN,
                      "upgrade the older side when it suits; they agree on the wire", "%s runs \"%s\", vowctl is %s",
                      name, software, VOW_SOFTWARE_VERSION);
}

void check_peers(struct diagnosis *diagnosis, const json_t *peers, const json_t *in_doubt)
{
    size_t index, connected = 0;
    const json_t *peer;
    json_array_foreach(peers, index, peer)
    {
        connected += is_true(peer, "connected");
        check_peer(diagnosis, peer, waits_for(in_doubt, text(peer, "name")));
    }
    diagnosis_add(diagnosis, "peers", HEALTH_OK, "", "%zu of %zu participants are connected", connected,
                  json_array_size(peers));
}

/* ---- unfinished ---- */

/* The same as `list --stuck`. */
#define DOUBT_WARN_MS 10000
#define DOUBT_WARN_ATTEMPTS 3

static void name_owing(const json_t *txn, char *out, size_t size)
{
    size_t index, len = 0;
    const json_t *branch;
    out[0] = '\0';
    json_array_foreach(json_object_get(txn, "branches"), index, branch)
    {
        if (branch_is_owing(branch, text(txn, "state")) && len < size)
            len += (size_t)snprintf(out + len, size - len, "%s%s%s", len > 0 ? ", " : "", text(branch, "participant"),
                                    is_true(branch, "connected") ? "" : " (not connected)");
    }
}

/* Not a matter of waiting: half of a decided transaction is missing until the data come back. */
static bool check_records(struct diagnosis *diagnosis, const json_t *txn)
{
    size_t index;
    bool failed = false;
    const json_t *branch;
    json_array_foreach(json_object_get(txn, "branches"), index, branch)
    {
        if (!is_true(branch, "no_record") || is_true(branch, "acknowledged"))
            continue;
        failed = true;
        diagnosis_add(
            diagnosis, "in-doubt", HEALTH_FAIL,
            "see \"no record\" in docs/operations.md: its database was replaced or restored; this is said until "
            "it is back",
            "%s is committed, and %s has no record of it", text(txn, "id"), text(branch, "participant"));
    }
    return failed;
}

void check_in_doubt(struct diagnosis *diagnosis, const json_t *in_doubt)
{
    size_t index;
    unsigned old = 0, count = 0;
    const json_t *txn;
    json_array_foreach(in_doubt, index, txn)
    {
        char owing[200];
        /* The last row names participants that were asked and are silent. */
        if (json_object_get(txn, "id") == NULL)
            continue;
        count++;
        if (check_records(diagnosis, txn)) {
            old++;
            continue;
        }
        if (number(txn, "in_state_ms") < DOUBT_WARN_MS && number(txn, "attempts") < DOUBT_WARN_ATTEMPTS)
            continue;
        old++;
        name_owing(txn, owing, sizeof(owing));
        diagnosis_add(diagnosis, "in-doubt", HEALTH_WARN,
                      "bring them back; the rows that it changed there stay locked until then",
                      "%s, %s for %lld s, asked %lld times, waits for %s", text(txn, "id"), text(txn, "state"),
                      number(txn, "in_state_ms") / 1000, number(txn, "attempts"), owing);
    }
    if (old == 0)
        diagnosis_add(diagnosis, "in-doubt", HEALTH_OK, "", "%u transactions, none for long", count);
}
