/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Answers of our own: error pages and static targets. They are written whole before the next
 * request is read, as long as the client takes them at the least rate of a body. */
#include "lib/date.h"
#include "daemon/proxy/pace.h"
#include "daemon/proxy/proxy-priv.h"
#include "daemon/proxy/writer.h"

#include <glib.h>

/* What is left of an answer of which the client has taken n bytes. */
static int
rest_of (const Writer *out, P2pSpan body, size_t n, struct iovec iov[2])
{
  size_t n_head = MIN (n, out->n), n_body = n - n_head;

  iov[0] = (struct iovec){ out->buf + n_head, out->n - n_head };
  iov[1] = (struct iovec){ (void *) (body.p + n_body), body.n - n_body };
  return body.n > 0 ? 2 : 1;
}

/* Goes on as long as the client keeps the rate of a body. */
static P2pIo
send_out (Conn *conn, const Writer *out, P2pSpan body)
{
  int64_t window_us = proxy.options.body_idle_timeout_ms * 1000;
  Pace pace = { .left_us = window_us };
  size_t taken = 0;

  while (taken < out->n + body.n)
    {
      struct iovec iov[2];
      int n_iov = rest_of (out, body, taken, iov);
      int64_t begin_us = p2p_now_us ();
      size_t n;
      P2pIo io = p2p_stream_writev (conn->strm, iov, n_iov, &n, begin_us + pace.left_us);

      if (io != P2P_IO_OK)
        return io;
      taken += n;
      if (!pace_advance (&pace, taken, p2p_now_us () - begin_us, proxy.options.min_body_rate,
                         window_us))
        return P2P_IO_TIMEOUT;
    }
  return p2p_stream_flush (conn->strm, p2p_now_us () + window_us);
}

static void
put_head (Writer *out, unsigned status, P2pSpan fields, size_t body_size, bool close)
{
  bool bodyless = status == 204 || status == 304; /* RFC 9110 section 8.6: no Content-Length */

  WRITER_PUT (out, "HTTP/1.1 ");
  writer_put_u64 (out, status);
  WRITER_PUT (out, " ");
  writer_put (out, p2p_http1_reason (status));
  WRITER_PUT (out, "\r\n");
  writer_put_field (out, P2P_SPAN ("Date"), p2p_date_now ());
  writer_put (out, fields);
  if (!bodyless)
    {
      WRITER_PUT (out, "Content-Length: ");
      writer_put_u64 (out, body_size);
      WRITER_PUT (out, "\r\n");
    }
  if (close)
    WRITER_PUT (out, "Connection: close\r\n");
}

/* A body that stands whole in the buffer is passed over, so that the connection can be kept; any
 * other ends it. */
static bool
skip_body (Request *req)
{
  P2pBody body;
  size_t at = req->head_size;

  p2p_body_init (&body, req->head->msg.body, req->head->msg.content_length);
  while (!body.finished && at < req->n_in)
    {
      P2pSpan content;
      size_t used = 0;

      if (p2p_body_feed (&body, (P2pSpan){ req->ws->in + at, req->n_in - at }, &content, &used,
                         NULL)
          > P2P_HTTP1_MORE)
        return false;
      at += used;
    }
  req->rest_start = at;
  req->rest_end = req->n_in;
  return body.finished;
}

Step
answer_whole (Request *req, unsigned status, P2pSpan fields, P2pSpan body)
{
  bool keep, with_body;
  Writer out;

  if (req->explanation)
    {
      explanation_note_answer (req->explanation, status, fields);
      return STEP_DONE;
    }
  request_uncount_target (req); /* before the client can know */
  request_leave (req);
  keep = skip_body (req) && req->head->msg.keep_alive && !atomic_load (&proxy.stopping);
  with_body = req->head->method_id != P2P_METHOD_HEAD && status != 204 && status != 304;
  writer_init (&out, req->ws->out_down, sizeof req->ws->out_down);
  put_head (&out, status, fields, body.n, !keep);
  if (keep && req->head->msg.minor == 0)
    WRITER_PUT (&out, "Connection: keep-alive\r\n");
  WRITER_PUT (&out, "\r\n");
  g_assert (!out.overflow); /* static fields are bounded when they are saved */
  if (send_out (req->conn, &out, with_body ? body : P2P_SPAN_NONE) != P2P_IO_OK)
    req->after = AFTER_RESET;
  else
    req->after = keep ? AFTER_KEEP : AFTER_CLOSE;
  return STEP_DONE;
}

static P2pSpan
write_page (Writer *page, unsigned status, const char *detail, const char *id)
{
  writer_put_u64 (page, status);
  WRITER_PUT (page, " ");
  writer_put (page, p2p_http1_reason (status));
  WRITER_PUT (page, ": ");
  writer_put (page, p2p_span_from_string (detail));
  WRITER_PUT (page, "\n");
  if (id)
    {
      WRITER_PUT (page, "Request: ");
      writer_put (page, p2p_span_from_string (id));
      WRITER_PUT (page, "\n");
    }
  return writer_get_span (page);
}

Step
answer_error (Request *req, unsigned status, const char *detail)
{
  char fields_buf[256], page_buf[512];
  Writer fields, page;

  if (req->explanation)
    {
      explanation_note_error (req->explanation, status, detail);
      return STEP_DONE;
    }
  writer_init (&fields, fields_buf, sizeof fields_buf);
  WRITER_PUT (&fields, "Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n");
  if (status == 405)
    WRITER_PUT (&fields, ALLOW_FIELD);
  if (status == 503)
    WRITER_PUT (&fields, "Retry-After: 5\r\n");
  writer_put_field (&fields, P2P_SPAN ("X-Request-Id"), p2p_span_from_string (request_id (req)));
  writer_init (&page, page_buf, sizeof page_buf);
  if (status == 400 || status == 405)
    req->head->msg.keep_alive = false;
  return answer_whole (req, status, writer_get_span (&fields),
                       write_page (&page, status, detail, request_id (req)));
}

HeadRefusal
answer_judge_head (P2pHttp1 http, P2pSpan reason_bad)
{
  switch (http)
    {
    case P2P_HTTP1_TOO_LARGE:
      return (HeadRefusal){ 431, P2P_SPAN ("the request's head is too large") };
    case P2P_HTTP1_VERSION:
      return (HeadRefusal){ 505, P2P_SPAN ("this is not HTTP/1.0 or HTTP/1.1") };
    default:
      return (HeadRefusal){ 400, reason_bad.n > 0 ? reason_bad
                                                  : P2P_SPAN ("the request is malformed") };
    }
}

void
answer_bad_head (Conn *conn, Workspace *ws, unsigned status, const char *detail)
{
  char page_buf[512];
  Writer page, out;
  P2pSpan body;

  writer_init (&page, page_buf, sizeof page_buf);
  body = write_page (&page, status, detail, NULL);
  writer_init (&out, ws->out_down, sizeof ws->out_down);
  put_head (&out, status, P2P_SPAN ("Content-Type: text/plain; charset=utf-8\r\n"), body.n, true);
  if (status == 503)
    WRITER_PUT (&out, "Retry-After: 5\r\n");
  WRITER_PUT (&out, "\r\n");
  (void) send_out (conn, &out, body); /* the connection ends in any case */
}
