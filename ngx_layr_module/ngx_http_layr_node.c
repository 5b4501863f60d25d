
/* GET v1/node: the contact, and a signed answer to a nonce. */


#include "ngx_http_layr.h"
#include "ngx_http_layr_contact.h"
#include "ngx_http_layr_problem.h"
#include "ngx_http_layr_send.h"


#define NGX_HTTP_LAYR_NODE_LIFE  60


static char *ngx_http_layr_node_sign(ngx_http_layr_store_t *st,
    ngx_str_t *contact, ngx_str_t *nonce);


ngx_int_t
ngx_http_layr_node_handler(ngx_http_request_t *r)
{
    char                 *node;
    u_char               *p;
    ngx_str_t             nonce, body, *contact;
    ngx_http_layr_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_layr_module);

    contact = ngx_http_layr_contact(ctx->store);
    if (contact == NULL) {
        return ngx_http_layr_problem_rc(r, LAYR_ERR_NOMEM);
    }

    node = NULL;

    if (ngx_http_arg(r, (u_char *) "nonce", 5, &nonce) == NGX_OK) {

        if (!layr_nonce_ok((char *) nonce.data, nonce.len)) {
            return ngx_http_layr_problem(r, NGX_HTTP_LAYR_BAD_REQUEST,
                                         "A nonce is 16 to 64 characters of "
                                         "base64url's alphabet.");
        }

        node = ngx_http_layr_node_sign(ctx->store, contact, &nonce);
        if (node == NULL) {
            return ngx_http_layr_problem_rc(r, LAYR_ERR_NOMEM);
        }
    }

    body.len = contact->len + (node ? ngx_strlen(node) : 0) + 64;
    body.data = ngx_pnalloc(r->pool, body.len);
    if (body.data == NULL) {
        free(node);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(body.data, "{\"contact\": \"%V\"", contact);

    if (node) {
        p = ngx_sprintf(p, ", \"node\": \"%s\"", node);
        free(node);
    }

    *p++ = '}';
    *p++ = LF;

    body.len = p - body.data;

    if (ngx_http_layr_header(r, "Cache-Control", "no-store", 8) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_layr_send(r, NGX_HTTP_OK, "application/json", &body);
}


static char *
ngx_http_layr_node_sign(ngx_http_layr_store_t *st, ngx_str_t *contact,
    ngx_str_t *nonce)
{
    char         *jws;
    layr_node_t   n;

    ngx_memzero(&n, sizeof(layr_node_t));

    ngx_memcpy(n.host, st->host, 32);
    ngx_memcpy(n.nonce, nonce->data, nonce->len);
    n.iat = ngx_time();
    n.exp = n.iat + NGX_HTTP_LAYR_NODE_LIFE;

    if (layr_sha256_1(n.contact, contact->data, contact->len) != 0
        || layr_node_sign(&jws, &n, st->seed) != 0)
    {
        return NULL;
    }

    return jws;
}
