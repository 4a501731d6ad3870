/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a Yamux session writes next: control frames first, then one frame of each stream that has
 * some, in order of arrival. Whoever holds the send turn composes, with yamux->lock held. */
#include "lib/yamux-priv.h"

#include <glib.h>

/* How long an ACK may wait for other bytes that go the same way. */
#define ACK_DELAY_US 1000

/* Frames up to this size are copied together; larger ones are written from where they are. */
#define SMALL_FRAME YAMUX_CHUNK_SMALL

void
yamux_tell_locked (YamuxStream *strm, unsigned tells)
{
  P2pYamux *yamux = strm->yamux;

  p2p_lock_assert_held (&yamux->lock);
  if (yamux->over)
    return;
  strm->tells |= tells;
  /* Answers come soon, and an ACK alone would cost a record, a system call and a wake-up at the
   * other end. */
  if (tells & ~(unsigned) YAMUX_TELL_ACK)
    yamux->hurry_us = 1;
  else if (yamux->hurry_us == 0)
    yamux->hurry_us = p2p_now_us () + ACK_DELAY_US;
  if (!strm->in_tells)
    {
      strm->in_tells = true;
      (void) yamux_stream_ref (strm); /* the list's */
      TAILQ_INSERT_TAIL (&yamux->tells, strm, tell_link);
    }
}

void
yamux_offer_locked (YamuxStream *strm)
{
  P2pYamux *yamux = strm->yamux;

  p2p_lock_assert_held (&yamux->lock);
  if (strm->in_sends || yamux->over)
    return;
  strm->in_sends = true;
  (void) yamux_stream_ref (strm); /* the list's */
  TAILQ_INSERT_TAIL (&yamux->sends, strm, send_link);
}

static bool
has_room (const YamuxBatch *batch, size_t n)
{
  return batch->n_staged + n <= YAMUX_RECORD_SIZE;
}

static void
put_header (YamuxBatch *batch, uint8_t type, unsigned flags, uint32_t id, uint32_t length)
{
  YamuxHeader header = { .type = type, .flags = (uint16_t) flags, .id = id, .length = length };

  yamux_header_encode (&header, batch->staging + batch->n_staged);
  batch->n_staged += YAMUX_HEADER_SIZE;
}

/* The window update of one stream, with the flags it has to tell. */
static void
put_tell (YamuxBatch *batch, YamuxStream *strm)
{
  unsigned flags = strm->tells & (YAMUX_SYN | YAMUX_ACK | YAMUX_RST);
  uint32_t grant = 0;

  strm->tells = 0;
  if (!strm->in_table)
    return; /* over meanwhile */
  if (flags & YAMUX_RST)
    {
      yamux_table_remove_locked (strm->yamux, strm);
      if (flags & YAMUX_SYN)
        return; /* cancelled before it was opened: nobody needs to know */
    }
  else
    {
      P2P_LOCKED (&strm->lock);
      grant = yamux_window_grant_locked (strm);
    }
  if (flags & YAMUX_SYN)
    atomic_store_explicit (&strm->unseen, false, memory_order_relaxed);
  if (flags & YAMUX_RST)
    atomic_fetch_add_explicit (&strm->yamux->n_resets, 1, memory_order_relaxed);
  if (flags != 0 || grant > 0)
    put_header (batch, YAMUX_WINDOW_UPDATE, flags, strm->id, grant);
}

/* Answers false when the record is full and there is more. */
static bool
put_tells (P2pYamux *yamux, YamuxBatch *batch)
{
  YamuxStream *strm;

  while ((strm = TAILQ_FIRST (&yamux->tells)))
    {
      if (!has_room (batch, YAMUX_HEADER_SIZE))
        return false;
      TAILQ_REMOVE (&yamux->tells, strm, tell_link);
      strm->in_tells = false;
      put_tell (batch, strm);
      yamux_stream_unref (strm);
    }
  return true;
}

static void
put_ping (P2pYamux *yamux, YamuxBatch *batch)
{
  int64_t now_us = p2p_now_us ();

  put_header (batch, YAMUX_PING, YAMUX_SYN, 0, ++yamux->ping_value);
  yamux->newest_us = now_us;
  if (yamux->oldest_us == 0)
    {
      yamux->oldest_us = now_us;
      yamux->oldest_value = yamux->ping_value;
    }
  if (!yamux_awaits_byte_locked (yamux)) /* else a byte has been awaited for longer */
    yamux->ping_unsent = true;
}

/* Room for what the session itself has to say is always there: it comes first. */
G_STATIC_ASSERT ((YAMUX_PONGS_MAX + YAMUX_REFUSALS_MAX + 2) * YAMUX_HEADER_SIZE
                 < YAMUX_RECORD_SIZE);

static bool
put_control (P2pYamux *yamux, YamuxBatch *batch)
{
  for (unsigned i = 0; i < yamux->n_pongs; i++)
    put_header (batch, YAMUX_PING, YAMUX_ACK, 0, yamux->pongs[i]);
  yamux->n_pongs = 0;
  if (yamux->tell_ping)
    put_ping (yamux, batch);
  yamux->tell_ping = false;
  for (unsigned i = 0; i < yamux->n_refusals; i++)
    put_header (batch, YAMUX_WINDOW_UPDATE, YAMUX_RST, yamux->refusals[i], 0);
  yamux->n_refusals = 0;
  if (yamux->tell_go_away)
    put_header (batch, YAMUX_GO_AWAY, 0, 0, yamux->go_away_code);
  yamux->tell_go_away = false;
  if (!put_tells (yamux, batch))
    return false;
  yamux->hurry_us = 0;
  return true;
}

typedef enum
{
  TAKEN,   /* the stream has had its turn */
  NOTHING, /* the stream has nothing to send any more */
  NO_ROOM, /* not in this batch */
} Take;

static Take
put_fin (YamuxBatch *batch, YamuxStream *strm)
{
  P2pYamux *yamux = strm->yamux;

  if (!strm->fin_wanted || strm->fin_sent || strm->write_end != P2P_IO_OK)
    return NOTHING;
  if (strm->read_end == P2P_IO_OK && !strm->closed && !yamux->options.peer_half_close)
    return NOTHING;
  /* The staged bytes go before the frames of the batch, among which may be the stream's last. */
  if (batch->n_frames > 0 || !has_room (batch, YAMUX_HEADER_SIZE))
    return NO_ROOM;
  strm->fin_sent = true;
  /* Never on a data frame: hashicorp's reader would see the end before the bytes. */
  put_header (batch, YAMUX_WINDOW_UPDATE, YAMUX_FIN, strm->id, 0);
  if (strm->read_end != P2P_IO_OK)
    yamux_table_remove_locked (yamux, strm);
  else if (strm->closed)
    yamux_table_linger_locked (strm);
  return NOTHING;
}

static Take
put_rst (YamuxBatch *batch, YamuxStream *strm)
{
  if (!strm->in_table)
    return NOTHING; /* the peer was quicker */
  if (batch->n_frames > 0 || !has_room (batch, YAMUX_HEADER_SIZE))
    return NO_ROOM; /* as with FIN */
  put_header (batch, YAMUX_WINDOW_UPDATE, YAMUX_RST, strm->id, 0);
  atomic_fetch_add_explicit (&strm->yamux->n_resets, 1, memory_order_relaxed);
  yamux_table_remove_locked (strm->yamux, strm);
  return NOTHING;
}

/* Answers false when there is no room for it. */
static bool
put_frame (YamuxBatch *batch, YamuxChunk *chunk)
{
  size_t n = chunk->end;

  if (batch->n_frames == 0 && n <= SMALL_FRAME && has_room (batch, n))
    {
      memcpy (batch->staging + batch->n_staged, chunk->data, n);
      batch->n_staged += n;
      return true;
    }
  if (batch->n_frames == batch->max_frames)
    return false;
  batch->frames[batch->n_frames++] = chunk;
  return true;
}

static Take
take_frame_locked (YamuxBatch *batch, YamuxStream *strm)
{
  YamuxChunk *chunk = strm->out.head;
  YamuxHeader header = { .type = YAMUX_DATA, .id = strm->id };

  if (!chunk)
    return strm->rst_wanted ? put_rst (batch, strm) : put_fin (batch, strm);
  header.length = chunk->end - YAMUX_HEADER_SIZE;
  yamux_header_encode (&header, chunk->data);
  if (!put_frame (batch, chunk))
    return NO_ROOM;
  (void) yamux_chunks_pop (&strm->out); /* it is chunk */
  if (batch->n_frames == 0)
    yamux_chunk_free (chunk); /* it was copied */
  strm->out_bytes -= header.length;
  atomic_fetch_sub_explicit (&strm->yamux->queued_bytes, header.length, memory_order_relaxed);
  if (yamux_stream_wants_more_locked (strm))
    yamux_stream_ring_locked (strm, P2P_WRITABLE);
  return TAKEN;
}

static void
put_data (P2pYamux *yamux, YamuxBatch *batch)
{
  YamuxStream *strm;

  while ((strm = TAILQ_FIRST (&yamux->sends)))
    {
      Take take;

      p2p_mutex_lock (&strm->lock);
      take = take_frame_locked (batch, strm);
      p2p_mutex_unlock (&strm->lock);
      if (take == NO_ROOM)
        return;
      TAILQ_REMOVE (&yamux->sends, strm, send_link);
      if (take == TAKEN)
        TAILQ_INSERT_TAIL (&yamux->sends, strm, send_link);
      else
        {
          strm->in_sends = false;
          yamux_stream_unref (strm);
        }
    }
}

static void
add_iov (YamuxBatch *batch, void *bytes, size_t n)
{
  batch->iov[batch->n_iov++] = (struct iovec){ bytes, n };
  batch->left += n;
}

bool
yamux_compose_locked (P2pYamux *yamux)
{
  YamuxBatch *batch = &yamux->batch;

  g_assert (batch->left == 0 && batch->n_frames == 0);
  batch->n_staged = 0;
  batch->first_iov = batch->n_iov = 0;
  if (put_control (yamux, batch))
    put_data (yamux, batch);
  if (batch->n_staged > 0)
    add_iov (batch, batch->staging, batch->n_staged);
  for (unsigned i = 0; i < batch->n_frames; i++)
    add_iov (batch, batch->frames[i]->data, batch->frames[i]->end);
  return batch->left > 0;
}

void
yamux_batch_advance (YamuxBatch *batch, size_t n)
{
  g_assert (n <= batch->left);
  batch->left -= n;
  while (n > 0)
    {
      struct iovec *iov = &batch->iov[batch->first_iov];
      size_t part = MIN (n, iov->iov_len);

      iov->iov_base = (char *) iov->iov_base + part;
      iov->iov_len -= part;
      n -= part;
      if (iov->iov_len == 0)
        batch->first_iov++;
    }
  if (batch->left == 0)
    yamux_batch_clear (batch);
}

void
yamux_batch_clear (YamuxBatch *batch)
{
  for (unsigned i = 0; i < batch->n_frames; i++)
    yamux_chunk_free (batch->frames[i]);
  batch->n_frames = 0;
  batch->left = 0;
}
