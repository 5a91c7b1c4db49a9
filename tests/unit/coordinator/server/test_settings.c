/* Every setting wrong in every way, in a file; flags over the file; the sample; the form of what is printed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "coordinator/server/settings.h"
#include "proto/error.h"

static char directory[] = "/tmp/vow-settings-XXXXXX";
static char path[64];
static struct vow_settings_error error;
static struct vow_settings loaded;

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/vowd.yaml", directory);
}

static void remove_directory(void)
{
    (void)remove(path);
    cr_expect_eq(rmdir(directory), 0);
}

TestSuite(settings, .init = make_directory, .fini = remove_directory);

static int load_bytes(const void *bytes, size_t len)
{
    struct vow_settings_source source = {.file = path};
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, len, file), len);
    fclose(file);
    error.text[0] = '\0';
    return vow_settings_load(&source, &loaded, &error);
}

static int load(const char *text)
{
    return load_bytes(text, strlen(text));
}

/* Byte for byte, padding too: what is refused whole has not been written to. */
static bool same_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
    return memcmp(a, b, len) == 0;
}

static void expect_refused(const char *text, size_t len, unsigned line, const char *key, const char *why)
{
    char place[96];
    memset(&loaded, 0x5a, sizeof(loaded));
    uint8_t before[sizeof(loaded)];
    memcpy(before, &loaded, sizeof(loaded));
    cr_assert_eq(load_bytes(text, len), VOW_E_ARGUMENT, "taken: %s", text);
    snprintf(place, sizeof(place), line > 0 ? "%s:%u: " : "%s: ", path, line);
    cr_expect_eq(strncmp(error.text, place, strlen(place)), 0, "not at %s %s", place, error.text);
    cr_expect_not_null(strstr(error.text, key), "no \"%s\" in: %s", key, error.text);
    cr_expect_not_null(strstr(error.text, why), "no \"%s\" in: %s", why, error.text);
    for (const char *c = error.text; *c != '\0'; c++)
        cr_assert(*c >= 0x20 && *c < 0x7f, "byte %d in: %s", *c, error.text);
    cr_expect(same_bytes(before, (const uint8_t *)&loaded, sizeof(loaded)), "something was taken of: %s", text);
}

/* ---- each setting, wrong in each way ---- */

/* "limits:\n  txns_max: " or "listen: "; its line. */
static unsigned begin_with(const struct vow_setting *setting, char *text, size_t size, char **rest)
{
    const char *dot = strchr(setting->key, '.');
    int len = dot != NULL
                  ? snprintf(text, size, "# a comment\n%.*s:\n  %s: ", (int)(dot - setting->key), setting->key, dot + 1)
                  : snprintf(text, size, "# a comment\n\n%s: ", setting->key);
    *rest = text + len;
    return 3;
}

static void expect_value_refused(const struct vow_setting *setting, const char *value, const char *why)
{
    char text[2048], *rest;
    unsigned line = begin_with(setting, text, sizeof(text), &rest);
    snprintf(rest, sizeof(text) - (size_t)(rest - text), "%s\n", value);
    expect_refused(text, strlen(text), line, setting->key, why);
}

static void expect_range(const struct vow_setting *setting)
{
    char value[32];
    snprintf(value, sizeof(value), "%llu", (unsigned long long)setting->highest + 1);
    expect_value_refused(setting, value, value);
    if (setting->lowest > 0) {
        snprintf(value, sizeof(value), "%u", setting->lowest - 1);
        expect_value_refused(setting, value, value);
    }
    static const char *const wrong[] = {"-1",
                                        "+5",
                                        "4294967296",
                                        "18446744073709551617",
                                        "99999999999999999999999",
                                        "5s",
                                        "1e3",
                                        "0x10",
                                        "010",
                                        "1_000",
                                        "5.0",
                                        "yes",
                                        "5 6",
                                        "~",
                                        "\"\\x1b[31m\""};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        expect_value_refused(setting, wrong[i], "found");
}

Test(settings, every_key_wrong_in_every_way)
{
    static char longest[1500];
    memset(longest, 'x', sizeof(longest) - 1);
    for (size_t i = 0; i < vow_setting_count; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        expect_value_refused(setting, "", "found nothing");
        expect_value_refused(setting, "\"\"", "found nothing");
        expect_value_refused(setting, "[1, 2]", "found a list");
        expect_value_refused(setting, "{a: 1}", "found keys of its own");
        expect_value_refused(setting, "*anchor", "found an alias");
        expect_value_refused(setting, "\"a\\0b\"", "zero byte");
        expect_value_refused(setting, "\"\\x1b]0;owned\\x07\"", "\\x1b");
        expect_value_refused(setting, longest, "...\"");
        if (setting->kind == VOW_SETTING_NUMBER)
            expect_range(setting);
        else if (setting->kind != VOW_SETTING_PATH)
            expect_value_refused(setting, "two words", "found \"two words\"");
    }
}

Test(settings, every_key_twice)
{
    for (size_t i = 0; i < vow_setting_count; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        const char *dot = strchr(setting->key, '.');
        const char *value = setting->fallback[0] != '\0' ? setting->fallback : "me";
        char text[256], *rest;
        begin_with(setting, text, sizeof(text), &rest);
        snprintf(rest, 128, "\"%s\"\n%s%s: \"%s\"\n", value, dot != NULL ? "  " : "",
                 dot != NULL ? dot + 1 : setting->key, value);
        expect_refused(text, strlen(text), 4, setting->key, "said before, on line 3");
    }
}

/* ---- the form of the file ---- */

#define REFUSED(line, key, why, text) expect_refused(text, sizeof(text) - 1, line, key, why)

Test(settings, files_that_are_not_what_they_should_be)
{
    REFUSED(1, "colour", "no such key", "colour: red\n");
    REFUSED(2, "colour", "no such key in limits", "limits:\n  colour: red\n");
    REFUSED(2, "vote_ms", "no such key in limits", "limits:\n  vote_ms: 5\n");
    REFUSED(1, "txns_max", "no such key", "txns_max: 5\n");
    REFUSED(1, "limits.txns_max", "no such key", "limits.txns_max: 5\n");
    REFUSED(1, "\\x1b", "no such key", "\"\\x1b[2J\": 5\n");
    REFUSED(1, "", "a key is wanted", "[a]: b\n");
    REFUSED(1, "limits", "wants keys under it, found nothing", "limits:\n");
    REFUSED(1, "limits", "wants keys under it, found a single value", "limits: 5\n");
    REFUSED(1, "limits", "wants keys under it, found a list", "limits: [txns_max]\n");
    REFUSED(3, "limits", "said before, on line 1", "limits:\n  txns_max: 5\nlimits:\n  txns_max: 6\n");
    REFUSED(1, "", "found a list", "- a\n- b\n");
    REFUSED(1, "", "found a single value", "hello\n");
    REFUSED(3, "", "second document", "---\nname: a\n---\nname: b\n");
    REFUSED(2, "", "is not YAML", "name: a\nlisten: %\n");
    REFUSED(2, "", "is not YAML", "limits:\n\ttxns_max: 5\n");
    REFUSED(2, "", "is not YAML", "name: \"a\n");
    REFUSED(1, "", "is not YAML", "name: &\n");
    REFUSED(2, "", "is not YAML", "name: a\ndata: \"\xff\xfe\"\n");
    REFUSED(3, "", "is not YAML", "\n\nname: \"\x01\"\n");
    REFUSED(1, "", "is not YAML",
            "\x7f"
            "ELF\x02\x01\x01\0\0\0\0\0");
    REFUSED(1, "no such key", "<<", "<<: {name: a}\n");
    REFUSED(2, "ack_max_ms", "at least timeouts.ack_ms, which is 500", "timeouts: {ack_ms: 500,\n  ack_max_ms: 100}\n");
    REFUSED(1, "ack_max_ms", "at least", "timeouts: {ack_ms: 86400000}\n");
}

Test(settings, deep_nesting_ends_at_once)
{
    static char deep[200000];
    memset(deep, '[', sizeof(deep) - 1);
    expect_refused(deep, sizeof(deep) - 1, 1, "", "found a list");
    snprintf(deep, sizeof(deep), "name: ");
    deep[strlen(deep)] = '[';
    expect_refused(deep, sizeof(deep) - 1, 1, "name", "found a list");
}

static void expect_no_file(const char *name, const char *why)
{
    struct vow_settings_source source = {.file = name};
    cr_assert_eq(vow_settings_load(&source, &loaded, &error), VOW_E_ARGUMENT);
    cr_expect_not_null(strstr(error.text, name), "%s", error.text);
    cr_expect_not_null(strstr(error.text, why), "%s", error.text);
}

Test(settings, files_that_cannot_be_read)
{
    static char huge[(1 << 20) + 2];
    char fifo[64];
    expect_no_file(path, "No such file");
    expect_no_file(directory, "is not a file");
    expect_no_file("/dev/zero", "is not a file");
    snprintf(fifo, sizeof(fifo), "%s/fifo", directory);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    expect_no_file(fifo, "is not a file");
    unlink(fifo);
    memset(huge, '#', sizeof(huge));
    expect_refused(huge, sizeof(huge), 0, "larger than a configuration file can be", "1048576");
    cr_expect_eq(load_bytes(huge, sizeof(huge) - 2), 0, "%s", error.text);
}

/* ---- what is taken ---- */

static void expect_all_default(void)
{
    struct vow_settings defaults;
    vow_settings_defaults(&defaults);
    for (size_t i = 0; i < vow_setting_count; i++)
        cr_expect_not(vow_setting_differs(&vow_setting_list[i], &defaults, &loaded), "%s", vow_setting_list[i].key);
}

Test(settings, an_empty_file_says_nothing)
{
    static const char *const empty[] = {"", "\n", "# only a comment\n", "\xef\xbb\xbf", "%YAML 1.2\n---\n{}\n"};
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
        cr_assert_eq(load(empty[i]), 0, "%zu: %s", i, error.text);
        expect_all_default();
    }
}

Test(settings, the_sample_is_the_defaults_with_every_key)
{
    struct vow_settings_source source = {.file = VOW_SAMPLE};
    static char sample[65536];
    FILE *file = fopen(VOW_SAMPLE, "r");
    cr_assert_not_null(file);
    sample[fread(sample, 1, sizeof(sample) - 1, file)] = '\0';
    fclose(file);
    cr_assert_eq(vow_settings_load(&source, &loaded, &error), 0, "%s", error.text);
    expect_all_default();
    for (size_t i = 0; i < vow_setting_count; i++) {
        const char *dot = strchr(vow_setting_list[i].key, '.');
        char key[64];
        snprintf(key, sizeof(key), " %s: ", dot != NULL ? dot + 1 : vow_setting_list[i].key);
        cr_expect(strstr(sample, key) != NULL || strstr(sample, key + 1) != NULL, "no %s in the sample", key);
    }
}

/* What --check-config prints is a file that says the same. */
Test(settings, what_is_printed_can_be_read)
{
    struct vow_settings first;
    cr_assert_eq(load("name: shop\ndata: \"/a \\\"b\\\" \\\\ c\"\nhttp: off\nlisten: \"[::1]:0\"\nlog_level: debug\n"
                      "limits: {txns_max: 1048576, frame_bytes_max: '4096'}\ntimeouts:\n  drain_ms: 0\n"),
                 0, "%s", error.text);
    first = loaded;
    cr_expect_str_eq(first.data, "/a \"b\" \\ c");
    cr_expect_eq(first.txns_max, 1048576);
    FILE *file = fopen(path, "w");
    vow_settings_print_file(&first, true, file);
    fclose(file);
    struct vow_settings_source source = {.file = path};
    cr_assert_eq(vow_settings_load(&source, &loaded, &error), 0, "%s", error.text);
    for (size_t i = 0; i < vow_setting_count; i++)
        cr_expect_not(vow_setting_differs(&vow_setting_list[i], &first, &loaded), "%s", vow_setting_list[i].key);
}

Test(settings, flags_win_over_the_file)
{
    struct vow_settings_source source = {.file = path};
    cr_assert_eq(load("name: file\nlimits: {txns_max: 7, branches_max: 9}\n"), 0, "%s", error.text);
    for (size_t i = 0; i < vow_setting_count; i++) {
        if (strcmp(vow_setting_list[i].key, "limits.txns_max") == 0)
            source.flags[i] = "8";
    }
    cr_assert_eq(vow_settings_load(&source, &loaded, &error), 0, "%s", error.text);
    cr_expect_eq(loaded.txns_max, 8);
    cr_expect_eq(loaded.branches_max, 9);
    cr_expect_str_eq(loaded.name, "file");
}

Test(settings, keys_and_flags_are_each_once)
{
    for (size_t i = 0; i < vow_setting_count; i++) {
        for (size_t j = 0; j < i; j++) {
            cr_expect_str_neq(vow_setting_list[i].key, vow_setting_list[j].key);
            cr_expect_str_neq(vow_setting_list[i].flag, vow_setting_list[j].flag);
        }
    }
}

/* The defaults of the parts are the defaults of the daemon: whoever embeds them gets the same. */
Test(settings, defaults_agree_with_the_core_and_the_channel)
{
    struct vow_coord_limits limits;
    struct vow_channel_options options;
    vow_settings_defaults(&loaded);
    vow_settings_core_limits(&loaded, &limits);
    vow_settings_channel_options(&loaded, &options);
    const struct vow_coord_limits *core = &vow_coord_default_limits;
    cr_expect(limits.txns_max == core->txns_max && limits.branches_max == core->branches_max &&
              limits.peers_max == core->peers_max && limits.ended_max == core->ended_max);
    cr_expect(limits.txn_timeout_ms == core->txn_timeout_ms && limits.vote_timeout_ms == core->vote_timeout_ms &&
              limits.ack_timeout_ms == core->ack_timeout_ms && limits.ack_timeout_max_ms == core->ack_timeout_max_ms);
    const struct vow_channel_options *channel = &vow_channel_defaults;
    cr_expect(options.frame_max == channel->frame_max && options.write_high_water == channel->write_high_water &&
              options.strangers_max == channel->strangers_max && options.handshake_ms == channel->handshake_ms &&
              options.heartbeat_ms == channel->heartbeat_ms);
    load("");
}
