/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Routes and their targets that are refused, and leave everything as it was. */
#include "lib/lock.h"
#include "tests/unit/config-fixture.h"

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
  n_rows = config_fixture_count_audit (fixture);
  for (unsigned i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autoptr (StoreRoute) route = config_fixture_route (listener->id, "r", "a.example", "/");
      g_autoptr (GError) error = NULL;
      g_autoptr (Config) after = NULL;
      ConfigEdit edit = { .route = route };

      config_fixture_target (route, "t", "http://origin");
      refusals[i].spoil (route);
      error = config_fixture_edit (&edit);
      g_test_message ("%s: %s", refusals[i].name, error ? error->message : "went through");
      g_assert_nonnull (error);
      g_assert_cmpstr (refusals[i].by_store ? store_error_get_field (error)
                                            : config_error_get_field (error),
                       ==, refusals[i].field);
      g_assert_null (strchr (error->message, '\n'));
      after = config_get_current ();
      g_assert_true (after == before); /* the old one stays */
    }
  g_assert_cmpuint (config_fixture_count_audit (fixture), ==, n_rows);
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
      ConfigEdit edit = { .route = route };

      route->action = STORE_ACTION_REDIRECT;
      route->redirect_target_mode = redirect_targets[i].mode;
      config_fixture_set (&route->redirect_target, redirect_targets[i].target);
      error = config_fixture_edit (&edit);
      g_test_message ("%s: %s", redirect_targets[i].target, error ? error->message : "fine");
      g_assert_cmpint (error == NULL, ==, redirect_targets[i].good);
      if (error)
        g_assert_cmpstr (config_error_get_field (error), ==, "redirect_target");
    }
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  config_fixture_add_test ("/config/refusals", test_refusals);
  config_fixture_add_test ("/config/redirect-targets", test_redirect_targets);
  return g_test_run ();
}
