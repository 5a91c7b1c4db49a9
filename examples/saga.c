/* An order in three steps, undone step by step if one cannot be done. Start vowd and the shop's services, then this. */
#include <stdio.h>
#include <vow/vow.h>

int main(int argc, char **argv)
{
    static const char order[] = "order-1 item-00001 account-00001 2 4";
    const size_t size = sizeof(struct vow_saga_step), len = sizeof(order) - 1;
    const struct vow_saga_step steps[] = {
        {size, "stock", "take", "give_back", order, len, .kind = VOW_STEP_COMPENSATABLE},
        {size, "payment", "pay", NULL, order, len, .kind = VOW_STEP_PIVOT},
        {size, "order", "place", NULL, order, len, .kind = VOW_STEP_RETRIABLE},
    };
    const struct vow_client_options how = {sizeof(how), .coordinator = argc > 1 ? argv[1] : NULL};
    struct vow_saga_result result = {.state = VOW_SAGA_UNKNOWN};
    struct vow_client *client;
    struct vow_saga *saga = NULL;
    int error = vow_client_open(&how, &client, NULL) || vow_saga_new(client, NULL, &saga);
    for (int i = 0; i < 3 && !error; i++)
        error = vow_saga_step(saga, &steps[i]);
    if (!error && vow_saga_run(saga, 0, &result) == 0)
        printf("%s, cause: %s\n", vow_saga_state_name((int)result.state), vow_cause_text((int)result.cause));
    vow_saga_free(saga), vow_client_close(client);
    return result.state != VOW_SAGA_COMPLETED;
}
