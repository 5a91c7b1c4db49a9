/* malloc() and its like, in front of the sanitizer's or libc's. What is freed is the same for all. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fail_private.h"

/* The sanitizer's, if there is one; else libc's. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *block, size_t size) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);

void *fail_real_malloc(size_t size)
{
    return __interceptor_malloc != NULL ? __interceptor_malloc(size) : __libc_malloc(size);
}

FAIL_INTERPOSED void *malloc(size_t size)
{
    if (fail_now(FAIL_MEMORY, "malloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return fail_real_malloc(size);
}

FAIL_INTERPOSED void *calloc(size_t count, size_t size)
{
    if (fail_now(FAIL_MEMORY, "calloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __interceptor_calloc != NULL ? __interceptor_calloc(count, size) : __libc_calloc(count, size);
}

FAIL_INTERPOSED void *realloc(void *block, size_t size)
{
    if (fail_now(FAIL_MEMORY, "realloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __interceptor_realloc != NULL ? __interceptor_realloc(block, size) : __libc_realloc(block, size);
}

/* A sanitizer has its own, which would pass by the malloc() above. */
FAIL_INTERPOSED char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    return copy != NULL ? memcpy(copy, text, size) : NULL;
}
