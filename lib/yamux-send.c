/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The send half of a Yamux session: what is written next, and the send turn. Control frames go first, then one
 * frame of each stream that has some, in order of arrival. yamux->lock guards the lists; it is let go while the
 * transport is written, which only the holder of the send turn (yamux->sending) does, with P2P_TRY. */
#include "lib/yamux-priv.h"

#include <glib.h>

/* What one thread writes before it leaves the rest to the reader (and the reader before it reads again): a
 * sender is not held up for long by what others have queued. */
#define DRAIN_MAX (256 << 10)

/* Frames up to this size are put together in one record. */
#define SMALL_FRAME YAMUX_CHUNK_SMALL

/* How long an ACK may wait for other bytes that go the same way. */
#define ACK_DELAY_US 1000

void
yamux_tell_locked (YamuxStream *strm, unsigned tells)
{
  P2pYamux *yamux = strm->yamux;

  p2p_lock_assert_held (&yamux->lock);
  if (yamux->over)
    return;
  strm->tells |= tells;
  /* Answers come soon, and an ACK alone would cost a record, a system call and a wake-up at the other end. */
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

bool
yamux_has_control_locked (P2pYamux *yamux)
{
  return !TAILQ_EMPTY (&yamux->tells) || yamux->n_pongs > 0 || yamux->n_refusals > 0
         || yamux->tell_ping || yamux->tell_go_away;
}

/* A record being put together. */
typedef struct
{
  unsigned char *bytes; /* (borrowed: yamux->staging) */
  size_t n;
} Record;

static bool
record_has_room (const Record *record, size_t n)
{
  return record->n + n <= YAMUX_RECORD_SIZE;
}

static void
put_header (Record *record, uint8_t type, unsigned flags, uint32_t id, uint32_t length)
{
  YamuxHeader header = { .type = type, .flags = (uint16_t) flags, .id = id, .length = length };

  yamux_header_encode (&header, record->bytes + record->n);
  record->n += YAMUX_HEADER_SIZE;
}

/* The window update of one stream, with the flags it has to tell. */
static void
put_tell (Record *record, YamuxStream *strm)
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
    put_header (record, YAMUX_WINDOW_UPDATE, flags, strm->id, grant);
}

/* Answers false when the record is full and there is more. */
static bool
put_tells (P2pYamux *yamux, Record *record)
{
  YamuxStream *strm;

  while ((strm = TAILQ_FIRST (&yamux->tells)))
    {
      if (!record_has_room (record, YAMUX_HEADER_SIZE))
        return false;
      TAILQ_REMOVE (&yamux->tells, strm, tell_link);
      strm->in_tells = false;
      put_tell (record, strm);
      yamux_stream_unref (strm);
    }
  return true;
}

/* Room for what the session itself has to say is always there: it comes first. */
G_STATIC_ASSERT ((YAMUX_PONGS_MAX + YAMUX_REFUSALS_MAX + 2) * YAMUX_HEADER_SIZE
                 < YAMUX_RECORD_SIZE);

static bool
put_control (P2pYamux *yamux, Record *record)
{
  for (unsigned i = 0; i < yamux->n_pongs; i++)
    put_header (record, YAMUX_PING, YAMUX_ACK, 0, yamux->pongs[i]);
  yamux->n_pongs = 0;
  if (yamux->tell_ping)
    {
      put_header (record, YAMUX_PING, YAMUX_SYN, 0, ++yamux->ping_value);
      yamux->ping_sent_us = p2p_now_us ();
      yamux->tell_ping = false;
    }
  for (unsigned i = 0; i < yamux->n_refusals; i++)
    put_header (record, YAMUX_WINDOW_UPDATE, YAMUX_RST, yamux->refusals[i], 0);
  yamux->n_refusals = 0;
  if (yamux->tell_go_away)
    put_header (record, YAMUX_GO_AWAY, 0, 0, yamux->go_away_code);
  yamux->tell_go_away = false;
  if (!put_tells (yamux, record))
    return false;
  yamux->hurry_us = 0;
  return true;
}

typedef enum
{
  TAKEN,   /* in the record, or in yamux->out_chunk; the stream has had its turn */
  NOTHING, /* the stream has nothing to send any more */
  NO_ROOM, /* not in this record */
} Take;

static Take
put_fin (Record *record, YamuxStream *strm)
{
  P2pYamux *yamux = strm->yamux;

  if (!strm->fin_wanted || strm->fin_sent || strm->write_end != P2P_IO_OK)
    return NOTHING;
  if (strm->read_end == P2P_IO_OK && !strm->closed && !yamux->options.peer_half_close)
    return NOTHING;
  if (!record_has_room (record, YAMUX_HEADER_SIZE))
    return NO_ROOM;
  strm->fin_sent = true;
  /* Never on a data frame: hashicorp's reader would see the end before the bytes. */
  put_header (record, YAMUX_WINDOW_UPDATE, YAMUX_FIN, strm->id, 0);
  if (strm->read_end != P2P_IO_OK)
    yamux_table_remove_locked (yamux, strm);
  return NOTHING;
}

static Take
take_frame_locked (Record *record, YamuxStream *strm)
{
  P2pYamux *yamux = strm->yamux;
  YamuxChunk *chunk = strm->out.head;
  YamuxHeader header = { .type = YAMUX_DATA, .id = strm->id };
  size_t n;

  if (!chunk)
    return put_fin (record, strm);
  n = chunk->end;
  if (record->n > 0 && (n > SMALL_FRAME || !record_has_room (record, n)))
    return NO_ROOM;

  (void) yamux_chunks_pop (&strm->out); /* it is chunk */
  header.length = (uint32_t) (n - YAMUX_HEADER_SIZE);
  yamux_header_encode (&header, chunk->data);
  strm->out_bytes -= header.length;
  atomic_fetch_sub_explicit (&yamux->queued_bytes, header.length, memory_order_relaxed);
  if (n > SMALL_FRAME)
    yamux->out_chunk = chunk;
  else
    {
      memcpy (record->bytes + record->n, chunk->data, n);
      record->n += n;
      yamux_chunk_free (chunk);
    }
  if (yamux_stream_room_locked (strm) > 0)
    yamux_stream_ring_locked (strm, P2P_WRITABLE);
  return TAKEN;
}

static void
put_data (P2pYamux *yamux, Record *record)
{
  YamuxStream *strm;

  while (!yamux->out_chunk && (strm = TAILQ_FIRST (&yamux->sends)))
    {
      Take take;

      p2p_mutex_lock (&strm->lock);
      take = take_frame_locked (record, strm);
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

/* What is written next goes to yamux->out; false: there is nothing. */
static bool
compose_locked (P2pYamux *yamux)
{
  Record record = { yamux->staging, 0 };

  if (put_control (yamux, &record))
    put_data (yamux, &record);
  yamux->out = yamux->out_chunk ? yamux->out_chunk->data : record.bytes;
  yamux->out_n = yamux->out_chunk ? yamux->out_chunk->end : record.n;
  return yamux->out_n > 0;
}

static void
wrote_locked (P2pYamux *yamux, size_t n)
{
  yamux->out += n;
  yamux->out_n -= n;
  yamux->unflushed = true;
  atomic_fetch_add_explicit (&yamux->bytes_out, n, memory_order_relaxed);
  if (yamux->out_n > 0)
    return;
  yamux_chunk_free (yamux->out_chunk);
  yamux->out_chunk = NULL;
}

/* One step under the send turn. P2P_IO_EOF: there is nothing more to write. */
static P2pIo
write_some_locked (P2pYamux *yamux, int64_t deadline_us, size_t *ret_n)
{
  P2pIo io;

  *ret_n = 0;
  if (yamux->out_n == 0 && !compose_locked (yamux))
    {
      if (!yamux->unflushed)
        return P2P_IO_EOF;
      p2p_mutex_unlock (&yamux->lock);
      io = p2p_stream_flush (yamux->transport, deadline_us);
      p2p_mutex_lock (&yamux->lock);
      if (io == P2P_IO_OK)
        yamux->unflushed = false;
      return io;
    }
  p2p_mutex_unlock (&yamux->lock);
  io = p2p_stream_writev (yamux->transport,
                          &(struct iovec){ (void *) yamux->out, yamux->out_n }, 1, ret_n,
                          deadline_us);
  p2p_mutex_lock (&yamux->lock);
  if (io == P2P_IO_OK)
    wrote_locked (yamux, *ret_n);
  return io;
}

/* Answers P2P_IO_EOF when all is written, P2P_IO_AGAIN when the reader has to go on. */
static P2pIo
drain_turn_locked (P2pYamux *yamux)
{
  size_t written = 0, n;
  bool took_any = false;
  P2pIo io;

  for (;;)
    {
      io = yamux->over ? P2P_IO_EOF : write_some_locked (yamux, P2P_TRY, &n);
      if (io != P2P_IO_OK)
        break;
      took_any = true;
      written += n;
      if (written < DRAIN_MAX)
        continue;
      io = P2P_IO_AGAIN;
      break;
    }
  if (took_any || !yamux->blocked)
    yamux->took_us = p2p_now_us ();
  return io;
}

void
yamux_drain_locked (P2pYamux *yamux, bool is_reader)
{
  P2pIo io;

  p2p_lock_assert_held (&yamux->lock);
  if (yamux->sending || yamux->over || yamux->send_end != P2P_IO_OK)
    return;
  if (yamux->blocked && !is_reader)
    return; /* the reader waits for the transport already */

  yamux->sending = true;
  io = drain_turn_locked (yamux);
  yamux->sending = false;

  if (io != P2P_IO_EOF && io != P2P_IO_AGAIN)
    yamux->send_end = io;
  yamux->blocked = io == P2P_IO_AGAIN;
  if (yamux->over)
    p2p_cond_signal (&yamux->turn_free);
  if (io != P2P_IO_EOF && !is_reader)
    yamux_doorbell_ring (&yamux->doorbell);
}

void
yamux_drain (P2pYamux *yamux)
{
  P2P_LOCKED (&yamux->lock);
  yamux_drain_locked (yamux, false);
}

void
yamux_send_last (P2pYamux *yamux, uint32_t go_away_code, int64_t deadline_us)
{
  YamuxHeader header = { .type = YAMUX_GO_AWAY, .length = go_away_code };
  unsigned char bytes[YAMUX_HEADER_SIZE];
  struct iovec iov[2] = { { (void *) yamux->out, yamux->out_n }, { bytes, sizeof bytes } };

  if (yamux->send_end != P2P_IO_OK)
    return;
  yamux_header_encode (&header, bytes);
  /* The session is over whether the peer gets this or not. */
  if (yamux->out_n > 0)
    (void) p2p_stream_write_all (yamux->transport, iov, 2, NULL, deadline_us);
  else
    (void) p2p_stream_write_all (yamux->transport, iov + 1, 1, NULL, deadline_us);
}
