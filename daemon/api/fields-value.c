/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Field tables: one value of each type, from JSON, to JSON, and back to its default. Lists
 * are in fields-list.c. Any thread; no state. */
#include "daemon/api/fields-priv.h"

#include "daemon/store/store.h"

#include <string.h>

#define add_error(applying, path, ...) api_field_errors_add ((applying)->errors, path, __VA_ARGS__)

/* Controls and what turns the reading direction would lie about a name in a log or a window. */
const char *
api_check_characters (const char *text, bool lines)
{
  for (const char *p = text; *p; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (lines && (c == '\n' || c == '\r' || c == '\t'))
        continue;
      if (c < 0x20 || (c >= 0x7f && c < 0xa0))
        return "must not contain control characters";
      if (lines)
        continue; /* a text to be read as a whole may turn its direction */
      if (c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e)
          || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff)
        return "must not contain direction or line controls";
    }
  return NULL;
}

const char *
api_value_text (JsonNode *node)
{
  return json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static void
replace_text (const ApiField *field, char **place, const char *text)
{
  char *old = *place;

  *place = g_strdup (text);
  if (old && (field->flags & (API_SENSITIVE | API_WRITE_ONLY)))
    explicit_bzero (old, strlen (old));
  g_free (old);
}

static void
set_text (ApiApplying *applying, const ApiField *field, void *row, JsonNode *node, const char *path)
{
  char **place = &API_MEMBER (char *, row, field);
  const char *text = api_value_text (node);
  const char *why;
  size_t n;

  if (!text)
    {
      add_error (applying, path, "must be a string");
      return;
    }
  if ((field->flags & API_SENSITIVE) && strcmp (text, API_MASK) == 0)
    {
      if (!*place || !**place)
        add_error (applying, path, "there is no stored value to keep");
      return;
    }
  n = strlen (text);
  if ((int64_t) n < field->min || (int64_t) n > field->max)
    {
      add_error (applying, path,
                 "must be %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " bytes long", field->min,
                 field->max);
      return;
    }
  why = api_check_characters (text, field->flags & API_LINES);
  if (!why && field->check && n > 0)
    why = field->check (text);
  if (why)
    {
      add_error (applying, path, "%s", why);
      return;
    }
  replace_text (field, place, text);
}

static void
set_int (ApiApplying *applying, const ApiField *field, void *row, JsonNode *node, const char *path)
{
  int64_t value;

  if (json_node_get_value_type (node) != G_TYPE_INT64)
    {
      add_error (applying, path, "must be an integer");
      return;
    }
  value = json_node_get_int (node);
  if (value < field->min || value > field->max)
    add_error (applying, path, "must be %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, field->min,
               field->max);
  else
    API_MEMBER (int64_t, row, field) = value;
}

static void
set_number (ApiApplying *applying,
            const ApiField *field,
            void *row,
            JsonNode *node,
            const char *path)
{
  GType type = json_node_get_value_type (node);
  double value = type == G_TYPE_INT64 || type == G_TYPE_DOUBLE ? json_node_get_double (node) : -1;

  if (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE)
    add_error (applying, path, "must be a number");
  else if (!(value >= (double) field->min && value <= (double) field->max))
    add_error (applying, path, "must be %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, field->min,
               field->max);
  else
    API_MEMBER (double, row, field) = value;
}

static void
set_bool (ApiApplying *applying, const ApiField *field, void *row, JsonNode *node, const char *path)
{
  if (json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    API_MEMBER (bool, row, field) = json_node_get_boolean (node);
  else
    add_error (applying, path, "must be true or false");
}

static void
set_enum (ApiApplying *applying, const ApiField *field, void *row, JsonNode *node, const char *path)
{
  const char *text = api_value_text (node);
  int value = text ? store_word_find (field->words, text) : -1;
  g_autofree char *all = NULL;

  if (value >= 0)
    {
      API_MEMBER (int, row, field) = value;
      return;
    }
  all = g_strjoinv (", ", (char **) field->words);
  add_error (applying, path, "must be one of %s", all);
}

bool
api_time_from_text (const char *text, int64_t *ret_at_ms)
{
  g_autoptr (GDateTime) at = g_date_time_new_from_iso8601 (text, NULL);

  /* Without a zone g_date_time_new_from_iso8601 () answers NULL, as it should here. */
  if (!at)
    return false;
  *ret_at_ms = g_date_time_to_unix (at) * 1000 + g_date_time_get_microsecond (at) / 1000;
  return true;
}

static void
set_time (ApiApplying *applying, const ApiField *field, void *row, JsonNode *node, const char *path)
{
  const char *text = api_value_text (node);
  int64_t at_ms;

  if (!text || !api_time_from_text (text, &at_ms) || at_ms <= 0)
    add_error (applying, path, "must be a time such as 2030-01-31T12:00:00.000Z");
  else
    API_MEMBER (int64_t, row, field) = at_ms;
}

static void
set_object (ApiApplying *applying,
            const ApiField *field,
            void *row,
            JsonNode *node,
            const char *path)
{
  void *defaults;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      add_error (applying, path, "must be an object");
      return;
    }
  /* The members stand in the same row, so the offsets of the inner table count from there. */
  defaults = field->schema->row_new ();
  api_members_apply (applying, field->schema, row, defaults, json_node_get_object (node), path);
  field->schema->row_free (defaults);
}

void
api_value_set (ApiApplying *applying,
               const ApiField *field,
               void *row,
               JsonNode *node,
               const char *path)
{
  static void (*const setters[]) (ApiApplying *, const ApiField *, void *, JsonNode *, const char *)
      = {
          [API_TEXT] = set_text,        [API_INT] = set_int,        [API_NUMBER] = set_number,
          [API_BOOL] = set_bool,        [API_ENUM] = set_enum,      [API_TIME] = set_time,
          [API_TEXTS] = api_values_set, [API_MAP] = api_values_set, [API_PAIRS] = api_values_set,
          [API_ROWS] = api_values_set,  [API_OBJECT] = set_object,
        };

  g_assert (field->type < G_N_ELEMENTS (setters));
  setters[field->type](applying, field, row, node, path);
}

void
api_value_reset (const ApiField *field, void *row, const void *defaults)
{
  switch (field->type)
    {
    case API_TEXT:
      replace_text (field, &API_MEMBER (char *, row, field), API_MEMBER (char *, defaults, field));
      break;
    case API_INT:
    case API_TIME:
      API_MEMBER (int64_t, row, field) = API_MEMBER (int64_t, defaults, field);
      break;
    case API_NUMBER:
      API_MEMBER (double, row, field) = API_MEMBER (double, defaults, field);
      break;
    case API_BOOL:
      API_MEMBER (bool, row, field) = API_MEMBER (bool, defaults, field);
      break;
    case API_ENUM:
      API_MEMBER (int, row, field) = API_MEMBER (int, defaults, field);
      break;
    case API_TEXTS:
      g_strfreev (API_MEMBER (char **, row, field));
      API_MEMBER (char **, row, field) = g_strdupv (API_MEMBER (char **, defaults, field));
      break;
    case API_MAP:
    case API_PAIRS:
      g_ptr_array_unref (API_MEMBER (GPtrArray *, row, field));
      API_MEMBER (GPtrArray *, row, field)
          = store_pairs_copy (API_MEMBER (GPtrArray *, defaults, field));
      break;
    case API_ROWS:
      g_ptr_array_set_size (API_MEMBER (GPtrArray *, row, field), 0);
      break;
    case API_OBJECT:
      for (unsigned i = 0; i < field->schema->n_fields; i++)
        api_value_reset (&field->schema->fields[i], row, defaults);
      break;
    case API_POSITION:
    case API_COMPUTED:
      break;
    }
}

JsonNode *
api_node_from_object (JsonObject *take_object)
{
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  json_node_take_object (node, take_object);
  return node;
}

JsonNode *
api_time_to_json (int64_t at_ms)
{
  g_autoptr (GDateTime) at = NULL;
  g_autofree char *seconds = NULL;
  g_autofree char *text = NULL;

  if (at_ms == 0)
    return json_node_new (JSON_NODE_NULL);
  at = g_date_time_new_from_unix_utc (at_ms / 1000);
  seconds = g_date_time_format (at, "%Y-%m-%dT%H:%M:%S");
  text = g_strdup_printf ("%s.%03dZ", seconds, (int) (at_ms % 1000));
  return json_node_init_string (json_node_alloc (), text);
}

static JsonNode *
print_text (const ApiField *field, const char *text)
{
  if (!text)
    text = "";
  if ((field->flags & API_SENSITIVE) && *text)
    text = API_MASK;
  return json_node_init_string (json_node_alloc (), text);
}

static bool
all_empty (const ApiSchema *schema, const void *row)
{
  for (unsigned i = 0; i < schema->n_fields; i++)
    if (schema->fields[i].type == API_TEXT && *API_MEMBER (char *, row, &schema->fields[i]))
      return false;
  return true;
}

JsonNode *
api_value_print (const ApiField *field, const void *row, unsigned position)
{
  switch (field->type)
    {
    case API_TEXT:
      return print_text (field, API_MEMBER (char *, row, field));
    case API_INT:
      if ((field->flags & API_NULLABLE) && API_MEMBER (int64_t, row, field) == 0)
        return json_node_new (JSON_NODE_NULL);
      return json_node_init_int (json_node_alloc (), API_MEMBER (int64_t, row, field));
    case API_NUMBER:
      return json_node_init_double (json_node_alloc (), API_MEMBER (double, row, field));
    case API_BOOL:
      return json_node_init_boolean (json_node_alloc (), API_MEMBER (bool, row, field));
    case API_ENUM:
      return json_node_init_string (json_node_alloc (), field->words[API_MEMBER (int, row, field)]);
    case API_TIME:
      return api_time_to_json (API_MEMBER (int64_t, row, field));
    case API_TEXTS:
    case API_MAP:
    case API_PAIRS:
    case API_ROWS:
      return api_values_print (field, row);
    case API_OBJECT:
      if ((field->flags & API_NULLABLE) && all_empty (field->schema, row))
        return json_node_new (JSON_NODE_NULL);
      return api_node_from_object (api_members_print (field->schema, row, position));
    case API_POSITION:
      return json_node_init_int (json_node_alloc (), position);
    case API_COMPUTED:
      break;
    }
  return NULL;
}
