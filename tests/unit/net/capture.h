/* What a test's own process writes to stderr: the log lines that are part of a promise. */
#ifndef VOW_TEST_NET_CAPTURE_H
#define VOW_TEST_NET_CAPTURE_H

struct capture {
    int saved_fd, read_fd;
    char text[65536];
};

/* Between these two, stderr goes into capture->text. */
void capture_begin(struct capture *capture);
void capture_end(struct capture *capture);
/* How often part occurs in text. */
unsigned count_of(const char *text, const char *part);

#endif
