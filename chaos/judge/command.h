/* vow-chaos judge */
#ifndef VOW_CHAOS_JUDGE_COMMAND_H
#define VOW_CHAOS_JUDGE_COMMAND_H

int judge_command(int argc, char **argv);

#endif
