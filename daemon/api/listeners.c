/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Listeners: where the public side accepts, and in which order it tries the routes. Starting and
 * stopping concern what runs and change no configuration. No state. */
#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"
#include "daemon/proxy/proxy.h"

#define PRIORITY_STEP 10

API_RESOURCE_ROWS (listener, StoreListener)

static const ApiField fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, offsetof (StoreListener, id), .max = INT64_MAX),
  API_FIELD ("version", API_INT, API_READ_ONLY, offsetof (StoreListener, version),
             .max = INT64_MAX),
  API_FIELD ("name", API_TEXT, API_REQUIRED, offsetof (StoreListener, name), .min = 1, .max = 128,
             .check = api_check_name),
  API_FIELD ("protocol", API_ENUM, API_REQUIRED, offsetof (StoreListener, protocol),
             .words = store_protocol_words),
  API_FIELD ("bind_address", API_TEXT, 0, offsetof (StoreListener, bind_address), .max = 255),
  API_FIELD ("port", API_INT, 0, offsetof (StoreListener, port), .max = 65535),
  API_FIELD ("enabled", API_BOOL, 0, offsetof (StoreListener, enabled)),
  API_FIELD ("trusted_proxy_cidrs", API_TEXTS, 0, offsetof (StoreListener, trusted_proxy_cidrs),
             .max = 256),
  API_FIELD ("accept_proxy_protocol", API_ENUM, 0, offsetof (StoreListener, accept_proxy_protocol),
             .words = store_proxy_protocol_words),
  API_FIELD ("status", API_COMPUTED, API_READ_ONLY, 0),
};

static const ApiSchema schema
    = { fields, G_N_ELEMENTS (fields), listener_row_new, listener_row_free };

static GPtrArray *
list_rows (StoreTx *tx, ApiCall *call, int64_t after_id, unsigned limit, GError **error)
{
  (void) call;
  return store_listener_list (tx, after_id, limit, error);
}

static bool
insert_row (StoreTx *tx, void *row, GError **error)
{
  return store_listener_insert (tx, row, error);
}

static void
add_status (JsonObject *object, int64_t id)
{
  static const char *const words[] = {
    [PROXY_LISTENER_STOPPED] = "stopped",
    [PROXY_LISTENER_RUNNING] = "running",
    [PROXY_LISTENER_ERROR] = "error",
  };
  ProxyListenerStatus status = { .state = PROXY_LISTENER_STOPPED };
  JsonObject *member = json_object_new ();

  /* One that is not in force (a dry run, or deleted meanwhile) is stopped. */
  (void) proxy_listener_get_status (id, &status);
  json_object_set_string_member (member, "state", words[status.state]);
  if (status.last_error[0])
    json_object_set_string_member (member, "last_error", status.last_error);
  else
    json_object_set_null_member (member, "last_error");
  if (status.bound_port)
    json_object_set_int_member (member, "bound_port", status.bound_port);
  else
    json_object_set_null_member (member, "bound_port");
  json_object_set_object_member (object, "status", member);
}

static const ApiResource listeners = {
  .name = "listeners",
  .schema = &schema,
  .get = listener_row_get,
  .list = list_rows,
  .insert = insert_row,
  .update = listener_row_update,
  .remove = listener_row_delete,
  .decorate = add_status,
};

API_RESOURCE_HANDLERS (listeners, listeners)

/* --- Start and stop --------------------------------------------------------------------------- */

static bool
audit_action (ApiCall *call, const char *action, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_write (api_core ()->options.store, error);

  return tx && api_call_audit (call, tx, action, listeners.name, call->id, NULL, error)
         && store_commit (tx, error);
}

static JsonNode *
run_action (ApiCall *call, const char *action, bool (*run) (int64_t, GError **), GError **error)
{
  g_autoptr (JsonNode) present = api_resource_get (&listeners, call, error);

  if (!present || !audit_action (call, action, error) || !run (call->id, error))
    return NULL;
  return api_resource_get (&listeners, call, error);
}

JsonNode *
api_listeners_start (ApiCall *call, GError **error)
{
  return run_action (call, "start", proxy_listener_start, error);
}

JsonNode *
api_listeners_stop (ApiCall *call, GError **error)
{
  return run_action (call, "stop", proxy_listener_stop, error);
}

/* --- The order of routes ---------------------------------------------------------------------- */

typedef struct
{
  ApiCall *call;
  JsonArray *ids; /* (borrowed: call) */
} Ordering;

static bool
order_conflict (GError **error)
{
  g_set_error_literal (error, API_ERROR, API_PROBLEM_CONFLICT,
                       "route_ids are not exactly the listener's present routes");
  return false;
}

static bool
same_routes (Ordering *self, StoreTx *tx, GError **error)
{
  g_autoptr (GHashTable) present
      = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  unsigned n = json_array_get_length (self->ids);
  int64_t after_id = 0;

  for (;;)
    {
      g_autoptr (GPtrArray) rows
          = store_route_list (tx, self->call->id, after_id, STORE_LIST_MAX, error);

      if (!rows)
        return false;
      if (rows->len == 0)
        break;
      for (unsigned i = 0; i < rows->len; i++)
        {
          after_id = api_row_id (g_ptr_array_index (rows, i));
          g_hash_table_add (present, g_memdup2 (&after_id, sizeof after_id));
        }
    }
  if (g_hash_table_size (present) != n)
    return order_conflict (error);
  for (unsigned i = 0; i < n; i++)
    {
      int64_t id = json_array_get_int_element (self->ids, i);

      if (!g_hash_table_remove (present, &id))
        return order_conflict (error);
    }
  return true;
}

static bool
apply_order (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  Ordering *self = data;
  g_autoptr (StoreListener) listener = store_listener_get (tx, self->call->id, error);
  g_autoptr (JsonNode) after = NULL;

  if (!listener || !api_call_match (self->call, listener->version, error)
      || !same_routes (self, tx, error))
    return false;
  for (unsigned i = 0; i < json_array_get_length (self->ids); i++)
    {
      g_autoptr (StoreRoute) route
          = store_route_get (tx, json_array_get_int_element (self->ids, i), error);
      int64_t priority = (int64_t) (i + 1) * PRIORITY_STEP;

      if (!route)
        return false;
      if (route->priority == priority)
        continue;
      route->priority = priority;
      if (!store_route_update (tx, route, 0, error))
        return false;
    }
  change->object_id = self->call->id;
  after = json_node_copy (self->call->body);
  change->after = json_to_string (after, false);
  return true;
}

JsonNode *
api_listeners_route_order (ApiCall *call, GError **error)
{
  JsonObject *body = json_node_get_object (call->body);
  JsonNode *ids = json_object_get_member (body, "route_ids");
  Ordering self = { .call = call };
  g_auto (GStrv) warnings = NULL;
  JsonObject *answer;
  bool good = ids && JSON_NODE_HOLDS_ARRAY (ids);

  if (json_object_get_size (body) > (ids ? 1 : 0))
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_UNKNOWN_MEMBER,
                           "the body may have route_ids only");
      return NULL;
    }
  self.ids = good ? json_node_get_array (ids) : NULL;
  for (unsigned i = 0; good && i < json_array_get_length (self.ids); i++)
    good = json_node_get_value_type (json_array_get_element (self.ids, i)) == G_TYPE_INT64;
  if (!good)
    {
      api_field_errors_add (call->errors, "route_ids", "must be an array of ids");
      api_field_errors_set_error (call->errors, API_PROBLEM_INVALID, error);
      return NULL;
    }
  if (!api_change_run (call, listeners.name, "route-order", apply_order, &self, &warnings, error))
    return NULL;
  answer = json_object_new ();
  json_object_set_array_member (answer, "route_ids", json_array_ref (self.ids));
  api_add_warnings (call, answer, warnings);
  return api_node_from_object (answer);
}
