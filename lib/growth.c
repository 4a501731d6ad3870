/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How many threads a pool may have for now, below threads_max. When workers are blocked (a slow origin) more threads bring
 * more tasks a second; when the processors are what lacks, a thousand threads only cost: measured at 1 000 connections and
 * 16 µs a request, a quarter of the throughput. The two look the same from inside (work waits), so beyond a number that does
 * no harm the limit is raised on trial, and kept only if the rate rose with it.
 *
 * The keeper alone calls; everything is guarded by pool->lock. */
#include "lib/pool-priv.h"

/* A processor: so many are never questioned. */
#define HARMLESS 32
/* When of n running tasks fewer than n / 8 end in 10 ms, one takes more than 80 ms: that is hardly the processors, so the
 * limit doubles at once, and is judged later. */
#define BLOCKED_WINDOW_US (10 * 1000)
#define BLOCKED_US (80 * 1000)
#define WINDOW_MIN_US (100 * 1000)
#define WINDOW_MAX_US (250 * 1000)
/* Work did not wait for so long: the trial's threads were enough. */
#define STALE_US (50 * 1000)
#define HOLD_MIN_US (1000 * 1000)
#define HOLD_MAX_US (16 * 1000 * 1000)

void
p2p_growth_init (P2pPool *pool, unsigned n_processors)
{
  pool->growth.harmless = MAX (HARMLESS * n_processors, pool->options.threads_min);
  pool->growth.limit = pool->growth.harmless;
  pool->growth.hold_us = HOLD_MIN_US;
}

static void
begin_window_locked (P2pPool *pool, int64_t now_us, int64_t length_us)
{
  pool->growth.window_us = now_us;
  pool->growth.window_end_us = now_us + length_us;
  pool->growth.window_done = pool->n_done;
}

static void
begin_blocked_window_locked (P2pPool *pool, int64_t now_us)
{
  pool->growth.blocked_us = now_us;
  pool->growth.blocked_done = pool->n_done;
}

static void
raise_locked (P2pPool *pool)
{
  if (pool->growth.before == 0)
    {
      pool->growth.before = pool->growth.limit;
      pool->growth.rate_before = pool->growth.rate;
    }
  pool->growth.limit = MIN (pool->growth.limit * 2, pool->options.threads_max);
}

static bool
is_blocked_locked (P2pPool *pool, int64_t now_us)
{
  uint64_t done = pool->n_done - pool->growth.blocked_done;

  if (now_us - pool->growth.blocked_us < BLOCKED_WINDOW_US)
    return false;
  begin_blocked_window_locked (pool, now_us);
  return done * BLOCKED_US < (uint64_t) pool->n_running * BLOCKED_WINDOW_US;
}

/* The trial must have brought a third of what its threads could have; when the rate before is not known, tasks must take
 * as long as blocked ones do. */
static bool
was_worth_it_locked (P2pPool *pool)
{
  uint64_t before = pool->growth.before, rate_before = pool->growth.rate_before;

  if (rate_before == 0)
    return pool->growth.rate * BLOCKED_US < (uint64_t) pool->n_running * 1000000;
  return pool->growth.rate
         >= rate_before + rate_before * (pool->growth.limit - before) / before / 3;
}

static void
judge_trial_locked (P2pPool *pool, int64_t now_us)
{
  if (was_worth_it_locked (pool))
    pool->growth.hold_us = HOLD_MIN_US;
  else
    {
      pool->growth.limit = pool->growth.before; /* what is above ends after its task */
      pool->growth.hold_until_us = now_us + pool->growth.hold_us;
      pool->growth.hold_us = MIN (pool->growth.hold_us * 2, HOLD_MAX_US);
    }
  pool->growth.before = 0;
}

/* Work has been waiting and the limit is reached: may it be raised? */
void
p2p_growth_review_locked (P2pPool *pool, int64_t now_us)
{
  uint64_t done = pool->n_done - pool->growth.window_done;
  int64_t elapsed_us = now_us - pool->growth.window_us;
  bool stale = now_us - pool->growth.reviewed_us > STALE_US;

  pool->growth.reviewed_us = now_us;
  if (stale)
    {
      pool->growth.before = 0;
      pool->growth.rate = 0;
      begin_window_locked (pool, now_us, WINDOW_MIN_US);
      begin_blocked_window_locked (pool, now_us);
      return;
    }
  if (is_blocked_locked (pool, now_us))
    {
      raise_locked (pool);
      begin_window_locked (pool, now_us, WINDOW_MAX_US);
      return;
    }
  if (now_us < pool->growth.window_end_us)
    return;
  pool->growth.rate = done * 1000000 / (uint64_t) elapsed_us;
  /* Long enough that the tasks begun by new threads end in it: twice what one takes. */
  begin_window_locked (pool, now_us,
                       CLAMP (2 * (int64_t) pool->n_running * elapsed_us / (int64_t) MAX (done, 1),
                              WINDOW_MIN_US, WINDOW_MAX_US));
  if (pool->growth.before != 0)
    judge_trial_locked (pool, now_us);
  if (now_us >= pool->growth.hold_until_us)
    raise_locked (pool);
}

bool
p2p_growth_is_held_locked (P2pPool *pool, int64_t now_us)
{
  return pool->n_threads >= pool->growth.limit && now_us < pool->growth.hold_until_us;
}

void
p2p_growth_forget_locked (P2pPool *pool)
{
  pool->growth.limit = MAX (pool->growth.harmless, MIN (pool->growth.limit, pool->n_threads));
  pool->growth.before = 0;
}
