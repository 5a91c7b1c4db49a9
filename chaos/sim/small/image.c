#include "chaos/sim/small/image.h"

#include <stdlib.h>
#include <string.h>

#include "chaos/sim/small/room.h"

void small_block_init(struct small_block *block, size_t size)
{
    *block = (struct small_block){.words = (uint32_t)((size + 7) / 8)};
    block->memory = small_room(block->words, sizeof(uint64_t));
    block->base = small_room(block->words, sizeof(uint64_t));
    block->changed = small_room(block->words, sizeof(struct small_word));
}

void small_block_deinit(struct small_block *block)
{
    free(block->memory);
    free(block->base);
    free(block->changed);
}

void small_block_set_base(struct small_block *block, const void *skip_from, const void *skip_to)
{
    const char *start = (const char *)block->memory;

    block->skip_from = (uint32_t)(((size_t)((const char *)skip_from - start) + 7) / 8);
    block->skip_to = (uint32_t)((size_t)((const char *)skip_to - start) / 8);
    memcpy(block->base, block->memory, (size_t)block->words * 8);
    block->changed_len = 0;
}

static void scan_few(struct small_block *block, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (block->memory[i] != block->base[i])
            block->changed[block->changed_len++] = (struct small_word){i, block->memory[i]};
    }
}

/* A core changes little of its memory at a time. */
#define STRETCH 64

static void scan(struct small_block *block, uint32_t from, uint32_t to)
{
    for (; from + STRETCH <= to; from += STRETCH) {
        if (memcmp(block->memory + from, block->base + from, STRETCH * sizeof(uint64_t)) != 0)
            scan_few(block, from, from + STRETCH);
    }
    scan_few(block, from, to);
}

void small_block_scan(struct small_block *block)
{
    block->changed_len = 0;
    scan(block, 0, block->skip_from);
    scan(block, block->skip_to, block->words);
}

struct small_image small_block_save(const struct small_block *block)
{
    struct small_image image = {small_room(block->changed_len, sizeof(struct small_word)), block->changed_len};

    memcpy(image.words, block->changed, block->changed_len * sizeof(*image.words));
    return image;
}

void small_block_load(struct small_block *block, const struct small_image *image)
{
    for (uint32_t i = 0; i < block->changed_len; i++)
        block->memory[block->changed[i].at] = block->base[block->changed[i].at];
    for (uint32_t i = 0; i < image->len; i++)
        block->memory[image->words[i].at] = image->words[i].value;
    memcpy(block->changed, image->words, image->len * sizeof(*image->words));
    block->changed_len = image->len;
}
