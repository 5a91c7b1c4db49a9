#include "coordinator/ctl/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/ctl/ask.h"

static void print(const struct flags *flags, const struct question *question, const json_t *rows)
{
    const json_t *shown = question->one_row ? json_array_get(rows, 0) : rows;
    if (flags->json) {
        json_dumpf(shown, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        printf("\n");
    } else if (shown != NULL) {
        question->print(shown);
    }
}

int command_ask(const struct flags *flags, const struct question *question)
{
    json_t *rows;
    struct vow_error_detail detail;
    const int error = ask(&flags->coordinator, &question->request, flags->timeout_ms, &rows, &detail);
    if (error == VOW_E_NOT_FOUND && question->none != NULL) {
        fprintf(stderr, "vowctl: %s\n", question->none);
        return EXIT_NOT_FOUND;
    }
    if (error != 0) {
        char address[VOW_ADDRESS_SIZE];
        vow_address_print(&flags->coordinator, address);
        fprintf(stderr, "vowctl: %s: %s; %s. Is vowd running there? Choose another with --coordinator\n", address,
                vow_error_text(error), detail.text);
        return EXIT_NO_ANSWER;
    }
    print(flags, question, rows);
    json_decref(rows);
    return EXIT_ANSWERED;
}

struct operation command_order(const struct flags *flags, enum vow_admin_command command)
{
    return (struct operation){.address = flags->coordinator,
                              .timeout_ms = flags->timeout_ms,
                              .command = command,
                              .participant = flags->participant,
                              .to = flags->to,
                              .reason = flags->reason,
                              .as = flags->as,
                              .yes = flags->yes,
                              .json = flags->json};
}

bool command_parse_id(const char *text, struct vow_gtrid *gtrid)
{
    if (strlen(text) != (size_t)2 * VOW_GTRID_BYTES)
        return vow_gtrid_from_text(text, strlen(text), gtrid) && !vow_gtrid_is_none(gtrid);
    for (size_t i = 0; i < VOW_GTRID_BYTES; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        char *end;
        gtrid->bytes[i] = (uint8_t)strtoul(digits, &end, 16);
        if (*end != '\0' || strchr(" +-", digits[0]) != NULL)
            return false;
    }
    return !vow_gtrid_is_none(gtrid);
}
