
/*
 * The host's key: a file of "layr-node-key-v1", a newline, the Ed25519 seed in
 * 64 hex digits and a newline.  Only the master reads it; workers inherit it
 * in guarded memory.
 */


#include "ngx_http_layr_store.h"

#include <sodium.h>


#define NGX_HTTP_LAYR_KEY_HEAD      "layr-node-key-v1\n"
#define NGX_HTTP_LAYR_KEY_HEAD_LEN  (sizeof(NGX_HTTP_LAYR_KEY_HEAD) - 1)
#define NGX_HTTP_LAYR_KEY_LEN       (NGX_HTTP_LAYR_KEY_HEAD_LEN + 65)


static ngx_int_t ngx_http_layr_key_load(ngx_http_layr_store_t *st,
    ngx_str_t *file, ngx_fd_t fd, ngx_log_t *log);
static ngx_int_t ngx_http_layr_key_set(ngx_http_layr_store_t *st,
    u_char *seed, ngx_log_t *log);
static ngx_int_t ngx_http_layr_key_write(ngx_http_layr_store_t *st,
    ngx_str_t *file, uid_t owner, gid_t group, ngx_log_t *log);


ngx_int_t
ngx_http_layr_key_read(ngx_http_layr_store_t *st, ngx_str_t *file,
    ngx_log_t *log)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {

        if (ngx_errno == NGX_ENOENT || ngx_errno == NGX_ENOTDIR) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "cannot open the host's key \"%V\"", file);
        return NGX_ERROR;
    }

    rc = ngx_http_layr_key_load(st, file, fd, log);

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", file);
    }

    return rc;
}


static ngx_int_t
ngx_http_layr_key_load(ngx_http_layr_store_t *st, ngx_str_t *file,
    ngx_fd_t fd, ngx_log_t *log)
{
    u_char           text[NGX_HTTP_LAYR_KEY_LEN + 1], seed[32];
    ssize_t          n;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_fd_info_n " \"%V\" failed", file);
        return NGX_ERROR;
    }

    if (fi.st_mode & (S_IRWXG|S_IRWXO)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "the host's key \"%V\" is open to others: its mode "
                      "must be 0600", file);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    n = ngx_read_fd(fd, text, sizeof(text));

    if (n != (ssize_t) NGX_HTTP_LAYR_KEY_LEN
        || ngx_memcmp(text, NGX_HTTP_LAYR_KEY_HEAD, NGX_HTTP_LAYR_KEY_HEAD_LEN)
           != 0
        || text[n - 1] != '\n'
        || layr_unhex(seed, 32, (char *) text + NGX_HTTP_LAYR_KEY_HEAD_LEN, 64)
           != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"%V\" is not a host's key: it must be a line "
                      "\"layr-node-key-v1\" and a line of 64 hex digits",
                      file);
        goto done;
    }

    rc = ngx_http_layr_key_set(st, seed, log);

done:

    layr_wipe(text, sizeof(text));
    layr_wipe(seed, sizeof(seed));

    return rc;
}


static ngx_int_t
ngx_http_layr_key_set(ngx_http_layr_store_t *st, u_char *seed, ngx_log_t *log)
{
    if (st->seed == NULL) {
        st->seed = sodium_malloc(32);
        if (st->seed == NULL) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "no guarded memory for the host's key");
            return NGX_ERROR;
        }
    }

    ngx_memcpy(st->seed, seed, 32);

    layr_sign_public(st->public, seed);

    return layr_host_id(st->host, st->public) == 0 ? NGX_OK : NGX_ERROR;
}


/*
 * A crash must not leave a store without its key: the key is written under
 * another name, the store comes next, and then the key gets its name.  A later
 * start finds the pair and ends what was begun.
 */

ngx_int_t
ngx_http_layr_key_create(ngx_http_layr_store_t *st, uid_t owner, gid_t group,
    ngx_log_t *log)
{
    int          rc;
    u_char       seed[32];
    ngx_int_t    n;
    ngx_str_t    file;
    layr_diag_t  d;

    ngx_memzero(&d, sizeof(layr_diag_t));

    file.len = st->key.len + sizeof(".new") - 1;
    file.data = ngx_alloc(file.len + 1, log);
    if (file.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(file.data, "%V.new%Z", &st->key);

    n = ngx_http_layr_key_read(st, &file, log);

    if (n == NGX_DECLINED) {
        layr_random(seed, 32);
        n = ngx_http_layr_key_set(st, seed, log);
        layr_wipe(seed, 32);

        if (n == NGX_OK) {
            n = ngx_http_layr_key_write(st, &file, owner, group, log);
        }
    }

    if (n != NGX_OK) {
        goto done;
    }

    n = NGX_ERROR;
    rc = layr_host_store_probe((char *) st->path.data, st->host);

    if (rc == LAYR_ERR_NOTFOUND) {
        rc = layr_host_store_create((char *) st->path.data, st->host, owner,
                                    group, &d);
    }

    if (rc != 0) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "the store \"%V\" cannot be made: %s", &st->path,
                      d.code ? d.text
                             : "the folder holds something else already");
        goto done;
    }

    if (ngx_rename_file(file.data, st->key.data) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      ngx_rename_file_n " \"%V\" to \"%V\" failed",
                      &file, &st->key);
        goto done;
    }

    n = NGX_OK;

done:

    ngx_free(file.data);

    return n;
}


static ngx_int_t
ngx_http_layr_key_write(ngx_http_layr_store_t *st, ngx_str_t *file, uid_t owner,
    gid_t group, ngx_log_t *log)
{
    char       text[NGX_HTTP_LAYR_KEY_LEN + 1];
    ngx_fd_t   fd;
    ngx_int_t  rc;

    if (ngx_create_full_path(file->data, 0755) != 0) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "cannot make the folder of \"%V\"", file);
        return NGX_ERROR;
    }

    fd = open((char *) file->data, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "cannot make the host's key \"%V\"", file);
        return NGX_ERROR;
    }

    rc = NGX_OK;

    ngx_memcpy(text, NGX_HTTP_LAYR_KEY_HEAD, NGX_HTTP_LAYR_KEY_HEAD_LEN);
    layr_hex(text + NGX_HTTP_LAYR_KEY_HEAD_LEN, st->seed, 32);
    text[NGX_HTTP_LAYR_KEY_LEN - 1] = '\n';

    if (write(fd, text, NGX_HTTP_LAYR_KEY_LEN)
            != (ssize_t) NGX_HTTP_LAYR_KEY_LEN
        || (owner != (uid_t) -1 && fchown(fd, owner, group) != 0)
        || fsync(fd) != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "cannot write the host's key \"%V\"", file);
        rc = NGX_ERROR;
    }

    (void) ngx_close_file(fd);
    layr_wipe(text, sizeof(text));

    return rc;
}


void
ngx_http_layr_key_wipe(ngx_http_layr_store_t *st)
{
    sodium_free(st->seed);
    st->seed = NULL;
}
