/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Relay: two ways, each with one borrowed buffer, moved in turns by the worker that has the relay;
 * it belongs to one worker or to the pool at any time, so it has no lock. It frees itself when it
 * ends. */
#include "lib/relay.h"

#include "lib/buffer.h"
#include "lib/stream-tcp.h"

#include <glib.h>
#include <string.h>

/* Without a byte for so long it parks, and at once when so many others wait on their workers
 * already: a few threads that sleep are quicker than parking, more of them would be a thread for
 * each connection as soon as all have something to say. */
#define PARK_AFTER_US 200000
#define PATIENT_MAX 2

/* How long the rest of what one side sends is thrown away after the other stopped taking it and has
 * said all: closing at once would abort the stream and could destroy an answer that is still on its
 * way. */
#define LINGER_US 2000000

/* When its pool ends it may end what it is about: until it was silent for so long, on its worker,
 * since nothing parks any more. Beyond so many relays they end at once. */
#define STAY_US 2000000
#define STAYING_MAX 256

typedef struct
{
  P2pStream *from; /* (borrowed: relay) */
  P2pStream *to;   /* (borrowed: relay) */
  char *buf;       /* (owned) (nullable: no bytes) */
  bool early;      /* buf holds more early bytes than a buffer does, and is none */
  size_t start, end;
  bool drained;  /* `from`, a socket, had less than a buffer holds: it is asked again after the next
                    wait */
  bool held;     /* `to` took bytes and has not sent them on */
  bool eof;      /* `from` has ended */
  bool shut;     /* ... and `to` was told */
  bool broken;   /* `to` takes nothing more: what comes is thrown away */
  bool lent;     /* `from` writes to `to` itself; only while the relay rests */
  int64_t stalled_since_us; /* bytes wait for `to`; 0: none do */
  uint64_t n_bytes;
} Way;

typedef struct
{
  P2pParked parked;
  P2pRelayOptions options;
  P2pStream *strms[2]; /* (owned) a, b */
  Way ways[2];         /* from a, from b */
  bool hung[2];        /* found hung up, and nothing can be done about it now */
  bool stays;          /* while the pool ends, see STAY_US */
  int64_t last_byte_us;
  int64_t watch_at_us;     /* P2P_FOREVER: done */
  int64_t linger_until_us; /* 0: not lingering */
} Relay;

/* Relays that sleep on a worker until one of their peers says something. */
static atomic_uint n_patient;

static atomic_uint n_staying;

static bool
way_waits_for_to (const Way *way)
{
  return !way->broken && (way->start < way->end || way->held || (way->eof && !way->shut));
}

static bool
way_is_over (const Way *way)
{
  return way->broken ? way->eof : way->shut;
}

static void
way_give_buffer (Way *way)
{
  if (way->early)
    g_clear_pointer (&way->buf, g_free);
  else
    p2p_buffer_give (g_steal_pointer (&way->buf));
  way->early = false;
  way->start = way->end = 0;
}

static void
way_break (Way *way)
{
  way->broken = true;
  way->held = false;
  way_give_buffer (way);
}

/* Passes on what there is. True when nothing is left that waits for `to`. */
static bool
way_drain (Way *way, bool *moved)
{
  P2pIo io = P2P_IO_OK;

  while (io == P2P_IO_OK && way->start < way->end)
    {
      struct iovec iov = { way->buf + way->start, way->end - way->start };
      size_t n = 0;

      io = p2p_stream_writev (way->to, &iov, 1, &n, P2P_TRY);
      if (io != P2P_IO_OK)
        break;
      way->start += n;
      way->n_bytes += n;
      way->held = true; /* until flushed */
      *moved = true;
    }
  if (way->start == way->end)
    way_give_buffer (way);
  if (io == P2P_IO_OK && way->held)
    {
      io = p2p_stream_flush (way->to, P2P_TRY);
      way->held = io == P2P_IO_AGAIN;
    }
  if (io != P2P_IO_OK && io != P2P_IO_AGAIN)
    way_break (way);
  return io == P2P_IO_OK;
}

/* One read of at most a buffer, so that the other way gets its turn. */
static P2pIo
way_fill (Way *way)
{
  P2pIo io;

  way->buf = p2p_buffer_take ();
  way->start = way->end = 0;
  io = p2p_stream_read (way->from, way->buf, P2P_PASS_SIZE, &way->end, P2P_TRY);
  if (io == P2P_IO_OK)
    way->drained = way->end < P2P_PASS_SIZE && p2p_stream_fd (way->from) >= 0
                   && p2p_stream_pending (way->from) == 0;
  if (io != P2P_IO_OK || way->broken)
    way_give_buffer (way);
  return io;
}

/* AGAIN, or how `from` has failed, and with it the relay. */
static P2pIo
way_move (Way *way, bool *moved)
{
  P2pIo io = P2P_IO_AGAIN;

  if (!way->broken && !way_drain (way, moved))
    return P2P_IO_AGAIN;
  if (!way->eof && !way->drained)
    {
      io = way_fill (way);
      if (io == P2P_IO_OK)
        {
          *moved = true;
          if (!way->broken)
            (void) way_drain (way, moved); /* what stays is asked for by the wait */
        }
      else if (io == P2P_IO_EOF)
        way->eof = *moved = true;
      else if (io != P2P_IO_AGAIN)
        return io;
    }
  if (way->eof && !way->shut && !way->broken)
    {
      io = p2p_stream_shutdown (way->to, P2P_TRY);
      way->shut = io == P2P_IO_OK;
      if (way->shut)
        *moved = true;
      else if (io != P2P_IO_AGAIN)
        way_break (way);
    }
  return P2P_IO_AGAIN;
}

static void
relay_end (Relay *relay, P2pIo end)
{
  P2pRelayResult result = { .a_to_b_bytes = relay->ways[0].n_bytes,
                            .b_to_a_bytes = relay->ways[1].n_bytes,
                            .end = end };

  if (relay->options.pool)
    p2p_parked_done (&relay->parked);
  if (relay->stays)
    atomic_fetch_sub_explicit (&n_staying, 1, memory_order_relaxed);
  for (unsigned i = 0; i < 2; i++)
    {
      Way *way = &relay->ways[i];

      way_give_buffer (way);
      /* Who was not told an orderly end must learn that what it got may not be all. */
      if (!way->shut && !way->broken && (end == P2P_IO_RESET || way->stalled_since_us))
        p2p_stream_reset (way->to);
    }
  for (unsigned i = 0; i < 2; i++)
    p2p_stream_close (relay->strms[i]);
  if (relay->options.done)
    relay->options.done (&result, relay->options.data);
  g_free (relay);
}

/* Moves both ways as far as they go. AGAIN: it goes on later; else how it ended. */
static P2pIo
relay_move (Relay *relay, int64_t now_us, bool *moved)
{
  for (unsigned i = 0; i < 2; i++)
    {
      Way *way = &relay->ways[i];
      bool way_moved = false;
      P2pIo io = way_move (way, &way_moved);

      *moved |= way_moved;
      if (io != P2P_IO_AGAIN)
        return io;
      if (!way_waits_for_to (way))
        way->stalled_since_us = 0;
      else if (!way->stalled_since_us || way_moved)
        way->stalled_since_us = now_us;
    }
  if (way_is_over (&relay->ways[0]) && way_is_over (&relay->ways[1]))
    return relay->ways[0].broken || relay->ways[1].broken ? P2P_IO_RESET : P2P_IO_EOF;
  return P2P_IO_AGAIN;
}

static void
relay_wants (Relay *relay, P2pWait items[2])
{
  for (unsigned i = 0; i < 2; i++)
    {
      const Way *from_here = &relay->ways[i], *to_here = &relay->ways[1 - i];
      unsigned want = 0;

      if (!from_here->eof && (from_here->broken || !way_waits_for_to (from_here)))
        want |= P2P_READABLE;
      if (way_waits_for_to (to_here))
        want |= P2P_WRITABLE;
      items[i] = (P2pWait){ .strm = relay->hung[i] ? NULL : relay->strms[i], .want = want };
    }
}

/* After a wait: who has said nothing need not be asked again. */
static void
relay_note_bytes (Relay *relay, const P2pWait items[2])
{
  for (unsigned i = 0; i < 2; i++)
    if (items[i].ready & (P2P_READABLE | P2P_HANGUP))
      relay->ways[i].drained = false;
}

/* After it was parked. */
static void
relay_note_watched (Relay *relay)
{
  for (unsigned i = 0; i < 2; i++)
    if (!p2p_stream_seems_quiet (relay->strms[i]))
      relay->ways[i].drained = false;
}

/* After a wait, before the ways are moved. False: a stream is gone that something is still owed to,
 * or that owes. */
static bool
relay_note_hangups (Relay *relay, const P2pWait items[2])
{
  for (unsigned i = 0; i < 2; i++)
    {
      const Way *to_here = &relay->ways[1 - i];

      if (!items[i].strm)
        continue; /* known already */
      relay->hung[i] = (items[i].ready & P2P_HANGUP) != 0;
      if (i == 0 && relay->options.a_aborts && (items[i].ready & P2P_FAILED))
        return false;
      if (relay->hung[i] && relay->ways[i].eof && !to_here->shut && !to_here->broken)
        return false;
      /* All was said to it, it is gone, and what it sent is stuck. */
      if (items[i].ready & P2P_FAILED && to_here->shut && !relay->ways[i].eof
          && !(items[i].want & P2P_READABLE))
        return false;
    }
  return true;
}

/* One way is over because the other end takes nothing more, and the other is over as well: not for
 * long. */
static bool
relay_lingers (Relay *relay, int64_t now_us)
{
  bool lingers = (relay->ways[0].broken && way_is_over (&relay->ways[1]))
                 || (relay->ways[1].broken && way_is_over (&relay->ways[0]));

  if (lingers && !relay->linger_until_us)
    relay->linger_until_us = now_us + LINGER_US;
  return lingers;
}

/* Who vanishes without a word, a machine that lost its power, a NAT that forgot: found after some
 * three minutes. */
static void
relay_watch_peers (Relay *relay)
{
  relay->watch_at_us = P2P_FOREVER;
  for (unsigned i = 0; i < 2; i++)
    if (p2p_stream_fd (relay->strms[i]) >= 0)
      p2p_stream_tcp_watch_peer (p2p_stream_fd (relay->strms[i]));
}

static int64_t
after_ms (int64_t since_us, int64_t ms)
{
  return ms > 0 ? since_us + ms * 1000 : P2P_FOREVER;
}

/* When it ends if nothing moves. */
static int64_t
relay_deadline (Relay *relay, int64_t now_us)
{
  int64_t deadline_us = after_ms (relay->last_byte_us, relay->options.idle_ms);

  for (unsigned i = 0; i < (relay->options.a_may_stall ? 1 : 2); i++)
    if (relay->ways[i].stalled_since_us)
      deadline_us = MIN (deadline_us, after_ms (relay->ways[i].stalled_since_us,
                                                relay->options.write_stall_ms));
  if (relay_lingers (relay, now_us))
    deadline_us = MIN (deadline_us, relay->linger_until_us);
  return deadline_us;
}

/* Whether it may wait on its worker, until *ret_until_us. */
static bool
relay_takes_patience (Relay *relay, int64_t now_us, int64_t *ret_until_us)
{
  *ret_until_us = relay->last_byte_us + PARK_AFTER_US;
  if (!relay->options.pool)
    *ret_until_us = P2P_FOREVER;
  else if (relay->stays)
    *ret_until_us = now_us + PARK_AFTER_US; /* then it looks whether it is to stop */
  else if (now_us >= *ret_until_us)
    return false;
  if (atomic_fetch_add_explicit (&n_patient, 1, memory_order_relaxed) < PATIENT_MAX
      || !relay->options.pool || relay->stays)
    return true;
  atomic_fetch_sub_explicit (&n_patient, 1, memory_order_relaxed);
  return false;
}

/* OK: something is ready. AGAIN: nothing is, to be tried again. TIMEOUT: nothing is, time to park.
 */
static P2pIo
relay_wait (Relay *relay, P2pWait items[2], int64_t now_us, int64_t deadline_us, bool has_moved)
{
  int64_t until_us;
  P2pIo io;

  if (!relay_takes_patience (relay, now_us, &until_us))
    /* Asked even before parking: a hang-up about which nothing can be done must not wake it over
     * and over. What has just moved bytes was not woken by one. */
    return !has_moved && p2p_stream_wait (items, 2, P2P_TRY) == P2P_IO_OK ? P2P_IO_OK
                                                                          : P2P_IO_TIMEOUT;
  io = p2p_stream_wait (items, 2, MIN (until_us, deadline_us));
  atomic_fetch_sub_explicit (&n_patient, 1, memory_order_relaxed);
  return io == P2P_IO_TIMEOUT && (!relay->options.pool || relay->stays) ? P2P_IO_AGAIN : io;
}

/* Before it rests: what comes next may go its way without us. */
static void
relay_lend (Relay *relay)
{
  for (unsigned i = 0; i < 2; i++)
    {
      Way *way = &relay->ways[i];

      if (!way->eof && !way->broken && !way_waits_for_to (way))
        way->lent = p2p_stream_lend (way->from, way->to);
    }
}

/* Comes before anything else after a rest. True: bytes have gone meanwhile. */
static bool
relay_take_back (Relay *relay)
{
  bool moved = false;

  for (unsigned i = 0; i < 2; i++)
    {
      Way *way = &relay->ways[i];
      size_t n = way->lent ? p2p_stream_take_back (way->from) : 0;

      way->lent = false;
      way->n_bytes += n;
      moved |= n > 0;
    }
  if (moved)
    relay->last_byte_us = p2p_now_us ();
  return moved;
}

/* Nothing moves. AGAIN: it is to be tried again; OK: parked, the relay must not be touched any
 * more; else how it ended. has_moved: since it came onto this worker. */
static P2pIo
relay_rest (Relay *relay, int64_t now_us, bool has_moved)
{
  int64_t deadline_us = relay_deadline (relay, now_us);
  P2pWait items[2];
  P2pIo io;

  if (now_us >= deadline_us)
    return relay->linger_until_us ? P2P_IO_RESET : P2P_IO_TIMEOUT;
  if (relay->stays && now_us >= relay->last_byte_us + STAY_US)
    return P2P_IO_STOPPED;
  if (now_us >= relay->watch_at_us)
    relay_watch_peers (relay);
  relay_wants (relay, items);
  relay_lend (relay);
  io = relay_wait (relay, items, now_us, deadline_us, has_moved);
  if (io != P2P_IO_TIMEOUT && relay_take_back (relay))
    relay->hung[0] = relay->hung[1] = false;
  if (io == P2P_IO_OK)
    {
      relay_note_bytes (relay, items);
      return relay_note_hangups (relay, items) ? P2P_IO_AGAIN : P2P_IO_RESET;
    }
  if (io == P2P_IO_AGAIN)
    return P2P_IO_AGAIN;
  p2p_park (&relay->parked, items, 2, MIN (deadline_us, relay->watch_at_us));
  return P2P_IO_OK;
}

/* Runs until it parks or ends; the relay must not be touched afterwards. */
static void
relay_run (Relay *relay)
{
  P2pIo io = P2P_IO_AGAIN;
  bool has_moved = false;

  while (io == P2P_IO_AGAIN)
    {
      bool moved = false;
      int64_t now_us = p2p_now_us ();

      io = relay_move (relay, now_us, &moved);
      if (io == P2P_IO_AGAIN && relay->options.stop && atomic_load (relay->options.stop))
        io = P2P_IO_STOPPED;
      if (moved)
        {
          has_moved = true;
          relay->last_byte_us = now_us;
          relay->hung[0] = relay->hung[1] = false;
          p2p_pool_do_overdue ();
        }
      else if (io == P2P_IO_AGAIN)
        io = relay_rest (relay, now_us, has_moved);
    }
  if (io != P2P_IO_OK)
    relay_end (relay, io);
}

/* The pool ends. */
static bool
relay_may_stay (Relay *relay)
{
  if (p2p_now_us () >= relay->last_byte_us + STAY_US)
    return false;
  relay->stays = atomic_fetch_add_explicit (&n_staying, 1, memory_order_relaxed) < STAYING_MAX;
  if (!relay->stays)
    atomic_fetch_sub_explicit (&n_staying, 1, memory_order_relaxed);
  return relay->stays;
}

static void
wake_cb (P2pParked *parked, P2pWake wake)
{
  Relay *relay = (Relay *) ((char *) parked - G_STRUCT_OFFSET (Relay, parked));

  (void) relay_take_back (relay);
  relay_note_watched (relay);
  if (wake == P2P_WAKE_STOP && !relay_may_stay (relay))
    relay_end (relay, P2P_IO_STOPPED);
  else
    relay_run (relay);
}

static void
way_init (Way *way, P2pStream *from, P2pSpan early, P2pStream *to)
{
  way->from = from;
  way->to = to;
  if (early.n == 0)
    return;
  way->early = early.n > P2P_BUFFER_SIZE;
  way->buf = way->early ? g_malloc (early.n) : p2p_buffer_take ();
  memcpy (way->buf, early.p, early.n);
  way->end = early.n;
}

void
p2p_relay_run (P2pStream *take_a,
               P2pSpan early_a,
               P2pStream *take_b,
               P2pSpan early_b,
               const P2pRelayOptions *options)
{
  Relay *relay = g_new0 (Relay, 1);

  relay->options = *options;
  relay->strms[0] = take_a;
  relay->strms[1] = take_b;
  way_init (&relay->ways[0], take_a, early_a, take_b);
  way_init (&relay->ways[1], take_b, early_b, take_a);
  relay->last_byte_us = p2p_now_us ();
  relay->watch_at_us = relay->last_byte_us + options->watch_after_ms * 1000;
  if (options->pool)
    p2p_parked_init (&relay->parked, options->pool, wake_cb);
  relay_run (relay);
}
