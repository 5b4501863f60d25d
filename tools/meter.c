/* Progress of a transfer. */
#include "meter.h"

#include <stdio.h>
#include <string.h>

#include "layr/thread.h"
#include "say.h"

#define SAMPLE_US 500000u /* a rate over less than this jumps */
#define WEIGHT 0.3        /* of the newest sample */

void layr_meter_start(layr_meter_t *m, const char *verb)
{
    memset(m, 0, sizeof *m);
    m->verb = verb;
    m->started = m->last = layr_now_us();
}

static void sample(layr_meter_t *m, uint64_t done)
{
    uint64_t now = layr_now_us();
    double rate;

    if (now - m->last < SAMPLE_US || done < m->last_done)
        return;
    rate = (double)(done - m->last_done) * 1e6 / (double)(now - m->last);
    m->rate = m->rate > 0 ? m->rate + WEIGHT * (rate - m->rate) : rate;
    m->last = now;
    m->last_done = done;
}

static void time_left(char *out, size_t cap, const layr_meter_t *m)
{
    double left = m->rate >= 1 ? (double)(m->total - m->done) / m->rate : 0;
    unsigned long s = left < 360000 ? (unsigned long)left : 0; /* past 100 hours it is a guess */

    if (s == 0)
        snprintf(out, cap, "%s", "");
    else if (s < 3600)
        snprintf(out, cap, ", %lu:%02lu left", s / 60, s % 60);
    else
        snprintf(out, cap, ", %lu:%02lu:%02lu left", s / 3600, s / 60 % 60, s % 60);
}

void layr_meter_show(layr_meter_t *m, uint64_t done, uint64_t total)
{
    char a[LAYR_SIZE_TEXT], b[LAYR_SIZE_TEXT], r[LAYR_SIZE_TEXT + 8] = "", left[32] = "";

    m->done = total > 0 && done > total ? total : done;
    m->total = total;
    sample(m, m->done);
    layr_say_size(a, m->done);
    if (m->rate >= 1) {
        char per[LAYR_SIZE_TEXT];

        layr_say_size(per, (uint64_t)m->rate);
        snprintf(r, sizeof r, ", %s/s", per);
    }
    if (total == 0) {
        layr_say_progress(false, "%s %s%s", m->verb, a, r);
        return;
    }
    layr_say_size(b, total);
    time_left(left, sizeof left, m);
    layr_say_progress(m->done == total, "%s %s of %s (%u %%)%s%s", m->verb, a, b,
                      (unsigned)((double)m->done * 100 / (double)total), r, left);
}

double layr_meter_seconds(const layr_meter_t *m)
{
    double s = (double)(layr_now_us() - m->started) / 1e6;

    return s > 0.001 ? s : 0.001;
}

void layr_meter_pace(const layr_meter_t *m, char out[LAYR_PACE_TEXT], uint64_t bytes)
{
    char rate[LAYR_SIZE_TEXT];
    double seconds = layr_meter_seconds(m);

    layr_say_size(rate, (uint64_t)((double)bytes / seconds));
    if (seconds < 0.1)
        snprintf(out, LAYR_PACE_TEXT, "in %.2f s", seconds);
    else
        snprintf(out, LAYR_PACE_TEXT, "in %.1f s (%s/s)", seconds, rate);
}
