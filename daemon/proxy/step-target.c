/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: which of the route's targets comes first: one of the first priority group, by turn, by lot, or the one with the fewest
 * requests under way, with weights or without. Who cannot be reached is passed over by step-forward.c, before a byte of the request is
 * out, and only then is it a later group's turn. Each worker counts its own turns and draws its own lots, so that nothing is shared. */
#include "daemon/proxy/proxy-priv.h"

#include <gnutls/crypto.h>

/* Targets stand by group. */
static unsigned
first_group_size (const ConfigRoute *route)
{
  unsigned n = 1;

  while (n < route->n_targets
         && route->targets[n]->priority_group == route->targets[0]->priority_group)
    n++;
  return n;
}

static bool
is_weighted (const ConfigRoute *route)
{
  return route->balancing == CONFIG_BALANCE_WEIGHTED_ROUND_ROBIN
         || route->balancing == CONFIG_BALANCE_WEIGHTED_RANDOM
         || route->balancing == CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE;
}

/* Xorshift (Marsaglia 2003): fair enough for a share of requests. */
static uint64_t
draw (void)
{
  static _Thread_local uint64_t state;

  while (state == 0)
    gnutls_rnd (GNUTLS_RND_NONCE, &state, sizeof state);
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state >> 11;
}

/* Turns of one worker, below sum. A prime stride spreads the turns of a heavy target out. */
static uint64_t
next_turn (const Request *req, bool weighted, uint64_t sum)
{
  static _Thread_local uint64_t turn;

  if (!req->explanation)
    turn++;
  return (weighted && sum % 7919 != 0 ? turn * 7919 : turn) % sum;
}

/* The one with the fewest requests under way for its weight; the first of them in an order that begins with first. */
static unsigned
least_active (const ConfigRoute *route, unsigned n, unsigned first, bool weighted)
{
  unsigned best = first;
  uint64_t best_active = 0;

  for (unsigned i = 0; i < n; i++)
    {
      unsigned k = (first + i) % n;
      uint64_t active
          = atomic_load_explicit (&route->targets[k]->state->active, memory_order_relaxed) + 1;

      if (i == 0
          || (weighted ? active * route->targets[best]->weight < best_active * route->targets[k]->weight
                       : active < best_active))
        {
          best = k;
          best_active = active;
        }
    }
  return best;
}

/* By turn or by lot: at is below the sum of the weights. */
static unsigned
find_share (const ConfigRoute *route, unsigned n, uint64_t at, bool weighted)
{
  unsigned i = 0;

  for (uint64_t below = 0; i + 1 < n; i++)
    {
      below += weighted ? route->targets[i]->weight : 1;
      if (at < below)
        break;
    }
  return i;
}

static unsigned
choose (const Request *req)
{
  const ConfigRoute *route = req->route;
  bool weighted = is_weighted (route);
  unsigned n = first_group_size (route);
  uint64_t sum = 0;

  for (unsigned i = 0; i < n; i++)
    sum += weighted ? route->targets[i]->weight : 1;
  switch (route->balancing)
    {
    case CONFIG_BALANCE_RANDOM:
    case CONFIG_BALANCE_WEIGHTED_RANDOM:
      return find_share (route, n, draw () % sum, weighted);
    case CONFIG_BALANCE_LEAST_ACTIVE:
    case CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE:
      return least_active (route, n, find_share (route, n, next_turn (req, weighted, sum), weighted),
                           weighted);
    case CONFIG_BALANCE_ROUND_ROBIN:
    case CONFIG_BALANCE_WEIGHTED_ROUND_ROBIN:
      break;
    }
  return find_share (route, n, next_turn (req, weighted, sum), weighted);
}

Step
step_target (Request *req)
{
  if (req->route->n_targets == 0)
    return answer_error (req, 503, "no target of this site is enabled");
  req->target = req->route->targets[choose (req)];
  return STEP_MORE;
}
