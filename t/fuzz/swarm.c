/* layr-swarm's state file. The parser is static: its source is included. */
#include "../../tools/swarm_state.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size, 1);
    char url[LAYR_SWARM_URL_MAX];
    layr_swarm_t s;

    memset(&s, 0, sizeof s);
    if (parse_state(&s, text) == LAYR_OK) {
        PROMISE(s.count >= 1 && s.count <= LAYR_SWARM_HOSTS_MAX && s.port >= 1 && s.port <= 65535);
        PROMISE(s.nginx != NULL && !(s.tls && s.h2c));
        layr_swarm_url(url, &s, s.count - 1);
    }
    layr_swarm_free(&s);
    free(text);
    return 0;
}
