/* Damage to a virtual disk, drawn from the fuzzer's bytes: bytes changed, files cut, zeroed or gone. */
#ifndef VOW_FUZZ_DAMAGE_H
#define VOW_FUZZ_DAMAGE_H

#include "chaos/sim/disk.h"
#include "input.h"

/* files ends with NULL. Returns how often something was changed. */
unsigned fuzz_damage(struct input *in, struct sim_disk *disk, const char *const *files);

#endif
