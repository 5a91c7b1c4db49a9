#include "coordinator/journal/witness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "coordinator/journal/fail.h"
#include "proto/bytes.h"

/*
 * A slot: magic 8 | version 4 | zero 4 | counter 8 | lsn 8 | hash 16 | checksum 16 over all before it | zeros.
 * A change of this layout raises VERSION.
 */
#define MAGIC "VOWWITNS"
#define VERSION 1u
#define SLOT_BYTES 512
#define SLOT_STRIDE 4096 /* the largest disk sector in use: a torn sector must not take both slots */
#define SUMMED_BYTES 48

enum slot_state { SLOT_BAD, SLOT_GOOD, SLOT_NEWER, SLOT_NOT_JUDGED };

struct slot {
    uint64_t counter;
    struct journal_head head;
};

static int slot_encode(struct journal_chain *chain, const struct slot *slot, uint8_t bytes[SLOT_BYTES])
{
    struct journal_hash checksum;
    uint8_t *at = bytes + 8;

    memset(bytes, 0, SLOT_BYTES);
    memcpy(bytes, MAGIC, 8);
    at = vow_bytes_put(at, VERSION, 4);
    at = vow_bytes_put(at, 0, 4);
    at = vow_bytes_put(at, slot->counter, 8);
    at = vow_bytes_put(at, slot->head.lsn, 8);
    memcpy(at, slot->head.hash.bytes, JOURNAL_HASH_BYTES);
    if (journal_chain_digest(chain, bytes, SUMMED_BYTES, &checksum) != 0)
        return VOW_E_NO_MEMORY;
    memcpy(bytes + SUMMED_BYTES, checksum.bytes, sizeof(checksum.bytes));
    return 0;
}

static enum slot_state slot_decode(struct journal_chain *chain, const uint8_t bytes[SLOT_BYTES], struct slot *slot)
{
    struct journal_hash checksum;

    if (memcmp(bytes, MAGIC, 8) != 0)
        return SLOT_BAD;
    if (journal_chain_digest(chain, bytes, SUMMED_BYTES, &checksum) != 0)
        return SLOT_NOT_JUDGED;
    if (memcmp(bytes + SUMMED_BYTES, checksum.bytes, sizeof(checksum.bytes)) != 0)
        return SLOT_BAD;
    if (vow_bytes_take(bytes + 8, 4) > VERSION)
        return SLOT_NEWER;
    slot->counter = vow_bytes_take(bytes + 16, 8);
    slot->head.lsn = vow_bytes_take(bytes + 24, 8);
    memcpy(slot->head.hash.bytes, bytes + 32, JOURNAL_HASH_BYTES);
    return SLOT_GOOD;
}

/* Takes slot `index` over into *witness if it is good and newer than what is there. */
static int read_slot(struct journal_witness *witness, unsigned index, struct vow_error_detail *detail)
{
    uint8_t bytes[SLOT_BYTES] = {0};
    struct slot slot;
    enum slot_state state;

    if (witness->files->ops->read(witness->files, &witness->file, bytes, sizeof(bytes), (int64_t)index * SLOT_STRIDE) !=
        0) {
        return journal_fail(detail, VOW_E_IO,
                            "%.100s/" JOURNAL_WITNESS_FILE ": %m; repair the disk or restore the file",
                            witness->files->directory);
    }
    state = slot_decode(witness->chain, bytes, &slot);
    /* The other slot is older: to fall back to it would let the log end before what this one vouches for. */
    if (state == SLOT_NOT_JUDGED)
        return journal_fail(detail, VOW_E_NO_MEMORY, "%.100s/" JOURNAL_WITNESS_FILE ": out of memory",
                            witness->files->directory);
    if (state == SLOT_NEWER) {
        return journal_fail(detail, VOW_E_NEWER,
                            "%.100s/" JOURNAL_WITNESS_FILE
                            " was written by a newer version; use that version or a newer one",
                            witness->files->directory);
    }
    if (state == SLOT_GOOD && slot.counter % 2 == index && slot.counter > witness->counter) {
        witness->counter = slot.counter;
        witness->head = slot.head;
    }
    return 0;
}

int journal_witness_open(struct journal_witness *witness, const struct journal_files *files,
                         struct journal_chain *chain, struct vow_error_detail *detail)
{
    int error;

    *witness = (struct journal_witness){.files = files, .chain = chain};
    if (files->ops->open_file(files, JOURNAL_WITNESS_FILE, false, &witness->file) != 0) {
        return errno == ENOENT
                   ? 0
                   : journal_fail(detail, VOW_E_IO, "%.100s/" JOURNAL_WITNESS_FILE ": %m", files->directory);
    }
    error = read_slot(witness, 0, detail);
    error = error != 0 ? error : read_slot(witness, 1, detail);
    if (error == 0 && witness->counter == 0) {
        error =
            journal_fail(detail, VOW_E_DAMAGED,
                         "%.100s/" JOURNAL_WITNESS_FILE ": neither of its two slots is good; restore this file as it "
                         "was when the journal was last written",
                         files->directory);
    }
    return error;
}

void journal_witness_close(struct journal_witness *witness)
{
    if (witness->files != NULL)
        witness->files->ops->close_file(&witness->file);
}

/* All of the file is written before it gets its name, so that a crash in between leaves no witness rather than a
 * bad one. */
static int create_file(struct journal_witness *witness, const struct slot *first)
{
    static const char temporary[] = JOURNAL_WITNESS_FILE ".new";
    const struct journal_files *files = witness->files;
    struct journal_file *file = &witness->file;
    uint8_t bytes[2 * SLOT_STRIDE] = {0};

    if (slot_encode(witness->chain, first, bytes + first->counter % 2 * SLOT_STRIDE) != 0) {
        errno = ENOMEM;
        return VOW_E_NO_MEMORY;
    }
    if (files->ops->open_file(files, temporary, true, file) != 0 ||
        files->ops->write(files, file, bytes, sizeof(bytes), 0) != 0 || files->ops->sync(files, file, true) != 0 ||
        files->ops->rename(files, file, temporary, JOURNAL_WITNESS_FILE) != 0 ||
        files->ops->sync_directory(files, file) != 0)
        return VOW_E_IO;
    return 0;
}

int journal_witness_create(struct journal_witness *witness, struct vow_error_detail *detail)
{
    struct slot first = {.counter = 1};
    int error = create_file(witness, &first);

    if (error != 0) {
        return journal_fail(detail, error, "%.100s/" JOURNAL_WITNESS_FILE ": %m; the file cannot be made",
                            witness->files->directory);
    }
    witness->counter = first.counter;
    witness->head = first.head;
    return 0;
}

int journal_witness_write(struct journal_witness *witness, const struct journal_head *head,
                          struct vow_error_detail *detail)
{
    const struct journal_files *files = witness->files;
    uint8_t bytes[SLOT_BYTES];
    struct slot slot = {.counter = witness->counter + 1, .head = *head};

    if (slot_encode(witness->chain, &slot, bytes) != 0)
        return journal_fail(detail, VOW_E_NO_MEMORY, "%.100s/" JOURNAL_WITNESS_FILE ": out of memory",
                            witness->files->directory);
    witness->syncs++;
    if (files->ops->write(files, &witness->file, bytes, sizeof(bytes), (int64_t)(slot.counter % 2) * SLOT_STRIDE) !=
            0 ||
        files->ops->sync(files, &witness->file, false) != 0) {
        return journal_fail(detail, VOW_E_IO, "%.100s/" JOURNAL_WITNESS_FILE ": %m; start again to recover",
                            witness->files->directory);
    }
    witness->counter = slot.counter;
    witness->head = slot.head;
    return 0;
}
