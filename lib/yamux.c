/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A Yamux session from outside: made, referenced, asked, closed. Any thread; yamux->lock guards
 * what it reads. The reader thread is in yamux-reader.c. */
#include "lib/yamux-priv.h"

#include "lib/pool.h"

#include <glib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define READER_STACK (256 << 10)

/* After a cut of some seconds TCP by itself may stay silent for as long again: its pauses double.
 */
#define RESEND_MAX_MS 2000
#ifndef TCP_RTO_MAX_MS
#define TCP_RTO_MAX_MS 44 /* Linux 6.15 */
#endif

static void
take_options (P2pYamux *yamux, const P2pYamuxOptions *options)
{
  P2pYamuxOptions *own = &yamux->options;

  *own = *options;
  own->name = g_strdup (options->name);
  own->budget = p2p_yamux_budget_ref (options->budget);
  if (own->max_streams == 0)
    own->max_streams = 4096;
  if (own->ping_interval_ms == 0)
    own->ping_interval_ms = 20000;
  if (own->dead_after_ms == 0)
    own->dead_after_ms = 10000;
  if (own->linger_ms == 0)
    own->linger_ms = 30000;
  g_assert (own->accepted || own->accept_backlog == 0);
}

static void
init_locks (P2pYamux *yamux)
{
  p2p_mutex_init (&yamux->lock, P2P_LOCK_YAMUX);
  p2p_mutex_init (&yamux->spare_lock, P2P_LOCK_BUFFERS);
  p2p_cond_init (&yamux->may_open);
  p2p_cond_init (&yamux->turn_free);
  p2p_mutex_init (&yamux->read_lock, P2P_LOCK_YAMUX_READ);
  yamux_doorbell_init (&yamux->doorbell);
  yamux_gate_init (yamux);
}

P2pYamux *
yamux_new_still (P2pStream *take_transport, const P2pYamuxOptions *options)
{
  P2pYamux *yamux = g_new0 (P2pYamux, 1);
  int64_t now_us = p2p_now_us ();

  atomic_init (&yamux->refs, 1);
  yamux->transport = take_transport;
  take_options (yamux, options);
  init_locks (yamux);
  yamux_help_init (&yamux->help, options->accept_backlog > 0 ? -1 : p2p_stream_fd (take_transport));
  TAILQ_INIT (&yamux->spares);
  TAILQ_INIT (&yamux->tells);
  TAILQ_INIT (&yamux->sends);
  TAILQ_INIT (&yamux->lingers);
  LIST_INIT (&yamux->rests);
  yamux->opening.max = YAMUX_UNACKED_MAX;
  yamux->next_id = options->role == P2P_YAMUX_CLIENT ? 1 : 2;
  yamux->batch.staging = g_malloc (YAMUX_RECORD_SIZE);
  yamux->batch.max_frames = YAMUX_BATCH_FRAMES;
  yamux->next_ping_us = now_us; /* the first gives the round trip */
  atomic_init (&yamux->last_byte_us, now_us);
  atomic_init (&yamux->round_trip_us, -1);
  atomic_init (&yamux->round_trip_min_us, -1);
  yamux_budget_add (yamux->options.budget, yamux);
  return yamux;
}

static void
tune_socket (P2pStream *transport)
{
  const int resend_max_ms = RESEND_MAX_MS;

  /* Unix sockets, of tests, don't know it, nor do kernels before 6.15. */
  (void) setsockopt (p2p_stream_fd (transport), IPPROTO_TCP, TCP_RTO_MAX_MS, &resend_max_ms,
                     sizeof resend_max_ms);
}

P2pYamux *
p2p_yamux_new (P2pStream *take_transport, const P2pYamuxOptions *options, GError **error)
{
  P2pYamux *yamux = yamux_new_still (take_transport, options);
  pthread_attr_t attr;
  int failure;

  yamux->rx = g_malloc (YAMUX_RX_SIZE);
  tune_socket (take_transport);
  yamux_limit_unsent (yamux, UINT64_MAX);
  P2P_PTHREAD (pthread_attr_init (&attr));
  P2P_PTHREAD (pthread_attr_setstacksize (&attr, READER_STACK));
  p2p_yamux_ref (yamux); /* the thread's */
  yamux->has_thread = true;
  failure = pthread_create (&yamux->thread, &attr, yamux_reader_main, yamux);
  P2P_PTHREAD (pthread_attr_destroy (&attr));
  if (failure == 0)
    return yamux;

  yamux->has_thread = false;
  yamux_finish (yamux, "no thread for the session", false);
  p2p_yamux_unref (yamux);
  p2p_yamux_unref (yamux);
  g_set_error (error, G_FILE_ERROR, (int) g_file_error_from_errno (failure),
               "tunnel session: reader thread: %s", g_strerror (failure));
  return NULL;
}

P2pYamux *
p2p_yamux_ref (P2pYamux *yamux)
{
  atomic_fetch_add_explicit (&yamux->refs, 1, memory_order_relaxed);
  return yamux;
}

static void
free_session (P2pYamux *yamux)
{
  YamuxStream *strm;

  g_assert (!yamux->transport); /* the reader thread, which has ended, closed it */
  yamux_budget_remove (yamux->options.budget, yamux);
  /* Joined, or it has nothing left to do but to end: it may be the one that is here. */
  if (yamux->has_thread && !atomic_load (&yamux->joined))
    P2P_PTHREAD (pthread_detach (yamux->thread));
  while ((strm = TAILQ_FIRST (&yamux->spares)))
    {
      TAILQ_REMOVE (&yamux->spares, strm, spare_link);
      yamux_stream_free_struct (strm);
    }
  yamux_batch_clear (&yamux->batch);
  p2p_yamux_budget_unref (yamux->options.budget);
  p2p_mutex_done (&yamux->lock);
  p2p_mutex_done (&yamux->read_lock);
  p2p_mutex_done (&yamux->spare_lock);
  p2p_cond_done (&yamux->may_open);
  p2p_cond_done (&yamux->turn_free);
  yamux_doorbell_done (&yamux->doorbell);
  yamux_help_done (&yamux->help);
  g_free ((char *) yamux->options.name);
  g_free (yamux->batch.staging);
  g_free (yamux->rx);
  g_free (yamux);
}

void
p2p_yamux_unref (P2pYamux *yamux)
{
  if (yamux && atomic_fetch_sub_explicit (&yamux->refs, 1, memory_order_acq_rel) == 1)
    free_session (yamux);
}

static bool
is_open_locked (P2pYamux *yamux)
{
  return !yamux->over && !yamux->going_away && !yamux->peer_going_away;
}

static bool
wait_for_ack_locked (P2pYamux *yamux, int64_t deadline_us)
{
  bool rung;

  yamux_help_came (yamux);
  p2p_pool_sleep_begin ();
  rung = p2p_cond_wait (&yamux->may_open, &yamux->lock, deadline_us);
  p2p_pool_sleep_end ();
  yamux_help_went (yamux);
  return rung;
}

/* SYNs that this worker has put off among it. */
static void
send_all_locked (P2pYamux *yamux)
{
  p2p_mutex_unlock (&yamux->lock);
  p2p_pool_do_later ();
  p2p_mutex_lock (&yamux->lock);
  yamux_drain_locked (yamux, false);
}

static P2pIo
wait_to_open_locked (P2pYamux *yamux, int64_t deadline_us)
{
  P2pIo io;

  for (bool drained = false;; drained = true)
    {
      if (!is_open_locked (yamux))
        return P2P_IO_STOPPED;
      if (yamux->n_streams >= yamux->options.max_streams)
        return P2P_IO_OVERFLOW;
      io = yamux_opening_ask_locked (yamux);
      if (io != P2P_IO_AGAIN)
        return io;
      if (deadline_us == P2P_TRY)
        return P2P_IO_AGAIN;
      /* No ACK comes for a SYN that waits for its first bytes. */
      if (!drained)
        send_all_locked (yamux);
      else if (!wait_for_ack_locked (yamux, deadline_us))
        return P2P_IO_TIMEOUT;
    }
}

/* Ids begin anew after 2^31 streams; those still open are left out. */
static uint32_t
take_id_locked (P2pYamux *yamux)
{
  uint32_t id;

  do
    {
      id = yamux->next_id;
      yamux->next_id += 2;
    }
  while (id == 0 || yamux_table_find_locked (yamux, id));
  return id;
}

P2pIo
p2p_yamux_open (P2pYamux *yamux, int64_t deadline_us, P2pStream **ret_strm)
{
  YamuxStream *strm;
  P2pIo io;

  P2P_LOCKED (&yamux->lock);
  io = wait_to_open_locked (yamux, deadline_us);
  if (io != P2P_IO_OK)
    return io;
  strm = yamux_stream_new (yamux, take_id_locked (yamux), true);
  yamux_table_add_locked (yamux, strm);
  yamux_tell_locked (strm, YAMUX_TELL_SYN);
  *ret_strm = &strm->base;
  return P2P_IO_OK;
}

bool
p2p_yamux_is_open (P2pYamux *yamux)
{
  P2P_LOCKED (&yamux->lock);
  return is_open_locked (yamux);
}

void
p2p_yamux_go_away (P2pYamux *yamux)
{
  P2P_LOCKED (&yamux->lock);
  if (yamux->going_away || yamux->over)
    return;
  yamux->going_away = true;
  atomic_store_explicit (&yamux->leaving, true, memory_order_relaxed);
  yamux->tell_go_away = true;
  yamux->hurry_us = 1;
  p2p_cond_broadcast (&yamux->may_open);
  yamux_drain_locked (yamux, false);
}

void
p2p_yamux_check (P2pYamux *yamux, int64_t wait_ms)
{
  p2p_mutex_lock (&yamux->lock);
  yamux->check_wait_us = wait_ms * 1000;
  p2p_mutex_unlock (&yamux->lock);
  yamux_doorbell_ring (&yamux->doorbell);
}

void
p2p_yamux_close (P2pYamux *yamux, const char *why)
{
  P2P_LOCKED (&yamux->lock);
  if (yamux->over)
    return;
  yamux->over = true;
  yamux->ours = true;
  yamux->why = why;
  p2p_cond_broadcast (&yamux->may_open);
  yamux_doorbell_ring (&yamux->doorbell);
}

void
p2p_yamux_join (P2pYamux *yamux)
{
  if (!atomic_exchange (&yamux->joined, true))
    P2P_PTHREAD (pthread_join (yamux->thread, NULL));
}

P2pYamuxStats
p2p_yamux_get_stats (P2pYamux *yamux)
{
  P2pYamuxStats stats = {
    .bytes_in = atomic_load_explicit (&yamux->bytes_in, memory_order_relaxed),
    .bytes_out = atomic_load_explicit (&yamux->bytes_out, memory_order_relaxed),
    .stream_bytes = atomic_load_explicit (&yamux->stream_bytes, memory_order_relaxed),
    .resets = atomic_load_explicit (&yamux->n_resets, memory_order_relaxed),
    .round_trip_us = atomic_load_explicit (&yamux->round_trip_us, memory_order_relaxed),
    .last_byte_us = atomic_load_explicit (&yamux->last_byte_us, memory_order_relaxed),
    .window_bytes = atomic_load_explicit (&yamux->window_bytes, memory_order_relaxed),
    .queued_bytes = atomic_load_explicit (&yamux->queued_bytes, memory_order_relaxed),
  };

  P2P_LOCKED (&yamux->lock);
  stats.streams = yamux->n_streams;
  return stats;
}
