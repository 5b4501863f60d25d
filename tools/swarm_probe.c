/* Do the hosts answer? GET v1/node of all at a time. Nothing is checked but the status: the question is only
 * whether somebody is up. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layr/net.h"
#include "layr/thread.h"
#include "swarm.h"

#define ONE_TRY_MS 5000L
#define PAUSE_MS 20
#define ANSWER_MAX 4096 /* a contact and a node statement are far smaller */

typedef struct question {
    layr_req_t req;
    layr_job_t over; /* posted when it is */
    char url[LAYR_SWARM_URL_MAX + 16];
    uint8_t answer[ANSWER_MAX];
} question_t;

static void answered(layr_req_t *r)
{
    question_t *q = (question_t *)((char *)r - offsetof(question_t, req));

    layr_mailbox_post(r->ctx, &q->over);
}

static bool ask(question_t *q, layr_net_t *net, layr_mailbox_t *box, const layr_swarm_t *s, unsigned i)
{
    char base[LAYR_SWARM_URL_MAX];

    memset(q, 0, sizeof *q);
    layr_swarm_url(base, s, i);
    snprintf(q->url, sizeof q->url, "%s/v1/node", base);
    q->req.method = "GET";
    q->req.url = q->url;
    q->req.h2c = s->h2c;
    q->req.trust = LAYR_TRUST_NONE;
    q->req.total_ms = ONE_TRY_MS;
    q->req.into = q->answer;
    q->req.into_cap = sizeof q->answer;
    q->req.ctx = box;
    q->req.done = answered;
    return layr_net_submit(net, &q->req) == LAYR_OK;
}

/* Ask those that are not up, each once; how many are still not. */
static size_t one_round(question_t *q, layr_net_t *net, layr_mailbox_t *box, bool *up, const layr_swarm_t *s,
                        const unsigned *which, size_t count)
{
    size_t under_way = 0, missing = 0;

    for (size_t n = 0; n < count; n++)
        if (!up[n])
            under_way += ask(&q[n], net, box, s, which[n]);
    while (under_way > 0 && layr_mailbox_take(box, -1) != NULL)
        under_way--;
    for (size_t n = 0; n < count; n++) {
        up[n] = up[n] || (q[n].req.error == LAYR_OK && q[n].req.status == 200);
        missing += !up[n];
    }
    return missing;
}

int layr_swarm_probe(bool *up, const layr_swarm_t *s, const unsigned *which, size_t count, long ms,
                     layr_diag_t *d)
{
    struct timespec pause = {0, PAUSE_MS * 1000000L};
    layr_net_config_t config = {0};
    question_t *q = calloc(count + 1, sizeof *q);
    layr_net_t *net = NULL;
    layr_mailbox_t *box = NULL;
    uint64_t end = layr_now_us() + (uint64_t)ms * 1000;
    int rc = q ? layr_mailbox_new(&box) : LAYR_ERR_NOMEM;

    memset(up, 0, count * sizeof *up);
    if (rc == LAYR_OK)
        rc = layr_net_new(&net, &config);
    if (rc != LAYR_OK)
        layr_diag_set(d, rc, "the transport does not start: %s", layr_strerror(rc));
    while (rc == LAYR_OK && one_round(q, net, box, up, s, which, count) > 0 && layr_now_us() < end)
        nanosleep(&pause, NULL);
    layr_net_free(net);
    layr_mailbox_free(box);
    free(q);
    return rc;
}
