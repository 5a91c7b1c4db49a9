#include "coordinator/journal/chain.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "proto/bytes.h"
#include "proto/error.h"

/* Without a context EVP_MD_fetch() takes that of the process, which is made at its first use. If there was no memory
 * for it, OpenSSL 3.0 goes on with what is not there, and that is SIGSEGV (fault F142): so it is asked for first. */
int journal_chain_init(struct journal_chain *chain)
{
    if (OSSL_LIB_CTX_get0_global_default() == NULL)
        return VOW_E_NO_MEMORY;
    chain->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    chain->ctx = EVP_MD_CTX_new();
    return chain->sha256 != NULL && chain->ctx != NULL ? 0 : VOW_E_NO_MEMORY;
}

void journal_chain_deinit(struct journal_chain *chain)
{
    EVP_MD_CTX_free(chain->ctx);
    EVP_MD_free(chain->sha256);
    chain->ctx = NULL;
    chain->sha256 = NULL;
}

static int digest(struct journal_chain *chain, struct vow_slice head, struct vow_slice tail, struct journal_hash *hash)
{
    uint8_t full[EVP_MAX_MD_SIZE];

    chain->error = VOW_E_NO_MEMORY; /* the algorithm is there: only memory can be missing */
    if (EVP_DigestInit_ex2(chain->ctx, chain->sha256, NULL) != 1 ||
        EVP_DigestUpdate(chain->ctx, head.data, head.len) != 1 ||
        EVP_DigestUpdate(chain->ctx, tail.data, tail.len) != 1 || EVP_DigestFinal_ex(chain->ctx, full, NULL) != 1)
        return chain->error;
    chain->error = 0;
    memcpy(hash->bytes, full, sizeof(hash->bytes));
    return 0;
}

int journal_chain_next(struct journal_chain *chain, const struct journal_hash *before, const struct journal_row *row,
                       struct journal_hash *hash)
{
    uint8_t head[JOURNAL_HASH_BYTES + 8 + 8 + VOW_GTRID_BYTES + 4];
    uint8_t *at = head;

    memcpy(at, before->bytes, sizeof(before->bytes));
    at = vow_bytes_put(at + sizeof(before->bytes), row->lsn, 8);
    at = vow_bytes_put(at, row->wall_us, 8);
    memcpy(at, row->gtrid.bytes, sizeof(row->gtrid.bytes));
    (void)vow_bytes_put(at + sizeof(row->gtrid.bytes), row->kind, 4);
    return digest(chain, (struct vow_slice){head, sizeof(head)}, row->body, hash);
}

int journal_chain_digest(struct journal_chain *chain, const uint8_t *bytes, size_t len, struct journal_hash *hash)
{
    return digest(chain, (struct vow_slice){bytes, len}, (struct vow_slice){NULL, 0}, hash);
}

bool journal_hash_equal(const struct journal_hash *a, const struct journal_hash *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
