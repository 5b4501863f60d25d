/* Results as a table, as JSON, and as a plot. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

static void percent(char out[16], double v)
{
    if (v < 0)
        snprintf(out, 16, "-");
    else
        snprintf(out, 16, "%.2f", 100 * v);
}

void report_head(void)
{
    puts("| scenario | nodes | lookups | hops | p99 | log2(n)/3 | requests | ms | p99 | closest 20 % | 8 % | "
         "records % | "
         "a place % | places | load max | entries | KiB | join | CPU s |\n"
         "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
}

void report_row(const result_t *r)
{
    char found[16], found8[16], records[16], place[16], places[16];

    percent(found, r->found);
    percent(found8, r->found8);
    percent(records, r->records);
    percent(place, r->place);
    snprintf(places, sizeof places, r->places_min < 0 ? "-" : "%.0f", r->places_min);
    printf("| %s | %u | %u | %.2f | %.0f | %.2f | %.1f | %.0f | %.0f | %s | %s | %s | %s | %s | %.1f | %.0f "
           "| %.1f | %.0f | "
           "%.0f |\n",
           r->name, r->nodes, r->lookups, r->hops, r->hops_p99, log2(r->o.nodes) / 3, r->requests, r->ms,
           r->ms_p99, found, found8, records, place, places, r->load_max, r->entries, r->table_kib, r->joins,
           r->build_s + r->run_s);
    fflush(stdout);
}

static void json_row(const result_t *r)
{
    printf(
        "{\"scenario\":\"%s\",\"nodes\":%u,\"lookups\":%u,\"seed\":%llu,\"hops\":%.3f,\"hops_p99\":%.0f,"
        "\"hops_want\":%.3f,\"requests\":%.2f,\"ms\":%.1f,\"ms_p99\":%.1f,\"found_20\":%.5f,\"found_8\":%.5f,"
        "\"records\":%.5f,\"place\":%.5f,\"places_min\":%.0f,\"load_max\":%.2f,\"entries\":%.1f,\"table_"
        "kib\":%.1f,"
        "\"join_messages\":%.1f,\"cpu_s\":%.2f}",
        r->name, r->nodes, r->lookups, (unsigned long long)r->o.seed, r->hops, r->hops_p99,
        log2(r->o.nodes) / 3, r->requests, r->ms, r->ms_p99, r->found, r->found8, r->records, r->place,
        r->places_min, r->load_max, r->entries, r->table_kib, r->joins, r->build_s + r->run_s);
}

void report_json(const result_t *r, size_t count)
{
    fputs("{\"rows\":[", stdout);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ",\n" : "\n", stdout);
        json_row(&r[i]);
    }
    puts("\n]}");
}

/* --- the plot: hops against the number of nodes --- */

#define WIDTH 640
#define HEIGHT 400
#define LEFT 60
#define RIGHT 20
#define TOP 40
#define BOTTOM 50

typedef struct plot {
    FILE *f;
    double low, high, top; /* log2 of nodes; hops */
} plot_t;

static double x_of(const plot_t *p, double nodes)
{
    return LEFT + (log2(nodes) - p->low) / (p->high - p->low) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const plot_t *p, double hops)
{
    return HEIGHT - BOTTOM - hops / p->top * (HEIGHT - TOP - BOTTOM);
}

static void axes(const plot_t *p)
{
    fprintf(p->f, "<rect width='%d' height='%d' fill='#fff'/>\n<g stroke='#ddd' fill='#333'>\n", WIDTH,
            HEIGHT);
    for (int h = 0; h <= p->top; h++)
        fprintf(p->f,
                "<path d='M%d %.1fH%d'/><text stroke='none' x='%d' y='%.1f' text-anchor='end'>%d</text>\n",
                LEFT, y_of(p, h), WIDTH - RIGHT, LEFT - 8, y_of(p, h) + 4, h);
    for (double n = 100; log2(n) <= p->high + 0.01; n *= 10)
        if (log2(n) >= p->low - 0.01)
            fprintf(p->f,
                    "<path d='M%.1f %dV%d'/><text stroke='none' x='%.1f' y='%d' "
                    "text-anchor='middle'>%.0f</text>\n",
                    x_of(p, n), TOP, HEIGHT - BOTTOM, x_of(p, n), HEIGHT - BOTTOM + 18, n);
    fprintf(p->f,
            "</g>\n<text x='%d' y='%d' text-anchor='middle'>nodes</text><text x='%d' y='22'>hops of a "
            "lookup</text>\n",
            WIDTH / 2, HEIGHT - 12, LEFT);
}

static double bound(double nodes)
{
    return log2(nodes) / 3;
}

/* Each hop finds the closest of k contacts: log2(k) bits, and those that the bucket gives. */
static double literature(double nodes)
{
    return log2(nodes) / (log2(LAYR_KAD_K) + 1);
}

static void curve(const plot_t *p, double (*of)(double), const char *colour, const char *label)
{
    double last = exp2(p->high);

    fprintf(p->f, "<path fill='none' stroke='%s' stroke-dasharray='5 4' d='", colour);
    for (int i = 0; i <= 40; i++) {
        double n = exp2(p->low + (p->high - p->low) * i / 40);
        fprintf(p->f, "%s%.1f %.1f", i ? "L" : "M", x_of(p, n), y_of(p, of(n)));
    }
    fprintf(p->f, "'/>\n<text x='%d' y='%.1f' text-anchor='end' fill='%s'>%s</text>\n", WIDTH - RIGHT - 4,
            y_of(p, of(last)) - 6, colour, label);
}

static void points(const plot_t *p, const result_t *r, size_t count)
{
    const result_t *last = &r[count - 1];

    fprintf(p->f, "<path fill='none' stroke='#06c' stroke-width='2' d='");
    for (size_t i = 0; i < count; i++)
        fprintf(p->f, "%s%.1f %.1f", i ? "L" : "M", x_of(p, r[i].o.nodes), y_of(p, r[i].hops));
    fputs("'/>\n", p->f);
    for (size_t i = 0; i < count; i++)
        fprintf(p->f, "<circle cx='%.1f' cy='%.1f' r='3' fill='#06c'/>\n", x_of(p, r[i].o.nodes),
                y_of(p, r[i].hops));
    fprintf(p->f, "<text x='%d' y='%.1f' text-anchor='end' fill='#06c'>measured, mean</text>\n",
            WIDTH - RIGHT - 4, y_of(p, last->hops) + 18);
}

int report_svg(const char *path, const result_t *r, size_t count)
{
    plot_t p = {.f = fopen(path, "w")};
    int bad;

    if (p.f == NULL)
        return -1;
    p.low = log2(r[0].o.nodes);
    p.high = log2(r[count - 1].o.nodes);
    p.top = ceil(bound(r[count - 1].o.nodes)) + 1;
    fprintf(p.f,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' "
            "font-size='12'>\n",
            WIDTH, HEIGHT);
    axes(&p);
    curve(&p, bound, "#c30", "log2(n)/3");
    curve(&p, literature, "#080", "log2(n)/(1+log2(20))");
    points(&p, r, count);
    fputs("</svg>\n", p.f);
    bad = ferror(p.f);
    return fclose(p.f) != 0 || bad ? -1 : 0;
}
