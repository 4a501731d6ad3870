/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Receive windows: when the peer gets more, and how they grow with the measured bandwidth-delay
 * product (what the stream's reader took × the smallest ping round trip of the last minute). A
 * stream's numbers are guarded by its own lock; the list of round trips belongs to the reader
 * thread. */
#include "lib/yamux-priv.h"

#include <glib.h>

/* On a path shorter than this the window is no bound, and single bursts would look like bandwidth.
 */
#define MIN_EPOCH_US 2000
#define MIN_GROWTH (16 << 10)

/* What part of a window is taken before it is granted anew. What is taken and not granted is no
 * use to the peer: of a window that is the bound, up to that part stays unused in every round trip.
 * On a short path, where the window is no bound, fewer updates are worth more. */
#define GRANTS_SHORT 2
#define GRANTS_LONG 8

static void
grow_locked (YamuxStream *strm, uint64_t wanted)
{
  uint64_t size = MIN (wanted, MIN (2 * (uint64_t) strm->window_size, YAMUX_WINDOW_MAX));
  uint32_t growth;

  if (size < (uint64_t) strm->window_size + MIN_GROWTH)
    return;
  growth = (uint32_t) (size - strm->window_size);
  if (!yamux_budget_reserve (strm->yamux->options.budget, growth))
    return;
  strm->window_size += growth;
  strm->ungranted += growth;
  atomic_fetch_add_explicit (&strm->yamux->window_bytes, growth, memory_order_relaxed);
}

/* Once a round trip: what came through in that time is at most the window, so a window of twice
 * that leaves room, and one that was the bound doubles. */
static void
measure_locked (YamuxStream *strm, int64_t now_us)
{
  int64_t round_trip_us
      = atomic_load_explicit (&strm->yamux->round_trip_min_us, memory_order_relaxed);
  int64_t elapsed_us = now_us - strm->epoch_us;

  if (elapsed_us < MAX (round_trip_us, MIN_EPOCH_US))
    return;
  if (round_trip_us > 0)
    grow_locked (strm, 2 * strm->epoch_bytes * (uint64_t) round_trip_us / (uint64_t) elapsed_us);
  strm->epoch_us = now_us;
  strm->epoch_bytes = 0;
}

static uint32_t
worth_granting_locked (const YamuxStream *strm)
{
  int64_t round_trip_us
      = atomic_load_explicit (&strm->yamux->round_trip_min_us, memory_order_relaxed);

  return strm->window_size / (round_trip_us < MIN_EPOCH_US ? GRANTS_SHORT : GRANTS_LONG);
}

bool
yamux_window_took_locked (YamuxStream *strm, size_t n)
{
  int64_t now_us = p2p_now_us ();

  strm->ungranted += (uint32_t) n;
  strm->epoch_bytes += n;
  atomic_store_explicit (&strm->still_us, now_us, memory_order_relaxed);
  if (strm->read_end != P2P_IO_OK)
    return false;
  measure_locked (strm, now_us);
  return strm->ungranted >= worth_granting_locked (strm);
}

uint32_t
yamux_window_grant_locked (YamuxStream *strm)
{
  uint32_t grant = strm->ungranted;

  strm->ungranted = 0;
  strm->window += grant;
  return grant;
}

void
yamux_window_drop_locked (YamuxStream *strm)
{
  uint32_t growth = strm->window_size - YAMUX_INITIAL_WINDOW;

  yamux_budget_release (strm->yamux->options.budget, growth);
  atomic_fetch_sub_explicit (&strm->yamux->window_bytes, growth, memory_order_relaxed);
  strm->window_size = YAMUX_INITIAL_WINDOW;
}

void
yamux_window_note_round_trip (P2pYamux *yamux, int64_t took_us)
{
  int64_t now_us = p2p_now_us ();
  int64_t least_us = MAX (took_us, 1);
  unsigned n = MIN (yamux->n_round_trips, (unsigned) YAMUX_ROUND_TRIPS);

  for (unsigned i = 0; i < n; i++)
    if (yamux->round_trips[i].at_us > now_us - 60 * G_USEC_PER_SEC)
      least_us = MIN (least_us, yamux->round_trips[i].took_us);
  yamux->round_trips[yamux->n_round_trips % YAMUX_ROUND_TRIPS].at_us = now_us;
  yamux->round_trips[yamux->n_round_trips % YAMUX_ROUND_TRIPS].took_us = MAX (took_us, 1);
  yamux->n_round_trips++;
  atomic_store_explicit (&yamux->round_trip_us, took_us, memory_order_relaxed);
  atomic_store_explicit (&yamux->round_trip_min_us, least_us, memory_order_relaxed);
}
