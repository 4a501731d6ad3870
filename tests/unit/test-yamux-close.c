/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How streams and sessions are closed between two of our own, over sockets and over TLS: in one
 * direction, with bytes on their way, by cancelling, many at once, with threads that wait. */
#include "tests/unit/yamux-pair.h"

/* Reads until FIN and only then says how much it was. */
static void
serve_count (P2pStream *take_strm)
{
  char buf[5000];
  uint64_t total = 0;
  size_t n;
  P2pIo io;

  while ((io = p2p_stream_read (take_strm, buf, sizeof buf, &n, WITHIN)) == P2P_IO_OK)
    total += n;
  if (io == P2P_IO_EOF)
    {
      must_write (take_strm, &total, sizeof total);
      (void) p2p_stream_shutdown (take_strm, WITHIN); /* the opener looks for the FIN */
    }
  p2p_stream_close (take_strm);
}

static void
test_half_close (void)
{
  Pair pair;
  P2pStream *strm;
  static char bytes[777777];
  uint64_t total = 0;

  pair_start (&pair, serve_count, (P2pYamuxOptions){ .peer_half_close = true });
  strm = must_open (&pair.server);
  must_write (strm, bytes, sizeof bytes);
  g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
  must_read (strm, &total, sizeof total);
  g_assert_cmpuint (total, ==, sizeof bytes);
  must_read_eof (strm);
  g_assert_cmpint (p2p_stream_wait (&(P2pWait){ .strm = strm }, 1, P2P_TRY), ==, P2P_IO_OK);
  p2p_stream_close (strm);
  end_await_streams (&pair.server, 0);
  end_await_streams (&pair.client, 0);
  pair_stop (&pair);
}

/* What was taken is sent although the stream is closed at once. */
static void
test_close_keeps_bytes (void)
{
  Pair pair;
  static unsigned char bytes[200000], seen[200000];
  P2pStream *strm;

  fill_pattern (bytes, sizeof bytes, 5, 0);
  pair_start (&pair, NULL, (P2pYamuxOptions){ 0 });
  strm = must_open (&pair.server);
  must_write (strm, bytes, sizeof bytes);
  p2p_stream_close (strm);
  end_await_accepted (&pair.client, 1);
  must_read (pair.client.kept[0], seen, sizeof seen);
  g_assert_cmpmem (bytes, sizeof bytes, seen, sizeof seen);
  must_read_eof (pair.client.kept[0]);
  p2p_stream_close (g_steal_pointer (&pair.client.kept[0]));
  end_await_streams (&pair.server, 0);
  pair_stop (&pair);
}

static void
test_reset (void)
{
  Pair pair;
  P2pStream *strm;
  P2pWait wait;
  char byte;
  size_t n;

  pair_start (&pair, NULL, (P2pYamuxOptions){ 0 });
  strm = must_open (&pair.server);
  must_write (strm, "x", 1);
  end_await_accepted (&pair.client, 1);
  p2p_stream_reset (strm);
  p2p_stream_close (strm);
  wait = (P2pWait){ .strm = pair.client.kept[0] };
  g_assert_cmpint (p2p_stream_wait (&wait, 1, WITHIN), ==, P2P_IO_OK);
  g_assert_cmpuint (wait.ready, &, P2P_HANGUP);
  must_read (pair.client.kept[0], &byte, 1); /* what was said before */
  g_assert_cmpint (byte, ==, 'x');
  g_assert_cmpint (p2p_stream_read (pair.client.kept[0], &byte, 1, &n, WITHIN), ==, P2P_IO_RESET);
  g_assert_cmpint (
      p2p_stream_writev (pair.client.kept[0], &(struct iovec){ &byte, 1 }, 1, &n, WITHIN), ==,
      P2P_IO_RESET);
  pair_stop (&pair);
}

/* A reset goes behind what was written before it, even if the transport is slow to take that. */
static void
test_reset_behind (void)
{
  static unsigned char bytes[50000], seen[50000];
  Pair pair;
  char byte;
  size_t n;

  pair_start (&pair, NULL, (P2pYamuxOptions){ 0 });
  fill_pattern (bytes, sizeof bytes, 3, 0);
  for (unsigned i = 0; i < 50; i++)
    {
      P2pStream *strm = must_open (&pair.server), *kept;

      must_write (strm, "y", 1);
      end_await_accepted (&pair.client, i + 1);
      kept = pair.client.kept[i];
      must_write (strm, bytes, sizeof bytes);
      p2p_stream_reset (strm);
      p2p_stream_close (strm);
      must_read (kept, &byte, 1);
      must_read (kept, seen, sizeof seen);
      g_assert_cmpmem (bytes, sizeof bytes, seen, sizeof seen);
      g_assert_cmpint (p2p_stream_read (kept, &byte, 1, &n, WITHIN), ==, P2P_IO_RESET);
    }
  end_await_streams (&pair.server, 0);
  pair_stop (&pair);
}

/* 50 transfers arrive intact while 1 000 others are cancelled at any moment. */
#define N_LIVE 50
#define N_CANCELLED 1000

typedef struct
{
  P2pStream *strm; /* (borrowed) */
  uint64_t seed;
  size_t total;
} Transfer;

static void *
transfer_main (void *data)
{
  Transfer *transfer = data;

  transfer_pattern (transfer->strm, transfer->strm, transfer->seed, transfer->total);
  return NULL;
}

static void
cancel_one (End *end, unsigned i)
{
  static unsigned char bytes[100000];
  P2pStream *strm = must_open (end);
  size_t n;

  if (i % 5 > 0)
    (void) p2p_stream_writev (strm, &(struct iovec){ bytes, 1 + i * 97 % sizeof bytes }, 1, &n,
                              P2P_TRY);
  if (i % 3 > 0)
    (void) p2p_stream_read (strm, bytes, 1 + i % 1000, &n, p2p_deadline_ms (i % 3));
  if (i % 2)
    p2p_stream_reset (strm);
  p2p_stream_close (strm);
}

static void
test_cancel_storm (void)
{
  Pair pair;
  Transfer live[N_LIVE];
  pthread_t threads[N_LIVE];

  pair_start (&pair, serve_echo, (P2pYamuxOptions){ .accept_backlog = 2000 });
  for (unsigned i = 0; i < N_LIVE; i++)
    {
      live[i] = (Transfer){ must_open (&pair.server), i, 300000 };
      P2P_PTHREAD (pthread_create (&threads[i], NULL, transfer_main, &live[i]));
    }
  for (unsigned i = 0; i < N_CANCELLED; i++)
    cancel_one (&pair.server, i);
  for (unsigned i = 0; i < N_LIVE; i++)
    {
      P2P_PTHREAD (pthread_join (threads[i], NULL));
      p2p_stream_close (live[i].strm);
    }
  g_assert_true (p2p_yamux_is_open (pair.server.yamux));
  end_await_streams (&pair.server, 0);
  end_await_streams (&pair.client, 0);
  g_assert_cmpuint (p2p_yamux_get_stats (pair.server.yamux).queued_bytes, ==, 0);
  g_assert_cmpuint (p2p_yamux_get_stats (pair.client.yamux).queued_bytes, ==, 0);
  g_assert_cmpuint (p2p_yamux_get_stats (pair.client.yamux).window_bytes, ==, 0);
  pair_stop (&pair);
}

/* The end of a session wakes who waits: for bytes, for room, for both, for a stream. */
typedef struct
{
  P2pYamux *yamux;
  P2pStream *strm;
  P2pIo io;
} Waiting;

static void *
wait_read_main (void *data)
{
  Waiting *waiting = data;
  char byte;
  size_t n;

  waiting->io = p2p_stream_read (waiting->strm, &byte, 1, &n, WITHIN);
  return NULL;
}

static void *
wait_write_main (void *data)
{
  Waiting *waiting = data;
  static char bytes[20000];

  do
    waiting->io = p2p_stream_write_all (waiting->strm, &(struct iovec){ bytes, sizeof bytes }, 1,
                                        NULL, WITHIN);
  while (waiting->io == P2P_IO_OK);
  return NULL;
}

static void *
wait_open_main (void *data)
{
  Waiting *waiting = data;

  do
    waiting->io = p2p_yamux_open (waiting->yamux, WITHIN, &waiting->strm);
  while (waiting->io == P2P_IO_OK && (p2p_stream_close (waiting->strm), true));
  return NULL;
}

static void
test_end_wakes (void)
{
  static void *(*const mains[]) (void *) = { wait_read_main, wait_write_main, wait_open_main };
  static const P2pIo wanted[] = { P2P_IO_RESET, P2P_IO_RESET, P2P_IO_STOPPED };
  Pair pair;
  Waiting waiting[3];
  pthread_t threads[3];

  pair_start (&pair, NULL, (P2pYamuxOptions){ 0 });
  for (size_t i = 0; i < 3; i++)
    {
      waiting[i]
          = (Waiting){ pair.server.yamux, i < 2 ? must_open (&pair.server) : NULL, P2P_IO_OK };
      P2P_PTHREAD (pthread_create (&threads[i], NULL, mains[i], &waiting[i]));
    }
  end_await_accepted (&pair.client, 2);
  p2p_yamux_close (pair.server.yamux, "enough");
  for (size_t i = 0; i < 3; i++)
    {
      P2P_PTHREAD (pthread_join (threads[i], NULL));
      g_assert_cmpint (waiting[i].io, ==, wanted[i]);
    }
  end_await (&pair.server);
  g_assert_cmpstr (pair.server.why, ==, "enough");
  g_assert_true (pair.server.ours);
  end_await (&pair.client);
  g_assert_false (pair.client.ours);
  /* The streams outlive the session that its user has let go. */
  pair_stop (&pair);
  p2p_stream_close (waiting[0].strm);
  p2p_stream_close (waiting[1].strm);
}

static const PairTest tests[] = {
  { "half-close", test_half_close },
  { "close-keeps-bytes", test_close_keeps_bytes },
  { "reset", test_reset },
  { "reset-behind", test_reset_behind },
  { "cancel-storm", test_cancel_storm },
  { "end-wakes", test_end_wakes },
};

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  pair_add_tests ("/yamux-close", tests, G_N_ELEMENTS (tests));
  return g_test_run ();
}
