/* Removing a folder with all that is in it. */
#ifndef LAYR_CLEAR_H
#define LAYR_CLEAR_H

/* Links in it are removed, not followed. 0, or -1 with errno: then some of it is left. */
int layr_clear(int dir, const char *name);
/* All that is in the folder, which stays. */
int layr_clear_content(int folder);

#endif
