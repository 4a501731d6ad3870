/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Watchdog: one thread of its own. watchdog->lock guards stopping; the rest is constant or the
 * thread's. */
#include "lib/watchdog.h"

#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/notify.h"

#include <dlfcn.h>
#include <stdlib.h>

#define MAX_LINES 64

struct P2pWatchdog
{
  P2pPool *pools[P2P_WATCHDOG_POOLS];       /* (borrowed) constant */
  unsigned n_pools, n_ticks;                /* constant */
  int64_t tick_ms, notify_us;               /* constant; notify_us 0: nobody wants to know */
  unsigned stuck_ticks[P2P_WATCHDOG_POOLS]; /* the thread's */
  int64_t notified_us;                      /* the thread's */
  pthread_t thread;
  P2pMutex lock;
  pthread_cond_t cond;
  bool stopping; /* (lock: watchdog) */
};

static void
log_busy_cb (const P2pPoolBusy *busy, void *data)
{
  unsigned *n_lines = data;
  uintptr_t address = (uintptr_t) busy->run;
  Dl_info info;

  if (++*n_lines > MAX_LINES)
    return;
  /* addr2line takes the offset into the program. */
  if (dladdr ((void *) address, &info) && info.dli_fbase)
    p2p_log (P2P_LOG_ERROR, "watchdog", "task at %s+0x%zx for %" G_GINT64_FORMAT " ms",
             info.dli_fname, (size_t) (address - (uintptr_t) info.dli_fbase),
             (p2p_now_us () - busy->since_us) / 1000);
}

static G_NORETURN void
end_process (P2pPool *pool)
{
  P2pPoolStats stats = p2p_pool_get_stats (pool);
  unsigned n_lines = 0;

  p2p_log (P2P_LOG_ERROR, "watchdog",
           "pool '%s': %u tasks wait and none is taken (%u threads), ending the process",
           p2p_pool_get_name (pool), stats.queued, stats.threads);
  p2p_pool_foreach_busy (pool, log_busy_cb, &n_lines);
  p2p_log_stop (); /* writes what is queued */
  abort ();
}

static void
tick (P2pWatchdog *watchdog)
{
  int64_t now_us = p2p_now_us ();

  for (unsigned i = 0; i < watchdog->n_pools; i++)
    if (!p2p_pool_is_stuck (watchdog->pools[i], watchdog->tick_ms))
      watchdog->stuck_ticks[i] = 0;
    else if (++watchdog->stuck_ticks[i] >= watchdog->n_ticks)
      end_process (watchdog->pools[i]);
  if (watchdog->notify_us == 0 || now_us - watchdog->notified_us < watchdog->notify_us / 4)
    return;
  watchdog->notified_us = now_us;
  (void) p2p_notify (
      "WATCHDOG=1"); /* the next one may get through; the manager's patience is its own */
}

static void *
watchdog_main (void *data)
{
  P2pWatchdog *watchdog = data;

  (void) pthread_setname_np (pthread_self (), "watchdog"); /* for people only */
  p2p_mutex_lock (&watchdog->lock);
  while (!watchdog->stopping)
    {
      int64_t deadline_us;

      p2p_mutex_unlock (&watchdog->lock);
      tick (watchdog);
      p2p_mutex_lock (&watchdog->lock);
      deadline_us = p2p_deadline_ms (watchdog->tick_ms);
      while (!watchdog->stopping && p2p_cond_wait (&watchdog->cond, &watchdog->lock, deadline_us))
        ;
    }
  p2p_mutex_unlock (&watchdog->lock);
  return NULL;
}

P2pWatchdog *
p2p_watchdog_new (P2pPool *const *pools,
                  unsigned n_pools,
                  int64_t tick_ms,
                  unsigned n_ticks,
                  GError **error)
{
  P2pWatchdog *watchdog;
  int failed;

  g_assert (n_pools <= P2P_WATCHDOG_POOLS && tick_ms > 0 && n_ticks > 0);
  watchdog = g_new0 (P2pWatchdog, 1);
  for (unsigned i = 0; i < n_pools; i++)
    watchdog->pools[i] = pools[i];
  watchdog->n_pools = n_pools;
  watchdog->n_ticks = n_ticks;
  watchdog->tick_ms = tick_ms;
  watchdog->notify_us = p2p_notify_watchdog_us ();
  p2p_mutex_init (&watchdog->lock, P2P_LOCK_LEAF);
  p2p_cond_init (&watchdog->cond);
  failed = pthread_create (&watchdog->thread, NULL, watchdog_main, watchdog);
  if (!failed)
    return watchdog;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (failed), "watchdog: no thread: %s",
               g_strerror (failed));
  p2p_cond_done (&watchdog->cond);
  p2p_mutex_done (&watchdog->lock);
  g_free (watchdog);
  return NULL;
}

void
p2p_watchdog_free (P2pWatchdog *watchdog)
{
  if (!watchdog)
    return;
  p2p_mutex_lock (&watchdog->lock);
  watchdog->stopping = true;
  p2p_mutex_unlock (&watchdog->lock);
  p2p_cond_signal (&watchdog->cond);
  P2P_PTHREAD (pthread_join (watchdog->thread, NULL));
  p2p_cond_done (&watchdog->cond);
  p2p_mutex_done (&watchdog->lock);
  g_free (watchdog);
}
