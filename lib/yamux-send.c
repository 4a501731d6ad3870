/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The send turn of a Yamux session: whoever has something to send and finds the turn free writes,
 * with P2P_TRY, what yamux-compose.c gives; what the transport does not take the reader thread
 * writes later. yamux->lock is let go while the transport is written, which only the holder of the
 * turn (yamux->sending) does.
 *
 * What the kernel may hold unsent is a quarter of a second's worth of what the path was measured to
 * take: control frames stand behind all of it. */
#include "lib/yamux-priv.h"

#include "lib/pool.h"

#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

/* What one thread writes before it leaves the rest to the reader (and the reader before it reads
 * again): a sender is not held up for long by what others have queued. */
#define DRAIN_MAX (256 << 10)

/* Of the kernel, whatever the rate is; the largest until one was measured. */
#define UNSENT_MIN YAMUX_RECORD_SIZE
#define UNSENT_MAX (128 << 10)
#define UNSENT_PARTS 4 /* of a second */

/* What is enough for a measurement. */
#define PACE_BYTES (256 << 10)
#define PACE_US (G_USEC_PER_SEC / 5)

void
yamux_limit_unsent (P2pYamux *yamux, uint64_t rate)
{
  uint64_t wanted = rate / UNSENT_PARTS;
  int max = (int) CLAMP (wanted, (uint64_t) UNSENT_MIN, (uint64_t) UNSENT_MAX);

  if (max == yamux->pace.unsent_max)
    return;
  yamux->pace.unsent_max = max;
  /* A batch stands there as well. */
  yamux->batch.max_frames = max < UNSENT_MAX ? 1 : YAMUX_BATCH_FRAMES;
  /* Unix sockets, of tests, know no such limit. */
  (void) setsockopt (p2p_stream_fd (yamux->transport), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &max,
                     sizeof max);
}

/* The transport took n bytes in this turn. Only while it had to be waited for, that says something
 * of the path. */
static void
keep_pace_locked (P2pYamux *yamux, bool blocks, size_t n)
{
  YamuxPace *pace = &yamux->pace;
  int64_t now_us;

  if (!yamux->blocked && !blocks)
    return;
  now_us = p2p_now_us ();
  if (yamux->blocked)
    {
      pace->bytes += n;
      pace->took_us += now_us - pace->since_us;
    }
  pace->since_us = now_us;
  if (pace->took_us < PACE_US && pace->bytes < PACE_BYTES)
    return;
  yamux_limit_unsent (yamux, pace->bytes * G_USEC_PER_SEC / (uint64_t) MAX (pace->took_us, 1));
  pace->bytes = 0;
  pace->took_us = 0;
}

/* The batch is written; before_us: when that last write began, in which this thread may have been
 * held up, so that the answer has come already. The reader has something new to watch. */
static void
note_ping_sent_locked (P2pYamux *yamux, int64_t before_us)
{
  yamux->ping_unsent = false;
  yamux->awaits_since_us = before_us;
  if (yamux_awaits_byte_locked (yamux))
    yamux->awaits_since_us = p2p_now_us ();
  yamux_doorbell_ring (&yamux->doorbell);
}

/* One step under the send turn. P2P_IO_EOF: there is nothing more to write. */
static P2pIo
write_some_locked (P2pYamux *yamux, size_t *ret_n)
{
  YamuxBatch *batch = &yamux->batch;
  int64_t before_us;
  P2pIo io;

  *ret_n = 0;
  if (batch->left == 0 && !yamux_compose_locked (yamux))
    {
      if (!yamux->unflushed)
        return P2P_IO_EOF;
      p2p_mutex_unlock (&yamux->lock);
      io = p2p_stream_flush (yamux->transport, P2P_TRY);
      p2p_mutex_lock (&yamux->lock);
      if (io == P2P_IO_OK)
        yamux->unflushed = false;
      return io;
    }
  before_us = yamux->ping_unsent ? p2p_now_us () : 0;
  p2p_mutex_unlock (&yamux->lock);
  io = p2p_stream_writev (yamux->transport, &batch->iov[batch->first_iov],
                          (int) (batch->n_iov - batch->first_iov), ret_n, P2P_TRY);
  if (io == P2P_IO_OK)
    {
      yamux_batch_advance (batch, *ret_n);
      atomic_fetch_add_explicit (&yamux->bytes_out, *ret_n, memory_order_relaxed);
    }
  p2p_mutex_lock (&yamux->lock);
  if (yamux->ping_unsent && batch->left == 0)
    note_ping_sent_locked (yamux, before_us);
  yamux->unflushed = true;
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
      io = yamux->over ? P2P_IO_EOF : write_some_locked (yamux, &n);
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
  keep_pace_locked (yamux, io == P2P_IO_AGAIN, written);
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

static void
drain_later_cb (void *data)
{
  P2pYamux *yamux = data;

  yamux_drain (yamux);
  p2p_yamux_unref (yamux);
}

/* What several tasks have to say goes out in one record and one call. */
void
yamux_drain_soon_locked (P2pYamux *yamux)
{
  bool known;

  if (!p2p_pool_later (drain_later_cb, yamux, &known))
    yamux_drain_locked (yamux, false);
  else if (!known)
    p2p_yamux_ref (yamux);
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
  YamuxBatch *batch = &yamux->batch;
  P2pIo io = yamux->send_end;

  yamux_header_encode (&header, bytes);
  if (io == P2P_IO_OK && batch->left > 0)
    io = p2p_stream_write_all (yamux->transport, &batch->iov[batch->first_iov],
                               (int) (batch->n_iov - batch->first_iov), NULL, deadline_us);
  /* The session is over whether the peer gets this or not. */
  if (io == P2P_IO_OK)
    (void) p2p_stream_write_all (yamux->transport, &(struct iovec){ bytes, sizeof bytes }, 1, NULL,
                                 deadline_us);
}
