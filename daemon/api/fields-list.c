/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Field tables: members that hold several values, that is texts, maps, pairs and rows with members
 * of their own. Any thread; no state. */
#include "daemon/api/fields-priv.h"

#include "daemon/store/store.h"

#include <string.h>

#define ELEMENT_MAX_BYTES 4096 /* of one text in a list, of a pair's name or value */

#define add_error(applying, path, ...) api_field_errors_add ((applying)->errors, path, __VA_ARGS__)

/* One text of a list or a pair; NULL after adding to the errors. */
static const char *
element_text (ApiApplying *applying, const ApiField *field, JsonNode *node, const char *path)
{
  const char *text = api_value_text (node);
  const char *why;

  if (!text)
    {
      add_error (applying, path, "must be a string");
      return NULL;
    }
  why = strlen (text) > ELEMENT_MAX_BYTES ? "is too long"
                                          : api_check_characters (text, field->flags & API_LINES);
  if (!why)
    return text;
  add_error (applying, path, "%s", why);
  return NULL;
}

static JsonArray *
array_of (ApiApplying *applying, const ApiField *field, JsonNode *node, const char *path)
{
  JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  if (!array)
    {
      add_error (applying, path, "must be an array");
      return NULL;
    }
  if (json_array_get_length (array) <= field->max)
    return array;
  add_error (applying, path, "must have at most %" G_GINT64_FORMAT " elements", field->max);
  return NULL;
}

static void
set_texts (ApiApplying *applying,
           const ApiField *field,
           void *row,
           JsonNode *node,
           const char *path)
{
  JsonArray *array = array_of (applying, field, node, path);
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (unsigned i = 0; array && i < json_array_get_length (array); i++)
    {
      g_autofree char *place = g_strdup_printf ("%s[%u]", path, i);
      const char *text
          = element_text (applying, field, json_array_get_element (array, i), place);
      const char *why = text && field->check ? field->check (text) : NULL;

      if (why)
        add_error (applying, place, "%s", why);
      else if (text)
        g_strv_builder_add (builder, text);
    }
  if (!array)
    return;
  g_strfreev (API_MEMBER (char **, row, field));
  API_MEMBER (char **, row, field) = g_strv_builder_end (builder);
}

static void
pairs_put (GPtrArray *pairs, const char *name, const char *value)
{
  for (unsigned i = 0; i < pairs->len; i++)
    {
      StorePair *pair = g_ptr_array_index (pairs, i);

      if (strcmp (pair->name, name) != 0)
        continue;
      g_ptr_array_remove_index (pairs, i);
      break;
    }
  if (value)
    store_pairs_add (pairs, name, value);
}

/* A merge patch goes down into maps: members not given stay, null removes. */
static void
set_map (ApiApplying *applying, const ApiField *field, void *row, JsonNode *node, const char *path)
{
  GPtrArray *pairs = API_MEMBER (GPtrArray *, row, field);
  JsonObjectIter iter;
  const char *name;
  JsonNode *member;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      add_error (applying, path, "must be an object of strings");
      return;
    }
  json_object_iter_init (&iter, json_node_get_object (node));
  while (json_object_iter_next (&iter, &name, &member))
    {
      g_autofree char *place = g_strdup_printf ("%s.%s", path, name);
      bool remove = JSON_NODE_HOLDS_NULL (member);
      const char *text = remove ? "" : element_text (applying, field, member, place);
      const char *why = text && field->check_pair ? field->check_pair (name, text) : NULL;

      if (why)
        add_error (applying, place, "%s", why);
      else if (text)
        pairs_put (pairs, name, remove ? NULL : text);
    }
  if (pairs->len > field->max)
    add_error (applying, path, "must have at most %" G_GINT64_FORMAT " members", field->max);
}

/* One element of API_PAIRS. */
typedef struct
{
  const char *name, *value; /* (borrowed) */
  bool sensitive;
  bool readable; /* "sensitive" is there and false */
} PairInput;

static bool
read_pair (ApiApplying *applying,
           const ApiField *field,
           JsonNode *node,
           const char *path,
           PairInput *ret_input)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  JsonNode *name = object ? json_object_get_member (object, "name") : NULL;
  JsonNode *value = object ? json_object_get_member (object, "value") : NULL;
  JsonNode *flag = object && (field->flags & API_SENSITIVE)
                       ? json_object_get_member (object, "sensitive")
                       : NULL;

  if (!name || !value || json_object_get_size (object) != (flag ? 3 : 2)
      || (flag && json_node_get_value_type (flag) != G_TYPE_BOOLEAN))
    {
      add_error (applying, path, "must be {\"name\": …, \"value\": …%s}",
                 (field->flags & API_SENSITIVE) ? ", \"sensitive\": …" : "");
      return false;
    }
  ret_input->name = element_text (applying, field, name, path);
  ret_input->value = element_text (applying, field, value, path);
  ret_input->sensitive = flag && json_node_get_boolean (flag);
  ret_input->readable = flag && !ret_input->sensitive;
  return ret_input->name && ret_input->value;
}

/* The masked values of one name stand for those that are stored under it, in their order. */
static void
keep_value (ApiApplying *applying,
            GPtrArray *pairs,
            GPtrArray *stored,
            const PairInput *input,
            const char *path)
{
  for (unsigned i = 0; i < stored->len; i++)
    {
      const StorePair *pair = g_ptr_array_index (stored, i);

      if (!pair->sensitive || g_ascii_strcasecmp (pair->name, input->name) != 0)
        continue;
      if (input->readable)
        break;
      store_pairs_add_sensitive (pairs, input->name, pair->value);
      g_ptr_array_remove_index (stored, i);
      return;
    }
  add_error (applying, path, "%s",
             input->readable ? "a stored value stays sensitive: send it anew to make it readable"
                             : "there is no stored value to keep");
}

static void
add_pair (ApiApplying *applying,
          const ApiField *field,
          GPtrArray *pairs,
          GPtrArray *stored,
          JsonNode *node,
          const char *path)
{
  PairInput input;
  const char *why;

  if (!read_pair (applying, field, node, path, &input))
    return;
  if ((field->flags & API_SENSITIVE) && strcmp (input.value, API_MASK) == 0)
    {
      keep_value (applying, pairs, stored, &input, path);
      return;
    }
  why = field->check_pair ? field->check_pair (input.name, input.value) : NULL;
  if (why)
    add_error (applying, path, "%s", why);
  else if (input.sensitive)
    store_pairs_add_sensitive (pairs, input.name, input.value);
  else
    store_pairs_add (pairs, input.name, input.value);
}

static void
set_pairs (ApiApplying *applying,
           const ApiField *field,
           void *row,
           JsonNode *node,
           const char *path)
{
  JsonArray *array = array_of (applying, field, node, path);
  GPtrArray *stored = API_MEMBER (GPtrArray *, row, field);
  GPtrArray *pairs;

  if (!array)
    return;
  pairs = store_pairs_new ();
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      g_autofree char *place = g_strdup_printf ("%s[%u]", path, i);

      add_pair (applying, field, pairs, stored, json_array_get_element (array, i), place);
    }
  g_ptr_array_unref (stored);
  API_MEMBER (GPtrArray *, row, field) = pairs;
}

/* Takes the row with the id that the element names out of old. NULL without an id; *ret_good is
 * false when it names none. */
static void *
take_row (GPtrArray *old, JsonObject *element, bool *ret_good)
{
  JsonNode *node = json_object_get_member (element, "id");
  int64_t id;

  *ret_good = true;
  if (!node || JSON_NODE_HOLDS_NULL (node))
    return NULL;
  id = json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : -1;
  if (id == 0)
    return NULL;
  for (unsigned i = 0; i < old->len; i++)
    if (api_row_id (g_ptr_array_index (old, i)) == id)
      return g_ptr_array_steal_index (old, i);
  *ret_good = false;
  return NULL;
}

static void
add_row (ApiApplying *applying,
         const ApiSchema *schema,
         GPtrArray *old,
         GPtrArray *rows,
         JsonNode *node,
         const char *path)
{
  JsonObject *element = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
  ApiApplying inner = *applying;
  void *row, *defaults;
  bool good;

  if (!element)
    {
      add_error (applying, path, "must be an object");
      return;
    }
  row = take_row (old, element, &good);
  if (!good)
    {
      add_error (applying, path, "its id is not one of this object's, or stands twice");
      return;
    }
  inner.how = row ? API_PATCH : API_CREATE;
  if (!row)
    row = schema->row_new ();
  defaults = schema->row_new ();
  api_members_apply (&inner, schema, row, defaults, element, path);
  schema->row_free (defaults);
  g_ptr_array_add (rows, row);
}

/* The whole list: an element with an id changes that row, one without makes a row, rows not named
 * go. */
static void
set_rows (ApiApplying *applying, const ApiField *field, void *row, JsonNode *node, const char *path)
{
  JsonArray *array = array_of (applying, field, node, path);
  GPtrArray *old = API_MEMBER (GPtrArray *, row, field);
  GPtrArray *rows;

  if (!array)
    return;
  rows = g_ptr_array_new_with_free_func (field->schema->row_free);
  for (unsigned i = 0; i < json_array_get_length (array); i++)
    {
      g_autofree char *place = g_strdup_printf ("%s[%u]", path, i);

      add_row (applying, field->schema, old, rows, json_array_get_element (array, i), place);
    }
  g_ptr_array_unref (old);
  API_MEMBER (GPtrArray *, row, field) = rows;
}

void
api_values_set (ApiApplying *applying,
              const ApiField *field,
              void *row,
              JsonNode *node,
              const char *path)
{
  if (field->type == API_MAP)
    set_map (applying, field, row, node, path);
  else if (field->type == API_PAIRS)
    set_pairs (applying, field, row, node, path);
  else if (field->type == API_ROWS)
    set_rows (applying, field, row, node, path);
  else
    set_texts (applying, field, row, node, path);
}

static JsonNode *
take_array (JsonArray *array)
{
  JsonNode *node = json_node_new (JSON_NODE_ARRAY);

  json_node_take_array (node, array);
  return node;
}

static JsonNode *
print_texts (char **texts)
{
  JsonArray *array = json_array_new ();

  for (; texts && *texts; texts++)
    json_array_add_string_element (array, *texts);
  return take_array (array);
}

static JsonNode *
print_map (const GPtrArray *pairs)
{
  JsonObject *object = json_object_new ();

  for (unsigned i = 0; i < pairs->len; i++)
    {
      const StorePair *pair = g_ptr_array_index (pairs, i);

      json_object_set_string_member (object, pair->name, pair->value);
    }
  return api_node_from_object (object);
}

static JsonNode *
print_pairs (const ApiField *field, const GPtrArray *pairs)
{
  JsonArray *array = json_array_new ();

  for (unsigned i = 0; i < pairs->len; i++)
    {
      const StorePair *pair = g_ptr_array_index (pairs, i);
      JsonObject *object = json_object_new ();

      json_object_set_string_member (object, "name", pair->name);
      json_object_set_string_member (object, "value", pair->sensitive ? API_MASK : pair->value);
      if (field->flags & API_SENSITIVE)
        json_object_set_boolean_member (object, "sensitive", pair->sensitive);
      json_array_add_object_element (array, object);
    }
  return take_array (array);
}

static JsonNode *
print_rows (const ApiField *field, const GPtrArray *rows)
{
  JsonArray *array = json_array_new ();

  for (unsigned i = 0; i < rows->len; i++)
    json_array_add_object_element (
        array, api_members_print (field->schema, g_ptr_array_index (rows, i), i));
  return take_array (array);
}

JsonNode *
api_values_print (const ApiField *field, const void *row)
{
  if (field->type == API_MAP)
    return print_map (API_MEMBER (GPtrArray *, row, field));
  if (field->type == API_PAIRS)
    return print_pairs (field, API_MEMBER (GPtrArray *, row, field));
  if (field->type == API_ROWS)
    return print_rows (field, API_MEMBER (GPtrArray *, row, field));
  return print_texts (API_MEMBER (char **, row, field));
}
