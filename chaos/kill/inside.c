/*
 * What goes wrong inside a node: its disk, its clock, its limits (chaos/preload). Only a node of whose inside the
 * scenario says something has the library in it. Faults last over the node's lives, until they are repaired.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"
#include "chaos/preload/limits.h"
#include "proto/error.h"

/* A program with a sanitizer has set aside more than any other can have, and ends when it gets no more. */
#define SHADOW (UINT64_C(1) << 40)

enum faults_kind real_inside_counts_as(enum real_action action)
{
    static const struct {
        enum real_action action;
        enum faults_kind kind;
    } counts[] = {{REAL_SLOW_SYNC, FAULTS_SLOW_SYNC},     {REAL_HANG_SYNC, FAULTS_SYNC_HUNG},
                  {REAL_FAIL_SYNC, FAULTS_SYNC_ERROR},    {REAL_FAIL_WRITE, FAULTS_WRITE_ERROR},
                  {REAL_FAIL_READ, FAULTS_READ_ERROR},    {REAL_READ_ONLY, FAULTS_READ_ONLY},
                  {REAL_FILL, FAULTS_NO_SPACE},           {REAL_CLOCK_AHEAD, FAULTS_CLOCK_JUMP},
                  {REAL_CLOCK_BEHIND, FAULTS_CLOCK_JUMP}, {REAL_FEW_DESCRIPTORS, FAULTS_NO_DESCRIPTORS},
                  {REAL_LITTLE_MEMORY, FAULTS_NO_MEMORY}};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (counts[i].action == action)
            return counts[i].kind;
    return FAULTS_LEN;
}

uint64_t real_inside_hits(const struct real_member *member, enum real_action action)
{
    const enum faults_kind kind = real_inside_counts_as(action);

    return kind != FAULTS_LEN && member->faults != NULL ? faults_hits(member->faults, kind) : 0;
}

/* --- The library in the node --- */

static char *join(const char *first, const char *name)
{
    const char *given = getenv(name);
    char text[2 * REAL_FILE_SIZE];

    (void)snprintf(text, sizeof(text), "%s%s%s", first, given != NULL ? ":" : "", given != NULL ? given : "");
    return real_need(strdup(text));
}

static int fail(const struct real_member *member, const char *what, int error)
{
    (void)fprintf(stderr, "vow-chaos: the faults inside %s: %s: %s\n", member->plan->name.text, what,
                  vow_error_text(error));
    return -1;
}

static int add_memory_library(char library[REAL_FILE_SIZE])
{
    const size_t len = strlen(library);

    library[len] = ':';
    return faults_memory_library(library + len + 1, REAL_FILE_SIZE - len - 1);
}

/* The file with the faults lies beside the log: it is not on the disk that it makes bad. A program with
 * AddressSanitizer refuses to have a library before its own, unless it is told to. */
int real_inside_open(const struct real_run *run, struct real_member *member, struct real_inside *inside)
{
    char library[REAL_FILE_SIZE], file[REAL_FILE_SIZE];
    int error = faults_library(library, sizeof(library));

    if (error == 0 && member->plan->has_little)
        error = add_memory_library(library);
    if (error != 0)
        return fail(member, library, error);
    (void)snprintf(file, sizeof(file), "%s/logs/%s.faults", run->out, member->plan->name.text);
    error = faults_new(file, member->directory, &member->faults);
    if (error != 0)
        return fail(member, file, error);
    *inside = (struct real_inside){
        {"LD_PRELOAD", "ASAN_OPTIONS", "VOW_FAULTS"},
        {join(library, "LD_PRELOAD"), join("verify_asan_link_order=0", "ASAN_OPTIONS"), real_need(strdup(file))}};
    return 0;
}

void real_inside_close(struct real_member *member)
{
    faults_free(member->faults);
    member->faults = NULL;
}

/* --- What is done --- */

static void set_disk(struct real_member *member, const struct real_fault *fault)
{
    struct faults_disk *disk = &member->disk;

    disk->sync_ms = fault->action == REAL_SLOW_SYNC ? (uint32_t)fault->by_ms : disk->sync_ms;
    disk->hangs = disk->hangs || fault->action == REAL_HANG_SYNC;
    disk->sync_fails = disk->sync_fails || fault->action == REAL_FAIL_SYNC;
    disk->write_fails = disk->write_fails || fault->action == REAL_FAIL_WRITE;
    disk->read_fails = disk->read_fails || fault->action == REAL_FAIL_READ;
    disk->is_read_only = disk->is_read_only || fault->action == REAL_READ_ONLY;
    disk->has_room = disk->has_room || fault->action == REAL_FILL;
    disk->room = fault->action == REAL_FILL ? fault->room : faults_room(member->faults);
    faults_set_disk(member->faults, disk);
}

static int limit(struct real_member *member, enum limits_kind kind, uint64_t most)
{
    if (real_node_is(&member->node, REAL_NODE_DOWN))
        return 0; /* its next life begins with it */
    const int error =
        most > 0 ? limits_set(member->node.child.pid, kind, most) : limits_lift(member->node.child.pid, kind);
    return error == 0 ? 0 : REAL_UNFIT;
}

int real_inside_begin(struct real_member *member)
{
    return member->descriptors > 0 ? limit(member, LIMITS_DESCRIPTORS, member->descriptors) : 0;
}

int real_inside_enter(const void *ctx)
{
    const struct real_member *member = ctx;

    return member->memory > 0 && limits_set(0, LIMITS_MEMORY, member->memory) != 0 ? -1 : 0;
}

/* Room is counted from what it has now. */
static int limit_memory(struct real_member *member, const struct real_fault *fault)
{
    uint64_t now = 0;
    const bool is_there = !real_node_is(&member->node, REAL_NODE_DOWN) &&
                          limits_memory(member->node.child.pid, &now) == 0; /* not of one that has just died */

    if (now > SHADOW)
        return ENOTSUP;
    if (fault->most == 0 && !is_there)
        return REAL_UNFIT;
    member->memory = fault->most > 0 ? fault->most : now + fault->room;
    return is_there ? limit(member, LIMITS_MEMORY, member->memory) : 0;
}

static int repair(struct real_member *member)
{
    const bool had_few = member->descriptors > 0, had_little = member->memory > 0;

    member->disk = (struct faults_disk){.room = 0};
    member->descriptors = 0;
    member->memory = 0;
    faults_set_disk(member->faults, &member->disk);
    faults_set_clock(member->faults, 0);
    const int error = had_few ? limit(member, LIMITS_DESCRIPTORS, 0) : 0;
    return had_little && error == 0 ? limit(member, LIMITS_MEMORY, 0) : error;
}

void real_inside_mend(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->nodes_len; i++)
        if (run->members[i].faults != NULL)
            (void)repair(&run->members[i]);
}

int real_inside_act(struct real_member *member, const struct real_fault *fault)
{
    const int64_t by_us = (int64_t)fault->by_ms * 1000;

    if (fault->action == REAL_REPAIR)
        return repair(member);
    if (fault->action == REAL_CLOCK_AHEAD || fault->action == REAL_CLOCK_BEHIND) {
        faults_set_clock(member->faults, fault->action == REAL_CLOCK_AHEAD ? by_us : -by_us);
        return 0;
    }
    if (fault->action == REAL_FEW_DESCRIPTORS) {
        member->descriptors = fault->most;
        return limit(member, LIMITS_DESCRIPTORS, fault->most);
    }
    if (fault->action == REAL_LITTLE_MEMORY)
        return limit_memory(member, fault);
    set_disk(member, fault);
    return 0;
}
