/*
 * The store over a resource of the service's own (<vow/resource.h>), with Vow's file beside it (state_file.h).
 *
 * An operation becomes an item, which asks the resource and waits for its answer; run() keeps it meanwhile. One-phase
 * commit is prepare, the decision written down durably in Vow's file, commit. What the resource has committed is
 * marked: soon the mark is made durable as a tombstone, many at once, and then the resource may forget its own record.
 */
#ifndef VOW_PARTICIPANT_STORE_RESOURCE_H
#define VOW_PARTICIPANT_STORE_RESOURCE_H

#include <vow/resource.h>

#include "participant/store/store.h"

#define RESOURCE_ANSWERS_DEFAULT 64u
#define RESOURCE_ANSWERS_MAX 1024u

/*
 * Checks the struct (copied) and opens the file at path. VOW_E_ARGUMENT, or what state_file_open() finds. The
 * resource's recover is called by the store's.
 */
int vow_store_resource_open(const struct vow_resource *resource, const char *path, const struct vow_store_ops **ops,
                            void **store, struct vow_error_detail *detail);

#endif
