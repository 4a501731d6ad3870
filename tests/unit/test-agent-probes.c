/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* When an agent's data path is probed, by a clock of the test's own: a session that no keeper knows
 * of, over a socket pair, with pings every few milliseconds. */
#include "lib/tunnel.h"
#include "tests/unit/agent-site.h"
#include "tests/unit/config-fixture.h"

typedef struct
{
  Session *session; /* (owned) */
  End agent;
  int64_t now_us; /* of the test's clock */
} Site;

/* With an agent that takes so many streams (0: as many as come). */
static void
site_start_with (Site *site, unsigned max_streams)
{
  g_autoptr (GError) error = NULL;
  ConfigAgent agent = { .id = 1, .name = (char *) "edge" };
  P2pStream *daemons, *agents;

  *site = (Site){ .agent.serve = agent_site_serve, .now_us = p2p_now_us () };
  agents_fixture_start (1000, 10);
  transport_pair (&daemons, &agents);
  end_start (&site->agent, agents,
             (P2pYamuxOptions){
                 .role = P2P_YAMUX_CLIENT, .accept_backlog = 256, .max_streams = max_streams });
  site->session = session_new (daemons, &agent, true, &error);
  g_assert_no_error (error);
}

static void
site_start (Site *site)
{
  site_start_with (site, 0);
}

static void
site_stop (Site *site)
{
  p2p_yamux_close (site->session->yamux, "the test is over");
  p2p_yamux_join (site->session->yamux);
  p2p_yamux_unref (site->session->yamux);
  g_free (site->session->agent_name);
  g_free (site->session);
  end_stop (&site->agent);
  agents_stop (p2p_deadline_ms (1000));
}

static P2pStream *
open_tunnel (Site *site)
{
  P2pTunnelOpen open = { .network = P2P_TUNNEL_TCP, .request_id = "r", .host = "h", .port = 1 };
  P2pStream *strm;

  g_assert_cmpint (p2p_yamux_open (site->session->yamux, WITHIN, &strm), ==, P2P_IO_OK);
  return p2p_stream_tunnel_new (strm, &open);
}

/* What the agent does with streams that come from now on. */
static void
serve_with (Site *site, void (*serve) (P2pStream *take_strm))
{
  P2P_LOCKED (&site->agent.lock);
  site->agent.serve = serve;
}

/* 20 s after the last look, the longest pause; meanwhile pings go by. */
static bool
takes_probe (Site *site)
{
  P2pYamux *yamux = site->session->yamux;
  uint64_t before = p2p_yamux_get_stats (yamux).bytes_in;
  int64_t deadline_us = WITHIN;

  while (p2p_yamux_get_stats (yamux).bytes_in == before)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
  site->now_us += 20 * G_USEC_PER_SEC;
  P2P_LOCKED (&registry.lock);
  return session_take_probe_locked (site->session, site->now_us);
}

/* After a refusal the session asks for no stream for a moment. */
static void
probe_until_degraded (Site *site)
{
  int64_t deadline_us = WITHIN;

  while (!site->session->degraded)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      if (takes_probe (site))
        probe_run (&site->session->probe_task);
    }
}

/* Neither pings nor the probe itself are traffic. */
static void
test_idle (ConfigFixture *fixture, const void *data)
{
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site);
  p2p_mutex_lock (&registry.lock);
  g_assert_false (session_take_probe_locked (site.session, site.now_us)); /* it has just come */
  p2p_mutex_unlock (&registry.lock);
  for (unsigned i = 0; i < 5; i++)
    {
      g_assert_true (takes_probe (&site));
      g_assert_false (takes_probe (&site)); /* one is under way */
      probe_run (&site.session->probe_task);
      g_assert_false (site.session->degraded);
    }
  site_stop (&site);
}

/* A byte of a stream spares one. */
static void
test_busy (ConfigFixture *fixture, const void *data)
{
  P2pStream *strm;
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site);
  strm = open_tunnel (&site);
  for (unsigned i = 0; i < 3; i++)
    {
      must_echo_text (strm, "x");
      g_assert_false (takes_probe (&site));
    }
  g_assert_true (takes_probe (&site)); /* idle, though it is open */
  probe_run (&site.session->probe_task);
  must_echo_text (strm, "x");
  g_assert_false (takes_probe (&site));
  p2p_stream_close (strm);
  site_stop (&site);
}

/* Bytes that nobody takes are no proof that the path carries any: pings are answered, streams are
 * acknowledged, and the agent is degraded, however much is sent to it. */
static void
test_deaf (ConfigFixture *fixture, const void *data)
{
  P2pStream *strm;
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site);
  serve_with (&site, NULL); /* accepted and never touched */
  strm = open_tunnel (&site);
  must_write (strm, "request", 7);
  end_await_accepted (&site.agent, 1);
  g_assert_true (takes_probe (&site));
  probe_run (&site.session->probe_task);
  g_assert_true (site.session->degraded);
  must_write (strm, "more of it", 10);
  g_assert_true (takes_probe (&site));
  serve_with (&site, agent_site_serve);
  probe_run (&site.session->probe_task);
  g_assert_false (site.session->degraded);
  p2p_stream_close (strm);
  site_stop (&site);
}

/* A full agent refuses the probe as it does all others: that changes nothing. */
static void
test_full (ConfigFixture *fixture, const void *data)
{
  P2pStream *strm, *other;
  Site site;

  (void) fixture;
  (void) data;
  site_start_with (&site, 2);
  strm = open_tunnel (&site);
  other = open_tunnel (&site);
  must_echo_text (strm, "x");
  must_echo_text (other, "x");
  g_assert_false (takes_probe (&site));
  g_assert_true (takes_probe (&site)); /* both are idle */
  probe_run (&site.session->probe_task);
  g_assert_false (site.session->degraded);
  p2p_stream_close (other);
  end_await_streams (&site.agent, 1);
  serve_with (&site, NULL);
  probe_until_degraded (&site);
  end_await_streams (&site.agent, 2); /* it has the probe's for ever, and refuses the next */
  for (unsigned i = 0; i < 3; i++)
    {
      g_assert_true (takes_probe (&site));
      probe_run (&site.session->probe_task);
      g_assert_true (site.session->degraded);
    }
  p2p_stream_close (strm);
  site_stop (&site);
}

/* An upload to which nothing is answered, but which is taken. */
static void
test_upload (ConfigFixture *fixture, const void *data)
{
  g_autofree char *bytes = g_malloc0 (1 << 20);
  P2pStream *strm;
  Site site;

  (void) fixture;
  (void) data;
  site_start (&site);
  serve_with (&site, serve_sink);
  g_assert_cmpint (p2p_yamux_open (site.session->yamux, WITHIN, &strm), ==, P2P_IO_OK);
  must_write (strm, bytes, 1 << 20); /* far more than a window */
  g_assert_false (takes_probe (&site));
  p2p_stream_close (strm);
  site_stop (&site);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  config_fixture_add_test ("/agent-probes/idle", test_idle);
  config_fixture_add_test ("/agent-probes/busy", test_busy);
  config_fixture_add_test ("/agent-probes/deaf", test_deaf);
  config_fixture_add_test ("/agent-probes/full", test_full);
  config_fixture_add_test ("/agent-probes/upload", test_upload);
  return g_test_run ();
}
