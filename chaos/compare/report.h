/* The report: one file of HTML that needs nothing else, made of results.json. */
#ifndef VOW_CHAOS_COMPARE_REPORT_H
#define VOW_CHAOS_COMPARE_REPORT_H

#include <jansson.h>

/* Writes DIRECTORY/report.html. Returns 0; or -1 and has said why on stderr. */
int compare_write_report(const char *directory, const json_t *results);

/* The whole page; the caller frees it. Texts of the results may be anything: none of them is taken for a tag. */
char *compare_report(const json_t *results);

#endif
