/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Who holds the place of an agent that comes more than once: how the displaced drain, who waits for
 * its turn. */
#include "tests/unit/agent-site.h"
#include "tests/unit/config-fixture.h"
#include "tests/unit/wait-for.h"

/* --- draining --------------------------------------------------------------------------------- */

static void
test_displaced (ConfigFixture *fixture, const void *data)
{
  AgentSite site;
  End *first, *second;
  P2pStream *old_strm, *new_strm;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  first = agent_site_come (&site, "a", "192.0.2.1:1");
  old_strm = agent_site_open (&site);
  must_echo_text (old_strm, "before");
  second = agent_site_come (&site, "b", "192.0.2.2:2");
  end_await_going_away (first);
  g_assert_cmpstr (agent_site_status (&site).address, ==, "192.0.2.2:2");
  g_assert_cmpint (agent_site_status (&site).state, ==, AGENT_CONNECTED);
  must_echo_text (old_strm, "goes on");
  new_strm = agent_site_open (&site);
  must_echo_text (new_strm, "elsewhere");
  end_await_accepted (second, 1);
  g_assert_cmpuint (first->n_accepted, ==, 1);
  must_echo_text (old_strm, "still");
  g_assert_false (end_has_ended (first));
  p2p_stream_close (old_strm); /* its last: nothing is waited for any more */
  end_await (first);
  must_echo_text (new_strm, "alone");
  p2p_stream_close (new_strm);
  agent_site_stop (&site);
}

static void
test_cut (ConfigFixture *fixture, const void *data)
{
  AgentSite site;
  End *first;
  P2pStream *strm;
  int64_t start_us;
  char byte;
  size_t n;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 2000);
  first = agent_site_come (&site, "a", "192.0.2.1:1");
  strm = agent_site_open (&site);
  must_echo_text (strm, "before");
  start_us = p2p_now_us ();
  (void) agent_site_come (&site, "b", "192.0.2.2:2");
  must_echo_text (strm, "goes on");
  g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n, WITHIN), ==, P2P_IO_RESET);
  g_assert_cmpint (p2p_now_us () - start_us, >=, 2000000);
  end_await (first);
  p2p_stream_close (strm);
  agent_site_stop (&site);
}

/* One that comes again and again, each time with a stream that stays open. */
static void
test_piled_up (ConfigFixture *fixture, const void *data)
{
  AgentSite site;
  P2pStream *strms[AGENT_SITE_ENDS_MAX];

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  for (unsigned i = 0; i < AGENT_SITE_ENDS_MAX; i++)
    {
      (void) agent_site_come (&site, "a", "192.0.2.1:1");
      strms[i] = agent_site_open (&site);
      must_echo_text (strms[i], "there");
    }
  for (unsigned i = 0; i < AGENT_SITE_ENDS_MAX; i++)
    if (i < AGENT_SITE_ENDS_MAX - 1 - DRAINING_MAX)
      end_await (&site.ends[i]);
    else
      must_echo_text (strms[i], "still");
  for (unsigned i = 0; i < AGENT_SITE_ENDS_MAX; i++)
    {
      g_assert_true (end_has_ended (&site.ends[i]) == (i < AGENT_SITE_ENDS_MAX - 1 - DRAINING_MAX));
      p2p_stream_close (strms[i]);
    }
  agent_site_stop (&site);
}

/* --- turns ------------------------------------------------------------------------------------ */

static void
test_waits (ConfigFixture *fixture, const void *data)
{
  AgentSite site;
  End *holder, *waiting;
  P2pStream *strm;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  end_await_accepted (agent_site_come (&site, "a", "192.0.2.1:1"), 0);
  holder = agent_site_come (&site, "b", "192.0.2.2:1");
  end_await (&site.ends[0]);
  waiting = agent_site_come (&site, "a", "192.0.2.1:2");
  strm = agent_site_open (&site);
  must_echo_text (strm, "with the holder");
  end_await_accepted (holder, 1);
  g_assert_cmpstr (agent_site_status (&site).address, ==, "192.0.2.2:1");
  g_assert_false (end_has_ended (waiting));
  /* Its own newer connection waits in its stead. */
  waiting = agent_site_come (&site, "a", "192.0.2.1:3");
  end_await (&site.ends[2]);
  /* A place that is free waits for nobody's turn. */
  p2p_yamux_close (holder->yamux, "gone");
  agent_site_await_address (&site, "192.0.2.1:3");
  p2p_stream_close (strm);
  strm = agent_site_open (&site);
  must_echo_text (strm, "with the other");
  end_await_accepted (waiting, 1);
  p2p_stream_close (strm);
  /* The holder's own newer connection takes over at once. */
  (void) agent_site_come (&site, "a", "192.0.2.1:4");
  g_assert_cmpstr (agent_site_status (&site).address, ==, "192.0.2.1:4");
  agent_site_stop (&site);
}

/* The right to be there ends for those that wait as well. */
static void
test_waiting_is_dismissed (ConfigFixture *fixture, const void *data)
{
  AgentSite site;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  (void) agent_site_come (&site, "a", "192.0.2.1:1");
  (void) agent_site_come (&site, "b", "192.0.2.2:1");
  (void) agent_site_come (&site, "a", "192.0.2.1:2");
  agents_disconnect (site.agent->id, "test");
  for (unsigned i = 0; i < 3; i++)
    end_await (&site.ends[i]);
  g_assert_cmpint (agent_site_status (&site).state, ==, AGENT_OFFLINE);
  agent_site_stop (&site);
}

static void
test_too_many_wait (ConfigFixture *fixture, const void *data)
{
  static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
  Place place = { 0 };
  AgentSite site;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  /* All have lost it to the last. */
  for (unsigned i = 0; i < 5; i++)
    place_note_loss (&place, &(PlaceHolder){ .instance = { names[i][0] } },
                     &(PlaceHolder){ .instance = "f" }, p2p_now_us ());
  (void) agent_site_come (&site, "f", "192.0.2.1:1");
  p2p_mutex_lock (&registry.lock);
  registry_get_known_locked (site.agent->id)->place = g_memdup2 (&place, sizeof place);
  p2p_mutex_unlock (&registry.lock);
  for (unsigned i = 0; i < 5; i++)
    (void) agent_site_come (&site, names[i], "192.0.2.1:1");
  end_await (&site.ends[5]);
  for (unsigned i = 0; i < 5; i++)
    g_assert_false (end_has_ended (&site.ends[i]));
  agent_site_stop (&site);
}

/* --- deleted ---------------------------------------------------------------------------------- */

static bool
apply_delete (StoreTx *tx, ConfigChange *change, void *data, GError **error)
{
  const int64_t *id = data;

  (void) change;
  return store_agent_delete (tx, *id, 0, error);
}

static void
delete_agent (int64_t id)
{
  g_autoptr (GError) error = config_fixture_change (apply_delete, &id);

  g_assert_no_error (error);
}

static unsigned
count_sessions (void)
{
  P2P_LOCKED (&registry.lock);

  return registry.sessions->len;
}

static unsigned
count_known (void)
{
  P2P_LOCKED (&registry.lock);

  return g_hash_table_size (registry.known);
}

static void
test_forgotten (ConfigFixture *fixture, const void *data)
{
  AgentReport report = { .threads = 1 };
  AgentSite site;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  (void) agent_site_come (&site, "a", "192.0.2.1:1");
  agents_report (site.agent->id, &report);
  g_assert_cmpuint (count_known (), ==, 1);
  delete_agent (site.agent->id);
  end_await (&site.ends[0]);
  WAIT_FOR (count_sessions () == 0);
  agents_report (site.agent->id, &report); /* authenticated before */
  g_assert_cmpuint (count_known (), ==, 0);
  g_assert_cmpint (agent_site_status (&site).state, ==, AGENT_OFFLINE);
  agent_site_stop (&site);
}

/* Let in by the configuration of before, listed under the one of now. */
static void
test_deleted_while_it_came (ConfigFixture *fixture, const void *data)
{
  g_autoptr (GError) error = NULL;
  P2pYamuxOptions options = { .role = P2P_YAMUX_CLIENT, .accept_backlog = 256 };
  P2pStream *daemons, *agents;
  Session *session;
  AgentSite site;

  (void) fixture;
  (void) data;
  agent_site_start (&site, 600000);
  transport_pair (&daemons, &agents);
  end_start (&site.ends[site.n_ends++], agents, options);
  session = session_new (daemons, site.agent, true, &error);
  g_assert_no_error (error);
  delete_agent (site.agent->id);
  g_assert_false (registry_add (session));
  end_await (&site.ends[0]);
  g_assert_cmpuint (count_known (), ==, 0);
  agent_site_stop (&site);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  config_fixture_add_test ("/agents/displaced", test_displaced);
  config_fixture_add_test ("/agents/cut", test_cut);
  config_fixture_add_test ("/agents/piled-up", test_piled_up);
  config_fixture_add_test ("/agents/waits", test_waits);
  config_fixture_add_test ("/agents/waiting-is-dismissed", test_waiting_is_dismissed);
  config_fixture_add_test ("/agents/too-many-wait", test_too_many_wait);
  config_fixture_add_test ("/agents/forgotten", test_forgotten);
  config_fixture_add_test ("/agents/deleted-while-it-came", test_deleted_while_it_came);
  return g_test_run ();
}
