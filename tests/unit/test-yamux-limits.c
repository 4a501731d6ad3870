/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a Yamux peer may ask for and make wait: streams, pings, resets; and what happens beyond it.
 */
#include "lib/fd.h"
#include "lib/yamux-priv.h"
#include "tests/unit/wait-for.h"
#include "tests/unit/yamux-raw.h"

/* The peer opens more than the backlog takes: refused by RST, and touching one makes room. */
static void
test_backlog (void)
{
  Peer peer;
  char byte;
  size_t n;

  peer_start (&peer, P2P_YAMUX_CLIENT, (P2pYamuxOptions){ .accept_backlog = 2 });
  for (uint32_t id = 2; id <= 6; id += 2)
    raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, id, 0, NULL);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 6);
  end_await_accepted (&peer.end, 2);
  g_assert_cmpint (p2p_stream_read (peer.end.kept[0], &byte, 1, &n, P2P_TRY), ==, P2P_IO_AGAIN);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 8, 0, NULL);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 8);
  peer_stop (&peer);

  /* The daemon accepts none. */
  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ .accept_backlog = 0 });
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 1, 0, NULL);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 1);
  peer_stop (&peer);
}

/* SYNs without end are refused, then end the session. */
static void
test_syn_flood (void)
{
  Peer peer;
  RawFrame frame;

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ .accept_backlog = 0 });
  for (uint32_t id = 1; id <= 2 * 1001; id += 2)
    {
      raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, id, 0, NULL);
      if (id < 2 * 1000)
        (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, id);
    }
  do
    g_assert_true (raw_next (peer.fd, &frame, false));
  while (frame.type != YAMUX_GO_AWAY);
  p2p_fd_close (&peer.fd);
  end_await (&peer.end);
  g_assert_cmpstr (peer.end.why, ==, "the peer opened too many streams that were refused");
  peer_stop (&peer);
}

static void
forget_refusals (P2pYamux *yamux)
{
  P2P_LOCKED (&yamux->lock);
  yamux->opening = (YamuxOpening){ .max = YAMUX_UNACKED_MAX };
}

/* Opens as often as it may until the peer has refused so many. */
static unsigned
open_and_refuse (Peer *peer, unsigned n)
{
  unsigned n_not_now = 0;

  for (unsigned i = 0; i < n;)
    {
      P2pStream *strm;
      char byte;
      size_t n_read;
      P2pIo io = p2p_yamux_open (peer->end.yamux, WITHIN, &strm);

      n_not_now += io == P2P_IO_REFUSED;
      if (io == P2P_IO_REFUSED)
        continue;
      g_assert_cmpint (io, ==, P2P_IO_OK);
      must_write (strm, "x", 1);
      raw_send (peer->fd, YAMUX_WINDOW_UPDATE, YAMUX_RST,
                raw_expect (peer->fd, YAMUX_DATA, 0, 2 + 2 * i).id, 0, NULL);
      g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n_read, WITHIN), ==, P2P_IO_REFUSED);
      p2p_stream_close (strm);
      i++;
    }
  return n_not_now;
}

/* Who is refused asks more and more seldom, and one at a time; who is not asks as before. */
static void
test_refused (void)
{
  Peer peer;
  P2pStream *strms[3] = { NULL }, *none = NULL;
  int64_t start_us = p2p_now_us ();

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  g_assert_cmpuint (open_and_refuse (&peer, 20), >, 20);
  g_assert_cmpint (p2p_now_us () - start_us, >, (19 * 10 + 19 * 20 / 2) * 1000);

  while (p2p_yamux_open (peer.end.yamux, WITHIN, &strms[0]) == P2P_IO_REFUSED)
    ;
  g_assert_cmpint (p2p_yamux_open (peer.end.yamux, WITHIN, &none), ==, P2P_IO_REFUSED);
  must_write (strms[0], "x", 1);
  (void) raw_expect (peer.fd, YAMUX_DATA, 0, 42);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 42, 0, NULL);
  while (p2p_yamux_open (peer.end.yamux, WITHIN, &strms[1]) == P2P_IO_REFUSED)
    ;
  strms[2] = must_open (&peer.end);
  g_assert_cmpint (p2p_yamux_open (peer.end.yamux, WITHIN, &none), ==, P2P_IO_REFUSED);
  for (size_t i = 0; i < G_N_ELEMENTS (strms); i++)
    p2p_stream_close (strms[i]);
  peer_stop (&peer);
}

/* A peer that resets what we open, unseen: may be tried elsewhere; a thousand times: the end. */
static void
test_reset_unseen (void)
{
  Peer peer;
  char byte;
  size_t n;

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  for (unsigned i = 0; i <= 1000; i++)
    {
      P2pStream *strm = must_open (&peer.end);

      must_write (strm, "x", 1);
      (void) raw_expect (peer.fd, YAMUX_DATA, 0, 2 + 2 * i);
      raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 2 + 2 * i, 0, NULL);
      if (i < 1000)
        g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n, WITHIN), ==, P2P_IO_REFUSED);
      g_assert_true (i == 1000 || p2p_yamux_stream_unseen (strm));
      p2p_stream_close (strm);
      forget_refusals (peer.end.yamux);
    }
  peer_expect_fault (&peer, "the peer reset too many streams unseen");
  peer_stop (&peer);

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  P2pStream *strm = must_open (&peer.end);
  must_write (strm, "x", 1);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 2, 0, NULL);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 2, 0, NULL);
  g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n, WITHIN), ==, P2P_IO_RESET);
  g_assert_false (p2p_yamux_stream_unseen (strm));
  p2p_stream_close (strm);

  /* ACK and RST may share a frame: it was seen. */
  strm = must_open (&peer.end);
  must_write (strm, "x", 1);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK | YAMUX_RST, 4, 0, NULL);
  g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n, WITHIN), ==, P2P_IO_RESET);
  g_assert_false (p2p_yamux_stream_unseen (strm));
  p2p_stream_close (strm);
  peer_stop (&peer);
}

/* 256 streams may be unacknowledged; one ACK lets one more open. */
static void
test_unacknowledged (void)
{
  Peer peer;
  P2pStream *strms[258], *none = NULL;

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  for (size_t i = 0; i < 256; i++)
    strms[i] = must_open (&peer.end);
  g_assert_cmpint (p2p_yamux_open (peer.end.yamux, P2P_TRY, &none), ==, P2P_IO_AGAIN);
  g_assert_cmpint (p2p_yamux_open (peer.end.yamux, p2p_deadline_ms (20), &none), ==,
                   P2P_IO_TIMEOUT);
  must_write (strms[7], "x", 1);
  (void) raw_expect (peer.fd, YAMUX_DATA, 0, 16);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 16, 0, NULL);
  strms[256] = must_open (&peer.end);
  /* A cancelled one no longer counts. */
  p2p_stream_close (strms[9]);
  strms[9] = must_open (&peer.end);
  g_assert_cmpint (p2p_yamux_open (peer.end.yamux, P2P_TRY, &none), ==, P2P_IO_AGAIN);
  for (size_t i = 0; i <= 256; i++)
    p2p_stream_close (strms[i]);
  peer_stop (&peer);
}

static void
test_max_streams (void)
{
  Peer peer;
  P2pStream *strms[3], *none = NULL;

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ .max_streams = 3 });
  for (size_t i = 0; i < 3; i++)
    strms[i] = must_open (&peer.end);
  g_assert_cmpint (p2p_yamux_open (peer.end.yamux, WITHIN, &none), ==, P2P_IO_OVERFLOW);
  p2p_stream_reset (strms[0]);
  p2p_stream_close (strms[0]);
  /* Its place is free when its RST is on its way, which may have to wait for the reader's ping. */
  WAIT_FOR (p2p_yamux_get_stats (peer.end.yamux).streams == 2);
  strms[0] = must_open (&peer.end);
  for (size_t i = 0; i < 3; i++)
    p2p_stream_close (strms[i]);
  peer_stop (&peer);
}

/* Pings are answered with their value, however many, as long as the answers are taken. */
static void
test_pings (void)
{
  Peer peer;

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  /* A socket takes some hundred answers when each comes by itself, and 64 may wait. */
  for (uint32_t round = 0; round < 10; round++)
    {
      for (uint32_t i = 0; i < 50; i++)
        raw_send (peer.fd, YAMUX_PING, YAMUX_SYN, 0, round * 1000 + i * 7, NULL);
      for (uint32_t i = 0; i < 50; i++)
        g_assert_cmpuint (raw_expect (peer.fd, YAMUX_PING, YAMUX_ACK, 0).length, ==,
                          round * 1000 + i * 7);
    }
  peer_stop (&peer);
}

static void
test_ping_flood (void)
{
  Peer peer;

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  /* Without reading the answers: the socket is full of them some time, then 64 wait. */
  while (p2p_yamux_is_open (peer.end.yamux))
    raw_send (peer.fd, YAMUX_PING, YAMUX_SYN, 0, 1, NULL);
  p2p_fd_close (&peer.fd);
  end_await (&peer.end);
  g_assert_cmpstr (peer.end.why, ==, "the peer sent too many pings without taking the answers");
  peer_stop (&peer);
}

/* The queues of other streams, as far as this one sees them: nearly empty, and crowded. */
typedef struct
{
  P2pYamux *yamux;
  atomic_bool stop;
} Others;

static void *
others_main (void *data)
{
  Others *others = data;

  while (!atomic_load (&others->stop))
    {
      atomic_fetch_add (&others->yamux->queued_bytes, 2 << 20);
      atomic_fetch_sub (&others->yamux->queued_bytes, 2 << 20);
    }
  return NULL;
}

/* However the room changes meanwhile, a write never takes more than it was given. */
static void
test_room_changes (void)
{
  static char bytes[20000];
  Pair pair;
  Others others = { 0 };
  P2pStream *strm;
  pthread_t thread;
  unsigned n_parts = 0;
  int64_t until_us = p2p_deadline_ms (3000);

  pair_start (&pair, serve_sink, (P2pYamuxOptions){ 0 });
  others.yamux = pair.server.yamux;
  strm = must_open (&pair.server);
  P2P_PTHREAD (pthread_create (&thread, NULL, others_main, &others));
  for (unsigned i = 0; i < 30000 && p2p_now_us () < until_us; i++)
    {
      struct iovec iov = { bytes, sizeof bytes };
      size_t n;

      g_assert_cmpint (p2p_stream_writev (strm, &iov, 1, &n, WITHIN), ==, P2P_IO_OK);
      g_assert_cmpuint (n, <=, sizeof bytes);
      n_parts += n < sizeof bytes;
    }
  g_assert_cmpuint (n_parts, >, 0); /* it did change */
  atomic_store (&others.stop, true);
  P2P_PTHREAD (pthread_join (thread, NULL));
  p2p_stream_close (strm);
  end_await_streams (&pair.server, 0);
  g_assert_cmpuint (p2p_yamux_get_stats (pair.server.yamux).queued_bytes, ==, 0);
  pair_stop (&pair);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yamux-limits/backlog", test_backlog);
  g_test_add_func ("/yamux-limits/syn-flood", test_syn_flood);
  g_test_add_func ("/yamux-limits/reset-unseen", test_reset_unseen);
  g_test_add_func ("/yamux-limits/refused", test_refused);
  g_test_add_func ("/yamux-limits/unacknowledged", test_unacknowledged);
  g_test_add_func ("/yamux-limits/max-streams", test_max_streams);
  g_test_add_func ("/yamux-limits/pings", test_pings);
  g_test_add_func ("/yamux-limits/ping-flood", test_ping_flood);
  g_test_add_func ("/yamux-limits/room-changes", test_room_changes);
  return g_test_run ();
}
