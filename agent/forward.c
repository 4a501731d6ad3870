/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One stream of the daemon: its open request, the connection to the origin, the answer, and the
 * relay. Each on a worker of the pool; the relay parks when it is idle. */
#include "agent/agent.h"
#include "agent/denials.h"
#include "agent/judge.h"

#include "lib/log.h"
#include "lib/relay.h"
#include "lib/tunnel.h"

#include <glib.h>

#define OPEN_MS 10000
#define REFUSE_LINGER_MS 2000
#define PROBE_MAX ((size_t) 64 * 1024)
#define RELAY_STALL_MS 60000
#define RELAY_WATCH_AFTER_MS 30000 /* most are over before */

typedef struct
{
  P2pTask task;
  P2pStream *strm; /* (owned) */
} Forward;

static bool
answer (P2pStream *strm, P2pTunnelError error, const char *detail)
{
  char frame[512];
  size_t n = p2p_tunnel_print_answer (frame, sizeof frame, error, detail);
  struct iovec iov = { .iov_base = frame, .iov_len = n };

  g_assert (n > 0); /* the details are short texts of ours */
  return p2p_stream_write_all (strm, &iov, 1, NULL, p2p_deadline_ms (OPEN_MS)) == P2P_IO_OK;
}

/* Closing with the request's bytes unread is a reset, which would overtake the answer: they are
 * thrown away until the daemon, which has the answer then, ends the stream too. */
static void
refuse (P2pStream *take_strm, P2pTunnelError error, const char *detail)
{
  int64_t deadline_us = p2p_deadline_ms (REFUSE_LINGER_MS);
  char waste[4096];
  size_t n;

  atomic_fetch_add (&agent.requests_failed, 1);
  if (answer (take_strm, error, detail)
      && p2p_stream_shutdown (take_strm, deadline_us) == P2P_IO_OK)
    while (p2p_stream_read (take_strm, waste, sizeof waste, &n, deadline_us) == P2P_IO_OK)
      ;
  p2p_stream_close (take_strm);
}

/* Echoes until FIN: the data path is proved by it. */
static void
serve_probe (P2pStream *take_strm)
{
  char buf[1024];
  size_t total = 0, n;
  bool good = answer (take_strm, P2P_TUNNEL_OK, NULL);

  while (good && total < PROBE_MAX
         && p2p_stream_read (take_strm, buf, sizeof buf, &n, p2p_deadline_ms (OPEN_MS))
                == P2P_IO_OK)
    {
      struct iovec iov = { .iov_base = buf, .iov_len = n };

      good
          = p2p_stream_write_all (take_strm, &iov, 1, NULL, p2p_deadline_ms (OPEN_MS)) == P2P_IO_OK;
      total += n;
    }
  p2p_stream_close (take_strm);
}

static P2pTunnelError
dial_origin (const P2pTunnelOpen *open, P2pStream **ret_origin, const char **ret_detail)
{
  P2pIo io = judge_and_connect (open->host, open->port, p2p_deadline_ms (OPEN_MS), ret_origin,
                                ret_detail);

  if (io == P2P_IO_OK)
    return P2P_TUNNEL_OK;
  if (*ret_detail)
    return P2P_TUNNEL_DENIED;
  *ret_detail = p2p_io_text (io);
  return io == P2P_IO_TIMEOUT ? P2P_TUNNEL_DIAL_TIMEOUT : P2P_TUNNEL_DIAL_FAILED;
}

static void
serve_tcp (P2pStream *take_strm, const P2pTunnelOpen *open)
{
  /* The daemon resets the stream when its client has left: an origin that reads nothing must not
   * keep it. And when a client is too slow: some take minutes for one window. */
  P2pRelayOptions options = { .pool = agent.pool,
                              .watch_after_ms = RELAY_WATCH_AFTER_MS,
                              .write_stall_ms = RELAY_STALL_MS,
                              .a_may_stall = true,
                              .a_aborts = true };
  P2pStream *origin = NULL;
  const char *detail = NULL;
  P2pTunnelError error = dial_origin (open, &origin, &detail);

  if (error != P2P_TUNNEL_OK)
    {
      if (error == P2P_TUNNEL_DENIED)
        denials_note (open, detail);
      else
        p2p_log (P2P_LOG_WARNING, "agent", "request %s: %s port %u: %s, answering %s",
                 open->request_id, open->host, open->port, detail, p2p_tunnel_error_text (error));
      refuse (take_strm, error, detail);
      return;
    }
  if (!answer (take_strm, P2P_TUNNEL_OK, NULL))
    {
      p2p_stream_close (origin);
      p2p_stream_close (take_strm);
      return;
    }
  atomic_fetch_add (&agent.requests_ok, 1);
  p2p_relay_run (take_strm, P2P_SPAN_NONE, origin, P2P_SPAN_NONE, &options);
}

static void
forward_run (P2pTask *task)
{
  Forward *forward = (Forward *) task;
  P2pStream *strm = forward->strm;
  P2pTunnelOpen open;
  P2pTunnelError error;
  char buf[P2P_TUNNEL_FRAME_MAX];
  P2pSpan json;
  P2pIo io = p2p_tunnel_read_frame (strm, buf, sizeof buf, &json, p2p_deadline_ms (OPEN_MS));

  g_free (forward);
  if (io != P2P_IO_OK && io != P2P_IO_PROTO)
    {
      p2p_stream_close (strm); /* it left, or never said what it wants */
      return;
    }
  error = io == P2P_IO_OK ? p2p_tunnel_parse_open (json, &open) : P2P_TUNNEL_INVALID_OPEN_REQUEST;
  if (error != P2P_TUNNEL_OK)
    refuse (strm, error, NULL);
  else if (open.network == P2P_TUNNEL_PROBE)
    serve_probe (strm);
  else
    serve_tcp (strm, &open);
}

void
forward_accepted_cb (P2pYamux *yamux, P2pStream *take_strm, void *data)
{
  Forward *forward = g_new0 (Forward, 1);

  (void) yamux;
  (void) data;
  forward->task.run = forward_run;
  forward->strm = take_strm;
  p2p_pool_submit (agent.pool, &forward->task);
}
