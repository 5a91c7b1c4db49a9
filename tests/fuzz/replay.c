/* Runs a target over files and folders of inputs, where the compiler has no libFuzzer: what once broke stays mended. */
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

#define INPUT_BYTES_MAX (1u << 20)

static unsigned inputs;

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_BYTES_MAX);
    if (file == NULL || bytes == NULL) {
        perror(path);
        free(bytes);
        return 1;
    }
    const size_t read = fread(bytes, 1, INPUT_BYTES_MAX, file);
    fclose(file);
    /* In memory of its own size, so that a read past its end is seen. */
    uint8_t *exact = malloc(read + (read == 0));
    if (exact != NULL) {
        memcpy(exact, bytes, read);
        (void)LLVMFuzzerTestOneInput(exact, read);
        inputs++;
    }
    free(exact);
    free(bytes);
    return 0;
}

static int replay_folder(const char *path)
{
    DIR *folder = opendir(path);
    int failed = 0;
    if (folder == NULL) {
        perror(path);
        return 1;
    }
    for (const struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char inside[PATH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(inside, sizeof(inside), "%s/%s", path, entry->d_name);
        failed |= replay_file(inside);
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat about;
        const bool is_folder = stat(argv[i], &about) == 0 && S_ISDIR(about.st_mode);
        failed |= is_folder ? replay_folder(argv[i]) : replay_file(argv[i]);
    }
    printf("replayed %u inputs\n", inputs);
    return failed != 0 || inputs == 0;
}
