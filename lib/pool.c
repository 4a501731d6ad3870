/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Worker pool: the queue, and what the public header promises. worker.c runs the tasks, keeper.c
 * decides on growth, waiter.c waits in epoll, parked.c parks.
 *
 * Who sleeps is woken last in, first out (warm caches, and the others can end). A batch wakes as
 * many workers as half the pool's processors, not one for each task: most tasks are over before a
 * woken thread would have run, and the keeper sees to those that are not.
 *
 * Any thread may submit. pool->lock guards what pool-priv.h says. */
#include "lib/pool-priv.h"

#include <errno.h>
#include <sched.h>

void
p2p_task_list_append (P2pTaskList *list, P2pTask *task)
{
  task->next = NULL;
  if (list->tail)
    list->tail->next = task;
  else
    list->head = task;
  list->tail = task;
  list->n++;
}

void
p2p_task_list_append_all (P2pTaskList *list, const P2pTaskList *more)
{
  if (!more->head)
    return;
  if (list->tail)
    list->tail->next = more->head;
  else
    list->head = more->head;
  list->tail = more->tail;
  list->n += more->n;
}

/* Waking -------------------------------------------------------------------------------------- */

/* Takes idle workers until that many are under way. */
void
p2p_pool_wake_locked (P2pPool *pool, unsigned wanted, P2pWakes *wakes)
{
  while (pool->n_waking < wanted && pool->idle && wakes->n < P2P_POOL_MAX_WAKES)
    {
      P2pWorker *worker = pool->idle;

      p2p_worker_leave_idle_locked (worker);
      pool->n_waking++;
      wakes->workers[wakes->n++] = worker;
    }
}

void
p2p_pool_need_keeper_locked (P2pPool *pool, P2pWakes *wakes)
{
  if (!pool->keeper_asleep)
    return;
  pool->keeper_asleep = false;
  wakes->keeper = true;
}

void
p2p_pool_kick_locked (P2pPool *pool, P2pWakes *wakes)
{
  if (!pool->role_held || pool->kicked)
    return;
  pool->kicked = true;
  wakes->kick = true;
}

/* Without the lock: a thread woken under it would run into it at once. */
void
p2p_wakes_send (P2pPool *pool, P2pWakes *wakes)
{
  for (unsigned i = 0; i < wakes->n; i++)
    p2p_cond_signal (&wakes->workers[i]->cond);
  if (wakes->kick)
    p2p_waiter_kick (pool);
  if (wakes->keeper)
    p2p_cond_signal (&pool->keeper_cond);
}

/* Sees to it that somebody comes for what is queued. */
static void
wake_for_queue_locked (P2pPool *pool, P2pWakes *wakes)
{
  p2p_pool_wake_locked (pool, MIN (pool->queue.n, pool->wakes_max), wakes);
  if (pool->n_waking == 0)
    p2p_pool_kick_locked (pool, wakes);
  p2p_pool_need_keeper_locked (pool, wakes);
}

void
p2p_pool_submit_all (P2pPool *pool, const P2pTaskList *list)
{
  P2pWakes wakes;

  p2p_wakes_init (&wakes);
  p2p_mutex_lock (&pool->lock);
  g_assert (!pool->quitting);
  p2p_task_list_append_all (&pool->queue, list);
  wake_for_queue_locked (pool, &wakes);
  p2p_mutex_unlock (&pool->lock);
  p2p_wakes_send (pool, &wakes);
}

void
p2p_pool_submit (P2pPool *pool, P2pTask *task)
{
  P2pTaskList one = { NULL, NULL, 0 };

  task->queued_at_us = p2p_now_us ();
  p2p_task_list_append (&one, task);
  p2p_pool_submit_all (pool, &one);
}

/* The pool
 * ------------------------------------------------------------------------------------------ */

unsigned
p2p_count_processors (void)
{
  cpu_set_t set;

  if (sched_getaffinity (0, sizeof set, &set) < 0)
    return 1;
  return (unsigned) CLAMP (CPU_COUNT (&set), 1, 64);
}

P2pPool *
p2p_pool_new (const P2pPoolOptions *options, GError **error)
{
  P2pPool *pool = g_new0 (P2pPool, 1);
  unsigned n_processors = MAX (p2p_count_processors () / MAX (options->n_lanes, 1), 1);

  g_assert (options->threads_max >= 1 && options->threads_max >= options->threads_min);
  g_assert (options->idle_ms > 0);
  pool->options = *options;
  pool->options.threads_min = MAX (options->threads_min, 1);
  pool->helpers_max = n_processors / 2;
  pool->wakes_max = MAX (pool->helpers_max, 1);
  p2p_growth_init (pool, n_processors);
  p2p_mutex_init (&pool->lock, P2P_LOCK_POOL);
  p2p_cond_init (&pool->keeper_cond);
  p2p_cond_init (&pool->drained);
  p2p_deadlines_init (pool);
  p2p_slots_init (pool);
  pool->n_threads = pool->n_waking = pool->options.threads_min;
  if (!p2p_waiter_init (pool, error))
    pool->n_threads = pool->n_waking = 0;
  else if (!p2p_pool_start_workers (pool, pool->options.threads_min) || !p2p_keeper_start (pool))
    g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "pool '%s': no thread: %s",
                 pool->options.name, g_strerror (errno));
  else
    return pool;
  p2p_pool_free (pool);
  return NULL;
}

const char *
p2p_pool_get_name (P2pPool *pool)
{
  return pool->options.name;
}

bool
p2p_pool_is_full (P2pPool *pool)
{
  int64_t now_us;
  P2P_LOCKED (&pool->lock);

  if (pool->queue.n < pool->options.queue_max || pool->n_idle > 0)
    return false;
  now_us = p2p_now_us ();
  return pool->n_threads >= pool->options.threads_max || pool->no_more_threads
         || p2p_growth_is_held_locked (pool, now_us);
}

P2pPoolStats
p2p_pool_get_stats (P2pPool *pool)
{
  P2P_LOCKED (&pool->lock);
  return (P2pPoolStats){ .threads = pool->n_threads,
                         .idle = pool->n_threads - pool->n_running,
                         .queued = pool->queue.n,
                         .parked = atomic_load (&pool->n_parked),
                         .tasks_done = pool->n_done };
}

bool
p2p_pool_is_stuck (P2pPool *pool, int64_t limit_ms)
{
  int64_t since_us = p2p_now_us () - limit_ms * 1000;

  P2P_LOCKED (&pool->lock);
  return pool->queue.head && pool->queue.head->queued_at_us < since_us && pool->taken_us < since_us;
}

void
p2p_pool_foreach_busy (P2pPool *pool, P2pPoolBusyFunc func, void *data)
{
  g_autoptr (GArray) busy = g_array_new (FALSE, FALSE, sizeof (P2pPoolBusy));

  p2p_mutex_lock (&pool->lock);
  for (P2pWorker *worker = pool->all; worker; worker = worker->all)
    if (worker->run)
      {
        P2pPoolBusy row = { worker->run, worker->since_us };

        g_array_append_val (busy, row);
      }
  p2p_mutex_unlock (&pool->lock);
  for (unsigned i = 0; i < busy->len; i++)
    func (&g_array_index (busy, P2pPoolBusy, i), data);
}

bool
p2p_pool_stop (P2pPool *pool, int64_t deadline_us)
{
  P2pTaskList woken = { NULL, NULL, 0 };
  P2pWakes wakes;
  bool drained = true;

  p2p_wakes_init (&wakes);
  atomic_store (&pool->stopping, true);
  p2p_slots_stop (pool, &woken);
  p2p_mutex_lock (&pool->lock);
  p2p_task_list_append_all (&pool->queue, &woken);
  wake_for_queue_locked (pool, &wakes);
  p2p_mutex_unlock (&pool->lock);
  p2p_wakes_send (pool, &wakes);

  p2p_mutex_lock (&pool->lock);
  while (drained && (pool->queue.head || pool->n_running > 0))
    drained = p2p_cond_wait (&pool->drained, &pool->lock, deadline_us);
  p2p_mutex_unlock (&pool->lock);
  return drained;
}

static void
end_threads (P2pPool *pool)
{
  P2pWakes wakes;

  p2p_mutex_lock (&pool->lock);
  pool->quitting = true; /* what is still queued runs first */
  while (pool->n_threads > 0)
    {
      p2p_wakes_init (&wakes);
      p2p_pool_wake_locked (pool, UINT_MAX, &wakes);
      pool->kicked = false;
      p2p_pool_kick_locked (pool, &wakes);
      p2p_mutex_unlock (&pool->lock);
      p2p_wakes_send (pool, &wakes);
      p2p_mutex_lock (&pool->lock);
      /* Not all wakes fit into one round, and a worker may have been between the two sleeps. */
      if (pool->n_threads > 0)
        (void) p2p_cond_wait (&pool->drained, &pool->lock, p2p_deadline_ms (10));
    }
  p2p_mutex_unlock (&pool->lock);
}

void
p2p_pool_free (P2pPool *pool)
{
  if (!pool)
    return;
  end_threads (pool);
  g_assert (!pool->queue.head);
  p2p_keeper_join (pool);
  p2p_pool_join_ended (pool);
  while (pool->all)
    {
      P2pWorker *worker = pool->all;

      pool->all = worker->all;
      p2p_cond_done (&worker->cond);
      g_free (worker);
    }
  p2p_waiter_done (pool);
  p2p_slots_done (pool);
  p2p_deadlines_done (pool);
  p2p_cond_done (&pool->drained);
  p2p_cond_done (&pool->keeper_cond);
  p2p_mutex_done (&pool->lock);
  g_free (pool);
}
