/*
 * Memory runs out by a limit (limits.h); here is only counted what that met. Whose allocator it is does not matter: the
 * next one that a process would have without us, a sanitizer's perhaps, does the work.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "chaos/preload/preload.h"

/* The C library's own, for what is asked while the next is looked for. It is never given back to another. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);

static _Thread_local bool is_looking;

static void *count(void *result, size_t size)
{
    if (result == NULL && size > 0 && errno == ENOMEM && preload_control != NULL)
        preload_hit(FAULTS_NO_MEMORY);
    return result;
}

/* `found` is a pointer to a function, which C does not let pass as one to data. */
static void look(const char *name, void *found, size_t size)
{
    is_looking = true;
    void *const next = dlsym(RTLD_NEXT, name);
    is_looking = false;
    memcpy(found, &next, size);
}

TAKES_PLACE void *malloc(size_t size)
{
    static void *(*next)(size_t size);

    if (is_looking)
        return __libc_malloc(size);
    if (next == NULL)
        look("malloc", &next, sizeof(next));
    return count(next(size), size);
}

TAKES_PLACE void *calloc(size_t times, size_t size)
{
    static void *(*next)(size_t times, size_t size);

    if (is_looking)
        return __libc_calloc(times, size);
    if (next == NULL)
        look("calloc", &next, sizeof(next));
    return count(next(times, size), size);
}

TAKES_PLACE void *realloc(void *memory, size_t size)
{
    static void *(*next)(void *memory, size_t size);

    if (next == NULL)
        look("realloc", &next, sizeof(next));
    return count(next(memory, size), size);
}
