#include "proto/net/crash.h"

#ifdef VOW_CRASH_POINTS

#include <ctype.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIU_ENABLE
#include <fiu-control.h>
#include <fiu.h>

#include "proto/error.h"

#define POINT_NAME_SIZE 64

/* Set once, before there are threads; read at every point, so that a process without VOW_CRASH_AT pays one test. */
static bool is_armed;
static unsigned long armed_hit;
static atomic_ulong hits;

/* libfiu asks at each meeting of the armed point whether it fails. */
static int is_the_hit(const char *name, int *failnum, void **failinfo, unsigned int *flags)
{
    (void)name;
    (void)failnum;
    (void)failinfo;
    (void)flags;
    return atomic_fetch_add(&hits, 1) + 1 == armed_hit;
}

static bool is_point_char(char c)
{
    return isalnum((unsigned char)c) || c == '.' || c == '_' || c == '-';
}

/* Splits NAME or NAME@N. */
static int parse(const char *text, char name[POINT_NAME_SIZE], unsigned long *hit)
{
    size_t len = 0;
    while (is_point_char(text[len]))
        len++;
    if (len == 0 || len >= POINT_NAME_SIZE)
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

int vow_crash_init(void)
{
    static char name[POINT_NAME_SIZE];
    const char *text = getenv("VOW_CRASH_AT");
    if (text == NULL || is_armed)
        return 0;
    if (parse(text, name, &armed_hit) != 0)
        return VOW_E_ARGUMENT;
    if (fiu_init(0) != 0 || fiu_enable_external(name, 1, NULL, 0, is_the_hit) != 0)
        return VOW_E_NO_MEMORY;
    is_armed = true;
    return 0;
}

int vow_crash_hit(const char *where, const char *when, const char *what)
{
    if (!is_armed)
        return 0;
    char name[POINT_NAME_SIZE];
    snprintf(name, sizeof(name), "%s.%s.%s", where, when, what);
    return fiu_fail(name) != 0;
}

/* No handler, no exit handler, no flush: as power loss or the OOM killer would. */
_Noreturn void vow_crash_now(void)
{
    raise(SIGKILL);
    for (;;)
        pause();
}

#endif
