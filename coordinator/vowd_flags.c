#include "coordinator/vowd_flags.h"

#include <getopt.h>
#include <string.h>

#include "proto/message.h"
#include "proto/quote.h"

static const char help_head[] = "vowd: the coordinator of distributed transactions\n"
                                "\n"
                                "  vowd [FLAGS]\n"
                                "\n";

static const char help_tail[] =
    "\n"
    "  --config FILE         read settings from FILE (YAML); flags win over it; SIGHUP reads it again\n"
    "  --check-config FILE   say what would hold with FILE and the other flags, or what is wrong with it, and exit\n"
    "  --help-config         print a configuration file with every key, its default and its meaning\n"
    "  --help, --version\n"
    "\n"
    "Prints one line on stdout when it serves. Logs to stderr. SIGTERM drains; a second one ends at once.\n"
    "\n"
    "Environment: VOW_TRACE=FILE adds to FILE what vowd does and when, a line of JSON each; for measuring\n"
    "\n"
    "Exit status: 0 drained, nothing left · 1 did not start · 2 wrong flags or configuration · 3 stopped with\n"
    "transactions open (the next start goes on with those that are decided) · 4 the journal could not be written\n";

/* getopt's value of a setting's flag is this plus its place in the list. */
#define FLAG_SETTING 256

struct parse {
    struct vow_settings_source *source;
    const char *check;
    bool done; /* --help or the like: nothing after it counts */
};

int vowd_usage(const char *flag, const char *value, const char *wants)
{
    char quoted[VOW_QUOTE_SIZE];
    vow_quote(value != NULL ? value : "", value != NULL ? strlen(value) : 0, quoted);
    fprintf(stderr, "vowd: %s: wants %s, found %s; see vowd --help\n", flag, wants, quoted);
    return VOWD_EXIT_USAGE;
}

static int set_setting(struct parse *parse, size_t index, const char *value)
{
    const struct vow_setting *setting = &vow_setting_list[index];
    struct vow_settings scratch;
    char flag[48], wants[128];
    vow_settings_defaults(&scratch);
    if (vow_setting_read(setting, value, &scratch)) {
        parse->source->flags[index] = value;
        return 0;
    }
    snprintf(flag, sizeof(flag), "--%s", setting->flag);
    vow_setting_wants(setting, wants, sizeof(wants));
    return vowd_usage(flag, value, wants);
}

static void print_help(void)
{
    fputs(help_head, stdout);
    vow_settings_print_flags(stdout);
    fputs(help_tail, stdout);
}

static void print_sample(void)
{
    struct vow_settings settings;
    vow_settings_defaults(&settings);
    printf("# vowd.yaml: every setting of vowd with its default. All are optional; flags win over this file.\n"
           "# SIGHUP reads it again. vowd --check-config FILE says what is wrong with it.\n\n");
    vow_settings_print_file(&settings, true, stdout);
}

static int set_flag(struct parse *parse, int flag, const char *value)
{
    switch (flag) {
    case 'c':
        parse->source->file = value;
        return value[0] != '\0' ? 0 : vowd_usage("--config", value, "a file");
    case 'k':
        parse->check = value;
        return value[0] != '\0' ? 0 : vowd_usage("--check-config", value, "a file");
    case 'K':
        print_sample();
        break;
    case 'H':
        print_help();
        break;
    case 'V':
        printf("vowd %s (wire %d)\n", VOW_SOFTWARE_VERSION, VOW_WIRE_VERSION);
        break;
    default:
        return set_setting(parse, (size_t)(flag - FLAG_SETTING), value);
    }
    parse->done = true;
    return 0;
}

static int refuse(const char *flag, const char *why)
{
    char quoted[VOW_QUOTE_SIZE];
    vow_quote(flag, strlen(flag), quoted);
    fprintf(stderr, "vowd: %s: %s; see vowd --help\n", quoted, why);
    return VOWD_EXIT_USAGE;
}

static void fill_options(struct option options[VOW_SETTINGS_MAX + 6])
{
    static const struct option others[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", required_argument, NULL, 'k'},
        {"help-config", no_argument, NULL, 'K'},  {"help", no_argument, NULL, 'H'},
        {"version", no_argument, NULL, 'V'},
    };
    size_t len = 0;
    for (; len < vow_setting_count; len++)
        options[len] = (struct option){vow_setting_list[len].flag, required_argument, NULL, FLAG_SETTING + (int)len};
    memcpy(options + len, others, sizeof(others));
    options[len + sizeof(others) / sizeof(others[0])] = (struct option){NULL, 0, NULL, 0};
}

static int parse_flags(int argc, char **argv, struct parse *parse)
{
    struct option options[VOW_SETTINGS_MAX + 6];
    int flag;
    fill_options(options);
    /* "_only": -x is a flag like any other, and argv names it in full. ":": getopt leaves the talking to us. */
    while (!parse->done && (flag = getopt_long_only(argc, argv, ":", options, NULL)) != -1) {
        int error;
        if (flag == ':')
            error = refuse(argv[optind - 1], "wants a value");
        else if (flag == '?')
            error = refuse(argv[optind - 1], "not a flag of vowd, or with a value that it does not take");
        else
            error = set_flag(parse, flag, optarg);
        if (error != 0)
            return error;
    }
    return parse->done || optind == argc ? 0 : refuse(argv[optind], "takes no such argument");
}

static int check(struct vow_settings_source *source, const char *file)
{
    struct vow_settings settings;
    struct vow_settings_error error;
    source->file = file;
    if (vow_settings_load(source, &settings, &error) != 0) {
        fprintf(stderr, "vowd: %s\n", error.text);
        return VOWD_EXIT_USAGE;
    }
    vow_settings_print_file(&settings, false, stdout);
    return 0;
}

bool vowd_flags(int argc, char **argv, struct vow_settings_source *source, int *status)
{
    struct parse parse = {.source = source};
    *source = (struct vow_settings_source){.file = NULL};
    *status = parse_flags(argc, argv, &parse);
    if (*status != 0 || parse.done)
        return false;
    if (parse.check == NULL)
        return true;
    *status = check(source, parse.check);
    return false;
}
