/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The audit trail: who changed what, newest first. No state. */
#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"

static void
add_json (JsonObject *object, const char *name, const char *text)
{
  JsonNode *node = text ? json_from_string (text, NULL) : NULL;

  json_object_set_member (object, name, node ? node : json_node_new (JSON_NODE_NULL));
}

static JsonObject *
print_audit (ApiCall *call, const void *data)
{
  const StoreAudit *row = data;
  JsonObject *object = json_object_new ();

  (void) call;
  json_object_set_int_member (object, "id", row->id);
  json_object_set_member (object, "at", api_time_to_json (row->at));
  json_object_set_string_member (object, "principal", row->principal);
  json_object_set_string_member (object, "address", row->address);
  json_object_set_string_member (object, "action", row->action);
  json_object_set_string_member (object, "resource", row->resource);
  json_object_set_int_member (object, "object_id", row->object_id);
  add_json (object, "before", row->before);
  add_json (object, "after", row->after);
  json_object_set_string_member (object, "request_id", row->request_id);
  return object;
}

static bool
query_time (ApiCall *call, const char *name, int64_t *ret_at, GError **error)
{
  const char *text = api_call_query (call, name);

  if (!text || api_time_from_text (text, ret_at))
    return true;
  g_set_error (error, API_ERROR, API_PROBLEM_MALFORMED,
               "query parameter '%s': must be a time such as 2030-01-31T12:00:00.000Z", name);
  return false;
}

JsonNode *
api_audit_list (ApiCall *call, GError **error)
{
  StoreAuditFilter filter = {
    .principal = api_call_query (call, "principal"),
    .resource = api_call_query (call, "resource"),
  };
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GPtrArray) more = NULL;
  unsigned limit;
  int64_t cursor, last = 0;

  if (!api_call_page (call, &limit, &cursor, error)
      || !query_time (call, "from", &filter.from, error)
      || !query_time (call, "to", &filter.to, error))
    return NULL;
  tx = store_begin_read (api_core ()->options.store, error);
  rows = tx ? store_audit_list (tx, &filter, cursor, limit, error) : NULL;
  if (!rows)
    return NULL;
  if (rows->len == limit)
    {
      last = api_row_id (g_ptr_array_index (rows, limit - 1));
      more = store_audit_list (tx, &filter, last, 1, error);
      if (!more)
        return NULL;
    }
  return api_list_print (call, g_steal_pointer (&rows), print_audit,
                         more && more->len > 0 ? last : 0);
}
