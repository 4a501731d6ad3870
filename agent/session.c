/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A tunnel: its Yamux session and what the reader thread tells the main thread of it, by two flags
 * and a ring. */
#include "agent/session.h"

#include "agent/agent.h"
#include "lib/log.h"

#include <glib.h>

#define ACCEPT_BACKLOG 256

struct Session
{
  P2pYamux *yamux; /* (owned) */
  int64_t up_since_us;
  void (*ring) (void);
  const char *why; /* static text; set before ended is */
  atomic_bool ended, going_away;
};

static void
ended_cb (P2pYamux *yamux, const char *why, bool ours, void *data)
{
  Session *session = data;

  (void) yamux;
  p2p_log (P2P_LOG_DEBUG, "agent", "session over: %s (%s)", why, ours ? "by us" : "by the daemon");
  session->why = why;
  atomic_store (&session->ended, true);
  session->ring ();
}

static void
going_away_cb (P2pYamux *yamux, uint32_t code, void *data)
{
  Session *session = data;

  (void) yamux;
  (void) code;
  atomic_store (&session->going_away, true);
  session->ring ();
}

Session *
session_new (P2pStream *take_strm, void (*ring) (void), GError **error)
{
  Session *session = g_new0 (Session, 1);
  P2pYamuxOptions options
      = { .role = P2P_YAMUX_CLIENT,
          .name = "tunnel",
          .max_streams = (unsigned) agent.settings.agent_max_streams,
          .accept_backlog = ACCEPT_BACKLOG,
          /* An origin's end is the end of an answer: no daemon stops sending at it. */
          .peer_half_close = true,
          .budget = agent.budget,
          .accepted = forward_accepted_cb,
          .ended = ended_cb,
          .going_away = going_away_cb,
          .data = session };

  session->ring = ring;
  session->up_since_us = p2p_now_us ();
  session->yamux = p2p_yamux_new (take_strm, &options, error);
  if (session->yamux)
    return session;
  g_free (session);
  return NULL;
}

void
session_free (Session *session, const char *why)
{
  if (!session)
    return;
  p2p_yamux_close (session->yamux, why);
  p2p_yamux_join (session->yamux);
  p2p_yamux_unref (session->yamux);
  g_free (session);
}

bool
session_has_ended (Session *session)
{
  return atomic_load (&session->ended);
}

const char *
session_why_ended (Session *session)
{
  return session_has_ended (session) ? session->why : NULL;
}

bool
session_is_going_away (Session *session)
{
  return atomic_load (&session->going_away);
}

int64_t
session_lived_ms (Session *session)
{
  return (p2p_now_us () - session->up_since_us) / 1000;
}

P2pYamuxStats
session_get_stats (Session *session)
{
  return p2p_yamux_get_stats (session->yamux);
}

void
session_check (Session *session, int64_t wait_ms)
{
  p2p_yamux_check (session->yamux, wait_ms);
}

void
session_go_away (Session *session)
{
  p2p_yamux_go_away (session->yamux);
}
