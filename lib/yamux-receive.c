/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The receive half of a Yamux session: frames are judged and passed on as they arrive. Only the
 * reader thread comes here. It never waits for the send half: what a frame makes us say goes into
 * the bounded lists of yamux-send.c. */
#include "lib/yamux-priv.h"

#include <glib.h>

unsigned
yamux_resets_lately (P2pYamux *yamux)
{
  int64_t second = p2p_now_us () / G_USEC_PER_SEC;
  unsigned sum = 0;

  if (second - yamux->resets_second >= YAMUX_RESETS_SECONDS)
    memset (yamux->resets, 0, sizeof yamux->resets);
  else
    for (int64_t s = yamux->resets_second + 1; s <= second; s++)
      yamux->resets[s % YAMUX_RESETS_SECONDS] = 0;
  yamux->resets_second = second;
  for (unsigned i = 0; i < YAMUX_RESETS_SECONDS; i++)
    sum += yamux->resets[i];
  return sum;
}

/* One more of a stream that was never acknowledged; how many there were lately. */
static unsigned
count_reset (P2pYamux *yamux)
{
  unsigned before = yamux_resets_lately (yamux);

  yamux->resets[yamux->resets_second % YAMUX_RESETS_SECONDS]++;
  return before + 1;
}

static const char *
refuse (P2pYamux *yamux, uint32_t id)
{
  P2P_LOCKED (&yamux->lock);
  if (yamux->n_refusals == YAMUX_REFUSALS_MAX)
    return "the peer does not take our refusals of its streams";
  yamux->refusals[yamux->n_refusals++] = id;
  yamux->hurry_us = 1;
  if (yamux->n_refusals > YAMUX_REFUSALS_MAX / 2)
    yamux_drain_locked (yamux, true);
  atomic_fetch_add_explicit (&yamux->n_resets, 1, memory_order_relaxed);
  return count_reset (yamux) > YAMUX_RESETS_MAX
             ? "the peer opened too many streams that were refused"
             : NULL;
}

static bool
may_accept_locked (P2pYamux *yamux)
{
  return !yamux->going_away && yamux->n_streams < yamux->options.max_streams
         && atomic_load_explicit (&yamux->backlog, memory_order_relaxed)
                < yamux->options.accept_backlog;
}

/* A SYN: *ret_strm is the new stream, or NULL when it was refused. */
static const char *
receive_syn (P2pYamux *yamux, uint32_t id, YamuxStream **ret_strm)
{
  bool peer_is_client = yamux->options.role == P2P_YAMUX_SERVER;
  YamuxStream *strm = NULL;
  bool open_already;

  if (id == 0 || (id % 2 == 1) != peer_is_client)
    return "the peer opened a stream with an id that is not its to give";
  p2p_mutex_lock (&yamux->lock);
  open_already = yamux_table_find_locked (yamux, id) != NULL;
  if (!open_already && may_accept_locked (yamux))
    {
      strm = yamux_stream_new (yamux, id, false);
      atomic_fetch_add_explicit (&yamux->backlog, 1, memory_order_relaxed);
      yamux_table_add_locked (yamux, strm);
      yamux_tell_locked (strm, YAMUX_TELL_ACK);
      yamux_stream_ref (strm);
    }
  p2p_mutex_unlock (&yamux->lock);
  if (open_already)
    return "the peer opened a stream that is open";
  *ret_strm = strm;
  if (!strm)
    return refuse (yamux, id);
  yamux->options.accepted (yamux, &strm->base, yamux->options.data);
  return NULL;
}

/* Finds the stream of a frame; NULL: unknown. */
static YamuxStream *
find (P2pYamux *yamux, const YamuxHeader *header)
{
  YamuxStream *strm;

  P2P_LOCKED (&yamux->lock);
  strm = yamux_table_find_locked (yamux, header->id);
  if (!strm)
    return NULL;
  /* Whatever comes for it shows that the peer has seen it, but for a refusal. */
  if (!strm->acked && (!(header->flags & YAMUX_RST) || (header->flags & YAMUX_ACK)))
    {
      yamux_acked_locked (yamux, strm);
      yamux_opening_acked_locked (yamux);
    }
  return yamux_stream_ref (strm);
}

static const char *
receive_rst (P2pYamux *yamux, YamuxStream *strm)
{
  unsigned n_lately = 0;
  bool unseen;

  p2p_mutex_lock (&yamux->lock);
  unseen = !strm->acked;
  if (unseen)
    {
      n_lately = count_reset (yamux);
      yamux_opening_refused_locked (yamux, n_lately);
    }
  yamux_table_remove_locked (yamux, strm);
  p2p_mutex_unlock (&yamux->lock);
  atomic_store_explicit (&strm->unseen, unseen, memory_order_relaxed);
  atomic_fetch_add_explicit (&yamux->n_resets, 1, memory_order_relaxed);

  p2p_mutex_lock (&strm->lock);
  if (unseen)
    yamux_stream_kill_locked (strm, P2P_IO_REFUSED);
  else
    yamux_stream_cut_locked (strm);
  p2p_mutex_unlock (&strm->lock);
  return n_lately > YAMUX_RESETS_MAX ? "the peer reset too many streams unseen" : NULL;
}

static void
receive_fin (P2pYamux *yamux, YamuxStream *strm)
{
  bool over, answer;

  p2p_mutex_lock (&strm->lock);
  /* A second FIN says nothing new. */
  if (strm->read_end == P2P_IO_OK)
    {
      strm->read_end = P2P_IO_EOF;
      yamux_stream_ring_locked (strm, P2P_READABLE | (strm->fin_wanted ? P2P_HANGUP : 0));
    }
  over = strm->fin_sent;
  answer = strm->fin_wanted && !strm->fin_sent;
  p2p_mutex_unlock (&strm->lock);

  if (!over && !answer)
    return;
  P2P_LOCKED (&yamux->lock);
  if (over)
    {
      yamux_table_remove_locked (yamux, strm);
      return;
    }
  yamux_offer_locked (strm);
  yamux->hurry_us = 1;
}

static const char *
receive_window (YamuxStream *strm, const YamuxHeader *header)
{
  uint32_t grant = header->length;
  bool overflow;

  if (grant == 0)
    return NULL;
  /* What comes with the ACK is given before anybody reads. */
  if (!(header->flags & YAMUX_ACK))
    atomic_fetch_add_explicit (&strm->yamux->stream_bytes, grant, memory_order_relaxed);
  P2P_LOCKED (&strm->lock);
  overflow = grant > UINT32_MAX - strm->send_window;
  if (overflow)
    return "the peer gave a window beyond 2^32-1";
  strm->send_window += grant;
  if (yamux_stream_room_locked (strm) > 0)
    yamux_stream_ring_locked (strm, P2P_WRITABLE);
  return NULL;
}

/* The whole frame is charged when its header comes. */
static const char *
charge_window (YamuxStream *strm, uint32_t length)
{
  P2P_LOCKED (&strm->lock);
  if (length > strm->window)
    return "the peer sent data beyond the window";
  strm->window -= length;
  return NULL;
}

static void
push_locked (YamuxStream *strm, YamuxChunk *take_chunk)
{
  yamux_budget_hold_locked (strm, take_chunk->size);
  yamux_chunks_push (&strm->in, take_chunk);
}

static void
append_locked (YamuxStream *strm, P2pSpan bytes, size_t still_to_come)
{
  while (bytes.n > 0)
    {
      YamuxChunk *chunk = strm->in.tail;
      size_t n;

      if (!chunk || chunk->end == chunk->size)
        {
          chunk = yamux_chunk_new (bytes.n + still_to_come);
          push_locked (strm, chunk);
        }
      n = MIN (bytes.n, (size_t) (chunk->size - chunk->end));
      memcpy (chunk->data + chunk->end, bytes.p, n);
      chunk->end += (uint32_t) n;
      bytes.p += n;
      bytes.n -= n;
    }
}

/* A large piece in a chunk of its own, which is filled without the stream's lock: its reader is
 * probably at work. NULL: too small to waste the rest of a chunk on it. */
static YamuxChunk *
chunk_of (P2pSpan bytes)
{
  YamuxChunk *chunk;

  if (bytes.n < YAMUX_CHUNK_LARGE / 2 || bytes.n > YAMUX_CHUNK_LARGE)
    return NULL;
  chunk = yamux_chunk_new (bytes.n);
  memcpy (chunk->data, bytes.p, bytes.n);
  chunk->end = (uint32_t) bytes.n;
  return chunk;
}

static void
deliver_locked (YamuxStream *strm, P2pSpan bytes, YamuxChunk *take_chunk, size_t still_to_come)
{
  if (strm->in_bytes == 0)
    atomic_store_explicit (&strm->still_us, p2p_now_us (), memory_order_relaxed);
  strm->in_bytes += bytes.n;
  if (take_chunk)
    push_locked (strm, take_chunk);
  else
    append_locked (strm, bytes, still_to_come);
  yamux_stream_ring_locked (strm, P2P_READABLE);
}

/* Data behind the peer's own FIN: the stream is reset, but what came before the FIN may not have been
 * read yet and still may be. */
static void
refuse_behind_end (YamuxStream *strm)
{
  P2pYamux *yamux = strm->yamux;

  p2p_mutex_lock (&strm->lock);
  yamux_stream_lose_locked (strm);
  p2p_mutex_unlock (&strm->lock);

  P2P_LOCKED (&yamux->lock);
  if (!strm->in_table)
    return;
  yamux_tell_locked (strm, YAMUX_TELL_RST);
  yamux_drain_locked (yamux, true);
}

static void
grant (YamuxStream *strm)
{
  P2P_LOCKED (&strm->yamux->lock);
  if (strm->in_table)
    yamux_tell_locked (strm, YAMUX_TELL_WINDOW);
  yamux_drain_locked (strm->yamux, true);
}

/* Data for somebody who has gone, or after FIN, is answered by RST. */
static void
receive_data (P2pYamux *yamux, P2pSpan bytes)
{
  YamuxStream *strm = yamux->current;
  YamuxChunk *chunk;
  bool wanted, answer, gone, update = false;

  if (!strm)
    return;
  atomic_fetch_add_explicit (&yamux->stream_bytes, bytes.n, memory_order_relaxed);
  chunk = chunk_of (bytes);
  p2p_mutex_lock (&strm->lock);
  wanted = !strm->closed && strm->read_end == P2P_IO_OK;
  answer = !wanted && strm->write_end == P2P_IO_OK;
  gone = strm->closed;
  if (wanted)
    yamux_outlet_pass_locked (strm, &bytes, yamux->frames.payload_left, &update);
  if (wanted && bytes.n > 0)
    deliver_locked (strm, bytes, g_steal_pointer (&chunk), yamux->frames.payload_left);
  p2p_mutex_unlock (&strm->lock);

  yamux_chunk_free (chunk);
  if (answer && gone)
    yamux_stream_abort (strm, P2P_IO_RESET);
  else if (answer)
    refuse_behind_end (strm);
  else if (yamux->options.budget)
    yamux_budget_enforce (yamux->options.budget);
  if (update)
    grant (strm);
}

/* What the flags of a frame say once its payload is there. */
static void
end_frame (P2pYamux *yamux)
{
  YamuxStream *strm = yamux->current;

  yamux->current = NULL;
  if (!strm)
    return;
  if (yamux->current_head.flags & YAMUX_FIN)
    receive_fin (yamux, strm);
  yamux_stream_unref (strm);
}

static const char *
receive_stream_frame (P2pYamux *yamux, const YamuxHeader *header)
{
  YamuxStream *strm = NULL;
  const char *why = NULL;

  if (header->flags & YAMUX_SYN)
    why = receive_syn (yamux, header->id, &strm);
  else
    strm = find (yamux, header);
  if (why || !strm)
    return why;

  yamux->current = strm;
  yamux->current_head = *header;
  if (header->flags & YAMUX_RST)
    why = receive_rst (yamux, strm);
  else if (header->type == YAMUX_WINDOW_UPDATE)
    why = receive_window (strm, header);
  else
    why = charge_window (strm, header->length);
  if (!why && yamux->frames.payload_left == 0)
    end_frame (yamux);
  return why;
}

/* How long the answer to the oldest or the newest ping took; -1: it is another's. */
static int64_t
receive_pong_locked (P2pYamux *yamux, uint32_t value)
{
  uint32_t ahead = value - yamux->oldest_value;
  int64_t sent_us = value == yamux->oldest_value ? yamux->oldest_us : yamux->newest_us;

  if (yamux->oldest_us == 0 || ahead > yamux->ping_value - yamux->oldest_value)
    return -1;
  yamux->oldest_us = 0; /* what came before the one that is answered will have no answer */
  return ahead == 0 || value == yamux->ping_value ? p2p_now_us () - sent_us : -1;
}

static const char *
receive_ping (P2pYamux *yamux, const YamuxHeader *header)
{
  int64_t took_us = -1;

  p2p_mutex_lock (&yamux->lock);
  if (header->flags & YAMUX_SYN)
    {
      if (yamux->n_pongs == YAMUX_PONGS_MAX)
        {
          p2p_mutex_unlock (&yamux->lock);
          return "the peer sent too many pings without taking the answers";
        }
      yamux->pongs[yamux->n_pongs++] = header->length;
      yamux->hurry_us = 1;
      if (yamux->n_pongs > YAMUX_PONGS_MAX / 2)
        yamux_drain_locked (yamux, true);
    }
  else
    took_us = receive_pong_locked (yamux, header->length);
  p2p_mutex_unlock (&yamux->lock);
  if (took_us >= 0)
    yamux_window_note_round_trip (yamux, took_us);
  return NULL;
}

static const char *
receive_go_away (P2pYamux *yamux, uint32_t code)
{
  p2p_mutex_lock (&yamux->lock);
  yamux->peer_going_away = true;
  atomic_store_explicit (&yamux->leaving, true, memory_order_relaxed);
  p2p_cond_broadcast (&yamux->may_open);
  p2p_mutex_unlock (&yamux->lock);
  if (yamux->options.going_away)
    yamux->options.going_away (yamux, code, yamux->options.data);
  yamux->peer_ended = code != YAMUX_GO_AWAY_NORMAL;
  switch (code)
    {
    case YAMUX_GO_AWAY_NORMAL:
      return NULL;
    case YAMUX_GO_AWAY_PROTO:
      return "the peer ended the session: protocol error";
    case YAMUX_GO_AWAY_INTERNAL:
      return "the peer ended the session: internal error";
    default:
      return "the peer ended the session";
    }
}

static const char *
receive_header (P2pYamux *yamux, const YamuxHeader *header)
{
  const char *why = yamux_header_fault (header);

  if (why)
    return why;
  switch (header->type)
    {
    case YAMUX_PING:
      return receive_ping (yamux, header);
    case YAMUX_GO_AWAY:
      return receive_go_away (yamux, header->length);
    default:
      return receive_stream_frame (yamux, header);
    }
}

const char *
yamux_receive (P2pYamux *yamux, P2pSpan bytes)
{
  const char *why = NULL;
  YamuxHeader header;
  P2pSpan payload;

  while (!why)
    switch (yamux_frame_next (&yamux->frames, &bytes, &header, &payload))
      {
      case YAMUX_PIECE_NONE:
        return NULL;
      case YAMUX_PIECE_HEADER:
        why = receive_header (yamux, &header);
        break;
      case YAMUX_PIECE_PAYLOAD:
        receive_data (yamux, payload);
        if (yamux->frames.payload_left == 0)
          end_frame (yamux);
        break;
      }
  return why;
}
