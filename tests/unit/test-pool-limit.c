/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A pool at its limit of threads. One whose limit fell below what it has, at rest: whoever wakes
 * next must not be the last one awake to leave. One with as many tasks as threads: nobody waits in
 * epoll while a task waits in the queue. */
#include "lib/pool-priv.h"
#include "lib/stream-tcp.h"

#include <glib.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_THREADS 8
#define N_ROUNDS 20
#define WITHIN_S 10

typedef struct
{
  P2pTask task;
  sem_t *begun, *go;
} Blocker;

static void
wait_for (sem_t *sem)
{
  struct timespec until;

  g_assert_cmpint (clock_gettime (CLOCK_REALTIME, &until), ==, 0);
  until.tv_sec += WITHIN_S;
  g_assert_cmpint (sem_timedwait (sem, &until), ==, 0);
}

static void
block_run (P2pTask *task)
{
  Blocker *blocker = (Blocker *) task;
  sem_t *go = blocker->go;

  g_assert_cmpint (sem_post (blocker->begun), ==, 0);
  wait_for (go);
}

/* Makes the pool have that many threads, all idle afterwards. */
static void
fill (P2pPool *pool)
{
  Blocker blockers[N_THREADS];
  sem_t begun, go;

  g_assert_cmpint (sem_init (&begun, 0, 0) | sem_init (&go, 0, 0), ==, 0);
  for (unsigned i = 0; i < N_THREADS; i++)
    {
      blockers[i] = (Blocker){ .task.run = block_run, .begun = &begun, .go = &go };
      p2p_pool_submit (pool, &blockers[i].task);
    }
  for (unsigned i = 0; i < N_THREADS; i++)
    wait_for (&begun);
  for (unsigned i = 0; i < N_THREADS; i++)
    g_assert_cmpint (sem_post (&go), ==, 0);
}

/* Waits until the keeper sleeps: nobody looks after the queue then but the workers themselves. */
static void
await_rest (P2pPool *pool)
{
  int64_t deadline_us = p2p_deadline_ms (WITHIN_S * 1000);
  bool rests = false;

  while (!rests)
    {
      p2p_mutex_lock (&pool->lock);
      rests = pool->keeper_asleep && pool->n_running == 0 && pool->role_held;
      p2p_mutex_unlock (&pool->lock);
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      (void) poll (NULL, 0, 1); /* between two looks */
    }
}

typedef struct
{
  P2pParked parked;
  P2pStream *strm;
  sem_t woken;
} Guest;

static void
woken_cb (P2pParked *parked, P2pWake wake)
{
  Guest *guest = (Guest *) parked;
  char byte;
  size_t n;

  g_assert_cmpint (wake, ==, P2P_WAKE_READY);
  g_assert_cmpint (p2p_stream_read (guest->strm, &byte, 1, &n, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpint (sem_post (&guest->woken), ==, 0);
}

static void
test_limit_below (void)
{
  P2pPoolOptions options = {
    .name = "limit", .threads_min = 1, .threads_max = N_THREADS, .queue_max = 100, .idle_ms = 60000
  };
  P2pPool *pool = p2p_pool_new (&options, NULL);
  Guest guest = { 0 };
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  g_assert_cmpint (sem_init (&guest.woken, 0, 0), ==, 0);
  guest.strm = p2p_stream_tcp_new (fds[0]);
  fill (pool);
  p2p_parked_init (&guest.parked, pool, woken_cb);
  for (unsigned i = 0; i < N_ROUNDS; i++)
    {
      P2pWait item = { .strm = guest.strm, .want = P2P_READABLE };

      p2p_park (&guest.parked, &item, 1, P2P_FOREVER);
      await_rest (pool);
      p2p_mutex_lock (&pool->lock);
      pool->growth.limit = 1;
      p2p_mutex_unlock (&pool->lock);
      g_assert_cmpint (send (fds[1], "x", 1, 0), ==, 1);
      wait_for (&guest.woken);
    }
  g_assert_true (p2p_pool_stop (pool, p2p_deadline_ms (WITHIN_S * 1000)));
  p2p_parked_done (&guest.parked);
  p2p_pool_free (pool);
  p2p_stream_close (guest.strm);
  g_assert_cmpint (close (fds[1]), ==, 0);
}

static void
quick_run (P2pTask *task)
{
  (void) task;
}

static void
await_end (P2pPool *pool)
{
  int64_t deadline_us = p2p_deadline_ms (WITHIN_S * 1000);
  bool ended = false;

  while (!ended)
    {
      p2p_mutex_lock (&pool->lock);
      ended = pool->n_running == 0 && !pool->queue.head;
      p2p_mutex_unlock (&pool->lock);
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      (void) poll (NULL, 0, 1); /* between two looks */
    }
}

/* A thread is on its way for the first of these tasks and so nobody is told of the second; the last
 * thread that is left has gone to wait in epoll meanwhile. The quick ones make such chances
 * frequent. */
static void
test_all_at_work (void)
{
  P2pPoolOptions options = {
    .name = "work", .threads_min = 1, .threads_max = N_THREADS, .queue_max = 100, .idle_ms = 60000
  };

  for (unsigned round = 0; round < 20; round++)
    {
      P2pPool *pool = p2p_pool_new (&options, NULL);
      P2pTask quick[N_THREADS];
      Blocker blockers[N_THREADS];
      sem_t begun, go;

      g_assert_cmpint (sem_init (&begun, 0, 0) | sem_init (&go, 0, 0), ==, 0);
      for (unsigned i = 0; i < N_THREADS; i++)
        {
          blockers[i] = (Blocker){ .task.run = block_run, .begun = &begun, .go = &go };
          p2p_pool_submit (pool, &blockers[i].task);
          quick[i] = (P2pTask){ .run = quick_run };
          p2p_pool_submit (pool, &quick[i]);
          if ((i + round) % 3 == 0)
            (void) poll (NULL, 0, (int) (round % 5)); /* threads are made meanwhile, or not */
        }
      for (unsigned i = 0; i < N_THREADS; i++)
        wait_for (&begun);
      for (unsigned i = 0; i < N_THREADS; i++)
        g_assert_cmpint (sem_post (&go), ==, 0);
      await_end (pool);
      g_assert_true (p2p_pool_stop (pool, p2p_deadline_ms (WITHIN_S * 1000)));
      p2p_pool_free (pool);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/pool/limit-below", test_limit_below);
  g_test_add_func ("/pool/all-at-work", test_all_at_work);
  return g_test_run ();
}
