/* The resource store over a fake resource, in a folder of its own. One per test process. */
#ifndef VOW_TESTS_STORE_RESOURCE_FIXTURE_H
#define VOW_TESTS_STORE_RESOURCE_FIXTURE_H

#include <criterion/criterion.h>

#include "fake_resource.h"
#include "participant/store/resource_store.h"

#define COORD 7
#define EPOCH 3

struct bed {
    char dir[64], path[96];
    struct fake_resource fake;
    const struct vow_store_ops *ops;
    struct resource_store *store; /* NULL = closed */
    struct vow_error_detail detail;
    unsigned recovered; /* branches that the last open called back for */
    struct vow_gtrid last_recovered;
    char last_peers[200];          /* of the branch that was recovered last; "" = none */
    unsigned recovered_heuristics; /* likewise, and who ended the last one */
    char last_who[VOW_TEXT_SIZE];
    struct vow_store_op refusal; /* the last operation of one() */
    unsigned woken;
};
extern struct bed bed;

/* For .init and .fini of suites. */
void bed_init(void);
void bed_fini(void);

/* Opens and recovers. Returns the first error; the store is closed after one. */
int bed_open(void);
void bed_start(void);
void bed_close(void);
/* Dies: what is in memory is lost, nothing more is written. Then starts again. */
void bed_crash(void);

struct vow_gtrid id_of(uint64_t seq);
/* The branch's word; lives until the next call. */
const char *word_of(uint64_t seq);
const char *one_phase_word_of(uint64_t seq);

/* An operation of one call. */
struct vow_store_op op_of(enum vow_store_op_kind kind, uint64_t seq);
/* Runs the store with one operation, or none (NULL); returns the list that is done. */
struct vow_job *bed_run(struct vow_store_op *op);
/* The same, and expects an error of that code. */
void bed_run_breaks(struct vow_store_op *op, int error);
/* Runs until the operation is done. */
enum vow_store_result one(enum vow_store_op_kind kind, uint64_t seq);
/* Runs with nothing to do until the resource was told to forget so often. */
void run_until_forgotten(unsigned forgets);

#endif
