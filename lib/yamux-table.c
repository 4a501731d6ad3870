/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The open streams of a Yamux session by id, and how many of those we opened the peer has not
 * acknowledged; and beside it those that are over, but not for their readers. Every function is
 * called with yamux->lock held. Both hold a reference on each stream. */
#include "lib/yamux-priv.h"

#include <glib.h>

static YamuxBucket *
bucket (P2pYamux *yamux, uint32_t id)
{
  /* The lowest bit is the same for all streams of one opener. */
  return &yamux->table[(id >> 1) % YAMUX_BUCKETS];
}

YamuxStream *
yamux_table_find_locked (P2pYamux *yamux, uint32_t id)
{
  YamuxStream *strm;

  LIST_FOREACH (strm, bucket (yamux, id), by_id)
    if (strm->id == id)
      return strm;
  return NULL;
}

void
yamux_table_add_locked (P2pYamux *yamux, YamuxStream *strm)
{
  g_assert (!strm->in_table);
  strm->in_table = true;
  (void) yamux_stream_ref (strm); /* the list's */
  LIST_INSERT_HEAD (bucket (yamux, strm->id), strm, by_id);
  yamux->n_streams++;
  atomic_fetch_add_explicit (&yamux->window_bytes, YAMUX_INITIAL_WINDOW, memory_order_relaxed);
  if (strm->by_us)
    yamux->n_unacked++;
}

void
yamux_acked_locked (P2pYamux *yamux, YamuxStream *strm)
{
  if (strm->acked)
    return;
  strm->acked = true;
  yamux->n_unacked--;
  p2p_cond_signal (&yamux->may_open);
}

void
yamux_table_linger_locked (YamuxStream *strm)
{
  P2pYamux *yamux = strm->yamux;

  p2p_lock_assert_held (&yamux->lock);
  if (strm->in_lingers)
    return;
  strm->in_lingers = true;
  strm->linger_until_us = p2p_deadline_ms (yamux->options.linger_ms);
  (void) yamux_stream_ref (strm); /* the list's */
  TAILQ_INSERT_TAIL (&yamux->lingers, strm, linger_link);
}

void
yamux_table_remove_locked (P2pYamux *yamux, YamuxStream *strm)
{
  if (!strm->in_table)
    return;
  strm->in_table = false;
  LIST_REMOVE (strm, by_id);
  yamux->n_streams--;
  atomic_fetch_sub_explicit (&yamux->window_bytes, YAMUX_INITIAL_WINDOW, memory_order_relaxed);
  if (strm->in_lingers)
    {
      strm->in_lingers = false;
      TAILQ_REMOVE (&yamux->lingers, strm, linger_link);
      yamux_stream_unref (strm);
    }
  /* A stream that is cancelled before its ACK no longer waits for it. */
  yamux_acked_locked (yamux, strm);
  /* The reference goes with it. Nothing is delivered any more: it can only become less. */
  strm->in_rests = atomic_load_explicit (&strm->held_bytes, memory_order_relaxed) > 0;
  if (strm->in_rests)
    LIST_INSERT_HEAD (&yamux->rests, strm, rest_link);
  else
    yamux_stream_unref (strm);
}

void
yamux_table_forget_rest_locked (YamuxStream *strm)
{
  p2p_lock_assert_held (&strm->yamux->lock);
  if (!strm->in_rests)
    return;
  strm->in_rests = false;
  LIST_REMOVE (strm, rest_link);
  yamux_stream_unref (strm); /* the owner has another */
}
