/* layr.conf, and a capability on the first line of a file. The parser is static: its source is included. */
#include "../../tools/opt_config.c"

#include "fuzz.h"

static void release(layr_opt_t *o)
{
    layr_opt_list_free(&o->hosts);
    layr_opt_list_free(&o->seeds);
    free(o->config_cacert);
    for (unsigned i = 0; i < LAYR_KEEP_LINES; i++)
        free(o->keep[i]);
}

/* Written down as it was understood, it is understood as before. */
static void again(const layr_opt_t *was)
{
    layr_opt_t o;
    layr_diag_t d;
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);

    PROMISE(f != NULL);
    for (size_t i = 0; i < was->hosts.count; i++)
        fprintf(f, "host %s # one\n", was->hosts.item[i]);
    for (size_t i = 0; i < was->seeds.count; i++)
        fprintf(f, " seed %s\n", was->seeds.item[i]);
    if (was->config_cacert != NULL)
        fprintf(f, "\n  cacert\t%s\r\n", was->config_cacert);
    for (unsigned i = 0; i < LAYR_KEEP_LINES; i++)
        if (was->keep[i] != NULL)
            fprintf(f, "%s %s\n", keep_lines[i], was->keep[i]);
    fclose(f);
    memset(&o, 0, sizeof o);
    memset(&d, 0, sizeof d);
    f = fmemopen(text, len, "r");
    PROMISE(f != NULL && read_config(&o, f, "layr.conf", &d) == LAYR_OK);
    PROMISE(o.hosts.count == was->hosts.count);
    for (size_t i = 0; i < o.hosts.count; i++)
        PROMISE(strcmp(o.hosts.item[i], was->hosts.item[i]) == 0);
    PROMISE(o.seeds.count == was->seeds.count && (o.seeds.count == 0 || o.hosts.count == 0));
    for (size_t i = 0; i < o.seeds.count; i++)
        PROMISE(strcmp(o.seeds.item[i], was->seeds.item[i]) == 0);
    PROMISE((o.config_cacert == NULL) == (was->config_cacert == NULL));
    PROMISE(o.config_cacert == NULL || strcmp(o.config_cacert, was->config_cacert) == 0);
    for (unsigned i = 0; i < LAYR_KEEP_LINES; i++)
        PROMISE(was->keep[i] == NULL ? o.keep[i] == NULL : strcmp(o.keep[i], was->keep[i]) == 0);
    fclose(f);
    free(text);
    release(&o);
}

static void config(char *text, size_t size)
{
    layr_opt_t o;
    layr_diag_t d;
    FILE *f = fmemopen(text, size, "r");
    int rc;

    PROMISE(f != NULL);
    memset(&o, 0, sizeof o);
    memset(&d, 0, sizeof d);
    rc = read_config(&o, f, "layr.conf", &d);
    fclose(f);
    PROMISE(rc == d.code && (rc == LAYR_OK || rc == LAYR_ERR_ARG));
    PROMISE(rc == LAYR_OK || strncmp(d.text, "layr.conf", 9) == 0);
    if (rc == LAYR_OK)
        again(&o);
    release(&o);
}

static void cap(const char *text)
{
    layr_file_keys_t k;
    layr_diag_t d;

    memset(&k, 0, sizeof k);
    memset(&d, 0, sizeof d);
    if (text[0] == '@' || strcmp(text, "-") == 0)
        return; /* would read a file */
    if (layr_opt_cap(&k, text, &d) != LAYR_OK)
        PROMISE(d.code == LAYR_ERR_CAP && all_zero(&k, sizeof k));
    else
        PROMISE(k.rights != 0 && layr_opt_is_cap(text + strspn(text, " \t")));
    layr_file_keys_wipe(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = copy_of(data, size, 1);

    if (size > 0)
        config(text, size);
    cap(text);
    free(text);
    return 0;
}
