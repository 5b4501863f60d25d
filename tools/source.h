/* What is to be stored: a file, a folder, a pipe, or standard input. */
#ifndef LAYR_TOOL_SOURCE_H
#define LAYR_TOOL_SOURCE_H

#include "layr/flow.h"
#include "pack.h"

typedef struct layr_tool_source {
    layr_source_t src; /* for layr_put; its ctx is this structure, or the pack */
    int fd;
    const char *path;
    layr_time_t mtime;   /* -1: none (a stream) */
    int64_t size, taken; /* size -1: a stream */
    layr_pack_t *pack;   /* NULL: no folder */
} layr_tool_source_t;

/* LAYR_OPT_GO_ON, or an exit status after saying why. layr_tool_source_close either way. */
int layr_tool_source_open(layr_tool_source_t *s, const char *path) LAYR_CHECKED;
void layr_tool_source_close(layr_tool_source_t *s);

#endif
