/*
 * test-events-service NAME FILE ADDRESS: a participant that tells of what it did. "add" counts up, and publishes
 * "NAME.added"; s1 reacts to "s0.added", notes it and publishes "s1.noted", which s0 notes. What was noted is in the
 * table `noted`, in order, with how often. What is noted is lifted to version 2 first; another group of s1's notes in
 * the table `plain` what was published. Prints "ready" when it is connected and subscribed; ends at SIGTERM.
 *
 * In the environment: EVENTS_FROM=end, where a group that vowd does not know begins; EVENTS_REMEMBERED_MS, for how long
 * the inbox keeps what was handled by its name.
 */
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vow/vow.h>

static char added[32];

static int publish(struct vow_branch *branch, const char *topic, const char *key)
{
    const struct vow_event event = {
        .size = sizeof(event), .topic = topic, .key = key, .payload = key, .len = strlen(key)};
    return vow_publish(branch, &event);
}

static int add(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    (void)payload, (void)len, (void)ctx;
    if (sqlite3_exec(db, "UPDATE counter SET value = value + 1 WHERE id = 1", NULL, NULL, NULL) != SQLITE_OK)
        return VOW_E_DATABASE;
    return publish(branch, added, "counter");
}

static int refuse(struct vow_branch *branch, struct sqlite3 *db, const void *payload, size_t len, void *ctx)
{
    const int error = add(branch, db, payload, len, ctx);
    return error != 0 ? error : vow_branch_refuse(branch, "told to refuse");
}

/* ctx: what to publish then, or NULL. */
static int note(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    char sql[160];
    if (event->version != 2 || event->len < 7 || memcmp(event->payload, "lifted ", 7) != 0)
        return vow_branch_refuse(branch, "it was not lifted");
    snprintf(sql, sizeof(sql),
             "INSERT INTO noted (id, seq, times) VALUES (vow_new_key('noted'), %llu, 1) "
             "ON CONFLICT (seq) DO UPDATE SET times = times + 1",
             (unsigned long long)event->key_seq);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return VOW_E_DATABASE;
    return ctx != NULL ? publish(branch, ctx, "counter-noted") : 0;
}

/* As it was published: what another group's transformation makes is its own. */
static int note_plain(struct vow_branch *branch, struct sqlite3 *db, const struct vow_received_event *event, void *ctx)
{
    const bool is_plain = event->version == 1 && event->len == 7 && memcmp(event->payload, "counter", 7) == 0;
    char sql[160];
    (void)branch, (void)ctx;
    snprintf(sql, sizeof(sql), "INSERT INTO plain VALUES (vow_new_key('plain'), %d)", is_plain);
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : VOW_E_DATABASE;
}

/* Version 2 is what `note` reads, and version 1 what `add` publishes. */
static int lift(const struct vow_received_event *event, struct vow_event_form *form, void *ctx)
{
    (void)ctx;
    if (event->version != 1)
        return VOW_E_VERSION;
    form->len =
        (size_t)snprintf(form->room, VOW_TRANSFORM_ROOM, "lifted %.*s", (int)event->len, (const char *)event->payload);
    form->payload = form->room;
    form->version = 2;
    return 0;
}

static enum vow_event_from from(void)
{
    const char *given = getenv("EVENTS_FROM");
    return given != NULL && strcmp(given, "end") == 0 ? VOW_FROM_END : VOW_FROM_START;
}

static int subscribe_plain(struct vow_participant *participant)
{
    const struct vow_reaction reaction = {.on = "s0.added", .handler = note_plain, .version_max = 1};
    const struct vow_subscription subscription = {.size = sizeof(subscription),
                                                  .group = "plain",
                                                  .reactions = &reaction,
                                                  .reactions_len = 1,
                                                  .from = from(),
                                                  .backoff_ms = 10,
                                                  .backoff_max_ms = 50,
                                                  .attempts_max = 1000};
    return vow_participant_subscribe(participant, &subscription);
}

static int subscribe(struct vow_participant *participant, const char *name)
{
    static const char *const publishes[] = {"s1.noted"};
    static char noted[] = "s1.noted";
    const struct vow_reaction second = {
        .on = "s0.added", .handler = note, .ctx = noted, .publishes = publishes, .publishes_len = 1};
    const struct vow_reaction first = {.on = "s1.noted", .handler = note};
    const struct vow_subscription subscription = {.size = sizeof(subscription),
                                                  .group = name,
                                                  .reactions = strcmp(name, "s1") == 0 ? &second : &first,
                                                  .reactions_len = 1,
                                                  .from = from(),
                                                  .backoff_ms = 10,
                                                  .backoff_max_ms = 50,
                                                  .attempts_max = 1000,
                                                  .transform = lift};
    const int error = strcmp(name, "s1") == 0 ? subscribe_plain(participant) : 0;
    return error != 0 ? error : vow_participant_subscribe(participant, &subscription);
}

static int start(struct vow_participant *participant, const char *name)
{
    return vow_participant_handle(participant, "add", add, NULL) ||
           vow_participant_handle(participant, "refuse", refuse, NULL) || subscribe(participant, name) ||
           vow_participant_start(participant);
}

int main(int argc, char **argv)
{
    char path[200];
    struct vow_participant_options options = {
        .size = sizeof(options),
        .path = path,
        .schema =
            "CREATE TABLE counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL); INSERT INTO counter VALUES (1, 0);"
            "CREATE TABLE noted (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, times INTEGER NOT NULL);"
            "CREATE TABLE plain (id INTEGER PRIMARY KEY, is_plain INTEGER NOT NULL)"};
    struct vow_participant *participant;
    struct vow_error_detail detail = {0};
    sigset_t signals;
    int number, error;
    if (argc != 4)
        return 2;
    snprintf(path, sizeof(path), "%s.db", argv[2]);
    snprintf(added, sizeof(added), "%s.added", argv[1]);
    options.name = argv[1];
    const char *remembered = getenv("EVENTS_REMEMBERED_MS");
    if (remembered != NULL)
        options.inbox_retention_ms = strtoull(remembered, NULL, 10);
    options.coordinator = argv[3];
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    if (vow_participant_open(&options, &participant, &detail) != 0 || start(participant, argv[1]) != 0) {
        fprintf(stderr, "test-events-service: %s\n", detail.text);
        return 1;
    }
    while ((error = vow_participant_subscribed(participant, argv[1], 60000, &detail)) == VOW_E_UNREACHABLE)
        continue;
    if (error != 0) {
        fprintf(stderr, "test-events-service: %s\n", detail.text);
        return 1;
    }
    puts("ready");
    fflush(stdout);
    sigwait(&signals, &number);
    vow_participant_close(participant);
    return 0;
}
