/* The configuration file. What is taken prints as a file that means the same; what is not is refused with its place. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "coordinator/server/settings.h"
#include "proto/error.h"
#include "target.h"

/* libcyaml reads a file by its name. */
static int load(const void *bytes, size_t size, struct vow_settings *settings)
{
    struct vow_settings_source source = {0};
    struct vow_settings_error error = {""};
    char path[64];
    const int fd = memfd_create("vowd.yaml", MFD_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    source.file = path;
    const int result = vow_settings_load(&source, settings, &error);
    close(fd);
    FUZZ_REQUIRE(result == 0 || (result == VOW_E_ARGUMENT && error.text[0] != '\0'));
    FUZZ_REQUIRE(result == 0 || vow_text_is_printable(error.text));
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vow_settings settings, again;
    char *printed = NULL;
    size_t printed_len = 0;
    if (size > 1 << 16 || load(data, size, &settings) != 0)
        return 0;
    FILE *out = open_memstream(&printed, &printed_len);
    FUZZ_REQUIRE(out != NULL);
    vow_settings_print_file(&settings, false, out);
    fclose(out);
    FUZZ_REQUIRE(load(printed, printed_len, &again) == 0);
    for (size_t i = 0; i < vow_setting_count; i++)
        FUZZ_REQUIRE(!vow_setting_differs(&vow_setting_list[i], &settings, &again));
    free(printed);
    return 0;
}
