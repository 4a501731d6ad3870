/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The registry of agents: who is connected, and what is known of the rest. One lock (class AGENTS);
 * nothing is written to a network under it. */
#include "daemon/agents/agents-priv.h"

#include "daemon/config/change.h"
#include "daemon/store/agent-sessions.h"
#include "lib/log.h"

#include <glib.h>

#define NOT_ENTITLED "the agent was disabled or deleted, or its token changed"

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

static void
known_free (void *data)
{
  Known *known = data;

  g_free (known->place);
  agent_reports_free (known->reports);
  g_free (known);
}

static void
bound_draining_locked (int64_t agent_id)
{
  Session *oldest = NULL;
  unsigned n = 0;

  for (unsigned i = registry.sessions->len; i-- > 0;)
    {
      Session *session = registry.sessions->pdata[i];

      if (session->agent_id != agent_id || session->state != SESSION_DRAINING
          || session->drain_until_us == 0)
        continue;
      oldest = session;
      n++;
    }
  if (n <= DRAINING_MAX || registry.stopping)
    return;
  p2p_log (P2P_LOG_WARNING, "agents",
           "agent '%s': more than %d sessions are draining, closing the oldest, from %s",
           oldest->agent_name, DRAINING_MAX, oldest->address);
  oldest->drain_until_us = 0;
}

const char *
session_reason_locked (const Session *session)
{
  if (*session->reason)
    return session->reason;
  return session->why ? session->why : "unknown";
}

void
session_leave_locked (Session *session)
{
  Known *known = g_hash_table_lookup (registry.known, &session->agent_id);
  HistoryEnd end = { .at = p2p_stamp_now (), .reason = session_reason_locked (session) };

  if (session->history)
    {
      P2pYamuxStats stats = p2p_yamux_get_stats (session->yamux);

      end.bytes_in = stats.bytes_in;
      end.bytes_out = stats.bytes_out;
      history_leave (session->history, &end);
    }
  if (!known || known->live != session) /* or the agent has been deleted */
    return;
  known->live = NULL;
  known->disconnected = end.at;
  registry.n_live--;
}

void
session_drain_locked (Session *session, const char *why)
{
  if (session->state != SESSION_LIVE && session->state != SESSION_WAITING)
    return;
  session->state = SESSION_DRAINING;
  session->why = why;
  session->drain_until_us = p2p_deadline_ms (registry.options.drain_ms);
  session_leave_locked (session);
  p2p_yamux_go_away (session->yamux);
  bound_draining_locked (session->agent_id);
  p2p_cond_signal (&registry.cond);
}

/* --- the place -------------------------------------------------------------------------------- */

static PlaceHolder
holder_of (const Session *session)
{
  PlaceHolder holder;

  g_strlcpy (holder.instance, session->instance, sizeof holder.instance);
  g_strlcpy (holder.address, session->address, sizeof holder.address);
  return holder;
}

static bool
same_holder (const Session *a, const Session *b)
{
  PlaceHolder one = holder_of (a), other = holder_of (b);

  return place_same_holder (&one, &other);
}

static void
note_loss_locked (Known *known, const Session *loser, const Session *winner)
{
  PlaceHolder from = holder_of (loser), by = holder_of (winner);
  int64_t now_us = p2p_now_us ();
  PlaceDispute dispute;
  bool before = place_is_disputed (known->place, now_us, &dispute);

  if (!known->place)
    known->place = g_new0 (Place, 1);
  place_note_loss (known->place, &from, &by, now_us);
  if (!before && place_is_disputed (known->place, now_us, &dispute))
    p2p_log (P2P_LOG_WARNING, "agents",
             "agent '%s': two programs with its id and token, at %s and %s, displace each other; "
             "each gets a turn of %d s at least",
             winner->agent_name, from.address, by.address, PLACE_HOLD_MS / 1000);
}

static void
displace_locked (Known *known, Session *winner)
{
  Session *loser = known->live;

  (void) g_snprintf (loser->reason, sizeof loser->reason,
                     "displaced by instance %s, address %s", /* fits */
                     *winner->instance ? winner->instance : "unknown", winner->address);
  p2p_log (P2P_LOG_WARNING, "agents", "agent '%s': session from %s %s", winner->agent_name,
           loser->address, loser->reason);
  if (!same_holder (loser, winner))
    note_loss_locked (known, loser, winner);
  session_drain_locked (loser, "displaced by a newer session");
}

static void
take_place_locked (Known *known, Session *session)
{
  if (known->live)
    displace_locked (known, session);
  session->state = SESSION_LIVE;
  known->live = session;
  registry.n_live++;
}

static unsigned
count_waiting_locked (int64_t agent_id)
{
  unsigned n = 0;

  for (unsigned i = 0; i < registry.sessions->len; i++)
    {
      const Session *session = registry.sessions->pdata[i];

      n += session->agent_id == agent_id && session->state == SESSION_WAITING;
    }
  return n;
}

/* Of the place, while another holds it: 0 for nothing to wait for. */
static int64_t
wait_until_us (const Known *known, const Session *session)
{
  PlaceHolder newcomer = holder_of (session), holder;

  if (!known->live || same_holder (known->live, session))
    return 0;
  holder = holder_of (known->live);
  return place_free_at_us (known->place, &newcomer, &holder, p2p_now_us ());
}

static bool
has_to_wait_locked (const Known *known, const Session *session)
{
  if (!known->live)
    return count_waiting_locked (session->agent_id) > 0;
  return wait_until_us (known, session) > p2p_now_us ();
}

/* Behind those that wait already, but for its own earlier one. */
static void
wait_for_place_locked (Session *session)
{
  for (unsigned i = 0; i < registry.sessions->len; i++)
    {
      Session *other = registry.sessions->pdata[i];

      if (other->agent_id == session->agent_id && other->state == SESSION_WAITING
          && same_holder (other, session))
        session_drain_locked (other, "displaced by a newer session");
    }
  session->state = SESSION_WAITING;
  if (count_waiting_locked (session->agent_id) > WAITING_MAX)
    session_drain_locked (session, "too many sessions wait for the agent's place");
  else
    p2p_log (
        P2P_LOG_WARNING, "agents",
        "agent '%s': instance %s, address %s, waits for the place, for which another has its turn",
        session->agent_name, *session->instance ? session->instance : "unknown", session->address);
}

void
registry_try_place_locked (Session *session)
{
  Known *known = g_hash_table_lookup (registry.known, &session->agent_id);

  if (session->state != SESSION_WAITING || registry.stopping)
    return;
  g_assert (known); /* what waits is drained before its agent is forgotten */
  if (known->live ? wait_until_us (known, session) <= p2p_now_us ()
                  : registry.n_live < registry.options.agents_max)
    {
      p2p_log (P2P_LOG_INFO, "agents", "agent '%s': the session from %s has the place",
               session->agent_name, session->address);
      take_place_locked (known, session);
    }
}

/* False: the agent was disabled or deleted, or its token changed, since it was let in. */
static bool
is_entitled (const Session *session)
{
  g_autoptr (Config) cfg = config_get_current ();
  const ConfigAgent *agent = config_find_agent_by_id (cfg, session->agent_id);

  return agent && agent->enabled
         && memcmp (session->token_sha256, agent->token_sha256, sizeof agent->token_sha256) == 0;
}

/* To the list, and no further. */
static bool
turn_away_locked (Session *session, const char *why)
{
  session->state = SESSION_DRAINING;
  session->why = why;
  session->drain_until_us = 0;
  return false;
}

bool
registry_add (Session *session)
{
  P2P_LOCKED (&registry.lock);
  Known *known;
  HistoryBegin begin = { .agent_id = session->agent_id,
                         .instance = session->instance,
                         .address = session->address,
                         .version = session->version,
                         .connected = session->connected };

  g_ptr_array_add (registry.sessions, session);
  if (session->state != SESSION_LIVE)
    return true; /* it ended, or its agent went, before it was listed: the keeper deals with it */
  /* A change that comes from now on finds it in the list. */
  if (!is_entitled (session))
    return turn_away_locked (session, NOT_ENTITLED);
  known = registry_get_known_locked (session->agent_id);
  if (registry.stopping || (!known->live && registry.n_live >= registry.options.agents_max))
    return turn_away_locked (session, "too many agents");
  session->history = history_begin (&begin);
  if (has_to_wait_locked (known, session))
    wait_for_place_locked (session);
  else
    take_place_locked (known, session);
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

/* None of its sessions is live any more. */
static void
forget (int64_t id)
{
  P2P_LOCKED (&registry.lock);

  (void) g_hash_table_remove (registry.known, &id); /* most were never here */
}

static void
config_changed_cb (const Config *old, const Config *cfg, void *data)
{
  (void) data;
  for (unsigned i = 0; i < old->n_agents; i++)
    {
      int64_t id = old->agents[i]->id;
      const ConfigAgent *now = config_find_agent_by_id (cfg, id);

      if (!still_allowed (old->agents[i], now))
        agents_disconnect (id, NOT_ENTITLED);
      if (!now)
        forget (id);
    }
}

void
agents_disconnect (int64_t id, const char *why)
{
  P2P_LOCKED (&registry.lock);

  /* Not entitled any more: nothing of it may linger. */
  for (unsigned i = 0; i < registry.sessions->len; i++)
    {
      Session *session = registry.sessions->pdata[i];

      if (session->agent_id != id)
        continue;
      session_drain_locked (session, why);
      session->drain_until_us = 0;
    }
  p2p_cond_signal (&registry.cond);
}

/* --- start and stop --------------------------------------------------------------------------- */

/* When agents that are offline were connected last, from what an earlier run has noted. */
static void
load_last_ends (Store *store)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (StoreTx) tx = store_begin_read (store, &error);
  g_autoptr (GArray) ends = tx ? store_agent_session_last_ends (tx, &error) : NULL;
  P2P_LOCKED (&registry.lock);

  for (unsigned i = 0; ends && i < ends->len; i++)
    {
      const StoreAgentEnd *end = &g_array_index (ends, StoreAgentEnd, i);

      registry_get_known_locked (end->agent_id)->disconnected
          = (P2pStamp){ .wall_ms = end->at, .ahead_ms = P2P_STAMP_FIXED };
    }
  if (!ends)
    p2p_log (P2P_LOG_WARNING, "agents", "when agents were here last is not known: %s",
             error->message);
}

bool
agents_start (const AgentsOptions *options, GError **error)
{
  P2pPoolOptions pool_options = { .name = "agents",
                                  .threads_min = 1,
                                  .threads_max = options->workers_max,
                                  .queue_max = options->agents_max,
                                  .idle_ms = 30000 };

  registry = (Registry){ .options = *options };
  registry.pool = p2p_pool_new (&pool_options, error);
  if (!registry.pool)
    return false;
  registry.budget = p2p_yamux_budget_new (options->memory_max);
  p2p_mutex_init (&registry.lock, P2P_LOCK_AGENTS);
  p2p_cond_init (&registry.cond);
  registry.known = g_hash_table_new_full (g_int64_hash, g_int64_equal, NULL, known_free);
  registry.sessions = g_ptr_array_new ();
  if (options->store)
    {
      history_start (options->store);
      load_last_ends (options->store);
    }
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
  history_stop ();
  p2p_cond_done (&registry.cond);
  p2p_mutex_done (&registry.lock);
}
