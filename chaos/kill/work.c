/* The work that has been done: a run in which there was none shows that nothing breaks which nobody uses. */
#include <stdlib.h>
#include <string.h>

#include "chaos/kill/memory.h"
#include "chaos/kill/run.h"

void real_work_line(struct real_member *load, const char *line)
{
    const struct real_needs *needs = &load->plan->needs;

    if (needs->text.text != NULL && needs->file.text == NULL && strstr(line, needs->text.text) != NULL)
        load->work++;
}

/* A file that cannot be read has no lines. */
static uint32_t count_in(const char *path, const char *text)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    uint32_t count = 0;

    if (file == NULL)
        return 0;
    while (getline(&line, &size, file) > 0)
        count += strstr(line, text) != NULL;
    free(line);
    (void)fclose(file);
    return count;
}

static void judge(struct real_run *run, struct real_member *load)
{
    const struct real_needs *needs = &load->plan->needs;
    char path[REAL_FILE_SIZE];

    if (needs->text.text == NULL)
        return;
    (void)snprintf(path, sizeof(path), "%s/%s", load->directory, needs->file.text != NULL ? needs->file.text : "");
    if (needs->file.text != NULL)
        load->work = count_in(path, needs->text.text);
    if (load->work < needs->times)
        real_record_say(&run->record, REAL_MOMENT_INVALID, load->node.name,
                        "has done too little: %u of %u lines with %s", load->work, needs->times, needs->text.text);
}

void real_work_judge(struct real_run *run)
{
    for (size_t i = 0; i < run->scenario->loads_len && !run->is_interrupted; i++)
        judge(run, &run->loads[i]);
}

json_t *real_work_of(const struct real_run *run)
{
    json_t *rows = real_need(json_array());

    for (size_t i = 0; i < run->scenario->loads_len; i++) {
        const struct real_needs *needs = &run->scenario->loads[i].needs;
        if (needs->text.text != NULL)
            (void)json_array_append_new(
                rows, real_need(json_pack("{s:s, s:s, s:I, s:I}", "load", run->scenario->loads[i].name.text, "text",
                                          needs->text.text, "needs", (json_int_t)needs->times, "found",
                                          (json_int_t)run->loads[i].work)));
    }
    return rows;
}
