/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How a Yamux session ends, by the peer's GOAWAY or ours or the transport's end, and what becomes
 * of the streams. */
#include "lib/fd.h"
#include "tests/unit/yamux-raw.h"

static void
test_peer_goes_away (void)
{
  static const struct
  {
    uint32_t code;
    const char *why;
  } rows[] = {
    { YAMUX_GO_AWAY_PROTO, "the peer ended the session: protocol error" },
    { YAMUX_GO_AWAY_INTERNAL, "the peer ended the session: internal error" },
    { 9, "the peer ended the session" },
  };
  Peer peer;
  P2pStream *strm, *none = NULL;
  char buf[4];

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
      raw_send (peer.fd, YAMUX_GO_AWAY, 0, 0, rows[i].code, NULL);
      end_await (&peer.end);
      g_assert_cmpstr (peer.end.why, ==, rows[i].why);
      g_assert_false (peer.end.ours);
      g_assert_cmpint (peer.end.go_away_code, ==, (int) rows[i].code);
      peer_stop (&peer);
    }

  /* With 0 the streams there are go on. */
  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  strm = must_open (&peer.end);
  must_write (strm, "x", 1);
  raw_send (peer.fd, YAMUX_GO_AWAY, 0, 0, 0, NULL);
  raw_send (peer.fd, YAMUX_DATA, YAMUX_ACK, 2, 4, "late");
  must_read (strm, buf, 4);
  g_assert_cmpint (p2p_yamux_open (peer.end.yamux, WITHIN, &none), ==, P2P_IO_STOPPED);
  g_assert_false (p2p_yamux_is_open (peer.end.yamux));
  g_assert_cmpint (peer.end.go_away_code, ==, 0);
  p2p_stream_close (strm);
  peer_stop (&peer);
}

static void *
speak_and_close (void *data)
{
  Peer *peer = data;

  for (unsigned i = 0; i < 20; i++)
    raw_send (peer->fd, YAMUX_PING, YAMUX_ACK, 0, i, NULL); /* the reader is busy */
  raw_send (peer->fd, YAMUX_GO_AWAY, 0, 0, YAMUX_GO_AWAY_INTERNAL, NULL);
  p2p_fd_close (&peer->fd);
  return NULL;
}

/* The peer says why and closes at once, while we write: the write may fail first, yet we hear it.
 */
static void
test_last_words (void)
{
  for (unsigned i = 0; i < 600; i++)
    {
      GThread *thread;
      Peer peer;
      P2pStream *strm;

      peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
      strm = must_open (&peer.end);
      thread = g_thread_new ("peer", speak_and_close, &peer);
      while (p2p_stream_write_all (strm, &(struct iovec){ (char *) "x", 1 }, 1, NULL, WITHIN)
             == P2P_IO_OK)
        ;
      end_await (&peer.end);
      g_assert_cmpstr (peer.end.why, ==, "the peer ended the session: internal error");
      g_assert_cmpint (peer.end.go_away_code, ==, YAMUX_GO_AWAY_INTERNAL);
      (void) g_thread_join (thread);
      p2p_stream_close (strm);
      peer_stop (&peer);
    }
}

/* We go away: one GOAWAY 0, SYNs are refused, streams go on. */
static void
test_we_go_away (void)
{
  Peer peer;
  RawFrame frame;
  P2pStream *none = NULL;

  peer_start (&peer, P2P_YAMUX_CLIENT, (P2pYamuxOptions){ .accept_backlog = 256 });
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 2, 0, NULL);
  end_await_accepted (&peer.end, 1);
  p2p_yamux_go_away (peer.end.yamux);
  p2p_yamux_go_away (peer.end.yamux);
  frame = raw_expect (peer.fd, YAMUX_GO_AWAY, 0, 0);
  g_assert_cmpuint (frame.length, ==, YAMUX_GO_AWAY_NORMAL);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 4, 0, NULL);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 4);
  must_write (peer.end.kept[0], "still", 5);
  g_assert_true (raw_next (peer.fd, &frame, false) && frame.type == YAMUX_DATA);
  g_assert_cmpint (p2p_yamux_open (peer.end.yamux, WITHIN, &none), ==, P2P_IO_STOPPED);
  peer_stop (&peer);
}

/* What the peer said up to its FIN is there after the session's end; what it did not finish is not.
 */
static void
test_end_of_session (void)
{
  Peer peer;
  P2pStream *whole, *half;
  char buf[8];
  size_t n;

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  whole = must_open (&peer.end);
  half = must_open (&peer.end);
  must_write (whole, "x", 1);
  must_write (half, "x", 1);
  raw_send (peer.fd, YAMUX_DATA, YAMUX_ACK, 4, 3, "abc");
  raw_send (peer.fd, YAMUX_DATA, YAMUX_ACK | YAMUX_FIN, 2, 3, "abc");
  while (p2p_stream_pending (whole) < 3)
    g_thread_yield ();
  p2p_fd_close (&peer.fd);
  end_await (&peer.end);
  g_assert_false (peer.end.ours);
  g_assert_cmpint (p2p_stream_read (half, buf, 8, &n, WITHIN), ==, P2P_IO_RESET);
  must_read (whole, buf, 3);
  must_read_eof (whole);
  g_assert_cmpint (p2p_stream_writev (whole, &(struct iovec){ buf, 1 }, 1, &n, WITHIN), ==,
                   P2P_IO_RESET);
  p2p_stream_close (whole);
  p2p_stream_close (half);
  peer_stop (&peer);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yamux-end/peer-goes-away", test_peer_goes_away);
  g_test_add_func ("/yamux-end/last-words", test_last_words);
  g_test_add_func ("/yamux-end/we-go-away", test_we_go_away);
  g_test_add_func ("/yamux-end/end-of-session", test_end_of_session);
  return g_test_run ();
}
