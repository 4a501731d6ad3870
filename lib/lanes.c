/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See lanes.h. Constant after p2p_lanes_new () but for the turn. */
#include "lib/lanes.h"

#include "lib/pool-priv.h"

struct P2pLanes
{
  P2pPool *pools[P2P_LANES_MAX]; /* (owned) */
  unsigned n;
  atomic_uint turn;
};

static unsigned
count_lanes (const P2pPoolOptions *options)
{
  unsigned n = MIN (p2p_count_processors (), P2P_LANES_MAX);

  n = MIN (n, options->threads_max / P2P_LANE_THREADS);
  return MAX (MIN (n, options->threads_min), 1);
}

/* The i-th of n shares: the first ones have what is left over. */
static unsigned
share (unsigned of_all, unsigned i, unsigned n)
{
  return of_all / n + (i < of_all % n ? 1 : 0);
}

P2pLanes *
p2p_lanes_new (const P2pPoolOptions *options, GError **error)
{
  P2pLanes *lanes = g_new0 (P2pLanes, 1);
  unsigned n = count_lanes (options);
  P2pPoolOptions each = *options;

  each.n_lanes = n;
  while (lanes->n < n)
    {
      P2pPool *pool;

      each.threads_min = share (options->threads_min, lanes->n, n);
      each.threads_max = share (options->threads_max, lanes->n, n);
      each.queue_max = share (options->queue_max, lanes->n, n);
      pool = p2p_pool_new (&each, error);
      if (!pool)
        {
          (void) p2p_lanes_stop (lanes, P2P_FOREVER); /* nothing runs there yet */
          p2p_lanes_free (lanes);
          return NULL;
        }
      lanes->pools[lanes->n++] = pool;
    }
  return lanes;
}

P2pPool *
p2p_lanes_pick (P2pLanes *lanes)
{
  unsigned first = atomic_fetch_add_explicit (&lanes->turn, 1, memory_order_relaxed);

  for (unsigned i = 0; i < lanes->n; i++)
    {
      P2pPool *pool = lanes->pools[(first + i) % lanes->n];

      if (!p2p_pool_is_full (pool))
        return pool;
    }
  return NULL;
}

unsigned
p2p_lanes_list (P2pLanes *lanes, P2pPool *pools[P2P_LANES_MAX])
{
  for (unsigned i = 0; i < lanes->n; i++)
    pools[i] = lanes->pools[i];
  return lanes->n;
}

bool
p2p_lanes_stop (P2pLanes *lanes, int64_t deadline_us)
{
  bool stopped = true;

  for (unsigned i = 0; i < lanes->n; i++)
    (void) p2p_pool_stop (lanes->pools[i], P2P_TRY); /* all begin before one is waited for */
  for (unsigned i = 0; i < lanes->n; i++)
    stopped &= p2p_pool_stop (lanes->pools[i], deadline_us);
  return stopped;
}

void
p2p_lanes_free (P2pLanes *lanes)
{
  if (!lanes)
    return;
  for (unsigned i = 0; i < lanes->n; i++)
    p2p_pool_free (lanes->pools[i]);
  g_free (lanes);
}
