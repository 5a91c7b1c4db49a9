/* Building one line of text in a buffer of fixed size without stdio, which the pure half must not pull in. */
#ifndef VOW_PROTO_LINE_H
#define VOW_PROTO_LINE_H

#include <stddef.h>
#include <string.h>

/* text is always NUL-terminated; what does not fit is cut off. */
struct vow_line {
    char *text;
    size_t size; /* at least 1 */
    size_t len;
};

static inline struct vow_line vow_line_start(char *text, size_t size)
{
    text[0] = '\0';
    return (struct vow_line){.text = text, .size = size};
}

static inline void vow_line_put(struct vow_line *line, const char *text)
{
    const size_t wanted = strlen(text);
    const size_t room = line->size - line->len - 1;
    const size_t len = wanted < room ? wanted : room;
    memcpy(line->text + line->len, text, len);
    line->len += len;
    line->text[line->len] = '\0';
}

static inline void vow_line_put_number(struct vow_line *line, unsigned number)
{
    char digits[3 * sizeof(number) + 1];
    char *at = digits + sizeof(digits) - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    vow_line_put(line, at);
}

#endif
