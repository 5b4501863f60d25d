/* The folder of a swarm: its one small state file, addresses, ports. */
#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "layr/bytes.h"
#include "layr/crypto.h"
#include "swarm.h"

#define STATE_VERSION 1
#define STATE_MAX 8192
#define PORT_FIRST                                                                                           \
    20000 /* below the ports that Linux gives to outgoing connections, so that a killed host finds its own   \
             again */
#define PORT_COUNT 10000
#define PORT_TRIES 100

void layr_swarm_free(layr_swarm_t *s)
{
    if (s == NULL)
        return;
    free(s->dir);
    free(s->nginx);
    memset(s, 0, sizeof *s);
}

char *layr_swarm_path(const layr_swarm_t *s, unsigned i, const char *name)
{
    char *path = NULL;

    if (asprintf(&path, name ? "%s/%u/%s" : "%s/%u", s->dir, i, name) < 0)
        return NULL;
    return path;
}

void layr_swarm_address(char out[16], unsigned i)
{
    snprintf(out, 16, "127.%u.%u.1", (1 + i / 256) & 255, i % 256);
}

void layr_swarm_url(char out[LAYR_SWARM_URL_MAX], const layr_swarm_t *s, unsigned i)
{
    char address[16];

    layr_swarm_address(address, i);
    snprintf(out, LAYR_SWARM_URL_MAX, "%s://%s:%u", s->tls ? "https" : "http", address, s->port);
}

static int take_dir(layr_swarm_t *s, const char *dir, layr_diag_t *d)
{
    s->dir = realpath(dir, NULL);
    if (s->dir == NULL)
        return layr_diag_set(d, errno == ENOENT ? LAYR_ERR_NOTFOUND : LAYR_ERR_IO, "%s: %s", dir,
                             strerror(errno));
    return LAYR_OK;
}

static int parse_state(layr_swarm_t *s, const char *text)
{
    cJSON *json = cJSON_Parse(text);
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(json, "version");
    const cJSON *count = cJSON_GetObjectItemCaseSensitive(json, "count");
    const cJSON *port = cJSON_GetObjectItemCaseSensitive(json, "port");
    const char *scheme = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "scheme"));
    const char *nginx = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, "nginx"));
    int rc = LAYR_ERR_FORMAT;

    if (!cJSON_IsNumber(version) || version->valueint != STATE_VERSION || !cJSON_IsNumber(count) ||
        count->valueint < 1 || count->valueint > LAYR_SWARM_HOSTS_MAX || !cJSON_IsNumber(port) ||
        port->valueint < 1 || port->valueint > 65535 || scheme == NULL || nginx == NULL)
        goto done;
    s->count = (unsigned)count->valueint;
    s->port = (unsigned)port->valueint;
    s->tls = strcmp(scheme, "https") == 0;
    s->h2c = strcmp(scheme, "h2c") == 0;
    s->nginx = strdup(nginx);
    rc = s->nginx != NULL ? LAYR_OK : LAYR_ERR_NOMEM;
done:
    cJSON_Delete(json);
    return rc;
}

/* A small file as a string; -1 with errno. */
static ssize_t read_small(char *out, size_t cap, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        return -1;
    n = read(fd, out, cap - 1);
    close(fd);
    out[n > 0 ? n : 0] = 0;
    return n;
}

int layr_swarm_load(layr_swarm_t *s, const char *dir, layr_diag_t *d)
{
    char text[STATE_MAX];
    char *path = NULL;
    int rc = take_dir(s, dir, d);

    if (rc != LAYR_OK)
        return rc;
    path = layr_opt_path(s->dir, "swarm.json");
    if (path == NULL)
        return LAYR_ERR_NOMEM;
    if (read_small(text, sizeof text, path) < 0)
        rc = layr_diag_set(d, errno == ENOENT ? LAYR_ERR_NOTFOUND : LAYR_ERR_IO, "%s holds no swarm: %s: %s",
                           dir, path, strerror(errno));
    else if ((rc = parse_state(s, text)) != LAYR_OK)
        rc = layr_diag_set(d, rc, "%s: %s", path, layr_strerror(rc));
    free(path);
    return rc;
}

/* Nothing of a stranger's is to be mixed with the hosts' folders. */
static int check_empty(const char *dir, layr_diag_t *d)
{
    DIR *open_dir = opendir(dir);
    const struct dirent *e;
    int rc = LAYR_OK;

    if (open_dir == NULL)
        return layr_diag_set(d, LAYR_ERR_IO, "%s: %s", dir, strerror(errno));
    while (rc == LAYR_OK && (e = readdir(open_dir)) != NULL)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 && strcmp(e->d_name, "lock") != 0)
            rc = layr_diag_set(d, LAYR_ERR_EXISTS, "%s is not empty and holds no swarm: give a new folder",
                               dir);
    closedir(open_dir);
    return rc;
}

int layr_swarm_create(layr_swarm_t *s, const char *dir, layr_diag_t *d)
{
    int rc;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return layr_diag_set(d, LAYR_ERR_IO, "%s: %s", dir, strerror(errno));
    rc = check_empty(dir, d);
    return rc == LAYR_OK ? take_dir(s, dir, d) : rc;
}

static char *state_text(const layr_swarm_t *s)
{
    cJSON *json = cJSON_CreateObject();
    char *text = NULL;

    if (cJSON_AddNumberToObject(json, "version", STATE_VERSION) &&
        cJSON_AddNumberToObject(json, "count", s->count) && cJSON_AddNumberToObject(json, "port", s->port) &&
        cJSON_AddStringToObject(json, "scheme",
                                s->tls   ? "https"
                                : s->h2c ? "h2c"
                                         : "http") &&
        cJSON_AddStringToObject(json, "nginx", s->nginx))
        text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    return text;
}

int layr_swarm_save(const layr_swarm_t *s, layr_diag_t *d)
{
    char *path = layr_opt_path(s->dir, "swarm.json"), *temp = layr_opt_path(s->dir, "swarm.json.new");
    char *text = state_text(s);
    FILE *f = NULL;
    int rc = LAYR_ERR_NOMEM;

    if (path == NULL || temp == NULL || text == NULL)
        goto done;
    f = fopen(temp, "we");
    bool good = f != NULL && fprintf(f, "%s\n", text) > 0;
    if (f != NULL && fclose(f) != 0)
        good = false;
    rc = good && rename(temp, path) == 0 ? LAYR_OK
                                         : layr_diag_set(d, LAYR_ERR_IO, "%s: %s", path, strerror(errno));
done:
    cJSON_free(text);
    free(temp);
    free(path);
    return rc;
}

int layr_swarm_lock(const layr_swarm_t *s, layr_diag_t *d)
{
    char *path = layr_opt_path(s->dir, "lock");
    int fd, rc = LAYR_OK;

    if (path == NULL)
        return LAYR_ERR_NOMEM;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* never closed: it goes with the process */
    if (fd < 0 || flock(fd, LOCK_EX) != 0)
        rc = layr_diag_set(d, LAYR_ERR_IO, "%s: %s", path, strerror(errno));
    free(path);
    return rc;
}

int layr_swarm_host_id(char out[65], const layr_swarm_t *s, unsigned i, layr_diag_t *d)
{
    char *path = layr_swarm_path(s, i, "store/host.id");
    uint8_t id[32];
    char text[80];
    int rc = LAYR_OK;

    if (path == NULL)
        return LAYR_ERR_NOMEM;
    if (read_small(text, sizeof text, path) < 0)
        rc = layr_diag_set(d, errno == ENOENT ? LAYR_ERR_NOTFOUND : LAYR_ERR_IO, "%s: %s", path,
                           strerror(errno));
    else if (strlen(text) != 65 || text[64] != '\n' || layr_unhex(id, sizeof id, text, 64) != LAYR_OK)
        rc = layr_diag_set(d, LAYR_ERR_FORMAT, "%s: not a host's id", path);
    else
        layr_hex(out, id, sizeof id);
    free(path);
    return rc;
}

/* Can a server listen there now? As nginx does it: SO_REUSEADDR, so that old connections that time out don't
 * count. */
static bool is_free(unsigned i, unsigned port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    char address[16];
    bool good;

    layr_swarm_address(address, i);
    good = fd >= 0 && inet_pton(AF_INET, address, &sa.sin_addr) == 1 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
           bind(fd, (struct sockaddr *)&sa, sizeof sa) == 0 && listen(fd, 1) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

/* The first host at whose address the port is taken, or count. */
static unsigned first_taken(const layr_swarm_t *s, unsigned port)
{
    unsigned i = 0;

    while (i < s->count && is_free(i, port))
        i++;
    return i;
}

int layr_swarm_choose_port(layr_swarm_t *s, layr_diag_t *d)
{
    char address[16];
    unsigned taken;

    if (s->port != 0) {
        taken = first_taken(s, s->port);
        if (taken == s->count)
            return LAYR_OK;
        layr_swarm_address(address, taken);
        return layr_diag_set(d, LAYR_ERR_EXISTS,
                             "port %u can't be had on %s: stop what uses it or give another with --port",
                             s->port, address);
    }
    for (int try = 0; try < PORT_TRIES; try++) {
        uint16_t random;
        layr_random(&random, sizeof random);
        s->port = PORT_FIRST + random % PORT_COUNT;
        if (first_taken(s, s->port) == s->count)
            return LAYR_OK;
    }
    return layr_diag_set(d, LAYR_ERR_NOTFOUND, "no port from %d to %d is free on all %u loopback addresses",
                         PORT_FIRST, PORT_FIRST + PORT_COUNT - 1, s->count);
}
