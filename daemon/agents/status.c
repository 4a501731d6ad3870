/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the API is told of agents, and what they report themselves. Any thread; the registry's lock
 * is held for copies alone. */
#include "daemon/agents/agents-priv.h"

#include <glib.h>

static void
fill_live_locked (const Session *session, AgentStatus *status)
{
  P2pYamuxStats stats = p2p_yamux_get_stats (session->yamux);

  status->state = session->degraded ? AGENT_DEGRADED : AGENT_CONNECTED;
  g_strlcpy (status->reported_name, session->reported_name, sizeof status->reported_name);
  g_strlcpy (status->version, session->version, sizeof status->version);
  g_strlcpy (status->address, session->address, sizeof status->address);
  status->connected_at_ms = p2p_stamp_ms (session->connected);
  if (stats.round_trip_us >= 0)
    status->round_trip_ms = (double) stats.round_trip_us / 1000.0;
  status->active_requests = stats.streams;
  status->streams = stats.streams;
  status->bytes_in = stats.bytes_in;
  status->bytes_out = stats.bytes_out;
  status->resets = stats.resets;
  status->window_bytes = stats.window_bytes;
  status->queued_bytes = stats.queued_bytes;
}

static void
fill_dispute_locked (const Known *known, AgentStatus *status)
{
  int64_t now_us = p2p_now_us ();
  PlaceDispute dispute;

  status->disputed = place_is_disputed (known->place, now_us, &dispute);
  if (!status->disputed)
    return;
  status->dispute_since_ms = p2p_wall_ms () - (now_us - dispute.since_us) / 1000;
  for (unsigned i = 0; i < 2; i++)
    g_strlcpy (status->dispute_addresses[i], dispute.holders[i].address,
               sizeof status->dispute_addresses[i]);
}

void
agents_get_status (int64_t id, AgentStatus *ret_status)
{
  P2P_LOCKED (&registry.lock);
  Known *known = g_hash_table_lookup (registry.known, &id);

  *ret_status = (AgentStatus){ .state = AGENT_OFFLINE, .round_trip_ms = -1 };
  if (!known)
    return;
  ret_status->disconnected_at_ms = p2p_stamp_ms (known->disconnected);
  ret_status->has_report = known->has_report;
  ret_status->report = known->report;
  if (known->live)
    fill_live_locked (known->live, ret_status);
  fill_dispute_locked (known, ret_status);
}

void
agents_report (int64_t id, const AgentReport *report)
{
  P2P_LOCKED (&registry.lock);
  g_autoptr (Config) cfg = config_get_current ();
  Known *known;
  AgentReportPoint point = { .at_ms = p2p_wall_ms (), .round_trip_ms = -1, .report = *report };

  if (!config_find_agent_by_id (cfg, id))
    return; /* deleted since it was authenticated: nobody would forget it */
  known = registry_get_known_locked (id);
  known->has_report = true;
  known->report = *report;
  if (known->live)
    {
      P2pYamuxStats stats = p2p_yamux_get_stats (known->live->yamux);

      point.streams = stats.streams;
      if (stats.round_trip_us >= 0)
        point.round_trip_ms = (double) stats.round_trip_us / 1000.0;
    }
  agent_reports_note (&known->reports, &point);
}

GArray *
agents_copy_reports (int64_t id, int64_t since_ms)
{
  P2P_LOCKED (&registry.lock);
  const Known *known = g_hash_table_lookup (registry.known, &id);

  return agent_reports_copy (known ? known->reports : NULL, since_ms, p2p_wall_ms ());
}
