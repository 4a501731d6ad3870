/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Parking: every way to be woken, over every back end, and that each park is followed by exactly
 * one run. */
#include "tests/unit/waiter-fixture.h"

#include <poll.h>
#include <sched.h>

static void
test_bytes (gconstpointer data)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, data, NULL);
  for (unsigned i = 1; i <= 20; i++)
    {
      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
      g_assert_cmpuint (atomic_load (&fix.n_runs), ==, i - 1);
      put_byte (fix.far[0]);
      waiter_fixture_expect (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[0]);
    }
  waiter_fixture_done (&fix);
}

static void
test_bytes_before (gconstpointer data)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, data, NULL);
  for (unsigned i = 1; i <= 20; i++)
    {
      put_byte (fix.far[0]);
      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      waiter_fixture_expect (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[0]);
    }
  waiter_fixture_done (&fix);
}

/* Two records in one segment and a park after the first: over TLS the second is in the layer's own
 * read-ahead and the socket is empty, so the descriptor would never tell. */
static void
test_two_records (gconstpointer data)
{
  WaiterFixture fix;
  int fd;

  waiter_fixture_init (&fix, data, NULL);
  fd = p2p_stream_fd (fix.near[0]);
  for (unsigned i = 1; i <= 20; i++)
    {
      struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

      put_byte (fix.far[0]);
      put_byte (fix.far[0]);
      get_byte (fix.near[0]);
      if (fd >= 0 && poll (&poll_fd, 1, 0) == 0)
        g_assert_cmpuint (p2p_stream_pending (fix.near[0]), >, 0);
      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      waiter_fixture_expect (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[0]);
    }
  waiter_fixture_done (&fix);
}

/* The byte comes at some moment of the park, from before the question to after the registration. */
static void
test_bytes_meanwhile (gconstpointer data)
{
  WaiterFixture fix;
  GRand *rand = g_rand_new_with_seed (7);

  waiter_fixture_init (&fix, data, NULL);
  for (unsigned i = 1; i <= 1000; i++)
    {
      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
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
  waiter_fixture_done (&fix);
}

static void
test_end_of_stream (gconstpointer data)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, data, NULL);
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  g_assert_cmpint (p2p_stream_shutdown (fix.far[0], p2p_deadline_ms (PATIENCE_MS)), ==, P2P_IO_OK);
  waiter_fixture_expect (&fix, 1, P2P_WAKE_READY);
  /* Hang-up is found even when nothing is asked for, a half-close is not. */
  fix.items[0].want = 0;
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
  p2p_stream_reset (fix.far[0]);
  p2p_stream_close (g_steal_pointer (&fix.far[0]));
  waiter_fixture_expect (&fix, 2, P2P_WAKE_READY);
  waiter_fixture_done (&fix);
}

/* The end comes together with the last bytes: after they were read nothing new will tell of it. */
static void
test_bytes_and_end (gconstpointer data)
{
  WaiterFixture fix;
  char bytes[16];
  size_t n;

  waiter_fixture_init (&fix, data, NULL);
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  g_assert_cmpint (p2p_stream_shutdown (fix.far[0], p2p_deadline_ms (PATIENCE_MS)), ==, P2P_IO_OK);
  waiter_fixture_expect (&fix, 1, P2P_WAKE_READY);
  g_assert_cmpint (
      p2p_stream_read (fix.near[0], bytes, sizeof bytes, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
      P2P_IO_OK);
  g_assert_cmpuint (n, ==, 1);
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  waiter_fixture_expect (&fix, 2, P2P_WAKE_READY);
  g_assert_cmpint (
      p2p_stream_read (fix.near[0], bytes, sizeof bytes, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
      P2P_IO_EOF);
  waiter_fixture_done (&fix);
}

/* A thread waits for a stream that has been parked, then it is parked again. */
static void
test_thread_between (gconstpointer data)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, data, NULL);
  for (unsigned i = 1; i <= 20; i++)
    {
      P2pWait item = { .strm = fix.near[0], .want = P2P_READABLE };

      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[0]);
      waiter_fixture_expect (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[0]);
      g_assert_cmpint (p2p_stream_wait (&item, 1, p2p_deadline_ms (1)), ==, P2P_IO_TIMEOUT);
      put_byte (fix.far[0]);
      g_assert_cmpint (p2p_stream_wait (&item, 1, p2p_deadline_ms (PATIENCE_MS)), ==, P2P_IO_OK);
      get_byte (fix.near[0]);
    }
  waiter_fixture_done (&fix);
}

static void
test_timeout (gconstpointer data)
{
  WaiterFixture fix;
  static const unsigned delays_ms[] = { 30, 5, 50, 1, 20 };

  waiter_fixture_init (&fix, data, NULL);
  for (unsigned i = 0; i < G_N_ELEMENTS (delays_ms); i++)
    {
      int64_t deadline_us = p2p_deadline_ms (delays_ms[i]);

      waiter_fixture_park (&fix, deadline_us);
      waiter_fixture_expect (&fix, i + 1, P2P_WAKE_TIMEOUT);
      g_assert_cmpint (p2p_now_us (), >=, deadline_us);
    }
  /* A deadline that is pushed back by every park, then one that is not. */
  for (unsigned i = 0; i < 100; i++)
    {
      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[0]);
      WAIT_FOR (atomic_load (&fix.n_runs) == G_N_ELEMENTS (delays_ms) + i + 1);
      g_assert_cmpuint (atomic_load (&fix.wake), ==, P2P_WAKE_READY);
      get_byte (fix.near[0]);
    }
  waiter_fixture_park (&fix, p2p_deadline_ms (10));
  waiter_fixture_expect (&fix, G_N_ELEMENTS (delays_ms) + 101, P2P_WAKE_TIMEOUT);
  waiter_fixture_park (&fix, P2P_FOREVER);
  WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
  waiter_fixture_done (&fix);
  g_assert_cmpuint (fix.wake, ==, P2P_WAKE_STOP);
}

static void
test_deadline_passed (gconstpointer data)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, data, NULL);
  for (unsigned i = 1; i <= 200; i++)
    {
      int64_t begin_us = p2p_now_us ();

      waiter_fixture_park (&fix, i % 2 ? P2P_TRY : begin_us);
      waiter_fixture_expect (&fix, i, P2P_WAKE_TIMEOUT);
      g_assert_cmpint (p2p_now_us () - begin_us, <, PATIENCE_MS * 1000);
    }
  waiter_fixture_done (&fix);
}

static void
test_kick (gconstpointer data)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, data, NULL);
  p2p_parked_kick (&fix.parked);
  for (unsigned i = 1; i <= 20; i++)
    {
      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
      p2p_parked_kick (&fix.parked);
      p2p_parked_kick (&fix.parked);
      waiter_fixture_expect (&fix, i, P2P_WAKE_STOP);
    }
  p2p_parked_kick (&fix.parked);
  g_assert_cmpuint (atomic_load (&fix.n_runs), ==, 20);
  waiter_fixture_done (&fix);
}

static void
test_stop (gconstpointer data)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, data, NULL);
  waiter_fixture_park (&fix, P2P_FOREVER);
  g_assert_true (p2p_pool_stop (fix.pool, p2p_deadline_ms (PATIENCE_MS)));
  waiter_fixture_expect (&fix, 1, P2P_WAKE_STOP);
  waiter_fixture_park (&fix, P2P_FOREVER);
  waiter_fixture_expect (&fix, 2, P2P_WAKE_STOP);
  waiter_fixture_done (&fix);
}

static void
test_two (gconstpointer data)
{
  const StreamPairs *const *rows = data;
  WaiterFixture fix;

  waiter_fixture_init (&fix, rows[0], rows[1]);
  for (unsigned i = 1; i <= 40; i++)
    {
      unsigned side = i / 3 % 2;

      waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
      put_byte (fix.far[side]);
      waiter_fixture_expect (&fix, i, P2P_WAKE_READY);
      get_byte (fix.near[side]);
    }
  /* Both at once are one run. */
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  put_byte (fix.far[1]);
  waiter_fixture_expect (&fix, 41, P2P_WAKE_READY);
  get_byte (fix.near[0]);
  get_byte (fix.near[1]);
  waiter_fixture_park (&fix, p2p_deadline_ms (5));
  waiter_fixture_expect (&fix, 42, P2P_WAKE_TIMEOUT);
  waiter_fixture_done (&fix);
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
  WaiterFixture fix;

  for (unsigned first = 0; first < 2; first++)
    {
      waiter_fixture_init (&fix, data, NULL);
      fix.n_items = 2;
      fix.items[first] = fix.items[0];
      fix.items[1 - first] = (P2pWait){ .strm = &eager.base, .want = P2P_READABLE };
      for (unsigned i = 1; i <= 50; i++)
        {
          waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
          waiter_fixture_expect (&fix, i, P2P_WAKE_READY);
          g_assert_cmpint (atomic_load (&eager.armed), ==, 0);
        }
      waiter_fixture_done (&fix);
    }
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
  return g_test_run ();
}
