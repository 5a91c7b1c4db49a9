/* One map a line, as Jepsen stores it. */
#include <inttypes.h>
#include <stdlib.h>

#include "chaos/export/export.h"

struct writer {
    const struct measure_run *run;
    const struct export_versions *versions;
    enum export_model model;
    FILE *out;
    int64_t *list;
    size_t list_size;
    const struct measure_record *unwritten; /* a read of what nobody has written */
};

static void put_text(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static void put_list(struct writer *writer, const struct measure_record *read)
{
    const int64_t len =
        export_versions_list(writer->versions, read->key, read->version, &writer->list, &writer->list_size);

    if (len < 0 && writer->unwritten == NULL)
        writer->unwritten = read;
    (void)fputc('[', writer->out);
    for (int64_t i = 0; i < len; i++)
        (void)fprintf(writer->out, "%s%" PRId64, i > 0 ? " " : "", writer->list[i]);
    (void)fputc(']', writer->out);
}

/* What is read is known when it is over, and only if it was not in vain. */
static void put_read(struct writer *writer, const struct measure_record *read, bool is_known)
{
    if (!is_known || (writer->model == EXPORT_RW_REGISTER && read->version == 0))
        (void)fputs("nil", writer->out);
    else if (writer->model == EXPORT_RW_REGISTER)
        (void)fprintf(writer->out, "%" PRId64, read->version);
    else
        put_list(writer, read);
}

static void put_accesses(struct writer *writer, const struct export_txn *txn, bool is_known)
{
    const char *const write = writer->model == EXPORT_LIST_APPEND ? "append" : "w";

    (void)fputc('[', writer->out);
    for (size_t i = 0; i < txn->accesses_len; i++) {
        const struct measure_record *access = txn->accesses[i];
        const bool is_read = access->what == MEASURE_READ;
        (void)fprintf(writer->out, "%s[:%s ", i > 0 ? " " : "", is_read ? "r" : write);
        put_text(writer->out, measure_text(writer->run->names, access->key));
        (void)fputc(' ', writer->out);
        if (is_read)
            put_read(writer, access, is_known);
        else
            (void)fprintf(writer->out, "%" PRId64, access->version);
        (void)fputc(']', writer->out);
    }
    (void)fputc(']', writer->out);
}

static const char *type_of(const struct export_op *op)
{
    if (op->is_invoke)
        return "invoke";
    return op->txn->end == EXPORT_OK ? "ok" : op->txn->end == EXPORT_FAIL ? "fail" : "info";
}

/* Nanoseconds since the first op, as Jepsen has them. */
static void put_op(struct writer *writer, const struct export_op *op, size_t index, uint64_t zero_us)
{
    (void)fprintf(writer->out, "{:index %zu, :time %" PRIu64 ", :type :%s, :process %" PRIu32 ", :f :txn, :value ",
                  index, (op->t_us - zero_us) * 1000, type_of(op), op->process);
    put_accesses(writer, op->txn, !op->is_invoke && op->txn->end == EXPORT_OK);
    (void)fputs("}\n", writer->out);
}

int export_edn(const struct measure_run *run, enum export_model model, FILE *out, char *why, size_t why_size)
{
    struct export_txns txns = export_txns_of(run);
    struct export_versions *versions = export_versions_of(run);
    size_t len;
    struct export_op *ops = export_order(&txns, &len);
    struct writer writer = {.run = run, .versions = versions, .model = model, .out = out};

    for (size_t i = 0; i < len; i++)
        put_op(&writer, &ops[i], i, ops[0].t_us);
    if (writer.unwritten != NULL)
        (void)snprintf(why, why_size, "version %" PRId64 " of %s was read, and nobody has written what it is made of",
                       writer.unwritten->version, measure_text(run->names, writer.unwritten->key));
    free(writer.list);
    free(ops);
    export_versions_free(versions);
    export_txns_free(&txns);
    return writer.unwritten != NULL ? -1 : 0;
}
