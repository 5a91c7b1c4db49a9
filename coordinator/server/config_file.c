/* The configuration file, and how it and the flags become one set of settings. */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/server/config_walk.h"
#include "coordinator/server/settings.h"
#include "proto/assert.h"
#include "proto/error.h"
#include "proto/quote.h"

#define FILE_BYTES_MAX (1u << 20)
#define SECTIONS_MAX 8

/* What libcyaml loads: every value as text, so that a file and a flag are read by the same function. */
struct texts {
    char *of[VOW_SETTINGS_MAX]; /* by setting; NULL = not in the file */
};

/* libcyaml's description of the file, made from the list of settings. */
struct schema {
    cyaml_schema_field_t top[VOW_SETTINGS_MAX + SECTIONS_MAX + 1];
    cyaml_schema_field_t fields[SECTIONS_MAX][VOW_SETTINGS_MAX + 1];
    char names[SECTIONS_MAX][32];
    size_t sizes[SECTIONS_MAX], top_len, sections_len;
    cyaml_schema_value_t root;
};

/* ---- reading the file ---- */

static int read_all(int fd, const char *name, char **text, size_t *len, struct vow_settings_error *error)
{
    char *buffer = malloc(FILE_BYTES_MAX + 1);
    size_t used = 0;
    ssize_t got = 1;
    if (buffer == NULL)
        return config_fail(error, name, 0, "out of memory");
    while (got != 0 && used <= FILE_BYTES_MAX) {
        got = read(fd, buffer + used, FILE_BYTES_MAX + 1 - used);
        if (got < 0 && errno != EINTR)
            break;
        used += got > 0 ? (size_t)got : 0;
    }
    if (got >= 0 && used <= FILE_BYTES_MAX) {
        *text = buffer;
        *len = used;
        return 0;
    }
    free(buffer);
    if (got < 0)
        return config_fail(error, name, 0, "cannot be read: %s", strerror(errno));
    return config_fail(error, name, 0, "is larger than a configuration file can be (%u bytes)", FILE_BYTES_MAX);
}

/* O_NONBLOCK: a pipe that nobody writes to must not hang the start. */
static int read_file(const char *name, char **text, size_t *len, struct vow_settings_error *error)
{
    struct stat about;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return config_fail(error, name, 0, "cannot be opened: %s", strerror(errno));
    int result;
    if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode))
        result = config_fail(error, name, 0, "is not a file");
    else
        result = read_all(fd, name, text, len, error);
    close(fd);
    return result;
}

/* ---- libcyaml ---- */

static cyaml_schema_field_t text_field(const struct vow_setting *setting, const char *key)
{
    size_t index = (size_t)(setting - vow_setting_list);
    return (cyaml_schema_field_t){.key = key,
                                  .data_offset = (uint32_t)(index * sizeof(char *)),
                                  .value = {.type = CYAML_STRING,
                                            .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                                            .data_size = sizeof(char),
                                            .string = {.min = 0, .max = FILE_BYTES_MAX}}};
}

/* A section is no struct of its own: its fields lie in struct texts like all others. */
static size_t section_of(struct schema *schema, const char *key)
{
    size_t len = strcspn(key, "."), at = 0;
    while (at < schema->sections_len && (strlen(schema->names[at]) != len || strncmp(schema->names[at], key, len) != 0))
        at++;
    if (at < schema->sections_len)
        return at;
    VOW_ASSERT(at < SECTIONS_MAX && len < sizeof(schema->names[0]));
    memcpy(schema->names[at], key, len);
    schema->sections_len++;
    schema->top[schema->top_len++] = (cyaml_schema_field_t){.key = schema->names[at],
                                                            .value = {.type = CYAML_MAPPING,
                                                                      .flags = CYAML_FLAG_OPTIONAL,
                                                                      .data_size = sizeof(struct texts),
                                                                      .mapping = {.fields = schema->fields[at]}}};
    return at;
}

static void make_schema(struct schema *schema)
{
    memset(schema, 0, sizeof(*schema));
    for (size_t i = 0; i < vow_setting_count; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        const char *dot = strchr(setting->key, '.');
        if (dot == NULL) {
            schema->top[schema->top_len++] = text_field(setting, setting->key);
            continue;
        }
        size_t at = section_of(schema, setting->key);
        schema->fields[at][schema->sizes[at]++] = text_field(setting, dot + 1);
    }
    schema->root = (cyaml_schema_value_t){.type = CYAML_MAPPING,
                                          .flags = CYAML_FLAG_POINTER,
                                          .data_size = sizeof(struct texts),
                                          .mapping = {.fields = schema->top}};
}

/* libcyaml says what it found in several lines; the first is the cause. */
struct cyaml_words {
    char text[128];
};

__attribute__((format(printf, 3, 0))) static void on_cyaml_log(cyaml_log_t level, void *ctx, const char *format,
                                                               va_list args)
{
    struct cyaml_words *words = ctx;
    if (level < CYAML_LOG_ERROR || words->text[0] != '\0')
        return;
    vsnprintf(words->text, sizeof(words->text), format, args);
    words->text[strcspn(words->text, "\n")] = '\0';
}

static void read_texts(const struct texts *texts, const char *name, const struct config_lines *lines,
                       struct vow_settings *settings, struct vow_settings_error *error, int *result)
{
    for (size_t i = 0; i < vow_setting_count && *result == 0; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        const char *text = texts->of[i];
        char wants[128], quoted[VOW_QUOTE_SIZE];
        if (text == NULL || vow_setting_read(setting, text, settings))
            continue;
        vow_setting_wants(setting, wants, sizeof(wants));
        vow_quote(text, strlen(text), quoted);
        *result = config_fail(error, name, lines->of[i], "%s: wants %s, found %s", setting->key, wants,
                              text[0] != '\0' ? quoted : "nothing");
    }
}

static int read_settings(const char *name, const char *text, size_t len, const struct config_lines *lines,
                         struct vow_settings *settings, struct vow_settings_error *error)
{
    struct schema schema;
    struct cyaml_words words = {""};
    cyaml_config_t config = {.log_fn = on_cyaml_log,
                             .log_ctx = &words,
                             .mem_fn = cyaml_mem,
                             .log_level = CYAML_LOG_ERROR,
                             .flags = CYAML_CFG_NO_ALIAS};
    struct texts *texts = NULL;
    int result = 0;
    make_schema(&schema);
    cyaml_err_t code =
        cyaml_load_data((const uint8_t *)text, len, &config, &schema.root, (cyaml_data_t **)&texts, NULL);
    if (code == CYAML_OK)
        read_texts(texts, name, lines, settings, error, &result);
    else
        result = config_fail(error, name, 0, "%s", words.text[0] != '\0' ? words.text : cyaml_strerror(code));
    cyaml_free(&config, &schema.root, texts, 0);
    return result;
}

static int load_file(const char *name, struct config_lines *lines, struct vow_settings *settings,
                     struct vow_settings_error *error)
{
    char *text = NULL;
    size_t len = 0;
    int result = read_file(name, &text, &len, error);
    if (result == 0)
        result = config_walk(name, text, len, lines, error);
    if (result == 0 && lines->any)
        result = read_settings(name, text, len, lines, settings, error);
    free(text);
    return result;
}

/* ---- file and flags ---- */

/* What holds between two settings is said of the one that the file has, or of the flag. */
static int check_pairs(const struct vow_settings_source *source, const struct config_lines *lines,
                       const struct vow_settings *settings, struct vow_settings_error *error)
{
    if (settings->ack_max_ms >= settings->ack_ms)
        return 0;
    unsigned line = 0;
    for (size_t i = 0; i < vow_setting_count; i++) {
        bool is_one = vow_setting_list[i].offset == offsetof(struct vow_settings, ack_max_ms) ||
                      vow_setting_list[i].offset == offsetof(struct vow_settings, ack_ms);
        if (is_one && lines->of[i] != 0 && source->flags[i] == NULL)
            line = lines->of[i];
    }
    return config_fail(error, line > 0 ? source->file : "--ack-timeout-max", line,
                       "timeouts.ack_max_ms: wants at least timeouts.ack_ms, which is %u, found \"%u\"",
                       settings->ack_ms, settings->ack_max_ms);
}

int vow_settings_load(const struct vow_settings_source *source, struct vow_settings *settings,
                      struct vow_settings_error *error)
{
    struct vow_settings loaded;
    struct config_lines lines = {.any = false};
    int result = 0;
    vow_settings_defaults(&loaded);
    if (source->file != NULL)
        result = load_file(source->file, &lines, &loaded, error);
    for (size_t i = 0; i < vow_setting_count && result == 0; i++) {
        bool is_good = source->flags[i] == NULL || vow_setting_read(&vow_setting_list[i], source->flags[i], &loaded);
        VOW_ASSERT(is_good); /* whoever filled the source has read it once */
    }
    if (result == 0)
        result = check_pairs(source, &lines, &loaded, error);
    if (result == 0)
        *settings = loaded;
    return result;
}
