/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Step: which of the route's targets comes first: one of the first priority group in which any can
 * be used, by turn, by lot, or the one with the fewest requests under way, with weights or without.
 * Who cannot be reached is passed over by step-forward.c, before a byte of the request is out, and
 * only then is it a later group's turn. Each worker counts its own turns and draws its own lots, so
 * that nothing is shared. */
#include "daemon/proxy/passive.h"

#include "lib/draw.h"

#include <glib.h>

#define TURNS 64 /* a power of two: routes that share one are seldom asked in turns */

/* Some of a route's targets, which stand by group: those of [first, end) whose bit is set. */
typedef struct
{
  const ConfigRoute *route;
  unsigned first, end;
  uint64_t usable;
  bool weighted;
} Group;

G_STATIC_ASSERT (CONFIG_TARGETS_MAX <= 64);

static unsigned
group_end (const ConfigRoute *route, unsigned first)
{
  unsigned end = first + 1;

  while (end < route->n_targets
         && route->targets[end]->priority_group == route->targets[first]->priority_group)
    end++;
  return end;
}

static bool
is_weighted (const ConfigRoute *route)
{
  return route->balancing == CONFIG_BALANCE_WEIGHTED_ROUND_ROBIN
         || route->balancing == CONFIG_BALANCE_WEIGHTED_RANDOM
         || route->balancing == CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE;
}

static unsigned
weight_of (const Group *group, unsigned i)
{
  if (!(group->usable >> i & 1))
    return 0;
  return group->weighted ? group->route->targets[i]->weight : 1;
}

static uint64_t
sum_of_weights (const Group *group)
{
  uint64_t sum = 0;

  for (unsigned i = group->first; i < group->end; i++)
    sum += weight_of (group, i);
  return sum;
}

/* Turns of one worker, below sum. A prime stride spreads the turns of a heavy target out. */
static uint64_t
next_turn (const Request *req, bool weighted, uint64_t sum)
{
  static _Thread_local uint64_t turns[TURNS];
  uint64_t *turn = &turns[(uint64_t) req->route->id % TURNS];

  if (!req->explanation)
    ++*turn;
  return (weighted && sum % 7919 != 0 ? *turn * 7919 : *turn) % sum;
}

/* The one with the fewest requests under way for its weight; the first of them in an order that
 * begins with first, which can be used. */
static unsigned
least_active (const Group *group, unsigned first)
{
  unsigned best = first, n = group->end - group->first;
  uint64_t best_active = 0;

  for (unsigned i = 0; i < n; i++)
    {
      unsigned k = group->first + (first - group->first + i) % n;
      uint64_t active
          = atomic_load_explicit (&group->route->targets[k]->state->active, memory_order_relaxed)
            + 1;

      if (weight_of (group, k) == 0)
        continue;
      if (i == 0 || active * weight_of (group, best) < best_active * weight_of (group, k))
        {
          best = k;
          best_active = active;
        }
    }
  return best;
}

/* By turn or by lot: at is below the sum of the weights. */
static unsigned
find_share (const Group *group, uint64_t at)
{
  unsigned i = group->first;

  for (uint64_t below = weight_of (group, i); below <= at; below += weight_of (group, i))
    i++;
  return i;
}

static unsigned
choose (const Request *req, const Group *group)
{
  uint64_t sum = sum_of_weights (group);

  switch (group->route->balancing)
    {
    case CONFIG_BALANCE_RANDOM:
    case CONFIG_BALANCE_WEIGHTED_RANDOM:
      return find_share (group, p2p_draw (sum));
    case CONFIG_BALANCE_LEAST_ACTIVE:
    case CONFIG_BALANCE_WEIGHTED_LEAST_ACTIVE:
      return least_active (group, find_share (group, next_turn (req, group->weighted, sum)));
    case CONFIG_BALANCE_ROUND_ROBIN:
    case CONFIG_BALANCE_WEIGHTED_ROUND_ROBIN:
      break;
    }
  return find_share (group, next_turn (req, group->weighted, sum));
}

/* The first group in which any target can be used. False: none can. */
static bool
find_group (const Request *req, Group *group, bool *ret_unusable)
{
  const ConfigRoute *route = req->route;
  int64_t now_us = p2p_now_us ();

  for (unsigned first = 0; first < route->n_targets; first = group->end)
    {
      *group = (Group){ .route = route,
                        .first = first,
                        .end = group_end (route, first),
                        .weighted = is_weighted (route) };
      for (unsigned i = first; i < group->end; i++)
        {
          TargetUse use = passive_judge (req->cfg, route->targets[i], now_us);

          group->usable |= (uint64_t) (use == TARGET_USABLE) << i;
          *ret_unusable |= use == TARGET_UNUSABLE;
        }
      if (group->usable != 0)
        return true;
    }
  return false;
}

Step
step_target (Request *req)
{
  Group group;
  bool any_unusable = false;

  if (req->route->n_targets == 0)
    return answer_error (req, 503, "no target of this site is enabled");
  req->target = req->route->targets[0];
  if (req->route->n_targets == 1 && !req->explanation)
    return STEP_MORE; /* step-forward.c asks, and may try one that cools down */
  if (find_group (req, &group, &any_unusable))
    req->target = req->route->targets[choose (req, &group)];
  else if (req->explanation || !any_unusable)
    return answer_error (req, 503, any_unusable ? NO_USABLE_TARGET : NO_AGENT);
  return STEP_MORE;
}
