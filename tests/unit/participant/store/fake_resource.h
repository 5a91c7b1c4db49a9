/*
 * A resource that does what a test says. Its records outlive the store over it, as a disk would; how and when it
 * answers is the script. Nothing of it is durable: the conformance test (<vow/testing.h>) has one that is.
 */
#ifndef VOW_TESTS_STORE_FAKE_RESOURCE_H
#define VOW_TESTS_STORE_FAKE_RESOURCE_H

#include <pthread.h>

#include <vow/resource.h>

#define FAKE_RECORDS_MAX 1024

enum fake_mode {
    FAKE_NOW,    /* returns the answer */
    FAKE_HANDLE, /* gives it by vow_answer() before it returns */
    FAKE_HELD,   /* keeps it until fake_release() */
    FAKE_THREAD, /* a thread of its own gives it */
};

struct fake_record {
    char word[VOW_BRANCH_WORD_SIZE];
    enum vow_found state;
};

struct fake_held {
    struct vow_answer answer;
    enum vow_said said;
};

struct fake_resource {
    struct vow_resource resource; /* to be given to Vow */
    enum fake_mode mode;
    enum vow_said says;  /* instead of what would be right, if not 0 */
    unsigned says_times; /* so often; 0 = always */
    bool lists_twice;    /* recover lists each branch twice */
    int recover_says;
    const char *lists_also; /* a word that recover adds, as prepared */
    pthread_mutex_t lock;   /* for the rest: threads answer */
    struct fake_record records[FAKE_RECORDS_MAX];
    unsigned records_len;
    struct fake_held held[FAKE_RECORDS_MAX];
    unsigned held_len;
    pthread_t threads[FAKE_RECORDS_MAX];
    unsigned threads_len;
    unsigned prepares, commits, aborts, forgets; /* calls */
    unsigned visible;                            /* committed works */
    char handler[64], payload[64];               /* of the last work */
    size_t work_len;
    char last[VOW_BRANCH_WORD_SIZE]; /* the word of the last call */
};

void fake_resource_init(struct fake_resource *fake);
/* Waits for the threads. */
void fake_resource_join(struct fake_resource *fake);
/* Gives the answers that are held, last first. */
void fake_release(struct fake_resource *fake);
/* The record's state, 0 = none. */
int fake_state(struct fake_resource *fake, const char *word);
/* As if prepared or committed before this process began. */
void fake_put(struct fake_resource *fake, const char *word, enum vow_found state);
unsigned fake_count(struct fake_resource *fake, enum vow_found state);

#endif
