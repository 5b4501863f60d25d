/* The content half (docs/protocol.md 4.3): what the file is. Only those who can read see it, so its plaintext
 * is wiped. */
#include <string.h>

#include "code/manifest.h"
#include "crypto/json.h"
#include "layr/tree.h"

#define KIND_FILE "file"
#define KIND_FOLDER "folder"
#define TYPE_UNKNOWN "application/octet-stream"

/* One step of a path: readers make files of it. */
static bool name_ok(const char *name, size_t len)
{
    if (len < 1 || len > LAYR_NAME_MAX || memchr(name, '/', len) != NULL || memchr(name, 0, len) != NULL)
        return false;
    return !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

/* It may end in a header of HTTP. */
static bool type_ok(const char *type, size_t cap)
{
    size_t len = strnlen(type, cap);

    if (len < 1 || len >= cap)
        return false;
    for (size_t i = 0; i < len; i++)
        if (type[i] < 0x20 || type[i] > 0x7e)
            return false;
    return true;
}

static bool tree_ok(const layr_content_t *c)
{
    return c->tree_size > 0 && c->tree_size <= LAYR_TREE_MAX && c->tree_size <= c->size;
}

static bool content_ok(const layr_content_t *c)
{
    size_t name_len = strnlen(c->name, sizeof c->name);

    if (name_len != 0 && !name_ok(c->name, name_len))
        return false;
    if (c->type[0] != 0 && !type_ok(c->type, sizeof c->type))
        return false;
    if (c->mtime > LAYR_JSON_INT_MAX || c->created < 0 || c->created > LAYR_JSON_INT_MAX)
        return false;
    if (c->is_folder ? !tree_ok(c) : c->tree_size != 0)
        return false;
    return !c->has_inline || (c->inline_len <= LAYR_INLINE_MAX && c->inline_len == c->size);
}

static void write_name(layr_buf_t *b, const char *name)
{
    size_t len = strlen(name);

    if (len == 0)
        return;
    if (layr_utf8_ok(name, len))
        layr_json_put_str(b, "name", name);
    else
        layr_json_put_b64(b, "name64", (const uint8_t *)name, len);
}

static void write_content(layr_buf_t *b, const layr_content_t *c)
{
    layr_json_open(b, NULL, '{');
    layr_json_put_int(b, "v", LAYR_MANIFEST_VERSION);
    layr_json_put_str(b, "kind", c->is_folder ? KIND_FOLDER : KIND_FILE);
    write_name(b, c->name);
    layr_json_put_dec(b, "size", c->size);
    layr_json_put_hex(b, "sha256", c->sha256, sizeof c->sha256);
    if (c->is_folder)
        layr_json_put_dec(b, "tree", c->tree_size);
    layr_json_put_str(b, "type", c->type[0] != 0 ? c->type : TYPE_UNKNOWN);
    if (c->mtime >= 0)
        layr_json_put_int(b, "mtime", c->mtime);
    layr_json_put_int(b, "created", c->created);
    if (c->has_inline)
        layr_json_put_b64(b, "inline", c->inline_bytes, c->inline_len);
    layr_json_close(b, '}');
}

int layr_content_encode(const layr_content_t *c, layr_buf_t *out)
{
    layr_buf_t text; /* of its own: what the caller's buffer ends with is not the writer's business */
    int rc = 0;

    if (!content_ok(c))
        return LAYR_ERR_ARG;
    layr_buf_init(&text);
    write_content(&text, c);
    layr_buf_add(out, text.p, text.len);
    if (text.bad || out->bad)
        rc = LAYR_ERR_NOMEM;
    else if (text.len > LAYR_CONTENT_MAX)
        rc = LAYR_ERR_LIMIT;
    if (rc == LAYR_ERR_LIMIT)
        out->len -= text.len;
    layr_buf_free(&text);
    return rc;
}

static void take_kind(layr_json_fields_t *f, layr_content_t *c)
{
    char kind[16];

    layr_json_take_str(f, "kind", kind, sizeof kind);
    if (f->rc != 0)
        return;
    c->is_folder = strcmp(kind, KIND_FOLDER) == 0;
    if (!c->is_folder && strcmp(kind, KIND_FILE) != 0)
        f->rc = LAYR_ERR_VERSION;
}

static void take_tree(layr_json_fields_t *f, layr_content_t *c)
{
    if (!c->is_folder)
        return; /* a file that has the member has one too many */
    layr_json_take_dec(f, "tree", &c->tree_size);
    if (f->rc == 0 && !tree_ok(c))
        f->rc = LAYR_ERR_FORMAT;
}

/* name64 holds what name can't: a name has one spelling. */
static void take_name(layr_json_fields_t *f, layr_content_t *c)
{
    size_t len;

    if (layr_json_has(f, "name")) {
        layr_json_take_str(f, "name", c->name, sizeof c->name);
        len = strlen(c->name);
    } else if (layr_json_has(f, "name64")) {
        len = 0;
        layr_json_take_b64_any(f, "name64", (uint8_t *)c->name, LAYR_NAME_MAX, &len);
        if (f->rc == 0 && layr_utf8_ok(c->name, len))
            f->rc = LAYR_ERR_FORMAT;
    } else
        return;
    if (f->rc == 0 && (layr_json_has(f, "name64") + layr_json_has(f, "name") != 1 || !name_ok(c->name, len)))
        f->rc = LAYR_ERR_FORMAT;
}

static void take_type(layr_json_fields_t *f, layr_content_t *c)
{
    layr_json_take_str(f, "type", c->type, sizeof c->type);
    if (f->rc == 0 && !type_ok(c->type, sizeof c->type))
        f->rc = LAYR_ERR_FORMAT;
}

static void take_inline(layr_json_fields_t *f, layr_content_t *c)
{
    if (!layr_json_has(f, "inline"))
        return;
    c->has_inline = 1;
    layr_json_take_b64_any(f, "inline", c->inline_bytes, sizeof c->inline_bytes, &c->inline_len);
    if (f->rc == 0 && c->inline_len != c->size)
        f->rc = LAYR_ERR_FORMAT;
}

static int read_content(layr_content_t *c, const cJSON *json)
{
    layr_json_fields_t f;

    layr_json_begin(&f, json);
    layr_json_take_version(&f);
    take_kind(&f, c);
    take_name(&f, c);
    layr_json_take_dec(&f, "size", &c->size);
    layr_json_take_hex(&f, "sha256", c->sha256, sizeof c->sha256);
    take_tree(&f, c);
    take_type(&f, c);
    c->mtime = -1;
    if (layr_json_has(&f, "mtime"))
        layr_json_take_time(&f, "mtime", &c->mtime);
    layr_json_take_time(&f, "created", &c->created);
    take_inline(&f, c);
    return layr_json_end(&f);
}

int layr_content_decode(layr_content_t *out, const uint8_t *in, size_t len)
{
    cJSON *json = NULL;
    int rc;

    memset(out, 0, sizeof *out);
    if (len > LAYR_CONTENT_MAX)
        return LAYR_ERR_LIMIT;
    rc = layr_json_parse(&json, (const char *)in, len, LAYR_JSON_INTEGERS);
    if (rc == 0)
        rc = read_content(out, json);
    layr_json_free(json);
    if (rc != 0)
        layr_wipe(out, sizeof *out);
    return rc;
}
