/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What all handlers share, and what a call offers them. The core is constant between start and
 * stop, but for the ready flag, which is atomic. */
#include "daemon/api/call.h"

#include "daemon/api/password.h"
#include "daemon/api/setup.h"
#include "daemon/api/throttle.h"
#include "lib/clock.h"

#include <stdatomic.h>

#define PAGE_DEFAULT 100

static ApiCore core;
static atomic_bool ready;

const ApiCore *
api_core (void)
{
  return &core;
}

bool
api_core_start (const ApiOptions *options, GError **error)
{
  (void) api_error_quark (); /* registers the domain before there are threads */
  core = (ApiCore){
    .options = *options,
    .started_at_ms = p2p_wall_ms (),
    .port = options->port,
    .scheme = options->tls ? "https" : "http",
  };
  core.public_url = g_strdup (options->public_url);
  core.install_source_url
      = g_strdup (options->install_source_url ? options->install_source_url : "");
  core.packages_dir = g_strdup (options->packages_dir);
  /* The texts are the caller's and may be gone after the start. */
  core.options.public_url = core.options.setup_token_file = core.options.bind_address
      = core.options.install_source_url = core.options.packages_dir = NULL;
  atomic_store (&ready, false);
  throttle_start ();
  if (password_start (error))
    {
      if (setup_start (options, error))
        return true;
      password_stop ();
    }
  throttle_stop ();
  g_clear_pointer (&core.public_url, g_free);
  g_clear_pointer (&core.install_source_url, g_free);
  g_clear_pointer (&core.packages_dir, g_free);
  return false;
}

void
api_core_set_port (uint16_t port)
{
  core.port = port;
}

void
api_core_stop (void)
{
  atomic_store (&ready, false);
  setup_stop ();
  password_stop ();
  throttle_stop ();
  g_clear_pointer (&core.public_url, g_free);
  g_clear_pointer (&core.install_source_url, g_free);
  g_clear_pointer (&core.packages_dir, g_free);
}

void
api_set_ready (bool value)
{
  atomic_store (&ready, value);
}

bool
api_is_ready (void)
{
  return atomic_load (&ready);
}

const char *
api_call_query (ApiCall *call, const char *name)
{
  return g_hash_table_lookup (call->query, name);
}

static bool
query_number (ApiCall *call,
              const char *name,
              int64_t min,
              int64_t max,
              int64_t *value,
              GError **error)
{
  const char *text = api_call_query (call, name);
  uint64_t number;

  if (!text)
    return true;
  if (p2p_span_to_u64 (p2p_span_from_string (text), &number) && number >= (uint64_t) min
      && number <= (uint64_t) max)
    {
      *value = (int64_t) number;
      return true;
    }
  g_set_error (error, API_ERROR, API_PROBLEM_MALFORMED,
               "query parameter '%s': must be %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, name, min,
               max);
  return false;
}

bool
api_call_page (ApiCall *call, unsigned *ret_limit, int64_t *ret_cursor, GError **error)
{
  int64_t limit = PAGE_DEFAULT, cursor = 0;

  if (!query_number (call, "limit", 1, STORE_LIST_MAX, &limit, error)
      || !query_number (call, "cursor", 1, INT64_MAX, &cursor, error))
    return false;
  *ret_limit = (unsigned) limit;
  *ret_cursor = cursor;
  return true;
}

JsonNode *
api_page_new (JsonArray *take_items, int64_t next_cursor)
{
  JsonObject *object = json_object_new ();
  g_autofree char *cursor = g_strdup_printf ("%" G_GINT64_FORMAT, next_cursor);

  json_object_set_array_member (object, "items", take_items);
  if (next_cursor > 0)
    json_object_set_string_member (object, "next_cursor", cursor);
  else
    json_object_set_null_member (object, "next_cursor");
  return api_node_from_object (object);
}

/* RFC 9110 section 13.1.1: "*", or a list of strong tags. */
bool
api_call_match (ApiCall *call, int64_t version, GError **error)
{
  g_autofree char *tag = g_strdup_printf ("\"%" G_GINT64_FORMAT "\"", version);
  P2pSpan rest = call->in->if_match;

  if (rest.n == 0)
    return true;
  while (rest.n > 0)
    {
      P2pSpan part = p2p_span_trim (p2p_span_split (&rest, ','));

      if (p2p_span_equal (part, P2P_SPAN ("*"))
          || p2p_span_equal (part, p2p_span_from_string (tag)))
        return true;
    }
  g_set_error (error, API_ERROR, API_PROBLEM_CHANGED,
               "the object is at version %" G_GINT64_FORMAT ", If-Match names another", version);
  return false;
}

bool
api_call_audit (ApiCall *call,
                StoreTx *tx,
                const char *action,
                const char *resource,
                int64_t object_id,
                const char *after,
                GError **error)
{
  g_autoptr (StoreAudit) row = store_audit_new ();

  row->at = p2p_wall_ms ();
  g_free (row->principal);
  row->principal = g_strdup (call->principal.text ? call->principal.text : "nobody");
  g_free (row->address);
  row->address = g_strdup (call->in->address);
  g_free (row->action);
  row->action = g_strdup (action);
  g_free (row->resource);
  row->resource = g_strdup (resource);
  row->object_id = object_id;
  g_free (row->after);
  row->after = g_strdup (after);
  g_free (row->request_id);
  row->request_id = g_strdup (call->request_id);
  return store_audit_insert (tx, row, error);
}
