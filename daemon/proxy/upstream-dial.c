/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* New connections to origins. Any worker; blocks to the deadline. */
#include "daemon/proxy/upstream-dial.h"

#include "daemon/agents/agents.h"
#include "daemon/proxy/proxy-priv.h"
#include "lib/log.h"
#include "lib/resolver.h"
#include "lib/stream-tls.h"

static UpstreamResult
from_io (P2pIo io)
{
  switch (io)
    {
    case P2P_IO_OK:
      return UPSTREAM_OK;
    case P2P_IO_TIMEOUT:
    case P2P_IO_AGAIN:
      return UPSTREAM_TIMEOUT;
    case P2P_IO_REFUSED:
      return UPSTREAM_REFUSED;
    case P2P_IO_OVERFLOW:
      return UPSTREAM_OVERLOADED;
    case P2P_IO_TLS:
      return UPSTREAM_TLS;
    case P2P_IO_STOPPED:
      return UPSTREAM_STOPPED;
    default:
      return UPSTREAM_FAILED;
    }
}

static UpstreamResult
from_agent (AgentOpen open)
{
  switch (open)
    {
    case AGENT_OPEN_OK:
      return UPSTREAM_OK;
    case AGENT_OPEN_NONE:
      return UPSTREAM_NO_AGENT;
    case AGENT_OPEN_OVERLOADED:
      return UPSTREAM_OVERLOADED;
    case AGENT_OPEN_REFUSED:
      return UPSTREAM_UNSEEN;
    case AGENT_OPEN_TIMEOUT:
      return UPSTREAM_AGENT_TIMEOUT;
    case AGENT_OPEN_FAILED:
      break;
    }
  return UPSTREAM_AGENT;
}

UpstreamResult
upstream_judge_refusal (const char *kind)
{
  if (strcmp (kind, "denied") == 0)
    return UPSTREAM_DENIED;
  if (strcmp (kind, "dial_timeout") == 0)
    return UPSTREAM_TIMEOUT;
  return strcmp (kind, "overloaded") == 0 ? UPSTREAM_OVERLOADED : UPSTREAM_REFUSED;
}

static void
tell (const UpstreamDial *dial, const char *why)
{
  const ConfigTarget *target = dial->target;

  if (dial->ret_why)
    *dial->ret_why = g_strdup (why);
  else
    p2p_log (P2P_LOG_WARNING, "proxy", "target '%s': TLS with %s:%u: %s, answering an error",
             target->name, target->host, target->port, why);
}

/* Why the handshake did not come about: the agent's word goes before TLS's. */
static UpstreamResult
judge_failure (const UpstreamDial *dial, const Upstream *up, P2pStream *tls, P2pIo io)
{
  const char *refusal = up->tunnel ? agents_stream_error (up->tunnel) : NULL;
  g_autofree char *why = NULL;

  if (up->tunnel && io != P2P_IO_TIMEOUT && agents_stream_is_unseen (up->tunnel))
    return UPSTREAM_UNSEEN;
  if (refusal)
    {
      tell (dial, refusal);
      return upstream_judge_refusal (refusal);
    }
  why = io == P2P_IO_TLS ? p2p_stream_tls_dup_error (tls) : NULL;
  if (why)
    tell (dial, why);
  return from_io (io);
}

/* TLS over what connects; on failure the stream is closed. */
static UpstreamResult
start_tls (const UpstreamDial *dial, Upstream *up, int64_t deadline_us)
{
  const ConfigTarget *target = dial->target;
  P2pStream *tls = p2p_stream_tls_client_new_resuming (g_steal_pointer (&up->strm), target->tls,
                                                       target->tls_server_name, target->origin_key);
  UpstreamResult result;
  P2pIo io;

  if (!tls)
    return UPSTREAM_FAILED;
  io = p2p_stream_tls_handshake (tls, deadline_us);
  if (io == P2P_IO_OK)
    {
      up->strm = tls;
      up->tls = true;
      return UPSTREAM_OK;
    }
  result = judge_failure (dial, up, tls, io);
  p2p_stream_close (tls);
  return result;
}

UpstreamResult
upstream_dial (const UpstreamDial *dial, int64_t deadline_us, Upstream *ret_up)
{
  const ConfigTarget *target = dial->target;
  Upstream up = { .origin_key = target->origin_key, .agent_id = dial->agent_id };
  UpstreamResult result;

  if (target->transport == CONFIG_TRANSPORT_AGENT)
    {
      result = from_agent (agents_open (dial->cfg, target, dial->request_id, deadline_us,
                                        dial->agent_id, &up.strm));
      up.tunnel = up.strm;
    }
  else
    result = from_io (p2p_connect (proxy.options.resolver, p2p_span_from_string (target->host),
                                   target->port, deadline_us, &up.strm));
  if (result == UPSTREAM_OK && target->https)
    result = start_tls (dial, &up, deadline_us);
  if (result == UPSTREAM_OK)
    *ret_up = up;
  return result;
}

void
upstream_uncount (ConfigTargetState *take_state)
{
  if (!take_state)
    return;
  atomic_fetch_sub_explicit (&take_state->connections, 1, memory_order_relaxed);
  config_target_state_unref (take_state);
}

void
upstream_close (Upstream *up)
{
  if (!up->strm)
    return;
  if (up->tls)
    p2p_stream_tls_remember (up->strm);
  p2p_stream_close (up->strm);
  upstream_uncount (up->counted);
  *up = (Upstream){ 0 };
}
