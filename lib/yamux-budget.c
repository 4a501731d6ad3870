/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the receive sides of many Yamux sessions hold together. The numbers are atomics; the list of
 * sessions, in which each is until it is freed, is guarded by budget->lock, which is taken before
 * any session's lock. Any thread. */
#include "lib/yamux-priv.h"

#include <glib.h>

/* Of what may be held, windows may grow by a half: readers that stand still behind windows that we
 * have widened ourselves must not be what passes it. */
#define GROWTH_PART 2

struct P2pYamuxBudget
{
  atomic_uint refs;
  uint64_t memory_max, growth_max; /* constant */
  _Atomic uint64_t held_bytes;   /* chunks with received bytes */
  _Atomic uint64_t growth_bytes; /* windows beyond the initial ones */
  P2pMutex lock;
  LIST_HEAD (, P2pYamux) sessions; /* (borrowed: each leaves before it is freed) (lock) */
};

P2pYamuxBudget *
p2p_yamux_budget_new (uint64_t memory_max)
{
  P2pYamuxBudget *budget = g_new0 (P2pYamuxBudget, 1);

  atomic_init (&budget->refs, 1);
  budget->memory_max = memory_max;
  budget->growth_max = memory_max / GROWTH_PART;
  p2p_mutex_init (&budget->lock, P2P_LOCK_YAMUX_BUDGET);
  LIST_INIT (&budget->sessions);
  return budget;
}

P2pYamuxBudget *
p2p_yamux_budget_ref (P2pYamuxBudget *budget)
{
  if (budget)
    atomic_fetch_add_explicit (&budget->refs, 1, memory_order_relaxed);
  return budget;
}

void
p2p_yamux_budget_unref (P2pYamuxBudget *budget)
{
  if (!budget || atomic_fetch_sub_explicit (&budget->refs, 1, memory_order_acq_rel) > 1)
    return;
  g_assert (LIST_EMPTY (&budget->sessions));
  p2p_mutex_done (&budget->lock);
  g_free (budget);
}

uint64_t
p2p_yamux_budget_held (P2pYamuxBudget *budget)
{
  return atomic_load_explicit (&budget->held_bytes, memory_order_relaxed);
}

uint64_t
p2p_yamux_budget_growth (P2pYamuxBudget *budget)
{
  return atomic_load_explicit (&budget->growth_bytes, memory_order_relaxed);
}

bool
yamux_budget_reserve (P2pYamuxBudget *budget, uint32_t growth)
{
  if (!budget)
    return false;
  if (atomic_fetch_add_explicit (&budget->growth_bytes, growth, memory_order_relaxed) + growth
      <= budget->growth_max)
    return true;
  atomic_fetch_sub_explicit (&budget->growth_bytes, growth, memory_order_relaxed);
  return false;
}

void
yamux_budget_release (P2pYamuxBudget *budget, uint32_t growth)
{
  if (budget)
    atomic_fetch_sub_explicit (&budget->growth_bytes, growth, memory_order_relaxed);
}

void
yamux_budget_hold_locked (YamuxStream *strm, int64_t n)
{
  P2pYamuxBudget *budget = strm->yamux->options.budget;

  atomic_fetch_add_explicit (&strm->held_bytes, (uint64_t) n, memory_order_relaxed);
  atomic_fetch_add_explicit (&strm->yamux->held_bytes, (uint64_t) n, memory_order_relaxed);
  if (budget)
    atomic_fetch_add_explicit (&budget->held_bytes, (uint64_t) n, memory_order_relaxed);
}

static void
weigh (YamuxStream *strm, int64_t now_us, YamuxStream **worst, double *score)
{
  double held = (double) atomic_load_explicit (&strm->held_bytes, memory_order_relaxed);
  int64_t still_us = atomic_load_explicit (&strm->still_us, memory_order_relaxed);
  double its = held * (double) MAX (now_us - still_us, 1);

  if (its <= *score)
    return;
  *score = its;
  *worst = strm;
}

/* The stream of one session with most bytes × time that its reader stood still, or NULL. */
static YamuxStream *
worst_of_session (P2pYamux *yamux)
{
  YamuxStream *worst = NULL, *strm;
  int64_t now_us = p2p_now_us ();
  double score = 0;

  P2P_LOCKED (&yamux->lock);
  for (unsigned i = 0; i < YAMUX_BUCKETS; i++)
    LIST_FOREACH (strm, &yamux->table[i], by_id)
      {
        weigh (strm, now_us, &worst, &score);
      }
  LIST_FOREACH (strm, &yamux->rests, rest_link)
    {
      weigh (strm, now_us, &worst, &score);
    }
  return worst ? yamux_stream_ref (worst) : NULL;
}

/* Who holds most pays: what one agent's readers leave never costs another, which holds less, a
 * stream, however long its readers have stood still. */
static YamuxStream *
find_worst (P2pYamuxBudget *budget)
{
  P2pYamux *yamux, *most = NULL;
  uint64_t held = 0;

  P2P_LOCKED (&budget->lock);
  LIST_FOREACH (yamux, &budget->sessions, budget_link)
    {
      uint64_t its = atomic_load_explicit (&yamux->held_bytes, memory_order_relaxed);

      if (its <= held)
        continue;
      held = its;
      most = yamux;
    }
  return most ? worst_of_session (most) : NULL;
}

void
yamux_budget_enforce (P2pYamuxBudget *budget)
{
  while (budget && p2p_yamux_budget_held (budget) > budget->memory_max)
    {
      YamuxStream *worst = find_worst (budget);

      if (!worst)
        return;
      yamux_stream_abort (worst, P2P_IO_OVERFLOW);
      yamux_stream_unref (worst);
    }
}

void
yamux_budget_add (P2pYamuxBudget *budget, P2pYamux *yamux)
{
  if (!budget)
    return;
  P2P_LOCKED (&budget->lock);
  LIST_INSERT_HEAD (&budget->sessions, yamux, budget_link);
}

void
yamux_budget_remove (P2pYamuxBudget *budget, P2pYamux *yamux)
{
  if (!budget)
    return;
  P2P_LOCKED (&budget->lock);
  LIST_REMOVE (yamux, budget_link);
}
