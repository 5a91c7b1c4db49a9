/* The list of settings for people: help, the sample file, the manual's table. */
#include <string.h>

#include "coordinator/server/settings.h"

/* A value as YAML: in quotes, where a reader could take it for something else. */
static void print_yaml_value(const struct vow_setting *setting, const struct vow_settings *settings, FILE *out)
{
    char text[VOW_SETTINGS_PATH_SIZE];
    vow_setting_print(setting, settings, text, sizeof(text));
    if (setting->kind == VOW_SETTING_NUMBER || setting->kind == VOW_SETTING_LEVEL) {
        fprintf(out, "%s\n", text);
        return;
    }
    fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fputc('\\', out);
        fputc(*c, out);
    }
    fputs("\"\n", out);
}

static void print_help(const struct vow_setting *setting, const char *indent, FILE *out)
{
    char wants[128];
    vow_setting_wants(setting, wants, sizeof(wants));
    fprintf(out, "%s# %s\n%s# %s; --%s", indent, setting->help, indent, wants, setting->flag);
    fprintf(out, "%s\n", setting->is_live ? "" : "; needs a restart");
}

static void print_setting(const struct vow_setting *setting, const char *key, const char *indent,
                          const struct vow_settings *settings, FILE *out)
{
    char text[VOW_SETTINGS_PATH_SIZE];
    vow_setting_print(setting, settings, text, sizeof(text));
    /* The one setting whose absence has a meaning of its own. */
    bool is_absent = setting->kind == VOW_SETTING_NAME && text[0] == '\0';
    fprintf(out, "%s%s%s: ", indent, is_absent ? "# " : "", key);
    if (is_absent)
        fprintf(out, "vowd\n");
    else
        print_yaml_value(setting, settings, out);
}

void vow_settings_print_file(const struct vow_settings *settings, bool with_help, FILE *out)
{
    const char *section = "";
    size_t section_len = 0;
    for (size_t i = 0; i < vow_setting_count; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        const char *dot = strchr(setting->key, '.');
        size_t len = dot != NULL ? (size_t)(dot - setting->key) : 0;
        if (with_help && i > 0)
            fputc('\n', out);
        if (dot != NULL && (len != section_len || strncmp(section, setting->key, len) != 0))
            fprintf(out, "%.*s:\n", (int)len, setting->key);
        section = setting->key;
        section_len = len;
        if (with_help)
            print_help(setting, dot != NULL ? "  " : "", out);
        print_setting(setting, dot != NULL ? dot + 1 : setting->key, dot != NULL ? "  " : "", settings, out);
    }
}

void vow_settings_print_markdown(FILE *out)
{
    fprintf(out, "| key | flag | default | values | SIGHUP | what it is |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < vow_setting_count; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        char wants[128];
        vow_setting_wants(setting, wants, sizeof(wants));
        fprintf(out, "| `%s` | `--%s` | %s | %s | %s | %s |\n", setting->key, setting->flag,
                setting->fallback[0] != '\0' ? setting->fallback : "the directory's own", wants,
                setting->is_live ? "changes it" : "needs a restart", setting->help);
    }
}

void vow_settings_print_flags(FILE *out)
{
    for (size_t i = 0; i < vow_setting_count; i++) {
        const struct vow_setting *setting = &vow_setting_list[i];
        int width = fprintf(out, "  --%s %s", setting->flag, setting->argument);
        fprintf(out, "%*s%s%s%s%s\n", width < 26 ? 26 - width : 2, "", setting->help,
                setting->fallback[0] != '\0' ? " (" : "", setting->fallback, setting->fallback[0] != '\0' ? ")" : "");
    }
}
