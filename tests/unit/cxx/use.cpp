// The public headers from C++: every one is included, what they declare links, and a commit goes through.
#include <vow/client.h>
#include <vow/error.h>
#include <vow/participant.h>
#include <vow/resource.h>
#include <vow/saga.h>
#include <vow/testing.h>
#include <vow/types.h>
#include <vow/vow.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace
{

int handle(vow_branch *branch, sqlite3 *, const void *, std::size_t, void *)
{
    return vow_branch_id(branch) != nullptr ? 0 : vow_branch_refuse(branch, "no id");
}

int failed(const char *what, int error)
{
    std::fprintf(stderr, "%s: %s\n", what, vow_error_name(error));
    return 1;
}

int commit(const char *address)
{
    vow_client_options options = {};
    options.size = sizeof(options);
    options.coordinator = address;
    vow_client *client = nullptr;
    int error = vow_client_open(&options, &client, nullptr);
    if (error != 0)
        return failed("client", error);
    const vow_call call = {"stock", "take", nullptr, 0};
    vow_result result = {};
    error = vow_commit(client, &call, 1, &result);
    vow_client_close(client);
    return error == 0 && result.outcome == VOW_COMMITTED ? 0 : failed("commit", error);
}

int serve(const char *address)
{
    vow_participant_options options = {};
    options.size = sizeof(options);
    options.name = "stock";
    options.store = VOW_STORE_KIND_NULL;
    options.coordinator = address;
    vow_participant *participant = nullptr;
    int error = vow_participant_open(&options, &participant, nullptr);
    if (error != 0)
        return failed("participant", error);
    error = vow_participant_handle(participant, "take", handle, nullptr);
    error = error != 0 ? error : vow_participant_start(participant);
    error = error != 0 ? error : vow_participant_wait(participant, 30000);
    const int result = error != 0 ? failed("participant", error) : commit(address);
    vow_participant_close(participant);
    return result;
}

} // namespace

int main()
{
    char directory[] = "/tmp/vow-cxx-XXXXXX";
    if (mkdtemp(directory) == nullptr)
        return 1;
    vow_testing_crash_point("cxx.point");
    vow_test_network *network = nullptr;
    vow_error_detail detail = {};
    const int error = vow_test_network_open(directory, &network, &detail);
    const int result = error != 0 ? failed(detail.text, error) : serve(vow_test_network_address(network));
    vow_test_network_close(network);
    return std::system((std::string("rm -rf ") + directory).c_str()) != 0 || result != 0;
}
