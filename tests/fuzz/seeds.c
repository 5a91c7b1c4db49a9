/* fuzz-seeds DIRECTORY: writes one message of every kind, with all its parts and with none, as first inputs of the
 * targets `message` (without its checksum) and `frame`. Run it again when a message is new. */
#include <stdio.h>

#include "proto/codec.h"
#include "proto/codec_seal.h"
#include "proto/frame.h"
#include "sample.h"

static int write_file(const char *directory, const char *target, const char *kind, const char *form,
                      const uint8_t *data, size_t len)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s/%s-%s", directory, target, kind, form);
    FILE *out = fopen(path, "wb");
    if (out == NULL) {
        perror(path);
        return 1;
    }
    const size_t written = fwrite(data, 1, len, out);
    return fclose(out) != 0 || written != len;
}

static int write_message(const char *directory, const struct vow_msg *msg, const char *form)
{
    static uint8_t frame[VOW_FRAME_HEADER_BYTES + VOW_FRAME_MAX_DEFAULT];
    const size_t len = vow_msg_encode(msg, VOW_FRAME_MAX_DEFAULT, frame, sizeof(frame));
    const size_t body_len = len - VOW_FRAME_HEADER_BYTES - CODEC_SEAL_BYTES;
    const char *kind = vow_msg_name(msg->kind);
    return write_file(directory, "message", kind, form, frame + VOW_FRAME_HEADER_BYTES, body_len) ||
           write_file(directory, "frame", kind, form, frame, len);
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz-seeds DIRECTORY\n");
        return 2;
    }
    for (size_t i = 0; i < sample_kinds_len; i++) {
        const struct vow_msg full = sample_full(sample_kinds[i]), bare = sample_bare(sample_kinds[i]);
        failed |= write_message(argv[1], &full, "full") | write_message(argv[1], &bare, "bare");
    }
    return failed;
}
