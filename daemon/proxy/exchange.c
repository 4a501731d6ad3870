/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The two directions of an exchange and the one wait for both. See exchange.h. */
#include "daemon/proxy/exchange.h"

#include "daemon/agents/agents.h"
#include "daemon/proxy/headers.h"
#include "daemon/proxy/pipe.h"
#include "lib/log.h"

#include <glib.h>

typedef enum
{
  GOES_ON,
  COMPLETE,    /* the answer is out, whole */
  UPGRADED,    /* 101 is out */
  CLIENT_GONE, /* nobody to answer */
  BROKEN,      /* the answer began and cannot be ended */
  FAILED,      /* no answer began: one of ours goes out, see fail_status */
  STALE,
} Outcome;

typedef struct
{
  Request *req;
  Upstream *up;
  Pipe up_pipe;   /* client to origin */
  Pipe down_pipe; /* origin to client */
  bool may_repeat;
  bool upgrade;     /* the client's Upgrade went out */
  bool up_done;     /* the request is out, whole */
  bool up_broken;   /* the origin takes no more of it */
  bool answering;   /* the head of the final answer is queued */
  bool try_origin;  /* the origin has something to read */
  bool try_client;  /* the client has, or left */
  bool was_patient; /* the answer was waited for once without an eye on the client */
  bool watch;       /* there is room for what the client sends meanwhile */
  bool close_after; /* the client's connection ends with this answer */
  size_t n_back;    /* ws->back[0..n_back): of the head that is being read */
  size_t scanned;
  P2pSpan interim; /* of a 1xx head, to be written before anything else goes down */
  int64_t header_timeout_us, idle_timeout_us;
  int64_t last_move_us;
  uint64_t last_moved;
  unsigned fail_status;
  const char *fail_detail; /* (static) */
} Exchange;

static Outcome
fail (Exchange *ex, unsigned status, const char *detail)
{
  if (ex->answering)
    return BROKEN;
  ex->fail_status = status;
  ex->fail_detail = detail;
  return FAILED;
}

/* --- the way up ------------------------------------------------------------------------------------ */

static bool
wants_upgrade (const Request *req)
{
  const P2pMessage *msg = &req->head->msg;
  const P2pField *field;

  if (!msg->upgrade || msg->body != P2P_BODY_NONE || msg->minor == 0)
    return false;
  field = p2p_message_field (msg, P2P_FIELD_UPGRADE);
  for (char **name = req->target->allowed_upgrades; field && *name; name++)
    if (p2p_span_equal_nocase (field->value, p2p_span_from_string (*name)))
      return true;
  return false;
}

static bool
start_up (Exchange *ex)
{
  Request *req = ex->req;
  const P2pMessage *msg = &req->head->msg;
  Writer out;

  ex->upgrade = wants_upgrade (req);
  writer_init (&out, req->ws->out_up, sizeof req->ws->out_up);
  if (!headers_write_request (req, ex->upgrade, &out))
    return false;
  pipe_init (&ex->up_pipe, req->conn->strm, ex->up->strm, req->ws->in + req->head_size,
             sizeof req->ws->in - req->head_size, req->n_in - req->head_size);
  ex->up_pipe.trailers = (P2pTrailers){ .buf = req->ws->trailers_up,
                                        .size = sizeof req->ws->trailers_up };
  pipe_set_body (&ex->up_pipe, msg->body, msg->content_length,
                 msg->body == P2P_BODY_CHUNKED ? PIPE_ENCODE_CHUNKED : PIPE_ENCODE_PLAIN);
  pipe_queue (&ex->up_pipe, writer_get_span (&out));
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
      return fail (ex, 400, "the request's body is malformed");
    case PIPE_READ_FAILED:
      break;
    }
  return CLIENT_GONE;
}

/* The request is out; what comes from the client now is the next one, or its end. */
static Outcome
watch_client (Exchange *ex, unsigned *client_want)
{
  if (!ex->up_done || !ex->watch)
    return GOES_ON;
  if (ex->try_client)
    switch (pipe_read_ahead (&ex->up_pipe))
      {
      case P2P_IO_OK:
      case P2P_IO_AGAIN:
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

/* --- the way down: heads --------------------------------------------------------------------------- */

static Frame
choose_frame (Exchange *ex, const P2pResponseHead *resp)
{
  switch (resp->msg.body)
    {
    case P2P_BODY_NONE:
      return FRAME_NONE;
    case P2P_BODY_LENGTH:
      return FRAME_LENGTH;
    case P2P_BODY_CHUNKED:
    case P2P_BODY_UNTIL_CLOSE:
      break;
    }
  if (ex->req->head->msg.minor > 0)
    return FRAME_CHUNKED;
  ex->close_after = true;
  return FRAME_CLOSE;
}

static Outcome
start_final (Exchange *ex, size_t head_size)
{
  Request *req = ex->req;
  const P2pResponseHead *resp = &req->ws->resp;
  Frame frame = choose_frame (ex, resp);
  Writer out;

  if (!ex->up_done || !req->head->msg.keep_alive || atomic_load (&proxy.stopping))
    ex->close_after = true;
  writer_init (&out, req->ws->out_down, sizeof req->ws->out_down);
  if (!headers_write_response (req, resp, frame, ex->close_after, &out))
    return fail (ex, 502, "the origin's answer has too large a head");
  pipe_init (&ex->down_pipe, ex->up->strm, req->conn->strm, req->ws->back + head_size,
             sizeof req->ws->back - head_size, ex->n_back - head_size);
  ex->down_pipe.trailers = (P2pTrailers){ .buf = req->ws->trailers_down,
                                          .size = sizeof req->ws->trailers_down };
  pipe_set_body (&ex->down_pipe, resp->msg.body, resp->msg.content_length,
                 frame == FRAME_CHUNKED ? PIPE_ENCODE_CHUNKED : PIPE_ENCODE_PLAIN);
  pipe_queue (&ex->down_pipe, writer_get_span (&out));
  ex->answering = true;
  request_release_config (req);
  return GOES_ON;
}

/* RFC 9110 section 15.2: passed on, but not to a client of HTTP/1.0. */
static Outcome
start_interim (Exchange *ex, size_t head_size)
{
  Request *req = ex->req;
  Writer out;

  writer_init (&out, req->ws->out_down, sizeof req->ws->out_down);
  if (!headers_write_response (req, &req->ws->resp, FRAME_NONE, false, &out))
    return fail (ex, 502, "the origin's answer has too large a head");
  if (req->head->msg.minor > 0)
    ex->interim = writer_get_span (&out);
  ex->n_back -= head_size;
  memmove (req->ws->back, req->ws->back + head_size, ex->n_back);
  ex->scanned = 0;
  return GOES_ON;
}

static Outcome
start_upgraded (Exchange *ex, size_t head_size)
{
  Request *req = ex->req;
  const P2pField *asked = p2p_message_field (&req->head->msg, P2P_FIELD_UPGRADE);
  const P2pField *got = p2p_message_field (&req->ws->resp.msg, P2P_FIELD_UPGRADE);
  struct iovec iov;
  Writer out;

  if (!ex->upgrade || !ex->up_done || !got || !p2p_span_equal_nocase (asked->value, got->value))
    return fail (ex, 502, "the origin switched protocols unasked");
  writer_init (&out, req->ws->out_down, sizeof req->ws->out_down);
  if (!headers_write_response (req, &req->ws->resp, FRAME_NONE, false, &out))
    return fail (ex, 502, "the origin's answer has too large a head");
  iov = (struct iovec){ .iov_base = out.buf, .iov_len = out.n };
  if (p2p_stream_write_all (req->conn->strm, &iov, 1, NULL,
                            p2p_now_us () + ex->idle_timeout_us)
      != P2P_IO_OK)
    return CLIENT_GONE;
  req->relay_early = (P2pSpan){ req->ws->back + head_size, ex->n_back - head_size };
  return UPGRADED;
}

/* What cannot become an answer any more must not be waited for: another protocol, a TLS alert. */
static bool
may_be_head (const Workspace *ws, size_t n)
{
  P2pSpan begin = P2P_SPAN ("HTTP/1.");

  begin.n = MIN (begin.n, n);
  return p2p_span_equal ((P2pSpan){ ws->back, begin.n }, begin);
}

/* Looks for a whole head in what was read so far. */
static Outcome
parse_head (Exchange *ex)
{
  Workspace *ws = ex->req->ws;
  size_t size;

  switch (p2p_http1_find_end (ws->back, ex->n_back, &ex->scanned, &size))
    {
    case P2P_HTTP1_OK:
      break;
    case P2P_HTTP1_MORE:
      if (!may_be_head (ws, ex->n_back))
        return fail (ex, 502, "the origin's answer is not HTTP");
      if (ex->n_back < WORKSPACE_HEAD_MAX)
        return GOES_ON;
      return fail (ex, 502, "the origin's answer has too large a head");
    default:
      return fail (ex, 502, "the origin's answer is malformed");
    }
  if (p2p_http1_parse_response (ws->back, size, ex->req->head->method_id, &ws->resp) != P2P_HTTP1_OK)
    return fail (ex, 502, "the origin's answer is malformed");
  if (ws->resp.status == 101)
    return start_upgraded (ex, size);
  return ws->resp.status < 200 ? start_interim (ex, size) : start_final (ex, size);
}

static Outcome
no_answer (Exchange *ex, P2pIo io)
{
  const char *kind = ex->up->tunnel ? agents_stream_error (ex->up->tunnel) : NULL;

  if (ex->may_repeat && ex->n_back == 0 && ex->up->reused)
    return STALE;
  if (kind)
    {
      p2p_log (P2P_LOG_WARNING, "proxy", "request %s: the agent answered %s, answering %d",
               request_id (ex->req), kind, strcmp (kind, "dial_timeout") == 0 ? 504 : 502);
      if (strcmp (kind, "dial_timeout") == 0)
        return fail (ex, 504, "the agent could not reach the origin in time");
      if (strcmp (kind, "denied") == 0)
        return fail (ex, 502, "the agent does not allow this origin (denied)");
      return fail (ex, 502, "the agent could not reach the origin");
    }
  return fail (ex, 502, io == P2P_IO_EOF ? "the origin closed the connection without an answer"
                                         : "the connection to the origin broke");
}

/* Most answers come at once: they are waited for in the reading call itself, once, for some milliseconds. */
static P2pIo
receive (Exchange *ex, void *buf, size_t size, size_t *ret_n)
{
  if (ex->try_origin)
    return p2p_stream_read (ex->up->strm, buf, size, ret_n, P2P_TRY);
  ex->was_patient = true;
  return p2p_stream_read_soon (ex->up->strm, buf, size, ret_n);
}

static Outcome
read_some (Exchange *ex)
{
  Workspace *ws = ex->req->ws;
  size_t n;
  P2pIo io = receive (ex, ws->back + ex->n_back, sizeof ws->back - ex->n_back, &n);

  ex->try_origin = io == P2P_IO_OK;
  if (io == P2P_IO_AGAIN)
    return GOES_ON;
  if (io != P2P_IO_OK)
    return no_answer (ex, io);
  ex->n_back += n;
  return GOES_ON;
}

/* Reads and looks, until a head is queued or there is nothing to read. */
static Outcome
read_heads (Exchange *ex, unsigned *origin_want)
{
  Outcome outcome = GOES_ON;

  while (outcome == GOES_ON && !ex->answering && ex->interim.n == 0)
    {
      size_t before = ex->n_back;

      if (before > 0)
        outcome = parse_head (ex);
      if (outcome != GOES_ON || ex->answering || ex->n_back != before)
        continue;
      if (!ex->try_origin && (ex->was_patient || !ex->up_done))
        {
          *origin_want |= P2P_READABLE;
          break;
        }
      outcome = read_some (ex);
    }
  return outcome;
}

static Outcome
write_interim (Exchange *ex, unsigned *client_want)
{
  while (ex->interim.n > 0)
    {
      struct iovec iov = { .iov_base = (void *) ex->interim.p, .iov_len = ex->interim.n };
      size_t n;
      P2pIo io = p2p_stream_writev (ex->req->conn->strm, &iov, 1, &n, P2P_TRY);

      if (io == P2P_IO_AGAIN)
        {
          *client_want |= P2P_WRITABLE;
          return GOES_ON;
        }
      if (io != P2P_IO_OK)
        return CLIENT_GONE;
      ex->interim = (P2pSpan){ ex->interim.p + n, ex->interim.n - n };
    }
  return p2p_stream_flush (ex->req->conn->strm, P2P_TRY) <= P2P_IO_AGAIN ? GOES_ON : CLIENT_GONE;
}

/* --- the way down: body ---------------------------------------------------------------------------- */

static Outcome
go_down (Exchange *ex, unsigned *client_want, unsigned *origin_want, bool *more)
{
  Outcome outcome = GOES_ON;

  if (ex->interim.n > 0)
    {
      outcome = write_interim (ex, client_want);
      if (outcome != GOES_ON || ex->interim.n > 0)
        return outcome;
    }
  if (!ex->answering)
    {
      outcome = read_heads (ex, origin_want);
      *more |= ex->interim.n > 0;
    }
  if (outcome != GOES_ON || !ex->answering)
    return outcome;
  switch (pipe_step (&ex->down_pipe))
    {
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
      return COMPLETE;
    case PIPE_WRITE_FAILED:
      return CLIENT_GONE;
    case PIPE_READ_FAILED:
    case PIPE_BAD:
      break;
    }
  return BROKEN;
}

/* --- both ------------------------------------------------------------------------------------------ */

/* Before the request is out its body must move; then the origin has its time for a head; then the body must move again. */
static int64_t
current_deadline (Exchange *ex)
{
  uint64_t moved = ex->up_pipe.moved + (ex->answering ? ex->down_pipe.moved : ex->n_back);
  bool awaits_head = ex->up_done && !ex->answering;

  if (moved != ex->last_moved || ex->last_move_us == 0)
    {
      ex->last_moved = moved;
      ex->last_move_us = p2p_now_us ();
    }
  return ex->last_move_us + (awaits_head ? ex->header_timeout_us : ex->idle_timeout_us);
}

static Outcome
timed_out (Exchange *ex, unsigned client_want)
{
  bool client_is_slow = !ex->up_done && !ex->up_broken && (client_want & P2P_READABLE);

  if (client_is_slow)
    {
      ex->close_after = true;
      return fail (ex, 408, "the request's body did not arrive in time");
    }
  return fail (ex, 504, "the origin did not answer in time");
}

static Outcome
wait_for_both (Exchange *ex, unsigned client_want, unsigned origin_want)
{
  P2pWait items[2] = { { .strm = ex->req->conn->strm, .want = client_want },
                       { .strm = origin_want ? ex->up->strm : NULL, .want = origin_want } };
  P2pIo io = p2p_stream_wait (items, 2, current_deadline (ex));

  if (io == P2P_IO_TIMEOUT)
    return timed_out (ex, client_want);
  if (io != P2P_IO_OK)
    return fail (ex, 502, "waiting for the origin failed");
  ex->try_client = (items[0].ready & (P2P_READABLE | P2P_HANGUP)) != 0;
  ex->try_origin = (items[1].ready & (P2P_READABLE | P2P_HANGUP)) != 0;
  if ((items[0].ready & P2P_HANGUP) && !(client_want & P2P_READABLE))
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
        outcome = wait_for_both (ex, client_want, origin_want);
      if (outcome != GOES_ON)
        return outcome;
    }
}

/* --- the end --------------------------------------------------------------------------------------- */

static void
finish_complete (Exchange *ex)
{
  Request *req = ex->req;
  P2pSpan rest = pipe_get_rest (&ex->up_pipe);

  if (ex->up_done && req->ws->resp.msg.keep_alive && req->ws->resp.msg.body != P2P_BODY_UNTIL_CLOSE
      && pipe_get_rest (&ex->down_pipe).n == 0)
    upstream_keep (ex->up);
  else
    upstream_close (ex->up);
  req->after = ex->close_after ? AFTER_CLOSE : AFTER_KEEP;
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
  req->rest_start = (size_t) (rest.p - req->ws->in);
  req->rest_end = req->rest_start + rest.n;
}

ExchangeResult
exchange_run (Request *req, Upstream *take_up, bool may_repeat)
{
  Exchange ex = { .req = req,
                  .up = take_up,
                  .may_repeat = may_repeat,
                  .watch = true,
                  .header_timeout_us = req->target->response_header_timeout_ms * 1000,
                  .idle_timeout_us = req->target->idle_timeout_ms * 1000 };
  Outcome outcome = start_up (&ex) ? run (&ex) : fail (&ex, 431, "the request's head is too large");

  switch (outcome)
    {
    case COMPLETE:
      finish_complete (&ex);
      return EXCHANGE_DONE;
    case UPGRADED:
      finish_upgraded (&ex);
      return EXCHANGE_DONE;
    case FAILED:
      upstream_close (take_up);
      if (!ex.up_done || ex.close_after || req->head->msg.body != P2P_BODY_NONE)
        req->head->msg.keep_alive = false;
      req->n_in = req->head_size + (ex.up_done ? ex.up_pipe.end : 0);
      (void) answer_error (req, ex.fail_status, ex.fail_detail);
      return EXCHANGE_DONE;
    case STALE:
      upstream_close (take_up);
      req->n_in = req->head_size + ex.up_pipe.end; /* it may have read ahead */
      return EXCHANGE_STALE;
    case CLIENT_GONE:
    case BROKEN:
    case GOES_ON:
      break;
    }
  upstream_close (take_up);
  req->after = AFTER_RESET;
  return EXCHANGE_DONE;
}
