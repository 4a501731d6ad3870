/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Lists of names and values (labels, header fields) and of words, and the JSON texts that the file
 * keeps them as: an array of pairs, because the order of header fields is kept and a name may stand
 * twice; a third element, true, marks a value that is never shown. Any thread. */
#include "daemon/store/store-priv.h"

#include <json-glib/json-glib.h>

static void
pair_free (void *data)
{
  StorePair *pair = data;

  if (pair->sensitive)
    explicit_bzero (pair->value, strlen (pair->value));
  g_free (pair->name);
  g_free (pair->value);
  g_free (pair);
}

GPtrArray *
store_pairs_new (void)
{
  return g_ptr_array_new_with_free_func (pair_free);
}

static void
add_pair (GPtrArray *pairs, const char *name, const char *value, bool sensitive)
{
  StorePair *pair = g_new (StorePair, 1);

  pair->name = g_strdup (name);
  pair->value = g_strdup (value);
  pair->sensitive = sensitive;
  g_ptr_array_add (pairs, pair);
}

void
store_pairs_add (GPtrArray *pairs, const char *name, const char *value)
{
  add_pair (pairs, name, value, false);
}

void
store_pairs_add_sensitive (GPtrArray *pairs, const char *name, const char *value)
{
  add_pair (pairs, name, value, true);
}

GPtrArray *
store_pairs_copy (const GPtrArray *pairs)
{
  GPtrArray *copy = store_pairs_new ();

  for (unsigned i = 0; i < pairs->len; i++)
    {
      const StorePair *pair = pairs->pdata[i];

      add_pair (copy, pair->name, pair->value, pair->sensitive);
    }
  return copy;
}

bool
store_pairs_equal (const GPtrArray *a, const GPtrArray *b)
{
  if (a->len != b->len)
    return false;
  for (unsigned i = 0; i < a->len; i++)
    {
      const StorePair *pa = a->pdata[i], *pb = b->pdata[i];

      if (strcmp (pa->name, pb->name) != 0 || strcmp (pa->value, pb->value) != 0
          || pa->sensitive != pb->sensitive)
        return false;
    }
  return true;
}

const char *
store_pairs_get (const GPtrArray *pairs, const char *name)
{
  for (unsigned i = 0; i < pairs->len; i++)
    {
      const StorePair *pair = pairs->pdata[i];

      if (strcmp (pair->name, name) == 0)
        return pair->value;
    }
  return NULL;
}

char *
store_pairs_to_json (const GPtrArray *pairs)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_ARRAY);
  JsonArray *all = json_array_sized_new (pairs->len);

  for (unsigned i = 0; i < pairs->len; i++)
    {
      const StorePair *pair = pairs->pdata[i];
      JsonArray *two = json_array_sized_new (2);

      json_array_add_string_element (two, pair->name);
      json_array_add_string_element (two, pair->value);
      if (pair->sensitive)
        json_array_add_boolean_element (two, true);
      json_array_add_array_element (all, two);
    }
  json_node_take_array (root, all);
  return json_to_string (root, false);
}

/* The string element at i, or NULL when it is something else. */
static const char *
string_at (JsonArray *array, unsigned i)
{
  JsonNode *node = json_array_get_element (array, i);

  return json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

static bool
true_at (JsonArray *array, unsigned i)
{
  JsonNode *node = json_array_get_element (array, i);

  return json_node_get_value_type (node) == G_TYPE_BOOLEAN && json_node_get_boolean (node);
}

GPtrArray *
store_pairs_from_json (const char *json)
{
  g_autoptr (JsonNode) root = json_from_string (json, NULL);
  g_autoptr (GPtrArray) pairs = store_pairs_new ();
  JsonArray *all = root && JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root) : NULL;

  for (unsigned i = 0; all && i < json_array_get_length (all); i++)
    {
      JsonNode *node = json_array_get_element (all, i);
      JsonArray *two = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

      unsigned n = two ? json_array_get_length (two) : 0;

      if (n < 2 || n > 3 || !string_at (two, 0) || !string_at (two, 1)
          || (n == 3 && !true_at (two, 2)))
        return NULL;
      add_pair (pairs, string_at (two, 0), string_at (two, 1), n == 3);
    }
  return all ? g_steal_pointer (&pairs) : NULL;
}

char *
store_strings_to_json (char *const *strings)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_ARRAY);
  JsonArray *all = json_array_new ();

  for (; strings && *strings; strings++)
    json_array_add_string_element (all, *strings);
  json_node_take_array (root, all);
  return json_to_string (root, false);
}

char **
store_strings_from_json (const char *json)
{
  g_autoptr (JsonNode) root = json_from_string (json, NULL);
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);
  JsonArray *all = root && JSON_NODE_HOLDS_ARRAY (root) ? json_node_get_array (root) : NULL;

  for (unsigned i = 0; all && i < json_array_get_length (all); i++)
    {
      if (!string_at (all, i))
        return NULL;
      g_ptr_array_add (strings, g_strdup (string_at (all, i)));
    }
  if (!all)
    return NULL;
  g_ptr_array_add (strings, NULL);
  return (char **) g_ptr_array_free (g_steal_pointer (&strings), false);
}
