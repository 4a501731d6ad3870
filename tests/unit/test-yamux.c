/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Yamux between two of our own sessions: data both ways, many streams, closing, going away. */
#include "tests/unit/yamux-pair.h"

typedef struct
{
  P2pStream *strm; /* (borrowed) */
  uint64_t seed;
  size_t total;
} Transfer;

static void *
send_main (void *data)
{
  Transfer *transfer = data;
  unsigned char buf[30000];

  for (size_t done = 0; done < transfer->total;)
    {
      size_t n = MIN (sizeof buf, transfer->total - done);

      fill_pattern (buf, n, transfer->seed, done);
      must_write (transfer->strm, buf, n);
      done += n;
    }
  return NULL;
}

static void
receive_pattern (P2pStream *strm, uint64_t seed, size_t total)
{
  g_autofree unsigned char *buf = g_malloc (50000), *wanted = g_malloc (50000);

  for (size_t done = 0; done < total;)
    {
      size_t n = 0;

      g_assert_cmpint (p2p_stream_read (strm, buf, 50000, &n, WITHIN), ==, P2P_IO_OK);
      g_assert_cmpuint (n, <=, total - done);
      fill_pattern (wanted, n, seed, done);
      g_assert_cmpmem (buf, n, wanted, n);
      done += n;
    }
}

static void
echo_transfer (P2pStream *strm, uint64_t seed, size_t total)
{
  Transfer transfer = { strm, seed, total };
  pthread_t thread;

  P2P_PTHREAD (pthread_create (&thread, NULL, send_main, &transfer));
  receive_pattern (strm, seed, total);
  P2P_PTHREAD (pthread_join (thread, NULL));
}

/* One thread writes, another reads, 64 MiB go round. */
static void
test_echo (void)
{
  Pair pair;
  P2pStream *strm;

  pair_start (&pair, serve_echo, (P2pYamuxOptions){ 0 });
  strm = must_open (&pair.server);
  echo_transfer (strm, 1, 64 << 20);
  g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
  p2p_stream_close (strm);
  pair_stop (&pair);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yamux/echo", test_echo);
  return g_test_run ();
}
