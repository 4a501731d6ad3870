/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The keeper: one thread a pool that looks, while there is work, whether work waits for blocked
 * workers. It wakes idle ones for what has waited 1 ms (4 ms, if a worker is known to compute) and
 * makes threads for what has waited 1 ms more, several at a time; it also joins those that ended.
 * While the pool has nothing to do it sleeps without a deadline.
 *
 * A thread for each task at once would be wrong: a request to a quick origin takes 200 µs, so in a
 * busy daemon the queue is hardly ever empty and moves all the same. What counts is what will not
 * be taken in the next tick at the present speed. */
#include "lib/pool-priv.h"

#include <errno.h>

#define TICK_MS 1
#define WAKE_AFTER_US 1000
/* Instead, while a worker computes: it comes back, and longer than this it is seldom kept from the
 * processor. Whom we wake meanwhile is one more who wants it. */
#define BUSY_WAKE_AFTER_US 4000
#define MAKE_BEHIND_US 1000 /* so much later */
#define MAKE_AT_ONCE 64
/* Ticks without need until the keeper sleeps: so that waking it is no cost of each request. */
#define IDLE_TICKS 100
#define RETRY_MS 100

/* How long the first task, or the role, has been waiting; 0: nobody waits. */
static int64_t
overdue_us_locked (P2pPool *pool, int64_t now_us)
{
  int64_t since_us = INT64_MAX;

  if (pool->queue.head)
    since_us = pool->queue.head->queued_at_us;
  if (!pool->role_held)
    since_us = MIN (since_us, pool->role_free_us);
  return since_us == INT64_MAX ? 0 : MAX (now_us - since_us, 0);
}

static int64_t
patience_us_locked (const P2pPool *pool)
{
  return pool->n_running > pool->n_asleep ? BUSY_WAKE_AFTER_US : WAKE_AFTER_US;
}

/* How many more workers would have work now. */
static unsigned
lacking_locked (P2pPool *pool, uint64_t taken_in_tick)
{
  unsigned lacking = pool->queue.n > taken_in_tick ? pool->queue.n - (unsigned) taken_in_tick : 0;

  if (!pool->role_held)
    lacking++; /* somebody must look into epoll, too */
  return lacking;
}

/* Wakes idle workers; answers how many threads to make, counted already. */
static unsigned
tend_locked (P2pPool *pool, uint64_t taken_in_tick, P2pWakes *wakes)
{
  int64_t now_us = p2p_now_us ();
  int64_t overdue_us = overdue_us_locked (pool, now_us), patience_us = patience_us_locked (pool);
  unsigned lacking, limit, n;

  p2p_growth_judge_locked (pool, now_us);
  if (overdue_us < patience_us)
    return 0;
  lacking = lacking_locked (pool, taken_in_tick);
  p2p_pool_wake_locked (pool, lacking, wakes);
  if (overdue_us < patience_us + MAKE_BEHIND_US || pool->n_waking >= lacking || pool->quitting)
    return 0;
  if (pool->n_threads >= pool->growth.limit)
    p2p_growth_review_locked (pool, now_us);
  limit = MIN (pool->growth.limit, pool->options.threads_max);
  if (pool->n_threads >= limit)
    {
      /* When that task came somebody was on the way, who has another one now: the last thread that
       * is left must not wait in epoll beside it. */
      if (pool->queue.head && pool->n_waking == 0)
        p2p_pool_kick_locked (pool, wakes);
      return 0;
    }
  n = MIN (lacking - pool->n_waking, limit - pool->n_threads);
  n = MIN (n, MAKE_AT_ONCE);
  pool->n_threads += n;
  pool->n_waking += n;
  return n;
}

/* The look at the queue and the flag belong together: who queues afterwards sees the flag. */
static void
sleep_if_idle_locked (P2pPool *pool, unsigned *idle_ticks)
{
  *idle_ticks = pool->queue.head || !pool->role_held ? 0 : *idle_ticks + 1;
  if (*idle_ticks <= IDLE_TICKS)
    return;
  p2p_growth_forget_locked (pool);
  pool->keeper_asleep = true;
  while (pool->keeper_asleep && !pool->quitting)
    (void) p2p_cond_wait (&pool->keeper_cond, &pool->lock, P2P_FOREVER);
  pool->keeper_asleep = false;
  *idle_ticks = 0;
}

static void
tick_locked (P2pPool *pool, int64_t deadline_us)
{
  while (!pool->quitting && p2p_cond_wait (&pool->keeper_cond, &pool->lock, deadline_us))
    ;
}

static void
give_birth (P2pPool *pool, unsigned n)
{
  bool made = p2p_pool_start_workers (pool, n);

  p2p_mutex_lock (&pool->lock);
  pool->no_more_threads = !made;
  if (!made)
    tick_locked (pool, p2p_deadline_ms (RETRY_MS));
  p2p_mutex_unlock (&pool->lock);
}

static void *
keeper_main (void *data)
{
  P2pPool *pool = data;
  unsigned idle_ticks = 0;
  char name[16];

  g_snprintf (name, sizeof name, "%s-keep", pool->options.name);
  (void) pthread_setname_np (pthread_self (), name); /* for people only */
  p2p_mutex_lock (&pool->lock);
  while (!pool->quitting)
    {
      P2pWakes wakes;
      uint64_t taken;
      unsigned n;

      sleep_if_idle_locked (pool, &idle_ticks);
      taken = pool->n_taken;
      tick_locked (pool, p2p_deadline_ms (TICK_MS));
      p2p_wakes_init (&wakes);
      n = tend_locked (pool, pool->n_taken - taken, &wakes);
      p2p_mutex_unlock (&pool->lock);

      p2p_wakes_send (pool, &wakes);
      p2p_pool_join_ended (pool);
      if (n > 0)
        give_birth (pool, n);
      p2p_mutex_lock (&pool->lock);
    }
  p2p_mutex_unlock (&pool->lock);
  return NULL;
}

bool
p2p_keeper_start (P2pPool *pool)
{
  int error = pthread_create (&pool->keeper, NULL, keeper_main, pool);

  pool->has_keeper = error == 0;
  errno = error;
  return error == 0;
}

void
p2p_keeper_join (P2pPool *pool)
{
  if (!pool->has_keeper)
    return;
  p2p_cond_signal (&pool->keeper_cond);
  P2P_PTHREAD (pthread_join (pool->keeper, NULL));
  pool->has_keeper = false;
}
