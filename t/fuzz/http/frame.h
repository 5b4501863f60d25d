/* HTTP/2 frames written by hand, so that they may be wrong; header blocks as literals, or by nghttp2. */
#ifndef LAYR_T_HTTP_FRAME_H
#define LAYR_T_HTTP_FRAME_H

#include <nghttp2/nghttp2.h>

#include "req.h"

enum {
    DATA,
    HEADERS,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    PUSH_PROMISE,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    CONTINUATION
};
#define END_STREAM 1
#define ACK 1
#define END_HEADERS 4
#define PADDED 8
#define PRIORITIZED 32
#define FRAME_MAX 16384
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

void frame_add(layr_buf_t *b, uint8_t type, uint8_t flags, uint32_t stream, const void *p, size_t len);
void frame_add32(layr_buf_t *b, uint8_t type, uint32_t stream, uint32_t value);
void frame_setting(layr_buf_t *b, uint16_t name, uint32_t value);
/* DATA, at times padded. How much of the window it takes. */
size_t frame_data(gen_t *g, layr_buf_t *b, uint32_t stream, const void *p, size_t len, bool end);
/* HEADERS, and CONTINUATIONs at times. deflater: NULL for literals. */
void frame_headers(gen_t *g, layr_buf_t *b, uint32_t stream, const layr_buf_t *block, bool end);
void block_request(gen_t *g, layr_buf_t *b, const req_t *r, bool tls, nghttp2_hd_deflater *deflater);
void block_trailers(layr_buf_t *b);
/* What no client should send: on the connection, or for a stream. */
void frame_attack(gen_t *g, layr_buf_t *b, uint32_t stream);

#endif
