/* The hosts that audits asked, as people and programs read how they did. */
#include <inttypes.h>
#include <stdio.h>

#include "keep.h"
#include "show.h"

static int json_host(void *ctx, const layr_score_t *s)
{
    cJSON *list = ctx, *o = cJSON_CreateObject();
    int bad = layr_json_hex(o, "id", s->host, 32);

    bad |= layr_json_text(o, "url", s->url);
    bad |= layr_json_u64(o, "passed", s->passed);
    bad |= layr_json_u64(o, "lost", s->lost);
    bad |= layr_json_u64(o, "silent", s->silent);
    bad |= layr_json_time(o, "last_good", s->last_good);
    bad |= layr_json_time(o, "last_bad", s->last_bad);
    bad |= layr_json_time(o, "silent_since", s->silent_since);
    if (bad == 0 && cJSON_AddItemToArray(list, o))
        return 0;
    cJSON_Delete(o);
    return LAYR_ERR_NOMEM;
}

int layr_keep_json_hosts(const layr_keeper_t *k, cJSON *o)
{
    cJSON *list = cJSON_AddArrayToObject(o, "hosts");

    return list != NULL ? layr_journal_score_each(k->tool.s.journal, json_host, list) : LAYR_ERR_NOMEM;
}

static void moment(char out[LAYR_DATE_TEXT], layr_time_t t)
{
    if (t != 0)
        layr_show_minute(out, t);
    else
        snprintf(out, LAYR_DATE_TEXT, "-");
}

static int show_host(void *ctx, const layr_score_t *s)
{
    bool *begun = ctx;
    char id[9], good[LAYR_DATE_TEXT], bad[LAYR_DATE_TEXT], silent[LAYR_DATE_TEXT];

    if (!*begun)
        printf("\n%-32s  %8s  %6s  %7s  %-16s  %-16s  %-16s\n", "HOST", "PASSED", "LOST", "SILENT",
               "LAST GOOD", "LAST LOSS", "SILENT SINCE");
    *begun = true;
    layr_hex(id, s->host, 4);
    moment(good, s->last_good);
    moment(bad, s->last_bad);
    moment(silent, s->silent_since);
    printf("%-32s  %8" PRIu64 "  %6" PRIu64 "  %7" PRIu64 "  %-16s  %-16s  %-16s\n",
           s->url[0] != 0 ? s->url : id, s->passed, s->lost, s->silent, good, bad, silent);
    return 0;
}

int layr_keep_show_hosts(const layr_keeper_t *k)
{
    bool begun = false;

    return layr_journal_score_each(k->tool.s.journal, show_host, &begun);
}
