
/*
 * The routing table on disk: <layr_path>/kad.table.
 *
 * Workers wait for the table's lock: it is copied under it, and written from
 * the copy; read into a table of its own, and its signatures checked there.
 */


#include "ngx_http_layr_background.h"
#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_store.h"
#include "ngx_http_layr_zone.h"


#define NGX_HTTP_LAYR_SNAPSHOT_MAX  (4 * 1024 * 1024)


static ngx_int_t ngx_http_layr_snapshot_read(ngx_http_layr_background_t *bg,
    layr_buf_t *b);
static ngx_int_t ngx_http_layr_snapshot_check(ngx_http_layr_background_t *bg,
    layr_buf_t *b);
static bool ngx_http_layr_snapshot_accept(void *data,
    const layr_kad_contact_t *c);
static bool ngx_http_layr_snapshot_take(void *data,
    const layr_kad_contact_t *c);
static ngx_int_t ngx_http_layr_snapshot_copy(ngx_http_layr_background_t *bg,
    layr_buf_t *b);
static ngx_int_t ngx_http_layr_snapshot_write(ngx_http_layr_background_t *bg,
    layr_buf_t *b, char *file, char *temp);
static ngx_int_t ngx_http_layr_snapshot_names(ngx_http_layr_background_t *bg,
    char *file, char *temp);


void
ngx_http_layr_snapshot_load(ngx_http_layr_background_t *bg)
{
    int                rc;
    unsigned           taken;
    layr_buf_t         b;
    layr_kad_table_t  *t;

    layr_buf_init(&b);

    if (ngx_http_layr_snapshot_read(bg, &b) != NGX_OK
        || ngx_http_layr_snapshot_check(bg, &b) != NGX_OK)
    {
        goto done;
    }

    t = ngx_http_layr_kad_write(bg->store);

    if (t) {
        rc = layr_kad_table_load(t, b.p, b.len,
                                 ngx_http_layr_background_clock(bg),
                                 ngx_http_layr_snapshot_take, NULL, &taken);
        ngx_http_layr_kad_write_done(bg->store);

        if (rc == 0 && taken) {
            ngx_log_error(NGX_LOG_NOTICE, bg->log, 0,
                          "layr: %ud hosts known from before", taken);
        }
    }

done:

    layr_buf_free(&b);
}


/* NGX_DECLINED: there is none */

static ngx_int_t
ngx_http_layr_snapshot_read(ngx_http_layr_background_t *bg, layr_buf_t *b)
{
    int        fd;
    char       file[NGX_MAX_PATH], temp[NGX_MAX_PATH];
    u_char     part[65536];
    ssize_t    n;

    if (ngx_http_layr_snapshot_names(bg, file, temp) != NGX_OK) {
        return NGX_DECLINED;
    }

    fd = open(file, O_RDONLY|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1) {
        return NGX_DECLINED;
    }

    while ((n = read(fd, part, sizeof(part))) > 0
           && b->len < NGX_HTTP_LAYR_SNAPSHOT_MAX)
    {
        layr_buf_add(b, part, n);
    }

    (void) close(fd);

    return n == 0 && !b->bad ? NGX_OK : NGX_ERROR;
}


/* the same contacts again, but only those that are what they say */

static ngx_int_t
ngx_http_layr_snapshot_check(ngx_http_layr_background_t *bg, layr_buf_t *b)
{
    int                rc;
    void              *mem;
    size_t             size;
    unsigned           taken;
    ngx_int_t          good;
    layr_time_t        now;
    layr_kad_table_t  *t;

    size = layr_kad_table_size(&LAYR_KAD_CONFIG);
    good = NGX_ERROR;

    mem = ngx_alloc(size, bg->log);
    if (mem == NULL
        || layr_kad_table_init(&t, mem, size, &LAYR_KAD_CONFIG,
                               bg->store->host)
           != 0)
    {
        goto done;
    }

    now = time(NULL);

    rc = layr_kad_table_load(t, b->p, b->len, now,
                             ngx_http_layr_snapshot_accept, &now, &taken);

    if (rc != 0) {
        ngx_log_error(NGX_LOG_WARN, bg->log, 0,
                      "layr: \"%V/kad.table\" is damaged, and passed over",
                      &bg->store->path);
        goto done;
    }

    layr_buf_free(b);
    layr_buf_init(b);

    good = layr_kad_table_save(t, b) == 0 ? NGX_OK : NGX_ERROR;

done:

    if (mem) {
        ngx_free(mem);
    }

    return good;
}


static bool
ngx_http_layr_snapshot_accept(void *data, const layr_kad_contact_t *c)
{
    layr_time_t *now = data;

    layr_contact_t  contact;

    return layr_contact_parse(&contact, c->text, c->len, *now) == 0
           && ngx_memcmp(contact.host, c->id, 32) == 0
           && contact.seq == c->seq
           && contact.exp == c->exp
           && contact.url[0] != '\0';
}


static bool
ngx_http_layr_snapshot_take(void *data, const layr_kad_contact_t *c)
{
    return true;
}


void
ngx_http_layr_snapshot_save(ngx_http_layr_background_t *bg)
{
    char        file[NGX_MAX_PATH], temp[NGX_MAX_PATH];
    layr_buf_t  b;

    layr_buf_init(&b);

    if (ngx_http_layr_store_there(bg->store)
        && ngx_http_layr_snapshot_names(bg, file, temp) == NGX_OK
        && ngx_http_layr_snapshot_copy(bg, &b) == NGX_OK
        && ngx_http_layr_snapshot_write(bg, &b, file, temp) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, bg->log, ngx_errno,
                      "layr: \"%s\" cannot be written", file);
        (void) unlink(temp);
    }

    layr_buf_free(&b);
}


/* NGX_DECLINED: there is nothing to keep */

static ngx_int_t
ngx_http_layr_snapshot_copy(ngx_http_layr_background_t *bg, layr_buf_t *b)
{
    void                *mem;
    size_t               size;
    ngx_int_t            rc;
    layr_kad_stats_t     stats;
    layr_kad_table_t    *t, *copy;

    size = layr_kad_table_size(&LAYR_KAD_CONFIG);
    rc = NGX_DECLINED;

    mem = ngx_alloc(size, bg->log);
    if (mem == NULL) {
        return NGX_DECLINED;
    }

    t = ngx_http_layr_kad_read(bg->store);

    if (t) {
        ngx_memcpy(mem, bg->store->zone->kad->table, size);
        ngx_http_layr_kad_read_done(bg->store);
    }

    if (t && layr_kad_table_check(&copy, mem, size, &LAYR_KAD_CONFIG,
                                  bg->store->host)
             == 0)
    {
        layr_kad_table_stats(copy, &stats);

        if (stats.live && layr_kad_table_save(copy, b) == 0) {
            rc = NGX_OK;
        }
    }

    ngx_free(mem);

    return rc;
}


/* a crash leaves the old one or the new one */

static ngx_int_t
ngx_http_layr_snapshot_write(ngx_http_layr_background_t *bg, layr_buf_t *b,
    char *file, char *temp)
{
    int      fd;
    size_t   done;
    ssize_t  n;

    fd = open(temp, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC|O_NOFOLLOW, 0600);

    if (fd == -1) {
        return NGX_ERROR;
    }

    n = 0;

    for (done = 0; done < b->len; done += n) {
        n = write(fd, b->p + done, b->len - done);

        if (n <= 0) {
            break;
        }
    }

    if (done < b->len || fsync(fd) != 0) {
        (void) close(fd);
        return NGX_ERROR;
    }

    if (close(fd) != 0 || rename(temp, file) != 0) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_layr_snapshot_names(ngx_http_layr_background_t *bg, char *file,
    char *temp)
{
    if (bg->store->path.len > NGX_MAX_PATH - 32) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf((u_char *) file, "%V/kad.table%Z", &bg->store->path);
    (void) ngx_sprintf((u_char *) temp, "%V/kad.table.new%Z",
                       &bg->store->path);

    return NGX_OK;
}
