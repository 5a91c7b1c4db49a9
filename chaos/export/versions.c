/*
 * What a version was made of: the one that its writer has based it on, and what that was made of. A row that nobody has
 * lost an update of is all versions up to its own; of one that was written over what others had done, those are
 * missing, and that is what a checker finds.
 */
#include <stdlib.h>

#include "chaos/export/export.h"
#include "chaos/kill/memory.h"

struct export_versions {
    const struct measure_record **writes; /* by key and version */
    size_t len;
};

static int compare_places(uint32_t key, int64_t version, const struct measure_record *write)
{
    if (key != write->key)
        return key > write->key ? 1 : -1;
    return (version > write->version) - (version < write->version);
}

static int compare(const void *left, const void *right)
{
    const struct measure_record *a = *(const struct measure_record *const *)left;

    return compare_places(a->key, a->version, *(const struct measure_record *const *)right);
}

struct export_versions *export_versions_of(const struct measure_run *run)
{
    struct export_versions *versions = real_need(calloc(1, sizeof(*versions)));

    versions->writes = real_need(malloc((run->records_len + 1) * sizeof(struct measure_record *)));
    for (size_t i = 0; i < run->records_len; i++)
        if (run->records[i].what == MEASURE_WRITE)
            versions->writes[versions->len++] = &run->records[i];
    qsort((void *)versions->writes, versions->len, sizeof(struct measure_record *), compare);
    return versions;
}

void export_versions_free(struct export_versions *versions)
{
    free((void *)versions->writes);
    free(versions);
}

static const struct measure_record *find(const struct export_versions *versions, uint32_t key, int64_t version)
{
    size_t low = 0, high = versions->len;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_places(key, version, versions->writes[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < versions->len && compare_places(key, version, versions->writes[low]) == 0 ? versions->writes[low]
                                                                                           : NULL;
}

int64_t export_versions_list(const struct export_versions *versions, uint32_t key, int64_t version, int64_t **list,
                             size_t *size)
{
    size_t len = 0;

    while (version > 0) {
        const struct measure_record *write = find(versions, key, version);
        if (write == NULL || write->from >= version)
            return -1;
        if (len == *size) {
            *size = *size > 0 ? 2 * *size : 64;
            *list = real_need(realloc(*list, *size * sizeof(**list)));
        }
        (*list)[len++] = version;
        version = write->from;
    }
    for (size_t i = 0; i < len / 2; i++) {
        const int64_t swapped = (*list)[i];
        (*list)[i] = (*list)[len - 1 - i];
        (*list)[len - 1 - i] = swapped;
    }
    return (int64_t)len;
}
