/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Look-ups by host, path and SNI: the table of what wins, and 10 000 hosts that cost what ten do.
 */
#include "lib/clock.h"
#include "lib/lock.h"
#include "tests/unit/config-fixture.h"

typedef struct
{
  const char *name, *host, *path;
  int64_t priority;
  bool is_default, disabled;
} RouteCase;

static const RouteCase routes[] = {
  { "exact", "example.com", "/", 100, false, false },
  { "exact-api", "Example.com", "/api/", 50, false, false },
  { "wild", "*.example.com", "/", 100, false, false },
  { "deep", "*.b.example.com", "/", 90, false, false },
  { "late-any", "", "/any", 200, false, false },
  { "early-any", "", "/first", 1, false, false },
  { "v6", "2001:db8::1", "/", 100, false, false },
  { "v6-long", "2001:DB8:0::0:2", "/", 100, false, false },
  { "off", "off.example.org", "/", 100, false, true },
  { "second", "example.com", "/", 100, false, false }, /* same rank but for the id */
  { "default", "", "/", 0, true, false },
};

static const struct
{
  const char *host, *path, *route;
} matches[] = {
  { "example.com", "/", "exact" },
  { "example.com", "/api", "exact-api" },
  { "example.com", "/api/", "exact-api" },
  { "example.com", "/api/x", "exact-api" },
  { "example.com", "/apix", "exact" }, /* whole segments */
  { "example.com", "/API", "exact" },
  { "example.com", "/any/x", "exact" }, /* by priority, not by length */
  { "example.com", "/first", "early-any" },
  { "a.example.com", "/", "wild" },
  { "a.b.example.com", "/", "deep" },
  { "b.example.com", "/", "wild" }, /* not the apex */
  { "x.y.example.com", "/", "wild" },
  { "aexample.com", "/", "default" },
  { "other.net", "/any", "late-any" },
  { "other.net", "/anything", "default" },
  { "off.example.org", "/", "default" },
  { "2001:db8::1", "/", "v6" },
  { "2001:db8::2", "/", "v6-long" },
  { "", "/", "default" },
  { "com", "/", "default" },
};

static P2pSpan
span (const char *text)
{
  return p2p_span_from_string (text);
}

static void
test_matches (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (Config) cfg = NULL;
  const ConfigListener *found;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  for (unsigned i = 0; i < G_N_ELEMENTS (routes); i++)
    {
      g_autoptr (StoreRoute) row
          = config_fixture_route (listener->id, routes[i].name, routes[i].host, routes[i].path);

      row->priority = routes[i].priority;
      row->is_default = routes[i].is_default;
      row->enabled = !routes[i].disabled;
      config_fixture_add_route (row);
    }
  cfg = config_get_current ();
  found = config_find_listener (cfg, listener->id);
  for (unsigned i = 0; i < G_N_ELEMENTS (matches); i++)
    {
      const ConfigRoute *route
          = config_match (found, span (matches[i].host), span (matches[i].path));

      g_test_message ("%s %s", matches[i].host, matches[i].path);
      g_assert_nonnull (route);
      g_assert_cmpstr (route->name, ==, matches[i].route);
    }
}

static void
test_nothing (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreRoute) row = NULL;
  g_autoptr (Config) cfg = NULL;
  const ConfigListener *found;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (listener);
  row = config_fixture_route (listener->id, "r", "a.example", "/");
  row->is_default = true; /* with a host of its own it takes its turn, and what is left */
  config_fixture_add_route (row);
  cfg = config_get_current ();
  found = config_find_listener (cfg, listener->id);
  g_assert_cmpstr (config_match (found, span ("a.example"), span ("/"))->name, ==, "r");
  g_assert_cmpstr (config_match (found, span ("b.example"), span ("/"))->name, ==, "r");
  g_clear_pointer (&cfg, config_unref);

  {
    g_autoptr (StoreListener) empty = config_fixture_listener ("empty", STORE_PROTOCOL_HTTP, 81);

    config_fixture_add_listener (empty);
    cfg = config_get_current ();
    g_assert_null (
        config_match (config_find_listener (cfg, empty->id), span ("a.example"), span ("/")));
    g_assert_null (config_find_listener (cfg, empty->id + 1));
  }
}

typedef struct
{
  int64_t listener_id;
  int n;
} Many;

/* Each tenth is a wildcard. */
static char *
pattern_of (int i)
{
  return g_strdup_printf (i % 10 ? "host%d.example.com" : "*.zone%d.example.com", i);
}

static bool
add_many (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  const Many *many = data;

  (void) change;
  for (int i = 0; i < many->n; i++)
    {
      g_autofree char *name = g_strdup_printf ("r%d", i);
      g_autofree char *host = pattern_of (i);
      g_autoptr (StoreRoute) row = config_fixture_route (many->listener_id, name, host, "/");
      StoreTarget *target = config_fixture_target (row, "t", "http://127.0.0.1:8000");

      (void) target;
      if (!store_route_insert (tx, row, error))
        return false;
    }
  return true;
}

/* A round takes some milliseconds: short enough to find the processor free, and its caches. */
#define N_LOOKUPS 10000
#define N_ROUNDS 60

/* Nanoseconds of one look-up, the hosts of all n routes in turn by a stride that jumps about; the
 * best round, so that noise does not count. */
static double
measure (const ConfigListener *listener, int n)
{
  g_autoptr (GPtrArray) hosts = g_ptr_array_new_with_free_func (g_free);
  double best = 1e9;

  for (int i = 0; i < n; i++)
    {
      g_autofree char *pattern = pattern_of ((int) ((int64_t) i * 7919 % n));

      g_ptr_array_add (hosts,
                       g_strconcat (*pattern == '*' ? "x" : "", pattern + (*pattern == '*'), NULL));
    }
  for (int round = 0; round < N_ROUNDS; round++)
    {
      int64_t start = p2p_now_us ();

      for (unsigned i = 0; i < N_LOOKUPS; i++)
        g_assert_nonnull (
            config_match (listener, span (hosts->pdata[i % hosts->len]), span ("/index.html")));
      best = MIN (best, (double) (p2p_now_us () - start) * 1000 / N_LOOKUPS);
    }
  return best;
}

static void
test_many (ConfigFixture *fixture, const void *data)
{
  g_autoptr (StoreListener) many = config_fixture_listener ("many", STORE_PROTOCOL_HTTP, 80);
  g_autoptr (StoreListener) few = config_fixture_listener ("few", STORE_PROTOCOL_HTTP, 81);
  g_autoptr (StoreRoute) one = NULL;
  g_autoptr (Config) before = NULL;
  g_autoptr (Config) cfg = NULL;
  double cost_few, cost_many;
  unsigned n_shared = 0;
  int64_t start;

  (void) fixture;
  (void) data;
  config_fixture_add_listener (many);
  config_fixture_add_listener (few);
  g_assert_no_error (config_fixture_change (add_many, &(Many){ many->id, 10000 }));
  g_assert_no_error (config_fixture_change (add_many, &(Many){ few->id, 10 }));
  before = config_get_current ();
  one = config_fixture_route (few->id, "one", "other.example.com", "/");
  start = p2p_now_us ();
  config_fixture_add_route (one);
  g_test_message ("a change beside 10 000 routes: %" G_GINT64_FORMAT " us", p2p_now_us () - start);
  cfg = config_get_current ();
  g_assert_true (config_find_listener (cfg, many->id) == config_find_listener (before, many->id));
  for (unsigned i = 0; i < 10000; i++)
    n_shared += config_find_listener (cfg, many->id)->routes[i]
                == config_find_listener (before, many->id)->routes[i];
  g_assert_cmpuint (n_shared, ==, 10000);

  cost_few = measure (config_find_listener (before, few->id), 10);
  cost_many = measure (config_find_listener (cfg, many->id), 10000);
  g_test_message ("a look-up among 10 routes: %.0f ns, among 10 000: %.0f ns", cost_few, cost_many);
  /* A walk over the hosts would be a thousand times slower; cache misses are not. */
  g_assert_cmpfloat (cost_many, <, cost_few * 20);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_init (&argc, &argv, NULL);
  config_fixture_add_test ("/config/match/table", test_matches);
  config_fixture_add_test ("/config/match/nothing", test_nothing);
  config_fixture_add_test ("/config/match/many", test_many);
  return g_test_run ();
}
