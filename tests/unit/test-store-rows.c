/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The store: each table's rows there and back. */
#include "tests/unit/store-fixture.h"

static void
add_target (StoreRoute *route, const char *name)
{
  StoreTarget *target = store_target_new ();

  store_fixture_set (&target->name, name);
  store_fixture_set (&target->url, "https://origin.example:8443/base");
  store_pairs_add (target->match_labels, "site", "\"quoted\"");
  store_pairs_add (target->static_response_headers, "X-A", "1");
  store_pairs_add (target->static_response_headers, "X-A", "2");
  target->upstream_idle_timeout_ms = 7;
  g_ptr_array_add (route->targets, target);
}

static void
test_targets (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  g_autoptr (StoreRoute) route = store_route_new ();
  g_autoptr (StoreRoute) back = NULL;
  StoreTarget *target;
  int64_t first, second;

  (void) data;
  store_fixture_set (&route->name, "r");
  route->listener_id = store_fixture_insert_listener (tx, "web", &error);
  add_target (route, "a");
  add_target (route, "b");
  g_assert_true (store_route_insert (tx, route, &error));
  first = ((StoreTarget *) route->targets->pdata[0])->id;
  second = ((StoreTarget *) route->targets->pdata[1])->id;

  back = store_route_get (tx, route->id, &error);
  g_assert_no_error (error);
  target = back->targets->pdata[0];
  g_assert_cmpint (target->id, ==, first);
  g_assert_cmpstr (target->url, ==, "https://origin.example:8443/base");
  g_assert_cmpstr (store_pairs_get (target->match_labels, "site"), ==, "\"quoted\"");
  g_assert_cmpuint (target->static_response_headers->len, ==, 2);
  g_assert_cmpstr (target->allowed_upgrades[0], ==, "websocket");
  g_assert_null (target->allowed_upgrades[1]);
  g_assert_cmpint (target->upstream_idle_timeout_ms, ==, 7);

  /* Turned round, the one changed, the other not; a third made. */
  target = g_ptr_array_steal_index (back->targets, 0);
  g_ptr_array_add (back->targets, target);
  target->enabled = false;
  add_target (back, "c");
  g_assert_true (store_route_update (tx, back, 1, &error));
  g_assert_no_error (error);
  g_clear_pointer (&route, store_route_free);
  route = store_route_get (tx, back->id, &error);
  g_assert_cmpuint (route->targets->len, ==, 3);
  target = route->targets->pdata[0];
  g_assert_cmpint (target->id, ==, second);
  g_assert_cmpint (target->version, ==, 1);
  target = route->targets->pdata[1];
  g_assert_cmpint (target->id, ==, first);
  g_assert_cmpint (target->version, ==, 2);

  /* Left out: deleted. Another route's id: refused. */
  g_ptr_array_remove_index (route->targets, 0);
  g_assert_true (store_route_update (tx, route, 0, &error));
  target = route->targets->pdata[0];
  target->id = second;
  g_assert_false (store_route_update (tx, route, 0, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_REFERENCE);
  g_assert_cmpstr (store_error_get_field (error), ==, "targets[0].id");
  store_end (tx);
}

/* Every member of the proxy's rows comes back; each change of one is a new version of the target.
 */
static void
fill_target (StoreTarget *row)
{
  row->priority_group = 3;
  row->weight = 7;
  row->agent_load_balancing = STORE_BALANCE_WEIGHTED_RANDOM;
  row->max_concurrent_requests = 11;
  row->max_connections = 12;
  store_pairs_add (row->upstream_request_headers, "X-Plain", "seen");
  store_pairs_add_sensitive (row->upstream_request_headers, "X-Key", "canary");
  store_fixture_set (&row->upstream_username, "u");
  store_fixture_set (&row->upstream_password, "p");
  row->health_enabled = true;
  row->health_method = STORE_HEALTH_OPTIONS;
  store_fixture_set (&row->health_path, "/live?x");
  row->health_interval_ms = 2000;
  row->health_timeout_ms = 300;
  row->health_healthy_threshold = 4;
  row->health_unhealthy_threshold = 5;
  row->health_status_min = 201;
  row->health_status_max = 299;
}

static void
check_filled_target (const StoreTarget *row)
{
  const StorePair *key = row->upstream_request_headers->pdata[1];

  g_assert_cmpint (row->priority_group, ==, 3);
  g_assert_cmpint (row->weight, ==, 7);
  g_assert_cmpint (row->agent_load_balancing, ==, STORE_BALANCE_WEIGHTED_RANDOM);
  g_assert_cmpint (row->max_concurrent_requests, ==, 11);
  g_assert_cmpint (row->max_connections, ==, 12);
  g_assert_cmpuint (row->upstream_request_headers->len, ==, 2);
  g_assert_false (((StorePair *) row->upstream_request_headers->pdata[0])->sensitive);
  g_assert_cmpstr (key->name, ==, "X-Key");
  g_assert_cmpstr (key->value, ==, "canary");
  g_assert_true (key->sensitive);
  g_assert_cmpstr (row->upstream_username, ==, "u");
  g_assert_cmpstr (row->upstream_password, ==, "p");
  g_assert_true (row->health_enabled);
  g_assert_cmpint (row->health_method, ==, STORE_HEALTH_OPTIONS);
  g_assert_cmpstr (row->health_path, ==, "/live?x");
  g_assert_cmpint (row->health_interval_ms, ==, 2000);
  g_assert_cmpint (row->health_timeout_ms, ==, 300);
  g_assert_cmpint (row->health_healthy_threshold, ==, 4);
  g_assert_cmpint (row->health_unhealthy_threshold, ==, 5);
  g_assert_cmpint (row->health_status_min, ==, 201);
  g_assert_cmpint (row->health_status_max, ==, 299);
}

static void
change_member (StoreTarget *row, int which)
{
  int64_t *const numbers[] = { &row->priority_group,           &row->weight,
                               &row->max_concurrent_requests,  &row->max_connections,
                               &row->health_interval_ms,       &row->health_timeout_ms,
                               &row->health_healthy_threshold, &row->health_unhealthy_threshold,
                               &row->health_status_min,        &row->health_status_max };

  switch (which)
    {
    case 0:
      store_fixture_set (&row->upstream_username, "other");
      break;
    case 1:
      store_fixture_set (&row->upstream_password, "other");
      break;
    case 2:
      store_fixture_set (&row->health_path, "/other");
      break;
    case 3:
      row->health_method = STORE_HEALTH_HEAD;
      break;
    case 4:
      row->health_enabled = false;
      break;
    case 5:
      row->agent_load_balancing = STORE_BALANCE_LEAST_ACTIVE;
      break;
    case 6:
      ((StorePair *) row->upstream_request_headers->pdata[0])->sensitive = true;
      break;
    default:
      ++*numbers[which - 7];
      break;
    }
}

static void
test_proxy_members (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  g_autoptr (StoreListener) listener = store_listener_new ();
  g_autoptr (StoreListener) heard = NULL;
  g_autoptr (StoreRoute) route = store_route_new ();
  g_autoptr (StoreRoute) back = NULL;

  (void) data;
  store_fixture_set (&listener->name, "web");
  g_strfreev (listener->trusted_proxy_cidrs);
  listener->trusted_proxy_cidrs = g_strsplit ("10.0.0.0/8,fd00::/8", ",", -1);
  listener->accept_proxy_protocol = STORE_PROXY_PROTOCOL_V2;
  g_assert_true (store_listener_insert (tx, listener, &error));
  g_assert_true (store_listener_update (tx, listener, 1, &error));
  heard = store_listener_get (tx, listener->id, &error);
  g_assert_cmpstr (heard->trusted_proxy_cidrs[1], ==, "fd00::/8");
  g_assert_cmpint (heard->accept_proxy_protocol, ==, STORE_PROXY_PROTOCOL_V2);

  route->listener_id = listener->id;
  route->action = STORE_ACTION_REDIRECT;
  route->target_load_balancing = STORE_BALANCE_WEIGHTED_LEAST_ACTIVE;
  route->redirect_target_mode = STORE_REDIRECT_ABSOLUTE_URL;
  store_fixture_set (&route->redirect_target, "https://x.example/");
  route->redirect_status_code = 308;
  route->redirect_preserve_query = true;
  add_target (route, "t");
  fill_target (route->targets->pdata[0]);
  g_assert_true (store_route_insert (tx, route, &error));
  g_assert_true (store_route_update (tx, route, 1, &error));
  back = store_route_get (tx, route->id, &error);
  g_assert_no_error (error);
  g_assert_cmpint (back->action, ==, STORE_ACTION_REDIRECT);
  g_assert_cmpint (back->target_load_balancing, ==, STORE_BALANCE_WEIGHTED_LEAST_ACTIVE);
  g_assert_cmpint (back->redirect_target_mode, ==, STORE_REDIRECT_ABSOLUTE_URL);
  g_assert_cmpstr (back->redirect_target, ==, "https://x.example/");
  g_assert_cmpint (back->redirect_status_code, ==, 308);
  g_assert_false (back->redirect_preserve_path_suffix);
  g_assert_true (back->redirect_preserve_query);
  check_filled_target (back->targets->pdata[0]);
  for (int i = 0; i < 17; i++)
    {
      StoreTarget *target = back->targets->pdata[0];

      change_member (target, i);
      g_assert_true (store_route_update (tx, back, 0, &error));
      g_test_message ("member %d", i);
      g_assert_cmpint (target->version, ==, i + 2);
    }
  store_end (tx);
}

static void
test_people (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  g_autoptr (StoreUser) user = store_user_new ();
  g_autoptr (StoreSession) session = store_session_new ();
  g_autoptr (StoreSession) found = NULL;
  g_autoptr (StoreToken) token = store_token_new ();
  g_autoptr (StoreToken) found_token = NULL;
  uint8_t other[STORE_HASH_SIZE] = { 9 };

  (void) data;
  store_fixture_set (&user->username, "alice");
  user->role = STORE_ROLE_VIEWER;
  g_assert_true (store_user_insert (tx, user, &error));
  g_assert_cmpint (store_user_count (tx, STORE_ROLE_VIEWER, &error), ==, 1);
  g_assert_cmpint (store_user_count (tx, STORE_ROLE_ADMIN, &error), ==, 0);
  g_assert_true (store_user_set_last_login (tx, user->id, 77, &error));

  session->user_id = user->id;
  session->kind = STORE_SESSION_COOKIE;
  memset (session->token_sha256, 7, STORE_HASH_SIZE);
  session->expires_at = 1000;
  g_assert_true (store_session_insert (tx, session, &error));
  found = store_session_find (tx, session->token_sha256, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (found->username, ==, "alice");
  g_assert_cmpint (found->role, ==, STORE_ROLE_VIEWER);
  g_assert_cmpint (found->kind, ==, STORE_SESSION_COOKIE);
  g_assert_null (store_session_find (tx, other, NULL));
  g_assert_true (store_session_set_used (tx, session->id, 500, 2000, &error));
  g_assert_true (store_session_delete_expired (tx, 1999, &error));
  g_clear_pointer (&found, store_session_free);
  found = store_session_get (tx, session->id, &error);
  g_assert_cmpint (found->expires_at, ==, 2000);
  g_assert_true (store_session_delete_of_user (tx, user->id, session->id, &error));
  g_assert_true (
      store_user_delete (tx, user->id, 1, &error)); /* a login did not change the version */
  g_assert_null (store_session_get (tx, session->id, NULL));
  g_assert_false (store_session_delete (tx, session->id, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_NOT_FOUND);
  g_clear_error (&error);

  store_fixture_set (&token->name, "ci");
  g_assert_true (store_token_insert (tx, token, &error));
  found_token = store_token_find (tx, token->token_sha256, &error);
  g_assert_no_error (error);
  g_assert_true (found_token->enabled);
  g_assert_true (store_token_set_used (tx, token->id, 5, &error));
  g_assert_true (store_token_update (tx, token, 1, &error));
  g_assert_true (store_token_delete (tx, token->id, 2, &error));
  store_fixture_commit (tx);
}

static void
test_agents (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  g_autoptr (StoreAgent) agent = store_agent_new ();
  g_autoptr (StoreAgent) back = NULL;
  uint8_t hash[STORE_HASH_SIZE];

  (void) data;
  memset (hash, 3, sizeof hash);
  store_fixture_set (&agent->name, "home");
  store_fixture_set (&agent->public_id, "agt_1");
  store_pairs_add (agent->labels, "site", "home");
  g_assert_true (store_agent_insert (tx, agent, &error));
  g_assert_true (store_agent_set_token (tx, agent->id, hash, &error));
  g_assert_true (store_agent_update (tx, agent, 2, &error));
  back = store_agent_get (tx, agent->id, &error);
  g_assert_cmpint (back->version, ==, 3);
  g_assert_cmpmem (back->token_sha256, sizeof hash, hash, sizeof hash);
  g_assert_true (store_pairs_equal (agent->labels, back->labels));
  g_assert_true (store_agent_delete (tx, agent->id, 3, &error));
  store_fixture_commit (tx);
}

static void
test_certificates (StoreFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  StoreTx *tx = store_fixture_begin_write (fixture);
  g_autoptr (StoreCertificate) row = store_certificate_new ();
  g_autoptr (StoreCertificate) found = NULL;
  g_autoptr (GPtrArray) list = NULL;
  int64_t listener_id = store_fixture_insert_listener (tx, "web", &error),
          other = store_fixture_insert_listener (tx, "w", &error);
  int64_t named;

  (void) data;
  store_fixture_set (&row->hostname_pattern, "a.example");
  store_fixture_set (&row->certificate_path, "/a.crt");
  store_fixture_set (&row->private_key_path, "/a.key");
  g_assert_true (store_certificate_insert (tx, row, &error));
  g_assert_true (store_certificate_insert (tx, row, &error)); /* for another kind of key */
  named = row->id;
  row->listener_id = listener_id;
  row->enabled = false;
  store_fixture_set (&row->certificate_pem, "chain");
  store_fixture_set (&row->private_key_pem, "key");
  row->source = STORE_CERTIFICATE_SELF_SIGNED;
  row->not_after = 5;
  g_assert_true (store_certificate_update (tx, row, 1, &error));
  g_assert_cmpint (row->version, ==, 2);
  g_assert_false (store_certificate_update (tx, row, 1, &error));
  g_assert_error (error, STORE_ERROR, STORE_ERROR_STALE);
  g_clear_error (&error);
  found = store_certificate_get (tx, named, &error);
  g_assert_no_error (error);
  g_assert_cmpint (found->listener_id, ==, listener_id);
  g_assert_cmpint (found->source, ==, STORE_CERTIFICATE_SELF_SIGNED);
  g_assert_false (found->enabled);
  g_assert_cmpstr (found->hostname_pattern, ==, "a.example");
  g_assert_cmpstr (found->certificate_pem, ==, "chain");
  g_assert_cmpstr (found->private_key_pem, ==, "key");
  g_assert_cmpstr (found->certificate_path, ==, "/a.crt");
  g_assert_cmpstr (found->private_key_path, ==, "/a.key");
  g_assert_cmpint (found->not_after, ==, 5);

  store_fixture_set (&row->hostname_pattern, "");
  row->source = STORE_CERTIFICATE_FALLBACK;
  row->listener_id = other;
  g_assert_true (store_certificate_insert (tx, row, &error));
  g_assert_false (store_certificate_insert (tx, row, &error)); /* one a listener */
  g_clear_error (&error);
  list = store_certificate_list (tx, 0, 10, &error);
  g_assert_cmpuint (list->len, ==, 2); /* without the fallback */

  /* A certificate holds its listener; a fallback goes with it. */
  g_assert_false (store_listener_delete (tx, listener_id, 0, &error));
  g_assert_nonnull (strstr (error->message, "in use by 1 certificate: 'a.example'"));
  g_clear_error (&error);
  g_assert_true (store_certificate_delete (tx, named, 2, &error));
  g_assert_true (store_listener_delete (tx, listener_id, 0, &error));
  g_assert_true (store_listener_delete (tx, other, 0, &error));
  g_assert_null (store_certificate_get (tx, row->id, NULL));
  store_end (tx);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func)                                                                            \
  g_test_add ("/store/" path, StoreFixture, NULL, store_fixture_init, func, store_fixture_done)
  ADD ("targets", test_targets);
  ADD ("proxy-members", test_proxy_members);
  ADD ("people", test_people);
  ADD ("agents", test_agents);
  ADD ("certificates", test_certificates);
#undef ADD
  return g_test_run ();
}
