/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Changing the configuration: what goes through, what is refused and leaves everything as it was,
 * what is shared. */
#include "daemon/store/store-priv.h"
#include "lib/lock.h"
#include "tests/unit/config-fixture.h"

#include <stdatomic.h>

typedef struct
{
  StoreListener *listener;
  StoreRoute *route;
  StoreAgent *agent;
  int64_t delete_listener, delete_route;
  bool update;
} Edit;

static bool
apply (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  Edit *edit = data;

  change->object_id = 42;
  change->after = g_strdup ("{\"a\":1}");
  if (edit->listener
      && !(edit->update ? store_listener_update (tx, edit->listener, 0, error)
                        : store_listener_insert (tx, edit->listener, error)))
    return false;
  if (edit->route
      && !(edit->update ? store_route_update (tx, edit->route, 0, error)
                        : store_route_insert (tx, edit->route, error)))
    return false;
  if (edit->agent
      && !(edit->update ? store_agent_update (tx, edit->agent, 0, error)
                        : store_agent_insert (tx, edit->agent, error)))
    return false;
  return (!edit->delete_route || store_route_delete (tx, edit->delete_route, 0, error))
         && (!edit->delete_listener || store_listener_delete (tx, edit->delete_listener, 0, error));
}

static unsigned
n_audit_rows (ConfigFixture *fixture)
{
  g_autoptr (StoreTx) tx = store_begin_read (fixture->store, NULL);
  StoreAuditFilter all = { 0 };
  g_autoptr (GPtrArray) rows = store_audit_list (tx, &all, 0, STORE_LIST_MAX, NULL);

  return rows->len;
}

static void
count_swap (const Config *old, const Config *cfg, void *data)
{
  g_assert_cmpuint (cfg->version, ==, old->version + 1);
  ++*(int *) data;
}

static void
test_change (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreListener) second = config_fixture_listener ("web2", STORE_PROTOCOL_HTTP, 81);
  g_autoptr (StoreTx) tx = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  g_autoptr (Config) empty = config_get_current ();
  g_autoptr (Config) cfg = NULL;
  StoreAuditFilter all = { 0 };
  Edit edit = { .listener = listener };
  ConfigChange change = {
    .apply = apply,
    .data = &edit,
    .principal = "user:alice",
    .address = "192.0.2.1",
    .request_id = "r1",
    .action = "create",
    .resource = "listeners",
    .dry_run = true,
  };
  g_autoptr (GError) error = NULL;
  const StoreAudit *row;
  int n_swaps = 0;

  (void) data;
  config_add_observer (count_swap, &n_swaps);
  g_assert_cmpuint (empty->n_listeners, ==, 0); /* an empty database has no listener */

  g_assert_true (config_change (&change, &error)); /* dry: all but the doing */
  cfg = config_get_current ();
  g_assert_true (cfg == empty);
  g_assert_cmpuint (n_audit_rows (fixture), ==, 0);
  g_assert_cmpint (n_swaps, ==, 0);
  config_change_clear (&change);

  change.dry_run = false;
  g_assert_true (config_change (&change, &error));
  config_change_clear (&change);
  config_unref (cfg);
  cfg = config_get_current ();
  g_assert_cmpuint (cfg->n_listeners, ==, 1);
  g_assert_cmpstr (cfg->listeners[0]->name, ==, "web");
  g_assert_cmpint (n_swaps, ==, 1);
  tx = store_begin_read (fixture->store, NULL);
  rows = store_audit_list (tx, &all, 0, 10, NULL);
  g_assert_cmpuint (rows->len, ==, 1);
  row = rows->pdata[0];
  g_assert_cmpstr (row->principal, ==, "user:alice");
  g_assert_cmpstr (row->after, ==, "{\"a\":1}");
  g_assert_null (row->before);
  g_assert_cmpint (row->object_id, ==, 42);
  g_clear_pointer (&tx, store_end);

  /* The old snapshot is still whole; what did not change is the same object. */
  config_fixture_add_listener (second);
  {
    g_autoptr (Config) newer = config_get_current ();

    g_assert_cmpuint (newer->n_listeners, ==, 2);
    g_assert_true (newer->listeners[0] == cfg->listeners[0]);
  }
  g_assert_cmpuint (empty->n_listeners, ==, 0);

  config_fixture_restart (fixture);
  g_clear_pointer (&cfg, config_unref);
  cfg = config_get_current ();
  g_assert_cmpuint (cfg->n_listeners, ==, 2);
}

/* ---- Refusals ---- */

static void
no_targets (StoreRoute *route)
{
  g_ptr_array_set_size (route->targets, 0);
}

static StoreTarget *
target_of (StoreRoute *route)
{
  return route->targets->pdata[0];
}

static void
bad_url (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->url, "ftp://x");
}

static void
bad_host (StoreRoute *route)
{
  config_fixture_set (&route->host_pattern, "a..b");
}

static void
bad_path (StoreRoute *route)
{
  config_fixture_set (&route->path_prefix, "x");
}

static void
bad_name (StoreRoute *route)
{
  config_fixture_set (&route->name, "a\nb");
}

static void
bad_priority (StoreRoute *route)
{
  route->priority = INT64_MAX;
}

static void
bad_default (StoreRoute *route)
{
  route->is_default = true;
}

static void
bad_listener (StoreRoute *route)
{
  route->listener_id = 999;
}

static void
bad_timeout (StoreRoute *route)
{
  target_of (route)->upstream_connect_timeout_ms = 0;
}

static void
bad_upgrade (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->allowed_upgrades[0], "H2C");
}

static void
bad_upgrade_tls (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->allowed_upgrades[0], "tls");
}

static void
bad_ca (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->url, "https://origin");
  config_fixture_set (&target_of (route)->tls_ca_pem, "not a certificate");
}

static void
bad_server_name (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->url, "https://origin");
  config_fixture_set (&target_of (route)->tls_server_name, "a b");
}

static void
bad_host_header (StoreRoute *route)
{
  target_of (route)->host_header = STORE_HOST_CUSTOM;
}

static void
bad_label (StoreRoute *route)
{
  target_of (route)->transport = STORE_TRANSPORT_AGENT;
  store_pairs_add (target_of (route)->match_labels, "a b", "");
}

static void
bad_agent_socket (StoreRoute *route)
{
  target_of (route)->transport = STORE_TRANSPORT_AGENT;
  config_fixture_set (&target_of (route)->url, "unix:/run/x");
}

static void
bad_status (StoreRoute *route)
{
  target_of (route)->type = STORE_TARGET_STATIC;
  target_of (route)->static_status_code = 101;
}

static void
bad_field (StoreRoute *route)
{
  target_of (route)->type = STORE_TARGET_STATIC;
  store_pairs_add (target_of (route)->static_response_headers, "X-A", "fine");
  store_pairs_add (target_of (route)->static_response_headers, "transfer-encoding", "chunked");
}

static void
bad_value (StoreRoute *route)
{
  target_of (route)->type = STORE_TARGET_STATIC;
  store_pairs_add (target_of (route)->static_response_headers, "X-A", "a\r\nX-B: c");
}

static void
bad_body (StoreRoute *route)
{
  target_of (route)->type = STORE_TARGET_STATIC;
  target_of (route)->static_status_code = 204;
  config_fixture_set (&target_of (route)->static_response_body, "x");
}

static void
bad_weight (StoreRoute *route)
{
  target_of (route)->weight = 0;
}

static void
bad_group (StoreRoute *route)
{
  target_of (route)->priority_group = 1001;
}

static void
bad_limit (StoreRoute *route)
{
  target_of (route)->max_connections = -1;
}

static void
bad_interval (StoreRoute *route)
{
  target_of (route)->health_interval_ms = 999;
}

static void
bad_check_timeout (StoreRoute *route)
{
  target_of (route)->health_interval_ms = 1000;
}

static void
bad_check_path (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->health_path, "live");
}

static void
bad_check_query (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->health_path, "/live?a b");
}

static void
bad_check_status (StoreRoute *route)
{
  target_of (route)->health_status_max = 199;
}

static void
bad_check_range (StoreRoute *route)
{
  target_of (route)->health_status_min = 400;
}

static void
bad_request_field (StoreRoute *route)
{
  store_pairs_add (target_of (route)->upstream_request_headers, "Transfer_Encoding", "chunked");
}

static void
bad_request_forwarded (StoreRoute *route)
{
  store_pairs_add (target_of (route)->upstream_request_headers, "X_Forwarded-For", "1.2.3.4");
}

static void
bad_request_via (StoreRoute *route)
{
  store_pairs_add (target_of (route)->upstream_request_headers, "via", "1.1 x");
}

static void
bad_request_value (StoreRoute *route)
{
  store_pairs_add (target_of (route)->upstream_request_headers, "X-A", "a\r\nX-B: c");
}

static void
bad_username (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->upstream_username, "a:b");
}

static void
bad_password_alone (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->upstream_password, "p");
}

static void
bad_two_authorizations (StoreRoute *route)
{
  config_fixture_set (&target_of (route)->upstream_username, "a");
  store_pairs_add (target_of (route)->upstream_request_headers, "authorization", "Bearer x");
}

static void
bad_redirect_code (StoreRoute *route)
{
  route->redirect_status_code = 304;
}

static void
bad_redirect_nowhere (StoreRoute *route)
{
  route->action = STORE_ACTION_REDIRECT;
}

/* The targets of redirects, by mode. */
static const struct
{
  StoreRedirectMode mode;
  const char *target;
  bool good;
} redirect_targets[] = {
  { STORE_REDIRECT_SAME_HOST_PATH, "/", true },
  { STORE_REDIRECT_SAME_HOST_PATH, "/new/place", true },
  { STORE_REDIRECT_SAME_HOST_PATH, "//evil.example", false },
  { STORE_REDIRECT_SAME_HOST_PATH, "/\\evil.example", false },
  { STORE_REDIRECT_SAME_HOST_PATH, "/a?b", false },
  { STORE_REDIRECT_SAME_HOST_PATH, "/a\r\nX: y", false },
  { STORE_REDIRECT_SAME_HOST_PATH, "/a b", false },
  { STORE_REDIRECT_SAME_HOST_PATH, "new", false },
  { STORE_REDIRECT_SAME_HOST_PATH, "https://x.example/", false },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "https://x.example", true },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "http://[2001:db8::1]:8080", true },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "https://x.example/", false },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "https://x.example/y", false },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "https://u@x.example", false },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "https://x.example?y", false },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "x.example", false },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "unix:/run/x", false },
  { STORE_REDIRECT_EXTERNAL_ORIGIN_KEEP_PATH, "javascript:alert(1)", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example", true },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example:8443/a/b?c=d&e#f", true },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example?q", true },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example/a#f?g", true },
  { STORE_REDIRECT_ABSOLUTE_URL, "/a", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "//x.example/a", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example/a b", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example/a?b c", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example/a?%zz", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example/a\nb", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://x.example/#a\"b", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "ftp://x.example/", false },
  { STORE_REDIRECT_ABSOLUTE_URL, "https://", false },
};

static const struct
{
  const char *name;
  void (*spoil) (StoreRoute *route);
  const char *field;
  bool by_store; /* a constraint of the store's says it */
} refusals[] = {
  { "url", bad_url, "targets[0].url", false },
  { "host", bad_host, "host_pattern", false },
  { "path", bad_path, "path_prefix", false },
  { "name", bad_name, "name", false },
  { "priority", bad_priority, "priority", false },
  { "default", bad_default, "is_default", true },
  { "listener", bad_listener, "listener_id", true },
  { "timeout", bad_timeout, "targets[0].upstream_connect_timeout_ms", false },
  { "upgrade", bad_upgrade, "targets[0].allowed_upgrades", false },
  { "upgrade-tls", bad_upgrade_tls, "targets[0].allowed_upgrades", false },
  { "ca", bad_ca, "targets[0].tls_ca_pem", false },
  { "server-name", bad_server_name, "targets[0].tls_server_name", false },
  { "host-header", bad_host_header, "targets[0].custom_host_header", false },
  { "label", bad_label, "targets[0].agent_selector", false },
  { "agent-socket", bad_agent_socket, "targets[0].url", false },
  { "status", bad_status, "targets[0].static_status_code", false },
  { "field", bad_field, "targets[0].static_response_headers[1].name", false },
  { "value", bad_value, "targets[0].static_response_headers[0].value", false },
  { "body", bad_body, "targets[0].static_response_body", false },
  { "weight", bad_weight, "targets[0].weight", false },
  { "group", bad_group, "targets[0].priority_group", false },
  { "limit", bad_limit, "targets[0].max_connections", false },
  { "interval", bad_interval, "targets[0].health_check.interval_ms", false },
  { "check-timeout", bad_check_timeout, "targets[0].health_check.timeout_ms", false },
  { "check-path", bad_check_path, "targets[0].health_check.path", false },
  { "check-query", bad_check_query, "targets[0].health_check.path", false },
  { "check-status", bad_check_status, "targets[0].health_check.expected_status_max", false },
  { "check-range", bad_check_range, "targets[0].health_check.expected_status_max", false },
  { "request-field", bad_request_field, "targets[0].upstream_request_headers[0].name", false },
  { "request-forwarded", bad_request_forwarded, "targets[0].upstream_request_headers[0].name",
    false },
  { "request-via", bad_request_via, "targets[0].upstream_request_headers[0].name", false },
  { "request-value", bad_request_value, "targets[0].upstream_request_headers[0].value", false },
  { "username", bad_username, "targets[0].upstream_basic_auth", false },
  { "password-alone", bad_password_alone, "targets[0].upstream_basic_auth", false },
  { "two-authorizations", bad_two_authorizations, "targets[0].upstream_basic_auth", false },
  { "redirect-code", bad_redirect_code, "redirect_status_code", false },
  { "redirect-nowhere", bad_redirect_nowhere, "redirect_target", false },
};

static void
test_refusals (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) kept = NULL;
  g_autoptr (Config) before = NULL;
  unsigned n_rows;

  (void) data;
  config_fixture_add_listener (listener);
  kept = config_fixture_route (listener->id, "kept", "", "/");
  kept->is_default = true;
  config_fixture_add_route (kept);
  before = config_get_current ();
  n_rows = n_audit_rows (fixture);
  for (unsigned i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autoptr (StoreRoute) route = config_fixture_route (listener->id, "r", "a.example", "/");
      g_autoptr (GError) error = NULL;
      g_autoptr (Config) after = NULL;
      Edit edit = { .route = route };

      config_fixture_target (route, "t", "http://origin");
      refusals[i].spoil (route);
      error = config_fixture_change (apply, &edit);
      g_test_message ("%s: %s", refusals[i].name, error ? error->message : "went through");
      g_assert_nonnull (error);
      g_assert_cmpstr (refusals[i].by_store ? store_error_get_field (error)
                                            : config_error_get_field (error),
                       ==, refusals[i].field);
      g_assert_null (strchr (error->message, '\n'));
      after = config_get_current ();
      g_assert_true (after == before); /* the old one stays */
    }
  g_assert_cmpuint (n_audit_rows (fixture), ==, n_rows);
}

static void
test_redirect_targets (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  for (unsigned i = 0; i < G_N_ELEMENTS (redirect_targets); i++)
    {
      g_autoptr (StoreRoute) route = config_fixture_route (listener->id, "r", "a.example", "/");
      g_autoptr (GError) error = NULL;
      Edit edit = { .route = route };

      route->action = STORE_ACTION_REDIRECT;
      route->redirect_target_mode = redirect_targets[i].mode;
      config_fixture_set (&route->redirect_target, redirect_targets[i].target);
      error = config_fixture_change (apply, &edit);
      g_test_message ("%s: %s", redirect_targets[i].target, error ? error->message : "fine");
      g_assert_cmpint (error == NULL, ==, redirect_targets[i].good);
      if (error)
        g_assert_cmpstr (config_error_get_field (error), ==, "redirect_target");
    }
}

static void
test_trusted (ConfigFixture *fixture, const void *data)
{
  static const char *const bad[]
      = { "", "10.0.0.0/33", "fd00::/129", "example.com", "10.0.0.0/-1" };
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (Config) cfg = NULL;
  Edit edit = { .listener = listener };
  ConfigChange change = { .apply = apply, .data = &edit, .dry_run = true };
  const ConfigListener *found;

  (void) fixture;
  (void) data;
  listener->accept_proxy_protocol = STORE_PROXY_PROTOCOL_V2;
  g_assert_true (config_change (&change, NULL));
  g_assert_cmpuint (g_strv_length (change.warnings), ==, 1);
  g_assert_nonnull (
      strstr (change.warnings[0], "PROXY headers are read while trusted_proxy_cidrs is empty"));
  config_change_clear (&change);
  config_fixture_set (&listener->bind_address, "unix:/run/a");
  listener->port = 0;
  g_assert_true (config_change (&change, NULL));
  g_assert_cmpuint (g_strv_length (change.warnings), ==, 1);
  g_assert_nonnull (strstr (change.warnings[0], "from a Unix socket"));
  config_change_clear (&change);
  config_fixture_set (&listener->bind_address, "127.0.0.1");
  for (unsigned i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_strfreev (listener->trusted_proxy_cidrs);
      listener->trusted_proxy_cidrs = g_new0 (char *, 3);
      listener->trusted_proxy_cidrs[0] = g_strdup ("10.0.0.0/8");
      listener->trusted_proxy_cidrs[1] = g_strdup (bad[i]);
      error = config_fixture_change (apply, &edit);
      g_assert_error (error, CONFIG_ERROR, CONFIG_ERROR_INVALID);
      g_assert_cmpstr (config_error_get_field (error), ==, "trusted_proxy_cidrs[1]");
    }
  config_fixture_set (&listener->trusted_proxy_cidrs[1], "fd00::/8");
  config_fixture_add_listener (listener);
  cfg = config_get_current ();
  found = config_find_listener (cfg, listener->id);
  g_assert_cmpint (found->proxy_protocol, ==, CONFIG_PROXY_PROTOCOL_V2);
  g_assert_cmpuint (found->n_trusted_proxies, ==, 2);
  g_assert_cmpuint (found->trusted_proxies[0].bits, ==, 104); /* ::ffff:10.0.0.0/104 */
  g_assert_cmpuint (found->trusted_proxies[1].bits, ==, 8);
}

static void
test_listeners (ConfigFixture *fixture, const void *data)
{
  static const struct
  {
    const char *first, *second;
    int port_first, port_second;
    bool disabled, conflict;
  } cases[] = {
    { "", "", 80, 80, false, true },
    { "", "", 80, 81, false, false },
    { "", "", 0, 0, false, false },
    { "", "", 80, 80, true, false },
    { "", "127.0.0.1", 80, 80, false, true },
    { "0.0.0.0", "127.0.0.1", 80, 80, false, true },
    { "127.0.0.2", "127.0.0.1", 80, 80, false, false },
    { "::", "127.0.0.1", 80, 80, false, false },
    { "::", "::1", 80, 80, false, true },
    { "::1", "0:0::1", 80, 80, false, true },
    { "::", "", 80, 80, false, true },
    { "unix:/a", "unix:/a", 0, 0, false, true },
    { "unix:/a", "unix:/b", 0, 0, false, false },
  };

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (StoreListener) first
          = config_fixture_listener ("a", STORE_PROTOCOL_HTTP, cases[i].port_first);
      g_autoptr (StoreListener) second
          = config_fixture_listener ("b", STORE_PROTOCOL_HTTP, cases[i].port_second);
      g_autoptr (GError) error = NULL;
      Edit edit = { .listener = second };
      Edit undo = { 0 };

      config_fixture_set (&first->bind_address, cases[i].first);
      config_fixture_set (&second->bind_address, cases[i].second);
      second->enabled = !cases[i].disabled;
      config_fixture_add_listener (first);
      error = config_fixture_change (apply, &edit);
      g_test_message ("%u: %s", i, error ? error->message : "went through");
      if (cases[i].conflict)
        {
          g_assert_error (error, CONFIG_ERROR, CONFIG_ERROR_CONFLICT);
          g_assert_nonnull (strstr (error->message, "'a'"));
        }
      else
        {
          g_assert_no_error (error);
          undo.delete_listener = second->id;
          g_assert_no_error (config_fixture_change (apply, &undo));
        }
      undo.delete_listener = first->id;
      g_assert_no_error (config_fixture_change (apply, &undo));
    }
}

/* ---- Targets ---- */

static const ConfigTarget *
find_target (const Config *cfg, int64_t listener_id, const char *route_name)
{
  const ConfigListener *listener = config_find_listener (cfg, listener_id);

  for (unsigned i = 0; i < listener->n_routes; i++)
    if (strcmp (listener->routes[i]->name, route_name) == 0)
      return listener->routes[i]->targets[0];
  return NULL;
}

static void
test_targets (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) proxied = NULL;
  g_autoptr (StoreRoute) fixed = NULL;
  g_autoptr (Config) cfg = NULL;
  const ConfigTarget *target;
  StoreTarget *row;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  proxied = config_fixture_route (listener->id, "proxied", "", "/");
  row = config_fixture_target (proxied, "off", "http://off");
  row->enabled = false;
  row = config_fixture_target (proxied, "t", "https://Origin.example:8443/base/");
  row->host_header = STORE_HOST_TARGET;
  config_fixture_set (&row->allowed_upgrades[0], "WebSocket");
  row->transport = STORE_TRANSPORT_AGENT;
  store_pairs_add (row->match_labels, "site", "home");
  config_fixture_add_route (proxied);
  fixed = config_fixture_route (listener->id, "fixed", "", "/x");
  row = config_fixture_target (fixed, "s", "");
  row->type = STORE_TARGET_STATIC;
  row->static_status_code = 404;
  store_pairs_add (row->static_response_headers, "X-A", "1");
  store_pairs_add (row->static_response_headers, "X-B", "");
  config_fixture_set (&row->static_response_body, "gone");
  config_fixture_add_route (fixed);

  cfg = config_get_current ();
  target = find_target (cfg, listener->id, "proxied");
  g_assert_cmpstr (target->name, ==, "t"); /* enabled ones only */
  g_assert_cmpstr (target->host, ==, "origin.example");
  g_assert_cmpuint (target->port, ==, 8443);
  g_assert_true (target->https);
  g_assert_nonnull (target->tls);
  g_assert_cmpstr (target->base_path, ==, "/base");
  g_assert_cmpstr (target->host_value, ==, "origin.example:8443");
  g_assert_cmpstr (target->tls_server_name, ==, "origin.example");
  g_assert_cmpstr (target->allowed_upgrades[0], ==, "websocket");
  g_assert_cmpint (target->response_header_timeout_ms, ==, 60000);
  g_assert_cmpuint (target->n_labels, ==, 1);
  g_assert_cmpuint (target->origin_key, !=, 0);
  target = find_target (cfg, listener->id, "fixed");
  g_assert_true (target->type == CONFIG_TARGET_STATIC);
  g_assert_cmpuint (target->static_status_code, ==, 404);
  g_assert_cmpmem (target->static_fields.p, target->static_fields.n, "X-A: 1\r\nX-B: \r\n", 15);
  g_assert_cmpmem (target->static_body.p, target->static_body.n, "gone", 4);
}

static StoreTarget *
grouped_target (StoreRoute *route, const char *name, unsigned group, bool enabled)
{
  StoreTarget *row = config_fixture_target (route, name, "http://origin");

  row->priority_group = group;
  row->enabled = enabled;
  return row;
}

/* The enabled ones, by group and then position; a new order is seen although no target changed. */
static void
test_order (ConfigFixture *fixture, const void *data)
{
  static const char *const wanted[] = { "a", "d", "e", "b" };
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) row = NULL;
  g_autoptr (Config) cfg = NULL;
  Edit edit = { .update = true };
  const ConfigTargetState *state;
  const ConfigRoute *route;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  row = config_fixture_route (listener->id, "r", "", "/");
  row->target_load_balancing = STORE_BALANCE_WEIGHTED_RANDOM;
  grouped_target (row, "a", 0, true);
  grouped_target (row, "b", 7, true);
  grouped_target (row, "c", 0, false);
  grouped_target (row, "d", 0, true)->weight = 1000;
  grouped_target (row, "e", 3, true);
  config_fixture_add_route (row);
  cfg = config_get_current ();
  route = config_find_listener (cfg, listener->id)->routes[0];
  g_assert_cmpint (route->balancing, ==, CONFIG_BALANCE_WEIGHTED_RANDOM);
  g_assert_cmpuint (route->n_targets, ==, G_N_ELEMENTS (wanted));
  for (unsigned i = 0; i < G_N_ELEMENTS (wanted); i++)
    g_assert_cmpstr (route->targets[i]->name, ==, wanted[i]);
  g_assert_cmpuint (route->targets[1]->position, ==, 3);
  g_assert_cmpuint (route->targets[1]->weight, ==, 1000);

  /* What runs is passed on to later versions. */
  g_assert_true (route->targets[0]->state != route->targets[1]->state);
  state = route->targets[1]->state;
  ((StoreTarget *) row->targets->pdata[3])->weight = 2;
  g_ptr_array_add (row->targets, g_ptr_array_steal_index (row->targets, 0));
  edit.route = row;
  g_assert_no_error (config_fixture_change (apply, &edit));
  g_clear_pointer (&cfg, config_unref);
  cfg = config_get_current ();
  route = config_find_listener (cfg, listener->id)->routes[0];
  g_assert_cmpstr (route->targets[0]->name, ==, "d");
  g_assert_cmpuint (route->targets[0]->weight, ==, 2);
  g_assert_true (route->targets[0]->state == state);
  g_assert_cmpstr (route->targets[1]->name, ==, "a");
  g_assert_cmpuint (route->targets[1]->position, ==, 4);
}

static void
test_request_fields (ConfigFixture *fixture, const void *data)
{
  static const char wanted[] = "X-Key: k\r\nx_Other: \r\nAuthorization: Basic dTpw\r\n";
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) route = NULL;
  g_autoptr (Config) cfg = NULL;
  const ConfigTarget *target;
  StoreTarget *row;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  route = config_fixture_route (listener->id, "r", "", "/");
  row = config_fixture_target (route, "t", "http://origin");
  store_pairs_add_sensitive (row->upstream_request_headers, "X-Key", "k");
  store_pairs_add (row->upstream_request_headers, "x_Other", "");
  config_fixture_set (&row->upstream_username, "u");
  config_fixture_set (&row->upstream_password, "p");
  row->health_method = STORE_HEALTH_HEAD;
  config_fixture_set (&row->health_path, "/live?deep=1");
  row->max_connections = 5;
  config_fixture_add_route (route);
  cfg = config_get_current ();
  target = find_target (cfg, listener->id, "r");
  g_assert_cmpmem (target->request_fields.p, target->request_fields.n, wanted, strlen (wanted));
  g_assert_cmpstr (target->request_field_names[0], ==, "x-key");
  g_assert_cmpstr (target->request_field_names[1], ==, "x_other");
  g_assert_cmpstr (target->request_field_names[2], ==, "authorization");
  g_assert_null (target->request_field_names[3]);
  g_assert_false (target->health.enabled);
  g_assert_cmpstr (target->health.method, ==, "HEAD");
  g_assert_cmpstr (target->health.path, ==, "/live?deep=1");
  g_assert_cmpuint (target->health.status_max, ==, 399);
  g_assert_cmpuint (target->max_connections, ==, 5);
  g_assert_cmpuint (target->weight, ==, 1);
}

static void
test_origin_keys (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) a = NULL;
  g_autoptr (StoreRoute) b = NULL;
  g_autoptr (Config) cfg = NULL;
  g_autoptr (Config) later = NULL;
  Edit edit = { .update = true };
  StoreTarget *row;
  uint64_t key;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  a = config_fixture_route (listener->id, "a", "", "/a");
  row = config_fixture_target (a, "t", "https://origin/one");
  b = config_fixture_route (listener->id, "b", "", "/b");
  config_fixture_target (b, "t", "https://origin:443/two");
  config_fixture_add_route (a);
  config_fixture_add_route (b);
  cfg = config_get_current ();
  key = find_target (cfg, listener->id, "a")->origin_key;
  /* Another path on the same origin: one pool, and one TLS context. */
  g_assert_cmpuint (find_target (cfg, listener->id, "b")->origin_key, ==, key);
  g_assert_true (find_target (cfg, listener->id, "b")->tls
                 == find_target (cfg, listener->id, "a")->tls);

  /* Another timeout: another target, the same origin. The other route is the same object. */
  row->upstream_connect_timeout_ms = 5;
  edit.route = a;
  g_assert_no_error (config_fixture_change (apply, &edit));
  later = config_get_current ();
  g_assert_true (find_target (later, listener->id, "a") != find_target (cfg, listener->id, "a"));
  g_assert_true (find_target (later, listener->id, "b") == find_target (cfg, listener->id, "b"));
  g_assert_cmpuint (find_target (later, listener->id, "a")->origin_key, ==, key);
  g_assert_true (find_target (later, listener->id, "a")->tls
                 == find_target (cfg, listener->id, "b")->tls);

  /* Another member of the route alone: the target is the same object. */
  a->priority = 3;
  g_assert_no_error (config_fixture_change (apply, &edit));
  g_clear_pointer (&cfg, config_unref);
  cfg = config_get_current ();
  g_assert_true (find_target (cfg, listener->id, "a") == find_target (later, listener->id, "a"));

  /* What makes another origin: verification, server name, transport, labels, port, scheme, host. */
  for (int i = 0; i < 7; i++)
    {
      g_autoptr (Config) now = NULL;
      uint64_t before = find_target (cfg, listener->id, "a")->origin_key, after;

      switch (i)
        {
        case 0:
          row->tls_skip_verify = true;
          break;
        case 1:
          config_fixture_set (&row->tls_server_name, "other");
          break;
        case 2:
          row->transport = STORE_TRANSPORT_AGENT;
          break;
        case 3:
          store_pairs_add (row->match_labels, "site", "x");
          break;
        case 4:
          config_fixture_set (&row->url, "https://origin:444");
          break;
        case 5:
          config_fixture_set (&row->url, "http://origin:444");
          break;
        default:
          config_fixture_set (&row->url, "http://origin2:444");
          break;
        }
      g_assert_no_error (config_fixture_change (apply, &edit));
      now = config_get_current ();
      after = find_target (now, listener->id, "a")->origin_key;
      g_assert_cmpuint (after, !=, key);
      g_assert_cmpuint (after, !=, before);
      config_unref (cfg);
      cfg = config_ref (now);
    }
}

/* ---- Agents, start ---- */

static void
test_agents (ConfigFixture *fixture, const void *data)
{
  static const char *const bad_keys[] = { "p2pstream.io/x", "", "a b" };
  g_autoptr (StoreAgent) agent = store_agent_new ();
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) route = NULL;
  g_autoptr (Config) cfg = NULL;
  const ConfigAgent *found;
  const ConfigTarget *target;
  StoreTarget *row;
  ConfigChange change = { .apply = apply };
  Edit edit = { 0 };

  (void) fixture;
  (void) data;
  config_fixture_set (&agent->name, "home");
  config_fixture_set (&agent->public_id, "agt_b");
  store_pairs_add (agent->labels, "site", "home");
  agent->token_sha256[0] = 9;
  config_fixture_add_agent (agent);
  for (unsigned i = 0; i < 2; i++)
    {
      g_autoptr (StoreAgent) other = store_agent_new ();

      config_fixture_set (&other->name, i ? "c" : "a");
      config_fixture_set (&other->public_id, i ? "agt_c" : "agt");
      config_fixture_add_agent (other);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (bad_keys); i++)
    {
      g_autoptr (StoreAgent) bad = store_agent_new ();
      g_autoptr (GError) error = NULL;

      config_fixture_set (&bad->name, "bad");
      config_fixture_set (&bad->public_id, "agt_bad");
      store_pairs_add (bad->labels, bad_keys[i], "x");
      edit.agent = bad;
      error = config_fixture_change (apply, &edit);
      g_assert_error (error, CONFIG_ERROR, CONFIG_ERROR_INVALID);
      g_assert_cmpstr (config_error_get_field (error), ==, "labels");
    }

  config_fixture_add_listener (listener);
  route = config_fixture_route (listener->id, "r", "", "/");
  row = config_fixture_target (route, "t", "http://origin");
  row->transport = STORE_TRANSPORT_AGENT;
  store_pairs_add (row->match_labels, "site", "nowhere");
  edit = (Edit){ .route = route };
  change.data = &edit;
  g_assert_true (config_change (&change, NULL));
  g_assert_cmpuint (g_strv_length (change.warnings), ==, 1);
  g_assert_nonnull (strstr (change.warnings[0], "no agent"));
  config_change_clear (&change);

  cfg = config_get_current ();
  found = config_find_agent (cfg, P2P_SPAN ("agt_b"));
  g_assert_nonnull (found);
  g_assert_cmpstr (found->name, ==, "home");
  g_assert_cmpuint (found->token_sha256[0], ==, 9);
  g_assert_true (config_find_agent_by_id (cfg, found->id) == found);
  g_assert_null (config_find_agent (cfg, P2P_SPAN ("agt_")));
  g_assert_null (config_find_agent (cfg, P2P_SPAN ("agt_bb")));
  g_assert_null (config_find_agent (cfg, P2P_SPAN_NONE));
  g_assert_cmpuint (found->n_labels, ==, 2);
  g_assert_cmpstr (found->labels[1].key, ==, "p2pstream.io/agent-id");
  target = find_target (cfg, listener->id, "r");
  g_assert_false (config_selector_matches (target, found));
  g_ptr_array_set_size (row->match_labels, 0);
  store_pairs_add (row->match_labels, "p2pstream.io/agent-id", "agt_b");
  edit.update = true;
  g_assert_no_error (config_fixture_change (apply, &edit));
  g_clear_pointer (&cfg, config_unref);
  cfg = config_get_current ();
  target = find_target (cfg, listener->id, "r");
  g_assert_true (config_selector_matches (target, config_find_agent (cfg, P2P_SPAN ("agt_b"))));
  g_assert_false (config_selector_matches (target, config_find_agent (cfg, P2P_SPAN ("agt_c"))));
}

static void
test_bad_start (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (GError) error = NULL;
  StoreTx *tx;

  (void) data;
  config_fixture_add_listener (listener);
  config_stop ();
  tx = store_begin_write (fixture->store, NULL);
  g_assert_cmpint (
      sqlite3_exec (tx->conn->db, "UPDATE listeners SET port = 99999", NULL, NULL, NULL), ==,
      SQLITE_OK);
  g_assert_true (store_commit (tx, NULL));
  store_end (tx);
  g_assert_false (config_start (fixture->store, &error));
  g_assert_cmpstr (error->message, ==,
                   "stored configuration: listener 'web': port must be between 0 and 65535");
  g_assert_cmpstr (config_error_get_field (error), ==, "port");
  tx = store_begin_write (fixture->store, NULL);
  g_assert_cmpint (sqlite3_exec (tx->conn->db, "UPDATE listeners SET port = 80", NULL, NULL, NULL),
                   ==, SQLITE_OK);
  g_assert_true (store_commit (tx, NULL));
  store_end (tx);
  g_clear_error (&error);
  g_assert_true (config_start (fixture->store, &error));
}

/* ---- Threads ---- */

typedef struct
{
  int64_t listener_id;
  atomic_bool stop;
} Race;

static void *
reader_main (void *data)
{
  Race *race = data;

  while (!atomic_load (&race->stop))
    {
      g_autoptr (Config) cfg = config_get_current ();
      const ConfigListener *listener = config_find_listener (cfg, race->listener_id);
      const ConfigRoute *route = config_match (listener, P2P_SPAN ("a.example"), P2P_SPAN ("/x"));

      if (route)
        g_assert_cmpstr (route->targets[0]->host, ==, "origin");
    }
  return NULL;
}

static void
test_race (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  Race race = { 0 };
  pthread_t threads[3];

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  race.listener_id = listener->id;
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    P2P_PTHREAD (pthread_create (&threads[i], NULL, reader_main, &race));
  for (int i = 0; i < 60; i++)
    {
      g_autoptr (StoreRoute) route = config_fixture_route (listener->id, "r", "a.example", "/");
      Edit edit = { 0 };

      config_fixture_target (route, "t", "http://origin");
      config_fixture_add_route (route);
      edit.delete_route = route->id;
      g_assert_no_error (config_fixture_change (apply, &edit));
    }
  atomic_store (&race.stop, true);
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    P2P_PTHREAD (pthread_join (threads[i], NULL));
}

static void
test_warnings (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) route = NULL;
  Edit edit = { 0 };
  ConfigChange change = { .apply = apply, .data = &edit, .dry_run = true };

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  route = config_fixture_route (listener->id, "r", "", "/");
  no_targets (route);
  edit.route = route;
  g_assert_true (config_change (&change, NULL));
  g_assert_cmpuint (g_strv_length (change.warnings), ==, 1);
  g_assert_nonnull (strstr (change.warnings[0], "no enabled target"));
  config_change_clear (&change);

  config_fixture_target (route, "t", "https://origin")->tls_skip_verify = true;
  config_fixture_target (route, "u", "http://origin")->weight = 2;
  g_assert_true (config_change (&change, NULL));
  g_assert_cmpuint (g_strv_length (change.warnings), ==, 2);
  g_assert_cmpstr (change.warnings[0], ==,
                   "route 'r': target 't': certificates of the origin are not verified");
  g_assert_nonnull (strstr (change.warnings[1], "weight"));
  config_change_clear (&change);

  for (unsigned i = 0; i < route->targets->len; i++)
    ((StoreTarget *) route->targets->pdata[i])->id = 0; /* the dry run's */
  route->action = STORE_ACTION_REDIRECT;
  config_fixture_set (&route->redirect_target, "/new");
  g_assert_true (config_change (&change, NULL));
  g_assert_cmpuint (g_strv_length (change.warnings), ==, 2);
  g_assert_nonnull (strstr (change.warnings[0], "a circle"));
  g_assert_nonnull (strstr (change.warnings[1], "not used"));
  config_change_clear (&change);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func)                                                                            \
  g_test_add ("/config/" path, ConfigFixture, NULL, config_fixture_init, func, config_fixture_done)
  ADD ("change", test_change);
  ADD ("refusals", test_refusals);
  ADD ("redirect-targets", test_redirect_targets);
  ADD ("trusted", test_trusted);
  ADD ("listeners", test_listeners);
  ADD ("targets", test_targets);
  ADD ("order", test_order);
  ADD ("request-fields", test_request_fields);
  ADD ("origin-keys", test_origin_keys);
  ADD ("agents", test_agents);
  ADD ("bad-start", test_bad_start);
  ADD ("race", test_race);
  ADD ("warnings", test_warnings);
#undef ADD
  return g_test_run ();
}
