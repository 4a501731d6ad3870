/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What arrives on a stream of a tunnel while its relay rests goes straight into the relay's socket:
 * nothing is lost, swapped or counted wrongly, whoever is slow, and whoever leaves. */
#include "lib/tls.h"
#include "tests/unit/relay-scene.h"
#include "tests/unit/wait-for.h"

#include <string.h>

/* --- the two streams alone -------------------------------------------------------------------- */

/* a | b lends to x | y. */
typedef struct
{
  P2pStream *a, *b, *x, *y;
} Lent;

static void
lent_make (Lent *lent)
{
  stream_pair_yamux (&lent->a, &lent->b);
  stream_pair_tcp (&lent->x, &lent->y);
}

static void
lent_close (Lent *lent)
{
  stream_pair_close (lent->a, lent->b);
  stream_pair_close (lent->x, lent->y);
}

static void
write_pattern (P2pStream *to, size_t at, size_t n)
{
  unsigned char buf[8192];
  struct iovec iov = { buf, n };

  g_assert_cmpuint (n, <=, sizeof buf);
  for (size_t i = 0; i < n; i++)
    buf[i] = relay_pattern (at + i);
  g_assert_cmpint (p2p_stream_write_all (to, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
}

static void
expect_pattern (P2pStream *from, size_t at, size_t n)
{
  unsigned char buf[8192];

  while (n > 0)
    {
      size_t got = 0;

      g_assert_cmpint (p2p_stream_read (from, buf, MIN (n, sizeof buf), &got, SOON), ==, P2P_IO_OK);
      for (size_t i = 0; i < got; i++)
        g_assert_cmpuint (buf[i], ==, relay_pattern (at + i));
      at += got;
      n -= got;
    }
}

static void
test_straight (void)
{
  Lent lent;

  lent_make (&lent);
  g_assert_true (p2p_stream_lend (lent.b, lent.x));
  write_pattern (lent.a, 0, 100);
  expect_pattern (lent.y, 0, 100);
  write_pattern (lent.a, 100, 1000);
  expect_pattern (lent.y, 100, 1000);
  g_assert_cmpuint (p2p_stream_pending (lent.b), ==, 0);
  g_assert_cmpuint (p2p_stream_take_back (lent.b), ==, 1100);
  /* And from then on as before. */
  write_pattern (lent.a, 1100, 50);
  expect_pattern (lent.b, 1100, 50);
  g_assert_true (p2p_stream_lend (lent.b, lent.x));
  g_assert_cmpuint (p2p_stream_take_back (lent.b), ==, 0);
  lent_close (&lent);
}

/* Many windows: they are given anew although nobody reads. */
static void
test_windows (void)
{
  const size_t total = 3 << 20;
  Lent lent;

  lent_make (&lent);
  g_assert_true (p2p_stream_lend (lent.b, lent.x));
  for (size_t at = 0; at < total; at += 4096)
    {
      write_pattern (lent.a, at, 4096);
      expect_pattern (lent.y, at, 4096);
    }
  g_assert_cmpuint (p2p_stream_take_back (lent.b), ==, total);
  lent_close (&lent);
}

/* Where what arrives must not go: more than a little, or to who can't. */
static void
test_not (void)
{
  P2pStream *secure[2];
  Lent lent;

  lent_make (&lent);
  stream_pair_tls (&secure[0], &secure[1]);
  g_assert_false (p2p_stream_lend (lent.x, lent.y));
  g_assert_false (p2p_stream_lend (lent.b, secure[0]));
  g_assert_false (p2p_stream_lend (lent.b, lent.a));
  g_assert_true (p2p_stream_lend (lent.b, lent.x));
  write_pattern (lent.a, 0, 8000);
  WAIT_FOR (p2p_stream_pending (lent.b) == 8000);
  g_assert_cmpuint (p2p_stream_take_back (lent.b), ==, 0);
  expect_pattern (lent.b, 0, 8000);
  stream_pair_close (secure[0], secure[1]);
  lent_close (&lent);
}

/* A socket that is full, and what is unread already, come first. */
static void
test_full (void)
{
  const char fill[4096] = "";
  struct iovec iov = { (char *) fill, sizeof fill };
  size_t n;
  Lent lent;

  lent_make (&lent);
  while (p2p_stream_writev (lent.x, &iov, 1, &n, P2P_TRY) == P2P_IO_OK)
    ;
  g_assert_true (p2p_stream_lend (lent.b, lent.x));
  write_pattern (lent.a, 0, 500);
  WAIT_FOR (p2p_stream_pending (lent.b) == 500);
  write_pattern (lent.a, 500, 1);
  WAIT_FOR (p2p_stream_pending (lent.b) == 501);
  g_assert_cmpuint (p2p_stream_take_back (lent.b), ==, 0);
  expect_pattern (lent.b, 0, 501);
  lent_close (&lent);
}

/* --- with the relay --------------------------------------------------------------------------- */

#define N_MESSAGES 4000

static size_t
message_size (unsigned i)
{
  return 1 + (size_t) (i * 7919u) % 6000;
}

static size_t
messages_total (void)
{
  size_t total = 0;

  for (unsigned i = 0; i < N_MESSAGES; i++)
    total += message_size (i);
  return total;
}

/* Reads all, with a rest now and then in which its socket fills, and answers at the end. */
static void *
slow_origin_main (void *data)
{
  RelayScene *scene = data;
  unsigned char buf[3000];
  size_t at = 0, n;
  P2pIo io;

  while ((io = p2p_stream_read (scene->origin, buf, sizeof buf, &n, SOON)) == P2P_IO_OK)
    for (size_t i = 0; i < n; i++, at++)
      {
        g_assert_cmpuint (buf[i], ==, relay_pattern (at));
        if (at % (2 << 20) == 0)
          g_usleep (20000);
      }
  g_assert_cmpint (io, ==, P2P_IO_EOF);
  write_pattern (scene->origin, 0, 10);
  p2p_stream_close (scene->origin);
  return NULL;
}

/* By turns what goes straight on and what is too large for that, without a pause. */
static void
test_order (void)
{
  RelayScene scene;
  char byte;
  size_t at = 0, n;

  relay_scene_start (&scene, 2 * N_RELAY_KINDS + 0, slow_origin_main);
  for (unsigned i = 0; i < N_MESSAGES; i++)
    {
      write_pattern (scene.client, at, message_size (i));
      at += message_size (i);
    }
  g_assert_cmpint (p2p_stream_shutdown (scene.client, SOON), ==, P2P_IO_OK);
  expect_pattern (scene.client, 0, 10);
  g_assert_cmpint (p2p_stream_read (scene.client, &byte, 1, &n, SOON), ==, P2P_IO_EOF);
  relay_scene_stop (&scene);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_EOF);
  g_assert_cmpuint (scene.result.a_to_b_bytes, ==, messages_total ());
  g_assert_cmpuint (scene.result.b_to_a_bytes, ==, 10);
}

/* On a pool, where it parks. */
typedef struct
{
  P2pTask task;
  P2pPool *pool;
  P2pStream *client, *near, *far, *origin;
  P2pRelayOptions options;
  atomic_bool done;
  P2pRelayResult result; /* before done */
} Parked;

static void
parked_start_cb (P2pTask *task)
{
  Parked *parked = (Parked *) task;

  p2p_relay_run (parked->near, P2P_SPAN_NONE, parked->far, P2P_SPAN_NONE, &parked->options);
}

static void
parked_done_cb (const P2pRelayResult *result, void *data)
{
  Parked *parked = data;

  parked->result = *result;
  atomic_store (&parked->done, true);
}

/* The relay rests, and the task that let it rest is over and counted. */
static bool
rests (P2pPool *pool)
{
  P2pPoolStats stats = p2p_pool_get_stats (pool);

  return stats.parked == 1 && stats.idle == stats.threads;
}

static void
parked_start (Parked *parked, int64_t idle_ms)
{
  memset (parked, 0, sizeof *parked);
  parked->pool = relay_pool_new (1, 2, 10);
  parked->task.run = parked_start_cb;
  parked->options = (P2pRelayOptions){
    .pool = parked->pool, .idle_ms = idle_ms, .done = parked_done_cb, .data = parked
  };
  stream_pair_yamux (&parked->client, &parked->near);
  stream_pair_tcp (&parked->far, &parked->origin);
  p2p_pool_submit (parked->pool, &parked->task);
  WAIT_FOR (rests (parked->pool));
}

static void
parked_stop (Parked *parked)
{
  WAIT_FOR (atomic_load (&parked->done));
  stream_pair_close (parked->client, parked->origin);
  g_assert_true (p2p_pool_stop (parked->pool, SOON));
  p2p_pool_free (parked->pool);
}

/* Nobody is called for what goes straight on, and it counts. */
static void
test_parked (void)
{
  Parked parked;
  uint64_t n_tasks;

  parked_start (&parked, 0);
  n_tasks = p2p_pool_get_stats (parked.pool).tasks_done;
  for (unsigned i = 0; i < 100; i++)
    {
      write_pattern (parked.client, i, 1);
      expect_pattern (parked.origin, i, 1);
    }
  g_assert_cmpuint (p2p_pool_get_stats (parked.pool).tasks_done, ==, n_tasks);
  g_assert_cmpuint (p2p_pool_get_stats (parked.pool).parked, ==, 1);
  write_pattern (parked.origin, 0, 5);
  expect_pattern (parked.client, 0, 5);
  p2p_stream_close (g_steal_pointer (&parked.client));
  p2p_stream_close (g_steal_pointer (&parked.origin));
  parked_stop (&parked);
  g_assert_cmpuint (parked.result.a_to_b_bytes, ==, 100);
  g_assert_cmpuint (parked.result.b_to_a_bytes, ==, 5);
}

/* Bytes that go straight on are no silence. */
static void
test_idle (void)
{
  int64_t until_us, last_us = 0;
  Parked parked;

  parked_start (&parked, 1000);
  until_us = p2p_now_us () + 3000000;
  for (size_t at = 0; p2p_now_us () < until_us; at++)
    {
      g_assert_false (atomic_load (&parked.done));
      write_pattern (parked.client, at, 1);
      expect_pattern (parked.origin, at, 1);
      last_us = p2p_now_us ();
      g_usleep (20000); /* in the midst of that second */
    }
  parked_stop (&parked);
  g_assert_cmpint (p2p_now_us () - last_us, >=, 900000);
  g_assert_cmpint (parked.result.end, ==, P2P_IO_TIMEOUT);
}

/* The reset that such a write finds first is a reset for the client too, and not an end. */
static void
test_reset (void)
{
  char byte;
  size_t n;
  Parked parked;
  P2pIo io;

  parked_start (&parked, 0);
  p2p_stream_reset (parked.origin);
  write_pattern (parked.client, 0, 1);
  p2p_stream_close (g_steal_pointer (&parked.origin));
  /* Whether the first byte is there before the reset or meets it, none gets lost in silence. */
  (void) p2p_stream_writev (parked.client, &(struct iovec){ "x", 1 }, 1, &n, SOON);
  io = p2p_stream_read (parked.client, &byte, 1, &n, SOON);
  g_assert_cmpint (io, ==, P2P_IO_RESET);
  parked_stop (&parked);
  g_assert_cmpint (parked.result.end, ==, P2P_IO_RESET);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_add_func ("/outlet/straight", test_straight);
  g_test_add_func ("/outlet/windows", test_windows);
  g_test_add_func ("/outlet/not", test_not);
  g_test_add_func ("/outlet/full", test_full);
  g_test_add_func ("/outlet/order", test_order);
  g_test_add_func ("/outlet/parked", test_parked);
  g_test_add_func ("/outlet/idle", test_idle);
  g_test_add_func ("/outlet/reset", test_reset);
  return g_test_run ();
}
