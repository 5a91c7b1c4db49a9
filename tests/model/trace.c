/*
 * Reads a trace for trace.pml: "participants N", then a line a step. Empty lines and those that begin with '#' are
 * comments. Whatever is not understood ends pan with status 3: a trace that cannot be read is neither accepted nor
 * rejected.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTICIPANTS_MAX 5

void trace_read(unsigned char *lines, int lines_max, unsigned char *participants);

/* In the order of the codes in trace.pml, from 2. */
static const struct form {
    bool is_coord;
    bool is_numbered; /* the participant's number stands behind it */
    const char *text;
} forms[] = {
    {true, true, "sends prepare"},    {true, true, "sends commit"},     {true, true, "sends abort"},
    {true, false, "forced C"},        {true, false, "forced END"},      {true, false, "answers committed"},
    {true, false, "answers aborted"}, {true, false, "crashes"},         {false, false, "forced P"},
    {false, false, "forced C"},       {false, false, "dropped P"},      {false, false, "sends yes"},
    {false, false, "sends ro"},       {false, false, "sends no"},       {false, false, "sends ack"},
    {false, false, "asks"},           {false, false, "tells commit"},   {false, false, "tells abort"},
    {false, false, "crashes"},        {false, false, "sends norecord"},
};
#define FORMS (int)(sizeof forms / sizeof *forms)

static void give_up(const char *why, const char *line)
{
    fprintf(stderr, "trace: %s: %s\n", why, line);
    exit(3);
}

/* The number of a participant, from 1. */
static int number_of(const char *text, int participants, const char *line)
{
    char *end;
    const long number = strtol(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end != 0 || number < 1 || number > participants)
        give_up("there is no such participant", line);
    return (int)number - 1;
}

static int form_of(bool is_coord, const char *text, const char **behind)
{
    for (int i = 0; i < FORMS; i++) {
        const size_t len = strlen(forms[i].text);
        if (forms[i].is_coord != is_coord || strncmp(forms[i].text, text, len) != 0)
            continue;
        if (text[len] != (forms[i].is_numbered ? ' ' : 0))
            continue;
        *behind = text + len + 1;
        return i;
    }
    return -1;
}

/* A line as one number: what is done * 8 + who. */
static int code_of(const char *line, int participants)
{
    char text[64], number[8] = "";
    const char *behind = NULL;
    const bool is_part = sscanf(line, "part %7s %63[^\n]", number, text) == 2;
    if (!is_part && sscanf(line, "coord %63[^\n]", text) != 1)
        give_up("not understood", line);
    const int form = form_of(!is_part, text, &behind);
    if (form < 0)
        give_up("not understood", line);
    int who = 0;
    if (is_part || forms[form].is_numbered)
        who = number_of(is_part ? number : behind, participants, line);
    return (form + 2) * 8 + who;
}

void trace_read(unsigned char *lines, int lines_max, unsigned char *participants)
{
    char line[128] = "";
    int len = 0, count = 0;
    const char *name = getenv("VOW_TRACE");
    FILE *file = name ? fopen(name, "r") : NULL;
    if (!file)
        give_up(name ? strerror(errno) : "VOW_TRACE names no file", name ? name : "");
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == 0 || line[0] == '#')
            continue;
        if (count == 0) {
            char *end = line;
            if (strncmp(line, "participants ", 13) == 0)
                count = (int)strtol(line + 13, &end, 10);
            if (end == line || *end != 0 || count < 1 || count > PARTICIPANTS_MAX)
                give_up("the first line must be \"participants N\", N from 1 to 5", line);
            continue;
        }
        if (len == lines_max - 1)
            give_up("too many lines", name);
        lines[len++] = (unsigned char)code_of(line, count);
    }
    fclose(file);
    if (count == 0)
        give_up("it is empty", name);
    lines[len] = 1 * 8; /* TRACE_END */
    *participants = (unsigned char)count;
}
