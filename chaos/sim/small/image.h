/*
 * A core's memory, saved in little room: the words in which it differs from how it was at first. A core lies at one
 * address for ever, so its pointers stay good.
 */
#ifndef VOW_CHAOS_SIM_SMALL_IMAGE_H
#define VOW_CHAOS_SIM_SMALL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct small_word {
    uint32_t at;
    uint64_t value;
};

struct small_image {
    struct small_word *words;
    uint32_t len;
};

struct small_block {
    uint64_t *memory, *base;
    uint32_t words;
    uint32_t skip_from, skip_to; /* scratch of the core: neither saved nor put back */
    struct small_word *changed;  /* what memory differs in from base now */
    uint32_t changed_len;
};

/* Room for a core of `size` bytes: .memory, aligned for everything. */
void small_block_init(struct small_block *block, size_t size);
void small_block_deinit(struct small_block *block);
/* As memory is now is how it was at first. Between these two addresses there is nothing to save. */
void small_block_set_base(struct small_block *block, const void *skip_from, const void *skip_to);
/* Looks at memory: call it after each step of the core. Returns what changed_len became. */
void small_block_scan(struct small_block *block);
/* A copy of what the last scan found. */
struct small_image small_block_save(const struct small_block *block);
void small_block_load(struct small_block *block, const struct small_image *image);

#endif
