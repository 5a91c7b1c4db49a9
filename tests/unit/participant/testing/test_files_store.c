/* The example's store of documents, by the test that any resource can be put to. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vow/testing.h>

#include "files.h"
#include "participant/testing/power.h"

TestSuite(files_store, .timeout = 240);

/* Every eighth effect is that a document goes, the others that one comes. */
#define EFFECTS 40

static int is_delete(unsigned i)
{
    return i % 8 == 3;
}

static void path_of(char path[256], const char *directory, unsigned i)
{
    snprintf(path, 256, "%s/docs/page-%u", directory, i);
}

/* ---- the first open makes what can be deleted, and a page to look at ---- */

static int make(const char *path)
{
    const int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const int result = file >= 0 ? fsync(file) : -1;
    if (file >= 0)
        close(file);
    return result;
}

static int sync_folder(const char *path)
{
    const int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int result = folder >= 0 ? fsync(folder) : -1;
    if (folder >= 0)
        close(folder);
    return result;
}

static int make_pages(const char *directory)
{
    char path[256];
    int error = 0;
    for (unsigned i = 0; i < EFFECTS && error == 0; i++) {
        path_of(path, directory, i);
        error = is_delete(i) ? make(path) : 0;
    }
    snprintf(path, sizeof(path), "%s/docs/here", directory);
    if (error == 0)
        error = make(path);
    snprintf(path, sizeof(path), "%s/docs", directory);
    return error == 0 ? sync_folder(path) : error;
}

static int open_store(void *ctx, const char *directory, struct vow_resource *resource)
{
    char made[256];
    (void)ctx;
    struct files *files = files_open(directory);
    if (files == NULL)
        return -1;
    snprintf(made, sizeof(made), "%s/made", directory);
    int error = 0;
    if (access(made, F_OK) != 0)
        error = make_pages(directory) || make(made) || sync_folder(directory);
    *resource = files_resource(files);
    return error;
}

static void close_store(void *ctx, struct vow_resource *resource)
{
    (void)ctx;
    files_close(resource->ctx);
}

/* ---- works ---- */

static void describe(void *ctx, unsigned i, struct vow_work *work, char *payload)
{
    (void)ctx;
    const int len = snprintf(payload, VOW_TEST_PAYLOAD_SIZE, is_delete(i) ? "page-%u" : "page-%u\nhello\n", i);
    *work = (struct vow_work){is_delete(i) ? "delete" : "put", payload, (size_t)len};
}

static void describe_read_only(void *ctx, struct vow_work *work, char *payload)
{
    (void)ctx, (void)payload;
    *work = (struct vow_work){"look", "here", 4};
}

static void describe_refused(void *ctx, struct vow_work *work, char *payload)
{
    (void)ctx, (void)payload;
    *work = (struct vow_work){"put", "../../etc/motd\nhello", 20};
}

static int seen(void *ctx, const struct vow_resource *resource, const char *directory, unsigned i)
{
    char path[256], text[16] = "";
    (void)ctx, (void)resource;
    path_of(path, directory, i);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return is_delete(i);
    const ssize_t len = read(file, text, sizeof(text) - 1);
    close(file);
    if (is_delete(i))
        return 0;
    return len == 6 && strcmp(text, "hello\n") == 0 ? 1 : -1;
}

static long kept(void *ctx, const struct vow_resource *resource, const char *directory)
{
    (void)ctx, (void)directory;
    return files_kept(resource->ctx);
}

Test(files_store, B10_the_store_of_documents_keeps_its_word)
{
    char folder[64];
    snprintf(folder, sizeof(folder), "%s/vow-files-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    cr_assert_not_null(mkdtemp(folder));
    const struct vow_test_resource_options options = {
        .size = sizeof(options),
        .open = open_store,
        .close = close_store,
        .work = describe,
        .seen = seen,
        .read_only = describe_read_only,
        .refused = describe_refused,
        .kept = kept,
        .directory = folder,
    };
    cr_expect_eq(vow_test_resource(&options), 0);
    power_remove(folder);
}

/* ---- what it says no to ---- */

static void expect_no(const char *handler, const char *payload, size_t len)
{
    char folder[] = "/tmp/vow-files-XXXXXX";
    const struct vow_work work = {handler, payload, len};
    cr_assert_not_null(mkdtemp(folder));
    struct files *files = files_open(folder);
    struct vow_resource resource = files_resource(files);
    cr_expect_eq(resource.prepare(files, "word-0", &work, 1, (struct vow_answer){NULL, 0}), VOW_SAID_LATER, "%s %.*s",
                 handler, (int)len, payload);
    cr_expect_eq(files_kept(files), 0);
    files_close(files);
    power_remove(folder);
}

Test(files_store, calls_that_are_wrong_are_refused)
{
    char long_name[300];
    memset(long_name, 'x', sizeof(long_name));
    long_name[sizeof(long_name) - 1] = '\n';
    expect_no("put", NULL, 0);
    expect_no("put", "name without a text", 19);
    expect_no("put", "\ntext", 5);
    expect_no("put", ".hidden\ntext", 12);
    expect_no("put", "a/b\ntext", 8);
    expect_no("put", "a\0b\ntext", 8);
    expect_no("put", long_name, sizeof(long_name));
    expect_no("delete", "nobody", 6);
    expect_no("delete", NULL, 0);
    expect_no("look", "nobody", 6);
    expect_no("rename", "a\nb", 3);
}
