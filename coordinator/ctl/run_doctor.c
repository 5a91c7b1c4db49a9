#include "coordinator/ctl/commands.h"
#include "coordinator/ctl/doctor.h"

int run_doctor(const struct flags *flags, char **words)
{
    (void)words;
    const struct doctor_options options = {.coordinator = flags->coordinator,
                                           .directory = flags->data,
                                           .json = flags->json,
                                           .timeout_ms = flags->timeout_ms};
    return doctor(&options);
}
