/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Routes and their targets: one object, changed as a whole in one transaction. What concerns more
 * than one member (a URL that fits the transport, one default route) is judged by the validation of
 * the configuration. No state. */
#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"

#include <string.h>

#define TIMEOUT_MAX_MS (INT64_C (24) * 3600 * 1000)

static void *
target_row_new (void)
{
  return store_target_new ();
}

static void
target_row_free (void *row)
{
  store_target_free (row);
}

API_RESOURCE_ROWS (route, StoreRoute)

/* RFC 9110 section 5.6.2. */
static bool
is_token (const char *text)
{
  for (const char *p = text; *p; p++)
    if (!g_ascii_isalnum (*p) && !strchr ("!#$%&'*+-.^_`|~", *p))
      return false;
  return *text != '\0';
}

static const char *
check_upgrade (const char *text)
{
  return is_token (text) && strlen (text) <= 64 ? NULL
                                                : "must be a protocol's name, such as websocket";
}

static const char *
check_header (const char *name, const char *value)
{
  static const char *const ours[] = { "connection", "content-length", "date", "keep-alive",
                                      "trailer",    "transfer-encoding", "upgrade", "via" };

  if (!is_token (name) || strlen (name) > 128)
    return "not a header field's name";
  for (unsigned i = 0; i < G_N_ELEMENTS (ours); i++)
    if (g_ascii_strcasecmp (name, ours[i]) == 0)
      return "this header field is set by the proxy itself";
  return strpbrk (value, "\r\n") ? "a header field's value has one line" : NULL;
}

#define TARGET(member) offsetof (StoreTarget, member)

static const ApiField selector_fields[] = {
  API_FIELD ("match_labels", API_MAP, 0, TARGET (match_labels), .max = 64),
};

static const ApiSchema selector_schema
    = { selector_fields, G_N_ELEMENTS (selector_fields), target_row_new, target_row_free };

static const ApiField target_fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, TARGET (id), .max = INT64_MAX),
  API_FIELD ("version", API_INT, API_READ_ONLY, TARGET (version), .max = INT64_MAX),
  API_FIELD ("name", API_TEXT, API_REQUIRED, TARGET (name), .min = 1, .max = 128,
             .check = api_check_name),
  API_FIELD ("type", API_ENUM, 0, TARGET (type), .words = store_target_type_words),
  API_FIELD ("enabled", API_BOOL, 0, TARGET (enabled)),
  API_FIELD ("position", API_POSITION, API_READ_ONLY, 0),
  API_FIELD ("transport", API_ENUM, 0, TARGET (transport), .words = store_transport_words),
  API_FIELD ("url", API_TEXT, 0, TARGET (url), .max = 2048),
  API_FIELD ("agent_selector", API_OBJECT, 0, 0, .schema = &selector_schema),
  API_FIELD ("host_header", API_ENUM, 0, TARGET (host_header), .words = store_host_header_words),
  API_FIELD ("custom_host_header", API_TEXT, 0, TARGET (custom_host_header), .max = 255),
  API_FIELD ("allowed_upgrades", API_TEXTS, 0, TARGET (allowed_upgrades), .max = 8,
             .check = check_upgrade),
  API_FIELD ("tls_skip_verify", API_BOOL, 0, TARGET (tls_skip_verify)),
  API_FIELD ("tls_server_name", API_TEXT, 0, TARGET (tls_server_name), .max = 255),
  API_FIELD ("tls_ca_pem", API_TEXT, API_LINES, TARGET (tls_ca_pem), .max = 256 * 1024),
  API_FIELD ("upstream_connect_timeout_ms", API_INT, 0, TARGET (upstream_connect_timeout_ms),
             .min = 1, .max = TIMEOUT_MAX_MS),
  API_FIELD ("upstream_response_header_timeout_ms", API_INT, 0,
             TARGET (upstream_response_header_timeout_ms), .min = 1, .max = TIMEOUT_MAX_MS),
  API_FIELD ("upstream_idle_timeout_ms", API_INT, 0, TARGET (upstream_idle_timeout_ms), .min = 1,
             .max = TIMEOUT_MAX_MS),
  API_FIELD ("static_status_code", API_INT, 0, TARGET (static_status_code), .min = 200, .max = 599),
  API_FIELD ("static_response_headers", API_PAIRS, 0, TARGET (static_response_headers), .max = 64,
             .check_pair = check_header),
  API_FIELD ("static_response_body", API_TEXT, API_LINES, TARGET (static_response_body),
             .max = 512 * 1024),
};

static const ApiSchema target_schema
    = { target_fields, G_N_ELEMENTS (target_fields), target_row_new, target_row_free };

static const char *const action_words[] = { "forward", NULL };

#define ROUTE(member) offsetof (StoreRoute, member)

static const ApiField fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, ROUTE (id), .max = INT64_MAX),
  API_FIELD ("version", API_INT, API_READ_ONLY, ROUTE (version), .max = INT64_MAX),
  API_FIELD ("listener_id", API_INT, API_REQUIRED, ROUTE (listener_id), .min = 1, .max = INT64_MAX),
  API_FIELD ("name", API_TEXT, API_REQUIRED, ROUTE (name), .min = 1, .max = 128,
             .check = api_check_name),
  API_FIELD ("priority", API_INT, 0, ROUTE (priority), .max = 1000000000),
  API_FIELD ("host_pattern", API_TEXT, 0, ROUTE (host_pattern), .max = 255),
  API_FIELD ("path_prefix", API_TEXT, 0, ROUTE (path_prefix), .max = 1024),
  API_FIELD ("enabled", API_BOOL, 0, ROUTE (enabled)),
  API_FIELD ("is_default", API_BOOL, 0, ROUTE (is_default)),
  API_FIELD ("path_security_mode", API_ENUM, 0, ROUTE (path_security_mode),
             .words = store_path_security_words),
  API_FIELD ("action", API_CONSTANT, 0, 0, .words = action_words),
  API_FIELD ("targets", API_ROWS, 0, ROUTE (targets), .max = 64, .schema = &target_schema),
};

static const ApiSchema schema = { fields, G_N_ELEMENTS (fields), route_row_new, route_row_free };

static GPtrArray *
list_rows (StoreTx *tx, ApiCall *call, int64_t after_id, unsigned limit, GError **error)
{
  const char *text = api_call_query (call, "listener_id");
  uint64_t listener_id = 0;

  if (text
      && (!p2p_span_to_u64 (p2p_span_from_string (text), &listener_id) || listener_id == 0
          || listener_id > INT64_MAX))
    {
      g_set_error_literal (error, API_ERROR, API_PROBLEM_MALFORMED,
                           "query parameter 'listener_id': must be an id");
      return NULL;
    }
  return store_route_list (tx, (int64_t) listener_id, after_id, limit, error);
}

static bool
insert_row (StoreTx *tx, void *row, GError **error)
{
  return store_route_insert (tx, row, error);
}

static const ApiResource routes = {
  .name = "routes",
  .schema = &schema,
  .get = route_row_get,
  .list = list_rows,
  .insert = insert_row,
  .update = route_row_update,
  .remove = route_row_delete,
};

API_RESOURCE_HANDLERS (routes, routes)
