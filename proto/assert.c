#include "proto/assert.h"

#include <stdlib.h>
#include <unistd.h>

#include "proto/line.h"

_Noreturn void vow_assert_failed(const char *expression, const char *file, int line)
{
    char text[512];
    struct vow_line out = vow_line_start(text, sizeof(text) - 1);
    vow_line_put(&out, "vow: a bug of ours: ");
    vow_line_put(&out, expression);
    vow_line_put(&out, " at ");
    vow_line_put(&out, file);
    vow_line_put(&out, ":");
    vow_line_put_number(&out, (unsigned)line);
    text[out.len++] = '\n';
    /* Nothing is left to do if stderr is gone, too: the process ends either way. */
    const ssize_t written = write(STDERR_FILENO, text, out.len);
    (void)written;
    abort();
}
