/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The two directions of an exchange and the one wait for both. See exchange.h. */
#include "daemon/proxy/exchange-priv.h"

#include "daemon/proxy/headers.h"
#include "daemon/proxy/upgrade.h"

#include <glib.h>

/* So many threads may sleep until their origin answers: quicker than to park, while nobody else
 * needs the processors. */
#define FEW_EXCHANGES 1

Outcome
exchange_fail (Exchange *ex, unsigned status, const char *detail)
{
  if (ex->answered)
    {
      ex->close_after = true;
      return COMPLETE;
    }
  if (ex->answering)
    return BROKEN;
  ex->fail_status = status;
  ex->fail_detail = detail;
  return FAILED;
}

/* --- the way up ------------------------------------------------------------------------------- */

static bool
start_up (Exchange *ex)
{
  Request *req = ex->req;
  const P2pMessage *msg = &req->head->msg;
  Writer out;

  ex->upgrade = upgrade_is_offered (msg, req->target);
  writer_init (&out, req->ws->out_up, sizeof req->ws->out_up);
  if (!headers_write_request (req, ex->upgrade, &out))
    return false;
  pipe_init (&ex->up_pipe, req->conn->strm, ex->up->strm, req->ws->in + req->head_size,
             sizeof req->ws->in - req->head_size, req->n_in - req->head_size);
  ex->up_pipe.max_content = proxy.options.max_body_bytes;
  /* A field that the target sets could come back in a trailer, which some origins merge into the
   * head; the configuration may be gone when it comes, so that there are none then (RFC 9110
   * section 6.5.1 lets us leave them out). */
  if (!req->target->request_field_names[0])
    ex->up_pipe.trailers = (P2pTrailers){ .buf = req->ws->trailers_up,
                                          .size = sizeof req->ws->trailers_up };
  pipe_set_body (&ex->up_pipe, msg->body, msg->content_length,
                 msg->body == P2P_BODY_CHUNKED ? PIPE_ENCODE_CHUNKED : PIPE_ENCODE_PLAIN);
  pipe_queue (&ex->up_pipe, writer_get_span (&out));
  if (ex->may_repeat || (ex->up->tunnel && !ex->up->reused))
    pipe_keep_whole (&ex->up_pipe);
  return true;
}

/* Goes on with the request; adds to what is waited for. */
static Outcome
go_up (Exchange *ex, unsigned *client_want, unsigned *origin_want, bool *more)
{
  if (ex->up_done || ex->up_broken)
    return GOES_ON;
  switch (pipe_step (&ex->up_pipe))
    {
    case PIPE_WANT_READ:
      *client_want |= P2P_READABLE;
      return GOES_ON;
    case PIPE_WANT_WRITE:
      *origin_want |= P2P_WRITABLE;
      return GOES_ON;
    case PIPE_ALL_READ:
    case PIPE_MORE:
      *more = true;
      return GOES_ON;
    case PIPE_DONE:
      ex->up_done = true;
      return GOES_ON;
    case PIPE_WRITE_FAILED:
      /* It may have answered before it closed: 413 and the like. */
      ex->up_broken = true;
      ex->close_after = true;
      ex->try_origin = true;
      return GOES_ON;
    case PIPE_BAD:
      ex->close_after = true;
      return exchange_fail (ex, 400, "the request's body is malformed");
    case PIPE_TOO_LARGE:
      ex->close_after = true;
      return exchange_fail (ex, 413, "the request's body is too large");
    case PIPE_READ_FAILED:
      break;
    }
  return CLIENT_GONE;
}

/* The request is out; what comes from the client now is the next one, or its end. */
static Outcome
watch_client (Exchange *ex, unsigned *client_want)
{
  if (!ex->up_done || !ex->watch || ex->answered)
    return GOES_ON;
  if (ex->try_client)
    switch (pipe_read_ahead (&ex->up_pipe))
      {
      case P2P_IO_OK:
        break;
      case P2P_IO_AGAIN:
        ex->try_client = false;
        break;
      case P2P_IO_OVERFLOW:
        ex->watch = false;
        return GOES_ON;
      default:
        return CLIENT_GONE;
      }
  *client_want |= P2P_READABLE;
  return GOES_ON;
}

/* --- the way down: body ----------------------------------------------------------------------- */

static void
give_origin_back (Exchange *ex)
{
  const P2pMessage *msg = &ex->req->ws->resp.msg;

  if (!ex->up->strm)
    return; /* it was already */
  if (ex->up_done && msg->keep_alive && msg->body != P2P_BODY_UNTIL_CLOSE
      && pipe_get_rest (&ex->down_pipe).n == 0)
    upstream_keep (ex->up);
  else
    upstream_close (ex->up);
}

/* What an answered request still has to do: its body comes to its end, so that the connection can
 * go on, unless the head has said that it does not (RFC 9112 section 9.3). */
static bool
body_is_over (const Exchange *ex)
{
  return ex->up_done || ex->up_broken || ex->close_after;
}

/* The origin has said all. Whoever comes after this answer must not find its places taken: they are
 * free before the client can know that it is answered. */
static void
release_origin (Exchange *ex)
{
  if (!body_is_over (ex))
    return;
  request_uncount_target (ex->req);
  request_leave (ex->req);
  if (ex->up_done)
    give_origin_back (ex);
}

static Outcome
go_down (Exchange *ex, unsigned *client_want, unsigned *origin_want, bool *more)
{
  Outcome outcome = GOES_ON;

  if (ex->answered)
    return body_is_over (ex) ? COMPLETE : GOES_ON;
  if (ex->interim.n > 0)
    {
      outcome = exchange_write_interim (ex, client_want);
      if (outcome != GOES_ON || ex->interim.n > 0)
        return outcome;
    }
  if (!ex->answering)
    {
      outcome = exchange_read_heads (ex, origin_want);
      *more |= ex->interim.n > 0;
    }
  if (outcome != GOES_ON || !ex->answering)
    return outcome;
  switch (pipe_step (&ex->down_pipe))
    {
    case PIPE_ALL_READ:
      release_origin (ex);
      *more = true;
      return GOES_ON;
    case PIPE_WANT_READ:
      *origin_want |= P2P_READABLE;
      return GOES_ON;
    case PIPE_WANT_WRITE:
      *client_want |= P2P_WRITABLE;
      return GOES_ON;
    case PIPE_MORE:
      *more = true;
      return GOES_ON;
    case PIPE_DONE:
      ex->answered = true;
      return body_is_over (ex) ? COMPLETE : GOES_ON;
    case PIPE_WRITE_FAILED:
      return CLIENT_GONE;
    case PIPE_READ_FAILED:
    case PIPE_BAD:
    case PIPE_TOO_LARGE:
      break;
    }
  return BROKEN;
}

/* --- both ------------------------------------------------------------------------------------- */

bool
exchange_has_patience (const Exchange *ex)
{
  return !ex->asked && !ex->was_patient && ex->up_done
         && atomic_load_explicit (&proxy.n_exchanges, memory_order_relaxed) <= FEW_EXCHANGES;
}

/* The request is out and no byte of its answer is there: no thread has to stay for that. Each one
 * keeps its workspace; those above the limit keep their thread as well, so that a pool without a
 * free one refuses what comes. */
static bool
may_park (const Exchange *ex)
{
  unsigned n = atomic_load_explicit (&proxy.n_exchanges, memory_order_relaxed);

  if (!ex->up_done || ex->up_broken || ex->answering || ex->interim.n > 0 || !ex->watch)
    return false;
  return !ex->must_stay && n <= proxy.options.workers_max;
}

/* Most answers come within milliseconds: until then only the origin is watched, which saves a
 * system call. */
static Outcome
park (Exchange *ex, unsigned client_want, unsigned origin_want)
{
  Request *req = ex->req;

  ex->one_eyed = !ex->was_patient;
  ex->was_patient = true;
  req->wait[0] = (P2pWait){ .strm = ex->one_eyed ? NULL : req->conn->strm, .want = client_want };
  req->wait[1] = (P2pWait){ .strm = ex->up->strm, .want = origin_want };
  req->wait_until_us = exchange_deadline (ex);
  if (ex->one_eyed)
    req->wait_until_us = MIN (req->wait_until_us, p2p_deadline_ms (P2P_SOON_MS));
  return PARK;
}

/* A client from which nothing is read now could leave unseen: a stalled origin takes none of its
 * body, or it sent more than there is room for. While an origin that broke off says why, it is not
 * asked: the answer is worth the try. */
static unsigned
client_leaving (const Exchange *ex, unsigned client_want)
{
  return (client_want & P2P_READABLE) || ex->up_broken ? 0 : P2P_LEFT;
}

static Outcome
wait_for_both (Exchange *ex, unsigned client_want, unsigned origin_want)
{
  unsigned leaving = client_leaving (ex, client_want);
  P2pWait items[2] = { { .strm = ex->req->conn->strm, .want = client_want | leaving },
                       { .strm = origin_want ? ex->up->strm : NULL, .want = origin_want } };
  P2pIo io = p2p_stream_wait (items, 2, exchange_deadline (ex));

  if (io == P2P_IO_TIMEOUT)
    return exchange_timed_out (ex);
  if (io != P2P_IO_OK)
    return exchange_fail (ex, 502, "waiting for the origin failed");
  ex->try_client = (items[0].ready & (P2P_READABLE | P2P_HANGUP)) != 0;
  ex->try_origin = (items[1].ready & (P2P_READABLE | P2P_HANGUP)) != 0;
  if ((items[0].ready & (P2P_HANGUP | P2P_LEFT)) && !(client_want & P2P_READABLE))
    return CLIENT_GONE;
  return GOES_ON;
}

static Outcome
run (Exchange *ex)
{
  for (;;)
    {
      unsigned client_want = 0, origin_want = 0;
      bool more = false;
      Outcome outcome = go_up (ex, &client_want, &origin_want, &more);

      if (outcome == GOES_ON)
        outcome = watch_client (ex, &client_want);
      if (outcome == GOES_ON)
        outcome = go_down (ex, &client_want, &origin_want, &more);
      if (outcome == GOES_ON && !more)
        outcome = exchange_note_moves (ex, client_want);
      if (outcome == GOES_ON && !more)
        outcome = may_park (ex) ? park (ex, client_want, origin_want)
                                : wait_for_both (ex, client_want, origin_want);
      if (outcome != GOES_ON)
        return outcome;
      if (more)
        p2p_pool_do_overdue ();
    }
}

/* --- the end ---------------------------------------------------------------------------------- */

static void
finish_complete (Exchange *ex)
{
  Request *req = ex->req;
  P2pSpan rest = pipe_get_rest (&ex->up_pipe);

  give_origin_back (ex);
  req->after = ex->close_after || !ex->up_done ? AFTER_CLOSE : AFTER_KEEP;
  req->rest_start = (size_t) (rest.p - req->ws->in);
  req->rest_end = req->rest_start + rest.n;
}

static void
finish_upgraded (Exchange *ex)
{
  Request *req = ex->req;
  P2pSpan rest = pipe_get_rest (&ex->up_pipe);

  req->after = AFTER_HANDED;
  req->relay_to = g_steal_pointer (&ex->up->strm);
  req->relay_target = g_steal_pointer (&ex->up->counted);
  req->rest_start = (size_t) (rest.p - req->ws->in);
  req->rest_end = req->rest_start + rest.n;
}

static void
finish_failed (Exchange *ex)
{
  Request *req = ex->req;

  upstream_close (ex->up);
  if (!ex->up_done || ex->close_after || req->head->msg.body != P2P_BODY_NONE)
    req->head->msg.keep_alive = false;
  req->n_in = req->head_size + (ex->up_done ? ex->up_pipe.end : 0);
  (void) answer_error (req, ex->fail_status, ex->fail_detail);
}

static ExchangeResult
finish (Exchange *ex, Outcome outcome)
{
  Request *req = ex->req;

  if (outcome == PARK)
    return EXCHANGE_PARK;
  switch (outcome)
    {
    case COMPLETE:
      finish_complete (ex);
      return EXCHANGE_DONE;
    case UPGRADED:
      finish_upgraded (ex);
      return EXCHANGE_DONE;
    case FAILED:
      finish_failed (ex);
      return EXCHANGE_DONE;
    case STALE:
    case UNSEEN:
      upstream_close (ex->up);
      req->n_in = req->head_size + ex->up_pipe.end; /* it may have read ahead */
      return outcome == STALE ? EXCHANGE_STALE : EXCHANGE_UNSEEN;
    case CLIENT_GONE:
    case BROKEN:
    case GOES_ON:
    case PARK:
      break;
    }
  /* Half a request must not wait in the kernel behind an origin that reads nothing. */
  if (!ex->up_done)
    p2p_stream_reset (ex->up->strm);
  upstream_close (ex->up);
  req->after = AFTER_RESET;
  return EXCHANGE_DONE;
}

/* Bytes on a new connection before it was asked anything would be taken for the answer, and the
 * answer for the next client's. Through an agent a look would cost a frame of its own: what opens
 * the stream goes out with the request. */
static bool
spoke_early (const Upstream *up)
{
  char byte;
  size_t n;

  return !up->reused && !up->tunnel
         && p2p_stream_read (up->strm, &byte, 1, &n, P2P_TRY) == P2P_IO_OK;
}

static Outcome
begin (Exchange *ex)
{
  if (spoke_early (ex->up))
    return exchange_fail (ex, 502, "the origin spoke before it was asked");
  return start_up (ex) ? run (ex) : exchange_fail (ex, 431, "the request's head is too large");
}

ExchangeResult
exchange_run (Exchange *ex, Request *req, Upstream *take_up, bool may_repeat)
{
  *ex = (Exchange){ .req = req,
                    .up = take_up,
                    .may_repeat = may_repeat,
                    .watch = true,
                    .up_pace.left_us = proxy.options.body_idle_timeout_ms * 1000,
                    .down_pace.left_us = proxy.options.body_idle_timeout_ms * 1000,
                    .connect_timeout_us = req->target->connect_timeout_ms * 1000,
                    .header_timeout_us = req->target->response_header_timeout_ms * 1000,
                    .idle_timeout_us = req->target->idle_timeout_ms * 1000 };
  return finish (ex, begin (ex));
}

ExchangeResult
exchange_resume (Exchange *ex, P2pWake wake)
{
  if (wake == P2P_WAKE_TIMEOUT && !ex->one_eyed)
    return finish (ex, exchange_timed_out (ex));
  ex->must_stay = wake == P2P_WAKE_STOP; /* the drain waits for it */
  ex->try_origin = wake == P2P_WAKE_READY;
  ex->try_client = wake == P2P_WAKE_READY && !ex->one_eyed;
  return finish (ex, run (ex));
}
