/* Many small requests at a time. */
#include "fan.h"

#include <stdlib.h>

#include "engine.h"

static void on_net_done(layr_req_t *r)
{
    layr_fan_call_t *c = r->ctx;
    layr_mailbox_post(c->box, &c->job);
}

static size_t send_all(layr_session_t *s, layr_fan_call_t *calls, size_t count, layr_mailbox_t *box)
{
    size_t under_way = 0;
    for (size_t i = 0; i < count; i++) {
        layr_fan_call_t *c = &calls[i];
        c->box = box;
        c->done = c->sent = false;
        c->rc = LAYR_ERR_TIMEOUT;
        if (!c->call.host)
            continue;
        c->call.req.ctx = c;
        c->call.req.done = on_net_done;
        if ((c->rc = layr_net_submit(s->net, &c->call.req)) == LAYR_OK) {
            c->sent = true;
            c->rc = LAYR_ERR_TIMEOUT;
            under_way++;
        }
    }
    return under_way;
}

/* Wait ms at most for one; was it good? */
static int receive(layr_mailbox_t *box, long ms, size_t *under_way, size_t *good)
{
    layr_fan_call_t *c = (layr_fan_call_t *)layr_mailbox_take(box, ms);
    if (!c)
        return 0;
    c->done = true;
    c->rc = layr_call_result(&c->call);
    *good += c->rc == LAYR_OK;
    (*under_way)--;
    return 1;
}

int layr_fan_run(layr_session_t *s, layr_fan_call_t *calls, size_t count, size_t enough, long grace_ms,
                 long limit_ms)
{
    layr_mailbox_t *box = NULL;
    size_t under_way, good = 0;
    uint64_t end = layr_now_us() + (uint64_t)limit_ms * 1000u, now;
    bool in_grace = false;
    int rc = layr_mailbox_new(&box);
    if (rc != LAYR_OK)
        return rc;
    under_way = send_all(s, calls, count, box);
    while (under_way) {
        if (layr_session_cancelled(s)) {
            rc = LAYR_ERR_CANCELLED;
            break;
        }
        now = layr_now_us();
        if (good >= enough && !in_grace) {
            in_grace = true;
            if (end > now + (uint64_t)grace_ms * 1000u)
                end = now + (uint64_t)grace_ms * 1000u;
        }
        if (now >= end)
            break;
        receive(box, 100, &under_way, &good);
    }
    for (size_t i = 0; i < count; i++)
        if (calls[i].sent && !calls[i].done)
            layr_net_cancel(s->net, &calls[i].call.req);
    while (under_way) /* what ended all the same still counts */
        receive(box, -1, &under_way, &good);
    for (size_t i = 0; i < count; i++)
        if (calls[i].rc == LAYR_ERR_CANCELLED && rc == LAYR_OK)
            calls[i].rc = LAYR_ERR_TIMEOUT;
    layr_mailbox_free(box);
    return rc;
}
