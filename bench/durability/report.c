/* Results as tables and as JSON. */
#include <stdio.h>

#include "sim.h"

void report_title(const char *title)
{
    printf("\n%s\n\n"
           "| case | scheme | threshold | loss a year | 95 %% | foreseen | of the data | repairs | sent | "
           "got |\n"
           "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
           title);
}

static void show(char out[32], double p, bool bound)
{
    snprintf(out, 32, "%s%.1e", bound ? "< " : "", p);
}

void report_row(const result_t *r)
{
    char loss[32], range[64], data[32] = "-";

    show(loss, r->year.p, r->year.none);
    snprintf(range, sizeof range, "%.1e to %.1e", r->year.low, r->year.high);
    if (r->data >= 0)
        show(data, r->data, r->year.none);
    printf("| %s | %u/%u | %u | %s | %s | %.1e | %s | %.3f | %.3f | %.3f |\n", r->name, r->o.scheme.k,
           r->o.scheme.n, r->threshold, loss, r->year.none ? "-" : range, r->foreseen, data, r->repairs,
           r->sent, r->got);
    fflush(stdout);
}

static void json_row(const result_t *r)
{
    printf("{\"case\":\"%s\",\"scheme\":\"%u/%u\",\"threshold\":%u,\"seed\":%.0f,\"loss_per_year\":%.6e,"
           "\"error\":%.6e,\"low\":%.6e,\"high\":%.6e,\"bound\":%s,\"foreseen\":%.6e,",
           r->name, r->o.scheme.k, r->o.scheme.n, r->threshold, r->o.seed, r->year.p, r->year.error,
           r->year.low, r->year.high, r->year.none ? "true" : "false", r->foreseen);
    if (r->data >= 0)
        printf("\"data_loss_per_year\":%.6e,", r->data);
    printf("\"repairs_per_year\":%.5f,\"sent\":%.5f,\"got\":%.5f,\"plain_runs\":%.0f,\"plain_losses\":%.0f,"
           "\"cpu_s\":%.2f}",
           r->repairs, r->sent, r->got, r->simulated, r->lost, r->seconds);
}

void report_json(const rows_t *rows)
{
    fputs("{\"rows\":[", stdout);
    for (size_t i = 0; i < rows->count; i++) {
        fputs(i > 0 ? ",\n" : "\n", stdout);
        json_row(&rows->row[i]);
    }
    puts("\n]}");
}
