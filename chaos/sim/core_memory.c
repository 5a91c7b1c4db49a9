#include "chaos/sim/core_memory.h"

#include <stdlib.h>

#include "proto/assert.h"

void *sim_core_memory(const struct sim_node *node, enum sim_core core, size_t size)
{
    static struct kept {
        void *memory;
        size_t size;
    } all[SIM_NODES_MAX][SIM_CORES];
    struct kept *kept = &all[node->index][core];

    if (kept->size < size) {
        free(kept->memory);
        kept->memory = malloc(size);
        kept->size = size;
    }
    VOW_ASSERT(kept->memory != NULL);
    return kept->memory;
}
