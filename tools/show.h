/* Things as people and other programs read them: names from strangers, times, hosts, JSON. */
#ifndef LAYR_SHOW_H
#define LAYR_SHOW_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "layr/api.h"
#include "layr/code.h"
#include "layr/statement.h"

/*
 * A name that anybody may have chosen, fit for a terminal: control characters (C0, DEL, C1, and those that
 * turn the direction of text) and bytes that are no UTF-8 become '?'. Cut at cap.
 */
void layr_show_name(char *out, size_t cap, const char *name);

/* "2027-02-20", local time; "2027-02-20 13:05". */
#define LAYR_DATE_TEXT 24
void layr_show_date(char out[LAYR_DATE_TEXT], layr_time_t t);
void layr_show_minute(char out[LAYR_DATE_TEXT], layr_time_t t);

/* "4/8". */
#define LAYR_SCHEME_TEXT 8
void layr_show_scheme(char out[LAYR_SCHEME_TEXT], layr_scheme_t s);

/* A probability: "1 in 20", "1 in 3,400,000", "below 1 in 10^15". */
#define LAYR_ODDS_TEXT 48
void layr_show_odds(char out[LAYR_ODDS_TEXT], double p);

/* Why a host can't be used. */
const char *layr_show_down(const layr_host_t *h);

/* Members of a JSON object. Integers are written as they are, not through a double; bad UTF-8 becomes U+FFFD.
 */
int layr_json_u64(cJSON *o, const char *name, uint64_t v);
int layr_json_time(cJSON *o, const char *name, layr_time_t t);
int layr_json_text(cJSON *o, const char *name, const char *text);
int layr_json_hex(cJSON *o, const char *name, const uint8_t *p, size_t len);
int layr_json_scheme(cJSON *o, const char *name, layr_scheme_t s);

/* Print and free it; any failure before it (`bad`) or in it is said. An exit status. */
int layr_json_print(cJSON *o, int bad);
/* Whatever stdout still holds is written, or it is said why not. An exit status. */
int layr_show_end(void);

#endif
