/*
 * Signed statements from the outside in.  First the input as a JWS, for every parser.  Then its first line as
 * a header and the rest as a payload, signed: what a stranger with a key of his own can send.
 */
#include "crypto/jws_internal.h"
#include "fuzz.h"
#include "layr/statement.h"

static void every_parser(const char *jws, size_t len)
{
    layr_contact_t contact;
    layr_node_t node;
    layr_order_t order;
    layr_record_t record;
    layr_orders_t orders;

    PROMISE(layr_contact_parse(&contact, jws, len, FUZZ_NOW) == 0 || all_zero(&contact, sizeof contact));
    PROMISE(layr_node_parse(&node, jws, len, FUZZ_NOW) == 0 || all_zero(&node, sizeof node));
    PROMISE(layr_order_parse(&order, jws, len, FUZZ_NOW) == 0 || all_zero(&order, sizeof order));
    PROMISE(layr_orders_parse(&orders, jws, len, FUZZ_NOW) == 0 || all_zero(&orders, sizeof orders));
    PROMISE(layr_record_parse(&record, jws, len, FUZZ_NOW) == 0 || all_zero(&record, sizeof record));
    layr_record_free(&record);
}

/* The parts of what splits cover it; each decodes to what encodes to it. */
static void split(const char *jws, size_t len)
{
    layr_jws_t j;
    uint8_t *part = NULL;
    size_t part_len = 0;

    if (layr_jws_split(&j, jws, len) != 0)
        return;
    PROMISE(j.header == jws && j.payload == jws + j.header_len + 1);
    PROMISE(j.input_len == j.header_len + 1 + j.payload_len);
    PROMISE(len == j.input_len + 1 + 86); /* 64 bytes in base64url */
    if (layr_jws_part(&part, &part_len, j.payload, j.payload_len, LAYR_JWS_MAX) == 0)
        PROMISE(part != NULL && part[part_len] == 0);
    free(part);
}

static void signed_text(const uint8_t *data, size_t size)
{
    fuzz_in_t in = {data, size}, header = fuzz_line(&in);
    char *jws = NULL, *exact;
    size_t len;

    if (layr_jws_sign(&jws, header.p, header.left, in.p, in.left, 1 << 20, fuzz_seed) != 0)
        return;
    len = strlen(jws);
    exact = copy_of(jws, len, 0);
    free(jws);
    split(exact, len);
    every_parser(exact, len);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    split((const char *)data, size);
    every_parser((const char *)data, size);
    signed_text(data, size);
    return 0;
}
