/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One stream of a Yamux session as a P2pStream. Its owner's threads enter here (at most one reads
 * and one writes); the reader thread of the session and whoever sends meet them under strm->lock,
 * which is not held while much is copied. Nothing here blocks. */
#include "lib/yamux-priv.h"

#include <glib.h>

static YamuxStream *
self_of (P2pStream *base)
{
  return (YamuxStream *) base;
}

/* The first touch of an accepted stream makes room in the backlog. */
static void
touch_locked (YamuxStream *strm)
{
  if (!strm->untouched)
    return;
  strm->untouched = false;
  atomic_fetch_sub_explicit (&strm->yamux->backlog, 1, memory_order_relaxed);
}

/* What one read takes: whole chunks, which are copied without the lock, or a part of the first one,
 * copied at once. */
static size_t
take_input_locked (YamuxStream *strm, unsigned char *buf, size_t size, YamuxChunks *ret_whole)
{
  YamuxChunk *chunk;
  size_t taken = 0;

  while ((chunk = strm->in.head) && chunk->end - chunk->start <= size - taken)
    {
      taken += chunk->end - chunk->start;
      yamux_chunks_push (ret_whole, yamux_chunks_pop (&strm->in));
      yamux_budget_hold_locked (strm, -(int64_t) chunk->size);
    }
  if (taken == 0)
    {
      memcpy (buf, chunk->data + chunk->start, size);
      chunk->start += (uint32_t) size;
      taken = size;
    }
  strm->in_bytes -= taken;
  return taken;
}

static void
copy_out (YamuxChunks *whole, unsigned char *buf)
{
  for (YamuxChunk *chunk; (chunk = yamux_chunks_pop (whole));)
    {
      size_t n = chunk->end - chunk->start;

      memcpy (buf, chunk->data + chunk->start, n);
      buf += n;
      yamux_chunk_free (chunk);
    }
}

/* Sends a SYN that waited for the first bytes, when there are none yet. */
static void
end_quiet (YamuxStream *strm)
{
  p2p_mutex_lock (&strm->lock);
  bool was_quiet = strm->quiet;
  strm->quiet = false;
  p2p_mutex_unlock (&strm->lock);
  if (was_quiet)
    yamux_drain (strm->yamux);
}

static P2pIo
read_held (YamuxStream *strm, void *buf, size_t size, size_t *ret_n)
{
  YamuxChunks whole = { NULL, NULL };
  bool update = false, quiet = false;
  P2pIo io = P2P_IO_OK;

  p2p_mutex_lock (&strm->lock);
  touch_locked (strm);
  if (strm->in_bytes > 0)
    {
      *ret_n = take_input_locked (strm, buf, size, &whole);
      update = yamux_window_took_locked (strm, *ret_n);
    }
  else
    io = strm->read_end == P2P_IO_OK ? P2P_IO_AGAIN : strm->read_end;
  quiet = strm->quiet;
  p2p_mutex_unlock (&strm->lock);

  copy_out (&whole, buf);
  if (io == P2P_IO_AGAIN && quiet)
    end_quiet (strm);
  if (update)
    {
      P2P_LOCKED (&strm->yamux->lock);
      if (strm->in_table)
        yamux_tell_locked (strm, YAMUX_TELL_WINDOW);
      yamux_drain_soon_locked (strm->yamux);
    }
  return io;
}

static P2pIo
yamux_try_read (P2pStream *base, void *buf, size_t size, size_t *ret_n)
{
  YamuxStream *strm = self_of (base);
  P2pIo io = read_held (strm, buf, size, ret_n);

  return io == P2P_IO_AGAIN && yamux_help_look (strm) ? read_held (strm, buf, size, ret_n) : io;
}

static uint32_t
frame_max (const YamuxChunk *chunk)
{
  return MIN (chunk->size, YAMUX_FRAME_MAX);
}

/* Copies up to room bytes into frames of *frames: behind the last one as long as it has room, then
 * into new ones. */
static void
frame_iov (YamuxChunks *frames, const struct iovec *iov, int n_iov, size_t room)
{
  YamuxChunk *chunk = frames->tail;
  size_t taken = 0;

  for (int i = 0; i < n_iov && taken < room; i++)
    for (size_t at = 0; at < iov[i].iov_len && taken < room;)
      {
        size_t n = MIN (iov[i].iov_len - at, room - taken);

        if (!chunk || chunk->end == frame_max (chunk))
          {
            chunk = yamux_chunk_new (room - taken + YAMUX_HEADER_SIZE);
            chunk->end = YAMUX_HEADER_SIZE;
            yamux_chunks_push (frames, chunk);
          }
        n = MIN (n, frame_max (chunk) - chunk->end);
        memcpy (chunk->data + chunk->end, (const char *) iov[i].iov_base + at, n);
        chunk->end += (uint32_t) n;
        at += n;
        taken += n;
      }
}

static void
charge_locked (YamuxStream *strm, size_t n)
{
  strm->quiet = false;
  strm->out_bytes += n;
  strm->send_window -= (uint32_t) n;
  atomic_fetch_add_explicit (&strm->yamux->queued_bytes, n, memory_order_relaxed);
}

/* How much of total the stream takes now. */
static P2pIo
may_take (YamuxStream *strm, size_t total, size_t *ret_n)
{
  size_t room;
  P2P_LOCKED (&strm->lock);

  touch_locked (strm);
  g_assert (!strm->fin_wanted);
  room = yamux_stream_room_locked (strm); /* asked once: what others queue changes it */
  *ret_n = MIN (total, room);
  if (strm->write_end != P2P_IO_OK)
    return strm->write_end;
  return *ret_n > 0 || total == 0 ? P2P_IO_OK : P2P_IO_AGAIN;
}

/* Much goes into frames of its own, without the lock; little may join the frame before it. The room
 * does not shrink meanwhile: only who writes takes of it. */
static P2pIo
queue_bytes (YamuxStream *strm, const struct iovec *iov, int n_iov, size_t n)
{
  YamuxChunks frames = { NULL, NULL };
  bool little = n < YAMUX_CHUNK_LARGE / 2;
  P2pIo io;

  if (!little)
    frame_iov (&frames, iov, n_iov, n);
  p2p_mutex_lock (&strm->lock);
  io = strm->write_end;
  if (io == P2P_IO_OK)
    {
      if (little)
        frame_iov (&strm->out, iov, n_iov, n);
      for (YamuxChunk *chunk; (chunk = yamux_chunks_pop (&frames));)
        yamux_chunks_push (&strm->out, chunk);
      charge_locked (strm, n);
    }
  p2p_mutex_unlock (&strm->lock);
  yamux_chunks_clear (&frames);
  return io;
}

static void
offer_and_drain (YamuxStream *strm)
{
  P2P_LOCKED (&strm->yamux->lock);
  yamux_offer_locked (strm);
  yamux_drain_soon_locked (strm->yamux);
}

static P2pIo
yamux_try_writev (P2pStream *base, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  YamuxStream *strm = self_of (base);
  size_t n = 0;
  P2pIo io;

  for (int i = 0; i < n_iov; i++)
    n += iov[i].iov_len;
  io = may_take (strm, n, &n);
  if (io == P2P_IO_OK)
    io = queue_bytes (strm, iov, n_iov, n);
  if (io != P2P_IO_OK)
    return io;
  *ret_n = n;
  offer_and_drain (strm);
  return P2P_IO_OK;
}

static P2pIo
yamux_try_flush (P2pStream *base)
{
  (void) base; /* what was taken is the session's and is on its way */
  return P2P_IO_OK;
}

static P2pIo
yamux_try_shutdown (P2pStream *base)
{
  YamuxStream *strm = self_of (base);
  P2pIo io;

  p2p_mutex_lock (&strm->lock);
  touch_locked (strm);
  io = strm->write_end;
  strm->fin_wanted = true;
  strm->quiet = false;
  p2p_mutex_unlock (&strm->lock);
  if (io == P2P_IO_OK)
    offer_and_drain (strm);
  return io;
}

static void
yamux_reset (P2pStream *base)
{
  if (!yamux_stream_reset_behind (self_of (base)))
    yamux_stream_abort (self_of (base), P2P_IO_RESET);
}

static void
forget_waiter_locked (YamuxStream *strm, unsigned i)
{
  if (strm->waiters[i].bell)
    yamux_help_went (strm->yamux);
  strm->waiters[i].bell = NULL;
}

static void
forget_waiters_locked (YamuxStream *strm)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (strm->waiters); i++)
    forget_waiter_locked (strm, i);
}

/* The owner has gone, both sides being well so far: FIN, and the peer's awaited for a while. */
static void
end_orderly_locked (YamuxStream *strm)
{
  if (!strm->in_table)
    return;
  if (strm->fin_sent)
    yamux_table_linger_locked (strm);
  else
    yamux_offer_locked (strm);
}

static void
yamux_close (P2pStream *base)
{
  YamuxStream *strm = self_of (base);
  P2pYamux *yamux = strm->yamux;
  bool orderly, reset;

  p2p_mutex_lock (&strm->lock);
  touch_locked (strm);
  g_assert (!strm->outlet);
  forget_waiters_locked (strm);
  orderly = strm->in_bytes == 0 && strm->write_end == P2P_IO_OK && !strm->quiet;
  reset = strm->rst_wanted;
  strm->closed = true;
  strm->fin_wanted = true;
  yamux_stream_drop_input_locked (strm);
  yamux_window_drop_locked (strm);
  p2p_mutex_unlock (&strm->lock);

  p2p_mutex_lock (&yamux->lock);
  yamux_table_forget_rest_locked (strm);
  if (orderly)
    {
      end_orderly_locked (strm);
      yamux_drain_soon_locked (yamux);
    }
  p2p_mutex_unlock (&yamux->lock);
  if (!orderly && !reset) /* it is on its way */
    yamux_stream_abort (strm, P2P_IO_RESET);
  yamux_stream_unref (strm);
}

static size_t
yamux_pending (P2pStream *base)
{
  YamuxStream *strm = self_of (base);

  P2P_LOCKED (&strm->lock);
  return strm->in_bytes;
}

static int
yamux_fd (P2pStream *base)
{
  (void) base;
  return -1;
}

static unsigned
ready_locked (YamuxStream *strm, unsigned want)
{
  unsigned ready = 0;

  if (strm->in_bytes > 0 || strm->read_end != P2P_IO_OK)
    ready |= P2P_READABLE & want;
  if (strm->write_end != P2P_IO_OK || yamux_stream_room_locked (strm) > 0)
    ready |= P2P_WRITABLE & want;
  if (strm->write_end != P2P_IO_OK && (strm->in_bytes == 0 || strm->read_end > P2P_IO_EOF))
    ready |= P2P_HANGUP | P2P_FAILED;
  if (strm->fin_wanted && strm->read_end == P2P_IO_EOF && strm->in_bytes == 0)
    ready |= P2P_HANGUP;
  return ready;
}

bool
yamux_stream_is_readable (YamuxStream *strm)
{
  P2P_LOCKED (&strm->lock);
  return ready_locked (strm, P2P_READABLE) != 0;
}

static unsigned
yamux_arm (P2pStream *base, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  YamuxStream *strm = self_of (base);
  unsigned ready;
  bool quiet;

  ret_arm->fd = -1;
  ret_arm->events = 0;
  p2p_mutex_lock (&strm->lock);
  touch_locked (strm);
  ready = ready_locked (strm, want);
  if (ready == 0)
    {
      YamuxWaiter *waiter = &strm->waiters[strm->waiters[0].bell ? 1 : 0];

      g_assert (!waiter->bell);
      *waiter = (YamuxWaiter){ .bell = bell, .thread = pthread_self (), .want = want };
      yamux_help_came (strm->yamux);
    }
  quiet = strm->quiet;
  p2p_mutex_unlock (&strm->lock);
  if (ready == 0 && quiet)
    end_quiet (strm);
  return ready;
}

/* A waiting thread takes back its own bell; the bell of a parked stream, alone here, is taken back
 * by whoever has the stream next. */
static void
yamux_disarm (P2pStream *base)
{
  YamuxStream *strm = self_of (base);

  P2P_LOCKED (&strm->lock);
  for (unsigned i = 0; i < G_N_ELEMENTS (strm->waiters); i++)
    if (strm->waiters[i].bell && pthread_equal (strm->waiters[i].thread, pthread_self ()))
      {
        forget_waiter_locked (strm, i);
        return;
      }
  forget_waiters_locked (strm);
}

static unsigned
yamux_polled (P2pStream *base, unsigned want, short revents)
{
  (void) base;
  (void) want;
  (void) revents;
  return 0; /* there is no descriptor */
}

const P2pStreamOps yamux_stream_ops = {
  .name = "yamux",
  .try_read = yamux_try_read,
  .try_writev = yamux_try_writev,
  .try_flush = yamux_try_flush,
  .try_shutdown = yamux_try_shutdown,
  .reset = yamux_reset,
  .close = yamux_close,
  .pending = yamux_pending,
  .fd = yamux_fd,
  .arm = yamux_arm,
  .disarm = yamux_disarm,
  .lend = yamux_lend,
  .take_back = yamux_take_back,
  .polled = yamux_polled,
};

bool
p2p_yamux_stream_leaving (P2pStream *strm)
{
  g_assert (strm->ops == &yamux_stream_ops);
  return atomic_load_explicit (&self_of (strm)->yamux->leaving, memory_order_relaxed);
}

bool
p2p_yamux_stream_unseen (P2pStream *strm)
{
  g_assert (strm->ops == &yamux_stream_ops);
  return atomic_load_explicit (&self_of (strm)->unseen, memory_order_relaxed);
}
