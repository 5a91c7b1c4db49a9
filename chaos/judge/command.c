/* The judge of an archive: the same laws as while the run went on. */
#include "chaos/judge/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/judge/files.h"
#include "chaos/kill/memory.h"

#define PATH_SIZE 4096

enum { HELD = 0, VIOLATED = 1, USAGE = 2, INVALID = 3 };

static const char help[] =
    "vow-chaos judge: what no two lines of a run may say together\n"
    "\n"
    "  vow-chaos judge DIR    the archive of a run: the traces of its nodes and the histories of its load\n"
    "  vow-chaos judge --laws\n"
    "\n"
    "A run judges itself while it goes on; this is for an archive.\n"
    "\n"
    "Exit status: 0 held · 1 violated · 2 usage · 3 something cannot be read\n";

/* The timeline tells whose data were replaced when, and the verdict from when its time counts. */
static void take_replacements(struct judge *judge, const char *directory, uint64_t zero_us)
{
    char path[PATH_SIZE], *line = NULL;
    size_t size = 0;

    (void)snprintf(path, sizeof(path), "%.3000s/timeline.jsonl", directory);
    FILE *file = fopen(path, "re");
    while (file != NULL && getline(&line, &size, file) > 0) {
        const char *what = "", *who = "", *text = "";
        json_int_t t_us = 0;
        json_t *moment = json_loads(line, 0, NULL);
        (void)json_unpack(moment, "{s:I, s:s, s?s, s?s}", "t_us", &t_us, "what", &what, "who", &who, "text", &text);
        if (strcmp(what, "fault") == 0 && (strncmp(text, "restore", 7) == 0 || strncmp(text, "wipe", 4) == 0))
            judge_replaced(judge, who, zero_us + (uint64_t)t_us);
        json_decref(moment);
    }
    if (file != NULL)
        (void)fclose(file);
    free(line);
}

static struct judge *begin(const char *directory)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%.3000s/verdict.json", directory);
    json_t *verdict = json_load_file(path, 0, NULL);
    const char *protocol = json_string_value(json_object_get(json_object_get(verdict, "vars"), "protocol"));
    struct judge *judge = judge_new(protocol != NULL && strcmp(protocol, "2pc") == 0);
    take_replacements(judge, directory, (uint64_t)json_integer_value(json_object_get(verdict, "zero_us")));
    json_decref(verdict);
    return judge;
}

static void print_laws(const struct judge *judge)
{
    for (int i = JUDGE_NO_LAW + 1; i < JUDGE_LAWS; i++) {
        const enum judge_law law = (enum judge_law)i;
        if (judge == NULL)
            printf("  %-22s %-10s %s\n", judge_law_word(law), judge_law_invariant(law), judge_law_text(law));
        else if (judge_met(judge, law) > 0)
            printf("  %-22s held %llu times\n", judge_law_word(law), (unsigned long long)judge_met(judge, law));
        else
            printf("  %-22s not met: nothing that was written comes under it\n", judge_law_word(law));
    }
}

static int judge_directory(const char *directory)
{
    char why[MEASURE_ERROR_SIZE] = "";
    struct judge *judge = begin(directory);
    struct judge_files *files = judge_files_new(judge, directory);
    const bool is_well = judge_files_all(files, why);
    int status = is_well ? HELD : INVALID;

    judge_end(judge);
    if (judge_violation(judge) != NULL) {
        json_t *violation = judge_files_violation(files);
        (void)json_dumpf(violation, stdout, JSON_INDENT(2));
        printf("\n");
        json_decref(violation);
        status = VIOLATED;
    } else if (!is_well) {
        (void)fprintf(stderr, "vow-chaos judge: %s\n", why);
    } else if (judge_lines(judge) == 0) {
        (void)fprintf(stderr, "vow-chaos judge: %s: no archive of a run, or nobody has traced\n", directory);
        status = INVALID;
    } else {
        printf("%llu lines, and none contradicts another one:\n", (unsigned long long)judge_lines(judge));
        print_laws(judge);
    }
    judge_files_free(files);
    judge_free(judge);
    return status;
}

int judge_command(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--laws") == 0)
        return print_laws(NULL), HELD;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return fputs(help, stdout) < 0 ? USAGE : HELD;
    if (argc == 2 && argv[1][0] != '-')
        return judge_directory(argv[1]);
    (void)fprintf(stderr, "vow-chaos judge: wants one archive; see vow-chaos judge --help\n");
    return USAGE;
}
