/*
 * The catalogue: what an owner has, as it lies on the network under W = KDF(master, "catalogue")
 * (docs/protocol.md 4.6).  Bytes in, structures out; reading and writing it is flow/'s, keeping it the journal's.
 */
#ifndef LAYR_CATALOGUE_H
#define LAYR_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layr/bytes.h"
#include "layr/code.h"
#include "layr/manifest.h"

#define LAYR_CATALOGUE_MAX (16u << 20) /* bytes */
#define LAYR_CATALOGUE_HOSTS 1024
#define LAYR_CATALOGUE_RELEASES 2048 /* orders; what is pending beyond them is this machine's alone */

/* A file, or with `gone` one that was removed: then only id, changed and until count. */
typedef struct layr_catalogue_entry {
    uint8_t record_id[32];
    bool gone;
    bool is_folder;      /* its content is a folder's stream */
    layr_time_t changed; /* when this was written, by its writer's clock */
    layr_time_t until;   /* of the file; after it an entry may be left out */
    uint8_t W[32];
    layr_time_t created;
    uint64_t size;
    layr_scheme_t scheme;
    char name[LAYR_NAME_MAX + 1]; /* "" when there is none */
} layr_catalogue_entry_t;

typedef struct layr_catalogue_host {
    uint8_t id[32];
    char url[LAYR_URL_MAX + 1];
} layr_catalogue_host_t;

/*
 * An order that its host is still to be told to let go of: at once (due 0, record_id zeros), or from `due` on unless the file's
 * newest version names it then.
 */
typedef struct layr_catalogue_release {
    uint8_t order[16], host[32], group[16], record_id[32];
    layr_time_t due, until; /* until: no order lives longer */
} layr_catalogue_release_t;

/* All sorted, each id once. Zero it first; free wipes. */
typedef struct layr_catalogue {
    layr_catalogue_entry_t *entry;
    size_t count, cap;
    layr_catalogue_host_t *host;
    size_t host_count, host_cap;
    layr_catalogue_release_t *release;
    size_t release_count, release_cap;
} layr_catalogue_t;

void layr_catalogue_free(layr_catalogue_t *c);
/* LAYR_ERR_VERSION, LAYR_ERR_LIMIT, LAYR_ERR_FORMAT: out is empty then. */
int layr_catalogue_decode(layr_catalogue_t *out, const uint8_t *in, size_t len) LAYR_CHECKED;
/* Appends. LAYR_ERR_ARG: an entry that a reader would refuse; LAYR_ERR_LIMIT. */
int layr_catalogue_encode(const layr_catalogue_t *c, layr_buf_t *out) LAYR_CHECKED;

/* NULL when there is none; valid until the catalogue changes. */
const layr_catalogue_entry_t *layr_catalogue_find(const layr_catalogue_t *c, const uint8_t record_id[32]);
/* Set an entry whatever is there; a host's URL likewise: *changed is set when that made a difference. */
int layr_catalogue_set(layr_catalogue_t *c, const layr_catalogue_entry_t *e, bool *changed) LAYR_CHECKED;
int layr_catalogue_set_host(layr_catalogue_t *c, const uint8_t id[32], const char *url,
                            bool *changed) LAYR_CHECKED;
/* "" for a host that is not in it. */
const char *layr_catalogue_url(const layr_catalogue_t *c, const uint8_t id[32]);
bool layr_catalogue_has_release(const layr_catalogue_t *c, const uint8_t order[16]);
/* Nothing changes where the order is there already, or there are LAYR_CATALOGUE_RELEASES. */
int layr_catalogue_add_release(layr_catalogue_t *c, const layr_catalogue_release_t *r,
                               bool *changed) LAYR_CHECKED;
void layr_catalogue_drop_release(layr_catalogue_t *c, const uint8_t order[16], bool *changed);
/* Of two writers: what is gone stays so, else the later change, else the larger bytes; all orders to be released. */
int layr_catalogue_merge(layr_catalogue_t *c, const layr_catalogue_t *other) LAYR_CHECKED;
/* Leave out what ended before that time. */
void layr_catalogue_expire(layr_catalogue_t *c, layr_time_t before);
/* Leave out all that is not gone, and releases. */
void layr_catalogue_only_gone(layr_catalogue_t *c);

#endif
