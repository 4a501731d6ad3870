/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Yamux between two of our own sessions, over sockets and over TLS: data both ways, many streams,
 * stalling, waiting for two. */
#include "tests/unit/yamux-pair.h"

/* One thread writes, another reads, 64 MiB go round. */
static void
test_echo (void)
{
  Pair pair;
  P2pStream *strm;

  pair_start (&pair, serve_echo, (P2pYamuxOptions){ 0 });
  strm = must_open (&pair.server);
  transfer_pattern (strm, strm, 1, 64 << 20);
  g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
  p2p_stream_close (strm);
  pair_stop (&pair);
}

/* Each thread opens streams, so that ids reach the wire in any order, and sends through them in
 * turns. */
#define N_OPENERS 8
#define STREAMS_EACH 125

static void *
opener_main (void *data)
{
  End *end = data;
  P2pStream *strms[STREAMS_EACH];
  char text[32], seen[32];

  for (unsigned round = 0; round < 3; round++)
    for (unsigned i = 0; i < STREAMS_EACH; i++)
      {
        unsigned which = (i * 59) % STREAMS_EACH; /* another order than that of opening */

        if (round == 0)
          strms[which] = must_open (end);
        memset (text, 0, sizeof text);
        (void) g_snprintf (text, sizeof text, "%p %u", (void *) strms[which], round);
        must_write (strms[which], text, sizeof text);
        must_read (strms[which], seen, sizeof seen);
        g_assert_cmpmem (seen, sizeof seen, text, sizeof text);
      }
  for (unsigned i = 0; i < STREAMS_EACH; i++)
    {
      g_assert_cmpint (p2p_stream_shutdown (strms[i], WITHIN), ==, P2P_IO_OK);
      p2p_stream_close (strms[i]);
    }
  return NULL;
}

static void
test_many (void)
{
  Pair pair;
  pthread_t threads[N_OPENERS];

  pair_start (&pair, serve_echo, (P2pYamuxOptions){ .accept_backlog = 1000 });
  for (size_t i = 0; i < N_OPENERS; i++)
    P2P_PTHREAD (pthread_create (&threads[i], NULL, opener_main, &pair.server));
  for (size_t i = 0; i < N_OPENERS; i++)
    P2P_PTHREAD (pthread_join (threads[i], NULL));
  /* All are over at both ends, and nothing is left of them. */
  end_await_streams (&pair.server, 0);
  end_await_streams (&pair.client, 0);
  g_assert_cmpuint (pair.client.n_accepted, ==, N_OPENERS * STREAMS_EACH);
  g_assert_cmpuint (p2p_yamux_get_stats (pair.server.yamux).queued_bytes, ==, 0);
  pair_stop (&pair);
}

/* A stream that nobody reads fills its window and stops; the others don't notice. */
static void
test_stalled (void)
{
  Pair pair;
  P2pStream *stalled[20], *strm;
  static unsigned char bytes[400000], seen[400000];
  size_t total = 0, n;

  pair_start (&pair, NULL, (P2pYamuxOptions){ 0 });
  for (size_t i = 0; i < G_N_ELEMENTS (stalled); i++)
    {
      P2pIo io;

      stalled[i] = must_open (&pair.server);
      for (total = 0; total < 262144; total += n)
        {
          n = 0;
          io = p2p_stream_writev (stalled[i], &(struct iovec){ bytes, sizeof bytes - total }, 1, &n,
                                  WITHIN);
          g_assert_cmpint (io, ==, P2P_IO_OK);
        }
      g_assert_cmpuint (total, ==, 262144);
      io = p2p_stream_writev (stalled[i], &(struct iovec){ bytes, 1 }, 1, &n, P2P_TRY);
      g_assert_cmpint (io, ==, P2P_IO_AGAIN);
    }
  strm = must_open (&pair.server);
  fill_pattern (bytes, sizeof bytes, 6, 0);
  must_write (strm, "first", 5);
  end_await_accepted (&pair.client, G_N_ELEMENTS (stalled) + 1);
  must_read (pair.client.kept[G_N_ELEMENTS (stalled)], seen, 5);
  for (unsigned i = 0; i < 20; i++)
    transfer_pattern (strm, pair.client.kept[G_N_ELEMENTS (stalled)], i, sizeof bytes);
  p2p_stream_close (strm);
  for (size_t i = 0; i < G_N_ELEMENTS (stalled); i++)
    p2p_stream_close (stalled[i]);
  pair_stop (&pair);
}

/* One thread waits for two streams of different sessions. */
static void
test_wait_two (void)
{
  Pair one, two;
  P2pStream *a, *b;
  P2pWait items[2];

  pair_start (&one, serve_echo, (P2pYamuxOptions){ 0 });
  pair_start (&two, serve_echo, (P2pYamuxOptions){ 0 });
  a = must_open (&one.server);
  b = must_open (&two.server);
  for (unsigned i = 0; i < 200; i++)
    {
      P2pStream *strm = i % 2 ? a : b;
      char byte = (char) i, seen = 0;

      items[0] = (P2pWait){ .strm = a, .want = P2P_READABLE };
      items[1] = (P2pWait){ .strm = b, .want = P2P_READABLE };
      g_assert_cmpint (p2p_stream_wait (items, 2, P2P_TRY), ==, P2P_IO_AGAIN);
      must_write (strm, &byte, 1);
      g_assert_cmpint (p2p_stream_wait (items, 2, WITHIN), ==, P2P_IO_OK);
      g_assert_cmpuint (items[i % 2 ? 0 : 1].ready, ==, P2P_READABLE);
      g_assert_cmpuint (items[i % 2 ? 1 : 0].ready, ==, 0);
      must_read (strm, &seen, 1);
      g_assert_cmpint (seen, ==, byte);
    }
  p2p_stream_close (a);
  p2p_stream_close (b);
  pair_stop (&one);
  pair_stop (&two);
}

static const PairTest tests[] = {
  { "echo", test_echo },
  { "many", test_many },
  { "stalled", test_stalled },
  { "wait-two", test_wait_two },
};

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  pair_add_tests ("/yamux", tests, G_N_ELEMENTS (tests));
  return g_test_run ();
}
