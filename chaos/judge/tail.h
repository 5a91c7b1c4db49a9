/* A file that grows, read line by line: of each line its bytes come once, whenever they are written. */
#ifndef VOW_CHAOS_JUDGE_TAIL_H
#define VOW_CHAOS_JUDGE_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JUDGE_LINE_MAX 65536u

struct judge_tail {
    ino_t inode; /* 0 = not seen yet */
    uint64_t offset;
    char *kept; /* a line whose end has not come */
    size_t kept_len, kept_size;
};

/* Not true: nothing more is wanted. */
typedef bool judge_tail_fn(void *ctx, char *line);

void judge_tail_free(struct judge_tail *tail);
/* Is the file at `path` another one than that which was read, or shorter than it was? */
bool judge_tail_is_another(const struct judge_tail *tail, const char *path);
/* Reads on, up to that offset. 0, or an errno; EFBIG: a line is longer than JUDGE_LINE_MAX. No file is none. */
int judge_tail_read(struct judge_tail *tail, const char *path, uint64_t most, judge_tail_fn *take, void *ctx);

#endif
