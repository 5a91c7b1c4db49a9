#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "coordinator/journal/witness.h"
#include "kit.h"

static struct bed bed;
static struct journal_chain chain;
static struct journal_witness witness;
static struct vow_error_detail detail;
static struct journal_files files;

static int reopen(void)
{
    journal_witness_close(&witness);
    return journal_witness_open(&witness, &files, &chain, &detail);
}

static void setup(void)
{
    bed_make(&bed);
    witness = (struct journal_witness){.files = NULL};
    cr_assert_eq(journal_files_init(&files, NULL, bed.directory, &detail), 0);
    cr_assert_eq(files.ops->open(&files, false, &detail), 0, "%s", detail.text);
    cr_assert_eq(journal_chain_init(&chain), 0);
    cr_assert_eq(reopen(), 0);
    cr_assert_not(witness.file.is_open, "there is none yet");
    cr_assert_eq(journal_witness_create(&witness, &detail), 0, "%s", detail.text);
}

static void teardown(void)
{
    journal_witness_close(&witness);
    journal_chain_deinit(&chain);
    files.ops->close(&files);
    bed_remove(&bed);
}

TestSuite(witness, .init = setup, .fini = teardown);

static void write_lsn(uint64_t lsn)
{
    struct journal_head head = {.lsn = lsn, .hash = {{(uint8_t)lsn}}};

    cr_assert_eq(journal_witness_write(&witness, &head, &detail), 0, "%s", detail.text);
}

Test(witness, last_write_is_what_is_read)
{
    for (uint64_t lsn = 1; lsn <= 5; lsn++) {
        write_lsn(lsn);
        cr_assert_eq(reopen(), 0);
        cr_assert_eq(witness.head.lsn, lsn);
        cr_assert_eq(witness.head.hash.bytes[0], lsn);
    }
}

Test(witness, size_never_changes)
{
    size_t before, after;

    free(file_read(&bed, "witness", &before));
    write_lsn(1);
    write_lsn(2);
    free(file_read(&bed, "witness", &after));
    cr_assert_eq(before, after, "a file that grows needs more than fdatasync");
}

/* Fault F108: whatever of the newest slot reached the disk, the slot before it still counts. */
Test(witness, torn_slot_leaves_the_one_before)
{
    size_t len;
    unsigned char *old, *new, *torn;

    write_lsn(1);
    old = file_read(&bed, "witness", &len);
    write_lsn(2);
    new = file_read(&bed, "witness", &len);
    torn = malloc(len);
    for (size_t cut = 0; cut <= 64; cut++) {
        size_t slot = memcmp(old, new, 512) != 0 ? 0 : 4096;

        memcpy(torn, old, len);
        memcpy(torn + slot, new + slot, cut);
        file_write(&bed, "witness", torn, len);
        cr_assert_eq(reopen(), 0, "cut at %zu: %s", cut, detail.text);
        cr_assert_eq(witness.head.lsn, memcmp(torn, new, len) == 0 ? 2 : 1, "cut at %zu", cut);
    }
    free(old);
    free(new);
    free(torn);
}

Test(witness, each_flipped_byte_is_noticed)
{
    write_lsn(7);
    for (size_t slot = 0; slot <= 4096; slot += 4096) {
        for (size_t i = 0; i < 64; i++) {
            file_flip(&bed, "witness", slot + i);
            cr_assert_eq(reopen(), 0);
            cr_assert(witness.head.lsn == 7 || witness.head.lsn == 0);
            file_flip(&bed, "witness", slot + i);
        }
    }
}

Test(witness, no_good_slot_is_damage)
{
    write_lsn(1);
    file_flip(&bed, "witness", 20);
    file_flip(&bed, "witness", 4096 + 20);
    cr_assert_eq(reopen(), VOW_E_DAMAGED);
    file_truncate(&bed, "witness", 0);
    cr_assert_eq(reopen(), VOW_E_DAMAGED);
}

Test(witness, slot_in_the_wrong_place_is_not_good)
{
    size_t len;
    unsigned char *bytes = file_read(&bed, "witness", &len);

    memcpy(bytes, bytes + 4096, 4096);
    memset(bytes + 4096, 0, 4096);
    file_write(&bed, "witness", bytes, len);
    free(bytes);
    cr_assert_eq(reopen(), VOW_E_DAMAGED);
}
