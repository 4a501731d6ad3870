/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Yamux against a peer that writes raw bytes: which frames end the session and which do not, and
 * what exactly we send. */
#include "tests/unit/yamux-raw.h"

#include <sys/socket.h>

static const P2pYamuxOptions accepting = { .accept_backlog = 256 };

/* The role is ours; the peer opens stream 2 or 1 first. */
static const struct
{
  const char *name;
  P2pYamuxRole role;
  YamuxHeader frames[3];
  const char *why;
} faults[] = {
  { "version",
    P2P_YAMUX_CLIENT,
    { { 1, 0, 0, 2, 0 } },
    "the peer sent a frame of another version" },
  { "type", P2P_YAMUX_CLIENT, { { 0, 4, 0, 2, 0 } }, "the peer sent a frame of an unknown type" },
  { "type of any stream",
    P2P_YAMUX_SERVER,
    { { 0, 255, YAMUX_SYN, 0, 0 } },
    "the peer sent a frame of an unknown type" },
  { "SYN of our parity",
    P2P_YAMUX_CLIENT,
    { { 0, 1, YAMUX_SYN, 3, 0 } },
    "the peer opened a stream with an id that is not its to give" },
  { "SYN of our parity, server",
    P2P_YAMUX_SERVER,
    { { 0, 1, YAMUX_SYN, 2, 0 } },
    "the peer opened a stream with an id that is not its to give" },
  { "SYN of id 0",
    P2P_YAMUX_CLIENT,
    { { 0, 1, YAMUX_SYN, 0, 0 } },
    "the peer opened a stream with an id that is not its to give" },
  { "SYN again",
    P2P_YAMUX_CLIENT,
    { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 1, YAMUX_SYN, 4, 0 } },
    "the peer opened a stream that is open" },
  { "SYN again on data",
    P2P_YAMUX_CLIENT,
    { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 0, YAMUX_SYN, 4, 0 } },
    "the peer opened a stream that is open" },
  { "data beyond the window",
    P2P_YAMUX_CLIENT,
    { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 0, 0, 4, 262145 } },
    "the peer sent data beyond the window" },
  { "8 MiB frame",
    P2P_YAMUX_CLIENT,
    { { 0, 0, YAMUX_SYN, 4, 8 << 20 } },
    "the peer sent data beyond the window" },
  { "window beyond 2^32-1",
    P2P_YAMUX_CLIENT,
    { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 1, 0, 4, UINT32_MAX - 262143 } },
    "the peer gave a window beyond 2^32-1" },
};

static void
test_faults (void)
{
  for (size_t i = 0; i < G_N_ELEMENTS (faults); i++)
    {
      Peer peer;

      g_test_message ("%s", faults[i].name);
      peer_start (&peer, faults[i].role, accepting);
      for (size_t f = 0; f < G_N_ELEMENTS (faults[i].frames); f++)
        {
          const YamuxHeader *h = &faults[i].frames[f];
          unsigned char bytes[YAMUX_HEADER_SIZE];

          if (f > 0 && h->id == 0)
            break;
          yamux_header_encode (h, bytes);
          g_assert_cmpint (send (peer.fd, bytes, sizeof bytes, MSG_NOSIGNAL), ==, sizeof bytes);
        }
      peer_expect_fault (&peer, faults[i].why);
      peer_stop (&peer);
    }
}

/* What is odd but harmless: after each the session answers a ping and opens streams. */
static const struct
{
  const char *name;
  YamuxHeader frames[4];
} harmless[] = {
  { "data for an unknown id", { { 0, 0, 0, 40, 5 }, { 0, 0, YAMUX_FIN, 41, 3 } } },
  { "data for id 0", { { 0, 0, 0, 0, 5 } } },
  { "RST of an unknown id", { { 0, 1, YAMUX_RST, 40, 0 } } },
  { "window for an unknown id", { { 0, 1, 0, 40, UINT32_MAX } } },
  { "a ping answered unasked", { { 0, 2, YAMUX_ACK, 0, 77 } } },
  { "second FIN",
    { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 1, YAMUX_FIN, 4, 0 }, { 0, 1, YAMUX_FIN, 4, 0 } } },
  { "data after FIN", { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 0, YAMUX_FIN, 4, 3 }, { 0, 0, 0, 4, 3 } } },
  { "data after RST", { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 1, YAMUX_RST, 4, 0 }, { 0, 0, 0, 4, 3 } } },
  { "an id again after RST",
    { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 1, YAMUX_RST, 4, 0 }, { 0, 1, YAMUX_SYN, 4, 0 } } },
  { "SYN and RST at once", { { 0, 1, YAMUX_SYN | YAMUX_RST, 4, 0 } } },
  { "unknown flags", { { 0, 1, 0xfff0, 4, 0 } } },
  { "the largest window", { { 0, 1, YAMUX_SYN, 4, 0 }, { 0, 1, 0, 4, UINT32_MAX - 262144 } } },
};

static void
test_harmless (void)
{
  static const char zeros[8];

  for (size_t i = 0; i < G_N_ELEMENTS (harmless); i++)
    {
      Peer peer;
      RawFrame frame;

      g_test_message ("%s", harmless[i].name);
      peer_start (&peer, P2P_YAMUX_CLIENT, accepting);
      for (size_t f = 0; f < G_N_ELEMENTS (harmless[i].frames); f++)
        {
          const YamuxHeader *h = &harmless[i].frames[f];

          if (h->type == YAMUX_DATA && h->length == 0)
            break;
          raw_send (peer.fd, h->type, h->flags, h->id, h->length,
                    h->type == YAMUX_DATA ? zeros : NULL);
        }
      raw_send (peer.fd, YAMUX_PING, YAMUX_SYN, 0, 12345, NULL);
      do
        frame = raw_expect (peer.fd, YAMUX_PING, YAMUX_ACK, 0);
      while (frame.length != 12345);
      raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 1000, 0, NULL);
      (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 1000);
      peer_stop (&peer);
    }
}

/* Data for a stream that the owner has closed, or that has said FIN, costs that stream; but what came
 * before the FIN can be read. */
static void
test_unwanted_data (void)
{
  char bytes[8];
  size_t n;
  Peer peer;

  peer_start (&peer, P2P_YAMUX_CLIENT, accepting);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 2, 0, NULL);
  raw_send (peer.fd, YAMUX_DATA, YAMUX_FIN, 2, 3, "abc");
  raw_send (peer.fd, YAMUX_DATA, 0, 2, 3, "def");
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 2);
  end_await_accepted (&peer.end, 1);
  g_assert_cmpint (p2p_stream_read (peer.end.kept[0], bytes, sizeof bytes, &n, WITHIN), ==,
                   P2P_IO_OK);
  g_assert_cmpmem (bytes, n, "abc", 3);
  g_assert_cmpint (p2p_stream_read (peer.end.kept[0], bytes, sizeof bytes, &n, WITHIN), ==,
                   P2P_IO_EOF);

  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_SYN, 4, 0, NULL);
  end_await_accepted (&peer.end, 2);
  p2p_stream_close (g_steal_pointer (&peer.end.kept[1]));
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 4);
  raw_send (peer.fd, YAMUX_DATA, 0, 4, 3, "abc");
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 4);

  /* Unread bytes at the close are an abort too. */
  raw_send (peer.fd, YAMUX_DATA, YAMUX_SYN, 6, 3, "abc");
  end_await_accepted (&peer.end, 3);
  while (p2p_stream_pending (peer.end.kept[2]) == 0)
    g_thread_yield ();
  p2p_stream_close (g_steal_pointer (&peer.end.kept[2]));
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_RST, 6);
  peer_stop (&peer);
}

/* SYN goes with the first bytes, behind it frames of at most one record; FIN alone and last, once.
 */
static void
test_what_we_send (void)
{
  static unsigned char bytes[100000];
  Peer peer;
  P2pStream *strm;
  RawFrame frame;
  size_t total = 0;

  fill_pattern (bytes, sizeof bytes, 3, 0);
  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ .peer_half_close = true });
  strm = must_open (&peer.end);
  must_write (strm, bytes, sizeof bytes);
  g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
  g_assert_true (raw_next (peer.fd, &frame, false));
  g_assert_cmpuint (frame.type, ==, YAMUX_WINDOW_UPDATE);
  g_assert_cmpuint (frame.flags, ==, YAMUX_SYN);
  g_assert_cmpuint (frame.id, ==, 2);
  g_assert_cmpuint (frame.length, ==, 0);
  while (total < sizeof bytes)
    {
      g_assert_true (raw_next (peer.fd, &frame, false));
      g_assert_cmpuint (frame.type, ==, YAMUX_DATA);
      g_assert_cmpuint (frame.flags, ==, 0);
      g_assert_cmpuint (frame.length, <=, 16372);
      g_assert_cmpuint (frame.length, <=, sizeof bytes - total);
      g_assert_cmpmem (frame.payload, frame.length, bytes + total, frame.length);
      total += frame.length;
    }
  g_assert_true (raw_next (peer.fd, &frame, false));
  g_assert_cmpuint (frame.type, ==, YAMUX_WINDOW_UPDATE);
  g_assert_cmpuint (frame.flags, ==, YAMUX_FIN);
  g_assert_cmpuint (frame.length, ==, 0);
  p2p_stream_close (strm);

  /* The close adds nothing: the next thing is another stream's SYN, which waiting sends. */
  strm = must_open (&peer.end);
  g_assert_cmpint (p2p_stream_wait (&(P2pWait){ .strm = strm, .want = P2P_READABLE }, 1, P2P_TRY),
                   ==, P2P_IO_AGAIN);
  g_assert_true (raw_next (peer.fd, &frame, false));
  g_assert_cmpuint (frame.flags, ==, YAMUX_SYN);
  g_assert_cmpuint (frame.id, ==, 4);
  p2p_stream_reset (strm);
  g_assert_true (raw_next (peer.fd, &frame, false));
  g_assert_cmpuint (frame.flags, ==, YAMUX_RST);
  g_assert_cmpuint (frame.id, ==, 4);
  p2p_stream_close (strm);
  peer_stop (&peer);
}

/* A peer of version 1 ends both directions at a FIN: it gets it last. */
static void
test_fin_to_old_peer (void)
{
  Peer peer;
  P2pStream *strm;
  RawFrame frame;
  char buf[8];

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  strm = must_open (&peer.end);
  must_write (strm, "ask", 3);
  g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
  (void) raw_expect (peer.fd, YAMUX_DATA, 0, 2);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 2, 0, NULL);
  raw_send (peer.fd, YAMUX_DATA, 0, 2, 6, "answer");
  must_read (strm, buf, 6);
  raw_send (peer.fd, YAMUX_PING, YAMUX_SYN, 0, 4711, NULL);
  do /* no FIN up to here */
    g_assert_true (raw_next (peer.fd, &frame, true) && frame.type == YAMUX_PING);
  while (frame.length != 4711);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 2, 0, NULL);
  must_read_eof (strm);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 2);
  p2p_stream_close (strm);

  /* Or when nobody reads any more. */
  strm = must_open (&peer.end);
  must_write (strm, "ask", 3);
  g_assert_cmpint (p2p_stream_shutdown (strm, WITHIN), ==, P2P_IO_OK);
  p2p_stream_close (strm);
  (void) raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_FIN, 4);
  peer_stop (&peer);
}

/* Our sender stops at the window and goes on with the update; 1 byte windows work. */
static void
test_send_window (void)
{
  static unsigned char bytes[262144 + 5];
  Peer peer;
  P2pStream *strm;
  RawFrame frame;
  size_t n, total = 0, got = 0;

  peer_start (&peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ 0 });
  strm = must_open (&peer.end);
  while (total < 262144)
    {
      P2pIo io = p2p_stream_writev (strm, &(struct iovec){ bytes, sizeof bytes - total }, 1, &n,
                                    P2P_TRY);

      if (io == P2P_IO_OK)
        total += n;
      else
        g_assert_cmpint (io, ==, P2P_IO_AGAIN);
      while (got < total)
        if (raw_expect (peer.fd, YAMUX_DATA, 0, 2).length > 0)
          {
            got = total; /* what follows is read below, at the latest */
          }
    }
  g_assert_cmpuint (total, ==, 262144);
  g_assert_cmpint (p2p_stream_writev (strm, &(struct iovec){ bytes, 1 }, 1, &n, P2P_TRY), ==,
                   P2P_IO_AGAIN);
  raw_send (peer.fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK, 2, 1, NULL);
  g_assert_cmpint (p2p_stream_writev (strm, &(struct iovec){ bytes, 5 }, 1, &n, WITHIN), ==,
                   P2P_IO_OK);
  g_assert_cmpuint (n, ==, 1);
  do
    frame = raw_expect (peer.fd, YAMUX_DATA, 0, 2);
  while (frame.length != 1);
  p2p_stream_close (strm);
  peer_stop (&peer);
}

/* A frame as large as the window is passed on as it arrives, and the update comes at half of it. */
static void
test_large_frame (void)
{
  g_autofree unsigned char *bytes = g_malloc (262144), *seen = g_malloc (262144);
  YamuxHeader header = { .type = YAMUX_DATA, .flags = YAMUX_SYN, .id = 2, .length = 262144 };
  unsigned char head[YAMUX_HEADER_SIZE];
  Peer peer;
  RawFrame frame;

  fill_pattern (bytes, 262144, 9, 0);
  peer_start (&peer, P2P_YAMUX_CLIENT, accepting);
  yamux_header_encode (&header, head);
  g_assert_cmpint (send (peer.fd, head, sizeof head, MSG_NOSIGNAL), ==, sizeof head);
  end_await_accepted (&peer.end, 1);
  for (size_t at = 0; at < 262144; at += 32768)
    {
      g_assert_cmpint (send (peer.fd, bytes + at, 32768, MSG_NOSIGNAL), ==, 32768);
      must_read (peer.end.kept[0], seen + at, 32768);
    }
  g_assert_cmpmem (seen, 262144, bytes, 262144);
  /* The ACK may give back a part already. */
  for (uint32_t granted = 0; granted < 131072; granted += frame.length)
    frame = raw_expect (peer.fd, YAMUX_WINDOW_UPDATE, 0, 2);
  peer_stop (&peer);
}

int
main (int argc, char **argv)
{
  p2p_lock_setup ();
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yamux-peer/faults", test_faults);
  g_test_add_func ("/yamux-peer/harmless", test_harmless);
  g_test_add_func ("/yamux-peer/unwanted-data", test_unwanted_data);
  g_test_add_func ("/yamux-peer/what-we-send", test_what_we_send);
  g_test_add_func ("/yamux-peer/fin-to-old-peer", test_fin_to_old_peer);
  g_test_add_func ("/yamux-peer/send-window", test_send_window);
  g_test_add_func ("/yamux-peer/large-frame", test_large_frame);
  return g_test_run ();
}
