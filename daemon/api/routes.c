/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Routes and their targets: one object, changed as a whole in one transaction. What concerns more
 * than one member (a URL that fits the transport, one default route) is judged by the validation of
 * the configuration. No state. */
#include "daemon/api/handlers.h"
#include "daemon/api/resource.h"
#include "daemon/api/targets.h"

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

static const char *
check_request_header (const char *name, const char *value)
{
  static const char *const ours[] = { "expect", "forwarded", "host", "te", "x-real-ip" };
  g_autofree char *plain = g_strdelimit (g_ascii_strdown (name, -1), "_.", '-');
  const char *why = check_header (plain, value);

  for (unsigned i = 0; !why && i < G_N_ELEMENTS (ours); i++)
    if (strcmp (plain, ours[i]) == 0)
      why = "this header field is set by the proxy itself";
  if (!why && g_str_has_prefix (plain, "x-forwarded"))
    why = "this header field is set by the proxy itself";
  return why ? why : check_header (name, value);
}

#define TARGET(member) offsetof (StoreTarget, member)

static const ApiField selector_fields[] = {
  API_FIELD ("match_labels", API_MAP, 0, TARGET (match_labels), .max = 64),
};

static const ApiSchema selector_schema
    = { selector_fields, G_N_ELEMENTS (selector_fields), target_row_new, target_row_free };

static const ApiField auth_fields[] = {
  API_FIELD ("username", API_TEXT, 0, TARGET (upstream_username), .max = 255),
  API_FIELD ("password", API_TEXT, API_SENSITIVE, TARGET (upstream_password), .max = 1024),
};

static const ApiSchema auth_schema
    = { auth_fields, G_N_ELEMENTS (auth_fields), target_row_new, target_row_free };

static const ApiField health_fields[] = {
  API_FIELD ("enabled", API_BOOL, 0, TARGET (health_enabled)),
  API_FIELD ("method", API_ENUM, 0, TARGET (health_method), .words = store_health_method_words),
  API_FIELD ("path", API_TEXT, 0, TARGET (health_path), .min = 1, .max = 2048),
  API_FIELD ("interval_ms", API_INT, 0, TARGET (health_interval_ms), .min = 1000, .max = 3600000),
  API_FIELD ("timeout_ms", API_INT, 0, TARGET (health_timeout_ms), .min = 100, .max = 60000),
  API_FIELD ("healthy_threshold", API_INT, 0, TARGET (health_healthy_threshold), .min = 1,
             .max = 100),
  API_FIELD ("unhealthy_threshold", API_INT, 0, TARGET (health_unhealthy_threshold), .min = 1,
             .max = 100),
  API_FIELD ("expected_status_min", API_INT, 0, TARGET (health_status_min), .min = 200, .max = 599),
  API_FIELD ("expected_status_max", API_INT, 0, TARGET (health_status_max), .min = 200, .max = 599),
};

static const ApiSchema health_schema
    = { health_fields, G_N_ELEMENTS (health_fields), target_row_new, target_row_free };

static const ApiField target_fields[] = {
  API_FIELD ("id", API_INT, API_READ_ONLY, TARGET (id), .max = INT64_MAX),
  API_FIELD ("version", API_INT, API_READ_ONLY, TARGET (version), .max = INT64_MAX),
  API_FIELD ("name", API_TEXT, API_REQUIRED, TARGET (name), .min = 1, .max = 128,
             .check = api_check_name),
  API_FIELD ("type", API_ENUM, 0, TARGET (type), .words = store_target_type_words),
  API_FIELD ("enabled", API_BOOL, 0, TARGET (enabled)),
  API_FIELD ("position", API_POSITION, API_READ_ONLY, 0),
  API_FIELD ("priority_group", API_INT, 0, TARGET (priority_group), .max = 1000),
  API_FIELD ("weight", API_INT, 0, TARGET (weight), .min = 1, .max = 1000),
  API_FIELD ("transport", API_ENUM, 0, TARGET (transport), .words = store_transport_words),
  API_FIELD ("url", API_TEXT, 0, TARGET (url), .max = 2048),
  API_FIELD ("agent_selector", API_OBJECT, 0, 0, .schema = &selector_schema),
  API_FIELD ("agent_load_balancing", API_ENUM, 0, TARGET (agent_load_balancing),
             .words = store_balancing_words),
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
  API_FIELD ("max_concurrent_requests", API_INT, 0, TARGET (max_concurrent_requests),
             .max = 1000000),
  API_FIELD ("max_connections", API_INT, 0, TARGET (max_connections), .max = 1000000),
  API_FIELD ("upstream_request_headers", API_PAIRS, API_SENSITIVE,
             TARGET (upstream_request_headers), .max = 64, .check_pair = check_request_header),
  API_FIELD ("upstream_basic_auth", API_OBJECT, API_NULLABLE, 0, .schema = &auth_schema),
  API_FIELD ("health_check", API_OBJECT, 0, 0, .schema = &health_schema),
  API_FIELD ("static_status_code", API_INT, 0, TARGET (static_status_code), .min = 200, .max = 599),
  API_FIELD ("static_response_headers", API_PAIRS, 0, TARGET (static_response_headers), .max = 64,
             .check_pair = check_header),
  API_FIELD ("static_response_body", API_TEXT, API_LINES, TARGET (static_response_body),
             .max = 512 * 1024),
  API_FIELD ("status", API_COMPUTED, API_READ_ONLY, 0),
};

static const ApiSchema target_schema
    = { target_fields, G_N_ELEMENTS (target_fields), target_row_new, target_row_free };

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
  API_FIELD ("action", API_ENUM, 0, ROUTE (action), .words = store_action_words),
  API_FIELD ("target_load_balancing", API_ENUM, 0, ROUTE (target_load_balancing),
             .words = store_balancing_words),
  API_FIELD ("redirect_target_mode", API_ENUM, 0, ROUTE (redirect_target_mode),
             .words = store_redirect_mode_words),
  API_FIELD ("redirect_target", API_TEXT, 0, ROUTE (redirect_target), .max = 2048),
  API_FIELD ("redirect_status_code", API_INT, 0, ROUTE (redirect_status_code), .min = 301,
             .max = 308),
  API_FIELD ("redirect_preserve_path_suffix", API_BOOL, 0, ROUTE (redirect_preserve_path_suffix)),
  API_FIELD ("redirect_preserve_query", API_BOOL, 0, ROUTE (redirect_preserve_query)),
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

/* What runs, for each target. One that is not in force (a dry run, or deleted meanwhile) is
 * unknown. */
static void
add_status (JsonObject *object, int64_t id)
{
  g_autoptr (Config) cfg = config_get_current ();
  JsonArray *targets = json_object_get_array_member (object, "targets");

  for (unsigned i = 0; i < json_array_get_length (targets); i++)
    {
      JsonObject *target = json_array_get_object_element (targets, i);

      json_object_set_object_member (
          target, "status",
          api_target_status (cfg, id, json_object_get_int_member (target, "id")));
    }
}

static const ApiResource routes = {
  .name = "routes",
  .schema = &schema,
  .get = route_row_get,
  .list = list_rows,
  .insert = insert_row,
  .update = route_row_update,
  .remove = route_row_delete,
  .decorate = add_status,
};

API_RESOURCE_HANDLERS (routes, routes)
