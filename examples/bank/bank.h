/* A service to be tested: a bank with one account, in a SQLite file. */
#ifndef BANK_H
#define BANK_H

#include <vow/vow.h>

/* Opens it and starts it; NULL if that cannot be done. A new bank has 100. */
struct vow_participant *bank_open(const char *name, const char *path, const char *coordinator);
/* What is in the account; -1 if that cannot be read. */
int bank_money(const char *path);

#endif
