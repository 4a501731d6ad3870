/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How many threads a pool may have for now, below threads_max. When workers are blocked (a slow
 * origin) more threads bring more tasks a second; when the processors are what lacks, a thousand
 * threads only cost: measured at 1 000 connections and 16 µs a request, a quarter of the
 * throughput. The two look the same from inside (work waits), so beyond a number that does no harm
 * the limit is raised on trial, and kept only if the rate rose with it.
 *
 * The keeper alone calls; everything is guarded by pool->lock. */
#include "lib/pool-priv.h"

/* A processor: so many are never questioned. */
#define HARMLESS 32
/* When of n running tasks fewer than n / 8 end in 10 ms, one takes more than 80 ms: that is hardly
 * the processors, so the limit doubles at once, and is judged later. */
#define BLOCKED_WINDOW_US (10 * 1000)
#define BLOCKED_US (80 * 1000)
#define WINDOW_MIN_US (100 * 1000)
#define WINDOW_MAX_US (250 * 1000)
/* A trial whose threads are not needed ends after so many windows. */
#define WINDOWS_MAX 20
/* What was measured before a pause of the need for threads is not compared with what came after. */
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
  pool->growth.window_threads = pool->n_threads;
}

/* Tasks/s in the window that ends now. The next one is long enough that tasks begun by new threads
 * end in it: twice what a task takes. */
static uint64_t
end_window_locked (P2pPool *pool, int64_t now_us)
{
  uint64_t done = pool->n_done - pool->growth.window_done;
  int64_t elapsed_us = MAX (now_us - pool->growth.window_us, 1);
  int64_t length_us = 2 * (int64_t) pool->n_running * elapsed_us / (int64_t) MAX (done, 1);

  begin_window_locked (pool, now_us, CLAMP (length_us, WINDOW_MIN_US, WINDOW_MAX_US));
  return done * 1000000 / (uint64_t) elapsed_us;
}

static void
begin_blocked_window_locked (P2pPool *pool, int64_t now_us)
{
  pool->growth.blocked_us = now_us;
  pool->growth.blocked_done = pool->n_done;
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

static void
raise_locked (P2pPool *pool, uint64_t rate_before)
{
  if (pool->growth.before == 0)
    {
      pool->growth.before = pool->growth.limit;
      pool->growth.rate_before = rate_before;
      pool->growth.n_windows = 0;
    }
  pool->growth.limit = MIN (pool->growth.limit * 2, pool->options.threads_max);
}

/* Work has been waiting and the limit is reached: may it be raised? */
void
p2p_growth_review_locked (P2pPool *pool, int64_t now_us)
{
  bool stale = now_us - pool->growth.reviewed_us > STALE_US;

  pool->growth.reviewed_us = now_us;
  if (stale)
    {
      begin_blocked_window_locked (pool, now_us);
      if (pool->growth.before == 0)
        begin_window_locked (pool, now_us, WINDOW_MIN_US);
    }
  else if (is_blocked_locked (pool, now_us))
    {
      raise_locked (pool, 0);
      begin_window_locked (pool, now_us, WINDOW_MAX_US);
    }
  else if (pool->growth.before == 0 && now_us >= pool->growth.window_end_us)
    {
      uint64_t rate = end_window_locked (pool, now_us);

      if (now_us >= pool->growth.hold_until_us)
        raise_locked (pool, rate);
    }
}

/* The trial must have brought a third of what its threads could have; when the rate before is not
 * known, tasks must take as long as blocked ones do. */
static bool
was_worth_it_locked (P2pPool *pool, uint64_t rate)
{
  uint64_t before = pool->growth.before, rate_before = pool->growth.rate_before;

  if (rate_before == 0)
    return rate * BLOCKED_US < (uint64_t) pool->n_running * 1000000;
  return rate >= rate_before + rate_before * (pool->n_threads - before) / before / 3;
}

/* Each tick: ends the trial when its threads have been there for a window. */
void
p2p_growth_judge_locked (P2pPool *pool, int64_t now_us)
{
  unsigned enough = pool->growth.before + pool->growth.before / 2;
  bool used = pool->growth.window_threads >= enough && pool->n_threads >= enough;
  uint64_t rate;

  if (pool->growth.before == 0 || now_us < pool->growth.window_end_us)
    return;
  rate = end_window_locked (pool, now_us);
  if (!used && ++pool->growth.n_windows < WINDOWS_MAX)
    return;
  if (!used)
    pool->growth.limit = MAX (pool->growth.before, pool->n_threads); /* there was no need of more */
  else if (was_worth_it_locked (pool, rate))
    pool->growth.hold_us = HOLD_MIN_US;
  else
    {
      pool->growth.limit = pool->growth.before; /* what is above ends after its task */
      pool->growth.hold_until_us = now_us + pool->growth.hold_us;
      pool->growth.hold_us = MIN (pool->growth.hold_us * 2, HOLD_MAX_US);
    }
  pool->growth.before = 0;
}

bool
p2p_growth_is_held_locked (P2pPool *pool, int64_t now_us)
{
  return pool->n_threads >= pool->growth.limit && now_us < pool->growth.hold_until_us;
}

/* The pool came to rest. */
void
p2p_growth_forget_locked (P2pPool *pool)
{
  pool->growth.limit = MAX (pool->growth.harmless, MIN (pool->growth.limit, pool->n_threads));
  pool->growth.before = 0;
}
