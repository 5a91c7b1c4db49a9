#include "coordinator/ctl/told.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

bool told_all(void)
{
    struct pollfd reader = {.fd = STDOUT_FILENO, .events = 0, .revents = 0};

    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return true;
    return poll(&reader, 1, 0) == 1 && (reader.revents & POLLERR) != 0;
}
