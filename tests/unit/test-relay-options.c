/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a relay is asked for: time-outs, early bytes, an end by reset, a watch over peers that
 * vanish, the wish to stop. */
#include "lib/stream-tcp.h"
#include "lib/tls.h"
#include "tests/unit/relay-scene.h"

#include <sys/socket.h>
#include <unistd.h>

static void
test_idle_and_early (void)
{
  RelayScene scene = { .n_done = 0 };
  P2pRelayOptions options = { .idle_ms = 30, .done = relay_scene_done_cb, .data = &scene };
  char buf[10];
  size_t n;

  stream_pair_tcp (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  p2p_relay_run (scene.near, P2P_SPAN ("to b"), scene.far, P2P_SPAN ("to a"), &options);
  g_assert_cmpuint (scene.n_done, ==, 1);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_TIMEOUT);
  g_assert_cmpint (p2p_stream_read (scene.origin, buf, sizeof buf, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpmem (buf, n, "to b", 4);
  g_assert_cmpint (p2p_stream_read (scene.client, buf, sizeof buf, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpmem (buf, n, "to a", 4);
  g_assert_cmpint (p2p_stream_read (scene.client, buf, sizeof buf, &n, SOON), ==, P2P_IO_EOF);
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

static void *
fill_main (void *data)
{
  RelayScene *scene = data;
  g_autofree char *bytes = g_malloc0 (64 << 20);
  struct iovec iov = { bytes, 64 << 20 };

  g_assert_cmpint (p2p_stream_write_all (scene->client, &iov, 1, NULL, SOON), ==, P2P_IO_RESET);
  return NULL;
}

static void
test_write_stall (void)
{
  RelayScene scene = { .n_done = 0 };
  P2pRelayOptions options = { .write_stall_ms = 30, .done = relay_scene_done_cb, .data = &scene };
  pthread_t thread;

  stream_pair_tcp (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  P2P_PTHREAD (pthread_create (&thread, NULL, fill_main, &scene));
  p2p_relay_run (scene.near, P2P_SPAN_NONE, scene.far, P2P_SPAN_NONE, &options);
  g_assert_cmpint (scene.result.end, ==, P2P_IO_TIMEOUT);
  P2P_PTHREAD (pthread_join (thread, NULL));
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

/* Where a may stall it keeps nobody from the end of it; b may not. */
static void
test_a_may_stall (void)
{
  RelayScene scene = {
    .options
    = { .write_stall_ms = 30, .a_may_stall = true, .done = relay_scene_done_cb, .data = &scene }
  };
  static char piece[65536];
  struct iovec iov = { piece, sizeof piece };
  size_t n, total = 0, back = 0;

  stream_pair_yamux (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  P2P_PTHREAD (pthread_create (&scene.relay_thread, NULL, relay_scene_main, &scene));
  while (p2p_stream_writev (scene.origin, &iov, 1, &n, p2p_deadline_ms (300)) == P2P_IO_OK)
    total += n;
  for (; back < total; back += n)
    g_assert_cmpint (p2p_stream_read (scene.client, piece, sizeof piece, &n, SOON), ==, P2P_IO_OK);
  while (p2p_stream_writev (scene.client, &iov, 1, &n, SOON) == P2P_IO_OK)
    ;
  P2P_PTHREAD (pthread_join (scene.relay_thread, NULL));
  g_assert_cmpint (scene.result.end, ==, P2P_IO_TIMEOUT);
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

/* The origin reads nothing when the client's stream is reset: nobody waits for it. */
static void
test_a_aborts (void)
{
  static const char piece[16384];
  RelayScene scene
      = { .options = { .a_aborts = true, .done = relay_scene_done_cb, .data = &scene } };
  struct iovec iov = { (void *) piece, sizeof piece };
  size_t n;

  stream_pair_yamux (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  P2P_PTHREAD (pthread_create (&scene.relay_thread, NULL, relay_scene_main, &scene));
  while (p2p_stream_writev (scene.client, &iov, 1, &n, p2p_deadline_ms (200)) == P2P_IO_OK)
    ;
  p2p_stream_reset (scene.client);
  P2P_PTHREAD (pthread_join (scene.relay_thread, NULL));
  g_assert_cmpint (scene.result.end, ==, P2P_IO_RESET);
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

/* The kernel's own watch over peers that vanish, from the moment that was asked for. */
static bool
is_watched (P2pStream *strm)
{
  int on = 0;
  socklen_t len = sizeof on;

  g_assert_cmpint (getsockopt (p2p_stream_fd (strm), SOL_SOCKET, SO_KEEPALIVE, &on, &len), ==, 0);
  return on != 0;
}

static void
test_watch (void)
{
  for (unsigned late = 0; late < 2; late++)
    {
      RelayScene scene = { .n_done = 0 };
      P2pRelayOptions options = { .idle_ms = 50,
                                  .watch_after_ms = late ? 3600000 : 0,
                                  .done = relay_scene_done_cb,
                                  .data = &scene };
      P2pStream *kept[2];

      stream_pair_tcp (&scene.client, &scene.near);
      stream_pair_tcp (&scene.far, &scene.origin);
      /* The relay closes its ends: descriptors of the same sockets show what became of them. */
      kept[0] = p2p_stream_tcp_new (dup (p2p_stream_fd (scene.near)));
      kept[1] = p2p_stream_tcp_new (dup (p2p_stream_fd (scene.far)));
      p2p_relay_run (scene.near, P2P_SPAN_NONE, scene.far, P2P_SPAN_NONE, &options);
      for (unsigned i = 0; i < 2; i++)
        {
          g_assert_cmpint (is_watched (kept[i]), ==, !late);
          p2p_stream_close (kept[i]);
        }
      p2p_stream_close (scene.client);
      p2p_stream_close (scene.origin);
    }
}

/* More early bytes than a buffer holds, as an origin may send behind its 101; then the wish to
 * stop. */
#define LARGE_EARLY ((size_t) 300 * 1024)

static void *
large_early_main (void *data)
{
  RelayScene *scene = data;
  g_autofree char *early = g_malloc (LARGE_EARLY);

  for (size_t i = 0; i < LARGE_EARLY; i++)
    early[i] = (char) relay_pattern (i);
  p2p_relay_run (scene->near, (P2pSpan){ early, LARGE_EARLY }, scene->far, P2P_SPAN_NONE,
                 &scene->options);
  return NULL;
}

static void
test_large_early_and_stop (void)
{
  atomic_bool stop = false;
  RelayScene scene = { .options = { .stop = &stop, .done = relay_scene_done_cb, .data = &scene } };
  struct iovec iov = { "x", 1 };
  unsigned char buf[4096];
  size_t n;

  stream_pair_tcp (&scene.client, &scene.near);
  stream_pair_tcp (&scene.far, &scene.origin);
  P2P_PTHREAD (pthread_create (&scene.relay_thread, NULL, large_early_main, &scene));
  for (size_t at = 0; at < LARGE_EARLY; at += n)
    {
      g_assert_cmpint (p2p_stream_read (scene.origin, buf, sizeof buf, &n, SOON), ==, P2P_IO_OK);
      for (size_t i = 0; i < n; i++)
        g_assert_cmpuint (buf[i], ==, relay_pattern (at + i));
    }
  atomic_store (&stop, true);
  g_assert_cmpint (p2p_stream_write_all (scene.client, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  P2P_PTHREAD (pthread_join (scene.relay_thread, NULL));
  g_assert_cmpint (scene.result.end, ==, P2P_IO_STOPPED);
  g_assert_cmpuint (scene.n_done, ==, 1);
  p2p_stream_close (scene.client);
  p2p_stream_close (scene.origin);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_add_func ("/relay/watch", test_watch);
  g_test_add_func ("/relay/idle-and-early", test_idle_and_early);
  g_test_add_func ("/relay/write-stall", test_write_stall);
  g_test_add_func ("/relay/a-may-stall", test_a_may_stall);
  g_test_add_func ("/relay/a-aborts", test_a_aborts);
  g_test_add_func ("/relay/large-early-and-stop", test_large_early_and_stop);
  return g_test_run ();
}
