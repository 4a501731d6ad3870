/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* One stream of a Yamux session as a P2pStream. Its owner's threads enter here (at most one reads and one writes);
 * the reader thread of the session and whoever sends meet them under strm->lock. Nothing here blocks. */
#include "lib/yamux-priv.h"

#include <glib.h>

/* What one stream may leave in its queue, by how much the session has queued already: alone it may run
 * ahead by some frames; in a crowd everyone still gets a small frame in. */
#define QUEUE_ALONE (4 * YAMUX_PAYLOAD_MAX)
#define QUEUE_MANY YAMUX_PAYLOAD_MAX
#define QUEUE_CROWD (YAMUX_CHUNK_SMALL - YAMUX_HEADER_SIZE)
#define MANY_BYTES (1u << 20)
#define CROWD_BYTES (4u << 20)

#define MAX_SPARES 64

static size_t
queue_limit (P2pYamux *yamux)
{
  uint64_t queued = atomic_load_explicit (&yamux->queued_bytes, memory_order_relaxed);

  if (queued < MANY_BYTES)
    return QUEUE_ALONE;
  return queued < CROWD_BYTES ? QUEUE_MANY : QUEUE_CROWD;
}

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

size_t
yamux_stream_room_locked (YamuxStream *strm)
{
  size_t limit = queue_limit (strm->yamux);

  if (strm->out_bytes >= limit)
    return 0;
  return MIN (limit - strm->out_bytes, (size_t) strm->send_window);
}

bool
yamux_stream_wants_more_locked (YamuxStream *strm)
{
  return strm->send_window > 0 && strm->out_bytes <= queue_limit (strm->yamux) / 2;
}

void
yamux_stream_ring_locked (YamuxStream *strm, unsigned what)
{
  for (size_t i = 0; i < G_N_ELEMENTS (strm->waiters); i++)
    {
      YamuxWaiter *waiter = &strm->waiters[i];

      if (waiter->bell && ((waiter->want | P2P_HANGUP) & what))
        waiter->bell->ring (waiter->bell);
    }
}

static void
drop_input_locked (YamuxStream *strm)
{
  yamux_chunks_clear (&strm->in);
  strm->in_bytes = 0;
  yamux_budget_hold_locked (
      strm, -(int64_t) atomic_load_explicit (&strm->held_bytes, memory_order_relaxed));
}

static void
drop_output_locked (YamuxStream *strm)
{
  yamux_chunks_clear (&strm->out);
  atomic_fetch_sub_explicit (&strm->yamux->queued_bytes, strm->out_bytes, memory_order_relaxed);
  strm->out_bytes = 0;
}

void
yamux_stream_kill_locked (YamuxStream *strm, P2pIo how)
{
  p2p_lock_assert_held (&strm->lock);
  if (strm->write_end == P2P_IO_OK)
    strm->write_end = how;
  if (strm->read_end == P2P_IO_OK || strm->read_end == P2P_IO_EOF)
    strm->read_end = how;
  drop_input_locked (strm);
  drop_output_locked (strm);
  yamux_window_drop_locked (strm);
  yamux_stream_ring_locked (strm, P2P_READABLE | P2P_WRITABLE | P2P_HANGUP);
}

void
yamux_stream_abort (YamuxStream *strm, P2pIo how)
{
  P2pYamux *yamux = strm->yamux;

  p2p_mutex_lock (&strm->lock);
  yamux_stream_kill_locked (strm, how);
  p2p_mutex_unlock (&strm->lock);

  p2p_mutex_lock (&yamux->lock);
  if (strm->in_table)
    {
      yamux_tell_locked (strm, YAMUX_TELL_RST);
      yamux_drain_locked (yamux, false);
    }
  p2p_mutex_unlock (&yamux->lock);
}

/* Half of a kill: what the peer has said to the end may still be read. */
void
yamux_stream_lose_locked (YamuxStream *strm)
{
  P2pIo read_end = strm->read_end;

  if (read_end == P2P_IO_EOF)
    {
      if (strm->write_end == P2P_IO_OK)
        strm->write_end = P2P_IO_RESET;
      drop_output_locked (strm);
      yamux_stream_ring_locked (strm, P2P_READABLE | P2P_WRITABLE | P2P_HANGUP);
    }
  else
    yamux_stream_kill_locked (strm, P2P_IO_RESET);
}

/* Copies out what is there; chunks that are used up go back at once. */
static size_t
take_input_locked (YamuxStream *strm, unsigned char *buf, size_t size)
{
  size_t taken = 0;

  while (taken < size && strm->in.head)
    {
      YamuxChunk *chunk = strm->in.head;
      size_t n = MIN (size - taken, (size_t) (chunk->end - chunk->start));

      memcpy (buf + taken, chunk->data + chunk->start, n);
      taken += n;
      chunk->start += (uint32_t) n;
      if (chunk->start < chunk->end)
        break;
      (void) yamux_chunks_pop (&strm->in); /* it is chunk */
      yamux_budget_hold_locked (strm, -(int64_t) chunk->size);
      yamux_chunk_free (chunk);
    }
  strm->in_bytes -= taken;
  return taken;
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
yamux_try_read (P2pStream *base, void *buf, size_t size, size_t *ret_n)
{
  YamuxStream *strm = self_of (base);
  bool update = false, quiet = false;
  P2pIo io = P2P_IO_OK;

  p2p_mutex_lock (&strm->lock);
  touch_locked (strm);
  if (strm->in_bytes > 0)
    {
      *ret_n = take_input_locked (strm, buf, size);
      update = yamux_window_took_locked (strm, *ret_n);
    }
  else
    io = strm->read_end == P2P_IO_OK ? P2P_IO_AGAIN : strm->read_end;
  quiet = strm->quiet;
  p2p_mutex_unlock (&strm->lock);

  if (io == P2P_IO_AGAIN && quiet)
    end_quiet (strm);
  if (update)
    {
      P2P_LOCKED (&strm->yamux->lock);
      if (strm->in_table)
        yamux_tell_locked (strm, YAMUX_TELL_WINDOW);
      yamux_drain_locked (strm->yamux, false);
    }
  return io;
}

/* Room behind the last frame, as long as nobody has begun to send it, or a new frame. */
static YamuxChunk *
frame_with_room_locked (YamuxStream *strm, size_t wanted)
{
  YamuxChunk *chunk = strm->out.tail;

  if (chunk && chunk->end < chunk->size)
    return chunk;
  chunk = yamux_chunk_new (wanted + YAMUX_HEADER_SIZE);
  chunk->end = YAMUX_HEADER_SIZE;
  yamux_chunks_push (&strm->out, chunk);
  return chunk;
}

static void
queue_bytes_locked (YamuxStream *strm, const unsigned char *bytes, size_t n, size_t n_total)
{
  while (n > 0)
    {
      YamuxChunk *chunk = frame_with_room_locked (strm, n_total);
      size_t part = MIN (n, (size_t) (chunk->size - chunk->end));

      memcpy (chunk->data + chunk->end, bytes, part);
      chunk->end += (uint32_t) part;
      bytes += part;
      n -= part;
      n_total -= part;
    }
}

static size_t
queue_iov_locked (YamuxStream *strm, const struct iovec *iov, int n_iov, size_t room)
{
  size_t total = 0, taken = 0;

  for (int i = 0; i < n_iov; i++)
    total += iov[i].iov_len;
  total = MIN (total, room);
  for (int i = 0; i < n_iov && taken < total; i++)
    {
      size_t n = MIN (iov[i].iov_len, total - taken);

      queue_bytes_locked (strm, iov[i].iov_base, n, total - taken);
      taken += n;
    }
  strm->out_bytes += taken;
  strm->send_window -= (uint32_t) taken;
  atomic_fetch_add_explicit (&strm->yamux->queued_bytes, taken, memory_order_relaxed);
  return taken;
}

static void
offer_and_drain (YamuxStream *strm)
{
  P2P_LOCKED (&strm->yamux->lock);
  yamux_offer_locked (strm);
  yamux_drain_locked (strm->yamux, false);
}

static P2pIo
yamux_try_writev (P2pStream *base, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  YamuxStream *strm = self_of (base);
  P2pIo io;
  size_t room;

  p2p_mutex_lock (&strm->lock);
  touch_locked (strm);
  g_assert (!strm->fin_wanted);
  io = strm->write_end;
  room = yamux_stream_room_locked (strm);
  if (io == P2P_IO_OK && room == 0)
    io = P2P_IO_AGAIN;
  if (io == P2P_IO_OK)
    {
      strm->quiet = false;
      *ret_n = queue_iov_locked (strm, iov, n_iov, room);
    }
  p2p_mutex_unlock (&strm->lock);

  if (io == P2P_IO_OK)
    offer_and_drain (strm);
  return io;
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
  yamux_stream_abort (self_of (base), P2P_IO_RESET);
}

/* The owner has gone, both sides being well so far: FIN, and the peer's awaited for a while. */
static void
linger_locked (P2pYamux *yamux, YamuxStream *strm)
{
  if (!strm->in_table)
    return;
  strm->in_lingers = true;
  strm->linger_until_us = p2p_deadline_ms (yamux->options.linger_ms);
  (void) yamux_stream_ref (strm); /* the list's */
  TAILQ_INSERT_TAIL (&yamux->lingers, strm, linger_link);
  yamux_offer_locked (strm);
}

static void
yamux_close (P2pStream *base)
{
  YamuxStream *strm = self_of (base);
  P2pYamux *yamux = strm->yamux;
  bool orderly;

  p2p_mutex_lock (&strm->lock);
  touch_locked (strm);
  memset (strm->waiters, 0, sizeof strm->waiters);
  orderly = strm->in_bytes == 0 && strm->write_end == P2P_IO_OK && !strm->quiet;
  strm->closed = true;
  strm->fin_wanted = true;
  drop_input_locked (strm);
  yamux_window_drop_locked (strm);
  p2p_mutex_unlock (&strm->lock);

  if (orderly)
    {
      p2p_mutex_lock (&yamux->lock);
      linger_locked (yamux, strm);
      yamux_drain_locked (yamux, false);
      p2p_mutex_unlock (&yamux->lock);
    }
  else
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
  if (strm->write_end != P2P_IO_OK && strm->in_bytes == 0)
    ready |= P2P_HANGUP | P2P_FAILED;
  if (strm->fin_wanted && strm->read_end == P2P_IO_EOF && strm->in_bytes == 0)
    ready |= P2P_HANGUP;
  return ready;
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
    }
  quiet = strm->quiet;
  p2p_mutex_unlock (&strm->lock);
  if (ready == 0 && quiet)
    end_quiet (strm);
  return ready;
}

/* A waiting thread takes back its own bell; the bell of a parked stream, alone here, is taken back by whoever has
 * the stream next. */
static void
yamux_disarm (P2pStream *base)
{
  YamuxStream *strm = self_of (base);

  P2P_LOCKED (&strm->lock);
  for (size_t i = 0; i < G_N_ELEMENTS (strm->waiters); i++)
    if (strm->waiters[i].bell && pthread_equal (strm->waiters[i].thread, pthread_self ()))
      {
        strm->waiters[i].bell = NULL;
        return;
      }
  memset (strm->waiters, 0, sizeof strm->waiters);
}

static unsigned
yamux_polled (P2pStream *base, unsigned want, short revents)
{
  (void) base;
  (void) want;
  (void) revents;
  return 0; /* there is no descriptor */
}

static const P2pStreamOps stream_ops = {
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
  .polled = yamux_polled,
};

/* All but the lock and the link of the list of spare structs begins anew. */
static void
begin (YamuxStream *strm, P2pYamux *yamux, uint32_t id, bool by_us)
{
  strm->base.ops = &stream_ops;
  strm->yamux = p2p_yamux_ref (yamux);
  atomic_store (&strm->refs, 1);
  strm->id = id;
  strm->by_us = by_us;
  strm->acked = !by_us;
  atomic_store (&strm->unseen, by_us);
  atomic_store (&strm->held_bytes, 0);
  atomic_store (&strm->still_us, p2p_now_us ());
  strm->tells = 0;
  memset (strm->waiters, 0, sizeof strm->waiters);
  strm->untouched = !by_us;
  strm->quiet = by_us;
  strm->closed = strm->fin_wanted = strm->fin_sent = false;
  strm->read_end = strm->write_end = P2P_IO_OK;
  strm->window = strm->window_size = strm->send_window = YAMUX_INITIAL_WINDOW;
  strm->ungranted = 0;
  strm->epoch_us = 0;
  strm->epoch_bytes = 0;
}

YamuxStream *
yamux_stream_new (P2pYamux *yamux, uint32_t id, bool by_us)
{
  YamuxStream *strm;

  p2p_mutex_lock (&yamux->spare_lock);
  strm = TAILQ_FIRST (&yamux->spares);
  if (strm)
    {
      TAILQ_REMOVE (&yamux->spares, strm, spare_link);
      yamux->n_spares--;
    }
  p2p_mutex_unlock (&yamux->spare_lock);
  if (!strm)
    {
      strm = g_new0 (YamuxStream, 1);
      p2p_mutex_init (&strm->lock, P2P_LOCK_YAMUX_STREAM);
    }
  begin (strm, yamux, id, by_us);
  return strm;
}

YamuxStream *
yamux_stream_ref (YamuxStream *strm)
{
  atomic_fetch_add_explicit (&strm->refs, 1, memory_order_relaxed);
  return strm;
}
void
yamux_stream_free_struct (YamuxStream *strm)
{
  p2p_mutex_done (&strm->lock);
  g_free (strm);
}

void
yamux_stream_unref (YamuxStream *strm)
{
  P2pYamux *yamux = strm->yamux;

  if (atomic_fetch_sub_explicit (&strm->refs, 1, memory_order_acq_rel) > 1)
    return;
  drop_input_locked (strm);
  drop_output_locked (strm);
  yamux_window_drop_locked (strm);

  p2p_mutex_lock (&yamux->spare_lock);
  if (yamux->n_spares < MAX_SPARES)
    {
      TAILQ_INSERT_HEAD (&yamux->spares, strm, spare_link);
      yamux->n_spares++;
      strm = NULL;
    }
  p2p_mutex_unlock (&yamux->spare_lock);
  if (strm)
    yamux_stream_free_struct (strm);
  p2p_yamux_unref (yamux);
}

bool
p2p_yamux_stream_unseen (P2pStream *strm)
{
  return atomic_load_explicit (&self_of (strm)->unseen, memory_order_relaxed);
}
