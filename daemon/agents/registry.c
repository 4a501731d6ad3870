/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The registry of agents: who is connected, and what is known of the rest. One lock (class AGENTS);
 * nothing is written to a network under it. */
#include "daemon/agents/agents-priv.h"

#include "daemon/config/change.h"
#include "lib/log.h"

#include <glib.h>

Registry registry;

/* --- sessions and what is known --------------------------------------------------------------- */

Known *
registry_get_known_locked (int64_t id)
{
  Known *known = g_hash_table_lookup (registry.known, &id);

  p2p_lock_assert_held (&registry.lock);
  if (!known)
    {
      known = g_new0 (Known, 1);
      known->id = id;
      g_hash_table_insert (registry.known, &known->id, known);
    }
  return known;
}

void
session_drain_locked (Session *session, const char *why)
{
  Known *known = registry_get_known_locked (session->agent_id);

  if (session->state != SESSION_LIVE)
    return;
  session->state = SESSION_DRAINING;
  session->why = why;
  session->drain_until_us = p2p_deadline_ms (registry.options.drain_ms);
  if (known->live == session)
    {
      known->live = NULL;
      known->disconnected_at_ms = p2p_wall_ms ();
      registry.n_live--;
    }
  p2p_yamux_go_away (session->yamux);
  p2p_cond_signal (&registry.cond);
}

bool
registry_add (Session *session)
{
  P2P_LOCKED (&registry.lock);
  Known *known = registry_get_known_locked (session->agent_id);
  bool room = !registry.stopping && (known->live || registry.n_live < registry.options.agents_max);

  g_ptr_array_add (registry.sessions, session);
  if (session->state == SESSION_ENDED)
    return true; /* it ended before it was listed: the keeper deals with it */
  if (!room)
    {
      session->state = SESSION_DRAINING;
      session->why = "too many agents";
      session->drain_until_us = 0;
      return false;
    }
  if (known->live)
    {
      p2p_log (P2P_LOG_WARNING, "agents",
               "agent '%s': session from %s displaced by instance %s, address %s",
               session->agent_name, known->live->address,
               *session->instance ? session->instance : "unknown", session->address);
      session_drain_locked (known->live, "displaced by a newer session");
    }
  known->live = session;
  registry.n_live++;
  p2p_cond_signal (&registry.cond);
  return true;
}

/* --- the configuration ------------------------------------------------------------------------ */

static bool
still_allowed (const ConfigAgent *before, const ConfigAgent *after)
{
  return after && after->enabled
         && memcmp (before->token_sha256, after->token_sha256, sizeof after->token_sha256) == 0;
}

static void
config_changed_cb (const Config *old, const Config *cfg, void *data)
{
  (void) data;
  for (unsigned i = 0; i < old->n_agents; i++)
    if (!still_allowed (old->agents[i], config_find_agent_by_id (cfg, old->agents[i]->id)))
      agents_disconnect (old->agents[i]->id,
                         "the agent was disabled or deleted, or its token changed");
}

void
agents_disconnect (int64_t id, const char *why)
{
  P2P_LOCKED (&registry.lock);
  Known *known = g_hash_table_lookup (registry.known, &id);

  if (!known || !known->live)
    return;
  session_drain_locked (known->live, why);
  /* Not entitled any more: nothing of it may linger. */
  for (unsigned i = 0; i < registry.sessions->len; i++)
    {
      Session *session = registry.sessions->pdata[i];

      if (session->agent_id == id)
        session->drain_until_us = 0;
    }
}

/* --- status ----------------------------------------------------------------------------------- */

static void
fill_live_locked (const Session *session, AgentStatus *status)
{
  P2pYamuxStats stats = p2p_yamux_get_stats (session->yamux);

  status->state = session->degraded ? AGENT_DEGRADED : AGENT_CONNECTED;
  g_strlcpy (status->reported_name, session->reported_name, sizeof status->reported_name);
  g_strlcpy (status->version, session->version, sizeof status->version);
  g_strlcpy (status->address, session->address, sizeof status->address);
  status->connected_at_ms = session->connected_at_ms;
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

void
agents_get_status (int64_t id, AgentStatus *ret_status)
{
  P2P_LOCKED (&registry.lock);
  Known *known = g_hash_table_lookup (registry.known, &id);

  *ret_status = (AgentStatus){ .state = AGENT_OFFLINE, .round_trip_ms = -1 };
  if (!known)
    return;
  ret_status->disconnected_at_ms = known->disconnected_at_ms;
  ret_status->has_report = known->has_report;
  ret_status->report = known->report;
  if (known->live)
    fill_live_locked (known->live, ret_status);
}

void
agents_report (int64_t id, const AgentReport *report)
{
  P2P_LOCKED (&registry.lock);
  Known *known = registry_get_known_locked (id);

  known->has_report = true;
  known->report = *report;
}

/* --- start and stop --------------------------------------------------------------------------- */

bool
agents_start (const AgentsOptions *options, GError **error)
{
  P2pPoolOptions pool_options = { .name = "agents",
                                  .threads_min = 1,
                                  .threads_max = options->workers_max,
                                  .queue_max = options->agents_max,
                                  .idle_ms = 30000 };

  registry.options = *options;
  registry.pool = p2p_pool_new (&pool_options, error);
  if (!registry.pool)
    return false;
  registry.budget = p2p_yamux_budget_new (options->memory_max);
  p2p_mutex_init (&registry.lock, P2P_LOCK_AGENTS);
  p2p_cond_init (&registry.cond);
  registry.known = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, g_free);
  registry.sessions = g_ptr_array_new ();
  config_add_observer (config_changed_cb, NULL);
  P2P_PTHREAD (pthread_create (&registry.keeper, NULL, keeper_main, NULL));
  return true;
}

/* Waits until the keeper has freed them all. */
static bool
wait_for_none_locked (int64_t deadline_us)
{
  while (registry.sessions->len > 0)
    if (!p2p_cond_wait (&registry.cond, &registry.lock, deadline_us))
      return false;
  return true;
}

static void
hurry_locked (void)
{
  for (unsigned i = 0; i < registry.sessions->len; i++)
    {
      Session *session = registry.sessions->pdata[i];

      session_drain_locked (session, "the daemon is stopping");
      session->drain_until_us = 0;
    }
  p2p_cond_broadcast (&registry.cond);
}

void
agents_stop (int64_t deadline_us)
{
  if (!registry.pool)
    return;
  p2p_mutex_lock (&registry.lock);
  registry.stopping = true;
  for (unsigned i = 0; i < registry.sessions->len; i++)
    session_drain_locked (registry.sessions->pdata[i], "the daemon is stopping");
  if (!wait_for_none_locked (deadline_us))
    {
      hurry_locked ();
      while (!wait_for_none_locked (p2p_deadline_ms (1000)))
        hurry_locked ();
    }
  registry.stop_keeper = true;
  p2p_cond_broadcast (&registry.cond);
  p2p_mutex_unlock (&registry.lock);
  P2P_PTHREAD (pthread_join (registry.keeper, NULL));
  while (!p2p_pool_stop (registry.pool, p2p_deadline_ms (1000)))
    ; /* its tasks have deadlines of seconds */
  g_clear_pointer (&registry.pool, p2p_pool_free);
  g_clear_pointer (&registry.budget, p2p_yamux_budget_unref);
  g_clear_pointer (&registry.known, g_hash_table_unref);
  g_clear_pointer (&registry.sessions, g_ptr_array_unref);
  p2p_cond_done (&registry.cond);
  p2p_mutex_done (&registry.lock);
}
