#include "chaos/compare/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chaos/compare/page.h"
#include "chaos/kill/memory.h"
#include "chaos/written.h"

/*
 * The results stand in the page as JSON, in an element of their own that no browser runs; its text would end at the
 * first "</script", wherever that is. So "<", ">" and "&" are written as JSON can say them, too (F177).
 */
static void put_data(FILE *page, const json_t *results)
{
    char *text = real_need(json_dumps(results, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(9)));

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '<' || *at == '>' || *at == '&')
            (void)fprintf(page, "\\u%04x", (unsigned)(unsigned char)*at);
        else
            (void)fputc(*at, page);
    }
    free(text);
}

static void put_part(FILE *page, const char *name, const json_t *results)
{
    if (strcmp(name, "uplot.css") == 0)
        (void)fputs(page_uplot_css, page);
    else if (strcmp(name, "uplot.js") == 0)
        (void)fputs(page_uplot_js, page);
    else if (strcmp(name, "report.css") == 0)
        (void)fputs(page_report_css, page);
    else if (strcmp(name, "report.js") == 0)
        (void)fputs(page_report_js, page);
    else if (strcmp(name, "results") == 0)
        put_data(page, results);
}

/* The frame has {{NAME}} where a part comes. */
char *compare_report(const json_t *results)
{
    char *text = NULL, name[32];
    size_t size = 0;
    FILE *page = real_need(open_memstream(&text, &size));

    for (const char *at = page_report_html; *at != '\0';) {
        const char *hole = strstr(at, "{{");
        const size_t len = hole != NULL ? (size_t)(hole - at) : strlen(at);
        (void)fwrite(at, 1, len, page);
        at += len;
        if (hole == NULL)
            break;
        const size_t name_len = strcspn(at + 2, "}");
        (void)snprintf(name, sizeof(name), "%.*s", (int)(name_len < sizeof(name) ? name_len : 0), at + 2);
        put_part(page, name, results);
        at += 2 + name_len + 2;
    }
    return real_need(written_close(page) == 0 ? text : NULL);
}

int compare_write_report(const char *directory, const json_t *results)
{
    char path[4096];
    char *text = compare_report(results);

    (void)snprintf(path, sizeof(path), "%.4000s/report.html", directory);
    const int error = written_text(path, text);
    free(text);
    if (error == 0)
        return 0;
    (void)fprintf(stderr, "vow-chaos compare: %s: %s\n", path, strerror(error));
    return -1;
}
