/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Streams through agents that are connected. Any worker. */
#include "daemon/agents/agents-priv.h"

#include "lib/tunnel.h"

#include <glib.h>

/* A new reference to the session that takes new streams, or NULL. */
static P2pYamux *
live_yamux (int64_t agent_id)
{
  P2P_LOCKED (&registry.lock);
  Known *known = g_hash_table_lookup (registry.known, &agent_id);

  return known && known->live ? p2p_yamux_ref (known->live->yamux) : NULL;
}

static AgentOpen
from_io (P2pIo io)
{
  switch (io)
    {
    case P2P_IO_OK:
      return AGENT_OPEN_OK;
    case P2P_IO_OVERFLOW:
      return AGENT_OPEN_OVERLOADED;
    case P2P_IO_REFUSED:
      return AGENT_OPEN_REFUSED;
    case P2P_IO_TIMEOUT:
    case P2P_IO_AGAIN:
      return AGENT_OPEN_TIMEOUT;
    case P2P_IO_STOPPED:
      return AGENT_OPEN_NONE;
    default:
      return AGENT_OPEN_FAILED;
    }
}

static AgentOpen
open_through (int64_t agent_id, int64_t deadline_us, P2pStream **ret_lower)
{
  AgentOpen result = AGENT_OPEN_NONE;

  /* A session may lose the place to another between the look and the open. */
  for (unsigned tries = 0; tries < 3 && result == AGENT_OPEN_NONE; tries++)
    {
      P2pYamux *yamux = live_yamux (agent_id);

      if (!yamux)
        break;
      result = from_io (p2p_yamux_open (yamux, deadline_us, ret_lower));
      p2p_yamux_unref (yamux);
    }
  return result;
}

AgentOpen
agents_open (const Config *cfg,
             const ConfigTarget *target,
             const char *request_id,
             int64_t deadline_us,
             int64_t agent_id,
             P2pStream **ret_strm)
{
  const ConfigAgent *agent = config_find_agent_by_id (cfg, agent_id);
  P2pTunnelOpen open = { .network = P2P_TUNNEL_TCP, .port = target->port };
  P2pStream *lower;
  AgentOpen result;

  if (!agent || !agent->enabled || !config_selector_matches (target, agent))
    return AGENT_OPEN_NONE;
  result = open_through (agent_id, deadline_us, &lower);
  if (result != AGENT_OPEN_OK)
    return result;
  g_strlcpy (open.host, target->host, sizeof open.host);
  g_strlcpy (open.request_id, request_id, sizeof open.request_id);
  *ret_strm = p2p_stream_tunnel_new (lower, &open);
  return AGENT_OPEN_OK;
}

bool
agents_is_connected (int64_t id)
{
  P2P_LOCKED (&registry.lock);
  const Known *known = g_hash_table_lookup (registry.known, &id);

  return known && known->live;
}

bool
agents_stream_is_answered (P2pStream *strm)
{
  return p2p_stream_tunnel_is_answered (strm);
}

bool
agents_stream_is_leaving (P2pStream *strm)
{
  return p2p_stream_tunnel_is_leaving (strm);
}

bool
agents_stream_is_unseen (P2pStream *strm)
{
  return p2p_stream_tunnel_is_unseen (strm);
}

const char *
agents_stream_error (P2pStream *strm)
{
  P2pTunnelError error = p2p_stream_tunnel_get_error (strm);

  return error == P2P_TUNNEL_OK ? NULL : p2p_tunnel_error_text (error);
}
