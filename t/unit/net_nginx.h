/* nginx from the system for tests, in a folder of its own. Header only. */
#ifndef LAYR_NET_NGINX_H
#define LAYR_NET_NGINX_H

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "net_server.h"

#define NGINX "/usr/sbin/nginx"

typedef struct nginx {
    char dir[64]; /* with www/ in it */
    pid_t pid;
} nginx_t;

/* A port that was free a moment ago. */
static int free_port(void)
{
    int port, fd = listen_on("127.0.0.1", &port);

    close(fd);
    return port;
}

static bool nginx_there(void)
{
    return access(NGINX, X_OK) == 0;
}

static void nginx_path(const nginx_t *n, char out[256], const char *name)
{
    snprintf(out, 256, "%s/%s", n->dir, name);
}

__attribute__((unused)) static void nginx_folder(nginx_t *n)
{
    char path[256];

    snprintf(n->dir, sizeof n->dir, "%s/layr-net-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(n->dir) == NULL) {
        perror(n->dir);
        exit(2);
    }
    nginx_path(n, path, "www");
    mkdir(path, 0755);
}

/* The server blocks are the test's. */
__attribute__((unused)) static void nginx_configure(const nginx_t *n, const char *servers)
{
    char path[256];
    FILE *f;

    nginx_path(n, path, "nginx.conf");
    f = fopen(path, "w");
    fprintf(
        f,
        "daemon off; master_process off; pid nginx.pid;\n"
        "events { worker_connections 512; }\n"
        "http {\n"
        "  log_format t '$server_port $connection $server_protocol $request_method $uri $status';\n"
        "  access_log access.log t;\n"
        "  client_body_temp_path tmp1; proxy_temp_path tmp2; fastcgi_temp_path tmp3; uwsgi_temp_path tmp4;\n"
        "  scgi_temp_path tmp5; keepalive_requests 100000;\n"
        "%s}\n",
        servers);
    fclose(f);
}

static bool port_answers(int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    rc = connect(fd, (struct sockaddr *)&to, sizeof to);
    close(fd);
    return rc == 0;
}

/* Started, and its port answers. */
__attribute__((unused)) static bool nginx_start(nginx_t *n, int port)
{
    n->pid = fork();
    if (n->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that crashes leaves none behind */
        execl(NGINX, NGINX, "-p", n->dir, "-c", "nginx.conf", "-e", "error.log", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 200; i++) {
        if (port_answers(port))
            return true;
        test_sleep(50);
    }
    return false;
}

__attribute__((unused)) static void nginx_stop(nginx_t *n)
{
    if (n->pid > 0) {
        kill(n->pid, SIGTERM);
        waitpid(n->pid, NULL, 0);
    }
    n->pid = 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

__attribute__((unused)) static void nginx_remove(nginx_t *n)
{
    nginx_stop(n);
    nftw(n->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Lines of the access log that have this port and word; *connections: how many connections they came over. */
__attribute__((unused)) static int nginx_logged(const nginx_t *n, int port, const char *word,
                                                int *connections)
{
    char path[256], line[1024];
    long seen[1024];
    int count = 0, distinct = 0;
    FILE *f;

    nginx_path(n, path, "access.log");
    f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        int p, i = 0;
        long c;

        if (sscanf(line, "%d %ld", &p, &c) != 2 || p != port || strstr(line, word) == NULL)
            continue;
        count++;
        while (i < distinct && seen[i] != c)
            i++;
        if (i == distinct && distinct < 1024)
            seen[distinct++] = c;
    }
    if (f != NULL)
        fclose(f);
    if (connections != NULL)
        *connections = distinct;
    return count;
}

#endif
