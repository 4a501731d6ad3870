/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Receive windows: growth with the bandwidth-delay product under a budget, and what happens when
 * more is held than the budget allows. */
#include "lib/yamux-priv.h"
#include "tests/unit/wait-for.h"
#include "tests/unit/yamux-raw.h"

#include <poll.h>

#define ROUND_TRIP_MS 40

/* A session that believes in a long round trip: its first ping is answered late. */
static void
start_peer_at (Peer *peer, P2pYamuxBudget *budget, int round_trip_ms)
{
  RawFrame ping;
  int64_t deadline_us = WITHIN;

  peer_start (peer, P2P_YAMUX_CLIENT, (P2pYamuxOptions){ .accept_backlog = 256, .budget = budget });
  ping = raw_expect (peer->fd, YAMUX_PING, YAMUX_SYN, 0);
  (void) poll (NULL, 0, round_trip_ms); /* the distance */
  raw_send (peer->fd, YAMUX_PING, YAMUX_ACK, 0, ping.length, NULL);
  while (p2p_yamux_get_stats (peer->end.yamux).round_trip_us < 0)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_thread_yield ();
    }
  g_assert_cmpint (p2p_yamux_get_stats (peer->end.yamux).round_trip_us, >=, round_trip_ms * 1000);
}

static void
start_far_peer (Peer *peer, P2pYamuxBudget *budget)
{
  start_peer_at (peer, budget, ROUND_TRIP_MS);
}

/* Takes what window updates have come and adds them up. */
static uint32_t
take_grants (Peer *peer, uint32_t id)
{
  uint32_t sum = 0;
  struct pollfd pfd = { .fd = peer->fd, .events = POLLIN };

  while (poll (&pfd, 1, 0) == 1)
    {
      RawFrame frame;

      g_assert_true (raw_next (peer->fd, &frame, true));
      if (frame.type == YAMUX_WINDOW_UPDATE && frame.id == id)
        sum += frame.length;
    }
  return sum;
}

/* Opens stream 2; answers its window. */
static uint32_t
begin_rounds (Peer *peer)
{
  raw_send (peer->fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 2, 0, NULL);
  end_await_accepted (&peer->end, 1);
  return 262144;
}

/* Fills the window of stream 2, which is read as fast as it comes, one piece after the other;
 * answers the next one. */
static uint32_t
fill_window (Peer *peer, uint32_t window, uint32_t piece)
{
  g_autofree char *bytes = g_malloc0 (piece);

  for (uint32_t left = window, n; left > 0; left -= n)
    {
      n = MIN (left, piece);
      raw_send (peer->fd, YAMUX_DATA, 0, 2, n, bytes);
      must_read (peer->end.kept[0], bytes, n);
    }
  (void) poll (NULL, 0, ROUND_TRIP_MS); /* the distance */
  return take_grants (peer, 2);
}

/* One window a round trip, until the peer was given so much or rounds are over; answers the largest
 * window. *ret_last: what the peer may still send. */
static uint32_t
largest_window (Peer *peer, uint32_t enough, unsigned rounds, uint32_t *ret_last)
{
  uint32_t window = begin_rounds (peer), largest = window;

  for (unsigned round = 0; round < rounds && largest < enough; round++)
    {
      window = fill_window (peer, window, 65536);
      largest = MAX (largest, window);
    }
  *ret_last = window;
  return largest;
}

static void
test_growth (void)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new (64 << 20);
  Peer peer;
  uint32_t largest, last;

  start_far_peer (&peer, budget);
  largest = largest_window (&peer, 400 << 10, 250, &last);
  g_test_message ("the window grew to %u", largest);
  g_assert_cmpuint (largest, >=, 400 << 10);
  g_assert_cmpuint (largest, <=, 16 << 20);
  g_assert_cmpuint (p2p_yamux_budget_growth (budget), >, 0);
  g_assert_cmpuint (p2p_yamux_get_stats (peer.end.yamux).window_bytes, ==,
                    262144 + p2p_yamux_budget_growth (budget));
  /* A closed stream gives its share back. */
  p2p_stream_close (g_steal_pointer (&peer.end.kept[0]));
  g_assert_cmpuint (p2p_yamux_budget_growth (budget), ==, 0);
  peer_stop (&peer);
  p2p_yamux_budget_unref (budget);
}

/* However far the peer is and however large the budget, a stream has 16 MiB at most: so far away
 * that a machine which moves 11 MiB/s gives it as much. */
static void
test_largest (void)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new ((uint64_t) 1 << 40);
  int64_t deadline_us = p2p_deadline_ms (60000);
  uint32_t window, largest = 0;
  Peer peer;

  start_peer_at (&peer, budget, 800);
  window = begin_rounds (&peer);
  for (unsigned rounds_then = 0; rounds_then < 3 && p2p_now_us () < deadline_us;)
    {
      window = fill_window (&peer, window, 1 << 20);
      largest = MAX (largest, window);
      rounds_then += p2p_yamux_get_stats (peer.end.yamux).window_bytes >= 16 << 20;
    }
  g_assert_cmpuint (p2p_yamux_get_stats (peer.end.yamux).window_bytes, ==, 16 << 20);
  g_assert_cmpuint (p2p_yamux_budget_growth (budget), ==, (16 << 20) - 262144);
  g_assert_cmpuint (largest, <=, 16 << 20);
  peer_stop (&peer);
  p2p_yamux_budget_unref (budget);
}

static void
test_spent_budget (void)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new (200 << 10);
  Peer peer;
  uint32_t last;

  start_far_peer (&peer, budget);
  g_assert_cmpuint (largest_window (&peer, 400 << 10, 8, &last), <=, (256 + 100) << 10);
  g_assert_cmpuint (p2p_yamux_budget_growth (budget), <=, 100 << 10);
  g_assert_false (yamux_budget_reserve (budget, 101 << 10));
  peer_stop (&peer);
  p2p_yamux_budget_unref (budget);
}

/* A reader that stops behind a window as wide as it could become is not reset for that. */
static void
test_wide_and_full (void)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new (700 << 10);
  g_autofree char *bytes = NULL;
  uint32_t last;
  Peer peer;

  start_far_peer (&peer, budget);
  (void) largest_window (&peer, UINT32_MAX, 8, &last);
  bytes = g_malloc0 (last);
  raw_send (peer.fd, YAMUX_DATA, 0, 2, last, bytes);
  WAIT_FOR (p2p_stream_pending (peer.end.kept[0]) == last);
  g_assert_cmpuint (p2p_yamux_budget_held (budget), >=, last);
  must_read (peer.end.kept[0], bytes, last);
  peer_stop (&peer);
  p2p_yamux_budget_unref (budget);
}

/* Of a window that cannot grow, all but an eighth comes back to the peer in every round, however
 * the reader's pieces fall. */
static void
test_whole_window (void)
{
  g_autofree char *bytes = g_malloc0 (262144);
  uint32_t credit = 262144;
  Peer peer;

  start_far_peer (&peer, NULL);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 2, 0, NULL);
  end_await_accepted (&peer.end, 1);
  for (unsigned round = 0; round < 20; round++)
    {
      raw_send (peer.fd, YAMUX_DATA, 0, 2, credit, bytes);
      for (uint32_t left = credit, n; left > 0; left -= n)
        {
          n = MIN (left, 60000);
          must_read (peer.end.kept[0], bytes, n);
        }
      for (credit = 0; credit < 262144 - 262144 / 8;)
        credit += raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, 0, 2).length;
      g_assert_cmpuint (credit, <=, 262144);
    }
  peer_stop (&peer);
}

/* Nothing is held, and no growth charged, once all has been read and closed. */
static void
test_nothing_left (void)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new (64 << 20);
  Pair pair;
  static char bytes[1 << 20];
  P2pStream *strm;

  pair_start (&pair, serve_sink, (P2pYamuxOptions){ .budget = budget });
  strm = must_open (&pair.server);
  for (unsigned i = 0; i < 32; i++)
    must_write (strm, bytes, sizeof bytes);
  p2p_stream_close (strm);
  pair_stop (&pair);
  g_assert_cmpuint (p2p_yamux_budget_growth (budget), ==, 0);
  g_assert_cmpuint (p2p_yamux_budget_held (budget), ==, 0);
  p2p_yamux_budget_unref (budget);
}

/* Two sessions share a budget. Streams that nobody reads are reset, those that hold most first,
 * until what is held fits; the stream that is read and both sessions live. */
static void
test_overload (void)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new (1 << 20);
  Pair hog, good;
  P2pStream *strms[12], *live;
  static char bytes[200000], echo[1000];
  unsigned n_overloaded = 0;
  int64_t deadline_us = WITHIN;

  pair_start (&hog, NULL, (P2pYamuxOptions){ .budget = budget });
  pair_start (&good, serve_echo, (P2pYamuxOptions){ .budget = budget });
  live = must_open (&good.server);
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      P2pIo io;

      strms[i] = must_open (&hog.server);
      io = p2p_stream_write_all (strms[i], &(struct iovec){ bytes, sizeof bytes }, 1, NULL, WITHIN);
      g_assert_true (io == P2P_IO_OK || io == P2P_IO_RESET);
      must_write (live, echo, sizeof echo);
      must_read (live, echo, sizeof echo);
    }
  end_await_accepted (&hog.client, G_N_ELEMENTS (strms));
  /* 2.4 MB were sent: at least seven of twelve could not stay. */
  while (n_overloaded < 7)
    {
      n_overloaded = 0;
      for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
        {
          P2pWait wait = { .strm = hog.client.kept[i] };

          if (p2p_stream_wait (&wait, 1, P2P_TRY) == P2P_IO_OK)
            n_overloaded++;
        }
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      P2pWait wait = { .strm = hog.client.kept[i] };
      size_t n;

      if (p2p_stream_wait (&wait, 1, P2P_TRY) == P2P_IO_OK)
        {
          g_assert_cmpint (p2p_stream_read (wait.strm, echo, 1, &n, WITHIN), ==, P2P_IO_OVERFLOW);
          /* The other end sees a reset, though perhaps a little later. */
          while (p2p_stream_read (strms[i], echo, 1, &n, WITHIN) != P2P_IO_RESET)
            g_assert_cmpint (p2p_now_us (), <, deadline_us);
        }
    }
  WAIT_FOR (p2p_yamux_budget_held (budget) <= 1 << 20); /* the last bytes may still be coming */
  g_assert_true (p2p_yamux_is_open (hog.server.yamux));
  must_write (live, echo, sizeof echo);
  must_read (live, echo, sizeof echo);
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
  p2p_stream_close (live);
  pair_stop (&hog);
  pair_stop (&good);
  g_assert_cmpuint (p2p_yamux_budget_held (budget), ==, 0);
  p2p_yamux_budget_unref (budget);
}

/* In a stream that nobody reads. */
static void
await_pending (P2pStream *strm, size_t n)
{
  WAIT_FOR (p2p_stream_pending (strm) >= n);
}

/* A reader that stands still for long has little; another session's streams are fresher and have
 * much. It is they that pay. */
static void
test_overload_by_another (void)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new (1 << 20);
  static char bytes[200000];
  P2pStream *slow, *strms[12];
  Pair hog, good;
  char byte;
  size_t n;

  pair_start (&good, NULL, (P2pYamuxOptions){ .budget = budget });
  slow = must_open (&good.server);
  must_write (slow, bytes, 100000);
  end_await_accepted (&good.client, 1);
  await_pending (good.client.kept[0], 100000);
  (void) poll (NULL, 0, 500); /* it stands still */
  pair_start (&hog, NULL, (P2pYamuxOptions){ .budget = budget });
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      P2pIo io;

      strms[i] = must_open (&hog.server);
      io = p2p_stream_write_all (strms[i], &(struct iovec){ bytes, sizeof bytes }, 1, NULL, WITHIN);
      g_assert_true (io == P2P_IO_OK || io == P2P_IO_RESET);
    }
  end_await_accepted (&hog.client, G_N_ELEMENTS (strms));
  WAIT_FOR (p2p_yamux_get_stats (hog.server.yamux).streams <= 5);
  g_assert_cmpint (p2p_stream_read (good.client.kept[0], &byte, 1, &n, P2P_TRY), ==, P2P_IO_OK);
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
  p2p_stream_close (slow);
  pair_stop (&hog);
  pair_stop (&good);
  g_assert_cmpuint (p2p_yamux_budget_held (budget), ==, 0);
  p2p_yamux_budget_unref (budget);
}

/* What has ended for the peer, or with the session, and is not read: it counts, and pays. */
static void
ended_pay (bool with_session)
{
  P2pYamuxBudget *budget = p2p_yamux_budget_new (1 << 20);
  static char bytes[200000];
  P2pStream *strms[4], *far;
  unsigned n_overloaded = 0;
  Pair pair, other;
  char byte;
  size_t n;

  pair_start (&pair, NULL, (P2pYamuxOptions){ .budget = budget, .peer_half_close = true });
  pair_start (&other, NULL, (P2pYamuxOptions){ .budget = budget });
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      strms[i] = must_open (&pair.server);
      g_assert_cmpint (p2p_stream_shutdown (strms[i], WITHIN), ==, P2P_IO_OK);
      end_await_accepted (&pair.client, i + 1);
      far = g_steal_pointer (&pair.client.kept[i]);
      must_write (far, bytes, sizeof bytes);
      p2p_stream_close (far);
      await_pending (strms[i], sizeof bytes);
    }
  end_await_streams (&pair.server, 0);
  if (with_session)
    {
      p2p_yamux_close (pair.server.yamux, "test");
      end_await (&pair.server);
    }
  g_assert_cmpuint (p2p_yamux_budget_held (budget), >=, G_N_ELEMENTS (strms) * sizeof bytes);
  far = must_open (&other.server);
  must_write (far, bytes, sizeof bytes);
  end_await_accepted (&other.client, 1);
  await_pending (other.client.kept[0], sizeof bytes);
  g_assert_cmpuint (p2p_yamux_budget_held (budget), <=, 1 << 20);
  for (unsigned i = 0; i < G_N_ELEMENTS (strms); i++)
    {
      P2pIo io = p2p_stream_read (strms[i], &byte, 1, &n, P2P_TRY);

      g_assert_true (io == P2P_IO_OK || io == P2P_IO_OVERFLOW);
      n_overloaded += io == P2P_IO_OVERFLOW;
      p2p_stream_close (strms[i]);
    }
  g_assert_cmpuint (n_overloaded, >=, 1);
  p2p_stream_close (far);
  pair_stop (&pair);
  pair_stop (&other);
  g_assert_cmpuint (p2p_yamux_budget_held (budget), ==, 0);
  p2p_yamux_budget_unref (budget);
}

static void
test_ended_streams_pay (void)
{
  ended_pay (false);
}

static void
test_ended_session_pays (void)
{
  ended_pay (true);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yamux-window/growth", test_growth);
  g_test_add_func ("/yamux-window/largest", test_largest);
  g_test_add_func ("/yamux-window/spent-budget", test_spent_budget);
  g_test_add_func ("/yamux-window/wide-and-full", test_wide_and_full);
  g_test_add_func ("/yamux-window/whole-window", test_whole_window);
  g_test_add_func ("/yamux-window/nothing-left", test_nothing_left);
  g_test_add_func ("/yamux-window/overload", test_overload);
  g_test_add_func ("/yamux-window/overload-by-another", test_overload_by_another);
  g_test_add_func ("/yamux-window/ended-streams-pay", test_ended_streams_pay);
  g_test_add_func ("/yamux-window/ended-session-pays", test_ended_session_pays);
  return g_test_run ();
}
