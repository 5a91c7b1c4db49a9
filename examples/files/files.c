#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "change.h"

/* Of a record with all its names. */
#define RECORD_SIZE (CHANGES_MAX * (NAME_SIZE + 8))
/* Of a file's name in branches/. */
#define PATH_SIZE (VOW_BRANCH_WORD_SIZE + 16)
/* What the client is told of a NO. */
#define WHY_SIZE 160

struct lock {
    char name[NAME_SIZE], word[VOW_BRANCH_WORD_SIZE];
};

struct files {
    int docs, branches; /* the two directories */
    struct lock *locks; /* documents that a prepared branch will change */
    size_t locks_len, locks_room;
};

/* ---- files ---- */

static const char *path_of(char path[PATH_SIZE], const char *word, const char *end)
{
    snprintf(path, PATH_SIZE, "%.*s.%s", VOW_BRANCH_WORD_SIZE - 1, word, end);
    return path;
}

static const char *text_path(char path[PATH_SIZE], const char *word, unsigned i)
{
    snprintf(path, PATH_SIZE, "%s.%u", word, i);
    return path;
}

static int write_all(int file, const char *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(file, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

/* The file and its bytes are durable on return; its name is when the directory is synced. -1 with errno. */
static int write_file(int directory, const char *path, const char *data, size_t len)
{
    const int file = openat(directory, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0)
        return -1;
    int result = write_all(file, data, len);
    if (result == 0)
        result = fsync(file);
    return close(file) == 0 ? result : -1;
}

static int read_record(const struct files *files, const char *word, struct changes *changes)
{
    char path[PATH_SIZE], text[RECORD_SIZE];
    const int file = openat(files->branches, path_of(path, word, "prepared"), O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    const ssize_t len = read(file, text, sizeof(text) - 1);
    close(file);
    text[len > 0 ? len : 0] = '\0';
    return changes_parse(text, changes) ? 0 : -1;
}

static bool exists(int directory, const char *path)
{
    return faccessat(directory, path, F_OK, 0) == 0;
}

/* ---- locks ---- */

static const struct lock *find_lock(const struct files *files, const char *name)
{
    for (size_t i = 0; i < files->locks_len; i++)
        if (strcmp(files->locks[i].name, name) == 0)
            return &files->locks[i];
    return NULL;
}

static int take_locks(struct files *files, const char *word, const struct changes *changes)
{
    if (files->locks_len + changes->len > files->locks_room) {
        const size_t room = 2 * files->locks_room + CHANGES_MAX;
        struct lock *locks = realloc(files->locks, room * sizeof(*locks));
        if (locks == NULL)
            return -1;
        files->locks = locks;
        files->locks_room = room;
    }
    for (unsigned i = 0; i < changes->len; i++) {
        struct lock *lock = &files->locks[files->locks_len++];
        snprintf(lock->name, sizeof(lock->name), "%s", changes->list[i].name);
        snprintf(lock->word, sizeof(lock->word), "%s", word);
    }
    return 0;
}

static void let_go(struct files *files, const char *word)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->locks_len; i++)
        if (strcmp(files->locks[i].word, word) != 0)
            files->locks[kept++] = files->locks[i];
    files->locks_len = kept;
}

/* ---- prepare ---- */

static enum vow_said no(struct vow_answer answer, enum vow_cause cause, const char *why)
{
    (void)vow_answer_why(answer, VOW_SAID_NO, cause, why);
    return VOW_SAID_LATER;
}

/* Judges one call, and adds it. VOW_CAUSE_NONE, or the cause of a NO with its reason. */
static enum vow_cause judge(const struct files *files, const struct vow_work *work, struct changes *changes,
                            char why[WHY_SIZE])
{
    struct change *change = &changes->list[changes->len];
    const char *wrong = changes->len < CHANGES_MAX ? change_read(work, change) : "too many calls";
    snprintf(why, WHY_SIZE, "%s", wrong != NULL ? wrong : change->name);
    if (wrong != NULL)
        return VOW_CAUSE_HANDLER_REFUSED;
    if (change->is_delete && !exists(files->docs, change->name))
        return VOW_CAUSE_CONSTRAINT; /* delete and look want a document that is there */
    if (is_look(work))
        return VOW_CAUSE_NONE;
    if (find_lock(files, change->name) != NULL)
        return VOW_CAUSE_LOCK_CONFLICT;
    for (unsigned i = 0; i < changes->len; i++)
        if (strcmp(changes->list[i].name, change->name) == 0)
            return VOW_CAUSE_HANDLER_REFUSED; /* twice in one transaction */
    changes->len++;
    return VOW_CAUSE_NONE;
}

/* The texts, then the record under another name, then its name: then the branch is prepared. */
static int write_branch(const struct files *files, const char *word, const struct changes *changes)
{
    char path[PATH_SIZE], unfinished[PATH_SIZE], record[RECORD_SIZE];
    const int len = changes_print(changes, record, sizeof(record));
    for (unsigned i = 0; i < changes->len; i++) {
        const struct change *change = &changes->list[i];
        if (!change->is_delete && write_file(files->branches, text_path(path, word, i), change->text, change->len) != 0)
            return -1;
    }
    path_of(unfinished, word, "unfinished");
    if (len < 0 || write_file(files->branches, unfinished, record, (size_t)len) != 0)
        return -1;
    if (renameat(files->branches, unfinished, files->branches, path_of(path, word, "prepared")) != 0)
        return -1;
    return fsync(files->branches);
}

/* The record first: texts without one are what recover removes. */
static void remove_branch(const struct files *files, const char *word, const struct changes *changes)
{
    char path[PATH_SIZE];
    (void)unlinkat(files->branches, path_of(path, word, "prepared"), 0);
    (void)unlinkat(files->branches, path_of(path, word, "unfinished"), 0);
    for (unsigned i = 0; i < changes->len; i++)
        if (!changes->list[i].is_delete)
            (void)unlinkat(files->branches, text_path(path, word, i), 0);
}

static enum vow_said prepare(void *ctx, const char *branch, const struct vow_work *work, size_t work_len,
                             struct vow_answer answer)
{
    struct files *files = ctx;
    struct changes changes = {.len = 0};
    char why[WHY_SIZE];
    for (size_t i = 0; i < work_len; i++) {
        const enum vow_cause cause = judge(files, &work[i], &changes, why);
        if (cause != VOW_CAUSE_NONE)
            return no(answer, cause, why);
    }
    if (changes.len == 0)
        return VOW_SAID_READ_ONLY;
    if (write_branch(files, branch, &changes) != 0) {
        if (errno != ENOSPC && errno != EDQUOT)
            return VOW_SAID_BROKEN; /* a failed fsync is never tried again */
        remove_branch(files, branch, &changes);
        return no(answer, VOW_CAUSE_NO_SPACE, "the disk is full");
    }
    if (take_locks(files, branch, &changes) == 0)
        return VOW_SAID_YES;
    remove_branch(files, branch, &changes);
    return no(answer, VOW_CAUSE_NO_SPACE, "out of memory");
}

/* ---- commit and abort ---- */

/* Each step may have been done before a crash: then there is nothing left to do, and that is no error. */
static int carry_out(const struct files *files, const char *word, const struct changes *changes)
{
    char path[PATH_SIZE];
    for (unsigned i = 0; i < changes->len; i++) {
        const struct change *change = &changes->list[i];
        const int result = change->is_delete
                               ? unlinkat(files->docs, change->name, 0)
                               : renameat(files->branches, text_path(path, word, i), files->docs, change->name);
        if (result != 0 && errno != ENOENT)
            return -1;
    }
    return fsync(files->docs);
}

static enum vow_said commit(void *ctx, const char *branch, struct vow_answer answer)
{
    struct files *files = ctx;
    struct changes changes;
    char prepared[PATH_SIZE], committed[PATH_SIZE];
    (void)answer;
    if (exists(files->branches, path_of(committed, branch, "committed")))
        return VOW_SAID_DONE;
    if (!exists(files->branches, path_of(prepared, branch, "prepared")))
        return VOW_SAID_UNKNOWN;
    if (read_record(files, branch, &changes) != 0 || carry_out(files, branch, &changes) != 0 ||
        renameat(files->branches, prepared, files->branches, committed) != 0 || fsync(files->branches) != 0)
        return VOW_SAID_BROKEN;
    let_go(files, branch);
    return VOW_SAID_DONE;
}

static enum vow_said abort_branch(void *ctx, const char *branch, struct vow_answer answer)
{
    struct files *files = ctx;
    struct changes changes;
    (void)answer;
    if (read_record(files, branch, &changes) == 0)
        remove_branch(files, branch, &changes);
    let_go(files, branch);
    return VOW_SAID_DONE;
}

/* ---- recover and forget ---- */

static int take_back_prepared(struct files *files, const char *word, struct vow_recovery *recovery)
{
    struct changes changes;
    if (read_record(files, word, &changes) != 0 || take_locks(files, word, &changes) != 0)
        return VOW_E_DAMAGED;
    return vow_recovered(recovery, word, VOW_FOUND_PREPARED);
}

/* One name in branches/: a word, a dot, and what it is of it. */
static int take_back(struct files *files, const char *name, struct vow_recovery *recovery)
{
    char word[PATH_SIZE], path[PATH_SIZE];
    const size_t len = strcspn(name, ".");
    if (len == 0 || len >= sizeof(word) || name[len] == '\0')
        return 0; /* none of ours */
    memcpy(word, name, len);
    word[len] = '\0';
    if (strcmp(name + len, ".committed") == 0)
        return vow_recovered(recovery, word, VOW_FOUND_COMMITTED);
    if (strcmp(name + len, ".prepared") == 0)
        return take_back_prepared(files, word, recovery);
    /* A text, or an unfinished record: of a prepare that was cut off, unless the record is there. */
    if (!exists(files->branches, path_of(path, word, "prepared")))
        (void)unlinkat(files->branches, name, 0);
    return 0;
}

static int recover(void *ctx, struct vow_recovery *recovery)
{
    struct files *files = ctx;
    int error = 0;
    /* What is found may have been written just before the crash: it is durable before anybody hears of it. */
    if (fsync(files->branches) != 0 || fsync(files->docs) != 0)
        return VOW_E_IO;
    DIR *names = fdopendir(openat(files->branches, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (names == NULL)
        return VOW_E_IO;
    for (const struct dirent *each; error == 0 && (each = readdir(names)) != NULL;)
        error = take_back(files, each->d_name, recovery);
    closedir(names);
    return error;
}

static void forget(void *ctx, const char *branch)
{
    const struct files *files = ctx;
    char path[PATH_SIZE];
    (void)unlinkat(files->branches, path_of(path, branch, "committed"), 0);
}

/* ---- open and close ---- */

/* Its name is durable when `parent` is synced. */
static int open_directory(int parent, const char *path)
{
    if (mkdirat(parent, path, 0755) != 0 && errno != EEXIST)
        return -1;
    return openat(parent, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

struct files *files_open(const char *directory)
{
    struct files *files = calloc(1, sizeof(*files));
    const int root = open_directory(AT_FDCWD, directory);
    if (files == NULL || root < 0) {
        free(files);
        return NULL;
    }
    files->docs = open_directory(root, "docs");
    files->branches = open_directory(root, "branches");
    const int synced = fsync(root);
    close(root);
    if (files->docs >= 0 && files->branches >= 0 && synced == 0)
        return files;
    files_close(files);
    return NULL;
}

void files_close(struct files *files)
{
    close(files->docs);
    close(files->branches);
    free(files->locks);
    free(files);
}

struct vow_resource files_resource(struct files *files)
{
    return (struct vow_resource){sizeof(struct vow_resource), files, prepare, commit, abort_branch, recover, forget, 0};
}

long files_kept(const struct files *files)
{
    long kept = (long)files->locks_len;
    DIR *names = fdopendir(openat(files->branches, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    for (const struct dirent *each; names != NULL && (each = readdir(names)) != NULL;)
        kept += each->d_name[0] != '.';
    if (names != NULL)
        closedir(names);
    return kept;
}
