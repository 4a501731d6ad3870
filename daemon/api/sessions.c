/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Sessions: who is signed in. One's own; an admin sees and ends all. No state. */
#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"

static JsonObject *
print_session (ApiCall *call, const void *row)
{
  const StoreSession *sess = row;
  JsonObject *object = json_object_new ();
  JsonObject *user = json_object_new ();

  json_object_set_int_member (object, "id", sess->id);
  json_object_set_int_member (user, "id", sess->user_id);
  json_object_set_string_member (user, "username", sess->username);
  json_object_set_object_member (object, "user", user);
  json_object_set_string_member (object, "kind", store_session_kind_words[sess->kind]);
  json_object_set_member (object, "created_at", api_time_to_json (sess->created_at));
  json_object_set_member (object, "last_used_at", api_time_to_json (sess->last_used_at));
  json_object_set_member (object, "expires_at", api_time_to_json (sess->expires_at));
  json_object_set_string_member (object, "address", sess->address);
  json_object_set_string_member (object, "client", sess->client);
  json_object_set_boolean_member (object, "current", sess->id == call->principal.session_id);
  return object;
}

JsonNode *
api_sessions_list (ApiCall *call, GError **error)
{
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (GPtrArray) more = NULL;
  bool all = call->principal.role == STORE_ROLE_ADMIN;
  unsigned limit;
  int64_t cursor, last = 0;

  if (!api_call_page (call, &limit, &cursor, error))
    return NULL;
  /* A token has no sessions of its own, and user 0 would mean everybody's. */
  if (!all && call->principal.kind != AUTH_SESSION)
    return api_page_new (json_array_new (), 0);
  tx = store_begin_read (api_core ()->options.store, error);
  rows = tx ? store_session_list (tx, all ? 0 : call->principal.user_id, cursor, limit, error)
            : NULL;
  if (!rows)
    return NULL;
  if (rows->len == limit)
    {
      last = api_row_id (g_ptr_array_index (rows, limit - 1));
      more = store_session_list (tx, all ? 0 : call->principal.user_id, last, 1, error);
      if (!more)
        return NULL;
    }
  return api_list_print (call, g_steal_pointer (&rows), print_session,
                         more && more->len > 0 ? last : 0);
}

JsonNode *
api_sessions_delete (ApiCall *call, GError **error)
{
  g_autoptr (StoreTx) tx = store_begin_write (api_core ()->options.store, error);
  g_autoptr (StoreSession) sess = tx ? store_session_get (tx, call->id, error) : NULL;
  ApiObject object = { .resource = "sessions", .id = call->id };

  if (!sess)
    return NULL;
  object.owner_id = sess->user_id;
  if (api_authorize (&call->principal, API_OWN, &object, error)
      && store_session_delete (tx, sess->id, error)
      && api_call_audit (call, tx, "delete", "sessions", sess->id, NULL, error))
    (void) store_commit (tx, error); /* error says so */
  return NULL;
}
