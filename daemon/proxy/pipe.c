/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One direction of an exchange. See pipe.h. */
#include "daemon/proxy/pipe.h"

#include <glib.h>
#include <stdio.h>

#define ROUNDS_MAX 16 /* reads of one step before the other direction has its turn */

void
pipe_init (Pipe *pipe, P2pStream *from, P2pStream *to, char *buf, size_t size, size_t n_ready)
{
  g_assert (n_ready <= size);
  pipe->from = from;
  pipe->to = to;
  pipe->buf = buf;
  pipe->size = size;
  pipe->start = 0;
  pipe->end = n_ready;
  pipe->max_content = UINT64_MAX;
  pipe->trailers = (P2pTrailers){ 0 };
  pipe->whole = false;
  pipe->drained = false;
  pipe->tells_end = false;
  pipe->end_queued = pipe->content_queued = false;
  pipe->io = P2P_IO_OK;
  pipe->n_read = pipe->n_written = 0;
  pipe->out_first = pipe->n_out = 0;
}

void
pipe_set_body (Pipe *pipe, P2pBodyKind kind, uint64_t content_length, PipeEncoding encoding)
{
  p2p_body_init (&pipe->body, kind, content_length);
  pipe->encoding = encoding;
}

void
pipe_queue (Pipe *pipe, P2pSpan text)
{
  if (text.n == 0)
    return;
  g_assert (pipe->n_out < G_N_ELEMENTS (pipe->out));
  pipe->out[pipe->n_out++] = (struct iovec){ .iov_base = (void *) text.p, .iov_len = text.n };
}

/* The end of a chunked body: what was queued before is still in out. */
static void
queue_end (Pipe *pipe)
{
  pipe->end_queued = true;
  if (pipe->encoding != PIPE_ENCODE_CHUNKED)
    return;
  pipe_queue (pipe, P2P_SPAN ("0\r\n"));
  pipe_queue (pipe, (P2pSpan){ pipe->trailers.buf, pipe->trailers.n });
  pipe_queue (pipe, P2P_SPAN ("\r\n"));
}

static void
queue_content (Pipe *pipe, P2pSpan content)
{
  if (content.n == 0)
    return;
  pipe->content_queued = true;
  if (pipe->encoding == PIPE_ENCODE_CHUNKED)
    {
      int n = snprintf (pipe->chunk_line, sizeof pipe->chunk_line, "%zx\r\n", content.n);

      pipe_queue (pipe, (P2pSpan){ pipe->chunk_line, (size_t) n });
      pipe_queue (pipe, content);
      pipe_queue (pipe, P2P_SPAN ("\r\n"));
    }
  else
    pipe_queue (pipe, content);
}

/* Writes what is queued. P2P_IO_OK: nothing is left. */
static P2pIo
drain_out (Pipe *pipe)
{
  while (pipe->out_first < pipe->n_out)
    {
      size_t n;
      P2pIo io = p2p_stream_writev (pipe->to, pipe->out + pipe->out_first,
                                    (int) (pipe->n_out - pipe->out_first), &n, P2P_TRY);

      if (io != P2P_IO_OK)
        return io;
      pipe->n_written += n;
      while (n > 0 && n >= pipe->out[pipe->out_first].iov_len)
        n -= pipe->out[pipe->out_first++].iov_len;
      if (n > 0)
        {
          struct iovec *iov = &pipe->out[pipe->out_first];

          iov->iov_base = (char *) iov->iov_base + n;
          iov->iov_len -= n;
        }
    }
  pipe->out_first = pipe->n_out = 0;
  pipe->content_queued = false;
  return P2P_IO_OK;
}

/* Looks at buf[start..end) and queues the next run of content. PIPE_MORE: go on. */
static PipeStep
decode (Pipe *pipe)
{
  P2pSpan content = P2P_SPAN_NONE;
  size_t used = 0;
  P2pHttp1 http = p2p_body_feed (&pipe->body,
                                 (P2pSpan){ pipe->buf + pipe->start, pipe->end - pipe->start },
                                 &content, &used, pipe->trailers.buf ? &pipe->trailers : NULL);

  if (http != P2P_HTTP1_OK && http != P2P_HTTP1_MORE)
    return PIPE_BAD;
  if (pipe->body.total > pipe->max_content)
    return PIPE_TOO_LARGE;
  pipe->start += used;
  queue_content (pipe, content);
  return PIPE_MORE;
}

/* All that was read is dealt with. */
static P2pIo
fill (Pipe *pipe)
{
  size_t n, room;
  P2pIo io;

  pipe->whole = pipe->whole && pipe->end < pipe->size;
  if (!pipe->whole)
    pipe->start = pipe->end = 0;
  room = pipe->size - pipe->end;
  io = p2p_stream_read (pipe->from, pipe->buf + pipe->end, room, &n, P2P_TRY);
  if (io == P2P_IO_OK)
    {
      pipe->end += n;
      pipe->n_read += n;
      pipe->drained = n < room;
    }
  return io;
}

static PipeStep
fail (Pipe *pipe, PipeStep step, P2pIo io)
{
  pipe->io = io;
  return step;
}

static PipeStep
step_read (Pipe *pipe)
{
  P2pIo io = pipe->drained ? P2P_IO_AGAIN : fill (pipe);

  if (io == P2P_IO_OK)
    return PIPE_MORE;
  if (io == P2P_IO_AGAIN)
    {
      pipe->drained = false; /* asked again after the wait */
      return PIPE_WANT_READ;
    }
  if (io == P2P_IO_EOF && pipe->body.kind == P2P_BODY_UNTIL_CLOSE)
    {
      pipe->body.finished = true;
      return PIPE_MORE;
    }
  return fail (pipe, PIPE_READ_FAILED, io);
}

static PipeStep
step_write (Pipe *pipe)
{
  P2pIo io = drain_out (pipe);

  if (io == P2P_IO_OK && pipe->end_queued)
    io = p2p_stream_flush (pipe->to, P2P_TRY);
  if (io == P2P_IO_AGAIN)
    return PIPE_WANT_WRITE;
  if (io != P2P_IO_OK)
    return fail (pipe, PIPE_WRITE_FAILED, io);
  return pipe->end_queued ? PIPE_DONE : PIPE_MORE;
}

/* What was taken must not wait in the stream (a TLS record) while the source is silent: SSE. */
static PipeStep
wait_for_source (Pipe *pipe)
{
  P2pIo io = p2p_stream_flush (pipe->to, P2P_TRY);

  if (io == P2P_IO_OK)
    return PIPE_WANT_READ;
  return io == P2P_IO_AGAIN ? PIPE_WANT_WRITE : fail (pipe, PIPE_WRITE_FAILED, io);
}

PipeStep
pipe_step (Pipe *pipe)
{
  PipeStep step;

  for (unsigned round = 0; round < ROUNDS_MAX; round++)
    {
      step = PIPE_MORE;
      if (!pipe->body.finished && pipe->start < pipe->end && !pipe->content_queued)
        step = decode (pipe);
      if (step != PIPE_MORE)
        return step;
      if (pipe->body.finished && !pipe->end_queued)
        {
          queue_end (pipe);
          if (pipe->tells_end)
            return PIPE_ALL_READ;
        }
      if (pipe->n_out > 0 || pipe->end_queued)
        {
          step = step_write (pipe);
          if (step != PIPE_MORE)
            return step;
        }
      if (pipe->start < pipe->end)
        continue;
      step = step_read (pipe);
      if (step == PIPE_WANT_READ)
        return wait_for_source (pipe);
      if (step != PIPE_MORE)
        return step;
    }
  return PIPE_MORE;
}

P2pSpan
pipe_get_rest (const Pipe *pipe)
{
  return (P2pSpan){ pipe->buf + pipe->start, pipe->end - pipe->start };
}

void
pipe_keep_whole (Pipe *pipe)
{
  pipe->whole = true;
}

P2pIo
pipe_read_ahead (Pipe *pipe)
{
  size_t n;
  P2pIo io;

  if (pipe->end == pipe->size)
    return P2P_IO_OVERFLOW;
  io = p2p_stream_read (pipe->from, pipe->buf + pipe->end, pipe->size - pipe->end, &n, P2P_TRY);
  if (io == P2P_IO_OK)
    pipe->end += n;
  return io;
}
