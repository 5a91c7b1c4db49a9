/* Moves 30 from bank north to bank south, or nothing. Usage: transfer [COORDINATOR] */
#include <stdio.h>
#include <vow/vow.h>

int main(int argc, char **argv)
{
    struct vow_client *client;
    const struct vow_client_options how = {sizeof(how), .coordinator = argc > 1 ? argv[1] : NULL};
    const struct vow_call calls[] = {{"north", "add", "-30", 4}, {"south", "add", "30", 3}};
    struct vow_result result = {.outcome = VOW_ABORTED};
    if (vow_client_open(&how, &client, NULL) == 0 && vow_commit(client, calls, 2, &result) == 0)
        printf("%s, cause: %s\n", vow_outcome_name((int)result.outcome), vow_cause_text((int)result.cause));
    return vow_client_close(client), result.outcome != VOW_COMMITTED;
}
