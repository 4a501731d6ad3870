/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The life of one stream of a Yamux session: made, referenced, ended from either side, and how much
 * it may queue. Any thread of the session or of the stream's owner; strm->lock guards the stream.
 */
#include "lib/yamux-priv.h"

#include <glib.h>

/* What one stream may leave in its queue, by how much the session has queued already: alone it may
 * run ahead by some frames; in a crowd everyone still gets a small frame in. */
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

      if (waiter->bell && ((waiter->want | P2P_HANGUP) & what)
          && !yamux_help_is_awake (strm->yamux, waiter->bell))
        waiter->bell->ring (waiter->bell);
    }
}

void
yamux_stream_drop_input_locked (YamuxStream *strm)
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
  yamux_stream_drop_input_locked (strm);
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

/* Whether the owner's reset goes behind what it has written, which the peer's window has room for:
 * an answer that was cut is heard as far as it goes. Nothing may wait for a SYN. */
bool
yamux_stream_reset_behind (YamuxStream *strm)
{
  P2pYamux *yamux = strm->yamux;
  bool behind;

  P2P_LOCKED (&yamux->lock);
  p2p_mutex_lock (&strm->lock);
  behind = strm->out_bytes > 0 && strm->write_end == P2P_IO_OK && !strm->fin_wanted
           && strm->in_table && !(strm->tells & YAMUX_TELL_SYN) && !yamux->over;
  if (behind)
    {
      strm->rst_wanted = true;
      strm->read_end = strm->write_end = P2P_IO_RESET;
      yamux_stream_drop_input_locked (strm);
      yamux_window_drop_locked (strm);
      yamux_stream_ring_locked (strm, P2P_READABLE | P2P_WRITABLE | P2P_HANGUP);
    }
  p2p_mutex_unlock (&strm->lock);
  if (behind)
    {
      yamux_offer_locked (strm);
      yamux_drain_locked (yamux, false);
    }
  return behind;
}

/* The peer has reset the stream. What it had said before may be read to its end, as long as it is
 * not much. */
void
yamux_stream_cut_locked (YamuxStream *strm)
{
  if (strm->in_bytes == 0 || strm->in_bytes > YAMUX_CUT_MAX || strm->closed)
    {
      yamux_stream_kill_locked (strm, P2P_IO_RESET);
      return;
    }
  strm->read_end = P2P_IO_RESET;
  if (strm->write_end == P2P_IO_OK)
    strm->write_end = P2P_IO_RESET;
  drop_output_locked (strm);
  yamux_stream_ring_locked (strm, P2P_READABLE | P2P_WRITABLE | P2P_HANGUP);
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

/* All but the lock and the link of the list of spare structs begins anew. */
static void
begin (YamuxStream *strm, P2pYamux *yamux, uint32_t id, bool by_us)
{
  strm->base.ops = &yamux_stream_ops;
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
  strm->closed = strm->fin_wanted = strm->fin_sent = strm->rst_wanted = false;
  strm->read_end = strm->write_end = P2P_IO_OK;
  strm->window = strm->window_size = strm->send_window = YAMUX_INITIAL_WINDOW;
  strm->outlet = NULL;
  strm->outlet_bytes = 0;
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
  yamux_stream_drop_input_locked (strm);
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
