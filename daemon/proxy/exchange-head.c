/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The heads of an origin's answers: read, judged, written anew for the client; 1xx and 101 on the
 * way. */
#include "daemon/proxy/exchange-priv.h"

#include "daemon/agents/agents.h"
#include "daemon/proxy/headers.h"
#include "daemon/proxy/passive.h"
#include "daemon/proxy/refusals.h"
#include "daemon/proxy/upgrade.h"
#include "lib/log.h"

#include <glib.h>

#define INTERIM_MAX ((uint64_t) 1024 * 1024) /* bytes of 1xx heads before one answer */

static const char too_large[] = "the origin's answer has too large a head";

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

/* Whether the client's connection goes on behind this answer. When the answer comes before the
 * request's end, that end has to come as well (RFC 9112 section 9.3), which the origin knows: one
 * that is content and says nothing of closing reads on. A refusal or another place to ask makes the
 * rest pointless, and a client that waits for 100 (Continue) may never send it (RFC 9110 section
 * 10.1.1). */
static bool
may_go_on (const Exchange *ex, const P2pResponseHead *resp)
{
  const P2pRequestHead *head = ex->req->head;

  if (!head->msg.keep_alive || atomic_load (&proxy.stopping))
    return false;
  return ex->up_done
         || (resp->status < 300 && resp->msg.keep_alive && resp->msg.body != P2P_BODY_UNTIL_CLOSE
             && (!head->expect_continue || ex->up_pipe.body.total > 0));
}

static Outcome
start_final (Exchange *ex, size_t head_size)
{
  Request *req = ex->req;
  const P2pResponseHead *resp = &req->ws->resp;
  Frame frame = choose_frame (ex, resp);
  Writer out;

  ex->close_after |= !may_go_on (ex, resp);
  writer_init (&out, req->ws->out_down, sizeof req->ws->out_down);
  if (!headers_write_response (req, resp, frame, ex->close_after, &out))
    return exchange_fail (ex, 502, too_large);
  pipe_init (&ex->down_pipe, ex->up->strm, req->conn->strm, req->ws->back + head_size,
             sizeof req->ws->back - head_size, ex->n_back - head_size);
  ex->down_pipe.trailers = (P2pTrailers){ .buf = req->ws->trailers_down,
                                          .size = sizeof req->ws->trailers_down };
  pipe_set_body (&ex->down_pipe, resp->msg.body, resp->msg.content_length,
                 frame == FRAME_CHUNKED ? PIPE_ENCODE_CHUNKED : PIPE_ENCODE_PLAIN);
  ex->down_pipe.tells_end = true;
  pipe_queue (&ex->down_pipe, writer_get_span (&out));
  ex->answering = true;
  passive_note_answer (req, ex->up->agent_id, resp->status);
  request_release_config (req);
  return GOES_ON;
}

/* RFC 9110 section 15.2: passed on, but not to a client of HTTP/1.0. */
static Outcome
start_interim (Exchange *ex, size_t head_size)
{
  Request *req = ex->req;
  Writer out;

  if (ex->n_interim + head_size > INTERIM_MAX)
    return exchange_fail (ex, 502, "the origin sends interim answers without end");
  writer_init (&out, req->ws->out_down, sizeof req->ws->out_down);
  if (!headers_write_response (req, &req->ws->resp, FRAME_NONE, false, &out))
    return exchange_fail (ex, 502, too_large);
  if (req->head->msg.minor > 0)
    ex->interim = writer_get_span (&out);
  ex->n_interim += head_size;
  ex->n_back -= head_size;
  memmove (req->ws->back, req->ws->back + head_size, ex->n_back);
  ex->scanned = 0;
  return GOES_ON;
}

static Outcome
start_upgraded (Exchange *ex, size_t head_size)
{
  Request *req = ex->req;
  struct iovec iov;
  Writer out;

  if (!ex->upgrade || !upgrade_is_answered (&req->ws->resp.msg, &req->head->msg, req->target))
    return exchange_fail (ex, 502, "the origin switched protocols unasked");
  if (!ex->up_done)
    return exchange_fail (ex, 502, "the origin switched protocols before the request's end");
  writer_init (&out, req->ws->out_down, sizeof req->ws->out_down);
  if (!headers_write_response (req, &req->ws->resp, FRAME_NONE, false, &out))
    return exchange_fail (ex, 502, too_large);
  iov = (struct iovec){ .iov_base = out.buf, .iov_len = out.n };
  request_leave (req);
  if (p2p_stream_write_all (req->conn->strm, &iov, 1, NULL,
                            p2p_now_us () + ex->idle_timeout_us)
      != P2P_IO_OK)
    return CLIENT_GONE;
  passive_note_answer (req, ex->up->agent_id, 101);
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
  const ProxyOptions *options = &proxy.options;
  Workspace *ws = ex->req->ws;
  P2pHttp1 http;
  size_t size;

  switch (p2p_http1_find_end (ws->back, ex->n_back, &ex->scanned, &size))
    {
    case P2P_HTTP1_OK:
      break;
    case P2P_HTTP1_MORE:
      if (!may_be_head (ws, ex->n_back))
        return exchange_fail (ex, 502, "the origin's answer is not HTTP");
      if (ex->n_back < options->upstream_max_head_bytes)
        return GOES_ON;
      return exchange_fail (ex, 502, too_large);
    default:
      return exchange_fail (ex, 502, "the origin's answer is malformed");
    }
  if (size > options->upstream_max_head_bytes)
    return exchange_fail (ex, 502, too_large);
  http = p2p_http1_parse_response (ws->back, size, ex->req->head->method_id, &ws->resp);
  if (http == P2P_HTTP1_TOO_LARGE
      || (http == P2P_HTTP1_OK && ws->resp.msg.n_fields > options->upstream_max_head_fields))
    return exchange_fail (ex, 502, too_large);
  if (http != P2P_HTTP1_OK)
    return exchange_fail (ex, 502, "the origin's answer is malformed");
  if (ws->resp.status == 101)
    return start_upgraded (ex, size);
  return ws->resp.status < 200 ? start_interim (ex, size) : start_final (ex, size);
}

/* The agent has said that it did not get through to the origin. */
static Outcome
agent_refused (Exchange *ex, const char *kind)
{
  static const struct
  {
    const char *kind;
    unsigned status;
    bool is_failure; /* of the origin */
    const char *text;
  } rows[] = { { "dial_timeout", 504, true, "the agent could not reach the origin in time" },
               { "denied", 502, false, "the agent does not allow this origin (denied)" },
               { "overloaded", 503, false, "too many connections to the origin are open" },
               { NULL, 502, true, "the agent could not reach the origin" } };
  unsigned i = 0;

  while (rows[i].kind && strcmp (rows[i].kind, kind) != 0)
    i++;
  p2p_log (P2P_LOG_WARNING, "proxy", "request %s: the agent answered %s, answering %u",
           request_id (ex->req), kind, rows[i].status);
  if (rows[i].is_failure)
    passive_note_failure (ex->req, ex->up->agent_id, rows[i].text, ex->last_move_us);
  return exchange_fail (ex, rows[i].status, rows[i].text);
}

/* The agent's backlog was full: it has seen nothing of the request. */
static Outcome
agent_saw_nothing (Exchange *ex)
{
  ex->refused_by = ex->up->agent_id;
  if (ex->up_pipe.whole)
    return UNSEEN;
  p2p_log (P2P_LOG_WARNING, "proxy",
           "request %s: the agent refused its stream (overloaded) and its body is not here any "
           "more, answering 503",
           request_id (ex->req));
  return exchange_fail (ex, 503, REFUSED_TEXT);
}

static Outcome
no_answer (Exchange *ex, P2pIo io)
{
  const char *kind = ex->up->tunnel ? agents_stream_error (ex->up->tunnel) : NULL;

  if (ex->up->tunnel && agents_stream_is_unseen (ex->up->tunnel))
    return agent_saw_nothing (ex);
  if (ex->may_repeat && ex->up_pipe.whole)
    return STALE;
  if (kind)
    return agent_refused (ex, kind);
  return exchange_fail (ex, 502,
                        io == P2P_IO_EOF ? "the origin closed the connection without an answer"
                                         : "the connection to the origin broke");
}

/* Most answers come at once: they are waited for in the reading call itself, once, for some
 * milliseconds. */
static P2pIo
receive (Exchange *ex, void *buf, size_t size, size_t *ret_n)
{
  int64_t until_us;
  P2pIo io;

  if (ex->try_origin)
    return p2p_stream_read (ex->up->strm, buf, size, ret_n, P2P_TRY);
  if (ex->last_move_us == 0)
    (void) exchange_note_moves (ex, 0); /* the first time: nobody is slow yet */
  until_us = p2p_deadline_ms (P2P_SOON_MS);
  ex->asked = true;
  io = p2p_stream_read_soon (ex->up->strm, buf, size, ret_n);
  /* A tunnel waits only for who is alone there. */
  ex->was_patient = !ex->up->tunnel || p2p_now_us () >= until_us;
  return io;
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
  ex->may_repeat = ex->up_pipe.whole = false;
  return GOES_ON;
}

Outcome
exchange_read_heads (Exchange *ex, unsigned *origin_want)
{
  Outcome outcome = GOES_ON;

  while (outcome == GOES_ON && !ex->answering && ex->interim.n == 0)
    {
      size_t before = ex->n_back;

      if (before > 0)
        outcome = parse_head (ex);
      if (outcome != GOES_ON || ex->answering || ex->n_back != before)
        continue;
      if (!ex->try_origin && !exchange_has_patience (ex))
        {
          *origin_want |= P2P_READABLE;
          break;
        }
      outcome = read_some (ex);
    }
  return outcome;
}

Outcome
exchange_write_interim (Exchange *ex, unsigned *client_want)
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
