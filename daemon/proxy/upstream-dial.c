/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* New connections to origins. Any worker; blocks to the deadline. */
#include "daemon/proxy/upstream-dial.h"

#include "daemon/agents/agents.h"
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
    case AGENT_OPEN_TIMEOUT:
      return UPSTREAM_TIMEOUT;
    case AGENT_OPEN_FAILED:
      break;
    }
  return UPSTREAM_FAILED;
}

/* TLS over what connects; on failure the stream is closed and says why in the log. */
static UpstreamResult
start_tls (const ConfigTarget *target, P2pStream **strm, int64_t deadline_us)
{
  P2pStream *tls = p2p_stream_tls_client_new (*strm, target->tls, target->tls_server_name);
  P2pIo io;

  *strm = NULL;
  if (!tls)
    return UPSTREAM_FAILED;
  io = p2p_stream_tls_handshake (tls, deadline_us);
  if (io == P2P_IO_OK)
    {
      *strm = tls;
      return UPSTREAM_OK;
    }
  if (io == P2P_IO_TLS)
    {
      g_autofree char *why = p2p_stream_tls_dup_error (tls);

      p2p_log (P2P_LOG_WARNING, "proxy", "target '%s': TLS with %s:%u: %s, answering 502",
               target->name, target->host, target->port, why ? why : "failed");
    }
  p2p_stream_close (tls);
  return from_io (io);
}

UpstreamResult
upstream_dial (Request *req, int64_t deadline_us, Upstream *ret_up)
{
  const ConfigTarget *target = req->target;
  Upstream up = { .origin_key = target->origin_key };
  UpstreamResult result;

  if (target->transport == CONFIG_TRANSPORT_AGENT)
    {
      result = from_agent (agents_open (req->cfg, target, request_id (req), deadline_us, &up.strm));
      up.tunnel = up.strm;
    }
  else
    result = from_io (p2p_connect (proxy.options.resolver, p2p_span_from_string (target->host),
                                   target->port, deadline_us, &up.strm));
  if (result == UPSTREAM_OK && target->https)
    result = start_tls (target, &up.strm, deadline_us);
  if (result == UPSTREAM_OK)
    *ret_up = up;
  return result;
}
