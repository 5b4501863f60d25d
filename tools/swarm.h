/*
 * A swarm of nginx hosts on loopback, for layr-swarm. All of it lies in one folder:
 *
 *     DIR/swarm.json     how many hosts, their port, http or https, which nginx
 *     DIR/lock           held while a command changes the swarm
 *     DIR/I/             host I, 0 <= I < count: nginx's prefix
 *     DIR/I/nginx.conf   written anew by each start
 *     DIR/I/tls.crt, tls.key, node.key, store/, error.log, start.log
 *
 * Functions return 0 or a layr_error_t and fill d.
 */
#ifndef LAYR_SWARM_H
#define LAYR_SWARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "layr/error.h"
#include "opt.h"

#define LAYR_SWARM_HOSTS_MAX 1024
#define LAYR_SWARM_URL_MAX 64
#define LAYR_SWARM_PIDS_MAX 64 /* processes of one host that are told apart */

typedef struct layr_swarm {
    char *dir; /* absolute */
    unsigned count;
    unsigned port; /* 0: not chosen yet */
    bool tls, h2c;
    char *nginx; /* program */
} layr_swarm_t;

/* What `start` puts into each nginx.conf. */
typedef struct layr_swarm_conf {
    const char *module;           /* absolute path, or "builtin" */
    const char *capacity, *quota; /* nginx sizes */
    const char *max_rate;         /* nginx size a second and answer, or NULL */
    uint64_t workers;
    bool access_log;
    bool dht;                          /* hosts find each other on this machine */
    const char *seed;                  /* URL#<host id> of whom they join through, or NULL */
    const layr_opt_list_t *directives; /* more text for the location */
} layr_swarm_conf_t;

/* The processes of one host. */
typedef struct layr_swarm_pids {
    pid_t pid[LAYR_SWARM_PIDS_MAX];
    size_t count;
    pid_t master; /* 0: none */
} layr_swarm_pids_t;

/* swarm_state.c: LAYR_ERR_NOTFOUND when DIR holds no swarm. */
int layr_swarm_load(layr_swarm_t *s, const char *dir, layr_diag_t *d) LAYR_CHECKED;
int layr_swarm_save(const layr_swarm_t *s, layr_diag_t *d) LAYR_CHECKED;
/* Make DIR, empty or missing before, a swarm's folder. */
int layr_swarm_create(layr_swarm_t *s, const char *dir, layr_diag_t *d) LAYR_CHECKED;
void layr_swarm_free(layr_swarm_t *s);
/* Wait for other commands on this swarm to end; the lock goes with the process. */
int layr_swarm_lock(const layr_swarm_t *s, layr_diag_t *d) LAYR_CHECKED;
/* DIR/I, or DIR/I/name with name not NULL; malloc'd, NULL when out of memory. */
char *layr_swarm_path(const layr_swarm_t *s, unsigned i, const char *name) LAYR_CHECKED;
void layr_swarm_address(char out[16], unsigned i);
void layr_swarm_url(char out[LAYR_SWARM_URL_MAX], const layr_swarm_t *s, unsigned i);
/* The id as the host wrote it to its store; LAYR_ERR_NOTFOUND before its first start. */
int layr_swarm_host_id(char out[65], const layr_swarm_t *s, unsigned i, layr_diag_t *d) LAYR_CHECKED;
/* A port that is free at every host's address, or check the one that is set. */
int layr_swarm_choose_port(layr_swarm_t *s, layr_diag_t *d) LAYR_CHECKED;

/* swarm_conf.c: folder, certificate and nginx.conf of host i. What is there already but nginx.conf stays. */
int layr_swarm_configure(const layr_swarm_t *s, unsigned i, const layr_swarm_conf_t *c,
                         layr_diag_t *d) LAYR_CHECKED;

/* swarm_proc.c: processes of all hosts, out[s->count]. */
int layr_swarm_scan(layr_swarm_pids_t *out, const layr_swarm_t *s, layr_diag_t *d) LAYR_CHECKED;
/* Start nginx on the hosts listed and wait until each has read its configuration and went into the
 * background. */
int layr_swarm_launch(const layr_swarm_t *s, const unsigned *which, size_t count,
                      layr_diag_t *d) LAYR_CHECKED;
/*
 * End all processes of the hosts listed and wait till they are gone. hard: SIGKILL at once; else SIGTERM
 * first. *ended (may be NULL): how many of these hosts were running.
 */
int layr_swarm_end(const layr_swarm_t *s, const unsigned *which, size_t count, bool hard, size_t *ended,
                   layr_diag_t *d) LAYR_CHECKED;
/* The last lines a host wrote on its start and to its error log, for a message. */
void layr_swarm_log_tail(char *out, size_t cap, const layr_swarm_t *s, unsigned i);

/* swarm_probe.c: ask v1/node of the hosts listed until each has answered 200 or ms are over; up[j] says of
 * which[j] whether it did. */
int layr_swarm_probe(bool *up, const layr_swarm_t *s, const unsigned *which, size_t count, long ms,
                     layr_diag_t *d) LAYR_CHECKED;

#endif
