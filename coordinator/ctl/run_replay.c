/* vowctl replay: a state of the past. */
#include <stdio.h>

#include "coordinator/ctl/commands.h"
#include "coordinator/ctl/replay.h"
#include "coordinator/fold/until.h"
#include "proto/net/clock.h"

static int say_no_replay(const struct replay_options *options, const struct vow_error_detail *detail)
{
    char address[VOW_ADDRESS_SIZE];
    vow_address_print(&options->coordinator, address);
    if (detail->error == VOW_E_UNREACHABLE)
        fprintf(stderr,
                "vowctl: %s: %s. Is vowd running there? Choose another with --coordinator, wait longer with --timeout, "
                "or read the journal of a stopped one with --data\n",
                address, detail->text);
    else
        fprintf(stderr, "vowctl: %s: %s\n", options->directory != NULL ? options->directory : address, detail->text);
    return detail->error == VOW_E_ARGUMENT || detail->error == VOW_E_EXPIRED ? EXIT_NOT_FOUND : EXIT_NO_ANSWER;
}

static int show_replay(const struct flags *flags, const struct replay_options *options)
{
    struct vow_error_detail detail;
    json_t *state;
    int error = replay(options, &state, &detail);
    if (error == VOW_E_NOT_FOUND) {
        fprintf(stderr, "vowctl: the journal has no event of this id up to there: it was not decided, had not begun, "
                        "or is older than the history\n");
        return EXIT_NOT_FOUND;
    }
    if (error != 0) {
        detail.error = error;
        return say_no_replay(options, &detail);
    }
    if (flags->json) {
        json_dumpf(state, stdout, JSON_INDENT(2));
        printf("\n");
    } else {
        print_replay(state);
    }
    json_decref(state);
    return EXIT_ANSWERED;
}

int run_replay(const struct flags *flags, char **words)
{
    struct replay_options options = {
        .coordinator = flags->coordinator, .directory = flags->data, .timeout_ms = flags->timeout_ms};
    if (flags->until == NULL)
        return usage("replay", "wants --until TIME or --until LSN");
    const char *why = vow_until_parse(flags->until, &options.until);
    if (why != NULL)
        return usage(flags->until, why);
    if (options.until.is_time && options.until.wall_us > vow_clock_wall_us())
        return usage(flags->until, "has not come yet");
    if (words[0] != NULL && !command_parse_id(words[0], &options.gtrid))
        return usage(words[0], NO_ID_OF_TXN);
    return show_replay(flags, &options);
}
