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

/* A point at which the process is to end. */
struct armed {
    char name[VOW_CRASH_NAME_SIZE];
    unsigned long hit, hits;
};

/* A point that was met. */
struct met {
    char name[VOW_CRASH_NAME_SIZE];
    unsigned long times;
    struct met *next;
};

/* Read at every point without the lock, so that a process that is not watched pays one test. */
static atomic_bool is_watched;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for all that follows */
static bool has_read_environment, is_recording;
static struct armed *armed;
static size_t armed_len;
static vow_crash_fn *hook;
static void *hook_ctx;
static struct met *first_met, **last_met = &first_met;
static int met_file = -1; /* VOW_CRASH_MET */

/* The one that this thread has hit. */
static _Thread_local char hit_name[VOW_CRASH_NAME_SIZE];

/* --- What is armed --- */

static bool is_point_char(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

/* Splits NAME or NAME@N off the front; *rest is what follows it. */
static int parse(const char *text, struct armed *point, const char **rest)
{
    size_t len = 0;
    char *end;
    while (is_point_char(text[len]))
        len++;
    if (len == 0 || len >= VOW_CRASH_NAME_SIZE)
        return VOW_E_ARGUMENT;
    memcpy(point->name, text, len);
    point->name[len] = '\0';
    point->hit = 1;
    point->hits = 0;
    *rest = text + len;
    if (text[len] != '@')
        return 0;
    if (!isdigit((unsigned char)text[len + 1]))
        return VOW_E_ARGUMENT;
    point->hit = strtoul(text + len + 1, &end, 10);
    *rest = end;
    return point->hit > 0 ? 0 : VOW_E_ARGUMENT;
}

static size_t count_commas(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == ',';
    return count;
}

/* All of them, or nothing. */
static int parse_all(const char *text, struct armed *points, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (parse(text, &points[i], &text) != 0 || *text != (i + 1 < len ? ',' : '\0'))
            return VOW_E_ARGUMENT;
        text++;
    }
    return 0;
}

static bool is_wanted(void)
{
    return armed_len > 0 || is_recording || met_file >= 0;
}

int vow_crash_arm(const char *text)
{
    const size_t len = text != NULL ? count_commas(text) + 1 : 0;
    struct armed *points = len > 0 ? calloc(len, sizeof(*points)) : NULL;
    if (len > 0 && (points == NULL || parse_all(text, points, len) != 0)) {
        free(points);
        return VOW_E_ARGUMENT;
    }
    pthread_mutex_lock(&lock);
    struct armed *before = armed;
    armed = points;
    armed_len = len;
    atomic_store(&is_watched, is_wanted());
    pthread_mutex_unlock(&lock);
    free(before);
    return 0;
}

/* Appended to: the lives of a process share it. One that cannot be opened is missed by whoever reads it. */
static void open_met_file(void)
{
    const char *path = getenv("VOW_CRASH_MET");
    if (path == NULL)
        return;
    pthread_mutex_lock(&lock);
    if (met_file < 0)
        met_file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    atomic_store(&is_watched, is_wanted());
    pthread_mutex_unlock(&lock);
}

int vow_crash_init(void)
{
    const char *text = getenv("VOW_CRASH_AT");
    open_met_file();
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

static void tell_met(const char *name)
{
    char line[VOW_CRASH_NAME_SIZE + 1];
    const int len = snprintf(line, sizeof(line), "%s\n", name);
    if (met_file >= 0 && write(met_file, line, (size_t)len) != len) {
        close(met_file); /* half a name would be another point */
        met_file = -1;
    }
}

static void record(const char *name)
{
    struct met *met = first_met;
    while (met != NULL && strcmp(met->name, name) != 0)
        met = met->next;
    if (met == NULL && (met = calloc(1, sizeof(*met))) != NULL) {
        snprintf(met->name, sizeof(met->name), "%s", name);
        *last_met = met;
        last_met = &met->next;
        tell_met(name);
    }
    if (met != NULL)
        met->times++;
}

static bool is_hit_of(struct armed *point, const char *name)
{
    return strcmp(point->name, name) == 0 && ++point->hits == point->hit;
}

int vow_crash_hit_named(const char *name)
{
    bool is_hit = false;
    if (!atomic_load_explicit(&is_watched, memory_order_relaxed))
        return 0;
    pthread_mutex_lock(&lock);
    if (is_recording || met_file >= 0)
        record(name);
    for (size_t i = 0; i < armed_len; i++)
        is_hit = is_hit_of(&armed[i], name) || is_hit;
    if (is_hit)
        snprintf(hit_name, sizeof(hit_name), "%s", name);
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
    static pthread_mutex_t dying = PTHREAD_MUTEX_INITIALIZER;
    const char *how = getenv("VOW_CRASH_HOW");
    pthread_mutex_lock(&dying); /* for good: two threads at two points leave one note */
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
    memcpy(name, hit_name, sizeof(name));
    pthread_mutex_lock(&lock);
    vow_crash_fn *fn = hook;
    void *ctx = hook_ctx;
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
    atomic_store(&is_watched, is_wanted());
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
