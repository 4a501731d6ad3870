/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A connection of a client: birth, end, and the phases in which it asks for nothing: a PROXY
 * header, the handshake, lingering. Heads and requests are conn-serve.c's. While parked it belongs
 * to the pool, while it runs to one worker. The roster of all of them is only there to cut them at
 * the end. */
#include "daemon/proxy/conn-priv.h"
#include "daemon/proxy/flight.h"

#include "lib/peer.h"
#include "lib/stream-tcp.h"
#include "lib/stream-tls.h"

#include <glib.h>

#define LINGER_MS 2000 /* for the client to read an answer that came before its request's end */

/* --- birth and end ---------------------------------------------------------------------------- */

P2pStream *
conn_dissolve (Conn *conn)
{
  P2pStream *strm = conn->strm;

  p2p_roster_remove (&proxy.roster, &conn->listed);
  p2p_parked_done (&conn->parked);
  listener_unref (conn->listener);
  conn_drop_early (conn);
  g_free (conn);
  return strm;
}

void
conn_uncount (AddressCount *count)
{
  address_count_leave (count);
  atomic_fetch_sub (&proxy.n_conns, 1);
}

void
conn_end (Conn *conn)
{
  AddressCount *count = conn->count;

  p2p_stream_close (conn_dissolve (conn));
  conn_uncount (count);
}

void
conn_reset (Conn *conn)
{
  p2p_stream_reset (conn->strm);
  conn_end (conn);
}

/* What the client says comes next. */
static void
conn_begin (Conn *conn)
{
  bool tls = conn->listener->tls != NULL;

  conn->phase = tls ? CONN_HANDSHAKE : CONN_HEAD;
  conn->deadline_us = p2p_deadline_ms (tls ? proxy.options.handshake_timeout_ms
                                           : proxy.options.header_timeout_ms);
}

void
conn_new (int take_fd,
          P2pPool *lane,
          ListenerRef *listener,
          const struct sockaddr *peer,
          AddressCount *take_count)
{
  Conn *conn = g_new0 (Conn, 1);
  P2pStream *strm = p2p_stream_tcp_new (take_fd);

  conn->listener = listener_ref (listener);
  conn->count = take_count;
  p2p_peer_format (peer, conn->address, &conn->port);
  if (listener->tls)
    strm = p2p_stream_tls_server_new (strm, listener->tls);
  conn->strm = strm;
  conn->header_versions = conn_wanted_header (listener->id, peer);
  conn_begin (conn);
  if (conn->header_versions != 0)
    {
      conn->phase = CONN_SOURCE;
      conn->deadline_us = p2p_deadline_ms (proxy.options.header_timeout_ms);
    }
  p2p_parked_init (&conn->parked, lane, conn_run);
  atomic_fetch_add (&proxy.n_conns, 1);
  p2p_roster_add (&proxy.roster, &conn->listed, conn->strm);
  conn_park (conn);
}

void
conn_linger (Conn *conn)
{
  if (p2p_stream_shutdown (conn->strm, p2p_deadline_ms (LINGER_MS)) != P2P_IO_OK)
    {
      conn_end (conn);
      return;
    }
  conn->phase = CONN_LINGER;
  conn->deadline_us = p2p_deadline_ms (LINGER_MS);
  conn_park (conn);
}

/* --- phases ----------------------------------------------------------------------------------- */

void
conn_handshake (Conn *conn)
{
  /* The client needs a round trip and its own arithmetic: no thread stays for that. */
  switch (p2p_stream_tls_handshake (conn->strm, P2P_TRY))
    {
    case P2P_IO_OK:
      conn->phase = CONN_HEAD;
      conn->deadline_us = p2p_deadline_ms (proxy.options.header_timeout_ms);
      conn_serve (conn);
      break;
    case P2P_IO_AGAIN:
      conn_park (conn);
      break;
    default:
      conn_end (conn);
    }
}

/* As the acceptor does with those whose address it sees itself. */
static void
conn_turn_away (Conn *conn)
{
  Workspace *ws;

  if (conn->listener->tls)
    {
      conn_end (conn);
      return;
    }
  ws = workspace_take ();
  answer_bad_head (conn, ws, 429, "connections at your limit");
  workspace_give (ws);
  address_count_leave (
      g_steal_pointer (&conn->count)); /* who is turned away takes nobody's place */
  conn_linger (conn);
}

void
conn_source (Conn *conn)
{
  switch (conn_read_header (conn))
    {
    case P2P_IO_OK:
      conn_begin (conn);
      if (conn->phase == CONN_HANDSHAKE)
        conn_handshake (conn);
      else
        conn_serve (conn);
      break;
    case P2P_IO_AGAIN:
      conn_park (conn); /* under the same deadline */
      break;
    case P2P_IO_OVERFLOW:
      conn_turn_away (conn);
      break;
    default:
      conn_end (conn);
    }
}

void
conn_drain (Conn *conn)
{
  char waste[4096];
  size_t n;
  P2pIo io = P2P_IO_OK;

  for (unsigned i = 0; i < 16 && io == P2P_IO_OK; i++)
    io = p2p_stream_read (conn->strm, waste, sizeof waste, &n, P2P_TRY);
  if (io == P2P_IO_OK || io == P2P_IO_AGAIN)
    conn_park (conn); /* under the same deadline */
  else
    conn_end (conn);
}

void
conn_late (Conn *conn)
{
  Workspace *ws;

  if (conn->phase == CONN_HEAD && conn->n_early > 0)
    {
      ws = workspace_take ();
      answer_bad_head (conn, ws, 408, "the request's head did not arrive in time");
      workspace_give (ws);
    }
  conn_end (conn);
}
