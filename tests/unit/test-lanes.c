/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Lanes: turns, full ones, what comes while a lane's task sleeps, stop. */
#include "lib/clock.h"
#include "lib/lanes.h"
#include "lib/lock.h"
#include "lib/stream-tcp.h"
#include "tests/unit/wait-for.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROUNDS 15
#define TRIES 10

static P2pLanes *
make_lanes (unsigned threads_min, unsigned threads_max, unsigned queue_max)
{
  const P2pPoolOptions options = { .name = "test",
                                   .threads_min = threads_min,
                                   .threads_max = threads_max,
                                   .queue_max = queue_max,
                                   .idle_ms = 30000 };
  g_autoptr (GError) error = NULL;
  P2pLanes *lanes = p2p_lanes_new (&options, &error);

  g_assert_no_error (error);
  return lanes;
}

static unsigned
count_lanes (void)
{
  P2pLanes *lanes = make_lanes (8, 1000, 1000);
  P2pPool *pools[P2P_LANES_MAX];
  unsigned n = p2p_lanes_list (lanes, pools);

  g_assert_true (p2p_lanes_stop (lanes, p2p_deadline_ms (PATIENCE_MS)));
  p2p_lanes_free (lanes);
  return n;
}

/* As many as there are threads for. */
static void
test_few (void)
{
  const struct
  {
    unsigned threads_min, threads_max;
  } rows[] = { { 1, 1000 }, { 8, 2 * P2P_LANE_THREADS - 1 }, { 2, 3 } };

  for (unsigned i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      P2pLanes *lanes = make_lanes (rows[i].threads_min, rows[i].threads_max, 1000);
      P2pPool *pools[P2P_LANES_MAX];

      g_assert_cmpuint (p2p_lanes_list (lanes, pools), ==, 1);
      g_assert_cmpuint (p2p_pool_get_stats (pools[0]).threads, ==, rows[i].threads_min);
      g_assert_true (p2p_lanes_stop (lanes, p2p_deadline_ms (PATIENCE_MS)));
      p2p_lanes_free (lanes);
    }
}

/* What does not divide is not lost. */
static void
test_shares (void)
{
  P2pLanes *lanes = make_lanes (8 * P2P_LANES_MAX + 1, 1000, 1000);
  P2pPool *pools[P2P_LANES_MAX];
  unsigned n = p2p_lanes_list (lanes, pools), n_threads = 0;

  for (unsigned i = 0; i < n; i++)
    n_threads += p2p_pool_get_stats (pools[i]).threads;
  g_assert_cmpuint (n_threads, ==, 8 * P2P_LANES_MAX + 1);
  g_assert_true (p2p_lanes_stop (lanes, p2p_deadline_ms (PATIENCE_MS)));
  p2p_lanes_free (lanes);
}

static void
test_turns (void)
{
  P2pLanes *lanes = make_lanes (8, 1000, 1000);
  P2pPool *pools[P2P_LANES_MAX];
  unsigned n = p2p_lanes_list (lanes, pools);

  g_assert_cmpuint (n, >=, 1);
  for (unsigned i = 0; i < 3 * n; i++)
    g_assert_true (p2p_lanes_pick (lanes) == pools[i % n]);
  g_assert_true (p2p_lanes_stop (lanes, p2p_deadline_ms (PATIENCE_MS)));
  p2p_lanes_free (lanes);
}

/* --- full ones -------------------------------------------------------------------------------- */

static atomic_bool gate_open;
static atomic_uint n_at_gate;

static void
gate_cb (P2pTask *task)
{
  atomic_fetch_add (&n_at_gate, 1);
  WAIT_FOR (atomic_load (&gate_open));
  atomic_fetch_sub (&n_at_gate, 1);
  g_free (task);
}

/* All at work and one that waits, which is what a lane may have here. */
static void
fill (P2pPool *pool)
{
  unsigned before = atomic_load (&n_at_gate);

  for (unsigned i = 1; i <= P2P_LANE_THREADS + 1; i++)
    {
      P2pTask *task = g_new0 (P2pTask, 1);

      task->run = gate_cb;
      p2p_pool_submit (pool, task);
      WAIT_FOR (atomic_load (&n_at_gate) == before + MIN (i, P2P_LANE_THREADS));
    }
}

static void
test_full (void)
{
  unsigned n = count_lanes ();
  P2pLanes *lanes = make_lanes (n, n * P2P_LANE_THREADS, n);
  P2pPool *pools[P2P_LANES_MAX];

  atomic_store (&gate_open, false);
  g_assert_cmpuint (p2p_lanes_list (lanes, pools), ==, n);
  for (unsigned i = 0; i < n; i++)
    {
      P2pPool *picked = p2p_lanes_pick (lanes);

      for (unsigned j = 0; j < i; j++)
        g_assert_true (picked != pools[j]); /* those are full */
      fill (pools[i]);
    }
  g_assert_null (p2p_lanes_pick (lanes));
  g_assert_false (p2p_lanes_stop (lanes, P2P_TRY));
  atomic_store (&gate_open, true);
  g_assert_true (p2p_lanes_stop (lanes, p2p_deadline_ms (PATIENCE_MS)));
  g_assert_cmpuint (atomic_load (&n_at_gate), ==, 0);
  p2p_lanes_free (lanes);
}

/* --- parked objects --------------------------------------------------------------------------- */

typedef struct
{
  P2pParked parked;
  P2pStream *strm; /* (owned) */
  int far_fd;
  void (*run) (void);
  atomic_uint n_runs;
  atomic_int wake; /* the last run's */
} Object;

static void
object_cb (P2pParked *parked, P2pWake wake)
{
  Object *object = (Object *) ((char *) parked - offsetof (Object, parked));

  atomic_store (&object->wake, (int) wake);
  if (object->run)
    object->run ();
  atomic_fetch_add (&object->n_runs, 1);
}

static void
object_init (Object *object, P2pPool *pool)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *object = (Object){ .strm = p2p_stream_tcp_new (fds[0]), .far_fd = fds[1] };
  p2p_parked_init (&object->parked, pool, object_cb);
}

static void
object_park (Object *object)
{
  P2pWait item = { .strm = object->strm, .want = P2P_READABLE };

  p2p_park (&object->parked, &item, 1, p2p_deadline_ms (PATIENCE_MS));
}

static void
object_ring (Object *object)
{
  g_assert_cmpint (write (object->far_fd, "x", 1), ==, 1);
}

static void
object_read (Object *object)
{
  char byte;
  size_t n;

  g_assert_cmpint (p2p_stream_read (object->strm, &byte, 1, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
                   P2P_IO_OK);
}

static void
object_done (Object *object)
{
  p2p_parked_done (&object->parked);
  p2p_stream_close (object->strm);
  close (object->far_fd);
}

/* --- while a task sleeps ---------------------------------------------------------------------- */

static Object sleeper, other;
static bool says_that_it_sleeps;
static atomic_llong took_us;

/* Runs in the thread that held the role, and keeps it until the other object has run. */
static void
sleeper_run (void)
{
  int64_t begin_us;

  if (says_that_it_sleeps)
    p2p_pool_sleep_begin ();
  begin_us = p2p_now_us ();
  object_ring (&other);
  while (atomic_load (&other.n_runs) == 0 && p2p_now_us () < begin_us + PATIENCE_MS * 1000)
    ;
  atomic_store (&took_us, p2p_now_us () - begin_us);
  if (says_that_it_sleeps)
    p2p_pool_sleep_end ();
}

/* One of at least two threads waits in epoll for both objects, nobody runs. */
static bool
is_at_rest (P2pPool *pool)
{
  P2pPoolStats stats = p2p_pool_get_stats (pool);

  return stats.parked == 2 && stats.threads >= 2 && stats.idle == stats.threads;
}

static int64_t
measure (P2pPool *pool, bool says)
{
  unsigned runs = atomic_load (&sleeper.n_runs);

  says_that_it_sleeps = says;
  atomic_store (&other.n_runs, 0);
  object_park (&sleeper);
  object_park (&other);
  WAIT_FOR (is_at_rest (pool));
  object_ring (&sleeper);
  WAIT_FOR (atomic_load (&sleeper.n_runs) == runs + 1);
  g_assert_cmpuint (atomic_load (&other.n_runs), ==, 1);
  object_read (&sleeper);
  object_read (&other);
  return atomic_load (&took_us);
}

static int
compare_times (const void *a, const void *b)
{
  int64_t x = *(const int64_t *) a, y = *(const int64_t *) b;

  return x < y ? -1 : x > y;
}

/* What comes while a lane's only busy thread says that it sleeps is not left to the keeper, which
 * looks every millisecond and has patience with who computes. */
static void
test_sleeper (void)
{
  P2pLanes *lanes = make_lanes (2 * P2P_LANES_MAX, 1000, 1000);
  P2pPool *pool = p2p_lanes_pick (lanes);
  int64_t quiet[ROUNDS], says[ROUNDS];
  bool better = false;

  object_init (&sleeper, pool);
  object_init (&other, pool);
  sleeper.run = sleeper_run;
  for (unsigned i = 0; i < TRIES && !better; i++)
    {
      for (unsigned j = 0; j < ROUNDS; j++)
        {
          quiet[j] = measure (pool, false);
          says[j] = measure (pool, true);
        }
      qsort (quiet, ROUNDS, sizeof *quiet, compare_times);
      qsort (says, ROUNDS, sizeof *says, compare_times);
      g_test_message ("median %" G_GINT64_FORMAT " us without a word, %" G_GINT64_FORMAT
                      " with one",
                      quiet[ROUNDS / 2], says[ROUNDS / 2]);
      better = says[ROUNDS / 2] < quiet[ROUNDS / 2] / 2;
    }
  g_assert_true (better);
  object_done (&sleeper);
  object_done (&other);
  g_assert_true (p2p_lanes_stop (lanes, p2p_deadline_ms (PATIENCE_MS)));
  p2p_lanes_free (lanes);
}

/* On a thread that is no worker they do nothing. */
static void
test_no_worker (void)
{
  p2p_pool_sleep_begin ();
  p2p_pool_sleep_end ();
}

static void
test_stop (void)
{
  P2pLanes *lanes = make_lanes (8, 1000, 1000);
  Object objects[2 * P2P_LANES_MAX];

  for (unsigned i = 0; i < G_N_ELEMENTS (objects); i++)
    {
      object_init (&objects[i], p2p_lanes_pick (lanes));
      object_park (&objects[i]);
    }
  g_assert_true (p2p_lanes_stop (lanes, p2p_deadline_ms (PATIENCE_MS)));
  for (unsigned i = 0; i < G_N_ELEMENTS (objects); i++)
    {
      g_assert_cmpuint (atomic_load (&objects[i].n_runs), ==, 1);
      g_assert_cmpint (atomic_load (&objects[i].wake), ==, P2P_WAKE_STOP);
      object_done (&objects[i]);
    }
  p2p_lanes_free (lanes);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lanes/few", test_few);
  g_test_add_func ("/lanes/shares", test_shares);
  g_test_add_func ("/lanes/turns", test_turns);
  g_test_add_func ("/lanes/full", test_full);
  g_test_add_func ("/lanes/sleeper", test_sleeper);
  g_test_add_func ("/lanes/no-worker", test_no_worker);
  g_test_add_func ("/lanes/stop", test_stop);
  return g_test_run ();
}
