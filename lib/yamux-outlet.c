/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The outlet of a Yamux stream: while its owner rests, what arrives goes straight from the reader
 * thread into the socket that it is meant for, without waking anybody. Only a little at a time:
 * every other stream of the session waits meanwhile. What the socket does not take is the owner's.
 */
#include "lib/yamux-priv.h"

#include <glib.h>

/* The owner's worker does as well with more, and beside the reader. */
#define BYTES_MAX 4096

/* What the receiver has put into a chunk of its own already comes whole or not at all. */
G_STATIC_ASSERT (BYTES_MAX < YAMUX_CHUNK_LARGE / 2);

void
yamux_lend (P2pStream *base, P2pStream *to)
{
  YamuxStream *strm = (YamuxStream *) base;

  P2P_LOCKED (&strm->lock);
  g_assert (!strm->outlet);
  strm->outlet = to;
}

size_t
yamux_take_back (P2pStream *base)
{
  YamuxStream *strm = (YamuxStream *) base;
  size_t n;

  P2P_LOCKED (&strm->lock);
  n = strm->outlet_bytes;
  strm->outlet = NULL;
  strm->outlet_bytes = 0;
  return n;
}

void
yamux_outlet_pass_locked (YamuxStream *strm, P2pSpan *bytes, size_t still_to_come, bool *ret_update)
{
  struct iovec iov = { (void *) bytes->p, bytes->n };
  size_t n;

  if (!strm->outlet || strm->in_bytes > 0 || bytes->n > BYTES_MAX || still_to_come > 0)
    return;
  /* How it failed, its owner finds for itself. */
  if (p2p_stream_writev (strm->outlet, &iov, 1, &n, P2P_TRY) != P2P_IO_OK)
    return;
  strm->outlet_bytes += n;
  *ret_update = yamux_window_took_locked (strm, n);
  bytes->p += n;
  bytes->n -= n;
}
