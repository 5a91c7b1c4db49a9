#include "disk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

struct faults *disk_new(struct cluster *cluster)
{
    struct faults *disk;
    char file[160];

    snprintf(file, sizeof(file), "%s/disk", cluster->directory);
    cr_assert_eq(faults_new(file, cluster->directory, &disk), 0);
    setenv("VOW_FAULTS", file, 1);
    cluster->vowd_preload = VOW_FAULTS_LIBRARY;
    return disk;
}

void disk_free(struct faults *disk)
{
    faults_free(disk);
}

void disk_hang(struct faults *disk, bool hangs)
{
    faults_set_disk(disk, &(struct faults_disk){.hangs = hangs});
}
