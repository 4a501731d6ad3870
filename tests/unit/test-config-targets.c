/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What becomes of a route's targets in the configuration: their order, fields, origins and agents.
 */
#include "lib/lock.h"
#include "tests/unit/config-fixture.h"

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
  target = config_fixture_find_target (cfg, listener->id, "proxied");
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
  target = config_fixture_find_target (cfg, listener->id, "fixed");
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
  ConfigEdit edit = { .update = true };
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
  g_assert_no_error (config_fixture_edit (&edit));
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
  target = config_fixture_find_target (cfg, listener->id, "r");
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
  ConfigEdit edit = { .update = true };
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
  key = config_fixture_find_target (cfg, listener->id, "a")->origin_key;
  /* Another path on the same origin: one pool, and one TLS context. */
  g_assert_cmpuint (config_fixture_find_target (cfg, listener->id, "b")->origin_key, ==, key);
  g_assert_true (config_fixture_find_target (cfg, listener->id, "b")->tls
                 == config_fixture_find_target (cfg, listener->id, "a")->tls);

  /* Another timeout: another target, the same origin. The other route is the same object. */
  row->upstream_connect_timeout_ms = 5;
  edit.route = a;
  g_assert_no_error (config_fixture_edit (&edit));
  later = config_get_current ();
  g_assert_true (config_fixture_find_target (later, listener->id, "a")
                 != config_fixture_find_target (cfg, listener->id, "a"));
  g_assert_true (config_fixture_find_target (later, listener->id, "b")
                 == config_fixture_find_target (cfg, listener->id, "b"));
  g_assert_cmpuint (config_fixture_find_target (later, listener->id, "a")->origin_key, ==, key);
  g_assert_true (config_fixture_find_target (later, listener->id, "a")->tls
                 == config_fixture_find_target (cfg, listener->id, "b")->tls);

  /* Another member of the route alone: the target is the same object. */
  a->priority = 3;
  g_assert_no_error (config_fixture_edit (&edit));
  g_clear_pointer (&cfg, config_unref);
  cfg = config_get_current ();
  g_assert_true (config_fixture_find_target (cfg, listener->id, "a")
                 == config_fixture_find_target (later, listener->id, "a"));

  /* What makes another origin: verification, server name, transport, labels, port, scheme, host. */
  for (int i = 0; i < 7; i++)
    {
      g_autoptr (Config) now = NULL;
      uint64_t before = config_fixture_find_target (cfg, listener->id, "a")->origin_key, after;

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
      g_assert_no_error (config_fixture_edit (&edit));
      now = config_get_current ();
      after = config_fixture_find_target (now, listener->id, "a")->origin_key;
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
  ConfigChange change = { .apply = config_fixture_apply };
  ConfigEdit edit = { 0 };

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
      error = config_fixture_edit (&edit);
      g_assert_error (error, CONFIG_ERROR, CONFIG_ERROR_INVALID);
      g_assert_cmpstr (config_error_get_field (error), ==, "labels");
    }

  config_fixture_add_listener (listener);
  route = config_fixture_route (listener->id, "r", "", "/");
  row = config_fixture_target (route, "t", "http://origin");
  row->transport = STORE_TRANSPORT_AGENT;
  store_pairs_add (row->match_labels, "site", "nowhere");
  edit = (ConfigEdit){ .route = route };
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
  target = config_fixture_find_target (cfg, listener->id, "r");
  g_assert_false (config_selector_matches (target, found));
  g_ptr_array_set_size (row->match_labels, 0);
  store_pairs_add (row->match_labels, "p2pstream.io/agent-id", "agt_b");
  edit.update = true;
  g_assert_no_error (config_fixture_edit (&edit));
  g_clear_pointer (&cfg, config_unref);
  cfg = config_get_current ();
  target = config_fixture_find_target (cfg, listener->id, "r");
  g_assert_true (config_selector_matches (target, config_find_agent (cfg, P2P_SPAN ("agt_b"))));
  g_assert_false (config_selector_matches (target, config_find_agent (cfg, P2P_SPAN ("agt_c"))));
}

/* ---- Which agents a selector may match ---- */

static void
add_labelled (unsigned i)
{
  g_autoptr (StoreAgent) agent = store_agent_new ();
  g_autofree char *name = g_strdup_printf ("agent%u", i), *id = g_strdup_printf ("agt_%u", i);

  config_fixture_set (&agent->name, name);
  config_fixture_set (&agent->public_id, id);
  store_pairs_add (agent->labels, "site", i % 2 ? "home" : "work");
  if (i % 5 == 0)
    store_pairs_add (agent->labels, "gpu", "");
  config_fixture_add_agent (agent);
}

static unsigned
count_matching (const ConfigTarget *target, ConfigAgents agents)
{
  unsigned n = 0;

  for (unsigned i = 0; i < agents.n; i++)
    n += config_selector_matches (target, agents.agents[i]);
  return n;
}

/* All labels must match, an empty value is a value, no label matches everybody; and no more agents
 * are looked at than have the rarest label. */
static void
test_agents_for (ConfigFixture *fixture, const void *data)
{
  enum
  {
    N = 20
  };
  static const struct
  {
    const char *labels[6]; /* key, value, ... */
    unsigned n_match, n_looked_at;
  } rows[] = {
    { { NULL }, N, N },
    { { "site", "home" }, N / 2, N / 2 },
    { { "site", "home", "gpu", "" }, 2, 4 },
    { { "gpu", "", "site", "work" }, 2, 4 },
    { { "gpu", "" }, 4, 4 },
    { { "gpu", "1" }, 0, 0 },
    { { "site", "" }, 0, 0 },
    { { "site", "home", "zone", "" }, 0, 0 },
    { { "p2pstream.io/agent-id", "agt_7" }, 1, 1 },
    { { "p2pstream.io/agent-id", "agt_7", "site", "home" }, 1, 1 },
    { { "p2pstream.io/agent-id", "agt_7", "site", "work" }, 0, 1 },
  };
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);

  (void) fixture;
  (void) data;
  for (unsigned i = 0; i < N; i++)
    add_labelled (i);
  config_fixture_add_listener (listener);
  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *name = g_strdup_printf ("r%u", i), *host = g_strdup_printf ("h%u", i);
      g_autoptr (StoreRoute) route = config_fixture_route (listener->id, name, host, "/");
      g_autoptr (Config) cfg = NULL;
      StoreTarget *row = config_fixture_target (route, "t", "http://origin");
      const ConfigTarget *target;
      ConfigAgents agents;

      row->transport = STORE_TRANSPORT_AGENT;
      for (const char *const *label = rows[i].labels; *label; label += 2)
        store_pairs_add (row->match_labels, label[0], label[1]);
      config_fixture_add_route (route);
      cfg = config_get_current ();
      target = config_fixture_find_target (cfg, listener->id, name);
      agents = config_agents_for (cfg, target);
      g_assert_cmpuint (agents.n, ==, rows[i].n_looked_at);
      g_assert_cmpuint (count_matching (target, agents), ==, rows[i].n_match);
      g_assert_cmpuint (
          count_matching (target, (ConfigAgents){ cfg->agents, cfg->n_agents }), ==,
          rows[i].n_match);
    }
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  config_fixture_add_test ("/config/targets", test_targets);
  config_fixture_add_test ("/config/order", test_order);
  config_fixture_add_test ("/config/request-fields", test_request_fields);
  config_fixture_add_test ("/config/origin-keys", test_origin_keys);
  config_fixture_add_test ("/config/agents", test_agents);
  config_fixture_add_test ("/config/agents-for", test_agents_for);
  return g_test_run ();
}
