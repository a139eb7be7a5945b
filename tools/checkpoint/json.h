/*
 * json.h - JSON out of files that nobody vouches for: cJSON reads it, within limits, and what cJSON
 * would let pass is refused: duplicated keys, zeros within strings, text behind the end.
 */
#ifndef QUALICLIP_JSON_H
#define QUALICLIP_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/*
 * An object from `size` bytes of text with a zero behind them; to be freed with cJSON_Delete().
 * NULL: `message` says why; `origin` names the file in it.
 */
cJSON *json_parse(const char *text, size_t size, const char *origin, char *message);

/* The same from a file of at most `limit` bytes. */
cJSON *json_read(const char *path, size_t limit, char *message);

/* Whether it is an integer from 0 to 2^53 - 1, the largest that a JSON number tells exactly. */
bool json_integer(const cJSON *item, uint64_t *number);

#endif
