/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Changing the configuration: what goes through, listeners that exclude each other, what is warned
 * of, a start on a spoilt store, readers meanwhile. */
#include "daemon/store/store-priv.h"
#include "lib/lock.h"
#include "tests/unit/config-fixture.h"

#include <stdatomic.h>

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
  ConfigEdit edit = { .listener = listener };
  ConfigChange change = {
    .apply = config_fixture_apply,
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
  g_assert_cmpuint (config_fixture_count_audit (fixture), ==, 0);
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

static void
test_trusted (ConfigFixture *fixture, const void *data)
{
  static const char *const bad[]
      = { "", "10.0.0.0/33", "fd00::/129", "example.com", "10.0.0.0/-1" };
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (Config) cfg = NULL;
  ConfigEdit edit = { .listener = listener };
  ConfigChange change = { .apply = config_fixture_apply, .data = &edit, .dry_run = true };
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
      error = config_fixture_edit (&edit);
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
      ConfigEdit edit = { .listener = second };
      ConfigEdit undo = { 0 };

      config_fixture_set (&first->bind_address, cases[i].first);
      config_fixture_set (&second->bind_address, cases[i].second);
      second->enabled = !cases[i].disabled;
      config_fixture_add_listener (first);
      error = config_fixture_edit (&edit);
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
          g_assert_no_error (config_fixture_edit (&undo));
        }
      undo.delete_listener = first->id;
      g_assert_no_error (config_fixture_edit (&undo));
    }
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

static void
test_warnings (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) route = NULL;
  ConfigEdit edit = { 0 };
  ConfigChange change = { .apply = config_fixture_apply, .data = &edit, .dry_run = true };

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  route = config_fixture_route (listener->id, "r", "", "/");
  g_ptr_array_set_size (route->targets, 0);
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
      ConfigEdit edit = { 0 };

      config_fixture_target (route, "t", "http://origin");
      config_fixture_add_route (route);
      edit.delete_route = route->id;
      g_assert_no_error (config_fixture_edit (&edit));
    }
  atomic_store (&race.stop, true);
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    P2P_PTHREAD (pthread_join (threads[i], NULL));
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  config_fixture_add_test ("/config/change", test_change);
  config_fixture_add_test ("/config/trusted", test_trusted);
  config_fixture_add_test ("/config/listeners", test_listeners);
  config_fixture_add_test ("/config/bad-start", test_bad_start);
  config_fixture_add_test ("/config/race", test_race);
  config_fixture_add_test ("/config/warnings", test_warnings);
  return g_test_run ();
}
