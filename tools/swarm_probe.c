/* Do the hosts answer? GET v1/node of many at a time. Certificates aren't checked: the question is only
 * whether somebody is up. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "swarm.h"

#define ONE_TRY_MS 5000L
#define PAUSE_MS 20
#define AT_ONCE 32

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static size_t drop(char *p, size_t size, size_t n, void *ctx)
{
    (void)p;
    (void)ctx;
    return size * n;
}

static CURL *ask(const layr_swarm_t *s, unsigned i, bool *up)
{
    char url[LAYR_SWARM_URL_MAX + 16], base[LAYR_SWARM_URL_MAX];
    CURL *e = curl_easy_init();

    if (e == NULL)
        return NULL;
    layr_swarm_url(base, s, i);
    snprintf(url, sizeof url, "%s/v1/node", base);
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                     s->h2c ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_2TLS);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, ONE_TRY_MS);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(e, CURLOPT_PRIVATE, (char *)up);
    return e;
}

static void collect(CURLM *m)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(m, &left)) != NULL) {
        CURL *e = msg->easy_handle;
        char *up = NULL;
        long status = 0;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(e, CURLINFO_PRIVATE, &up);
        curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
        *(bool *)up = msg->data.result == CURLE_OK && status == 200;
        curl_multi_remove_handle(m, e);
        curl_easy_cleanup(e);
    }
}

/* Ask those that are not up, each once; how many are still not. */
static size_t one_round(CURLM *m, bool *up, const layr_swarm_t *s, const unsigned *which, size_t count)
{
    size_t next = 0, missing = 0;
    int running = 0;

    do {
        for (; next < count && running < AT_ONCE; next++) {
            CURL *e = up[next] ? NULL : ask(s, which[next], &up[next]);
            if (e != NULL && curl_multi_add_handle(m, e) == CURLM_OK)
                running++;
            else
                curl_easy_cleanup(e);
        }
        if (curl_multi_perform(m, &running) != CURLM_OK)
            break;
        collect(m);
        if (running > 0)
            curl_multi_poll(m, NULL, 0, 100, NULL);
    } while (running > 0 || next < count);
    for (size_t n = 0; n < count; n++)
        missing += !up[n];
    return missing;
}

int layr_swarm_probe(bool *up, const layr_swarm_t *s, const unsigned *which, size_t count, long ms,
                     layr_diag_t *d)
{
    struct timespec pause = {0, PAUSE_MS * 1000000L};
    int64_t end = now_ms() + ms;
    CURLM *m = NULL;

    memset(up, 0, count * sizeof *up);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (m = curl_multi_init()) == NULL)
        return layr_diag_set(d, LAYR_ERR_NOMEM, "libcurl does not start");
    while (one_round(m, up, s, which, count) > 0 && now_ms() < end)
        nanosleep(&pause, NULL);
    curl_multi_cleanup(m);
    curl_global_cleanup();
    return LAYR_OK;
}
