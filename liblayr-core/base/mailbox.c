/* A queue of messages with many senders and one receiver. */
#include "layr/thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct layr_mailbox {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    layr_job_t *head, **tail;
};

int layr_mailbox_new(layr_mailbox_t **out)
{
    pthread_condattr_t attr;
    layr_mailbox_t *m = calloc(1, sizeof *m);
    if (!m)
        return LAYR_ERR_NOMEM;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attr);
    /* a clock that is set must not stop a wait */
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&m->wake, &attr);
    pthread_condattr_destroy(&attr);
    m->tail = &m->head;
    *out = m;
    return LAYR_OK;
}

void layr_mailbox_free(layr_mailbox_t *m)
{
    if (!m)
        return;
    pthread_cond_destroy(&m->wake);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void layr_mailbox_post(layr_mailbox_t *m, layr_job_t *msg)
{
    msg->next = NULL;
    pthread_mutex_lock(&m->lock);
    *m->tail = msg;
    m->tail = &msg->next;
    pthread_cond_signal(&m->wake);
    pthread_mutex_unlock(&m->lock);
}

layr_job_t *layr_mailbox_take(layr_mailbox_t *m, long ms)
{
    struct timespec until = {0, 0};
    layr_job_t *j;
    if (ms > 0) {
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ms / 1000;
        until.tv_nsec += (ms % 1000) * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
    }
    pthread_mutex_lock(&m->lock);
    while (!m->head && ms != 0) {
        if (ms < 0)
            pthread_cond_wait(&m->wake, &m->lock);
        else if (pthread_cond_timedwait(&m->wake, &m->lock, &until) == ETIMEDOUT)
            break;
    }
    j = m->head;
    if (j) {
        m->head = j->next;
        if (!m->head)
            m->tail = &m->head;
        j->next = NULL;
    }
    pthread_mutex_unlock(&m->lock);
    return j;
}
