#include "chaos/sim/heap.h"

#include <sqlite3.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/assert.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

/* Sizes up to SMALL_MAX are multiples of STEP; beyond, there are four to a power of two. */
#define STEP 16u
#define SMALL_MAX 1024u
#define SMALL_SIZES (SMALL_MAX / STEP)
#define SIZES (SMALL_SIZES + 4 * 21u)
#define BLOCK_BYTES ((size_t)1 << 20)

/* Before each piece: which size it has while it is used, and the next free one of that size while it is not. */
union head {
    uint32_t size;
    union head *next;
    max_align_t align;
};

static union head *free_pieces[SIZES];
static uint8_t *block;
static size_t block_left;

static uint32_t size_index(size_t bytes)
{
    const size_t last = bytes - 1;
    uint32_t power;

    if (bytes <= SMALL_MAX)
        return bytes > 0 ? (uint32_t)(last / STEP) : 0;
    power = 63u - (uint32_t)__builtin_clzll((unsigned long long)last); /* 10 or more */
    return SMALL_SIZES + 4 * (power - 10) + ((uint32_t)(last >> (power - 2)) & 3);
}

static size_t size_bytes(uint32_t index)
{
    const uint32_t large = index - SMALL_SIZES;

    if (index < SMALL_SIZES)
        return (size_t)(index + 1) * STEP;
    return (size_t)(5 + large % 4) << (large / 4 + 8);
}

/* The rest of the block before is lost, at most one piece of it. */
static union head *cut(size_t bytes)
{
    union head *head;

    if (bytes > BLOCK_BYTES / 8)
        return malloc(bytes);
    if (bytes > block_left) {
        block = malloc(BLOCK_BYTES);
        block_left = block != NULL ? BLOCK_BYTES : 0;
        if (block == NULL)
            return NULL;
    }
    head = (union head *)(void *)block;
    block += bytes;
    block_left -= bytes;
    return head;
}

static void *take(int bytes)
{
    const uint32_t index = size_index((size_t)bytes);
    union head *head = free_pieces[index];

    if (head != NULL)
        free_pieces[index] = head->next;
    else
        head = cut(sizeof(*head) + size_bytes(index));
    VOW_ASSERT(head != NULL); /* a world that is short of memory proves nothing */
    head->size = index;
    return head + 1;
}

static void give_back(void *piece)
{
    union head *head = (union head *)piece - 1;
    const uint32_t index = head->size;

    head->next = free_pieces[index];
    free_pieces[index] = head;
}

static int size_of(void *piece)
{
    return (int)size_bytes(((union head *)piece - 1)->size);
}

static int round_up(int bytes)
{
    return (int)size_bytes(size_index((size_t)bytes));
}

static void *resize(void *piece, int bytes)
{
    const int old = size_of(piece);
    void *new;

    if (round_up(bytes) == old)
        return piece;
    new = take(bytes);
    memcpy(new, piece, (size_t)(bytes < old ? bytes : old));
    give_back(piece);
    return new;
}

static int start(void *ctx)
{
    (void)ctx;
    return SQLITE_OK;
}

static void stop(void *ctx)
{
    (void)ctx;
}

void sim_heap_install(void)
{
    static sqlite3_mem_methods methods = {
        .xMalloc = take,
        .xFree = give_back,
        .xRealloc = resize,
        .xSize = size_of,
        .xRoundup = round_up,
        .xInit = start,
        .xShutdown = stop,
    };

    if (!HAS_SANITIZER)
        VOW_ASSERT(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
}
