/* A lookup's state, shared by the files of kad/lookup*.c. */
#ifndef LAYR_KAD_LOOKUP_H
#define LAYR_KAD_LOOKUP_H

#include "layr/kad.h"

#define LAYR_KAD_MERGED UINT32_MAX /* instead of a path: all of them */
#define LAYR_KAD_NO_VERSION 0xff

typedef struct layr_kad_cand {
    uint8_t id[32];
    uint64_t far; /* the first 8 bytes of the distance */
    uint64_t seq, group, asked_us;
    layr_time_t exp;
    uint32_t rtt_us, var_us; /* as known before; rtt_us of an answer after */
    int16_t from;
    uint16_t len;
    uint8_t state, depth;
    uint8_t path;  /* that asked it */
    uint8_t paths; /* that know it: a bit each */
    uint8_t version;
} layr_kad_cand_t;

struct layr_kad_lookup {
    layr_kad_lookup_config_t c;
    layr_kad_pace_t own_pace;
    unsigned known, asked, slow, dropped, dealt;
    bool merged, began, done;
    uint64_t began_us, ended_us;
    uint16_t order[LAYR_KAD_CANDIDATES]; /* the closest first */
    layr_kad_cand_t cand[LAYR_KAD_CANDIDATES];
    unsigned version_count;
    layr_kad_version_t version[LAYR_KAD_VERSIONS];
    char text[]; /* text_max bytes for each */
};

/* Groups of the hosts that were counted on a walk from near to far. */
typedef struct layr_kad_shares {
    uint64_t group[LAYR_KAD_CANDIDATES];
    unsigned count;
} layr_kad_shares_t;
/* May one more of this group be counted? Then it is. */
bool layr_kad_share(layr_kad_shares_t *s, uint64_t group);

void layr_kad_cand_show(const layr_kad_lookup_t *l, unsigned i, layr_kad_contact_t *out);
/* Where an id is in order, or would be put; *found says which. */
unsigned layr_kad_cand_find(const layr_kad_lookup_t *l, const uint8_t id[32], bool *found);
/* Take c into account, as named by `from` (-1: to begin with) to these paths. */
void layr_kad_cand_add(layr_kad_lookup_t *l, const layr_kad_contact_t *c, int from, unsigned depth,
                       unsigned paths);
/* Note who holds which version. */
void layr_kad_version_note(layr_kad_lookup_t *l, unsigned i, const layr_kad_version_t *v);
/* Have QUORUM hosts given the highest sequence seen? */
bool layr_kad_version_settled(const layr_kad_lookup_t *l);

#endif
