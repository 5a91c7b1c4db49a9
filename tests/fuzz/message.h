/*
 * A message of any kind that an honest or a hostile peer could send, drawn from the fuzzer's bytes: the ids, branches,
 * lives and epochs are few, so that they meet. It has been through the codec, so it is what a core may be given.
 */
#ifndef VOW_FUZZ_MESSAGE_H
#define VOW_FUZZ_MESSAGE_H

#include <stdbool.h>

#include "input.h"
#include "proto/message.h"

#define FUZZ_IDS_MAX 8

struct fuzz_ids {
    struct vow_gtrid ids[FUZZ_IDS_MAX];
    uint32_t len;
    uint32_t epoch;
};

struct vow_gtrid fuzz_id(struct input *in, const struct fuzz_ids *ids);
/* False if the codec refuses what was drawn. *msg lives until the next call. */
bool fuzz_message(struct input *in, const struct fuzz_ids *ids, enum vow_msg_kind kind, struct vow_msg *msg);

#endif
