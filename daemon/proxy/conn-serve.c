/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a worker does with a connection that was woken, and above all its heads and its requests,
 * one after the other, as long as bytes are there. All of it belongs to that worker meanwhile. */
#include "daemon/proxy/conn-priv.h"
#include "daemon/proxy/flight.h"
#include "daemon/proxy/upstream.h"

#include "lib/http1.h"
#include "lib/relay.h"

#include <glib.h>

#define BEGUN_WAIT_US 20000 /* a worker waits so long for the next bytes of what has begun */
#define RELAY_STALL_MS 60000

/* --- bytes that are kept ---------------------------------------------------------------------- */

bool
conn_keep_early (Conn *conn, const char *buf, size_t n)
{
  size_t before;

  g_assert (!conn->early);
  if (n == 0)
    return true;
  before = atomic_fetch_add_explicit (&proxy.n_early, n, memory_order_relaxed);
  conn->n_early = n;
  if (before + n > proxy.options.head_memory_max)
    {
      conn_drop_early (conn);
      return false;
    }
  conn->early = g_memdup2 (buf, n);
  return true;
}

void
conn_drop_early (Conn *conn)
{
  if (conn->n_early > 0)
    atomic_fetch_sub_explicit (&proxy.n_early, conn->n_early, memory_order_relaxed);
  conn->n_early = 0;
  g_clear_pointer (&conn->early, g_free);
}

/* --- heads ------------------------------------------------------------------------------------ */

typedef enum
{
  HEAD_READY,
  HEAD_PARK, /* the next bytes are not there */
  HEAD_GONE, /* ended, in order or not */
  HEAD_LATE,
  HEAD_BAD, /* answered */
} HeadResult;

static HeadResult
refuse_head (Conn *conn, Workspace *ws, P2pHttp1 http, P2pSpan why)
{
  HeadRefusal refusal = answer_judge_head (http, why);
  g_autofree char *detail = p2p_span_dup (refusal.detail);

  answer_bad_head (conn, ws, refusal.status, detail);
  return HEAD_BAD;
}

/* Bytes until a head is whole, as long as they keep coming. */
static HeadResult
read_head (Conn *conn, Workspace *ws, size_t *n_in, size_t *ret_size)
{
  size_t scanned = 0;

  ws->req.msg.reason_bad = P2P_SPAN_NONE;
  for (;;)
    {
      P2pHttp1 http
          = *n_in == 0 ? P2P_HTTP1_MORE : request_parse_head (ws, *n_in, &scanned, ret_size);
      int64_t until = P2P_TRY;
      size_t n;
      P2pIo io;

      if (http == P2P_HTTP1_OK)
        return HEAD_READY;
      if (http != P2P_HTTP1_MORE)
        return refuse_head (conn, ws, http, ws->req.msg.reason_bad);
      if (*n_in > 0)
        until = MIN (p2p_now_us () + BEGUN_WAIT_US, conn->deadline_us);
      io = p2p_stream_read (conn->strm, ws->in + *n_in, sizeof ws->in - *n_in, &n, until);
      if (io == P2P_IO_AGAIN || io == P2P_IO_TIMEOUT)
        return HEAD_PARK;
      if (io != P2P_IO_OK)
        return HEAD_GONE;
      if (*n_in == 0)
        conn->deadline_us = p2p_deadline_ms (proxy.options.header_timeout_ms);
      *n_in += n;
    }
}

static size_t
restore_early (Conn *conn, Workspace *ws)
{
  size_t n = conn->n_early;

  if (n > 0)
    memcpy (ws->in, conn->early, n);
  conn_drop_early (conn);
  return n;
}

/* --- requests --------------------------------------------------------------------------------- */

/* What an upgraded connection goes on to count for, on either side. */
typedef struct
{
  AddressCount *count;
  TargetPlace place;
  ConfigTargetState *target; /* (owned reference) of the connection to the origin */
} Handed;

static void
relay_done_cb (const P2pRelayResult *result, void *data)
{
  Handed *handed = data;

  (void) result;
  conn_uncount (handed->count);
  target_place_leave (&handed->place);
  upstream_uncount (handed->target);
  g_free (handed);
}

/* The client's stream and the origin's are joined; the connection is no more. It may be silent for
 * as long as both are there: what they speak has its own pings, or needs none. */
static void
conn_hand_over (Conn *conn, Workspace *ws, Request *req)
{
  Handed *handed = g_new0 (Handed, 1);
  P2pRelayOptions options = { .pool = conn->parked.pool,
                              .write_stall_ms = RELAY_STALL_MS,
                              .stop = &proxy.cutting,
                              .done = relay_done_cb,
                              .data = handed };
  size_t n_a = req->rest_end - req->rest_start;
  g_autofree char *early_a = g_memdup2 (ws->in + req->rest_start, n_a);
  g_autofree char *early_b = g_memdup2 (req->relay_early.p, req->relay_early.n);
  size_t n_b = req->relay_early.n;
  P2pStream *origin = g_steal_pointer (&req->relay_to);

  *handed = (Handed){ .count = conn->count, .place = req->place, .target = req->relay_target };
  g_clear_pointer (&req->cfg, config_unref);
  workspace_give (ws); /* and req with it */
  p2p_relay_run (conn_dissolve (conn), (P2pSpan){ early_a, n_a }, origin, (P2pSpan){ early_b, n_b },
                 &options);
}

/* The request sleeps in its workspace until the origin says something. */
static void
conn_park_exchange (Conn *conn, Request *req)
{
  conn->ws = req->ws;
  conn->phase = CONN_EXCHANGE;
  p2p_park (&conn->parked, req->wait, G_N_ELEMENTS (req->wait), req->wait_until_us);
}

/* After a step of the request. True: go on with the next, of which ws->in[0..*n_in) is there.
 * False: conn and ws are gone. */
static bool
after_step (Conn *conn, Request *req, Step step, size_t *n_in)
{
  Workspace *ws = req->ws;
  bool closes;

  if (step == STEP_PARK)
    {
      conn_park_exchange (conn, req);
      return false;
    }
  if (req->after == AFTER_HANDED)
    {
      conn_hand_over (conn, ws, req);
      return false;
    }
  g_clear_pointer (&req->cfg, config_unref);
  if (req->after == AFTER_KEEP)
    {
      *n_in = req->rest_end - req->rest_start;
      memmove (ws->in, ws->in + req->rest_start, *n_in);
      conn->deadline_us = p2p_deadline_ms (*n_in > 0 ? proxy.options.header_timeout_ms
                                                     : proxy.options.idle_timeout_ms);
      return true;
    }
  closes = req->after == AFTER_CLOSE;
  workspace_give (ws); /* and req with it */
  if (closes)
    conn_linger (conn);
  else
    conn_reset (conn);
  return false;
}

/* One request whose head stands in ws->in[0..head_size). As after_step (). */
static bool
serve_request (Conn *conn, Workspace *ws, size_t head_size, size_t *n_in)
{
  Request *req = &((Flight *) ws->flight)->req;
  Step step;

  *req = (Request){ .conn = conn,
                    .ws = ws,
                    .head = &ws->req,
                    .head_size = head_size,
                    .n_in = *n_in,
                    .cfg = config_get_current () };
  req->listener = config_find_listener (req->cfg, conn->listener->id);
  if (req->listener)
    request_resolve_client (req);
  step = req->listener ? request_run (req)
                       : answer_error (req, 503, "this listener has been removed");
  return after_step (conn, req, step, n_in);
}

/* Requests one after the other, as long as their first bytes are there. ask: the first one's may
 * have come; to ask for more after each answer would be in vain nearly always, the waiter sees what
 * comes. */
static void
serve_all (Conn *conn, Workspace *ws, size_t n_in, bool ask)
{
  size_t head_size;
  HeadResult result = HEAD_PARK;

  while ((n_in > 0 || ask) && (result = read_head (conn, ws, &n_in, &head_size)) == HEAD_READY)
    {
      if (!serve_request (conn, ws, head_size, &n_in))
        return;
      ask = false;
      result = HEAD_PARK;
    }
  /* The workspace goes to somebody who has work. */
  if (result == HEAD_PARK && !conn_keep_early (conn, ws->in, n_in))
    {
      answer_bad_head (conn, ws, 503, "too many requests arrive in pieces");
      result = HEAD_BAD;
    }
  workspace_give (ws);
  switch (result)
    {
    case HEAD_PARK:
      conn_park (conn);
      break;
    case HEAD_BAD:
      conn_linger (conn);
      break;
    default:
      conn_end (conn);
    }
}

void
conn_serve (Conn *conn)
{
  Workspace *ws = workspace_take ();

  serve_all (conn, ws, restore_early (conn, ws), true);
}

static void
conn_resume (Conn *conn, P2pWake wake)
{
  Workspace *ws = g_steal_pointer (&conn->ws);
  Request *req = &((Flight *) ws->flight)->req;
  size_t n_in;

  conn->phase = CONN_HEAD;
  if (after_step (conn, req, request_resume (req, wake), &n_in))
    serve_all (conn, ws, n_in, false);
}

/* --- phases ----------------------------------------------------------------------------------- */

void
conn_run (P2pParked *parked, P2pWake wake)
{
  Conn *conn = (Conn *) ((char *) parked - offsetof (Conn, parked));

  if (conn->phase == CONN_EXCHANGE)
    {
      conn_resume (conn, wake);
      return;
    }
  if (wake == P2P_WAKE_TIMEOUT)
    {
      conn_late (conn);
      return;
    }
  if (wake == P2P_WAKE_STOP)
    {
      conn_end (conn);
      return;
    }
  switch (conn->phase)
    {
    case CONN_SOURCE:
      conn_source (conn);
      break;
    case CONN_HANDSHAKE:
      conn_handshake (conn);
      break;
    case CONN_HEAD:
      conn_serve (conn);
      break;
    case CONN_LINGER:
      conn_drain (conn);
      break;
    case CONN_EXCHANGE:
      break; /* above */
    }
}
