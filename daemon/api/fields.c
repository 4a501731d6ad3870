/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Field tables: objects and their members. Values by type are in fields-value.c. Any thread; no
 * state. */
#include "daemon/api/fields-priv.h"

#include "daemon/store/store.h"

#include <string.h>

static const ApiField *
find_field (const ApiSchema *schema, const char *name)
{
  for (unsigned i = 0; i < schema->n_fields; i++)
    if (strcmp (schema->fields[i].name, name) == 0)
      return &schema->fields[i];
  return NULL;
}

static char *
join_path (const char *path, const char *name)
{
  return *path ? g_strconcat (path, ".", name, NULL) : g_strdup (name);
}

static bool
stands_nowhere (const ApiField *field)
{
  return field->type == API_POSITION || field->type == API_COMPUTED;
}

/* What cannot be changed may be sent back as it was read, so that a whole object can be. */
static bool
same_as_before (const ApiField *field, const void *row, JsonNode *node)
{
  g_autoptr (JsonNode) now = api_value_print (field, row, 0);

  return now && json_node_equal (now, node);
}

static void
apply_member (ApiApplying *applying,
              const ApiField *field,
              void *row,
              const void *defaults,
              JsonNode *node,
              const char *path)
{
  if (stands_nowhere (field))
    return;
  if (field->flags & API_READ_ONLY)
    {
      if (!same_as_before (field, row, node))
        api_field_errors_add (applying->errors, path, "is set by the server");
      return;
    }
  if ((field->flags & API_IMMUTABLE) && applying->how == API_PATCH)
    {
      if (!same_as_before (field, row, node))
        api_field_errors_add (applying->errors, path, "cannot be changed");
      return;
    }
  if (!JSON_NODE_HOLDS_NULL (node))
    api_value_set (applying, field, row, node, path);
  else if (field->flags & API_REQUIRED)
    api_field_errors_add (applying->errors, path, "cannot be left out");
  else
    api_value_reset (field, row, defaults);
}

void
api_members_apply (ApiApplying *applying,
                   const ApiSchema *schema,
                   void *row,
                   const void *defaults,
                   JsonObject *body,
                   const char *path)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, body);
  while (json_object_iter_next (&iter, &name, &node))
    {
      g_autofree char *member = join_path (path, name);
      const ApiField *field = find_field (schema, name);

      if (field)
        apply_member (applying, field, row, defaults, node, member);
      else
        api_field_errors_add (applying->unknown, member, "nobody knows this member");
    }
  if (applying->how == API_PATCH)
    return;
  for (unsigned i = 0; i < schema->n_fields; i++)
    {
      g_autofree char *member = join_path (path, schema->fields[i].name);

      if ((schema->fields[i].flags & API_REQUIRED)
          && !json_object_has_member (body, schema->fields[i].name))
        api_field_errors_add (applying->errors, member, "is missing");
    }
}

bool
api_fields_apply (const ApiSchema *schema,
                  void *row,
                  JsonNode *body,
                  ApiApply how,
                  ApiFieldErrors *errors,
                  GError **error)
{
  g_autoptr (ApiFieldErrors) invalid = api_field_errors_new ();
  ApiApplying applying = { how, errors, invalid };
  void *defaults;

  if (!body || !JSON_NODE_HOLDS_OBJECT (body))
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_MALFORMED,
                           "the body must be a JSON object");
      return false;
    }
  defaults = schema->row_new ();
  api_members_apply (&applying, schema, row, defaults, json_node_get_object (body), "");
  schema->row_free (defaults);

  if (api_field_errors_count (errors) > 0)
    {
      api_field_errors_set_error (errors, API_PROBLEM_UNKNOWN_MEMBER, error);
      return false;
    }
  if (api_field_errors_count (invalid) > 0)
    {
      api_field_errors_move (errors, invalid);
      api_field_errors_set_error (errors, API_PROBLEM_INVALID, error);
      return false;
    }
  return true;
}

JsonObject *
api_members_print (const ApiSchema *schema, const void *row, unsigned position)
{
  JsonObject *object = json_object_new ();

  for (unsigned i = 0; i < schema->n_fields; i++)
    {
      JsonNode *node = (schema->fields[i].flags & API_WRITE_ONLY)
                           ? NULL
                           : api_value_print (&schema->fields[i], row, position);

      if (node)
        json_object_set_member (object, schema->fields[i].name, node);
    }
  return object;
}

JsonObject *
api_fields_print (const ApiSchema *schema, const void *row)
{
  return api_members_print (schema, row, 0);
}

/* --- What is not shown ------------------------------------------------------------------------ */

/* With its NUL, so that two texts in a row cannot be cut in another place. */
static void
digest_text (GChecksum *sum, const char *text)
{
  g_checksum_update (sum, (const guchar *) (text ? text : ""),
                     text ? (gssize) strlen (text) + 1 : 1);
}

static void
digest_pairs (GChecksum *sum, const GPtrArray *pairs)
{
  for (unsigned i = 0; i < pairs->len; i++)
    {
      const StorePair *pair = g_ptr_array_index (pairs, i);

      if (pair->sensitive)
        digest_text (sum, pair->value);
    }
}

static void
members_digest (const ApiSchema *schema, const void *row, GChecksum *sum)
{
  for (unsigned i = 0; i < schema->n_fields; i++)
    {
      const ApiField *field = &schema->fields[i];
      bool hidden = field->flags & (API_SENSITIVE | API_WRITE_ONLY);

      if (field->type == API_TEXT && hidden)
        digest_text (sum, API_MEMBER (char *, row, field));
      else if (field->type == API_PAIRS && hidden)
        digest_pairs (sum, API_MEMBER (GPtrArray *, row, field));
      else if (field->type == API_OBJECT)
        members_digest (field->schema, row, sum);
      else if (field->type == API_ROWS)
        for (unsigned k = 0; k < API_MEMBER (GPtrArray *, row, field)->len; k++)
          members_digest (field->schema,
                          g_ptr_array_index (API_MEMBER (GPtrArray *, row, field), k), sum);
    }
}

char *
api_fields_digest (const ApiSchema *schema, const void *row)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  members_digest (schema, row, sum);
  return g_strdup (g_checksum_get_string (sum));
}

const char *
api_check_name (const char *text)
{
  if (g_ascii_isspace (text[0]) || (text[0] && g_ascii_isspace (text[strlen (text) - 1])))
    return "must not begin or end with a space";
  return NULL;
}
