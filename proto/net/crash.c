#include "proto/net/crash.h"

#ifdef VOW_CRASH_POINTS

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/error.h"

/* A point that was met. */
struct met {
    char name[VOW_CRASH_NAME_SIZE];
    unsigned long times;
    struct met *next;
};

/* Read at every point without the lock, so that a process that is not watched pays one test. */
static atomic_bool is_watched;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all that follows */
static bool has_read_environment, is_armed, is_recording;
static char armed_name[VOW_CRASH_NAME_SIZE];
static unsigned long armed_hit, hits;
static vow_crash_fn *hook;
static void *hook_ctx;
static struct met *first_met, **last_met = &first_met;

/* --- What is armed --- */

static bool is_point_char(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

/* Splits NAME or NAME@N. */
static int parse(const char *text, char name[VOW_CRASH_NAME_SIZE], unsigned long *hit)
{
    size_t len = 0;
    while (is_point_char(text[len]))
        len++;
    if (len == 0 || len >= VOW_CRASH_NAME_SIZE)
        return VOW_E_ARGUMENT;
    memcpy(name, text, len);
    name[len] = '\0';
    *hit = 1;
    if (text[len] == '\0')
        return 0;
    if (text[len] != '@' || !isdigit((unsigned char)text[len + 1]))
        return VOW_E_ARGUMENT;
    char *end;
    *hit = strtoul(text + len + 1, &end, 10);
    return *end == '\0' && *hit > 0 ? 0 : VOW_E_ARGUMENT;
}

int vow_crash_arm(const char *text)
{
    char name[VOW_CRASH_NAME_SIZE] = "";
    unsigned long hit = 0;
    if (text != NULL && parse(text, name, &hit) != 0)
        return VOW_E_ARGUMENT;
    pthread_mutex_lock(&lock);
    memcpy(armed_name, name, sizeof(name));
    armed_hit = hit;
    hits = 0;
    is_armed = text != NULL;
    atomic_store(&is_watched, is_armed || is_recording);
    pthread_mutex_unlock(&lock);
    return 0;
}

int vow_crash_init(void)
{
    const char *text = getenv("VOW_CRASH_AT");
    pthread_mutex_lock(&lock);
    const bool is_known = has_read_environment || text == NULL;
    has_read_environment = has_read_environment || text != NULL;
    pthread_mutex_unlock(&lock);
    if (is_known)
        return 0;
    const int error = vow_crash_arm(text);
    if (error != 0) {
        pthread_mutex_lock(&lock);
        has_read_environment = false; /* the next one is to hear of it, too */
        pthread_mutex_unlock(&lock);
    }
    return error;
}

/* --- What is met --- */

static void record(const char *name)
{
    struct met *met = first_met;
    while (met != NULL && strcmp(met->name, name) != 0)
        met = met->next;
    if (met == NULL && (met = calloc(1, sizeof(*met))) != NULL) {
        snprintf(met->name, sizeof(met->name), "%s", name);
        *last_met = met;
        last_met = &met->next;
    }
    if (met != NULL)
        met->times++;
}

int vow_crash_hit_named(const char *name)
{
    if (!atomic_load_explicit(&is_watched, memory_order_relaxed))
        return 0;
    pthread_mutex_lock(&lock);
    if (is_recording)
        record(name);
    const bool is_hit = is_armed && strcmp(armed_name, name) == 0 && ++hits == armed_hit;
    pthread_mutex_unlock(&lock);
    return is_hit;
}

int vow_crash_hit(const char *where, const char *when, const char *what)
{
    char name[VOW_CRASH_NAME_SIZE];
    if (!atomic_load_explicit(&is_watched, memory_order_relaxed))
        return 0;
    snprintf(name, sizeof(name), "%s.%s.%s", where, when, what);
    return vow_crash_hit_named(name);
}

/* An OOM killer sends SIGKILL and a failed assertion SIGABRT, too; neither leaves a note. One that cannot be written is
 * missed by whoever looks for it. */
static void leave_note(const char *name)
{
    const char *path = getenv("VOW_CRASH_NOTE");
    char note[VOW_CRASH_NAME_SIZE + 32];
    if (path == NULL)
        return;
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const int len = snprintf(note, sizeof(note), "%ld %s\n", (long)getpid(), name);
    if (fd >= 0 && write(fd, note, (size_t)len) == len)
        close(fd);
}

/* No handler, no exit handler, no flush: as power loss or the OOM killer would. Or as an assertion that does not hold,
 * which must be no worse (faults F143 and F230). */
static _Noreturn void die(const char *name)
{
    const char *how = getenv("VOW_CRASH_HOW");
    leave_note(name);
    if (how != NULL && strcmp(how, "abort") == 0)
        abort();
    raise(SIGKILL);
    for (;;)
        pause();
}

void vow_crash_now(void)
{
    char name[VOW_CRASH_NAME_SIZE];
    pthread_mutex_lock(&lock);
    vow_crash_fn *fn = hook;
    void *ctx = hook_ctx;
    memcpy(name, armed_name, sizeof(name));
    pthread_mutex_unlock(&lock);
    if (fn == NULL)
        die(name);
    fn(ctx, name);
}

void vow_crash_set_hook(vow_crash_fn *fn, void *ctx)
{
    pthread_mutex_lock(&lock);
    hook = fn;
    hook_ctx = ctx;
    pthread_mutex_unlock(&lock);
}

static void forget_all(void)
{
    while (first_met != NULL) {
        struct met *met = first_met;
        first_met = met->next;
        free(met);
    }
    last_met = &first_met;
}

void vow_crash_record(bool on)
{
    pthread_mutex_lock(&lock);
    if (!on)
        forget_all();
    is_recording = on;
    atomic_store(&is_watched, is_armed || is_recording);
    pthread_mutex_unlock(&lock);
}

void vow_crash_each_met(vow_crash_met_fn *fn, void *ctx)
{
    pthread_mutex_lock(&lock);
    for (const struct met *met = first_met; met != NULL; met = met->next)
        fn(ctx, met->name, met->times);
    pthread_mutex_unlock(&lock);
}

#endif
