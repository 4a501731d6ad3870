/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Worker pool: the queue and the threads. keeper.c decides on growth, waiter.c waits in epoll, parked.c parks.
 *
 * A worker that ends a task takes the next one without sleeping; when there is none it takes the waiter's role, and when
 * somebody has that already it sleeps on its own condition. Who sleeps is woken last in, first out (warm caches, and the
 * others can end). A batch wakes as many workers as half the processors, not one for each task: most tasks are over before
 * a woken thread would have run, and the keeper sees to those that are not.
 *
 * Any thread may submit. pool->lock guards what pool-priv.h says. */
#include "lib/pool-priv.h"

#include <errno.h>
#include <sched.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define WITH_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(WITH_SANITIZER)
#define STACK_SIZE (1024 * 1024) /* instrumented frames are several times as large */
#else
#define STACK_SIZE (256 * 1024)
#endif

/* A queue that is never empty must not hide what is ready in epoll. */
#define MAX_TASKS_WITHOUT_POLL 64

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

static void
append_list (P2pTaskList *list, const P2pTaskList *more)
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

static P2pTask *
pop_task (P2pTaskList *list)
{
  P2pTask *task = list->head;

  list->head = task->next;
  if (!list->head)
    list->tail = NULL;
  list->n--;
  task->next = NULL;
  return task;
}

/* Waking ------------------------------------------------------------------------------------------ */

static void
leave_idle_list_locked (P2pWorker *worker)
{
  P2pPool *pool = worker->pool;

  if (worker->prev)
    worker->prev->next = worker->next;
  else
    pool->idle = worker->next;
  if (worker->next)
    worker->next->prev = worker->prev;
  worker->prev = worker->next = NULL;
  worker->idle = false;
  pool->n_idle--;
}

/* Takes idle workers until that many are under way. */
void
p2p_pool_wake_locked (P2pPool *pool, unsigned wanted, P2pWakes *wakes)
{
  while (pool->n_waking < wanted && pool->idle && wakes->n < P2P_POOL_MAX_WAKES)
    {
      P2pWorker *worker = pool->idle;

      leave_idle_list_locked (worker);
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
p2p_pool_submit (P2pPool *pool, P2pTask *task)
{
  P2pWakes wakes;

  wakes.n = 0;
  wakes.kick = wakes.keeper = false;
  task->queued_at_us = p2p_now_us ();
  p2p_mutex_lock (&pool->lock);
  g_assert (!pool->quitting);
  p2p_task_list_append (&pool->queue, task);
  wake_for_queue_locked (pool, &wakes);
  p2p_mutex_unlock (&pool->lock);
  p2p_wakes_send (pool, &wakes);
}

/* Workers ----------------------------------------------------------------------------------------- */

static void
run_next_locked (P2pWorker *worker)
{
  P2pPool *pool = worker->pool;
  P2pTask *task = pop_task (&pool->queue);
  P2pWakes wakes;

  wakes.n = 0;
  wakes.kick = wakes.keeper = false;
  pool->n_running++;
  pool->n_taken++;
  pool->n_since_poll++;
  pool->taken_us = p2p_now_us ();
  worker->run = task->run;
  worker->since_us = pool->taken_us;
  /* Somebody must notice when this task takes its time and nobody else is under way. */
  if (pool->queue.head || (!pool->role_held && pool->n_waking == 0))
    p2p_pool_need_keeper_locked (pool, &wakes);
  p2p_mutex_unlock (&pool->lock);
  p2p_wakes_send (pool, &wakes);

  task->run (task);

  p2p_mutex_lock (&pool->lock);
  worker->run = NULL;
  pool->n_running--;
  pool->n_done++;
}

/* One turn of the waiter's role: waits, queues what woke, and hands the role on if anybody is idle. The caller then takes
 * the first of the queue itself. */
static void
hold_role_locked (P2pPool *pool)
{
  P2pTaskList woken = { NULL, NULL, 0 };
  bool poll_only = pool->queue.head != NULL;
  P2pWakes wakes;
  int64_t now_us;

  wakes.n = 0;
  wakes.kick = wakes.keeper = false;
  pool->role_held = true;
  pool->n_since_poll = 0;
  p2p_mutex_unlock (&pool->lock);

  now_us = p2p_waiter_wait (pool, poll_only, &woken);

  p2p_mutex_lock (&pool->lock);
  append_list (&pool->queue, &woken);
  pool->role_held = false;
  pool->kicked = false;
  pool->role_free_us = now_us;
  if (!pool->queue.head)
    return;
  /* Nothing else is parked, so nobody needs to wait for it: saves a single client a wake-up for each request. The keeper
   * sends somebody should this task take its time. */
  if (pool->queue.n == 1 && atomic_load_explicit (&pool->n_parked, memory_order_relaxed) == 0)
    return;
  p2p_pool_wake_locked (pool, MIN (pool->queue.n, pool->wakes_max), &wakes);
  if (wakes.n == 0)
    return;
  p2p_mutex_unlock (&pool->lock);
  p2p_wakes_send (pool, &wakes);
  p2p_mutex_lock (&pool->lock);
}

/* Sleeps until there may be work; false: idle for so long that the thread may end. */
static bool
sleep_locked (P2pWorker *worker)
{
  P2pPool *pool = worker->pool;
  int64_t deadline_us = p2p_deadline_ms (pool->options.idle_ms);

  worker->idle = true;
  worker->prev = NULL;
  worker->next = pool->idle;
  if (pool->idle)
    pool->idle->prev = worker;
  pool->idle = worker;
  pool->n_idle++;
  while (worker->idle)
    if (!p2p_cond_wait (&worker->cond, &pool->lock, deadline_us) && worker->idle)
      {
        if (pool->n_threads > pool->options.threads_min)
          {
            leave_idle_list_locked (worker);
            return false;
          }
        deadline_us = p2p_deadline_ms (pool->options.idle_ms);
      }
  pool->n_waking--;
  return true;
}

/* The worker ends: somebody else comes for the queue and the role. */
static void
leave_work_locked (P2pPool *pool)
{
  P2pWakes wakes;

  if (!pool->queue.head && pool->role_held)
    return;
  wakes.n = 0;
  wakes.kick = wakes.keeper = false;
  p2p_pool_wake_locked (pool, 1, &wakes);
  p2p_pool_need_keeper_locked (pool, &wakes);
  p2p_mutex_unlock (&pool->lock);
  p2p_wakes_send (pool, &wakes);
  p2p_mutex_lock (&pool->lock);
}

static bool
work_locked (P2pWorker *worker)
{
  P2pPool *pool = worker->pool;
  bool must_poll = !pool->role_held && pool->n_since_poll >= MAX_TASKS_WITHOUT_POLL;

  if (pool->n_running == 0 && !pool->queue.head && atomic_load (&pool->stopping))
    p2p_cond_broadcast (&pool->drained);
  /* More than bring anything (growth.c). Never the last one that is awake: the others sleep until somebody wakes them. */
  if (pool->n_threads > pool->growth.limit && pool->n_running > 0)
    {
      leave_work_locked (pool);
      return false;
    }
  if (pool->queue.head && !must_poll)
    {
      run_next_locked (worker);
      return true;
    }
  if (pool->quitting && !pool->queue.head)
    return false;
  if (pool->role_held)
    return sleep_locked (worker);
  hold_role_locked (pool);
  return true;
}

static void *
worker_main (void *data)
{
  P2pWorker *worker = data;
  P2pPool *pool = worker->pool;
  const struct sched_param param = { 0 };

  /* A batch thread does not preempt who woke it: 10 to 20 per cent more requests/s here. May be forbidden. */
  (void) sched_setscheduler (0, SCHED_BATCH, &param);
  (void) pthread_setname_np (pthread_self (), pool->options.name); /* for people only */
  p2p_mutex_lock (&pool->lock);
  pool->n_waking--;
  while (work_locked (worker))
    ;
  pool->n_threads--;
  worker->next = pool->ended;
  pool->ended = worker;
  if (pool->quitting && pool->n_threads == 0)
    p2p_cond_broadcast (&pool->drained);
  p2p_mutex_unlock (&pool->lock);
  return NULL;
}

static P2pWorker *
take_worker_locked (P2pPool *pool)
{
  P2pWorker *worker = pool->unused;

  if (worker)
    {
      pool->unused = worker->next;
      worker->next = NULL;
      return worker;
    }
  worker = g_new0 (P2pWorker, 1);
  worker->pool = pool;
  p2p_cond_init (&worker->cond);
  worker->all = pool->all;
  pool->all = worker;
  return worker;
}

/* Called by p2p_pool_new () and then by the keeper only, which also joins: so thread needs no lock. */
bool
p2p_pool_start_workers (P2pPool *pool, unsigned n)
{
  pthread_attr_t attr;
  int error = 0;

  P2P_PTHREAD (pthread_attr_init (&attr));
  P2P_PTHREAD (pthread_attr_setstacksize (&attr, STACK_SIZE));
  for (unsigned i = 0; i < n && !error; i++)
    {
      P2pWorker *worker;

      p2p_mutex_lock (&pool->lock);
      worker = take_worker_locked (pool);
      p2p_mutex_unlock (&pool->lock);
      error = pthread_create (&worker->thread, &attr, worker_main, worker);
      if (error)
        {
          p2p_mutex_lock (&pool->lock);
          worker->next = pool->unused;
          pool->unused = worker;
          pool->n_threads -= n - i;
          pool->n_waking -= n - i;
          p2p_mutex_unlock (&pool->lock);
        }
    }
  P2P_PTHREAD (pthread_attr_destroy (&attr));
  errno = error;
  return error == 0;
}

void
p2p_pool_join_ended (P2pPool *pool)
{
  p2p_mutex_lock (&pool->lock);
  while (pool->ended)
    {
      P2pWorker *worker = pool->ended;

      pool->ended = worker->next;
      p2p_mutex_unlock (&pool->lock);
      P2P_PTHREAD (pthread_join (worker->thread, NULL));
      p2p_mutex_lock (&pool->lock);
      worker->next = pool->unused;
      pool->unused = worker;
    }
  p2p_mutex_unlock (&pool->lock);
}

/* The pool ------------------------------------------------------------------------------------------ */

static unsigned
count_processors (void)
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

  g_assert (options->threads_max >= 1 && options->threads_max >= options->threads_min);
  g_assert (options->idle_ms > 0);
  pool->options = *options;
  pool->options.threads_min = MAX (options->threads_min, 1);
  pool->wakes_max = MAX (count_processors () / 2, 1);
  p2p_growth_init (pool, count_processors ());
  p2p_mutex_init (&pool->lock, P2P_LOCK_POOL);
  p2p_cond_init (&pool->keeper_cond);
  p2p_cond_init (&pool->drained);
  p2p_deadlines_init (pool);
  p2p_slots_init (pool);
  pool->n_threads = pool->n_waking = pool->options.threads_min;
  if (!p2p_waiter_init (pool, error))
    pool->n_threads = pool->n_waking = 0;
  else if (!p2p_pool_start_workers (pool, pool->options.threads_min)
           || !p2p_keeper_start (pool))
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

  wakes.n = 0;
  wakes.kick = wakes.keeper = false;
  atomic_store (&pool->stopping, true);
  p2p_slots_stop (pool, &woken);
  p2p_mutex_lock (&pool->lock);
  append_list (&pool->queue, &woken);
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
      wakes.n = 0;
      wakes.kick = wakes.keeper = false;
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
