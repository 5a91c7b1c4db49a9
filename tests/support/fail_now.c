#include "fail_private.h"

#include <stdatomic.h>
#include <stddef.h>
#include <unwind.h>

static atomic_int armed; /* enum fail_kind; 0 = nothing fails */
static atomic_uint calls;
static unsigned fails_at;
static enum fail_mode fails_how;
static const char *_Atomic failed_name = "";

/* A thread that a sanitizer or libc is still making is not ours yet. */
static _Thread_local bool is_ours;

void fail_thread_begins(void)
{
    is_ours = true;
}

void fail_arm(enum fail_kind kind, enum fail_mode mode, unsigned nth)
{
    is_ours = true;
    fails_at = nth;
    fails_how = mode;
    atomic_store(&calls, 0);
    atomic_store(&failed_name, "");
    atomic_store(&armed, (int)kind);
}

unsigned fail_disarm(void)
{
    atomic_store(&armed, 0);
    return atomic_load(&calls);
}

const char *fail_name(void)
{
    return atomic_load(&failed_name);
}

/* Where the program's own code is; the linker knows. */
extern const char __executable_start, etext;

/* Only the frames of our own code: what a library does for one call of ours is one place. */
static _Unwind_Reason_Code add_frame(struct _Unwind_Context *frame, void *arg)
{
    uint64_t *hash = arg;
    uintptr_t at = (uintptr_t)_Unwind_GetIP(frame);

    if (at >= (uintptr_t)&__executable_start && at < (uintptr_t)&etext)
        *hash = (*hash ^ at) * UINT64_C(0x100000001b3);
    return _URC_NO_REASON;
}

static uint64_t place_of_call(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    (void)_Unwind_Backtrace(add_frame, &hash);
    return hash;
}

static uint64_t *places;
static unsigned places_max;

void fail_note_places(uint64_t *to, unsigned max)
{
    places = to;
    places_max = max;
}

bool fail_is_armed(void)
{
    return atomic_load_explicit(&armed, memory_order_relaxed) != 0;
}

bool fail_now(enum fail_kind kind, const char *name)
{
    const char *none = "";
    unsigned nth;

    if (atomic_load_explicit(&armed, memory_order_relaxed) != (int)kind || !is_ours)
        return false;
    nth = atomic_fetch_add(&calls, 1) + 1;
    if (nth <= places_max)
        places[nth - 1] = place_of_call();
    if (nth != fails_at && (nth < fails_at || fails_how == FAIL_ONCE))
        return false;
    (void)atomic_compare_exchange_strong(&failed_name, &none, name);
    return true;
}
