/*
 * URLs: those a contact may hold, those a person gives (`URL#id`), and addresses' network groups.  libcurl,
 * which will connect to it, must not see in an accepted one anything that we did not.
 */
#include <curl/curl.h>

#include "fuzz.h"
#include "net/probe.h"

static int part_is(CURLU *u, CURLUPart what, const char *want, size_t len)
{
    char *part = NULL;
    int is;

    if (curl_url_get(u, what, &part, 0) != CURLUE_OK)
        return want == NULL;
    is = want != NULL && strlen(part) == len && memcmp(part, want, len) == 0;
    curl_free(part);
    return is;
}

/* curl may refuse it (an IPv6 address that is none), but not read it otherwise. */
static void as_curl_reads(const char *url)
{
    size_t scheme = strncmp(url, "https", 5) == 0 ? 5 : 4;
    const char *path = strchr(url + scheme + 3, '/');
    CURLU *u = curl_url();

    PROMISE(u != NULL);
    if (curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
        PROMISE(part_is(u, CURLUPART_SCHEME, url, scheme));
        PROMISE(part_is(u, CURLUPART_USER, NULL, 0) && part_is(u, CURLUPART_PASSWORD, NULL, 0));
        PROMISE(part_is(u, CURLUPART_QUERY, NULL, 0) && part_is(u, CURLUPART_FRAGMENT, NULL, 0));
        PROMISE(part_is(u, CURLUPART_PATH, path ? path : "/", path ? strlen(path) : 1));
    }
    curl_url_cleanup(u);
}

static void given(const char *text)
{
    layr_host_t host;
    layr_probe_t p;
    char again[LAYR_URL_MAX + 66];

    memset(&host, 0, sizeof host);
    memset(&p, 0, sizeof p);
    p.host = &host;
    if (layr_probe_parse_url(&p, text) != 0)
        return;
    PROMISE(layr_url_ok(host.url, strlen(host.url)));
    PROMISE(p.wants_id == (strchr(text, '#') != NULL));
    PROMISE(p.wants_id || all_zero(p.want_id, 32));
    PROMISE(strncmp(text, host.url, strlen(host.url)) == 0);
    snprintf(again, sizeof again, "%s", host.url);
    PROMISE(layr_probe_parse_url(&p, again) == 0 && strcmp(again, host.url) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size, 1);

    if (layr_url_ok((const char *)data, size)) {
        PROMISE(size <= LAYR_URL_MAX && strlen(text) == size && text[size - 1] != '/');
        as_curl_reads(text);
    }
    given(text);
    PROMISE(layr_probe_group(text) == layr_probe_group(text));
    free(text);
    return 0;
}
