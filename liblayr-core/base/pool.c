/* A pool of workers that run jobs in the order they came. */
#include "layr/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

typedef struct worker {
    pthread_t thread;
    layr_pool_t *pool;
    void *scratch;
    bool started;
} worker_t;

struct layr_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    layr_job_t *head, **tail;
    bool ending;
    void (*scratch_free)(void *scratch);
    unsigned count;
    worker_t *workers;
};

unsigned layr_cpus(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : (unsigned)n;
}

uint64_t layr_now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static layr_job_t *next_job(layr_pool_t *p)
{
    layr_job_t *j;
    pthread_mutex_lock(&p->lock);
    while (!p->head && !p->ending)
        pthread_cond_wait(&p->wake, &p->lock);
    j = p->head;
    if (j) {
        p->head = j->next;
        if (!p->head)
            p->tail = &p->head;
        j->next = NULL;
    }
    pthread_mutex_unlock(&p->lock);
    return j;
}

static void *work(void *arg)
{
    worker_t *w = arg;
    layr_job_t *j;
    while ((j = next_job(w->pool)) != NULL)
        j->run(j, w->scratch);
    return NULL;
}

int layr_pool_new(layr_pool_t **out, unsigned threads, int (*scratch_new)(void **scratch, void *arg),
                  void (*scratch_free)(void *scratch), void *arg)
{
    int rc = LAYR_ERR_NOMEM;
    layr_pool_t *p = calloc(1, sizeof *p);
    if (!p)
        return LAYR_ERR_NOMEM;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->tail = &p->head;
    p->scratch_free = scratch_free;
    p->count = threads ? threads : layr_cpus();
    p->workers = calloc(p->count, sizeof *p->workers);
    if (!p->workers)
        goto done;
    for (unsigned i = 0; i < p->count; i++) {
        worker_t *w = &p->workers[i];
        w->pool = p;
        if (scratch_new && (rc = scratch_new(&w->scratch, arg)) != LAYR_OK)
            goto done;
        rc = LAYR_ERR_NOMEM;
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            goto done;
        w->started = true;
    }
    *out = p;
    p = NULL;
    rc = LAYR_OK;
done:
    layr_pool_free(p);
    return rc;
}

void layr_pool_add(layr_pool_t *p, layr_job_t *j)
{
    j->next = NULL;
    pthread_mutex_lock(&p->lock);
    *p->tail = j;
    p->tail = &j->next;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

void layr_pool_free(layr_pool_t *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; p->workers && i < p->count; i++) {
        if (p->workers[i].started)
            pthread_join(p->workers[i].thread, NULL);
        if (p->workers[i].scratch && p->scratch_free)
            p->scratch_free(p->workers[i].scratch);
    }
    free(p->workers);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
