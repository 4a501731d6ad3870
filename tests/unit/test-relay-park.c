/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A relay that parks while both sides are silent, alone and with many others. */
#include "lib/tls.h"
#include "tests/unit/relay-scene.h"

#include <string.h>

typedef struct
{
  P2pTask task;
  P2pStream *near, *far;
  P2pRelayOptions options;
  P2pMutex lock;
  pthread_cond_t changed;
  bool done;             /* (lock: lock) */
  P2pRelayResult result; /* (lock: lock) */
} Start;

static void
start_cb (P2pTask *task)
{
  Start *start = (Start *) task;

  p2p_relay_run (start->near, P2P_SPAN_NONE, start->far, P2P_SPAN_NONE, &start->options);
}

static void
parked_done_cb (const P2pRelayResult *result, void *data)
{
  Start *start = data;
  P2P_LOCKED (&start->lock);

  g_assert_false (start->done);
  start->done = true;
  start->result = *result;
  p2p_cond_broadcast (&start->changed);
}

static void
await_parked (P2pPool *pool)
{
  int64_t deadline = SOON;

  while (p2p_pool_get_stats (pool).parked == 0)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline);
      g_thread_yield ();
    }
}

static void
say (P2pStream *from, P2pStream *to, const char *text)
{
  struct iovec iov = { (char *) text, strlen (text) };
  char buf[100];
  size_t have = 0;

  g_assert_cmpint (p2p_stream_write_all (from, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  while (have < strlen (text))
    {
      size_t n = 0;

      g_assert_cmpint (p2p_stream_read (to, buf + have, sizeof buf - have, &n, SOON), ==,
                       P2P_IO_OK);
      have += n;
    }
  g_assert_cmpmem (buf, have, text, strlen (text));
}

static void *
stop_main (void *data)
{
  g_assert_true (p2p_pool_stop (data, SOON));
  return NULL;
}

/* Who has just been busy goes on while the pool ends, until it is silent. */
static void
stop_while_busy (P2pPool *pool, P2pStream *client, P2pStream *origin)
{
  pthread_t thread;
  char byte;
  size_t n;

  P2P_PTHREAD (pthread_create (&thread, NULL, stop_main, pool));
  say (client, origin, "not yet");
  say (origin, client, "no");
  g_assert_cmpint (p2p_stream_read (client, &byte, 1, &n, SOON), ==, P2P_IO_EOF);
  P2P_PTHREAD (pthread_join (thread, NULL));
}

/* Parks, wakes from either side, parks again; then ends in order, or with the pool. */
static void
relay_parks (unsigned pair, bool stop)
{
  P2pPool *pool = relay_pool_new (1, 2, 10);
  Start start = { .task.run = start_cb,
                  .options = { .pool = pool, .done = parked_done_cb, .data = &start } };
  P2pStream *client, *origin;

  p2p_mutex_init (&start.lock, P2P_LOCK_LEAF);
  p2p_cond_init (&start.changed);
  relay_kinds[pair / N_RELAY_KINDS].make (&client, &start.near);
  relay_kinds[pair % N_RELAY_KINDS].make (&start.far, &origin);
  p2p_pool_submit (pool, &start.task);
  say (client, origin, "hello");
  for (unsigned i = 0; i < 2; i++)
    {
      await_parked (pool);
      say (origin, client, "awake");
      say (client, origin, "so am I");
    }
  if (stop)
    await_parked (pool);
  else
    p2p_stream_close (g_steal_pointer (&client));
  if (stop)
    stop_while_busy (pool, client, origin);
  else
    p2p_stream_close (g_steal_pointer (&origin));
  p2p_mutex_lock (&start.lock);
  while (!start.done)
    g_assert_true (p2p_cond_wait (&start.changed, &start.lock, SOON));
  if (stop)
    g_assert_cmpint (start.result.end, ==, P2P_IO_STOPPED);
  p2p_mutex_unlock (&start.lock);
  if (!stop)
    g_assert_true (p2p_pool_stop (pool, SOON));
  p2p_stream_close (client);
  p2p_stream_close (origin);
  p2p_pool_free (pool);
  p2p_cond_done (&start.changed);
  p2p_mutex_done (&start.lock);
}

static void
test_park (const void *data)
{
  relay_parks (GPOINTER_TO_UINT (data), false);
}

static void
test_park_stop (void)
{
  relay_parks (0, true);
}

/* Many at once: who has passed on its bytes leaves the worker to the next, instead of waiting for
 * more 200 ms each, which would take 400 x 0.2 s / 4. */
#define MANY 400

static void
count_done_cb (const P2pRelayResult *result, void *data)
{
  g_assert_cmpint (result->end, ==, P2P_IO_EOF);
  atomic_fetch_add ((atomic_uint *) data, 1);
}

static void
test_many (void)
{
  atomic_uint n_done = 0;
  P2pPool *pool = relay_pool_new (4, 4, MANY);
  g_autofree Start *starts = g_new0 (Start, MANY);
  P2pStream *clients[MANY], *origins[MANY];
  struct iovec iov = { "x", 1 };
  int64_t begin_us;
  char byte;
  size_t n;

  for (unsigned i = 0; i < MANY; i++)
    {
      stream_pair_tcp (&clients[i], &starts[i].near);
      stream_pair_tcp (&starts[i].far, &origins[i]);
      starts[i].task.run = start_cb;
      starts[i].options = (P2pRelayOptions){ .pool = pool, .done = count_done_cb, .data = &n_done };
      p2p_pool_submit (pool, &starts[i].task);
    }
  begin_us = p2p_now_us ();
  for (unsigned round = 0; round < 2; round++)
    {
      for (unsigned i = 0; i < MANY; i++)
        g_assert_cmpint (p2p_stream_write_all (clients[i], &iov, 1, NULL, SOON), ==, P2P_IO_OK);
      for (unsigned i = 0; i < MANY; i++)
        g_assert_cmpint (p2p_stream_read (origins[i], &byte, 1, &n, SOON), ==, P2P_IO_OK);
    }
  g_assert_cmpint (p2p_now_us () - begin_us, <, 15000000);
  for (unsigned i = 0; i < MANY; i++)
    {
      p2p_stream_close (clients[i]);
      p2p_stream_close (origins[i]);
    }
  for (int64_t deadline_us = SOON; atomic_load (&n_done) < MANY; g_thread_yield ())
    g_assert_cmpint (p2p_now_us (), <, deadline_us);
  g_assert_true (p2p_pool_stop (pool, SOON));
  p2p_pool_free (pool);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  relay_add_tests ("park", test_park, true);
  g_test_add_func ("/relay/park-stop", test_park_stop);
  g_test_add_func ("/relay/many", test_many);
  return g_test_run ();
}
