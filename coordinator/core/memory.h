/* The core's memory and limits, for its own files. */
#ifndef VOW_COORDINATOR_CORE_MEMORY_H
#define VOW_COORDINATOR_CORE_MEMORY_H

#include "coordinator/core/core.h"

/* Takes the limits that there is room for. */
void coord_take_limits(struct vow_coord *core, const struct vow_coord_limits *limits);

#endif
