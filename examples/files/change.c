#include "change.h"

#include <stdio.h>
#include <string.h>

/* A name that stays in its directory, and on its line. */
static bool take_name(struct change *change, const char *name, size_t len)
{
    if (len == 0 || len >= sizeof(change->name) || name[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (name[i] == '/' || name[i] == '\n' || name[i] == '\0')
            return false;
    memcpy(change->name, name, len);
    change->name[len] = '\0';
    return true;
}

bool is_look(const struct vow_work *work)
{
    return strcmp(work->handler, "look") == 0;
}

const char *change_read(const struct vow_work *work, struct change *change)
{
    const char *payload = work->payload;
    const bool is_put = strcmp(work->handler, "put") == 0;
    const char *end = is_put && work->len > 0 ? memchr(payload, '\n', work->len) : NULL;
    if (!is_put && strcmp(work->handler, "delete") != 0 && !is_look(work))
        return "there are put, delete and look";
    if (is_put && end == NULL)
        return "put wants a name, a newline and a text";
    const size_t len = is_put ? (size_t)(end - payload) : work->len;
    if (!take_name(change, payload, len))
        return "a name has 1 to 127 characters, no slash, no leading dot";
    change->is_delete = !is_put;
    change->text = is_put ? end + 1 : NULL;
    change->len = is_put ? work->len - len - 1 : 0;
    return NULL;
}

int changes_print(const struct changes *changes, char *text, size_t size)
{
    size_t len = 0;
    for (unsigned i = 0; i < changes->len && len < size; i++)
        len += (size_t)snprintf(text + len, size - len, "%s %s\n", changes->list[i].is_delete ? "delete" : "put",
                                changes->list[i].name);
    return len < size ? (int)len : -1;
}

bool changes_parse(char *text, struct changes *changes)
{
    changes->len = 0;
    for (char *line = text, *end; *line != '\0'; line = end + 1) {
        struct change *change = &changes->list[changes->len];
        end = strchr(line, '\n');
        char *name = strchr(line, ' ');
        if (end == NULL || name == NULL || name > end || changes->len == CHANGES_MAX)
            return false;
        *end = '\0';
        *change = (struct change){.is_delete = line[0] == 'd'};
        if (!take_name(change, name + 1, (size_t)(end - name - 1)))
            return false;
        changes->len++;
    }
    return changes->len > 0;
}
