/* The parts of the report, which the build makes of files (cmake/Embed.cmake). */
#ifndef VOW_CHAOS_COMPARE_PAGE_H
#define VOW_CHAOS_COMPARE_PAGE_H

extern const char page_report_html[], page_report_css[], page_report_js[]; /* report/ */
extern const char page_uplot_css[], page_uplot_js[];                       /* third_party/uplot */

#endif
