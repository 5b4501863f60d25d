
/*
 * The background's life.
 *
 * nginx runs the cache manager for everybody who has a path with a manager:
 * one process, respawned when it dies, as the workers' user.  Its event loop
 * is not to be blocked, so the work is a thread's.  While two of these
 * processes overlap (a reload, a new binary) a lock in the store lets one of
 * them work.
 *
 * The process ends with exit(), which nobody is told of but atexit's handlers:
 * the thread is asked to leave there, and is waited for.
 */


#include "ngx_http_layr_background.h"
#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_store.h"
#include "ngx_http_layr_zone.h"

#include <sys/file.h>

#include "base/fault.h"


#define NGX_HTTP_LAYR_TURN        500       /* milliseconds */
#define NGX_HTTP_LAYR_TURN_SOON   50
#define NGX_HTTP_LAYR_LEAVE       900       /* and is not waited for longer */
#define NGX_HTTP_LAYR_RETRY       60000


static ngx_msec_t ngx_http_layr_background_manager(void *data);
static ngx_int_t ngx_http_layr_background_start(ngx_http_layr_background_t *bg);
static void ngx_http_layr_background_leave(void);
static void *ngx_http_layr_background_thread(void *data);
static ngx_int_t ngx_http_layr_background_lock(ngx_http_layr_background_t *bg);
static ngx_int_t ngx_http_layr_background_try(ngx_http_layr_background_t *bg);
static void ngx_http_layr_background_run(ngx_http_layr_background_t *bg);
static ngx_int_t ngx_http_layr_background_open(ngx_http_layr_background_t *bg);
static void ngx_http_layr_background_close(ngx_http_layr_background_t *bg);


/* of this process */

static ngx_http_layr_background_t  *ngx_http_layr_backgrounds[16];
static ngx_uint_t                   ngx_http_layr_nbackgrounds;


/*
 * The path is added after nginx has made the folders of all paths: this one
 * is the store's, which is not nginx's to make, nor to change the owner of.
 */

ngx_int_t
ngx_http_layr_background_add(ngx_cycle_t *cycle, ngx_http_layr_store_t *st)
{
    ngx_path_t                  *path, **slot;
    ngx_http_layr_background_t  *bg;

    if (st->advertise.len == 0) {
        return NGX_OK;
    }

    path = ngx_pcalloc(cycle->pool, sizeof(ngx_path_t));
    bg = ngx_pcalloc(cycle->pool, sizeof(ngx_http_layr_background_t));
    slot = ngx_array_push(&cycle->paths);

    if (path == NULL || bg == NULL || slot == NULL) {
        return NGX_ERROR;
    }

    bg->store = st;
    bg->log = cycle->log;
    bg->lock = NGX_INVALID_FILE;

    path->name = st->path;
    path->manager = ngx_http_layr_background_manager;
    path->data = bg;

    *slot = path;

    return NGX_OK;
}


static ngx_msec_t
ngx_http_layr_background_manager(void *data)
{
    ngx_http_layr_background_t *bg = data;

    if (!bg->started && ngx_http_layr_background_start(bg) != NGX_OK) {
        return NGX_HTTP_LAYR_RETRY;
    }

    return 3600 * 1000;
}


static ngx_int_t
ngx_http_layr_background_start(ngx_http_layr_background_t *bg)
{
    int         err;
    sigset_t    all, old;
    ngx_uint_t  n;

    n = ngx_http_layr_nbackgrounds;

    if (n == sizeof(ngx_http_layr_backgrounds)
             / sizeof(ngx_http_layr_backgrounds[0]))
    {
        ngx_log_error(NGX_LOG_ERR, bg->log, 0,
                      "layr: too many stores for one background: \"%V\" stays "
                      "out of the network", &bg->store->path);
        bg->started = 1;
        return NGX_OK;
    }

    if (n == 0 && atexit(ngx_http_layr_background_leave) != 0) {
        return NGX_ERROR;
    }

    /* signals are for the event loop, which they must wake */

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);

    err = pthread_create(&bg->thread, NULL, ngx_http_layr_background_thread,
                         bg);

    pthread_sigmask(SIG_SETMASK, &old, NULL);

    if (err) {
        ngx_log_error(NGX_LOG_ERR, bg->log, err,
                      "layr: no thread for the background");
        return NGX_ERROR;
    }

    bg->started = 1;
    ngx_http_layr_backgrounds[ngx_http_layr_nbackgrounds++] = bg;

    return NGX_OK;
}


static void
ngx_http_layr_background_leave(void)
{
    ngx_uint_t       i;
    struct timespec  until;

    for (i = 0; i < ngx_http_layr_nbackgrounds; i++) {
        atomic_store(&ngx_http_layr_backgrounds[i]->stop, 1);
    }

    (void) clock_gettime(CLOCK_REALTIME, &until);

    until.tv_nsec += NGX_HTTP_LAYR_LEAVE * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;

    for (i = 0; i < ngx_http_layr_nbackgrounds; i++) {

        if (pthread_timedjoin_np(ngx_http_layr_backgrounds[i]->thread, NULL,
                                 &until)
            != 0)
        {
            /*
             * It hangs, on a disk or a resolver.  What it does survives a kill;
             * the libraries' own handlers would take away what it works with.
             */
            _exit(0);
        }
    }
}


layr_time_t
ngx_http_layr_background_clock(ngx_http_layr_background_t *bg)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    /* from what a reload keeps, or it would go back */

    return ts.tv_sec
           + (ts.tv_sec - bg->store->zone->since) * (LAYR_HASTE - 1)
           + ts.tv_nsec / 1000000 * (LAYR_HASTE - 1) / 1000;
}


static void *
ngx_http_layr_background_thread(void *data)
{
    ngx_http_layr_background_t *bg = data;

    /* what workers give out meanwhile is better than nothing */

    ngx_http_layr_snapshot_load(bg);

    if (ngx_http_layr_background_lock(bg) == NGX_OK) {

        ngx_http_layr_background_run(bg);

        if (ngx_close_file(bg->lock) == NGX_FILE_ERROR) {
            ngx_log_error(NGX_LOG_ALERT, bg->log, ngx_errno,
                          ngx_close_file_n " background.lock failed");
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_layr_background_lock(ngx_http_layr_background_t *bg)
{
    ngx_uint_t  waited;

    for (waited = 0; !atomic_load(&bg->stop); waited++) {

        switch (ngx_http_layr_background_try(bg)) {

        case NGX_OK:

            /* who had it before has left what it knew */

            if (waited) {
                ngx_http_layr_snapshot_load(bg);
            }

            return NGX_OK;

        case NGX_ERROR:
            ngx_msleep(NGX_HTTP_LAYR_TURN);
            break;

        default:
            ngx_msleep(NGX_HTTP_LAYR_TURN_SOON);
        }
    }

    return NGX_ERROR;
}


/* NGX_AGAIN: another process has it; NGX_ERROR: the store is not there */

static ngx_int_t
ngx_http_layr_background_try(ngx_http_layr_background_t *bg)
{
    char      path[NGX_MAX_PATH];
    ngx_fd_t  fd;

    if (!ngx_http_layr_store_there(bg->store)
        || bg->store->path.len > NGX_MAX_PATH - 32)
    {
        return NGX_ERROR;
    }

    (void) ngx_sprintf((u_char *) path, "%V/background.lock%Z",
                       &bg->store->path);

    fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (fd == NGX_INVALID_FILE) {
        return NGX_ERROR;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) != 0) {
        (void) ngx_close_file(fd);
        return NGX_AGAIN;
    }

    bg->lock = fd;

    return NGX_OK;
}


static void
ngx_http_layr_background_run(ngx_http_layr_background_t *bg)
{
    ngx_int_t  rc;

    if (ngx_http_layr_background_open(bg) != NGX_OK) {
        ngx_http_layr_background_close(bg);
        return;
    }

    while (!atomic_load(&bg->stop)) {

        /* the event loop sleeps, and the log takes its time from there */

        ngx_time_update();

        ngx_http_layr_upkeep_step(bg);
        rc = ngx_http_layr_restore_step(bg);

        layr_dht_turn(bg->dht, rc == NGX_AGAIN ? NGX_HTTP_LAYR_TURN_SOON
                                               : NGX_HTTP_LAYR_TURN);
    }

    ngx_http_layr_background_close(bg);
}


static ngx_int_t
ngx_http_layr_background_open(ngx_http_layr_background_t *bg)
{
    if (layr_net_new(&bg->net, NULL) != 0
        || ngx_http_layr_upkeep_begin(bg) != NGX_OK
        || ngx_http_layr_restore_begin(bg) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, bg->log, 0,
                      "layr: the background of \"%V\" cannot be started: out "
                      "of memory", &bg->store->path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_layr_background_close(ngx_http_layr_background_t *bg)
{
    ngx_http_layr_restore_end(bg);
    ngx_http_layr_upkeep_end(bg);
    layr_net_free(bg->net);
}
