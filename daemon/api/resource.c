/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Resources: one way to list, read, make, change and delete. A change is one config_change ():
 * everything that is read for it is read in its transaction, so nobody can be faster in between. No
 * state. */
#include "daemon/api/resource.h"

typedef struct
{
  const ApiResource *resource;
  ApiCall *call;
  void *row;      /* (owned: resource->schema) (nullable) as it is now */
  bool unchanged; /* a patch that changes nothing makes no version and no audit row */
} Changing;

static bool
authorize_row (const ApiResource *resource,
               ApiCall *call,
               ApiAction action,
               int64_t id,
               GError **error)
{
  ApiObject object = { .resource = resource->name, .id = id };

  return api_authorize (&call->principal, action, &object, error);
}

static JsonObject *
print_row (const ApiResource *resource, const void *row)
{
  JsonObject *object = api_fields_print (resource->schema, row);

  if (resource->decorate)
    resource->decorate (object, api_row_id (row));
  return object;
}

static char *
row_to_text (const ApiResource *resource, const void *row)
{
  g_autoptr (JsonNode) node = api_node_from_object (api_fields_print (resource->schema, row));

  return json_to_string (node, false);
}

bool
api_change_run (ApiCall *call,
                const char *resource,
                const char *action,
                ConfigApplyFunc apply,
                void *data,
                char ***ret_warnings,
                GError **error)
{
  ConfigChange change = {
    .apply = apply,
    .data = data,
    .dry_run = call->dry_run,
    .principal = call->principal.text,
    .address = call->in->address,
    .request_id = call->request_id,
    .action = action,
    .resource = resource,
  };
  bool good = config_change (&change, error);

  if (good && ret_warnings)
    *ret_warnings = g_steal_pointer (&change.warnings);
  config_change_clear (&change);
  return good;
}

void
api_add_warnings (ApiCall *call, JsonObject *object, char **warnings)
{
  JsonArray *array;

  if (!call->dry_run)
    return;
  array = json_array_new ();
  for (; warnings && *warnings; warnings++)
    json_array_add_string_element (array, *warnings);
  json_object_set_array_member (object, "warnings", array);
}

/* The object as a whole answer, with its tag. */
static JsonNode *
answer_row (Changing *self, char **warnings)
{
  JsonObject *object = print_row (self->resource, self->row);

  if (!self->call->dry_run)
    self->call->version = api_row_version (self->row);
  api_add_warnings (self->call, object, warnings);
  return api_node_from_object (object);
}

static void
changing_clear (Changing *self)
{
  if (self->row)
    self->resource->schema->row_free (self->row);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Changing, changing_clear)

/* --- Reading ---------------------------------------------------------------------------------- */

JsonNode *
api_list_print (ApiCall *call, GPtrArray *take_rows, ApiPrintFunc print, int64_t next_cursor)
{
  JsonArray *items = json_array_new ();

  for (unsigned i = 0; i < take_rows->len; i++)
    json_array_add_object_element (items, print (call, g_ptr_array_index (take_rows, i)));
  g_ptr_array_unref (take_rows);
  return api_page_new (items, next_cursor);
}

JsonNode *
api_resource_list (const ApiResource *resource, ApiCall *call, GError **error)
{
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GPtrArray) more = NULL;
  g_autoptr (StoreTx) tx = NULL;
  JsonArray *items;
  unsigned limit;
  int64_t cursor, last = 0;

  if (!api_call_page (call, &limit, &cursor, error))
    return NULL;
  tx = store_begin_read (api_core ()->options.store, error);
  rows = tx ? resource->list (tx, call, cursor, limit, error) : NULL;
  if (!rows)
    return NULL;
  if (rows->len == limit)
    {
      last = api_row_id (g_ptr_array_index (rows, limit - 1));
      more = resource->list (tx, call, last, 1, error);
      if (!more)
        return NULL;
    }
  g_clear_pointer (&tx, store_end);

  items = json_array_new ();
  for (unsigned i = 0; i < rows->len; i++)
    json_array_add_object_element (items, print_row (resource, g_ptr_array_index (rows, i)));
  return api_page_new (items, more && more->len > 0 ? last : 0);
}

JsonNode *
api_resource_get (const ApiResource *resource, ApiCall *call, GError **error)
{
  g_auto (Changing) self = { .resource = resource, .call = call };
  g_autoptr (StoreTx) tx = store_begin_read (api_core ()->options.store, error);

  self.row = tx ? resource->get (tx, call->id, error) : NULL;
  if (!self.row || !authorize_row (resource, call, call->route->action, call->id, error))
    return NULL;
  g_clear_pointer (&tx, store_end);
  return answer_row (&self, NULL);
}

/* --- Changing --------------------------------------------------------------------------------- */

static bool
apply_create (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  Changing *self = data;
  const ApiResource *resource = self->resource;

  self->row = resource->schema->row_new ();
  if (!authorize_row (resource, self->call, self->call->route->action, 0, error)
      || !api_fields_apply (resource->schema, self->row, self->call->body, API_CREATE,
                            self->call->errors, error)
      || (resource->check && !resource->check (self->call, self->row, API_CREATE, error))
      || !resource->insert (tx, self->row, error))
    return false;
  change->object_id = api_row_id (self->row);
  change->after = row_to_text (resource, self->row);
  return true;
}

JsonNode *
api_resource_create (const ApiResource *resource, ApiCall *call, GError **error)
{
  g_auto (Changing) self = { .resource = resource, .call = call };
  g_auto (GStrv) warnings = NULL;
  JsonNode *answer;

  if (!api_change_run (call, resource->name, "create", apply_create, &self, &warnings, error))
    return NULL;
  if (!call->dry_run && resource->changed)
    resource->changed (api_row_id (self.row), self.row);
  answer = answer_row (&self, warnings);
  if (call->dry_run)
    {
      /* The id is given only when the object is really made. */
      json_object_set_null_member (json_node_get_object (answer), "id");
      return answer;
    }
  call->status = 201;
  call->location = g_strdup_printf ("%s/%" G_GINT64_FORMAT, call->route->pattern,
                                    api_row_id (self.row));
  if (call->secret)
    json_object_set_string_member (json_node_get_object (answer), "token", call->secret);
  return answer;
}

static bool
apply_patch (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  Changing *self = data;
  const ApiResource *resource = self->resource;
  g_autofree char *secrets_before = NULL;
  g_autofree char *secrets_after = NULL;
  int64_t version;

  self->row = resource->get (tx, self->call->id, error);
  if (!self->row
      || !authorize_row (resource, self->call, self->call->route->action, self->call->id, error))
    return false;
  version = api_row_version (self->row);
  if (!api_call_match (self->call, version, error))
    return false;
  change->object_id = self->call->id;
  change->before = row_to_text (resource, self->row);
  secrets_before = api_fields_digest (resource->schema, self->row);
  if (!api_fields_apply (resource->schema, self->row, self->call->body, API_PATCH,
                         self->call->errors, error)
      || (resource->check && !resource->check (self->call, self->row, API_PATCH, error)))
    return false;
  change->after = row_to_text (resource, self->row);
  secrets_after = api_fields_digest (resource->schema, self->row);
  /* A masked secret looks the same when it was changed for another. */
  self->unchanged = g_str_equal (change->before, change->after)
                    && g_str_equal (secrets_before, secrets_after);
  if (self->unchanged)
    {
      /* Ends the transaction without a trace; the caller does not pass it on. */
      g_set_error_literal (error, API_ERROR, API_PROBLEM_INTERNAL, "nothing to change");
      return false;
    }
  if (!resource->update (tx, self->row, version, error))
    return false;
  g_free (change->after);
  change->after = row_to_text (resource, self->row);
  return true;
}

JsonNode *
api_resource_patch (const ApiResource *resource, ApiCall *call, GError **error)
{
  g_auto (Changing) self = { .resource = resource, .call = call };
  g_auto (GStrv) warnings = NULL;
  g_autoptr (GError) why = NULL;

  if (!api_change_run (call, resource->name, "update", apply_patch, &self, &warnings, &why)
      && !self.unchanged)
    {
      g_propagate_error (error, g_steal_pointer (&why));
      return NULL;
    }
  if (!call->dry_run && !self.unchanged && resource->changed)
    resource->changed (call->id, self.row);
  return answer_row (&self, warnings);
}

static bool
apply_delete (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  Changing *self = data;
  const ApiResource *resource = self->resource;

  self->row = resource->get (tx, self->call->id, error);
  if (!self->row
      || !authorize_row (resource, self->call, self->call->route->action, self->call->id, error)
      || !api_call_match (self->call, api_row_version (self->row), error)
      || !resource->remove (tx, self->call->id, api_row_version (self->row), error))
    return false;
  change->object_id = self->call->id;
  change->before = row_to_text (resource, self->row);
  return true;
}

JsonNode *
api_resource_delete (const ApiResource *resource, ApiCall *call, GError **error)
{
  g_auto (Changing) self = { .resource = resource, .call = call };
  g_auto (GStrv) warnings = NULL;

  if (!api_change_run (call, resource->name, "delete", apply_delete, &self, &warnings, error))
    return NULL;
  if (call->dry_run)
    return answer_row (&self, warnings);
  if (resource->changed)
    resource->changed (call->id, NULL);
  return NULL;
}
