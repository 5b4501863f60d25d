/* Open a file: its record from the hosts, its root with the capability. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "record.h"

/* A version that was seen must not be taken back by hosts that show an older one. */
static int check_seen(layr_session_t *s, const layr_record_t *rec, layr_diag_t *d)
{
    uint64_t seq;
    uint8_t sha[32];
    int rc = s->journal ? layr_journal_seen_get(s->journal, rec->id, &seq, sha) : LAYR_ERR_NOTFOUND;
    if (rc == LAYR_OK && rec->seq < seq)
        return layr_diag_set(d, LAYR_ERR_AUTH,
                             "the hosts give version %llu of this file, but version %llu was seen before: "
                             "they are out of date or withhold it; "
                             "ask more hosts, or try again when others are up",
                             (unsigned long long)rec->seq, (unsigned long long)seq);
    if (rc != LAYR_OK && rc != LAYR_ERR_NOTFOUND)
        return layr_diag_set(d, rc, "the journal of versions seen cannot be read: %s", layr_strerror(rc));
    /* not being able to remember is no reason not to read */
    if (s->journal && layr_journal_seen_set(s->journal, rec->id, rec->seq, rec->sha256) != LAYR_OK)
        return LAYR_OK;
    return LAYR_OK;
}

/* In the DHT it was looked for at its holders, whoever they are. */
static int none_in_dht(const layr_records_t *r, layr_diag_t *d)
{
    if (r->answered == 0 && !r->invalid)
        return layr_diag_set(
            d, LAYR_ERR_NET,
            "no host of the network answered when the file was looked for: is this machine online?");
    if (r->invalid)
        return layr_diag_set(
            d, LAYR_ERR_AUTH,
            "%u answers were records of this file that are not valid (damaged, forged or another "
            "file's), and none one that is: try again when more hosts are up",
            r->invalid);
    return layr_diag_set(
        d, LAYR_ERR_NOTFOUND,
        "no host knows this file: the hosts where its record should be answered, and have none. It may "
        "have expired, or been put into another network than this seed's");
}

static int none_found(const layr_records_t *r, const layr_session_t *s, layr_diag_t *d)
{
    if (s->dht)
        return none_in_dht(r, d);
    if (r->invalid)
        return layr_diag_set(
            d, LAYR_ERR_AUTH,
            "%u of the %zu hosts given answered with a record of this file that is not valid "
            "(damaged, forged or another file's), and none with one that is: give more of "
            "the hosts that it was put to",
            r->invalid, s->hosts.count);
    if (r->answered == 0)
        return layr_diag_set(
            d, LAYR_ERR_NET,
            "none of the %zu hosts given could be asked for the file: are they up, and are the URLs right?",
            s->hosts.count);
    return layr_diag_set(d, LAYR_ERR_NOTFOUND,
                         "no host knows this file (%u of %zu given answered): give the hosts that it was put "
                         "to; it may also have expired",
                         r->answered, s->hosts.count);
}

static int open_root(layr_file_t *f, const layr_record_t *rec, layr_diag_t *d)
{
    bool reads = f->keys.rights & LAYR_CAN_READ;
    int rc = rec->root_len == 0 ? LAYR_ERR_REMOVED
                                : layr_root_open(&f->placement, reads ? &f->content : NULL, &f->keys,
                                                 rec->root, rec->root_len);
    if (rc == LAYR_ERR_REMOVED)
        return layr_diag_set(d, rc, "the owner removed this file");
    if (rc == LAYR_ERR_AUTH)
        return layr_diag_set(
            d, LAYR_ERR_CAP,
            "this capability does not open the file: it was copied wrongly, or its key is not this file's");
    if (rc != LAYR_OK)
        return layr_diag_set(d, rc, "the file's manifest is not valid: %s", layr_strerror(rc));
    return LAYR_OK;
}

int layr_file_open(layr_session_t *s, const layr_file_keys_t *k, layr_file_t **out, layr_diag_t *d)
{
    layr_records_t found = {0};
    layr_file_t *f = calloc(1, sizeof *f);
    int rc;
    if (!f)
        return layr_diag_set(d, LAYR_ERR_NOMEM, "out of memory");
    f->keys = *k;
    rc = layr_records_gather(s, k->record_id, time(NULL), &found);
    if (rc != LAYR_OK) {
        if (rc != LAYR_ERR_CANCELLED) /* the caller says what that left undone */
            layr_diag_set(d, rc, "the hosts could not be asked for the file: %s", layr_strerror(rc));
        goto done;
    }
    if (!found.count) {
        rc = none_found(&found, s, d);
        goto done;
    }
    f->seq = found.r[0].rec.seq;
    f->exp = found.r[0].rec.exp;
    f->holders = found.r[0].holders;
    memcpy(f->record_sha256, found.r[0].rec.sha256, 32);
    if ((rc = check_seen(s, &found.r[0].rec, d)) || (rc = open_root(f, &found.r[0].rec, d)))
        goto done;
    *out = f;
    f = NULL;
done:
    layr_records_free(&found);
    layr_file_free(f);
    return rc;
}

void layr_file_free(layr_file_t *f)
{
    if (!f)
        return;
    layr_placement_free(&f->placement);
    layr_wipe(f, sizeof *f);
    free(f);
}

uint64_t layr_file_size(const layr_file_t *f)
{
    return f->content.has_inline ? f->content.inline_len : f->placement.size;
}
