// A C++ program with the whole public API in sight. Usage: hello ADDRESS-OF-VOWD. Exit status 0 if all is as it says.
#include <cstdio>
#include <cstring>
#include <vow/vow.h>

int main(int, char **argv)
{
    vow_client_options options{};
    options.size = sizeof(options);
    options.coordinator = argv[1];
    vow_client *client = nullptr;
    vow_error_detail why{};
    if (vow_client_open(&options, &client, &why) != 0) {
        std::fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    const vow_call call{"nobody", "any", nullptr, 0};
    vow_result result{};
    const int error = vow_commit(client, &call, 1, &result);
    vow_client_close(client);
    std::printf("%s, %s\n", vow_error_name(error), vow_cause_name(result.cause));
    const bool is_aborted = error == 0 && result.outcome == VOW_ABORTED;
    return is_aborted && std::strcmp(vow_version(), VOW_VERSION) == 0 ? 0 : 1;
}
