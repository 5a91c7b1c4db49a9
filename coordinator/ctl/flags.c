#include "coordinator/ctl/flags.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/ctl/operate.h"
#include "proto/message.h"
#include "proto/quote.h"

static const struct option known[] = {
    {"coordinator", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"timeout", required_argument, NULL, 't'},
    {"data", required_argument, NULL, 'D'},
    {"until", required_argument, NULL, 'u'},
    {"participant", required_argument, NULL, 'p'},
    {"reason", required_argument, NULL, 'r'},
    {"as", required_argument, NULL, 'A'},
    {"to", required_argument, NULL, 'o'},
    {"yes", no_argument, NULL, 'y'},
    {"in-doubt", no_argument, NULL, 'i'},
    {"stuck", no_argument, NULL, 's'},
    {"all", no_argument, NULL, 'a'},
    {"dot", no_argument, NULL, 'd'},
    {"markdown", no_argument, NULL, 'm'},
    {"help", no_argument, NULL, 'H'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

int usage(const char *what, const char *why)
{
    char quoted[VOW_QUOTE_SIZE];
    vow_quote(what, strlen(what), quoted);
    fprintf(stderr, "vowctl: %s: %s; see vowctl --help\n", quoted, why);
    return EXIT_USAGE;
}

static bool parse_timeout(const char *text, unsigned *timeout_ms)
{
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 7)
        return false;
    *timeout_ms = (unsigned)strtoul(text, &end, 10);
    return *end == '\0' && *timeout_ms > 0;
}

/* What the history keeps of who and why. */
static int check_text(const char *flag, const char *value, unsigned max)
{
    char why[96];
    const size_t len = strlen(value);
    snprintf(why, sizeof(why), "wants 1 to %u bytes of printable text, found %zu%s", max, len,
             vow_text_is_printable(value) ? "" : ", some not printable");
    return len >= 1 && len <= max && vow_text_is_printable(value) ? 0 : usage(flag, why);
}

/* What changes something says these. */
static int set_order_flag(struct flags *flags, int letter, const char *value)
{
    switch (letter) {
    case 'p':
        flags->participant = value;
        if (vow_name_is_valid(value))
            return 0;
        return usage("--participant", "wants a participant's name, 1 to 63 of a-z A-Z 0-9 . _ -; see vowctl peers");
    case 'r':
        flags->reason = value;
        return check_text("--reason", value, OPERATION_REASON_MAX);
    case 'A':
        flags->as = value;
        return check_text("--as", value, OPERATION_WHO_MAX);
    case 'o':
        flags->to = value;
        return 0;
    default:
        flags->yes = true;
        return 0;
    }
}

static int set_flag(struct flags *flags, int letter, const char *value, const char *text)
{
    switch (letter) {
    case 'c':
        return vow_address_parse(value, &flags->coordinator) == 0 ? 0 : usage(value, "wants HOST:PORT, numeric");
    case 'j':
        flags->json = true;
        return 0;
    case 't':
        return parse_timeout(value, &flags->timeout_ms) ? 0 : usage("--timeout", "wants 1 to 9999999 milliseconds");
    case 'D':
        flags->data = value;
        return value[0] != '\0' ? 0 : usage("--data", "wants a directory");
    case 'u':
        flags->until = value;
        return 0;
    case 'p':
    case 'r':
    case 'A':
    case 'o':
    case 'y':
        return set_order_flag(flags, letter, value);
    case 'i':
        flags->filter = "in-doubt";
        return 0;
    case 's':
        flags->filter = "stuck";
        return 0;
    case 'a':
        flags->filter = "all";
        return 0;
    case 'd':
        flags->dot = true;
        return 0;
    case 'm':
        flags->markdown = true;
        return 0;
    case 'H':
        flags->help = true;
        return 0;
    case 'V':
        flags->version = true;
        return 0;
    case ':':
        return usage(text, "wants a value");
    default:
        return usage(text, "not a flag of vowctl");
    }
}

int flags_parse(struct flags *flags, int argc, char **argv)
{
    int letter, place = 0;
    *flags = (struct flags){
        .coordinator = {.host = "127.0.0.1", .port = 7420}, .timeout_ms = 5000, .filter = "", .participant = ""};
    /* "_only": -x is a flag like any other, and argv names it in full. ":": getopt leaves the talking to us. */
    while (!flags->help && !flags->version && (letter = getopt_long_only(argc, argv, ":", known, &place)) != -1) {
        const int error = set_flag(flags, letter, optarg, argv[optind - 1]);
        if (error != 0)
            return error;
        flags->given |= 1U << place;
    }
    return 0;
}

char flags_first_unused(const struct flags *flags, const char *uses)
{
    for (size_t i = 0; known[i].name != NULL; i++) {
        if ((flags->given & 1U << i) != 0 && strchr(uses, known[i].val) == NULL)
            return (char)known[i].val;
    }
    return '\0';
}

const char *flags_name(char letter)
{
    size_t i = 0;
    while (known[i].name != NULL && known[i].val != letter)
        i++;
    return known[i].name;
}
