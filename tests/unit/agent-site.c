/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See agent-site.h. */
#include "tests/unit/agent-site.h"

#include "lib/tunnel.h"
#include "tests/unit/config-fixture.h"

#include <string.h>

void
agent_site_serve (P2pStream *take_strm)
{
  char buf[P2P_TUNNEL_FRAME_MAX];
  P2pSpan json;
  size_t n;

  if (p2p_tunnel_read_frame (take_strm, buf, sizeof buf, &json, WITHIN) != P2P_IO_OK)
    {
      p2p_stream_close (take_strm);
      return;
    }
  n = p2p_tunnel_print_answer (buf, sizeof buf, P2P_TUNNEL_OK, NULL);
  must_write (take_strm, buf, n);
  serve_echo (take_strm);
}

void
agents_fixture_start (int64_t drain_ms, int64_t ping_interval_ms)
{
  g_autoptr (GError) error = NULL;
  AgentsOptions options = { .agents_max = 10,
                            .max_streams = 100,
                            .workers_max = 2,
                            .memory_max = 64 << 20,
                            .drain_ms = drain_ms,
                            .ping_interval_ms = ping_interval_ms };

  agents_start (&options, &error);
  g_assert_no_error (error);
}

void
agent_site_start (AgentSite *site, int64_t drain_ms)
{
  g_autoptr (StoreListener) listener = config_fixture_listener ("web", STORE_PROTOCOL_HTTP, 8080);
  g_autoptr (StoreAgent) agent = store_agent_new ();
  g_autoptr (StoreRoute) route = NULL;
  StoreTarget *target;

  memset (site, 0, sizeof *site);
  config_fixture_set (&agent->public_id, "one");
  config_fixture_set (&agent->name, "edge");
  config_fixture_add_agent (agent);
  config_fixture_add_listener (listener);
  route = config_fixture_route (listener->id, "r", "", "/");
  target = config_fixture_target (route, "t", "http://origin.test:80");
  target->transport = STORE_TRANSPORT_AGENT;
  store_pairs_add (target->match_labels, "p2pstream.io/agent-id", "one");
  config_fixture_add_route (route);
  site->cfg = config_get_current ();
  site->agent = config_find_agent_by_id (site->cfg, agent->id);
  site->target = config_fixture_find_target (site->cfg, listener->id, "r");
  agents_fixture_start (drain_ms, 600000);
}

void
agent_site_stop (AgentSite *site)
{
  agents_stop (p2p_deadline_ms (1000));
  for (unsigned i = 0; i < site->n_ends; i++)
    end_stop (&site->ends[i]);
  config_unref (site->cfg);
}

End *
agent_site_come (AgentSite *site, const char *instance, const char *address)
{
  g_autoptr (GError) error = NULL;
  P2pYamuxOptions options = { .role = P2P_YAMUX_CLIENT, .accept_backlog = 256 };
  P2pStream *daemons, *agents;
  Session *session;
  End *end = &site->ends[site->n_ends++];

  g_assert_cmpuint (site->n_ends, <=, AGENT_SITE_ENDS_MAX);
  transport_pair (&daemons, &agents);
  end->serve = agent_site_serve;
  end_start (end, agents, options);
  session = session_new (daemons, site->agent, true, &error);
  g_assert_no_error (error);
  g_strlcpy (session->instance, instance, sizeof session->instance);
  g_strlcpy (session->address, address, sizeof session->address);
  g_assert_true (registry_add (session));
  return end;
}

P2pStream *
agent_site_open (AgentSite *site)
{
  P2pStream *strm = NULL;

  g_assert_cmpint (agents_open (site->cfg, site->target, "request", WITHIN, site->agent->id, &strm),
                   ==, AGENT_OPEN_OK);
  return strm;
}

AgentStatus
agent_site_status (const AgentSite *site)
{
  AgentStatus status;

  agents_get_status (site->agent->id, &status);
  return status;
}

void
agent_site_await_address (const AgentSite *site, const char *address)
{
  int64_t deadline_us = WITHIN;

  while (strcmp (agent_site_status (site).address, address) != 0)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_usleep (1000);
    }
}
