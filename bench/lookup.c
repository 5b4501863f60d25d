/*
 * lookup SECONDS whole|answers: lookups among hosts in one process, whose tables are as after a long life; prints a line of JSON.
 * whole: lookups with kad/, each question answered at once out of the table of the host that is asked. answers: these
 * answers alone, as many as a lookup takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "layr/crypto.h"
#include "layr/kad.h"

#define HOSTS 500u
#define TEXT 760 /* a contact with one TLS key */
#define NOW 1000000000

static layr_kad_table_t *table[HOSTS];
static uint8_t id[HOSTS][32];
static char text[TEXT];

static layr_kad_contact_t contact_of(size_t i)
{
    layr_kad_contact_t c = {
        .seq = 1, .exp = NOW + 86400, .group = 1 + i, .seen = NOW, .text = text, .len = sizeof text};

    memcpy(c.id, id[i], 32);
    return c;
}

static int make_table(size_t i)
{
    const layr_kad_config_t config = LAYR_KAD_CONFIG;
    size_t len = layr_kad_table_size(&config);
    void *mem = calloc(1, len);
    int rc = mem == NULL ? LAYR_ERR_NOMEM : layr_kad_table_init(&table[i], mem, len, &config, id[i]);

    for (size_t j = 0; rc == LAYR_OK && j < HOSTS; j++) {
        layr_kad_contact_t c = contact_of((i + j) % HOSTS);
        bool ping;
        uint8_t oldest[32];
        int verdict = layr_kad_confirm(table[i], &c, 1000, NOW, &ping, oldest);

        rc = verdict < 0 ? verdict : LAYR_OK;
    }
    return rc;
}

/* The host's number is in its id, behind random bits that are more than the tables tell apart. */
static int make_hosts(void)
{
    for (size_t i = 0; i < HOSTS; i++) {
        layr_random(id[i], sizeof id[i]);
        memcpy(id[i] + 24, &i, sizeof i);
    }
    for (size_t i = 0; i < HOSTS; i++) {
        int rc = make_table(i);

        if (rc != LAYR_OK)
            return rc;
    }
    return LAYR_OK;
}

static unsigned answer(const uint8_t host[32], const uint8_t target[32], layr_kad_contact_t *out)
{
    size_t i;

    memcpy(&i, host + 24, sizeof i);
    return layr_kad_closest(table[i], target, NOW, out, LAYR_KAD_K);
}

/* Questions that it took; 0: it failed. */
static unsigned look(size_t from, const uint8_t target[32])
{
    static layr_kad_pace_t pace;
    layr_kad_lookup_config_t config = {.pace = &pace};
    layr_kad_contact_t out[LAYR_KAD_K];
    layr_kad_lookup_t *l;
    layr_kad_ask_t ask;
    unsigned asked = 0;

    memcpy(config.target, target, 32);
    if (layr_kad_lookup_new(&l, &config) != LAYR_OK)
        return 0;
    layr_kad_lookup_start(l, out, answer(id[from], target, out));
    while (layr_kad_lookup_next(l, 1000 + asked, &ask) == LAYR_KAD_ASK) {
        unsigned n = answer(ask.contact.id, target, out);

        layr_kad_lookup_answer(l, ask.number, 1000 + asked, ask.contact.group, out, n, NULL);
        asked++;
    }
    asked = layr_kad_lookup_closest(l, out, LAYR_KAD_K) == LAYR_KAD_K ? asked : 0;
    layr_kad_lookup_free(l);
    return asked;
}

static unsigned answers(unsigned count, const uint8_t target[32])
{
    layr_kad_contact_t out[LAYR_KAD_K];

    for (unsigned i = 0; i < count; i++)
        if (answer(id[(target[0] + i) % HOSTS], target, out) != LAYR_KAD_K)
            return 0;
    return count;
}

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    const layr_kad_config_t config = LAYR_KAD_CONFIG;
    double limit = argc == 3 ? strtod(argv[1], NULL) : 0, began, took;
    bool whole = argc == 3 && strcmp(argv[2], "whole") == 0;
    uint64_t lookups = 0, questions = 0;
    unsigned usual = 1;

    if (limit <= 0 || (!whole && strcmp(argv[2], "answers") != 0)) {
        fputs("usage: lookup SECONDS whole|answers\n", stderr);
        return 2;
    }
    if (make_hosts() != LAYR_OK)
        return 1;
    if (!whole) { /* what a lookup asks */
        uint8_t target[32];

        layr_random(target, sizeof target);
        usual = look(0, target);
    }
    began = cpu_s();
    do {
        uint8_t target[32];
        unsigned n;

        layr_random(target, sizeof target);
        n = whole ? look(lookups % HOSTS, target) : answers(usual, target);
        if (n == 0)
            return 1;
        questions += n;
        lookups++;
    } while ((took = cpu_s() - began) < limit);
    printf("{\"lookups\": %llu, \"seconds\": %.6f, \"cpu\": %.6f, \"asked\": %.2f, \"table\": %zu}\n",
           (unsigned long long)lookups, took, took, (double)questions / (double)lookups,
           layr_kad_table_size(&config));
    return 0;
}
