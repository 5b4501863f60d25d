
/* layr_owners FILE: the public keys of those who may store here. */


#include "ngx_http_layr_store.h"


#define NGX_HTTP_LAYR_OWNERS_MAX  (16 * 1024 * 1024)


static ngx_int_t ngx_http_layr_owners_parse(ngx_conf_t *cf,
    ngx_http_layr_store_t *st, u_char *p, u_char *end);
static ngx_int_t ngx_http_layr_owners_line(ngx_conf_t *cf,
    ngx_http_layr_store_t *st, u_char *p, u_char *end, ngx_uint_t n);
static int ngx_libc_cdecl ngx_http_layr_owners_cmp(const void *one,
    const void *two);


ngx_int_t
ngx_http_layr_owners_load(ngx_conf_t *cf, ngx_http_layr_store_t *st)
{
    u_char           *text;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_int_t         rc;
    ngx_file_info_t   fi;

    if (st->owners_file.len == 0) {
        return NGX_OK;
    }

    rc = NGX_ERROR;
    text = NULL;

    st->owners = ngx_array_create(cf->pool, 16, 32);
    if (st->owners == NULL) {
        return NGX_ERROR;
    }

    fd = ngx_open_file(st->owners_file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot open \"layr_owners\" \"%V\"",
                           &st->owners_file);
        return NGX_ERROR;
    }

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)
        || ngx_file_size(&fi) > NGX_HTTP_LAYR_OWNERS_MAX)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"layr_owners\" \"%V\" is not a file of at most "
                           "16 MiB", &st->owners_file);
        goto done;
    }

    text = ngx_alloc(ngx_file_size(&fi) + 1, cf->log);
    if (text == NULL) {
        goto done;
    }

    n = ngx_read_fd(fd, text, ngx_file_size(&fi));

    if (n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "cannot read \"layr_owners\" \"%V\"",
                           &st->owners_file);
        goto done;
    }

    rc = ngx_http_layr_owners_parse(cf, st, text, text + n);

done:

    if (text) {
        ngx_free(text);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_ALERT, cf, ngx_errno,
                           ngx_close_file_n " \"%V\" failed",
                           &st->owners_file);
    }

    return rc;
}


static ngx_int_t
ngx_http_layr_owners_parse(ngx_conf_t *cf, ngx_http_layr_store_t *st,
    u_char *p, u_char *end)
{
    u_char      *line, *last;
    ngx_uint_t   n;

    for (n = 1; p < end; n++) {
        line = p;
        last = ngx_strlchr(p, end, LF);

        if (last == NULL) {
            last = end;
        }

        p = last + 1;

        if (ngx_http_layr_owners_line(cf, st, line, last, n) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    ngx_qsort(st->owners->elts, st->owners->nelts, 32,
              ngx_http_layr_owners_cmp);

    return NGX_OK;
}


/* a key in base64url or hex, and anything after white space or "#" */

static ngx_int_t
ngx_http_layr_owners_line(ngx_conf_t *cf, ngx_http_layr_store_t *st, u_char *p,
    u_char *end, ngx_uint_t n)
{
    u_char  *key, *last;

    while (p < end && (*p == ' ' || *p == '\t')) { p++; }

    last = p;

    while (last < end && *last > ' ' && *last != '#') { last++; }

    if (last == p) {
        return NGX_OK;
    }

    key = ngx_array_push(st->owners);
    if (key == NULL) {
        return NGX_ERROR;
    }

    if (layr_unb64(key, 32, (char *) p, last - p) != 0
        && layr_unhex(key, 32, (char *) p, last - p) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "line %ui of \"%V\" is not an owner's public key "
                           "(43 characters of base64url or 64 hex digits)",
                           n, &st->owners_file);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_layr_owners_cmp(const void *one, const void *two)
{
    return ngx_memcmp(one, two, 32);
}


ngx_uint_t
ngx_http_layr_owner_allowed(ngx_http_layr_store_t *st, u_char *owner)
{
    return st->owners == NULL
           || bsearch(owner, st->owners->elts, st->owners->nelts, 32,
                      ngx_http_layr_owners_cmp)
              != NULL;
}
