/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The pool's workers: a thread takes the next task without sleeping; when there is none it takes
 * the waiter's role, and when somebody has that already it sleeps on its own condition, and ends
 * after a while.
 *
 * Only workers enter worker_main (); the keeper and p2p_pool_new () start and join them. pool->lock
 * guards what pool-priv.h says. */
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

static _Thread_local P2pWorker *self; /* (nullable: not a worker) */

P2pWorker *
p2p_worker_self (void)
{
  return self;
}

void
p2p_worker_leave_idle_locked (P2pWorker *worker)
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

static void
run_next_locked (P2pWorker *worker)
{
  P2pPool *pool = worker->pool;
  P2pTask *task = pop_task (&pool->queue);
  P2pWakes wakes;

  p2p_wakes_init (&wakes);
  pool->n_running++;
  pool->n_taken++;
  pool->n_since_poll++;
  pool->taken_us = p2p_now_us ();
  worker->run = task->run;
  worker->since_us = pool->taken_us;
  worker->more = pool->queue.head != NULL;
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

/* One turn of the waiter's role: waits, queues what woke, and hands the role on if anybody is idle.
 * The caller then takes the first of the queue itself. */
static void
hold_role_locked (P2pPool *pool)
{
  P2pTaskList woken = { NULL, NULL, 0 };
  bool poll_only = pool->queue.head != NULL;
  P2pWakes wakes;
  int64_t now_us;

  p2p_wakes_init (&wakes);
  pool->role_held = true;
  pool->n_since_poll = 0;
  p2p_mutex_unlock (&pool->lock);

  now_us = p2p_waiter_wait (pool, poll_only, &woken);

  p2p_mutex_lock (&pool->lock);
  p2p_task_list_append_all (&pool->queue, &woken);
  pool->role_held = false;
  pool->kicked = false;
  pool->role_free_us = now_us;
  if (!pool->queue.head)
    return;
  /* Nothing else is parked, so nobody needs to wait for it: saves a single client a wake-up for
   * each request. The keeper sends somebody should this task take its time. */
  if (pool->queue.n == 1 && atomic_load_explicit (&pool->n_parked, memory_order_relaxed) == 0)
    return;
  p2p_pool_wake_locked (pool, MIN (pool->queue.n, pool->helpers_max), &wakes);
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
            p2p_worker_leave_idle_locked (worker);
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
  p2p_wakes_init (&wakes);
  p2p_pool_wake_locked (pool, 1, &wakes);
  p2p_pool_need_keeper_locked (pool, &wakes);
  p2p_mutex_unlock (&pool->lock);
  p2p_wakes_send (pool, &wakes);
  p2p_mutex_lock (&pool->lock);
}

/* More threads than bring anything (growth.c). Never the last one that is awake: the others sleep
 * until somebody wakes them. */
static bool
is_surplus_locked (const P2pPool *pool)
{
  return pool->n_threads > pool->growth.limit && pool->n_running > 0;
}

static bool
work_locked (P2pWorker *worker)
{
  P2pPool *pool = worker->pool;
  bool must_poll = !pool->role_held && pool->n_since_poll >= MAX_TASKS_WITHOUT_POLL;
  bool has_task = pool->queue.head && !must_poll, surplus = is_surplus_locked (pool);

  if (worker->n_later > 0 && (!has_task || surplus || p2p_now_us () >= worker->later_by_us))
    {
      p2p_mutex_unlock (&pool->lock);
      p2p_pool_do_later ();
      p2p_mutex_lock (&pool->lock);
      return true;
    }
  if (pool->n_running == 0 && !pool->queue.head && atomic_load (&pool->stopping))
    p2p_cond_broadcast (&pool->drained);
  if (surplus)
    {
      leave_work_locked (pool);
      return false;
    }
  if (has_task)
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

  self = worker;
  /* A batch thread does not preempt who woke it: 10 to 20 per cent more requests/s here. May be
   * forbidden. */
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

/* Somebody who computes would come for the queue and the role; and where nothing is parked there is
 * nothing to come for, which saves a single client a wake-up for each request. */
void
p2p_pool_sleep_begin (void)
{
  P2pPool *pool = self ? self->pool : NULL;
  P2pWakes wakes;

  if (!pool)
    return;
  p2p_pool_do_later ();
  p2p_wakes_init (&wakes);
  p2p_mutex_lock (&pool->lock);
  pool->n_asleep++;
  if (pool->n_asleep == pool->n_running && !pool->role_held
      && (pool->queue.head || atomic_load_explicit (&pool->n_parked, memory_order_relaxed) > 0))
    {
      p2p_pool_wake_locked (pool, 1, &wakes);
      p2p_pool_need_keeper_locked (pool, &wakes);
    }
  p2p_mutex_unlock (&pool->lock);
  p2p_wakes_send (pool, &wakes);
}

void
p2p_pool_sleep_end (void)
{
  int error = errno; /* the call's */

  if (!self)
    return;
  p2p_mutex_lock (&self->pool->lock);
  self->pool->n_asleep--;
  p2p_mutex_unlock (&self->pool->lock);
  errno = error;
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

/* Called by p2p_pool_new () and then by the keeper only, which also joins: so thread needs no lock.
 */
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
