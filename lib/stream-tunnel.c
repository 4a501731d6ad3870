/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The opener's end of a tunnel's stream, as a stream over the Yamux one: the open request waits to
 * go out with the first bytes, and the answer is read before the first byte is given. One reading
 * and one writing thread, as for every stream; what the request and the answer need is each one's
 * own. */
#include "lib/tunnel.h"

#include "lib/stream-priv.h"
#include "lib/yamux.h"

#include <glib.h>
#include <stdatomic.h>

#define IOV_MAX_HERE 16

typedef struct
{
  P2pStream base;
  P2pStream *lower; /* (owned) */
  /* the writer's: */
  char *request; /* (owned) (nullable: all of it is out) */
  size_t n_request, request_at;
  /* the reader's: */
  unsigned char length[4];
  size_t length_at;
  char *answer; /* (owned) (nullable) */
  size_t n_answer, answer_at;
  bool answered;
  atomic_int error; /* P2pTunnelError */
} TunnelStream;

/* --- the request ------------------------------------------------------------------------------ */

static void
request_advance (TunnelStream *self, size_t *n)
{
  size_t part = MIN (*n, self->n_request - self->request_at);

  self->request_at += part;
  *n -= part;
  if (self->request_at == self->n_request)
    g_clear_pointer (&self->request, g_free);
}

static P2pIo
tunnel_try_writev (P2pStream *strm, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  TunnelStream *self = (TunnelStream *) strm;

  while (self->request)
    {
      struct iovec both[IOV_MAX_HERE];
      int n_both = MIN (n_iov, IOV_MAX_HERE - 1);
      size_t n;
      P2pIo io;

      both[0] = (struct iovec){ .iov_base = self->request + self->request_at,
                                .iov_len = self->n_request - self->request_at };
      for (int i = 0; i < n_both; i++)
        both[i + 1] = iov[i];
      io = self->lower->ops->try_writev (self->lower, both, n_both + 1, &n);
      if (io != P2P_IO_OK)
        return io;
      request_advance (self, &n);
      if (n > 0)
        {
          *ret_n = n;
          return P2P_IO_OK;
        }
    }
  return self->lower->ops->try_writev (self->lower, iov, n_iov, ret_n);
}

static P2pIo
tunnel_try_flush (P2pStream *strm)
{
  TunnelStream *self = (TunnelStream *) strm;

  while (self->request)
    {
      struct iovec iov = { .iov_base = self->request + self->request_at,
                           .iov_len = self->n_request - self->request_at };
      size_t n;
      P2pIo io = self->lower->ops->try_writev (self->lower, &iov, 1, &n);

      if (io != P2P_IO_OK)
        return io;
      request_advance (self, &n);
    }
  return self->lower->ops->try_flush (self->lower);
}

static P2pIo
tunnel_try_shutdown (P2pStream *strm)
{
  TunnelStream *self = (TunnelStream *) strm;
  P2pIo io = tunnel_try_flush (strm);

  return io == P2P_IO_OK ? self->lower->ops->try_shutdown (self->lower) : io;
}

/* --- the answer ------------------------------------------------------------------------------- */

static P2pIo
read_part (TunnelStream *self, void *buf, size_t size, size_t *at)
{
  while (*at < size)
    {
      size_t n;
      P2pIo io = self->lower->ops->try_read (self->lower, (char *) buf + *at, size - *at, &n);

      if (io != P2P_IO_OK)
        return io;
      *at += n;
    }
  return P2P_IO_OK;
}

static P2pIo
read_answer (TunnelStream *self)
{
  P2pTunnelError error;
  bool good;
  P2pIo io = read_part (self, self->length, sizeof self->length, &self->length_at);

  if (io != P2P_IO_OK)
    return io;
  if (!self->answer)
    {
      self->n_answer = (size_t) self->length[0] << 24 | (size_t) self->length[1] << 16
                       | (size_t) self->length[2] << 8 | self->length[3];
      if (self->n_answer > P2P_TUNNEL_FRAME_MAX)
        return P2P_IO_PROTO;
      self->answer = g_malloc (self->n_answer + 1);
    }
  io = read_part (self, self->answer, self->n_answer, &self->answer_at);
  if (io != P2P_IO_OK)
    return io;
  good = p2p_tunnel_parse_answer ((P2pSpan){ self->answer, self->n_answer }, &error);
  g_clear_pointer (&self->answer, g_free);
  if (!good)
    return P2P_IO_PROTO;
  self->answered = true;
  atomic_store (&self->error, (int) error);
  return P2P_IO_OK;
}

static P2pIo
tunnel_try_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  TunnelStream *self = (TunnelStream *) strm;

  if (!self->answered)
    {
      P2pIo io = read_answer (self);

      if (io != P2P_IO_OK)
        return io;
    }
  if (atomic_load (&self->error) != P2P_TUNNEL_OK)
    return P2P_IO_REFUSED;
  return self->lower->ops->try_read (self->lower, buf, size, ret_n);
}

static P2pIo
tunnel_read_soon (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  TunnelStream *self = (TunnelStream *) strm;
  int64_t deadline_us = p2p_deadline_ms (P2P_SOON_MS);
  P2pIo io;

  do
    {
      bool came = p2p_yamux_stream_wait_soon (self->lower, deadline_us);

      io = tunnel_try_read (strm, buf, size, ret_n);
      if (!came)
        break;
    }
  while (io == P2P_IO_AGAIN); /* it was the answer to the open, or a part of it */
  return io;
}

/* --- the rest is the lower stream's ----------------------------------------------------------- */

static void
tunnel_reset (P2pStream *strm)
{
  P2pStream *lower = ((TunnelStream *) strm)->lower;

  lower->ops->reset (lower);
}

static void
tunnel_close (P2pStream *strm)
{
  TunnelStream *self = (TunnelStream *) strm;

  self->lower->ops->close (self->lower);
  g_free (self->request);
  g_free (self->answer);
  g_free (self);
}

static size_t
tunnel_pending (P2pStream *strm)
{
  TunnelStream *self = (TunnelStream *) strm;

  return self->answered ? self->lower->ops->pending (self->lower) : 0;
}

static int
tunnel_fd (P2pStream *strm)
{
  P2pStream *lower = ((TunnelStream *) strm)->lower;

  return lower->ops->fd (lower);
}

static unsigned
tunnel_arm (P2pStream *strm, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  P2pStream *lower = ((TunnelStream *) strm)->lower;

  return lower->ops->arm (lower, want, bell, ret_arm);
}

static void
tunnel_disarm (P2pStream *strm)
{
  P2pStream *lower = ((TunnelStream *) strm)->lower;

  lower->ops->disarm (lower);
}

static unsigned
tunnel_polled (P2pStream *strm, unsigned want, short revents)
{
  P2pStream *lower = ((TunnelStream *) strm)->lower;

  return lower->ops->polled (lower, want, revents);
}

static const P2pStreamOps tunnel_ops = {
  .name = "tunnel",
  .try_read = tunnel_try_read,
  .read_soon = tunnel_read_soon,
  .try_writev = tunnel_try_writev,
  .try_flush = tunnel_try_flush,
  .try_shutdown = tunnel_try_shutdown,
  .reset = tunnel_reset,
  .close = tunnel_close,
  .pending = tunnel_pending,
  .fd = tunnel_fd,
  .arm = tunnel_arm,
  .disarm = tunnel_disarm,
  .polled = tunnel_polled,
};

P2pStream *
p2p_stream_tunnel_new (P2pStream *take_lower, const P2pTunnelOpen *open)
{
  TunnelStream *self = g_new0 (TunnelStream, 1);

  self->base.ops = &tunnel_ops;
  self->lower = take_lower;
  self->request = g_malloc (2 * sizeof *open + 128);
  self->n_request = p2p_tunnel_print_open (self->request, 2 * sizeof *open + 128, open);
  g_assert (self->n_request
            > 0); /* its parts are bounded by their types and hold no control characters */
  return &self->base;
}

bool
p2p_stream_tunnel_is_answered (P2pStream *strm)
{
  g_assert (strm->ops == &tunnel_ops);
  return ((TunnelStream *) strm)->answered;
}

bool
p2p_stream_tunnel_is_leaving (P2pStream *strm)
{
  g_assert (strm->ops == &tunnel_ops);
  return p2p_yamux_stream_leaving (((TunnelStream *) strm)->lower);
}

bool
p2p_stream_tunnel_is_unseen (P2pStream *strm)
{
  g_assert (strm->ops == &tunnel_ops);
  return p2p_yamux_stream_unseen (((TunnelStream *) strm)->lower);
}

P2pTunnelError
p2p_stream_tunnel_get_error (P2pStream *strm)
{
  g_assert (strm->ops == &tunnel_ops);
  return (P2pTunnelError) atomic_load (&((TunnelStream *) strm)->error);
}
