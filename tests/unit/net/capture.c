#include "capture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void capture_begin(struct capture *capture)
{
    int fds[2];
    cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
    fflush(stderr);
    capture->saved_fd = dup(STDERR_FILENO);
    capture->read_fd = fds[0];
    dup2(fds[1], STDERR_FILENO);
    close(fds[1]);
}

void capture_end(struct capture *capture)
{
    size_t len = 0;
    ssize_t got;
    dup2(capture->saved_fd, STDERR_FILENO);
    close(capture->saved_fd);
    while ((got = read(capture->read_fd, capture->text + len, sizeof(capture->text) - 1 - len)) > 0)
        len += (size_t)got;
    capture->text[len] = '\0';
    close(capture->read_fd);
}

unsigned count_of(const char *text, const char *part)
{
    unsigned count = 0;
    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}
