/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A connection of the management port: handshake, requests one after the other, parking wherever
 * the peer makes us wait, so that only work holds a worker. While parked it belongs to the pool,
 * while it runs to one worker. The list of all of them (lock: table) is only there to cut them at
 * the end. */
#include "daemon/api/server-priv.h"

#include "daemon/agents/agents.h"
#include "lib/peer.h"
#include "lib/roster.h"
#include "lib/stream-tcp.h"
#include "lib/stream-tls.h"

#include <netinet/in.h>
#include <stddef.h>

#define BEGUN_WAIT_US 20000 /* a worker waits so long for what has begun */
#define LINGER_MS 2000      /* for the peer to read an answer that came before its request's end */
#define CONTINUE_MS 1000

typedef enum
{
  CONN_HANDSHAKE,
  CONN_READ,
  CONN_WRITE,
  CONN_LINGER,
} ConnPhase;

typedef enum
{
  NEXT,       /* the phase has changed: go on */
  PARK_READ,
  PARK_WRITE,
  CLOSE,
  GONE,       /* no connection any more */
} ConnStep;

typedef struct Conn Conn;
struct Conn
{
  P2pParked parked;
  P2pStream *strm; /* (owned) */
  ConnPhase phase;
  int64_t deadline_us; /* of the phase */
  ApiExchange *exchange; /* (owned) (nullable: idle) */
  struct sockaddr_storage peer;
  char address[INET6_ADDRSTRLEN];
  bool certified;        /* showed a certificate of the agents' CA */
  P2pRosterEntry listed; /* (roster) */
};

static P2pRoster roster; /* of all connections: they are cut at the end */

void
api_conns_setup (void)
{
  p2p_roster_init (&roster);
}

void
api_conns_teardown (void)
{
  p2p_roster_done (&roster);
}

void
api_conns_cut (void)
{
  p2p_roster_cut (&roster);
}

/* Lets go of all but the stream. */
static P2pStream *
dissolve (Conn *conn)
{
  P2pStream *strm = conn->strm;

  p2p_roster_remove (&roster, &conn->listed);
  p2p_parked_done (&conn->parked);
  api_exchange_free (conn->exchange);
  api_server_dismiss (conn->address);
  g_free (conn);
  return strm;
}

static int64_t
begun_until (const Conn *conn)
{
  return MIN (p2p_now_us () + BEGUN_WAIT_US, conn->deadline_us);
}

/* --- Phases ----------------------------------------------------------------------------------- */

static void
become_reading (Conn *conn, int64_t timeout_ms)
{
  conn->phase = CONN_READ;
  conn->deadline_us = p2p_deadline_ms (timeout_ms);
}

static ConnStep
step_handshake (Conn *conn)
{
  switch (p2p_stream_tls_handshake (conn->strm, begun_until (conn)))
    {
    case P2P_IO_OK:
      conn->certified = agents_want_certificate () && p2p_stream_tls_client_verified (conn->strm);
      become_reading (conn, api_core ()->options.header_timeout_ms);
      return NEXT;
    case P2P_IO_AGAIN:
    case P2P_IO_TIMEOUT:
      return PARK_READ;
    default:
      return CLOSE;
    }
}

static ConnStep
become_writing (Conn *conn)
{
  conn->phase = CONN_WRITE;
  conn->deadline_us = p2p_deadline_ms (api_core ()->options.body_timeout_ms
                                       + api_exchange_file_ms (conn->exchange));
  return NEXT;
}

static ConnStep
hand_over (Conn *conn)
{
  ApiExchange *exchange = g_steal_pointer (&conn->exchange);
  struct sockaddr_storage peer = conn->peer;
  bool certified = conn->certified;

  agents_handle_tunnel (dissolve (conn), api_exchange_head (exchange), api_exchange_rest (exchange),
                        (struct sockaddr *) &peer, certified);
  api_exchange_free (exchange);
  return GONE;
}

static ConnStep
send_continue (Conn *conn)
{
  static char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
  struct iovec iov = { text, sizeof text - 1 };

  return p2p_stream_write_all (conn->strm, &iov, 1, NULL, p2p_deadline_ms (CONTINUE_MS))
                 == P2P_IO_OK
             ? NEXT
             : CLOSE;
}

static ConnStep
after_feeding (Conn *conn, ApiExchangeState state, bool had_head)
{
  switch (state)
    {
    case API_EXCHANGE_MORE:
      if (!had_head && api_exchange_has_head (conn->exchange))
        conn->deadline_us = p2p_deadline_ms (api_core ()->options.body_timeout_ms);
      return api_exchange_take_continue (conn->exchange) ? send_continue (conn) : NEXT;
    case API_EXCHANGE_CALL:
      api_exchange_call (conn->exchange, conn->address, conn->certified);
      return become_writing (conn);
    case API_EXCHANGE_TUNNEL:
      return hand_over (conn);
    case API_EXCHANGE_ANSWER:
      return become_writing (conn);
    }
  g_assert_not_reached ();
}

/* Goes back to nothing: the buffers are for those who have begun. */
static ConnStep
wait_for_more (Conn *conn)
{
  if (!api_exchange_has_begun (conn->exchange))
    g_clear_pointer (&conn->exchange, api_exchange_free);
  return PARK_READ;
}

static ConnStep
step_read (Conn *conn)
{
  bool fresh = !conn->exchange;
  bool begun, had_head;
  P2pSpan space;
  size_t n;
  P2pIo io;

  if (fresh)
    conn->exchange = api_exchange_new (P2P_SPAN_NONE);
  if (!conn->exchange)
    return CLOSE; /* no memory for another one */
  begun = api_exchange_has_begun (conn->exchange);
  had_head = api_exchange_has_head (conn->exchange);
  space = api_exchange_space (conn->exchange);
  io = p2p_stream_read (conn->strm, (char *) space.p, space.n, &n,
                        begun ? begun_until (conn) : P2P_TRY);
  if (io == P2P_IO_AGAIN || io == P2P_IO_TIMEOUT)
    return wait_for_more (conn);
  if (io != P2P_IO_OK)
    return CLOSE;
  if (!begun)
    conn->deadline_us = p2p_deadline_ms (api_core ()->options.header_timeout_ms);
  return after_feeding (conn, api_exchange_fed (conn->exchange, n), had_head);
}

static ConnStep
become_lingering (Conn *conn)
{
  g_clear_pointer (&conn->exchange, api_exchange_free);
  if (p2p_stream_shutdown (conn->strm, p2p_deadline_ms (LINGER_MS)) != P2P_IO_OK)
    return CLOSE;
  conn->phase = CONN_LINGER;
  conn->deadline_us = p2p_deadline_ms (LINGER_MS);
  return NEXT;
}

/* The answer is out: the next request may be here already. */
static ConnStep
after_answer (Conn *conn)
{
  ApiExchange *last = conn->exchange;
  P2pSpan rest = api_exchange_rest (last);

  if (!api_exchange_keeps_alive (last))
    return become_lingering (conn);
  conn->exchange = rest.n > 0 ? api_exchange_new (rest) : NULL;
  become_reading (conn, rest.n > 0 ? api_core ()->options.header_timeout_ms
                                   : api_core ()->options.idle_timeout_ms);
  if (rest.n > 0 && !conn->exchange)
    {
      api_exchange_free (last);
      return CLOSE;
    }
  api_exchange_free (last);
  return conn->exchange ? after_feeding (conn, api_exchange_fed (conn->exchange, 0), false) : NEXT;
}

/* What was promised cannot come: the peer must not take what it has for the whole. */
static ConnStep
read_file (Conn *conn)
{
  if (api_exchange_read_file (conn->exchange))
    return NEXT;
  p2p_stream_reset (conn->strm);
  return CLOSE;
}

static ConnStep
step_write (Conn *conn)
{
  P2pSpan left = api_exchange_answer (conn->exchange);
  struct iovec iov = { (char *) left.p, left.n };
  /* A file may be long: the worker stays with it no longer than the peer takes it. */
  int64_t until = api_exchange_has_file (conn->exchange) ? P2P_TRY : begun_until (conn);
  size_t n;
  P2pIo io;

  if (left.n == 0 && api_exchange_has_file (conn->exchange))
    return read_file (conn);
  if (left.n == 0)
    {
      io = p2p_stream_flush (conn->strm, until);
      if (io == P2P_IO_OK)
        return after_answer (conn);
    }
  else
    {
      io = p2p_stream_writev (conn->strm, &iov, 1, &n, until);
      if (io == P2P_IO_OK)
        {
          api_exchange_wrote (conn->exchange, n);
          return NEXT;
        }
    }
  return io == P2P_IO_AGAIN || io == P2P_IO_TIMEOUT ? PARK_WRITE : CLOSE;
}

static ConnStep
step_linger (Conn *conn)
{
  char waste[4096];
  size_t n;
  P2pIo io = P2P_IO_OK;

  for (unsigned i = 0; i < 16 && io == P2P_IO_OK; i++)
    io = p2p_stream_read (conn->strm, waste, sizeof waste, &n, P2P_TRY);
  return io == P2P_IO_OK || io == P2P_IO_AGAIN ? PARK_READ : CLOSE; /* under the same deadline */
}

static void
run_phases (Conn *conn)
{
  static ConnStep (*const steps[]) (Conn *) = {
    [CONN_HANDSHAKE] = step_handshake,
    [CONN_READ] = step_read,
    [CONN_WRITE] = step_write,
    [CONN_LINGER] = step_linger,
  };
  P2pWait item = { .strm = conn->strm };
  ConnStep step;

  do
    step = steps[conn->phase](conn);
  while (step == NEXT);
  if (step == CLOSE)
    p2p_stream_close (dissolve (conn));
  if (step == CLOSE || step == GONE)
    return;
  item.want = step == PARK_READ ? P2P_READABLE : P2P_WRITABLE;
  p2p_park (&conn->parked, &item, 1, conn->deadline_us);
}

/* A request that did not become whole in time gets its answer; everything else that is late just
 * ends. */
static void
run_late (Conn *conn)
{
  if (conn->phase != CONN_READ || !conn->exchange)
    {
      if (conn->phase == CONN_WRITE)
        p2p_stream_reset (conn->strm);
      p2p_stream_close (dissolve (conn));
      return;
    }
  api_exchange_refuse (conn->exchange, API_PROBLEM_TIMEOUT, "the request did not arrive in time");
  (void) become_writing (conn);
  run_phases (conn);
}

static void
run (P2pParked *parked, P2pWake wake)
{
  Conn *conn = (Conn *) ((char *) parked - offsetof (Conn, parked));

  if (wake == P2P_WAKE_READY)
    run_phases (conn);
  else if (wake == P2P_WAKE_TIMEOUT)
    run_late (conn);
  else
    p2p_stream_close (dissolve (conn));
}

void
api_conn_new (int take_fd, const struct sockaddr_storage *peer)
{
  const ApiOptions *options = &api_core ()->options;
  g_autoptr (P2pTlsServer) tls = NULL;
  Conn *conn = g_new0 (Conn, 1);
  P2pWait item = { .want = P2P_READABLE };
  uint16_t port; /* not shown */

  conn->peer = *peer;
  p2p_peer_format ((const struct sockaddr *) peer, conn->address, &port);
  conn->strm = p2p_stream_tcp_new (take_fd);
  if (!api_server_admit (conn->address))
    {
      p2p_stream_close (conn->strm);
      g_free (conn);
      return;
    }
  tls = api_server_ref_tls ();
  if (tls)
    conn->strm = p2p_stream_tls_server_new (conn->strm, tls);
  conn->phase = tls ? CONN_HANDSHAKE : CONN_READ;
  conn->deadline_us
      = p2p_deadline_ms (tls ? options->handshake_timeout_ms : options->header_timeout_ms);
  item.strm = conn->strm;
  p2p_parked_init (&conn->parked, api_server_pool (), run);
  p2p_roster_add (&roster, &conn->listed, conn->strm);
  p2p_park (&conn->parked, &item, 1, conn->deadline_us);
}
