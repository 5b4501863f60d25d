/* Which call of docs/protocol.md section 6 a layr_call_t is. */
#ifndef LAYR_NET_CALL_H
#define LAYR_NET_CALL_H

typedef enum layr_call_kind {
    LAYR_CALL_NONE,
    LAYR_CALL_PUT_SHARD,
    LAYR_CALL_GET_SHARD,
    LAYR_CALL_GET_RANGE,
    LAYR_CALL_HEAD_SHARD,
    LAYR_CALL_ORDERS,
    LAYR_CALL_PUT_RECORD,
    LAYR_CALL_GET_RECORD,
    LAYR_CALL_CLOSEST,
    LAYR_CALL_AUDIT
} layr_call_kind_t;

#endif
