/*
 * Who is let in, and with what (guarantee 6). Whatever is over a limit is refused with an error that says "come back":
 * a session at its handshake, new work by the core, which alone knows whether a request would begin something. What is
 * in flight is never touched.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "coordinator/server/internal.h"
#include "proto/net/clock.h"
#include "proto/net/log.h"

/* ---- what is used ---- */

/* How old a look at the memory may be. */
#define MEMORY_LOOK_MS 250

static uint64_t read_resident_mib(void)
{
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    const char *resident = len > 0 ? strchr(text, ' ') : NULL;
    return resident != NULL ? strtoull(resident, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) >> 20 : 0;
}

static uint64_t resident_mib(struct vow_server *server)
{
    struct admission *admission = &server->admission;
    uint64_t now_ms = vow_clock_ms();
    if (admission->looked_ms == 0 || now_ms - admission->looked_ms >= MEMORY_LOOK_MS) {
        admission->looked_ms = now_ms;
        admission->memory_mib = read_resident_mib();
        if (admission->memory_mib > admission->most[LIMIT_MEMORY])
            admission->most[LIMIT_MEMORY] = admission->memory_mib;
    }
    return admission->memory_mib;
}

/* The process's own limit, 0 = none. */
static uint64_t descriptors_limit(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : 0;
}

/* The kernel gives out the lowest number that is free, so a high one says how many are used. */
bool admission_is_scarce(uint64_t part)
{
    uint64_t limit = descriptors_limit();
    int lowest = limit > 0 ? eventfd(0, EFD_CLOEXEC) : 0;
    if (limit == 0 || lowest < 0)
        return limit != 0;
    close(lowest);
    return (uint64_t)lowest >= limit - limit / part;
}

static uint32_t sessions_of(const struct vow_server *server, enum vow_role role)
{
    return server->admission.by_role[role];
}

void admission_note(struct vow_server *server, enum limit limit, uint64_t now)
{
    if (now > server->admission.most[limit])
        server->admission.most[limit] = now;
}

/* ---- new work ---- */

/* The limit that this session's new work would break, or LIMITS. */
static enum limit closed_by(struct vow_server *server, const struct session *session)
{
    const struct vow_settings *settings = &server->settings;
    if (session->open >= settings->in_flight_max)
        return LIMIT_IN_FLIGHT;
    if (server->health.waiting >= settings->journal_queue_max || health_is_stalled(server))
        return LIMIT_JOURNAL_QUEUE;
    if (settings->memory_mib > 0 && resident_mib(server) > settings->memory_mib)
        return LIMIT_MEMORY;
    return LIMITS;
}

bool admission_is_closed(struct vow_server *server, const struct session *session, enum vow_msg_kind kind)
{
    server->admission.closed_by = LIMITS;
    if (kind == VOW_MSG_BEGIN || kind == VOW_MSG_COMMIT_REQUEST || kind == VOW_MSG_SAGA_REQUEST)
        server->admission.closed_by = closed_by(server, session);
    return server->admission.closed_by != LIMITS;
}

void admission_refused(struct vow_server *server)
{
    struct vow_coord_counts counts;
    enum limit limit = server->admission.closed_by;
    if (limit == LIMITS) {
        vow_coord_counts(server->core, &counts);
        limit = counts.shedding ? LIMIT_SPACE : counts.open >= server->limits.txns_max ? LIMIT_TXNS : LIMIT_BRANCHES;
    }
    server->admission.refused[limit]++;
}

void admission_refused_saga(struct vow_server *server, enum vow_sagas_lack lack)
{
    static const enum limit limits[] = {[VOW_SAGAS_LACK_NOTHING] = LIMIT_SPACE,
                                        [VOW_SAGAS_LACK_SAGAS] = LIMIT_SAGAS,
                                        [VOW_SAGAS_LACK_STEPS] = LIMIT_SAGA_STEPS,
                                        [VOW_SAGAS_LACK_PEERS] = LIMIT_SAGA_PARTICIPANTS};
    enum limit limit = server->admission.closed_by != LIMITS ? server->admission.closed_by : limits[lack];
    if (limit != LIMIT_SPACE || server->is_shedding)
        server->admission.refused[limit]++;
}

/* The core's trace says when a transaction comes into memory, when it goes, and who began it. */
void admission_trace(struct vow_server *server, const struct vow_coord_effect *effect)
{
    struct session *session;
    if ((effect->trace.from == 0) == (effect->trace.to == 0) || effect->session == 0 ||
        (session = session_find(server, effect->session)) == NULL)
        return;
    if (effect->trace.from == 0)
        admission_note(server, LIMIT_IN_FLIGHT, ++session->open);
    else if (session->open > 0)
        session->open--;
}

/* ---- sessions ---- */

static int refuse(struct vow_server *server, enum limit limit, const char **why)
{
    static const char *const texts[LIMITS] = {
        [LIMIT_PARTICIPANTS] = "more participants than limits.participants_max",
        [LIMIT_SESSIONS] = "more connections than limits.sessions_max",
        [LIMIT_CLIENTS] = "more clients than limits.clients_max",
        [LIMIT_ADMINS] = "more operators' connections than limits.admins_max",
        [LIMIT_DESCRIPTORS] = "hardly any descriptors are left: raise vowd's limit of open files",
    };
    server->admission.refused[limit]++;
    *why = texts[limit];
    return VOW_E_BUSY;
}

/* What is left for those who are let in whatever the limits say, as a part of all descriptors. */
#define DESCRIPTORS_KEPT 8

/*
 * A participant that holds branches is always welcome: what is in flight waits for it (fault F166). So is one that
 * belongs to this coordinator, or was here in this life: it may hold branches that were prepared in an earlier life and
 * not decided, which the log does not know, or have an older connection that it replaces.
 */
int admission_judge(struct vow_server *server, const struct vow_msg_hello *hello, const char **why)
{
    const struct vow_settings *settings = &server->settings;
    bool is_participant = hello->role == VOW_ROLE_PARTICIPANT;
    if (is_participant && !vow_coord_has_peer_room(server->core, hello->name))
        return refuse(server, LIMIT_PARTICIPANTS, why);
    if (is_participant &&
        (hello->coord == server->identity.coord || vow_coord_peer_has_work(server->core, hello->name) ||
         known_find(server, hello->name) != NULL))
        return 0;
    if (hello->role == VOW_ROLE_CLIENT && sessions_of(server, VOW_ROLE_CLIENT) >= settings->clients_max)
        return refuse(server, LIMIT_CLIENTS, why);
    if (hello->role == VOW_ROLE_ADMIN && sessions_of(server, VOW_ROLE_ADMIN) >= settings->admins_max)
        return refuse(server, LIMIT_ADMINS, why);
    /* An operator has to get in when nobody else does. */
    if (hello->role == VOW_ROLE_ADMIN)
        return 0;
    if (HASH_COUNT(server->sessions) >= settings->sessions_max)
        return refuse(server, LIMIT_SESSIONS, why);
    return admission_is_scarce(DESCRIPTORS_KEPT) ? refuse(server, LIMIT_DESCRIPTORS, why) : 0;
}

void admission_came(struct vow_server *server, const struct session *session)
{
    server->admission.by_role[session->role]++;
    admission_note(server, LIMIT_SESSIONS, HASH_COUNT(server->sessions));
    admission_note(server, LIMIT_CLIENTS, sessions_of(server, VOW_ROLE_CLIENT));
    admission_note(server, LIMIT_ADMINS, sessions_of(server, VOW_ROLE_ADMIN));
}

void admission_went(struct vow_server *server, const struct session *session)
{
    server->admission.by_role[session->role]--;
}

/* ---- telling ---- */

static uint64_t count_descriptors(void)
{
    uint64_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        return 0;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count - 1; /* the one that looked */
}

/* The busiest session. */
static uint64_t most_in_flight(const struct vow_server *server)
{
    uint64_t most = 0;
    const struct session *session, *next;
    HASH_ITER(hh, server->sessions, session, next)
    most = session->open > most ? session->open : most;
    return most;
}

static void fill_sagas(struct vow_server *server, struct limit_use use[LIMITS])
{
    struct vow_sagas_counts counts;
    vow_sagas_counts(server->sagas.core, &counts);
    use[LIMIT_SAGAS] = (struct limit_use){.limit = server->sagas.limits.sagas_max, .now = counts.open};
    use[LIMIT_SAGA_STEPS] = (struct limit_use){.limit = server->sagas.limits.steps_max, .now = counts.steps};
    use[LIMIT_SAGA_BYTES] =
        (struct limit_use){.limit = server->settings.saga_bytes_max, .now = server->sagas.book.bytes};
    use[LIMIT_SAGA_PARTICIPANTS] = (struct limit_use){.limit = server->sagas.limits.peers_max, .now = counts.peers};
    admission_note(server, LIMIT_SAGA_PARTICIPANTS, counts.peers);
}

void admission_note_events(struct vow_server *server)
{
    struct broker_counts counts;
    server->broker->ops->counts(server->broker, &counts);
    admission_note(server, LIMIT_EVENTS, counts.of.events);
    admission_note(server, LIMIT_EVENT_BYTES, counts.bytes);
    admission_note(server, LIMIT_GROUPS, counts.of.groups);
    admission_note(server, LIMIT_DEAD_LETTERS, counts.of.dead);
}

/* A group that is paused for want of room counts as one dead letter refused. */
static void fill_events(struct vow_server *server, struct limit_use use[LIMITS])
{
    struct broker_counts counts;
    server->broker->ops->counts(server->broker, &counts);
    use[LIMIT_EVENTS] = (struct limit_use){.limit = counts.events_max, .now = counts.of.events};
    use[LIMIT_EVENT_BYTES] = (struct limit_use){.limit = counts.bytes_max, .now = counts.bytes};
    use[LIMIT_GROUPS] = (struct limit_use){.limit = counts.groups_max, .now = counts.of.groups};
    use[LIMIT_DEAD_LETTERS] = (struct limit_use){.limit = counts.dead_max, .now = counts.of.dead};
    server->admission.refused[LIMIT_EVENT_BYTES] = counts.full_bytes;
    server->admission.refused[LIMIT_EVENTS] = counts.of.full_events;
    server->admission.refused[LIMIT_GROUPS] = counts.of.full_groups;
    server->admission.refused[LIMIT_DEAD_LETTERS] = counts.of.full_dead;
    admission_note_events(server);
}

static void fill_now(struct vow_server *server, struct limit_use use[LIMITS])
{
    struct vow_coord_counts counts;
    vow_coord_counts(server->core, &counts);
    use[LIMIT_TXNS] = (struct limit_use){.limit = server->limits.txns_max, .now = counts.open};
    use[LIMIT_BRANCHES] = (struct limit_use){.limit = server->limits.branches_max, .now = counts.branches};
    fill_sagas(server, use);
    fill_events(server, use);
    use[LIMIT_PARTICIPANTS] = (struct limit_use){.limit = server->limits.peers_max, .now = counts.peers};
    use[LIMIT_SESSIONS] =
        (struct limit_use){.limit = server->settings.sessions_max, .now = HASH_COUNT(server->sessions)};
    use[LIMIT_CLIENTS] =
        (struct limit_use){.limit = server->settings.clients_max, .now = sessions_of(server, VOW_ROLE_CLIENT)};
    use[LIMIT_ADMINS] =
        (struct limit_use){.limit = server->settings.admins_max, .now = sessions_of(server, VOW_ROLE_ADMIN)};
    use[LIMIT_STRANGERS] = (struct limit_use){.limit = server->settings.strangers_max};
    vow_listener_strangers(server->listener, &use[LIMIT_STRANGERS].now, &server->admission.most[LIMIT_STRANGERS],
                           &server->admission.refused[LIMIT_STRANGERS]);
    use[LIMIT_IN_FLIGHT] = (struct limit_use){.limit = server->settings.in_flight_max, .now = most_in_flight(server)};
    use[LIMIT_JOURNAL_QUEUE] =
        (struct limit_use){.limit = server->settings.journal_queue_max, .now = server->health.waiting};
    use[LIMIT_SPACE] = (struct limit_use){.limit = server->settings.space_bytes_min, .now = space_lacking(server)};
    use[LIMIT_MEMORY] = (struct limit_use){.limit = server->settings.memory_mib, .now = resident_mib(server)};
    use[LIMIT_DESCRIPTORS] = (struct limit_use){.limit = descriptors_limit(), .now = count_descriptors()};
    admission_note(server, LIMIT_TXNS, counts.open_most);
    admission_note(server, LIMIT_BRANCHES, counts.branches_most);
    admission_note(server, LIMIT_PARTICIPANTS, counts.peers);
    admission_note(server, LIMIT_JOURNAL_QUEUE, server->health.waiting_most);
    admission_note(server, LIMIT_SPACE, use[LIMIT_SPACE].now);
    admission_note(server, LIMIT_DESCRIPTORS, use[LIMIT_DESCRIPTORS].now);
}

void admission_use(struct vow_server *server, struct limit_use use[LIMITS])
{
    static const char *const names[LIMITS] = {
        [LIMIT_TXNS] = "txns_max",
        [LIMIT_BRANCHES] = "branches_max",
        [LIMIT_SAGAS] = "sagas_max",
        [LIMIT_SAGA_STEPS] = "saga_steps_max",
        [LIMIT_SAGA_BYTES] = "saga_bytes_max",
        [LIMIT_SAGA_PARTICIPANTS] = "saga_participants",
        [LIMIT_EVENTS] = "events_max",
        [LIMIT_EVENT_BYTES] = "event_bytes_max",
        [LIMIT_GROUPS] = "groups_max",
        [LIMIT_DEAD_LETTERS] = "dlq_max",
        [LIMIT_PARTICIPANTS] = "participants_max",
        [LIMIT_SESSIONS] = "sessions_max",
        [LIMIT_CLIENTS] = "clients_max",
        [LIMIT_ADMINS] = "admins_max",
        [LIMIT_STRANGERS] = "strangers_max",
        [LIMIT_IN_FLIGHT] = "in_flight_max",
        [LIMIT_JOURNAL_QUEUE] = "journal_queue_max",
        [LIMIT_MEMORY] = "memory_mib",
        [LIMIT_SPACE] = "space_min",
        [LIMIT_DESCRIPTORS] = "descriptors",
    };
    fill_now(server, use);
    for (int i = 0; i < LIMITS; i++) {
        use[i].name = names[i];
        use[i].most = server->admission.most[i];
        use[i].refused = server->admission.refused[i];
    }
}
