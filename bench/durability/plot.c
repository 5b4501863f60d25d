/* Loss and traffic against the threshold, a line each scheme. */
#include <stdio.h>

#include "layr/durability.h"
#include "sim.h"

#define WIDTH 760
#define HEIGHT 380
#define TOP 40
#define BOTTOM 55
#define LOWEST -15 /* powers of ten of the loss */
#define COLOURS 6

/* A panel: what is drawn of a row, and where it is. */
typedef struct panel {
    FILE *f;
    double left, right, low, high;
    double (*of)(const result_t *r);
} panel_t;

static const char *const colours[COLOURS] = {"#c30", "#e80", "#080", "#06c", "#609", "#333"};

static double loss_of(const result_t *r)
{
    return log10(r->year.p);
}

static double traffic_of(const result_t *r)
{
    return r->sent + r->got;
}

/* Schemes side by side: where between k and n the threshold is. */
static double x_of(const panel_t *p, const result_t *r)
{
    double k = r->o.scheme.k, n = r->o.scheme.n;

    return p->left + (r->threshold - k) / (n - k) * (p->right - p->left);
}

static double y_of(const panel_t *p, double v)
{
    return HEIGHT - BOTTOM - (v - p->low) / (p->high - p->low) * (HEIGHT - TOP - BOTTOM);
}

static void axes(const panel_t *p, double step, const char *label, const char *unit)
{
    fputs("<g stroke='#ddd' fill='#333'>\n", p->f);
    for (int i = 0; p->low + i * step <= p->high + step / 2; i++) {
        double v = p->low + i * step;

        fprintf(p->f, "<path d='M%.0f %.1fH%.0f'/><text stroke='none' x='%.0f' y='%.1f' text-anchor='end'>",
                p->left, y_of(p, v), p->right, p->left - 6, y_of(p, v) + 4);
        fprintf(p->f, unit[0] ? "1e%.0f</text>\n" : "%.1f</text>\n", v);
    }
    for (int i = 0; i <= 5; i++) {
        double x = p->left + (p->right - p->left) * i / 5;

        fprintf(p->f, "<text stroke='none' x='%.0f' y='%d' text-anchor='middle'>%.1f</text>\n", x,
                HEIGHT - BOTTOM + 18, i / 5.0);
    }
    fprintf(p->f,
            "</g>\n<text x='%.0f' y='22'>%s</text>\n<text x='%.0f' y='%d' text-anchor='middle'>"
            "(threshold - k) / (n - k)</text>\n",
            p->left, label, (p->left + p->right) / 2, HEIGHT - 14);
}

static bool is_shown(const panel_t *p, const result_t *r)
{
    return (p->of != loss_of || !r->year.none) && p->of(r) >= p->low && p->of(r) <= p->high;
}

static void line(const panel_t *p, const result_t *r, size_t count, const char *colour)
{
    const char *move = "M";

    fprintf(p->f, "<path fill='none' stroke='%s' stroke-width='1.5' d='", colour);
    for (size_t i = 0; i < count; i++) {
        if (!is_shown(p, &r[i]))
            continue;
        fprintf(p->f, "%s%.1f %.1f", move, x_of(p, &r[i]), y_of(p, p->of(&r[i])));
        move = "L";
    }
    fputs("'/>\n", p->f);
    for (size_t i = 0; i < count; i++)
        if (is_shown(p, &r[i]))
            fprintf(p->f, "<circle cx='%.1f' cy='%.1f' r='%s' fill='%s'/>\n", x_of(p, &r[i]),
                    y_of(p, p->of(&r[i])),
                    r[i].threshold == layr_default_threshold(r[i].o.scheme) ? "5" : "2", colour);
}

static bool same_scheme(const result_t *a, const result_t *b)
{
    return a->o.scheme.k == b->o.scheme.k && a->o.scheme.n == b->o.scheme.n;
}

static void panel(const panel_t *p, const rows_t *rows, bool legend)
{
    unsigned colour = 0;

    for (size_t i = 0, end; i < rows->plotted; i = end, colour++) {
        const result_t *r = &rows->row[i];

        for (end = i + 1; end < rows->plotted && same_scheme(r, &rows->row[end]);)
            end++;
        line(p, r, end - i, colours[colour % COLOURS]);
        if (legend)
            fprintf(p->f, "<text x='%.0f' y='%d' fill='%s'>%u/%u</text>\n", p->left + 12,
                    TOP + 18 + 16 * (int)colour, colours[colour % COLOURS], r->o.scheme.k, r->o.scheme.n);
    }
}

/* Ten lines or fewer, the last one above all that is drawn. */
static double most_traffic(const rows_t *rows, double *step)
{
    double high = 0.1;

    for (size_t i = 0; i < rows->plotted; i++)
        high = most(high, traffic_of(&rows->row[i]));
    *step = ceil(high) / 10;
    return ceil(high / *step) * *step;
}

int plot_svg(const char *path, const rows_t *rows)
{
    panel_t loss = {fopen(path, "w"), 55, 370, LOWEST, 0, loss_of}, traffic = loss;
    double step, high = most_traffic(rows, &step);
    int bad;

    if (loss.f == NULL)
        return -1;
    traffic.left = 430;
    traffic.right = 745;
    traffic.low = 0;
    traffic.high = high;
    traffic.of = traffic_of;
    fprintf(loss.f,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' "
            "font-size='12'>\n<rect width='%d' height='%d' fill='#fff'/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT);
    axes(&loss, 3, "loss of a segment in a year", "e");
    axes(&traffic, step, "repairs in a year: sent and got, of what is stored", "");
    panel(&loss, rows, false);
    panel(&traffic, rows, true);
    fputs("</svg>\n", loss.f);
    bad = ferror(loss.f);
    return fclose(loss.f) != 0 || bad ? -1 : 0;
}
