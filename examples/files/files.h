/*
 * A directory of documents as a store that takes part in transactions: the worked example of <vow/resource.h>.
 *
 * A transaction's calls are "put" (payload: the document's name, a newline, its text), "delete" (its name) and "look"
 * (its name; NO if there is no such document). Documents are whole files; a reader sees the old one or the new one.
 *
 *   DIRECTORY/docs/NAME              the documents, for everybody to read
 *   DIRECTORY/branches/WORD.0 ...    the new texts of a branch
 *   DIRECTORY/branches/WORD.prepared what it will do with them: the record "prepared"
 *   DIRECTORY/branches/WORD.committed
 *
 * What makes it safe: a name appears by rename(), which is all or nothing, and is durable when its directory is synced
 * as well (bug B10); each step of commit may be done again; the locks are in memory, and come back out of the records.
 */
#ifndef FILES_H
#define FILES_H

#include <vow/resource.h>

struct files;

/* Makes the directory if need be. NULL with errno if that cannot be. */
struct files *files_open(const char *directory);
void files_close(struct files *files);
/* The five callbacks over it. */
struct vow_resource files_resource(struct files *files);
/* How many records of branches there are. */
long files_kept(const struct files *files);

#endif
