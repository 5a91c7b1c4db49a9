#include "coordinator/journal/fail.h"

#include <stdarg.h>
#include <stdio.h>

int journal_fail(struct vow_error_detail *detail, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(detail->text, sizeof(detail->text), format, args);
    va_end(args);
    detail->error = error;
    return error;
}
