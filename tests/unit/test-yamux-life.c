/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The life of a Yamux session against a raw peer, with short times: pings, silence, a transport
 * that takes nothing, a stream whose end never comes. */
#include "lib/fd.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/yamux-raw.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#define RTO_MAX_MS 44 /* TCP_RTO_MAX_MS of Linux 6.15 */

static void
start (Peer *peer, P2pYamuxOptions options)
{
  peer_start_narrow (peer, P2P_YAMUX_SERVER, options, 4096);
}

/* The first ping comes at once and its answer is the round trip; the next comes after the interval.
 */
static void
test_round_trip (void)
{
  Peer peer;
  RawFrame first, next;
  int64_t deadline_us = WITHIN;

  start (&peer, (P2pYamuxOptions){ .ping_interval_ms = 30 });
  g_assert_cmpint (p2p_yamux_get_stats (peer.end.yamux).round_trip_us, ==, -1);
  first = next = raw_expect (peer.fd, YAMUX_PING, YAMUX_SYN, 0);
  raw_send (peer.fd, YAMUX_PING, YAMUX_ACK, 0, first.length + 1000, NULL); /* of no ping of ours */
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 1, 0, NULL);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1); /* so that has been read */
  g_assert_cmpint (p2p_yamux_get_stats (peer.end.yamux).round_trip_us, ==, -1);
  /* What is answered after the first one has the time of a later one. */
  while (p2p_yamux_get_stats (peer.end.yamux).round_trip_us < 0)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      next = raw_expect (peer.fd, YAMUX_PING, YAMUX_SYN, 0);
      g_assert_cmpuint (next.length, !=, first.length);
      raw_send (peer.fd, YAMUX_PING, YAMUX_ACK, 0, next.length, NULL);
    }
  peer_stop (&peer);
}

/* Where an answer takes longer than the pings are apart, it has its own ping's time. */
static void
test_slow_answers (void)
{
  Peer peer;
  RawFrame first;
  int64_t deadline_us = WITHIN;

  start (&peer, (P2pYamuxOptions){ .ping_interval_ms = 20 });
  first = raw_expect (peer.fd, YAMUX_PING, YAMUX_SYN, 0);
  for (unsigned i = 0; i < 3; i++)
    (void) raw_expect (peer.fd, YAMUX_PING, YAMUX_SYN, 0);
  raw_send (peer.fd, YAMUX_PING, YAMUX_ACK, 0, first.length, NULL);
  while (p2p_yamux_get_stats (peer.end.yamux).round_trip_us < 0)
    {
      g_assert_cmpint (p2p_now_us (), <, deadline_us);
      g_thread_yield ();
    }
  g_assert_cmpint (p2p_yamux_get_stats (peer.end.yamux).round_trip_us, >=, 40000);
  peer_stop (&peer);
}

static void
test_silent_peer (void)
{
  Peer peer;
  int64_t before_us = p2p_now_us ();

  start (&peer, (P2pYamuxOptions){ .ping_interval_ms = 60000, .dead_after_ms = 100 });
  end_await (&peer.end);
  g_assert_cmpint (p2p_now_us () - before_us, >=, 100000);
  g_assert_cmpstr (peer.end.why, ==, "the peer is silent");
  g_assert_true (peer.end.ours);
  peer_stop (&peer);
}

/* Who doubts the path has the answer soon, whatever the pings are set to. */
static void
test_check (void)
{
  Peer peer;
  RawFrame ping;
  int64_t before_us;

  start (&peer, (P2pYamuxOptions){ .ping_interval_ms = 60000, .dead_after_ms = 60000 });
  (void) raw_expect (peer.fd, YAMUX_PING, YAMUX_SYN, 0); /* the first, for the round trip */
  /* A byte within the time, and the session lives on. */
  p2p_yamux_check (peer.end.yamux, 20000);
  ping = raw_expect (peer.fd, YAMUX_PING, YAMUX_SYN, 0);
  raw_send (peer.fd, YAMUX_PING, YAMUX_ACK, 0, ping.length, NULL);
  while (p2p_yamux_get_stats (peer.end.yamux).round_trip_us < 0)
    (void) poll (NULL, 0, 1);
  g_assert_true (p2p_yamux_is_open (peer.end.yamux));
  /* None, and it is over by our own judgement. */
  before_us = p2p_now_us ();
  p2p_yamux_check (peer.end.yamux, 100);
  end_await (&peer.end);
  g_assert_cmpint (p2p_now_us () - before_us, >=, 100000);
  g_assert_cmpint (p2p_now_us () - before_us, <, 20000000);
  g_assert_cmpstr (peer.end.why, ==, "the peer is silent");
  g_assert_true (peer.end.ours);
  peer_stop (&peer);
}

/* Doubts that come again and again put off nothing: neither the first check nor the first ping
 * without an answer. */
static void
check_without_end (int64_t dead_after_ms, int64_t wait_ms)
{
  Peer peer;
  int64_t until_us = WITHIN;

  start (&peer, (P2pYamuxOptions){ .ping_interval_ms = 60000, .dead_after_ms = dead_after_ms });
  while (p2p_yamux_is_open (peer.end.yamux))
    {
      g_assert_cmpint (p2p_now_us (), <, until_us);
      p2p_yamux_check (peer.end.yamux, wait_ms);
      (void) poll (NULL, 0, 20); /* a network that changes all the time */
    }
  end_await (&peer.end);
  g_assert_cmpstr (peer.end.why, ==, "the peer is silent");
  g_assert_true (peer.end.ours);
  peer_stop (&peer);
}

static void
test_checks_without_end (void)
{
  check_without_end (200, 60000);
  check_without_end (60000, 200);
}

/* Whether the session has seen 30 pings go out, none of which was answered, and lives. */
static bool
lives_unanswered (void)
{
  Peer peer;
  unsigned n_pings = 0;
  bool lives = true;

  start (&peer, (P2pYamuxOptions){ .ping_interval_ms = 50, .dead_after_ms = 1000 });
  while (lives && n_pings < 30)
    {
      struct pollfd pfd = { .fd = peer.fd, .events = POLLIN };
      RawFrame frame;

      raw_send (peer.fd, YAMUX_WINDOW_UPDATE, 0, 12, 1, NULL);
      if (poll (&pfd, 1, 10) == 0)
        continue;
      lives = raw_next (peer.fd, &frame, true) && frame.type == YAMUX_PING;
      n_pings++;
    }
  lives = lives && p2p_yamux_is_open (peer.end.yamux);
  peer_stop (&peer);
  return lives;
}

/* Any byte is a sign of life, even if no ping is ever answered. A machine that stands still for a
 * second kills the session, but not each time. */
static void
test_busy_peer (void)
{
  bool lives = false;

  for (unsigned i = 0; i < 4 && !lives; i++)
    lives = lives_unanswered ();
  g_assert_true (lives);
}

static void
fill (P2pStream *strm)
{
  static char bytes[16384];
  size_t n;

  while (p2p_stream_writev (strm, &(struct iovec){ bytes, sizeof bytes }, 1, &n, P2P_TRY)
         == P2P_IO_OK)
    ;
}

/* Nothing is taken while there is something to send: the end, though the peer itself goes on
 * talking. */
static void
test_stuck_transport (void)
{
  Peer peer;
  P2pStream *strm;

  start (&peer, (P2pYamuxOptions){ .dead_after_ms = 1000 }); /* and room before the first byte */
  strm = must_open (&peer.end);
  fill (strm);
  while (p2p_yamux_is_open (peer.end.yamux))
    {
      raw_send (peer.fd, YAMUX_WINDOW_UPDATE, 0, 12, 1, NULL);
      (void) poll (NULL, 0, 5); /* the peer's pace */
    }
  end_await (&peer.end);
  g_assert_cmpstr (peer.end.why, ==, "the peer takes no bytes");
  g_assert_true (peer.end.ours);
  p2p_stream_close (strm);
  peer_stop (&peer);
}

/* Whether the session lives while the peer takes all in many times the period after which one that
 * takes nothing is dead, and others wait for their turn. */
static bool
lives_slowly (void)
{
  Peer peer;
  P2pStream *strms[24];
  unsigned char buf[1024];
  int64_t until_us;
  size_t total = 0;
  bool lives;

  start (&peer, (P2pYamuxOptions){ .ping_interval_ms = 60000, .dead_after_ms = 1000 });
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, 0, 12, 1, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    fill (strms[i] = must_open (&peer.end));
  until_us = p2p_deadline_ms (2500);
  while (p2p_now_us () < until_us && p2p_yamux_is_open (peer.end.yamux))
    {
      ssize_t n = recv (peer.fd, buf, sizeof buf, 0);

      total += n > 0 ? (size_t) n : 0;
      raw_send (peer.fd, YAMUX_WINDOW_UPDATE, 0, 12, 1, NULL);
      (void) poll (NULL, 0, 5); /* the peer's pace */
    }
  lives = p2p_yamux_is_open (peer.end.yamux);
  if (lives)
    {
      g_assert_cmpuint (p2p_yamux_get_stats (peer.end.yamux).queued_bytes, >, 0);
      g_assert_cmpuint (total, <, G_N_ELEMENTS (strms) * 65488);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
  peer_stop (&peer);
  return lives;
}

/* A slow one is not stuck; see test_busy_peer () for the tries. */
static void
test_slow_transport (void)
{
  bool lives = false;

  for (unsigned i = 0; i < 4 && !lives; i++)
    lives = lives_slowly ();
  g_assert_true (lives);
}

/* A closed stream whose peer never says FIN is reset in the end. */
static void
test_linger (void)
{
  Peer peer;
  P2pStream *strm;

  start (&peer, (P2pYamuxOptions){ .linger_ms = 50 });
  strm = must_open (&peer.end);
  must_write (strm, "x", 1);
  p2p_stream_close (strm);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 2);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 2);
  g_assert_cmpuint (p2p_yamux_get_stats (peer.end.yamux).streams, ==, 0);

  /* One that does is forgotten without a word. */
  strm = must_open (&peer.end);
  must_write (strm, "x", 1);
  p2p_stream_close (strm);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 4);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK | YAMUX_FIN, 4, 0, NULL);
  raw_send (peer.fd, YAMUX_PING, YAMUX_SYN, 0, 1, NULL);
  (void) raw_expect (peer.fd, YAMUX_PING, YAMUX_ACK, 0);
  g_assert_cmpuint (p2p_yamux_get_stats (peer.end.yamux).streams, ==, 0);
  peer_stop (&peer);
}

/* What was written before the close goes out first, however long that takes, then FIN, and from
 * then on the peer has its time. */
static void
test_linger_of_slow (void)
{
  size_t total = 0, queued;
  RawFrame frame = { 0 };
  P2pStream *strm;
  Peer peer;

  start (&peer, (P2pYamuxOptions){ .linger_ms = 50 });
  strm = must_open (&peer.end);
  fill (strm);
  p2p_stream_close (strm);
  queued = p2p_yamux_get_stats (peer.end.yamux).queued_bytes;
  g_assert_cmpuint (queued, >, 0);
  (void) poll (NULL, 0, 500); /* many times its time */
  do
    {
      g_assert_true (raw_next (peer.fd, &frame, false));
      total += frame.type == YAMUX_DATA ? frame.length : 0;
      g_assert_cmpuint (frame.flags & YAMUX_RST, ==, 0);
    }
  while (!(frame.flags & YAMUX_FIN));
  g_assert_cmpuint (total, >=, queued);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 2);
  peer_stop (&peer);
}

/* An end with a reason waits neither for a peer that takes nothing nor for one that stays. */
static void
test_end_of_stuck (void)
{
  Peer peer;
  P2pStream *strm;

  start (&peer, (P2pYamuxOptions){ 0 });
  strm = must_open (&peer.end);
  fill (strm);
  raw_send (peer.fd, 77, 0, 0, 0, NULL);
  end_await (&peer.end);
  g_assert_cmpstr (peer.end.why, ==, "the peer sent a frame of an unknown type");
  p2p_stream_close (strm);
  peer_stop (&peer);
}

/* The kernel of a TCP transport holds little unsent, so that control frames don't wait behind data.
 */
static void
test_unsent_limit (void)
{
  End end = { .yamux = NULL };
  P2pStream *a, *b;
  int limit = 0;
  socklen_t size = sizeof limit;

  stream_pair_tcp (&a, &b);
  if (getsockopt (p2p_stream_fd (a), IPPROTO_TCP, TCP_NODELAY, &limit, &size) != 0)
    g_assert_not_reached (); /* not a TCP socket */
  end_start (&end, a, (P2pYamuxOptions){ .role = P2P_YAMUX_SERVER });
  g_assert_cmpint (getsockopt (p2p_stream_fd (a), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &limit, &size),
                   ==, 0);
  g_assert_cmpint (limit, ==, 131072);
  /* Nor does it wait long before it sends lost bytes again, where it can be told. */
  if (getsockopt (p2p_stream_fd (b), IPPROTO_TCP, RTO_MAX_MS, &limit, &size) == 0)
    {
      g_assert_cmpint (limit, >, 2000);
      g_assert_cmpint (getsockopt (p2p_stream_fd (a), IPPROTO_TCP, RTO_MAX_MS, &limit, &size), ==,
                       0);
      g_assert_cmpint (limit, ==, 2000);
    }
  end_stop (&end);
  p2p_stream_close (b);
}

/* What the kernel may hold is a quarter of a second's worth of what the path takes, never less than
 * a record. */
typedef struct
{
  int n, each_ms;  /* the peer takes so many bytes that often */
  int least, most; /* what the limit comes to */
} PeerPace;

/* The session always has more to send than the path takes; whether the limit gets where it belongs
 * at this pace. */
static bool
limit_follows (P2pStream *strm, int fd, int peer_fd, const PeerPace *pace)
{
  g_autofree char *bytes = g_malloc ((size_t) pace->n);
  int64_t until_us = WITHIN;
  int limit = 0;

  while (p2p_now_us () < until_us)
    {
      socklen_t size = sizeof limit;

      fill (strm);
      raw_send (peer_fd, YAMUX_WINDOW_UPDATE, 0, 12, 1, NULL); /* a sign of life */
      (void) recv (peer_fd, bytes, (size_t) pace->n, MSG_DONTWAIT);
      (void) poll (NULL, 0, pace->each_ms); /* the peer's pace */
      g_assert_cmpint (getsockopt (fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &limit, &size), ==, 0);
      g_assert_cmpint (limit, >=, 16384);
      g_assert_cmpint (limit, <=, 131072);
      if (limit >= pace->least && limit <= pace->most)
        return true;
    }
  g_test_message ("the limit is %d", limit);
  return false;
}

/* It falls on a path that turns slow and rises again with it, as often as that happens. */
static void
test_unsent_limit_follows (void)
{
  static const PeerPace paces[] = {
    { 4096, 20, 16385, 98304 },   /* 200 KiB/s */
    { 2048, 40, 16384, 16384 },   /* 50 KiB/s */
    { 32768, 1, 131072, 131072 }, /* some MiB/s */
    { 4096, 20, 16385, 98304 },   { 32768, 1, 131072, 131072 },
  };
  const int buffer = 32768; /* a small one shows the peer's pace soon */
  End end = { .yamux = NULL };
  P2pStream *a, *b, *strm;
  p2p_autofd fd = -1; /* of a, which is the session's */

  stream_pair_tcp (&a, &b);
  fd = dup (p2p_stream_fd (a));
  g_assert_cmpint (setsockopt (p2p_stream_fd (b), SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer),
                   ==, 0);
  end_start (&end, a, (P2pYamuxOptions){ .role = P2P_YAMUX_SERVER });
  strm = must_open (&end);
  must_write (strm, "x", 1);
  raw_send (p2p_stream_fd (b), YAMUX_WINDOW_UPDATE, YAMUX_ACK, 2, 1 << 30, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (paces); i++)
    {
      int64_t before_us = p2p_now_us ();

      g_assert_true (limit_follows (strm, fd, p2p_stream_fd (b), &paces[i]));
      g_test_message ("pace %zu: after %" G_GINT64_FORMAT " ms", i,
                      (p2p_now_us () - before_us) / 1000);
    }
  p2p_stream_close (strm);
  end_stop (&end);
  p2p_stream_close (b);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yamux-life/round-trip", test_round_trip);
  g_test_add_func ("/yamux-life/slow-answers", test_slow_answers);
  g_test_add_func ("/yamux-life/silent-peer", test_silent_peer);
  g_test_add_func ("/yamux-life/check", test_check);
  g_test_add_func ("/yamux-life/checks-without-end", test_checks_without_end);
  g_test_add_func ("/yamux-life/busy-peer", test_busy_peer);
  g_test_add_func ("/yamux-life/stuck-transport", test_stuck_transport);
  g_test_add_func ("/yamux-life/slow-transport", test_slow_transport);
  g_test_add_func ("/yamux-life/linger", test_linger);
  g_test_add_func ("/yamux-life/linger-of-slow", test_linger_of_slow);
  g_test_add_func ("/yamux-life/end-of-stuck", test_end_of_stuck);
  g_test_add_func ("/yamux-life/unsent-limit", test_unsent_limit);
  g_test_add_func ("/yamux-life/unsent-limit-follows", test_unsent_limit_follows);
  return g_test_run ();
}
