/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One agent's tunnel: its callbacks, and the keeper that ends, joins and probes sessions. */
#include "daemon/agents/agents-priv.h"

#include "lib/log.h"
#include "lib/tunnel.h"

#include <glib.h>

#define ACCEPT_NONE 0 /* the daemon opens, the agent accepts: a SYN from there is answered by RST */
#define DEAD_AFTER_MS 10000
#define KEEPER_TICK_MS 1000
#define PROBE_EVERY_MS 10000 /* and up to 10 s more, at random */
#define PROBE_WAIT_MS 5000

/* --- callbacks: on the session's reader thread ------------------------------------------------ */

static void
ended_cb (P2pYamux *yamux, const char *why, bool ours, void *data)
{
  Session *session = data;
  P2P_LOCKED (&registry.lock);

  (void) yamux;
  if (session->state == SESSION_LIVE || session->state == SESSION_WAITING || !ours)
    session->why = why;
  session->state = SESSION_ENDED;
  session_leave_locked (session);
  p2p_cond_signal (&registry.cond);
}

static void
going_away_cb (P2pYamux *yamux, uint32_t code, void *data)
{
  P2P_LOCKED (&registry.lock);

  (void) yamux;
  (void) code;
  session_drain_locked (data, "the agent is going away");
}

Session *
session_new (P2pStream *take_strm, const ConfigAgent *agent, bool half_close, GError **error)
{
  Session *session = g_new0 (Session, 1);
  P2pYamuxOptions options = { .role = P2P_YAMUX_SERVER,
                              .name = agent->name,
                              .max_streams = registry.options.max_streams,
                              .accept_backlog = ACCEPT_NONE,
                              .budget = registry.budget,
                              .peer_half_close = half_close,
                              .ping_interval_ms = registry.options.ping_interval_ms,
                              .dead_after_ms = DEAD_AFTER_MS,
                              .ended = ended_cb,
                              .going_away = going_away_cb,
                              .data = session };

  session->agent_id = agent->id;
  session->agent_name = g_strdup (agent->name);
  memcpy (session->token_sha256, agent->token_sha256, sizeof session->token_sha256);
  session->connected = p2p_stamp_now ();
  session->probe_at_us = p2p_deadline_ms (PROBE_EVERY_MS);
  session->yamux = p2p_yamux_new (take_strm, &options, error);
  if (session->yamux)
    return session;
  g_free (session->agent_name);
  g_free (session);
  return NULL;
}

/* --- probes ----------------------------------------------------------------------------------- */

typedef enum
{
  PROBE_GOOD,
  PROBE_BAD,
  PROBE_REFUSED, /* full of work is not degraded, nor is it a proof that the path carries any */
} ProbeResult;

/* Any well-formed answer proves the data path; a version-1 agent says invalid_open_request. */
static ProbeResult
probe_stream (P2pStream *strm, int64_t deadline_us)
{
  struct iovec iov = { .iov_base = (char[]){ 'p' }, .iov_len = 1 };
  P2pIo io = p2p_stream_flush (strm, deadline_us);
  char byte;
  size_t n;

  if (io == P2P_IO_OK)
    io = p2p_stream_write_all (strm, &iov, 1, NULL, deadline_us);
  if (io == P2P_IO_OK)
    io = p2p_stream_read (strm, &byte, 1, &n, deadline_us);
  if (io == P2P_IO_OK)
    return PROBE_GOOD;
  if (io != P2P_IO_REFUSED)
    return PROBE_BAD;
  /* By the session, or by an answer on the stream. */
  return p2p_stream_tunnel_is_unseen (strm) ? PROBE_REFUSED : PROBE_GOOD;
}

static ProbeResult
probe (P2pYamux *yamux)
{
  P2pTunnelOpen open = { .network = P2P_TUNNEL_PROBE, .request_id = "probe" };
  int64_t deadline_us = p2p_deadline_ms (PROBE_WAIT_MS);
  P2pStream *strm;
  P2pIo io = p2p_yamux_open (yamux, deadline_us, &strm);
  ProbeResult result;

  if (io != P2P_IO_OK)
    return io == P2P_IO_OVERFLOW || io == P2P_IO_REFUSED ? PROBE_REFUSED : PROBE_BAD;
  strm = p2p_stream_tunnel_new (strm, &open);
  result = probe_stream (strm, deadline_us);
  p2p_stream_close (strm);
  return result;
}

void
probe_run (P2pTask *task)
{
  Session *session = (Session *) ((char *) task - offsetof (Session, probe_task));
  ProbeResult result = probe (session->yamux); /* the keeper frees none that is being probed */
  P2P_LOCKED (&registry.lock);
  bool good = result == PROBE_REFUSED ? !session->degraded : result == PROBE_GOOD;

  if (session->degraded == good && session->state == SESSION_LIVE)
    p2p_log (good ? P2P_LOG_INFO : P2P_LOG_WARNING, "agents", "agent '%s': %s", session->agent_name,
             good ? "carries streams again" : "is connected but carries no stream: degraded");
  session->degraded = !good;
  session->probing = false;
  session->probe_bytes = p2p_yamux_get_stats (session->yamux).stream_bytes; /* not its own */
  p2p_cond_signal (&registry.cond);
}

bool
session_take_probe_locked (Session *session, int64_t now_us)
{
  uint64_t moved;

  if (session->state != SESSION_LIVE || session->probing || session->probe_at_us > now_us)
    return false;
  session->probe_at_us = now_us + (PROBE_EVERY_MS + g_random_int_range (0, 10000)) * INT64_C (1000);
  moved = p2p_yamux_get_stats (session->yamux).stream_bytes;
  session->probing = moved == session->probe_bytes || session->degraded;
  session->probe_bytes = moved;
  return session->probing;
}

/* --- the keeper ------------------------------------------------------------------------------- */

static bool
is_drained_locked (Session *session, int64_t now_us)
{
  return session->state == SESSION_DRAINING
         && (now_us >= session->drain_until_us
             || p2p_yamux_get_stats (session->yamux).streams == 0);
}

/* The first one that is over and held by nobody leaves the list. */
static Session *
take_ended_locked (void)
{
  for (unsigned i = 0; i < registry.sessions->len; i++)
    {
      Session *session = registry.sessions->pdata[i];

      if (session->state == SESSION_ENDED && !session->probing)
        return g_ptr_array_remove_index (registry.sessions, i);
    }
  return NULL;
}

static void
session_free (Session *session)
{
  P2pYamuxStats stats = p2p_yamux_get_stats (session->yamux);

  p2p_yamux_close (session->yamux, "ended");
  p2p_yamux_join (session->yamux);
  p2p_yamux_unref (session->yamux);
  history_end (session->history, stats.bytes_in, stats.bytes_out);
  p2p_log (P2P_LOG_INFO, "agents",
           "agent '%s': session from %s ended: %s (%" G_GUINT64_FORMAT
           " bytes in, %" G_GUINT64_FORMAT " out)",
           session->agent_name, session->address, session_reason_locked (session), stats.bytes_in,
           stats.bytes_out);
  g_free (session->agent_name);
  g_free (session);
}

static void
look_after_all_locked (void)
{
  int64_t now_us = p2p_now_us ();

  for (unsigned i = 0; i < registry.sessions->len; i++)
    {
      Session *session = registry.sessions->pdata[i];

      registry_try_place_locked (session);
      if (is_drained_locked (session, now_us))
        p2p_yamux_close (session->yamux, session->why);
      if (session_take_probe_locked (session, now_us))
        {
          session->probe_task.run = probe_run;
          p2p_pool_submit (registry.pool, &session->probe_task);
        }
    }
}

/* The history has to tell of sessions that run by the clock as it is now. */
static void
look_at_clock (int64_t *ahead_ms)
{
  int64_t now_ahead_ms = p2p_wall_ahead_ms ();

  if (!p2p_wall_was_set (*ahead_ms, now_ahead_ms))
    return;
  *ahead_ms = now_ahead_ms;
  history_clock_was_set ();
}

void *
keeper_main (void *data)
{
  int64_t ahead_ms = p2p_wall_ahead_ms ();
  Session *session;

  (void) data;
  (void) pthread_setname_np (pthread_self (), "agents"); /* only a name */
  p2p_mutex_lock (&registry.lock);
  while (!registry.stop_keeper)
    {
      look_at_clock (&ahead_ms);
      look_after_all_locked ();
      session = take_ended_locked ();
      if (!session)
        {
          (void) p2p_cond_wait (&registry.cond, &registry.lock, p2p_deadline_ms (KEEPER_TICK_MS));
          continue;
        }
      p2p_mutex_unlock (&registry.lock);
      session_free (session);
      p2p_mutex_lock (&registry.lock);
      p2p_cond_broadcast (&registry.cond);
    }
  p2p_mutex_unlock (&registry.lock);
  return NULL;
}
