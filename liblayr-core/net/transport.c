/*
 * The net thread.  It alone touches libcurl and the origins' queues; other threads hand in requests and
 * wishes to cancel under the lock, and wake it.
 */
#include <linux/sockios.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#include "net/flight.h"

#define TICK_MIN_MS 10
#define TICK_MAX_MS 250

struct layr_waiter {
    pthread_cond_t changed;
    bool over;
};

struct layr_net {
    layr_net_config_t config; /* defaults filled in; owns its strings */
    pthread_t thread;
    CURLM *multi;

    pthread_mutex_t lock;
    struct layr_flight_list all;      /* under the lock */
    struct layr_flight_list incoming; /* under the lock */
    bool has_cancelled, stopping;     /* under the lock */

    /* The net thread's own. */
    layr_origins_t origins;
    layr_sockets_t sockets;
    struct layr_flight_list flying;
    unsigned flying_count;
    uint64_t looked_ms;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* The request's result is set: tell its owner. Neither the request nor the flight is touched after that. */
static void tell(layr_net_t *net, layr_flight_t *f)
{
    layr_req_t *r = f->req;
    layr_waiter_t *waiter = f->waiter;

    pthread_mutex_lock(&net->lock);
    TAILQ_REMOVE(&net->all, f, all);
    r->net_private = NULL;
    pthread_mutex_unlock(&net->lock);
    free(f);
    if (r->done != NULL)
        r->done(r);
    if (waiter == NULL)
        return;
    pthread_mutex_lock(&net->lock);
    waiter->over = true;
    pthread_cond_signal(&waiter->changed);
    pthread_mutex_unlock(&net->lock);
}

/*
 * An upload over HTTP/1.1 that ends before its end takes its connection with it.  Without this the kernel would go on
 * sending what it holds, some megabytes, and on a slow line all that comes later would wait behind it.
 */
static void drop_unsent(const layr_flight_t *f)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};

    if (f->req->error != LAYR_OK && f->fd >= 0 && layr_easy_http_version(f->req) == CURL_HTTP_VERSION_1_1)
        (void)setsockopt(f->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

static void drop_handle(layr_flight_t *f)
{
    curl_easy_cleanup(f->easy); /* harmless on NULL */
    f->easy = NULL;
    curl_slist_free_all(f->headers);
    f->headers = NULL;
}

static void land(layr_net_t *net, layr_flight_t *f)
{
    TAILQ_REMOVE(&net->flying, f, wait);
    net->flying_count--;
    curl_multi_remove_handle(net->multi, f->easy);
    f->fd = -1;
    drop_handle(f);
}

/* Off the air and out of the queue; its result is set already. */
static void finish(layr_net_t *net, layr_flight_t *f)
{
    layr_origin_remove(&net->origins, f);
    if (f->easy != NULL) {
        drop_unsent(f);
        land(net, f);
    }
    tell(net, f);
}

static void fail(layr_net_t *net, layr_flight_t *f, int error, const char *text)
{
    layr_outcome_error(f, error, text);
    finish(net, f);
}

/*
 * A handle of its own for each request: one that was used before may keep its buffer, and curl then refuses
 * to have it another size.  Connections are the multi handle's and outlive it; making one costs microseconds.
 */
static void start(layr_net_t *net, layr_flight_t *f)
{
    uint64_t now = now_ms();

    f->easy = curl_easy_init();
    if (f->easy == NULL)
        goto failed;
    if (layr_easy_setup(f, f->easy, &net->config) != 0 || layr_sockets_watch(&net->sockets, f, f->easy) ||
        curl_multi_add_handle(net->multi, f->easy) != CURLM_OK)
        goto failed;
    if (f->started_ms == 0)
        f->started_ms = now;
    layr_watch_start(&f->watch, now,
                     (uint64_t)(f->req->stall_ms > 0 ? f->req->stall_ms : net->config.stall_ms),
                     f->req->min_bytes_s > 0 ? (uint64_t)f->req->min_bytes_s : 0);
    TAILQ_INSERT_TAIL(&net->flying, f, wait);
    net->flying_count++;
    return;
failed:
    drop_handle(f);
    fail(net, f, LAYR_ERR_NOMEM, "out of memory for a request");
}

static void dispatch(layr_net_t *net)
{
    layr_flight_t *f;

    while (net->flying_count < LAYR_NET_ACTIVE_MAX && (f = layr_origin_next(&net->origins)) != NULL)
        start(net, f);
}

/* What waits for a host that can't be reached would wait out the same time-out, round after round. */
static void fail_waiting(layr_net_t *net, layr_origin_t *origin, int error, const char *text)
{
    struct layr_flight_list doomed = TAILQ_HEAD_INITIALIZER(doomed);
    layr_flight_t *f;

    /* They leave the queue before any done is called: what a done submits must not be among them. */
    while ((f = TAILQ_FIRST(&origin->waiting)) != NULL) {
        TAILQ_REMOVE(&origin->waiting, f, wait);
        TAILQ_INSERT_TAIL(&doomed, f, wait);
        f->origin = NULL;
    }
    layr_origins_settle(&net->origins, origin);
    while ((f = TAILQ_FIRST(&doomed)) != NULL) {
        TAILQ_REMOVE(&doomed, f, wait);
        fail(net, f, error, text);
    }
}

/*
 * A host that is reloaded, or has had enough of a connection, says so (GOAWAY), and looks at nothing that comes later
 * over it.  libcurl sends such a request again, but when it was the only one there it gives up with CURLE_HTTP2, as it
 * does for what is no HTTP/2 at all.  A connection that has served before spoke it.
 */
static bool was_sent_away(const layr_flight_t *f, CURLcode code)
{
    long made = 1;

    curl_easy_getinfo(f->easy, CURLINFO_NUM_CONNECTS, &made);
    return code == CURLE_HTTP2 && made == 0 && f->header_bytes == 0;
}

static void end_of_transfer(layr_net_t *net, CURL *easy, CURLcode code)
{
    layr_flight_t *f = NULL;
    bool unreachable;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &f);
    if (!f->again && was_sent_away(f, code)) {
        f->again = true;
        land(net, f);
        start(net, f);
        return;
    }
    unreachable = layr_outcome_is_unreachable(code) && !f->walled;
    layr_outcome_fill(f, code);
    if (unreachable)
        fail_waiting(net, f->origin, f->req->error, f->req->error_text);
    finish(net, f);
}

static void collect(layr_net_t *net)
{
    CURLMsg *m;
    int left;

    while ((m = curl_multi_info_read(net->multi, &left)) != NULL)
        if (m->msg == CURLMSG_DONE)
            end_of_transfer(net, m->easy_handle, m->data.result);
}

/* Bytes the kernel holds for the peer; with HTTP/2 those of the streams beside it too. */
static uint64_t unacked(const layr_flight_t *f)
{
    int bytes = 0;

    if (f->req->body_len == 0 || f->fd < 0 || ioctl(f->fd, SIOCOUTQ, &bytes) != 0 || bytes < 0)
        return 0;
    return (uint64_t)bytes;
}

static layr_watch_phase_t phase_of(const layr_flight_t *f)
{
    if (f->received > 0 || f->header_bytes > 0)
        return LAYR_WATCH_RECEIVE;
    return f->sent > 0 && f->sent < f->req->body_len ? LAYR_WATCH_SEND : LAYR_WATCH_WAIT;
}

static void look_at(layr_net_t *net, layr_flight_t *f, uint64_t now)
{
    uint64_t moved = (uint64_t)f->sent + f->received + f->header_bytes;
    layr_watch_verdict_t v = layr_watch_look(&f->watch, now, phase_of(f), moved, unacked(f));
    const char *text = v == LAYR_WATCH_STALLED ? "nothing came or went for too long" : "too slow";

    if (f->req->total_ms > 0 && now - f->started_ms >= (uint64_t)f->req->total_ms) {
        v = LAYR_WATCH_STALLED;
        text = "it took too long";
    }
    if (v == LAYR_WATCH_FINE)
        return;
    layr_outcome_fill(f, CURLE_OPERATION_TIMEDOUT);
    fail(net, f, LAYR_ERR_TIMEOUT, text);
}

static long tick_ms(const layr_net_t *net)
{
    long tick = net->config.stall_ms / LAYR_WATCH_SLOTS;

    return tick < TICK_MIN_MS ? TICK_MIN_MS : tick > TICK_MAX_MS ? TICK_MAX_MS : tick;
}

static void look_at_all(layr_net_t *net)
{
    uint64_t now = now_ms();
    layr_flight_t *f, *next;

    if (now - net->looked_ms < (uint64_t)tick_ms(net))
        return;
    net->looked_ms = now;
    for (f = TAILQ_FIRST(&net->flying); f != NULL; f = next) {
        next = TAILQ_NEXT(f, wait); /* finish() takes out only the one it is given */
        look_at(net, f, now);
    }
}

/* Take what other threads left: new requests into their queues, cancelled ones out. False when it is time to
 * go. */
static bool take_wishes(layr_net_t *net)
{
    struct layr_flight_list fresh = TAILQ_HEAD_INITIALIZER(fresh);
    layr_flight_t *f;
    bool stopping;

    pthread_mutex_lock(&net->lock);
    TAILQ_CONCAT(&fresh, &net->incoming, wait);
    stopping = net->stopping;
    pthread_mutex_unlock(&net->lock);
    while ((f = TAILQ_FIRST(&fresh)) != NULL) {
        TAILQ_REMOVE(&fresh, f, wait);
        if (layr_origin_add(&net->origins, f) != 0)
            fail(net, f, LAYR_ERR_NOMEM, "out of memory for a host's queue");
    }
    return !stopping;
}

/* The next flight to be cancelled: one of those asked for, or any. Not those that another thread just handed
 * in. */
static layr_flight_t *next_cancelled(layr_net_t *net, bool any)
{
    layr_flight_t *f = NULL;

    pthread_mutex_lock(&net->lock);
    if (any || net->has_cancelled)
        TAILQ_FOREACH(f, &net->all, all)
        {
            if (f->origin != NULL && (any || f->cancelled))
                break;
        }
    if (f == NULL && TAILQ_EMPTY(&net->incoming))
        net->has_cancelled = false;
    pthread_mutex_unlock(&net->lock);
    return f;
}

static void cancel_wished(layr_net_t *net, bool any)
{
    layr_flight_t *f;

    while ((f = next_cancelled(net, any)) != NULL)
        fail(net, f, LAYR_ERR_CANCELLED, "cancelled");
}

static void *net_thread(void *arg)
{
    layr_net_t *net = arg;
    int running = 0;

    while (take_wishes(net)) {
        cancel_wished(net, false);
        dispatch(net);
        curl_multi_perform(net->multi, &running);
        collect(net);
        look_at_all(net);
        dispatch(net);
        curl_multi_poll(net->multi, NULL, 0, net->flying_count > 0 ? (int)tick_ms(net) : 60000, NULL);
    }
    cancel_wished(net, true);
    return NULL;
}

static int fill_config(layr_net_config_t *out, const layr_net_config_t *c)
{
    static const layr_net_config_t defaults;
    const char *agent;

    if (c == NULL)
        c = &defaults;
    *out = *c;
    out->ca_file = NULL;
    agent = c->user_agent != NULL ? c->user_agent : "layr/" LAYR_VERSION;
    out->user_agent = strdup(agent);
    if (out->user_agent == NULL)
        return LAYR_ERR_NOMEM;
    if (c->ca_file != NULL && (out->ca_file = strdup(c->ca_file)) == NULL)
        return LAYR_ERR_NOMEM;
    out->connect_ms = c->connect_ms > 0 ? c->connect_ms : 5000;
    out->stall_ms = c->stall_ms > 0 ? c->stall_ms : 8000;
    out->max_per_host = c->max_per_host > 0 ? c->max_per_host : 8;
    return 0;
}

static CURLcode global_result = CURLE_FAILED_INIT;

static void global_init(void)
{
    global_result = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int start_curl(layr_net_t *net)
{
    /* Never undone: a resolver's thread may outlive the transport that asked. */
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, global_init);
    if (global_result != CURLE_OK)
        return LAYR_ERR_NOMEM;
    net->multi = curl_multi_init();
    if (net->multi == NULL)
        return LAYR_ERR_NOMEM;
    curl_multi_setopt(net->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(net->multi, CURLMOPT_MAXCONNECTS, (long)LAYR_NET_ACTIVE_MAX);
    return 0;
}

/* Signals are for the program's own threads; a closed connection must not raise SIGPIPE here. */
static int start_thread(layr_net_t *net)
{
    sigset_t every, before;
    int rc;

    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    rc = pthread_create(&net->thread, NULL, net_thread, net);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? 0 : LAYR_ERR_NOMEM;
}

static void net_destroy(layr_net_t *net)
{
    if (net == NULL)
        return;
    if (net->multi != NULL)
        curl_multi_cleanup(net->multi);
    layr_sockets_free(&net->sockets);
    pthread_mutex_destroy(&net->lock);
    free((char *)net->config.ca_file);
    free((char *)net->config.user_agent);
    free(net);
}

int layr_net_new(layr_net_t **out, const layr_net_config_t *c)
{
    layr_net_t *net = calloc(1, sizeof *net);
    int rc;

    if (net == NULL)
        return LAYR_ERR_NOMEM;
    pthread_mutex_init(&net->lock, NULL);
    TAILQ_INIT(&net->all);
    TAILQ_INIT(&net->incoming);
    TAILQ_INIT(&net->flying);
    net->sockets.flying = &net->flying;
    rc = fill_config(&net->config, c);
    if (rc != 0)
        goto done;
    layr_origins_init(&net->origins, net->config.max_per_host);
    rc = start_curl(net);
    if (rc != 0)
        goto done;
    rc = start_thread(net);
    if (rc != 0)
        goto done;
    *out = net;
    net = NULL;
done:
    net_destroy(net);
    return rc;
}

void layr_net_free(layr_net_t *net)
{
    if (net == NULL)
        return;
    pthread_mutex_lock(&net->lock);
    net->stopping = true;
    pthread_mutex_unlock(&net->lock);
    curl_multi_wakeup(net->multi);
    pthread_join(net->thread, NULL);
    net_destroy(net);
}

static int submit(layr_net_t *net, layr_req_t *r, layr_waiter_t *waiter)
{
    layr_flight_t *f;
    bool stopping;

    if (!layr_easy_request_ok(r))
        return LAYR_ERR_ARG;
    f = calloc(1, sizeof *f);
    if (f == NULL)
        return LAYR_ERR_NOMEM;
    f->net = net;
    f->fd = -1;
    f->req = r;
    f->waiter = waiter;
    layr_easy_clear_result(r);
    r->net_private = f;
    pthread_mutex_lock(&net->lock);
    stopping = net->stopping;
    if (!stopping) {
        TAILQ_INSERT_TAIL(&net->all, f, all);
        TAILQ_INSERT_TAIL(&net->incoming, f, wait);
    }
    pthread_mutex_unlock(&net->lock);
    if (stopping) {
        r->net_private = NULL;
        free(f);
        return LAYR_ERR_CANCELLED;
    }
    curl_multi_wakeup(net->multi);
    return 0;
}

int layr_net_submit(layr_net_t *net, layr_req_t *r)
{
    return submit(net, r, NULL);
}

void layr_net_cancel(layr_net_t *net, layr_req_t *r)
{
    layr_flight_t *f;

    pthread_mutex_lock(&net->lock);
    TAILQ_FOREACH(f, &net->all, all)
    {
        if (f->req == r)
            break;
    }
    if (f != NULL) {
        f->cancelled = true;
        net->has_cancelled = true;
    }
    pthread_mutex_unlock(&net->lock);
    if (f != NULL)
        curl_multi_wakeup(net->multi);
}

int layr_net_run(layr_net_t *net, layr_req_t *r)
{
    layr_waiter_t waiter = {.changed = PTHREAD_COND_INITIALIZER};
    int rc;

    if (pthread_equal(pthread_self(), net->thread))
        return LAYR_ERR_ARG;
    rc = submit(net, r, &waiter);
    if (rc == 0) {
        pthread_mutex_lock(&net->lock);
        while (!waiter.over)
            pthread_cond_wait(&waiter.changed, &net->lock);
        pthread_mutex_unlock(&net->lock);
        rc = r->error;
    }
    pthread_cond_destroy(&waiter.changed);
    return rc;
}
