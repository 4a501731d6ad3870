/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Parking under load: workers that are busy or blocked, many deadlines, all ways to be woken at
 * once. */
#include "tests/unit/waiter-fixture.h"

#include <pthread.h>

/* A queue that is never empty hides neither descriptors nor deadlines. */
typedef struct
{
  P2pTask task;
  P2pPool *pool; /* (borrowed) */
  _Atomic bool end, ended;
} Endless;

static void
endless_cb (P2pTask *task)
{
  Endless *endless = (Endless *) task;

  if (atomic_load (&endless->end))
    atomic_store (&endless->ended, true);
  else
    p2p_pool_submit (endless->pool, task);
}

static void
test_never_empty (void)
{
  WaiterFixture fix;
  Endless endless[8];

  waiter_fixture_init (&fix, &stream_pairs[0], NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (endless); i++)
    {
      endless[i] = (Endless){ .task = { .run = endless_cb }, .pool = fix.pool };
      p2p_pool_submit (fix.pool, &endless[i].task);
    }
  for (unsigned i = 0; i < 20; i++)
    {
      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[0]);
      waiter_fixture_expect (&fix, 2 * i + 1, P2P_WAKE_READY);
      get_byte (fix.near[0]);
      waiter_fixture_park (&fix, p2p_deadline_ms (5));
      waiter_fixture_expect (&fix, 2 * i + 2, P2P_WAKE_TIMEOUT);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (endless); i++)
    atomic_store (&endless[i].end, true);
  for (unsigned i = 0; i < G_N_ELEMENTS (endless); i++)
    WAIT_FOR (atomic_load (&endless[i].ended));
  waiter_fixture_done (&fix);
}

/* The only parked object's task blocks, so nobody took the role from its worker: what is parked
 * meanwhile is woken all the same. */
typedef struct
{
  P2pParked parked;
  _Atomic bool running, end;
} Blocker;

static void
blocker_cb (P2pParked *parked, P2pWake wake)
{
  Blocker *blocker = (Blocker *) parked;
  int64_t until_us = p2p_deadline_ms (PATIENCE_MS);

  (void) wake;
  atomic_store (&blocker->running, true);
  while (!atomic_load (&blocker->end) && p2p_now_us () < until_us)
    g_usleep (200);
  atomic_store (&blocker->running, false);
}

static void
test_only_one_blocks (void)
{
  WaiterFixture fix;
  Blocker blocker = { .end = false };

  waiter_fixture_init (&fix, &stream_pairs[0], NULL);
  p2p_parked_init (&blocker.parked, fix.pool, blocker_cb);
  for (unsigned i = 1; i <= 20; i++)
    {
      atomic_store (&blocker.end, false);
      p2p_park (&blocker.parked, NULL, 0, p2p_deadline_ms (2));
      WAIT_FOR (atomic_load (&blocker.running));
      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[0]);
      waiter_fixture_expect (&fix, 2 * i - 1, P2P_WAKE_READY);
      get_byte (fix.near[0]);
      waiter_fixture_park (&fix, p2p_deadline_ms (2));
      waiter_fixture_expect (&fix, 2 * i, P2P_WAKE_TIMEOUT);
      g_assert_true (atomic_load (&blocker.running));
      atomic_store (&blocker.end, true);
      WAIT_FOR (!atomic_load (&blocker.running));
      /* Its worker may be about to leave run (). */
      WAIT_FOR (p2p_pool_get_stats (fix.pool).tasks_done == 3 * i);
    }
  p2p_parked_done (&blocker.parked);
  waiter_fixture_done (&fix);
}

/* A thousand deadlines in random order. */
typedef struct
{
  P2pParked parked;
  int64_t deadline_us;
} Sleeper;

static _Atomic unsigned n_awake;
static _Atomic int64_t worst_us;

static void
sleeper_cb (P2pParked *parked, P2pWake wake)
{
  Sleeper *sleeper = (Sleeper *) parked;
  int64_t late_us = p2p_now_us () - sleeper->deadline_us;
  int64_t worst = atomic_load (&worst_us);

  g_assert_cmpint (wake, ==, P2P_WAKE_TIMEOUT);
  g_assert_cmpint (late_us, >=, 0);
  while (late_us > worst && !atomic_compare_exchange_weak (&worst_us, &worst, late_us))
    ;
  p2p_parked_done (parked);
  g_free (sleeper);
  atomic_fetch_add (&n_awake, 1);
}

static void
test_many_deadlines (void)
{
  P2pPool *pool = waiter_fixture_pool (4);
  GRand *rand = g_rand_new_with_seed (1);
  int64_t begin_us = p2p_now_us ();

  atomic_store (&n_awake, 0);
  for (unsigned i = 0; i < 1000; i++)
    {
      Sleeper *sleeper = g_new0 (Sleeper, 1);

      sleeper->deadline_us = begin_us + g_rand_int_range (rand, 0, 200000);
      p2p_parked_init (&sleeper->parked, pool, sleeper_cb);
      p2p_park (&sleeper->parked, NULL, 0, sleeper->deadline_us);
    }
  g_rand_free (rand);
  WAIT_FOR (atomic_load (&n_awake) == 1000);
  g_test_message ("latest: %" G_GINT64_FORMAT " us after its deadline", atomic_load (&worst_us));
  g_assert_true (p2p_pool_stop (pool, p2p_deadline_ms (PATIENCE_MS)));
  p2p_pool_free (pool);
}

#define N_CONNS 24
#define N_PARKS 12000

/* Closes and connects again now and then, so that numbers of descriptors and slots are used again
 * at once. */
typedef struct
{
  P2pParked parked;
  P2pMutex lock;
  P2pPool *pool;      /* (borrowed) constant */
  P2pStream *near[2]; /* (owned) the run's, while it is not parked */
  P2pStream *far[2];  /* (owned) (lock: conn) */
  bool alive;         /* (lock: conn) far is there, the object may be kicked */
  GRand *rand;        /* (owned) the run's */
  _Atomic bool is_parked;
  _Atomic bool finished;
} Conn;

static _Atomic unsigned n_parks;
static _Atomic bool race_over;

static void
conn_open (Conn *conn)
{
  P2pStream *far[2];

  for (unsigned i = 0; i < 2; i++)
    {
      unsigned n_rows = 0;

      while (stream_pairs[n_rows].name)
        n_rows++;
      stream_pairs[g_rand_int_range (conn->rand, 0, (int) n_rows)].make (&conn->near[i], &far[i]);
    }
  P2P_LOCKED (&conn->lock);
  conn->far[0] = far[0];
  conn->far[1] = far[1];
  conn->alive = true;
}

static void
conn_close (Conn *conn)
{
  P2P_LOCKED (&conn->lock);
  conn->alive = false;
  p2p_parked_done (&conn->parked);
  for (unsigned i = 0; i < 2; i++)
    {
      p2p_stream_close (g_steal_pointer (&conn->near[i]));
      p2p_stream_close (g_steal_pointer (&conn->far[i]));
    }
}

static void
conn_park (Conn *conn)
{
  P2pWait items[2] = { { .strm = conn->near[0], .want = P2P_READABLE },
                       { .strm = conn->near[1], .want = P2P_READABLE } };
  int64_t deadline_us = p2p_deadline_ms (PATIENCE_MS);

  if (g_rand_int_range (conn->rand, 0, 4) == 0)
    deadline_us = p2p_now_us () + g_rand_int_range (conn->rand, 0, 2000);
  atomic_fetch_add (&n_parks, 1);
  g_assert_false (atomic_exchange (&conn->is_parked, true));
  p2p_park (&conn->parked, items, 2, deadline_us);
}

static void
conn_run_cb (P2pParked *parked, P2pWake wake)
{
  Conn *conn = (Conn *) parked;
  char bytes[64];
  size_t n;

  g_assert_true (atomic_exchange (&conn->is_parked, false));
  for (unsigned i = 0; i < 2; i++)
    (void) p2p_stream_read (conn->near[i], bytes, sizeof bytes, &n, P2P_TRY);
  if (atomic_load (&race_over) && wake == P2P_WAKE_STOP)
    {
      conn_close (conn);
      atomic_store (&conn->finished, true);
      return;
    }
  if (g_rand_int_range (conn->rand, 0, 6) == 0)
    {
      conn_close (conn);
      p2p_parked_init (&conn->parked, conn->pool, conn_run_cb);
      conn_open (conn);
    }
  conn_park (conn);
}

static void
disturb (Conn *conn, GRand *rand)
{
  struct iovec iov = { .iov_base = "x", .iov_len = 1 };
  size_t n;
  P2P_LOCKED (&conn->lock);

  if (!conn->alive)
    return;
  switch (g_rand_int_range (rand, 0, 8))
    {
    case 0:
      p2p_parked_kick (&conn->parked);
      break;
    case 1:
      (void) p2p_stream_writev (conn->far[0], &iov, 1, &n, P2P_TRY);
      (void) p2p_stream_writev (conn->far[1], &iov, 1, &n, P2P_TRY);
      break;
    default:
      (void) p2p_stream_writev (conn->far[g_rand_int_range (rand, 0, 2)], &iov, 1, &n, P2P_TRY);
      break;
    }
}

static void *
disturber_main (void *data)
{
  Conn *conns = data;
  GRand *rand = g_rand_new_with_seed ((guint32) (uintptr_t) &rand);
  int64_t until_us = p2p_deadline_ms (PATIENCE_MS * 3);

  while (atomic_load (&n_parks) < N_PARKS)
    {
      disturb (&conns[g_rand_int_range (rand, 0, N_CONNS)], rand);
      g_assert_cmpint (p2p_now_us (), <, until_us);
    }
  g_rand_free (rand);
  return NULL;
}

static void
test_races (void)
{
  P2pPool *pool = waiter_fixture_pool (8);
  Conn *conns = g_new0 (Conn, N_CONNS);
  pthread_t threads[2];

  atomic_store (&n_parks, 0);
  atomic_store (&race_over, false);
  for (unsigned i = 0; i < N_CONNS; i++)
    {
      Conn *conn = &conns[i];

      conn->pool = pool;
      conn->rand = g_rand_new_with_seed (i);
      p2p_mutex_init (&conn->lock, P2P_LOCK_LISTENERS); /* above the streams' locks */
      p2p_parked_init (&conn->parked, pool, conn_run_cb);
      conn_open (conn);
      conn_park (conn);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    P2P_PTHREAD (pthread_create (&threads[i], NULL, disturber_main, conns));
  for (unsigned i = 0; i < G_N_ELEMENTS (threads); i++)
    P2P_PTHREAD (pthread_join (threads[i], NULL));
  /* Nothing but the stop wakes those that nobody writes to any more. */
  atomic_store (&race_over, true);
  g_assert_true (p2p_pool_stop (pool, p2p_deadline_ms (PATIENCE_MS)));
  for (unsigned i = 0; i < N_CONNS; i++)
    {
      g_assert_true (atomic_load (&conns[i].finished));
      p2p_mutex_done (&conns[i].lock);
      g_rand_free (conns[i].rand);
    }
  g_assert_cmpuint (p2p_pool_get_stats (pool).parked, ==, 0);
  g_free (conns);
  p2p_pool_free (pool);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/waiter/never-empty", test_never_empty);
  g_test_add_func ("/waiter/only-one-blocks", test_only_one_blocks);
  g_test_add_func ("/waiter/many-deadlines", test_many_deadlines);
  g_test_add_func ("/waiter/races", test_races);
  return g_test_run ();
}
