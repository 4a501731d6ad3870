/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Parking: every way to be woken, over every back end, and that each park is followed by exactly
 * one run. */
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/pool-priv.h"
#include "lib/stream-tcp.h"
#include "tests/unit/stream-pairs.h"

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#define PATIENCE_MS 20000

/* Polls a condition to a deadline. */
#define WAIT_FOR(condition)                                                                        \
  do                                                                                               \
    {                                                                                              \
      int64_t until_us = p2p_deadline_ms (PATIENCE_MS);                                            \
      while (!(condition) && p2p_now_us () < until_us)                                             \
        g_usleep (100);                                                                            \
      g_assert_true (condition);                                                                   \
    }                                                                                              \
  while (0)

static P2pPool *
make_pool (unsigned threads_max)
{
  const P2pPoolOptions options = {
    .name = "test", .threads_min = 2, .threads_max = threads_max, .queue_max = 1000, .idle_ms = 50
  };
  g_autoptr (GError) error = NULL;
  P2pPool *pool = p2p_pool_new (&options, &error);

  g_assert_no_error (error);
  return pool;
}

/* One object with two streams whose far ends the test holds. run_cb () only notes how it was woken.
 */
typedef struct
{
  P2pParked parked;
  P2pPool *pool;      /* (owned) */
  P2pStream *near[2]; /* (owned) (nullable) */
  P2pStream *far[2];  /* (owned) (nullable) */
  P2pWait items[2];
  unsigned n_items;
  _Atomic unsigned n_runs;
  _Atomic unsigned wake;
} Fixture;

static void
run_cb (P2pParked *parked, P2pWake wake)
{
  Fixture *fix = (Fixture *) parked;

  atomic_store (&fix->wake, wake);
  atomic_fetch_add (&fix->n_runs, 1);
}

static void
setup (Fixture *fix, const StreamPairs *first, const StreamPairs *second)
{
  const StreamPairs *rows[] = { first, second };

  *fix = (Fixture){ .pool = make_pool (4) };
  for (unsigned i = 0; i < 2 && rows[i]; i++)
    {
      rows[i]->make (&fix->near[i], &fix->far[i]);
      fix->items[i] = (P2pWait){ .strm = fix->near[i], .want = P2P_READABLE };
      fix->n_items++;
    }
  p2p_parked_init (&fix->parked, fix->pool, run_cb);
}

static void
teardown (Fixture *fix)
{
  g_assert_true (p2p_pool_stop (fix->pool, p2p_deadline_ms (PATIENCE_MS)));
  p2p_parked_done (&fix->parked);
  for (unsigned i = 0; i < 2; i++)
    {
      p2p_stream_close (fix->near[i]);
      p2p_stream_close (fix->far[i]);
    }
  p2p_pool_free (fix->pool);
}

static void
park (Fixture *fix, int64_t deadline_us)
{
  p2p_park (&fix->parked, fix->items, fix->n_items, deadline_us);
}

static void
expect_run (Fixture *fix, unsigned n_runs, P2pWake wake)
{
  WAIT_FOR (atomic_load (&fix->n_runs) == n_runs);
  g_assert_cmpuint (atomic_load (&fix->wake), ==, wake);
  WAIT_FOR (p2p_pool_get_stats (fix->pool).parked == 0);
}

static void
put_byte (P2pStream *strm)
{
  struct iovec iov = { .iov_base = "x", .iov_len = 1 };
  size_t n;

  g_assert_cmpint (p2p_stream_write_all (strm, &iov, 1, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
                   P2P_IO_OK);
}

static void
get_byte (P2pStream *strm)
{
  char byte;
  size_t n;

  g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
                   P2P_IO_OK);
  g_assert_cmpint (byte, ==, 'x');
}

/* Ways to be woken
 * --------------------------------------------------------------------------------- */

static void
test_bytes (gconstpointer data)
{
  Fixture fix;

  setup (&fix, data, NULL);
  for (unsigned i = 1; i <= 20; i++)
    {
      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
      g_assert_cmpuint (atomic_load (&fix.n_runs), ==, i - 1);
      put_byte (fix.far[0]);
      expect_run (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[0]);
    }
  teardown (&fix);
}

static void
test_bytes_before (gconstpointer data)
{
  Fixture fix;

  setup (&fix, data, NULL);
  for (unsigned i = 1; i <= 20; i++)
    {
      put_byte (fix.far[0]);
      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      expect_run (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[0]);
    }
  teardown (&fix);
}

/* Two records in one segment and a park after the first: over TLS the second is in the layer's own
 * read-ahead and the socket is empty, so the descriptor would never tell. */
static void
test_two_records (gconstpointer data)
{
  Fixture fix;
  int fd;

  setup (&fix, data, NULL);
  fd = p2p_stream_fd (fix.near[0]);
  for (unsigned i = 1; i <= 20; i++)
    {
      struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

      put_byte (fix.far[0]);
      put_byte (fix.far[0]);
      get_byte (fix.near[0]);
      if (fd >= 0 && poll (&poll_fd, 1, 0) == 0)
        g_assert_cmpuint (p2p_stream_pending (fix.near[0]), >, 0);
      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      expect_run (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[0]);
    }
  teardown (&fix);
}

/* The byte comes at some moment of the park, from before the question to after the registration. */
static void
test_bytes_meanwhile (gconstpointer data)
{
  Fixture fix;
  GRand *rand = g_rand_new_with_seed (7);

  setup (&fix, data, NULL);
  for (unsigned i = 1; i <= 1000; i++)
    {
      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      for (int spin = g_rand_int_range (rand, 0, 200); spin > 0; spin--)
        atomic_signal_fence (memory_order_seq_cst);
      put_byte (fix.far[0]);
      for (int64_t until_us = p2p_deadline_ms (PATIENCE_MS); atomic_load (&fix.n_runs) < i;)
        {
          g_assert_cmpint (p2p_now_us (), <, until_us);
          sched_yield ();
        }
      get_byte (fix.near[0]);
    }
  g_rand_free (rand);
  g_assert_cmpuint (atomic_load (&fix.wake), ==, P2P_WAKE_READY);
  teardown (&fix);
}

static void
test_end_of_stream (gconstpointer data)
{
  Fixture fix;

  setup (&fix, data, NULL);
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  g_assert_cmpint (p2p_stream_shutdown (fix.far[0], p2p_deadline_ms (PATIENCE_MS)), ==, P2P_IO_OK);
  expect_run (&fix, 1, P2P_WAKE_READY);
  /* Hang-up is found even when nothing is asked for, a half-close is not. */
  fix.items[0].want = 0;
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
  p2p_stream_reset (fix.far[0]);
  p2p_stream_close (g_steal_pointer (&fix.far[0]));
  expect_run (&fix, 2, P2P_WAKE_READY);
  teardown (&fix);
}

/* The end comes together with the last bytes: after they were read nothing new will tell of it. */
static void
test_bytes_and_end (gconstpointer data)
{
  Fixture fix;
  char bytes[16];
  size_t n;

  setup (&fix, data, NULL);
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  g_assert_cmpint (p2p_stream_shutdown (fix.far[0], p2p_deadline_ms (PATIENCE_MS)), ==, P2P_IO_OK);
  expect_run (&fix, 1, P2P_WAKE_READY);
  g_assert_cmpint (
      p2p_stream_read (fix.near[0], bytes, sizeof bytes, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
      P2P_IO_OK);
  g_assert_cmpuint (n, ==, 1);
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  expect_run (&fix, 2, P2P_WAKE_READY);
  g_assert_cmpint (
      p2p_stream_read (fix.near[0], bytes, sizeof bytes, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
      P2P_IO_EOF);
  teardown (&fix);
}

/* A thread waits for a stream that has been parked, then it is parked again. */
static void
test_thread_between (gconstpointer data)
{
  Fixture fix;

  setup (&fix, data, NULL);
  for (unsigned i = 1; i <= 20; i++)
    {
      P2pWait item = { .strm = fix.near[0], .want = P2P_READABLE };

      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[0]);
      expect_run (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[0]);
      g_assert_cmpint (p2p_stream_wait (&item, 1, p2p_deadline_ms (1)), ==, P2P_IO_TIMEOUT);
      put_byte (fix.far[0]);
      g_assert_cmpint (p2p_stream_wait (&item, 1, p2p_deadline_ms (PATIENCE_MS)), ==, P2P_IO_OK);
      get_byte (fix.near[0]);
    }
  teardown (&fix);
}

static void
test_timeout (gconstpointer data)
{
  Fixture fix;
  static const unsigned delays_ms[] = { 30, 5, 50, 1, 20 };

  setup (&fix, data, NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (delays_ms); i++)
    {
      int64_t deadline_us = p2p_deadline_ms (delays_ms[i]);

      park (&fix, deadline_us);
      expect_run (&fix, i + 1, P2P_WAKE_TIMEOUT);
      g_assert_cmpint (p2p_now_us (), >=, deadline_us);
    }
  /* A deadline that is pushed back by every park, then one that is not. */
  for (unsigned i = 0; i < 100; i++)
    {
      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[0]);
      WAIT_FOR (atomic_load (&fix.n_runs) == G_N_ELEMENTS (delays_ms) + i + 1);
      g_assert_cmpuint (atomic_load (&fix.wake), ==, P2P_WAKE_READY);
      get_byte (fix.near[0]);
    }
  park (&fix, p2p_deadline_ms (10));
  expect_run (&fix, G_N_ELEMENTS (delays_ms) + 101, P2P_WAKE_TIMEOUT);
  park (&fix, P2P_FOREVER);
  WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
  teardown (&fix);
  g_assert_cmpuint (fix.wake, ==, P2P_WAKE_STOP);
}

static void
test_deadline_passed (gconstpointer data)
{
  Fixture fix;

  setup (&fix, data, NULL);
  for (unsigned i = 1; i <= 200; i++)
    {
      int64_t begin_us = p2p_now_us ();

      park (&fix, i % 2 ? P2P_TRY : begin_us);
      expect_run (&fix, i, P2P_WAKE_TIMEOUT);
      g_assert_cmpint (p2p_now_us () - begin_us, <, PATIENCE_MS * 1000);
    }
  teardown (&fix);
}

static void
test_kick (gconstpointer data)
{
  Fixture fix;

  setup (&fix, data, NULL);
  p2p_parked_kick (&fix.parked);
  for (unsigned i = 1; i <= 20; i++)
    {
      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
      p2p_parked_kick (&fix.parked);
      p2p_parked_kick (&fix.parked);
      expect_run (&fix, i, P2P_WAKE_STOP);
    }
  p2p_parked_kick (&fix.parked);
  g_assert_cmpuint (atomic_load (&fix.n_runs), ==, 20);
  teardown (&fix);
}

static void
test_stop (gconstpointer data)
{
  Fixture fix;

  setup (&fix, data, NULL);
  park (&fix, P2P_FOREVER);
  g_assert_true (p2p_pool_stop (fix.pool, p2p_deadline_ms (PATIENCE_MS)));
  expect_run (&fix, 1, P2P_WAKE_STOP);
  park (&fix, P2P_FOREVER);
  expect_run (&fix, 2, P2P_WAKE_STOP);
  teardown (&fix);
}

static void
test_two (gconstpointer data)
{
  const StreamPairs *const *rows = data;
  Fixture fix;

  setup (&fix, rows[0], rows[1]);
  for (unsigned i = 1; i <= 40; i++)
    {
      unsigned side = i / 3 % 2;

      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[side]);
      expect_run (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[side]);
    }
  /* Both at once are one run. */
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  put_byte (fix.far[1]);
  expect_run (&fix, 41, P2P_WAKE_READY);
  get_byte (fix.near[0]);
  get_byte (fix.near[1]);
  park (&fix, p2p_deadline_ms (5));
  expect_run (&fix, 42, P2P_WAKE_TIMEOUT);
  teardown (&fix);
}

/* One stream asked for reading and writing by two items: one descriptor. Only for what has no bell.
 */
static void
test_same_descriptor (void)
{
  Fixture fix;

  setup (&fix, &stream_pairs[0], NULL);
  g_assert_cmpint (p2p_stream_fd (fix.near[0]), >=, 0);
  fix.items[1] = (P2pWait){ .strm = fix.near[0], .want = 0 };
  fix.n_items = 2;
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  expect_run (&fix, 1, P2P_WAKE_READY);
  fix.items[1].want = P2P_WRITABLE;
  get_byte (fix.near[0]);
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  expect_run (&fix, 2, P2P_WAKE_READY);
  teardown (&fix);
}

/* The object goes on with another connection, whose descriptor has the number of the one before. */
static void
test_number_again (void)
{
  Fixture fix;
  int fd, fds[2];

  setup (&fix, &stream_pairs[0], NULL);
  park (&fix, p2p_deadline_ms (1));
  expect_run (&fix, 1, P2P_WAKE_TIMEOUT);
  fd = p2p_stream_fd (fix.near[0]);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  p2p_stream_close (fix.near[0]);
  p2p_stream_close (fix.far[0]);
  g_assert_cmpint (dup3 (fds[0], fd, O_CLOEXEC), ==, fd);
  p2p_fd_close (&fds[0]);
  fix.near[0] = fix.items[0].strm = p2p_stream_tcp_new (fd);
  fix.far[0] = p2p_stream_tcp_new (fds[1]);
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  expect_run (&fix, 2, P2P_WAKE_READY);
  teardown (&fix);
}

/* The connection goes on with another object. */
static void
test_object_again (void)
{
  Fixture fix;

  setup (&fix, &stream_pairs[0], NULL);
  park (&fix, p2p_deadline_ms (1));
  expect_run (&fix, 1, P2P_WAKE_TIMEOUT);
  p2p_parked_done (&fix.parked);
  p2p_parked_init (&fix.parked, fix.pool, run_cb);
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  expect_run (&fix, 2, P2P_WAKE_READY);
  teardown (&fix);
}

/* What was meant for an earlier park wakes nobody. */
static void
test_late_event (void)
{
  Fixture fix;
  P2pSlot *slot;

  setup (&fix, &stream_pairs[0], NULL);
  slot = fix.parked.slot;
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  p2p_parked_kick (&fix.parked);
  expect_run (&fix, 1, P2P_WAKE_STOP);
  park (&fix, p2p_deadline_ms (PATIENCE_MS));
  WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
  g_assert_false (
      p2p_slot_wake (slot, p2p_slot_generation (atomic_load (&slot->word)) - 1, P2P_WAKE_READY));
  g_assert_cmpuint (p2p_pool_get_stats (fix.pool).parked, ==, 1);
  g_assert_cmpuint (atomic_load (&fix.n_runs), ==, 1);
  teardown (&fix);
}

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
  Fixture fix;
  Endless endless[8];

  setup (&fix, &stream_pairs[0], NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (endless); i++)
    {
      endless[i] = (Endless){ .task = { .run = endless_cb }, .pool = fix.pool };
      p2p_pool_submit (fix.pool, &endless[i].task);
    }
  for (unsigned i = 0; i < 20; i++)
    {
      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[0]);
      expect_run (&fix, 2 * i + 1, P2P_WAKE_READY);
      get_byte (fix.near[0]);
      park (&fix, p2p_deadline_ms (5));
      expect_run (&fix, 2 * i + 2, P2P_WAKE_TIMEOUT);
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (endless); i++)
    atomic_store (&endless[i].end, true);
  for (unsigned i = 0; i < G_N_ELEMENTS (endless); i++)
    WAIT_FOR (atomic_load (&endless[i].ended));
  teardown (&fix);
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
  Fixture fix;
  Blocker blocker = { .end = false };

  setup (&fix, &stream_pairs[0], NULL);
  p2p_parked_init (&blocker.parked, fix.pool, blocker_cb);
  for (unsigned i = 1; i <= 20; i++)
    {
      atomic_store (&blocker.end, false);
      p2p_park (&blocker.parked, NULL, 0, p2p_deadline_ms (2));
      WAIT_FOR (atomic_load (&blocker.running));
      park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[0]);
      expect_run (&fix, 2 * i - 1, P2P_WAKE_READY);
      get_byte (fix.near[0]);
      park (&fix, p2p_deadline_ms (2));
      expect_run (&fix, 2 * i, P2P_WAKE_TIMEOUT);
      g_assert_true (atomic_load (&blocker.running));
      atomic_store (&blocker.end, true);
      WAIT_FOR (!atomic_load (&blocker.running));
      /* Its worker may be about to leave run (). */
      WAIT_FOR (p2p_pool_get_stats (fix.pool).tasks_done == 3 * i);
    }
  p2p_parked_done (&blocker.parked);
  teardown (&fix);
}

/* A stream that rings while it is being armed: the latest moment at which a frame can come before
 * the park is complete. */
typedef struct
{
  P2pStream base;
  _Atomic int armed;
} Eager;

static unsigned
eager_arm (P2pStream *strm, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  (void) want;
  atomic_fetch_add (&((Eager *) strm)->armed, 1);
  bell->ring (bell);
  bell->ring (bell);
  *ret_arm = (P2pArm){ .fd = -1 };
  return 0;
}

static void
eager_disarm (P2pStream *strm)
{
  g_assert_cmpint (atomic_fetch_sub (&((Eager *) strm)->armed, 1), ==, 1);
}

static void
test_ring_while_arming (gconstpointer data)
{
  static const P2pStreamOps ops = { .name = "eager", .arm = eager_arm, .disarm = eager_disarm };
  Eager eager = { .base = { .ops = &ops } };
  Fixture fix;

  for (unsigned first = 0; first < 2; first++)
    {
      setup (&fix, data, NULL);
      fix.n_items = 2;
      fix.items[first] = fix.items[0];
      fix.items[1 - first] = (P2pWait){ .strm = &eager.base, .want = P2P_READABLE };
      for (unsigned i = 1; i <= 50; i++)
        {
          park (&fix, p2p_deadline_ms (PATIENCE_MS));
          expect_run (&fix, i, P2P_WAKE_READY);
          g_assert_cmpint (atomic_load (&eager.armed), ==, 0);
        }
      teardown (&fix);
    }
}

/* All ways at once
 * ----------------------------------------------------------------------------------- */

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
  P2pPool *pool = make_pool (8);
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
  P2pPool *pool = make_pool (4);
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

static void
add (const char *name, const StreamPairs *row, GTestDataFunc func)
{
  g_autofree char *path = g_strdup_printf ("/waiter/%s/%s", name, row->name);

  g_test_add_data_func (path, row, func);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  for (const StreamPairs *row = stream_pairs; row->name; row++)
    {
      add ("bytes", row, test_bytes);
      add ("bytes-before", row, test_bytes_before);
      add ("two-records", row, test_two_records);
      add ("bytes-meanwhile", row, test_bytes_meanwhile);
      add ("end-of-stream", row, test_end_of_stream);
      add ("bytes-and-end", row, test_bytes_and_end);
      add ("thread-between", row, test_thread_between);
      add ("timeout", row, test_timeout);
      add ("deadline-passed", row, test_deadline_passed);
      add ("kick", row, test_kick);
      add ("stop", row, test_stop);
      add ("ring-while-arming", row, test_ring_while_arming);
      for (const StreamPairs *other = stream_pairs; other->name; other++)
        {
          g_autofree char *path = g_strdup_printf ("/waiter/two/%s+%s", row->name, other->name);
          const StreamPairs **both = g_new (const StreamPairs *, 2);

          both[0] = row;
          both[1] = other;
          g_test_add_data_func_full (path, both, test_two, g_free);
        }
    }
  g_test_add_func ("/waiter/same-descriptor", test_same_descriptor);
  g_test_add_func ("/waiter/number-again", test_number_again);
  g_test_add_func ("/waiter/object-again", test_object_again);
  g_test_add_func ("/waiter/late-event", test_late_event);
  g_test_add_func ("/waiter/never-empty", test_never_empty);
  g_test_add_func ("/waiter/only-one-blocks", test_only_one_blocks);
  g_test_add_func ("/waiter/many-deadlines", test_many_deadlines);
  g_test_add_func ("/waiter/races", test_races);
  return g_test_run ();
}
