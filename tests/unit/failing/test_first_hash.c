/*
 * F142: the first hash of a process, for which OpenSSL makes itself ready. What it cannot make then it does not make
 * later, so each allocation fails in a process of its own; and Criterion is not here, for it has OpenSSL ready before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "coordinator/journal/chain.h"
#include "fail.h"
#include "proto/error.h"

/* Exit statuses; a sanitizer makes 1 of a signal. */
enum { HASHED = 40, REFUSED, NOT_FAILED, WRONG };

static int hash_once(struct journal_chain *chain)
{
    struct journal_hash hash;
    const int error = journal_chain_init(chain);

    return error != 0 ? error : journal_chain_digest(chain, (const uint8_t *)"abc", 3, &hash);
}

static int fail_one(enum fail_mode mode, unsigned nth)
{
    struct journal_chain chain = {0};
    unsigned calls;
    int error;

    fail_arm(FAIL_MEMORY, mode, nth);
    error = hash_once(&chain);
    journal_chain_deinit(&chain);
    calls = fail_disarm();
    if (calls < nth)
        return error == 0 ? NOT_FAILED : WRONG;
    if (error == 0)
        return HASHED;
    return error == VOW_E_NO_MEMORY ? REFUSED : WRONG;
}

static int try(enum fail_mode mode, unsigned nth)
{
    const pid_t child = fork();
    int status = -1;

    if (child == 0)
        _exit(fail_one(mode, nth));
    if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status))
        status = WEXITSTATUS(status);
    if (status >= HASHED && status <= NOT_FAILED)
        return status;
    (void)fprintf(stderr, "allocation %u of the first hash fails: status %#x\n", nth, (unsigned)status);
    return WRONG;
}

/* Returns whether each allocation that fails is told, or is not needed; and some are. Of those behind OpenSSL's own
 * beginnings it takes a sample. */
static bool sweep(enum fail_mode mode)
{
    const unsigned step = getenv("VOW_FAIL_ALL") != NULL ? 1 : 23;
    unsigned refused = 0;
    int what = HASHED;

    for (unsigned nth = 1; what != NOT_FAILED && what != WRONG; nth += nth < 64 ? 1 : step) {
        what = try(mode, nth);
        refused += what == REFUSED;
    }
    return what == NOT_FAILED && refused > 0;
}

int main(void)
{
    const bool is_told = sweep(FAIL_ONCE) && sweep(FAIL_FOR_GOOD);

    return is_told ? 0 : 1;
}
