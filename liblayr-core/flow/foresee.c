/* What a put would do: the source is read and cut as it would be, and nothing is sent. */
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "engine.h"
#include "find.h"
#include "reader.h"

typedef struct foresee {
    layr_session_t *s;
    const layr_put_opts_t *o;
    layr_source_t *src;
    layr_put_result_t *out;
    layr_diag_t *d;
    layr_hash_t *hash;
    uint8_t *block;
    size_t full;
} foresee_t;

static int choose_scheme(foresee_t *f)
{
    layr_scheme_t s = f->o->scheme;
    if (!s.k && f->o->base)
        s = f->o->base->scheme;
    if (!s.k && layr_scheme_for_hosts(&s, layr_hosts_usable(&f->s->hosts)) != LAYR_OK)
        return layr_diag_set(f->d, LAYR_ERR_HOSTS,
                             "too few hosts answered, and without a scheme it takes 4 or more: give more "
                             "hosts, or a scheme with -k");
    f->out->scheme = s;
    f->full = layr_full_segment(s);
    return f->full ? LAYR_OK : LAYR_ERR_ARG;
}

int layr_put_survey(layr_session_t *s)
{
    layr_regions_t r;
    int rc;
    layr_regions_init(&r, s);
    rc = layr_regions_survey(&r);
    layr_regions_free(&r);
    return rc;
}

static int begin(foresee_t *f)
{
    int rc = layr_put_survey(f->s);
    if (rc == LAYR_OK)
        rc = choose_scheme(f);
    if (rc == LAYR_OK && f->o->base)
        rc = layr_base_begin(f->o->base, f->out->scheme, &f->out->segments, &f->out->size);
    if (rc == LAYR_OK)
        rc = layr_hash_new(&f->hash);
    if (rc == LAYR_OK && !(f->block = malloc(f->full)))
        rc = LAYR_ERR_NOMEM;
    if (rc == LAYR_OK && f->src->start)
        f->src->start(f->src->ctx, f->full);
    return rc;
}

static int count_segment(foresee_t *f, size_t len)
{
    layr_put_result_t *out = f->out;
    unsigned min = layr_put_min(f->o, out->scheme);
    uint8_t sha[32];
    layr_shape_t shape;
    bool kept = false;
    int rc = layr_hash_update(f->hash, f->block, len);
    if (rc == LAYR_OK)
        rc = layr_hash_final(f->hash, sha);
    if (rc == LAYR_OK && f->o->base)
        rc = layr_base_take(f->o->base, out->scheme, min, out->segments, sha, len, &kept);
    if (rc == LAYR_OK)
        rc = layr_shape_of(&shape, out->scheme, len);
    if (rc != LAYR_OK)
        return rc;
    out->segments++;
    out->size += len;
    if (!kept) {
        out->shards += out->scheme.n;
        out->stored_bytes += (uint64_t)out->scheme.n * shape.blob;
    }
    return LAYR_OK;
}

static bool stopped(const void *ctx)
{
    return layr_session_cancelled(ctx);
}

static int read_all(foresee_t *f)
{
    bool end = false;
    int rc = LAYR_OK;
    while (!end && rc == LAYR_OK) {
        size_t len = 0;
        rc = layr_source_block(f->src, f->block, f->full, &len, &end, stopped, f->s, f->d);
        if (rc == LAYR_OK && end && f->out->segments == 0 && len <= LAYR_INLINE_MAX) {
            f->out->is_inline = true;
            f->out->size = len;
        } else if (rc == LAYR_OK && len) {
            rc = count_segment(f, len);
        }
    }
    return rc;
}

int layr_put_foresee(layr_session_t *s, const layr_put_opts_t *o, layr_source_t *src, layr_put_result_t *out,
                     layr_diag_t *d)
{
    foresee_t f = {.s = s, .o = o, .src = src, .out = out, .d = d};
    int rc;
    memset(out, 0, sizeof *out);
    rc = begin(&f);
    if (rc == LAYR_OK)
        rc = read_all(&f);
    if (o->base) {
        out->kept = o->base->kept;
        out->kept_bytes = o->base->kept_bytes;
    }
    layr_hash_free(f.hash);
    free(f.block);
    if (rc == LAYR_ERR_CANCELLED)
        layr_diag_set(d, rc, "stopped: nothing was changed");
    return rc == LAYR_OK ? rc : layr_diag_set(d, rc, "%s", layr_strerror(rc));
}
