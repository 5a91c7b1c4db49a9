#include "damage.h"

#include <stdio.h>
#include <string.h>

static void change_bytes(struct input *in, struct sim_disk *disk, const char *file, uint64_t offset)
{
    uint8_t bytes[64] = {0};
    const uint32_t len = 1 + input_below(in, sizeof(bytes));
    const bool flips = input_below(in, 2) == 0;

    (void)sim_disk_read(disk, file, offset, bytes, len);
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(flips ? bytes[i] ^ 1u << input_below(in, 8) : input_byte(in));
    sim_disk_write(disk, file, offset, bytes, len);
}

static void zero_bytes(struct input *in, struct sim_disk *disk, const char *file, uint64_t offset, uint64_t size)
{
    static const uint8_t zeros[4096];
    uint64_t len = input_number(in, 2);

    for (len = len < size - offset ? len : size - offset; len > 0;) {
        const size_t part = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
        sim_disk_write(disk, file, offset, zeros, part);
        offset += part;
        len -= part;
    }
}

static bool damage_once(struct input *in, struct sim_disk *disk, const char *const *files)
{
    uint32_t files_len = 0;
    while (files[files_len] != NULL)
        files_len++;
    const char *file = files[input_below(in, files_len)];
    const int64_t size = sim_disk_size(disk, file);
    const uint32_t what = input_below(in, 8);
    const uint64_t at = input_number(in, 3);

    if (size <= 0)
        return false;
    switch (what) {
    case 0:
        sim_disk_truncate(disk, file, at % (uint64_t)size);
        break;
    case 1:
        zero_bytes(in, disk, file, at % (uint64_t)size, (uint64_t)size);
        break;
    case 2:
        sim_disk_remove(disk, file);
        break;
    default:
        change_bytes(in, disk, file, at % (uint64_t)size);
        break;
    }
    return true;
}

unsigned fuzz_damage(struct input *in, struct sim_disk *disk, const char *const *files)
{
    unsigned changes = 0;
    for (int i = 0; i < 8 && input_left(in) > 0; i++)
        changes += damage_once(in, disk, files);
    return changes;
}
