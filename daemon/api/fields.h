/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Field tables: what the members of a resource are called, what they may hold, and where in the
 * store's row they stand. One table does reading, unknown members, merge patches (RFC 7396),
 * defaults and printing, for every resource.
 *
 * Defaults are those of the schema's row_new (). Any thread; no state. */
#pragma once

#include "daemon/api/problem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum
{
  API_TEXT,   /* char * */
  API_INT,    /* int64_t */
  API_NUMBER, /* double */
  API_BOOL,   /* bool */
  API_ENUM,   /* an enum, by its words */
  API_TIME,   /* int64_t, UTC milliseconds; 0 is null */
  API_TEXTS,  /* char ** */
  API_MAP,    /* GPtrArray of StorePair: {"name": "value"} */
  /* GPtrArray of StorePair: [{"name": …, "value": …}]; with API_SENSITIVE each may have
   * "sensitive": true, and then its value reads back as "********". */
  API_PAIRS,
  API_OBJECT,   /* members of the same row, one level down */
  API_ROWS,     /* GPtrArray of rows of another schema, told apart by id; the array frees them */
  API_POSITION, /* the row's place in its list; stands nowhere */
  API_COMPUTED, /* added by the resource after printing; stands nowhere */
} ApiFieldType;

enum
{
  API_READ_ONLY = 1 << 0,  /* set by the server; may be sent back as it was */
  API_IMMUTABLE = 1 << 1,  /* at creation only; may be sent back as it was */
  API_REQUIRED = 1 << 2,   /* at creation; never null */
  API_SENSITIVE = 1 << 3,  /* text that reads back as "********"; sent back as such it is kept */
  API_LINES = 1 << 4,      /* text that may have line breaks and tabs */
  API_WRITE_ONLY = 1 << 5, /* text that never reads back: left out it is kept, null removes it */
  API_NULLABLE
  = 1 << 6, /* an object that is null while all its texts are empty; an integer, while it is 0 */
};

#define API_MASK "********"

typedef struct ApiField ApiField;

typedef struct
{
  const ApiField *fields;
  unsigned n_fields;
  void *(*row_new) (void);
  void (*row_free) (void *row);
} ApiSchema;

struct ApiField
{
  const char *name;
  ApiFieldType type;
  unsigned flags;
  size_t offset;
  int64_t min, max; /* of the integer, of the text's bytes, of the number of elements */
  const char *const *words; /* API_ENUM */
  const ApiSchema *schema;  /* API_OBJECT, API_ROWS */
  /* (nullable) NULL or what is wrong, static. Text; for API_TEXTS each; for maps and pairs the name
   * and the value. */
  const char *(*check) (const char *text);
  const char *(*check_pair) (const char *name, const char *value);
};

/* One row of a table: name, type, flags, offset, then .min, .max and so on. */
#define API_FIELD(field_name, field_type, field_flags, field_offset, ...)                          \
  {                                                                                                \
    .name = field_name, .type = field_type, .flags = field_flags, .offset = field_offset,          \
    __VA_ARGS__                                                                                    \
  }

/* Every row of a list begins with its id. */
static inline int64_t
api_row_id (const void *row)
{
  return *(const int64_t *) row;
}

typedef enum
{
  API_CREATE, /* required members must be there */
  API_PATCH,
} ApiApply;

/* Applies the members of body to row. False with API_PROBLEM_MALFORMED (no object),
 * API_PROBLEM_UNKNOWN_MEMBER or API_PROBLEM_INVALID, and errors filled; row may then be changed in
 * part. */
bool api_fields_apply (const ApiSchema *schema,
                       void *row,
                       JsonNode *body,
                       ApiApply how,
                       ApiFieldErrors *errors,
                       GError **error);

/* Without secrets: API_SENSITIVE is masked, API_WRITE_ONLY left out. */
JsonObject *api_fields_print (const ApiSchema *schema, const void *row);
/* A fingerprint of what api_fields_print () does not show, to see that it changed; g_free (). Never
 * leaves the process. */
char *api_fields_digest (const ApiSchema *schema, const void *row);
JsonNode *api_node_from_object (JsonObject *take_object);

/* RFC 3339, UTC, milliseconds; null for 0. */
JsonNode *api_time_to_json (int64_t at_ms);
bool api_time_from_text (const char *text, int64_t *ret_at_ms);

/* Checks that several resources share. */
const char *api_check_name (const char *text);
