/* What libcurl's result means to us, as an error and as text. */
#include <stdio.h>
#include <string.h>

#include "net/flight.h"

static void set_text(layr_req_t *r, const char *text)
{
    snprintf(r->error_text, sizeof r->error_text, "%s", text);
    /* It can quote the peer's certificate or status line. */
    for (char *p = r->error_text; *p != 0; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
}

void layr_outcome_error(layr_flight_t *f, int error, const char *text)
{
    f->req->error = error;
    set_text(f->req, text);
}

static int error_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return LAYR_OK;
    case CURLE_OUT_OF_MEMORY:
        return LAYR_ERR_NOMEM;
    case CURLE_OPERATION_TIMEDOUT:
        return LAYR_ERR_TIMEOUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return LAYR_ERR_AUTH;
    case CURLE_UNSUPPORTED_PROTOCOL: /* "HTTP/0.9": the URL's scheme was checked on submit */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_BAD_CONTENT_ENCODING:
        return LAYR_ERR_FORMAT;
    case CURLE_URL_MALFORMAT:
    case CURLE_LOGIN_DENIED:
        return LAYR_ERR_ARG;
    default:
        return LAYR_ERR_NET;
    }
}

/* No time limit but the one for connecting is curl's: every other is the transport's own. */
bool layr_outcome_is_unreachable(CURLcode code)
{
    return code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
           code == CURLE_OPERATION_TIMEDOUT;
}

/*
 * A host may refuse before it has read the body.  It then resets the stream (HTTP/2) or closes while we still
 * send (HTTP/1.1): when its status got through, that is the answer.
 */
static bool is_refusal(const layr_flight_t *f, CURLcode code)
{
    if (f->req->body_len == 0 || f->fault != 0)
        return false;
    return code == CURLE_HTTP2_STREAM || code == CURLE_HTTP2 || code == CURLE_SEND_ERROR ||
           code == CURLE_RECV_ERROR;
}

static void fill_figures(layr_flight_t *f)
{
    layr_req_t *r = f->req;
    curl_off_t total = 0, before = 0, length = -1;
    const char *ip = NULL;
    long status = 0;

    curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(f->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    curl_easy_getinfo(f->easy, CURLINFO_PRIMARY_IP, &ip);
    curl_easy_getinfo(f->easy, CURLINFO_TOTAL_TIME_T, &total);
    curl_easy_getinfo(f->easy, CURLINFO_PRETRANSFER_TIME_T, &before);
    r->status = status >= 200 ? (int)status : 0; /* an interim answer is none */
    r->content_length = length;
    /* Without the time for a connection, or for another request's to be made. */
    r->usec = before > 0 && total > before ? (uint64_t)(total - before) : 0;
    if (ip != NULL)
        snprintf(r->peer_ip, sizeof r->peer_ip, "%s", ip);
}

static int judge(const layr_flight_t *f, CURLcode code)
{
    if (f->fault != 0)
        return f->fault;
    if (f->walled && (code == CURLE_COULDNT_CONNECT || code == CURLE_ABORTED_BY_CALLBACK))
        return LAYR_ERR_ARG;
    /* To curl, headers that a closed connection cuts off are an answer without a body. */
    if (code == CURLE_OK)
        return f->head_open ? LAYR_ERR_NET : LAYR_OK;
    if (is_refusal(f, code) && f->req->status >= 400)
        return LAYR_OK;
    if (is_refusal(f, code) && code == CURLE_HTTP2_STREAM)
        return LAYR_ERR_REFUSED;
    /* So curl calls a header line that outgrows its own limit. */
    if (code == CURLE_OUT_OF_MEMORY && f->head_open)
        return LAYR_ERR_LIMIT;
    return error_of(code);
}

void layr_outcome_fill(layr_flight_t *f, CURLcode code)
{
    layr_req_t *r = f->req;

    fill_figures(f);
    r->error = judge(f, code);
    if (r->error == LAYR_OK)
        return;
    if (r->error == LAYR_ERR_LIMIT)
        set_text(r, f->head_open ? "the headers have no end" : "the answer is too long");
    else if (r->error == LAYR_ERR_ARG && f->walled)
        set_text(r, "it leads to an address that it must not lead to");
    else if (code == CURLE_OK)
        set_text(r, "cut off within the headers");
    else
        set_text(r, f->why[0] != 0 ? f->why : curl_easy_strerror(code));
}
