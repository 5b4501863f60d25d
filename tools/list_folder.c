/* Entries as `ls -l` shows them, and as JSON. */
#include "list_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "show.h"

static void mode_text(char out[11], const layr_tree_entry_t *e)
{
    static const char bits[] = "rwxrwxrwx";

    out[0] = e->type == LAYR_TREE_FOLDER ? 'd' : e->type == LAYR_TREE_LINK ? 'l' : '-';
    for (unsigned i = 0; i < 9; i++)
        out[1 + i] = e->type == LAYR_TREE_LINK || (e->mode & (0400u >> i)) ? bits[i] : '-';
    out[10] = 0;
}

static void print_entry(const layr_tree_entry_t *e)
{
    char path[LAYR_TREE_PATH_MAX + 1], target[LAYR_TREE_PATH_MAX + 1] = "", mode[11];
    char size[LAYR_SIZE_TEXT] = "-", when[LAYR_DATE_TEXT];

    layr_show_name(path, sizeof path, *e->path ? e->path : ".");
    if (e->target != NULL)
        layr_show_name(target, sizeof target, e->target);
    if (e->type == LAYR_TREE_FILE)
        layr_say_size(size, e->size);
    mode_text(mode, e);
    layr_show_minute(when, e->mtime);
    printf("%s  %10s  %-16s  %s%s%s%s\n", mode, size, when, path,
           e->type == LAYR_TREE_FOLDER && *e->path ? "/" : "", e->target != NULL ? " -> " : "", target);
}

void layr_list_entries(const layr_tree_t *t, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        print_entry(&t->entry[i]);
}

/* Text as `name`; where it is no UTF-8 its bytes too, as `name64`. */
static int json_bytes(cJSON *o, const char *name, const char *name64, const char *text)
{
    size_t len = strlen(text);
    char *b64;
    int bad = layr_json_text(o, name, text);

    if (layr_utf8_ok(text, len))
        return bad;
    b64 = malloc(LAYR_B64_LEN(len) + 1);
    if (b64 == NULL)
        return LAYR_ERR_NOMEM;
    layr_b64(b64, (const uint8_t *)text, len);
    bad |= layr_json_text(o, name64, b64);
    free(b64);
    return bad;
}

static int json_entry(cJSON *list, const layr_tree_entry_t *e)
{
    cJSON *o = cJSON_CreateObject();
    int bad = json_bytes(o, "path", "path64", e->path);

    bad |= layr_json_text(o, "type",
                          e->type == LAYR_TREE_FOLDER ? "folder"
                          : e->type == LAYR_TREE_LINK ? "link"
                                                      : "file");
    if (e->type != LAYR_TREE_LINK)
        bad |= layr_json_u64(o, "mode", e->mode);
    bad |= layr_json_time(o, "mtime", e->mtime);
    bad |= layr_json_u64(o, "mtime_ns", e->mtime_ns);
    if (e->type == LAYR_TREE_FILE) {
        bad |= layr_json_u64(o, "size", e->size);
        bad |= layr_json_u64(o, "offset", e->offset);
        bad |= layr_json_hex(o, "sha256", e->sha256, 32);
    }
    if (e->target != NULL)
        bad |= json_bytes(o, "target", "target64", e->target);
    if (bad == 0 && cJSON_AddItemToArray(list, o))
        return 0;
    cJSON_Delete(o);
    return LAYR_ERR_NOMEM;
}

int layr_list_entries_json(const layr_tree_t *t, size_t first, size_t count, cJSON *o)
{
    cJSON *list = cJSON_AddArrayToObject(o, "entries");
    int bad = list == NULL;

    for (size_t i = first; i < first + count && bad == 0; i++)
        bad = json_entry(list, &t->entry[i]);
    return bad;
}
