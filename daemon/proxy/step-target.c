/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: which of the route's targets comes first: one of the first priority group, by turn or by lot, with weights or without. Who
 * cannot be reached is passed over by step-forward.c, before a byte of the request is out, and only then is it a later group's turn.
 * Each worker counts its own turns and draws its own lots, so that nothing is shared. */
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

Step
step_target (Request *req)
{
  const ConfigRoute *route = req->route;
  bool weighted = is_weighted (route);
  uint64_t at, sum = 0;
  unsigned n, i = 0;

  if (route->n_targets == 0)
    return answer_error (req, 503, "no target of this site is enabled");
  n = first_group_size (route);
  for (unsigned k = 0; k < n; k++)
    sum += weighted ? route->targets[k]->weight : 1;
  at = route->balancing == CONFIG_BALANCE_RANDOM || route->balancing == CONFIG_BALANCE_WEIGHTED_RANDOM
           ? draw () % sum
           : next_turn (req, weighted, sum);
  for (uint64_t below = 0; i + 1 < n; i++)
    {
      below += weighted ? route->targets[i]->weight : 1;
      if (at < below)
        break;
    }
  req->target = route->targets[i];
  return STEP_MORE;
}
