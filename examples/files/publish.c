/* files-publish DOCUMENT TEXT SERVICE...: the same document into several directories, in all of them or in none. */
#include <stdio.h>
#include <stdlib.h>
#include <vow/vow.h>

#define SERVICES_MAX 16

int main(int argc, char **argv)
{
    struct vow_call calls[SERVICES_MAX];
    char payload[4096];
    struct vow_client *client;
    struct vow_error_detail detail;
    struct vow_result result;
    const struct vow_client_options options = {sizeof(options), .coordinator = getenv("VOW_COORDINATOR")};
    if (argc < 4 || argc > 3 + SERVICES_MAX) {
        fputs("usage: [VOW_COORDINATOR=HOST:PORT] files-publish DOCUMENT TEXT SERVICE...\n", stderr);
        return 2;
    }
    const int len = snprintf(payload, sizeof(payload), "%s\n%s\n", argv[1], argv[2]);
    for (int i = 3; i < argc; i++)
        calls[i - 3] = (struct vow_call){argv[i], "put", payload, (size_t)len};
    if (vow_client_open(&options, &client, &detail) != 0)
        return fprintf(stderr, "files-publish: %s\n", detail.text), 1;
    const int error = vow_commit(client, calls, (size_t)argc - 3, &result);
    if (error != 0)
        fprintf(stderr, "files-publish: %s\n", vow_error_text(error));
    else
        printf("%s %s %s\n", vow_outcome_name((int)result.outcome), vow_cause_name((int)result.cause), result.text);
    vow_client_close(client);
    return error == 0 && result.outcome == VOW_COMMITTED ? 0 : 1;
}
