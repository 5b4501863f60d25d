/* Where a program's files are, and what the configuration file says: the part of opt.h that reads files. */
#ifndef LAYR_OPT_CONFIG_H
#define LAYR_OPT_CONFIG_H

#include "opt.h"

int layr_opt_list_add(layr_opt_list_t *l, const char *text) LAYR_CHECKED;
void layr_opt_list_free(layr_opt_list_t *l);

/*
 * Fill config_dir, state_dir; then what the command line left open from <config_dir>/layr.conf, a line each
 * of `seed URL` or `host URL`, `cacert FILE`, and layr-keep's (layr_keep_line_t, as they are); `#` starts a comment. A missing file is an empty one. LAYR_ERR_ARG names
 * the bad line.
 */
int layr_opt_config(layr_opt_t *o, layr_diag_t *d) LAYR_CHECKED;

#endif
