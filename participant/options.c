#include "participant/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int vow_options_read(void *to, size_t to_size, const void *from)
{
    size_t from_size;

    memset(to, 0, to_size);
    if (from == NULL)
        return 0;
    memcpy(&from_size, from, sizeof(from_size));
    /* An older version has fewer fields; none has a part of a pointer. */
    if (from_size < sizeof(from_size) || from_size > to_size || from_size % sizeof(void *) != 0)
        return VOW_E_ARGUMENT;
    memcpy(to, from, from_size);
    return 0;
}

int vow_options_coordinator(const char *text, struct vow_address *address)
{
    int error = vow_address_parse(text != NULL ? text : VOW_DEFAULT_COORDINATOR, address);

    if (error != 0)
        return error;
    return address->port != 0 ? 0 : VOW_E_ADDRESS;
}

int vow_options_loop(enum vow_loop_kind kind, const struct event_base *base, struct vow_error_detail *detail)
{
    if (kind != VOW_LOOP_OWN_THREAD && kind != VOW_LOOP_BASE && kind != VOW_LOOP_FD)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.loop is none of enum vow_loop_kind");
    if (kind == VOW_LOOP_BASE && base == NULL)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.base is required with VOW_LOOP_BASE");
    if (kind != VOW_LOOP_BASE && base != NULL)
        return vow_detail(detail, VOW_E_ARGUMENT, "options.base is set, but options.loop is not VOW_LOOP_BASE");
    return 0;
}

int vow_detail(struct vow_error_detail *detail, int error, const char *format, ...)
{
    va_list arguments;

    if (detail == NULL)
        return error;
    detail->error = error;
    va_start(arguments, format);
    (void)vsnprintf(detail->text, sizeof(detail->text), format, arguments);
    va_end(arguments);
    return error;
}
