
/*
 * The routing table in shared memory.
 *
 * One lock for all of the zone: the slab pool's, which nginx takes from a
 * process that dies with it.  What such a process left half changed is marked,
 * passed over by readers, and made anew by the next writer.
 */


#include "ngx_http_layr_kad.h"
#include "ngx_http_layr_zone.h"


static ngx_http_layr_kad_t *ngx_http_layr_kad_lock(ngx_http_layr_store_t *st);
static ngx_int_t ngx_http_layr_kad_make(ngx_http_layr_store_t *st,
    layr_kad_table_t **t);
static ngx_int_t ngx_http_layr_kad_queue(ngx_http_layr_kad_t *kad,
    ngx_str_t *text, uint64_t group, ngx_uint_t loopback);
static ngx_uint_t ngx_http_layr_kad_from_loopback(ngx_http_request_t *r,
    ngx_http_layr_store_t *st);
static ngx_str_t *ngx_http_layr_kad_header(ngx_http_request_t *r);


size_t
ngx_http_layr_kad_size(void)
{
    return sizeof(ngx_http_layr_kad_t)
           + layr_kad_table_size(&LAYR_KAD_CONFIG);
}


ngx_int_t
ngx_http_layr_kad_start(ngx_http_layr_store_t *st, ngx_log_t *log)
{
    int                   rc;
    ngx_http_layr_kad_t  *kad;
    layr_kad_table_t     *t;

    t = NULL;

    kad = ngx_http_layr_kad_lock(st);
    if (kad == NULL) {
        return NGX_OK;
    }

    /*
     * Over a reload processes of before share it: it stays in its place, and
     * is whole whenever the lock is free
     */

    rc = kad->writing ? LAYR_ERR_FORMAT
                      : layr_kad_table_check(&t, kad->table,
                                     layr_kad_table_size(&LAYR_KAD_CONFIG),
                                     &LAYR_KAD_CONFIG, st->host);

    if (rc != 0 && ngx_http_layr_kad_make(st, &t) != NGX_OK) {
        ngx_http_layr_zone_unlock(st);
        return NGX_ERROR;
    }

    st->table = t;

    ngx_http_layr_zone_unlock(st);

    return NGX_OK;
}


/* locked, or NULL */

static ngx_http_layr_kad_t *
ngx_http_layr_kad_lock(ngx_http_layr_store_t *st)
{
    if (st->advertise.len == 0 || st->zone->kad == NULL) {
        return NULL;
    }

    ngx_http_layr_zone_lock(st);

    return st->zone->kad;
}


static ngx_int_t
ngx_http_layr_kad_make(ngx_http_layr_store_t *st, layr_kad_table_t **t)
{
    ngx_http_layr_kad_t  *kad;

    kad = st->zone->kad;

    if (layr_kad_table_init(t, kad->table,
                            layr_kad_table_size(&LAYR_KAD_CONFIG),
                            &LAYR_KAD_CONFIG, st->host)
        != 0)
    {
        return NGX_ERROR;
    }

    kad->writing = 0;

    return NGX_OK;
}


layr_kad_table_t *
ngx_http_layr_kad_read(ngx_http_layr_store_t *st)
{
    ngx_http_layr_kad_t  *kad;

    kad = ngx_http_layr_kad_lock(st);

    if (kad && kad->writing) {
        ngx_http_layr_zone_unlock(st);
        return NULL;
    }

    return kad ? st->table : NULL;
}


void
ngx_http_layr_kad_read_done(ngx_http_layr_store_t *st)
{
    ngx_http_layr_zone_unlock(st);
}


layr_kad_table_t *
ngx_http_layr_kad_write(ngx_http_layr_store_t *st)
{
    ngx_http_layr_kad_t  *kad;

    kad = ngx_http_layr_kad_lock(st);
    if (kad == NULL) {
        return NULL;
    }

    if (kad->writing && ngx_http_layr_kad_make(st, &st->table) != NGX_OK) {
        ngx_http_layr_zone_unlock(st);
        return NULL;
    }

    kad->writing = 1;
    ngx_memory_barrier();

    return st->table;
}


void
ngx_http_layr_kad_write_done(ngx_http_layr_store_t *st)
{
    ngx_memory_barrier();
    st->zone->kad->writing = 0;

    ngx_http_layr_zone_unlock(st);
}


/*
 * Nothing is parsed here: whoever wants can send any number of these.  What is
 * shown again soon, as by a host that makes lookups, is passed over.
 */

void
ngx_http_layr_kad_show(ngx_http_request_t *r, ngx_http_layr_store_t *st)
{
    uint64_t              group;
    ngx_int_t             rc;
    ngx_str_t            *text;
    ngx_http_layr_kad_t  *kad;

    if (st->advertise.len == 0) {
        return;
    }

    text = ngx_http_layr_kad_header(r);
    group = text ? ngx_http_layr_kad_group_of(r) : 0;

    if (group == 0) {
        return;
    }

    if (text->len > LAYR_CONTACT_MAX || text->len < 100) {
        ngx_http_layr_kad_count(st, NGX_HTTP_LAYR_KAD_BAD_FORM, 1);
        return;
    }

    kad = ngx_http_layr_kad_lock(st);
    if (kad == NULL) {
        return;
    }

    rc = ngx_http_layr_kad_queue(kad, text, group,
                                 ngx_http_layr_kad_from_loopback(r, st));

    ngx_http_layr_zone_unlock(st);

    if (rc != NGX_DECLINED) {
        ngx_http_layr_kad_count(st, rc == NGX_OK ? NGX_HTTP_LAYR_KAD_OFFERS
                                                 : NGX_HTTP_LAYR_KAD_BAD_QUEUE,
                                1);
    }
}


/* NGX_DECLINED: it was there a moment ago */

static ngx_int_t
ngx_http_layr_kad_queue(ngx_http_layr_kad_t *kad, ngx_str_t *text,
    uint64_t group, ngx_uint_t loopback)
{
    uint64_t                tail, *shown;
    ngx_uint_t              i, same;
    ngx_http_layr_offer_t  *offer;

    /* the end of the signature, as that network has shown it */

    ngx_memcpy(&tail, text->data + text->len - sizeof(tail), sizeof(tail));
    tail ^= group;
    shown = &kad->shown[(tail ^ tail >> 16 ^ tail >> 40) % NGX_HTTP_LAYR_SHOWN];

    if (*shown == tail) {
        return NGX_DECLINED;
    }

    same = 0;

    for (i = 0; i < kad->count; i++) {
        offer = &kad->offers[(kad->first + i) % NGX_HTTP_LAYR_OFFERS];
        same += offer->group == group;
    }

    if (kad->count == NGX_HTTP_LAYR_OFFERS
        || (same >= NGX_HTTP_LAYR_OFFERS_GROUP && !loopback))
    {
        return NGX_BUSY;
    }

    *shown = tail;

    offer = &kad->offers[(kad->first + kad->count) % NGX_HTTP_LAYR_OFFERS];
    offer->group = group;
    offer->loopback = loopback;
    offer->len = text->len;
    ngx_memcpy(offer->text, text->data, text->len);

    kad->count++;

    return NGX_OK;
}


/*
 * Hosts of one machine all seem to come from 127.0.0.1, whatever their address
 * is: there the address that the contact names counts, if it is such a one.
 */

static ngx_uint_t
ngx_http_layr_kad_from_loopback(ngx_http_request_t *r,
    ngx_http_layr_store_t *st)
{
    struct sockaddr     *sa;
    struct sockaddr_in  *sin;

    sa = r->connection->sockaddr;
    sin = (struct sockaddr_in *) sa;

    return st->allow_private
           && sa->sa_family == AF_INET
           && ntohl(sin->sin_addr.s_addr) >> 24 == 127;
}


uint64_t
ngx_http_layr_kad_loopback(const char *url)
{
    char     text[16];
    size_t   len;
    uint8_t  address[4];

    url = strstr(url, "://");
    if (url == NULL) {
        return 0;
    }

    url += 3;
    len = strspn(url, "0123456789.");

    if (len >= sizeof(text)
        || (url[len] != '\0' && url[len] != ':' && url[len] != '/'))
    {
        return 0;
    }

    ngx_memcpy(text, url, len);
    text[len] = '\0';

    if (inet_pton(AF_INET, text, address) != 1 || address[0] != 127) {
        return 0;
    }

    return layr_kad_group(address, 4);
}


static ngx_str_t *
ngx_http_layr_kad_header(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == sizeof("Layr-Contact") - 1
            && ngx_strncmp(h[i].lowcase_key, "layr-contact", h[i].key.len) == 0)
        {
            return &h[i].value;
        }
    }
}


ngx_int_t
ngx_http_layr_kad_shown(ngx_http_layr_store_t *st,
    ngx_http_layr_offer_t *offer)
{
    ngx_int_t             rc;
    ngx_http_layr_kad_t  *kad;

    kad = ngx_http_layr_kad_lock(st);
    if (kad == NULL) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    if (kad->count) {
        *offer = kad->offers[kad->first];
        kad->first = (kad->first + 1) % NGX_HTTP_LAYR_OFFERS;
        kad->count--;
        rc = NGX_OK;
    }

    ngx_http_layr_zone_unlock(st);

    return rc;
}


uint64_t
ngx_http_layr_kad_group_of(ngx_http_request_t *r)
{
    struct sockaddr      *sa;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    sa = r->connection->sockaddr;

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return layr_kad_group((uint8_t *) &sin->sin_addr, 4);

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        return layr_kad_group((uint8_t *) &sin6->sin6_addr, 16);
#endif

    default:
        return 0;
    }
}


void
ngx_http_layr_kad_count(ngx_http_layr_store_t *st,
    ngx_http_layr_kad_counter_t counter, ngx_uint_t n)
{
    if (n && st->zone->kad) {
        (void) ngx_atomic_fetch_add(&st->zone->kad->counters[counter], n);
    }
}
