/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A thread that waits alone in a Yamux session reads for itself, and for whoever comes to wait
 * beside it, while the reader thread naps; the end of the session is heard all the same. */
#include "lib/fd.h"
#include "lib/yamux-priv.h"
#include "tests/unit/wait-for.h"
#include "tests/unit/yamux-raw.h"

#define ROUNDS 50
#define TRIES 20

/* A thread that expects something of a stream. */
typedef struct
{
  P2pStream *strm; /* (borrowed) */
  pthread_t thread;
  atomic_bool stop;
  bool came;
} Helper;

/* A thread helps and the reader thread naps, which it does once something has come meanwhile: an
 * empty window update for this stream, at each call. */
static bool
is_helped (Peer *peer, uint32_t id)
{
  YamuxHelp *help = &peer->end.yamux->help;

  raw_send (peer->fd, YAMUX_WINDOW_UPDATE, 0, id, 0, NULL);
  P2P_LOCKED (&help->lock);
  return help->bell && atomic_load (&help->napping);
}

static unsigned
count_waiting (P2pYamux *yamux)
{
  return atomic_load (&yamux->help.n_waiting);
}

/* A session whose first ping is answered, so that its reader thread may nap. */
static void
start (Peer *peer)
{
  RawFrame ping;

  peer_start (peer, P2P_YAMUX_SERVER, (P2pYamuxOptions){ .ping_interval_ms = 60000 });
  ping = raw_expect (peer->fd, YAMUX_PING, YAMUX_SYN, 0);
  raw_send (peer->fd, YAMUX_PING, YAMUX_ACK, 0, ping.length, NULL);
}

/* A stream that the peer knows. */
static P2pStream *
open_stream (Peer *peer, uint32_t *ret_id)
{
  P2pStream *strm = must_open (&peer->end);

  *ret_id = ((YamuxStream *) strm)->id;
  must_write (strm, "?", 1);
  (void) raw_expect (peer->fd, YAMUX_DATA, 0, *ret_id);
  raw_send (peer->fd, YAMUX_WINDOW_UPDATE, YAMUX_ACK, *ret_id, 0, NULL);
  return strm;
}

static void *
helper_main (void *data)
{
  Helper *helper = data;

  while (!yamux_stream_is_readable ((YamuxStream *) helper->strm) && !atomic_load (&helper->stop))
    helper->came = p2p_yamux_stream_wait_soon (helper->strm, p2p_deadline_ms (P2P_SOON_MS));
  return NULL;
}

/* Until something has come. */
static bool
helper_join (Helper *helper)
{
  P2P_PTHREAD (pthread_join (helper->thread, NULL));
  return helper->came;
}

static void
helper_start (Helper *helper, P2pStream *strm)
{
  *helper = (Helper){ .strm = strm };
  P2P_PTHREAD (pthread_create (&helper->thread, NULL, helper_main, helper));
}

static bool
helper_stop (Helper *helper)
{
  atomic_store (&helper->stop, true);
  return helper_join (helper);
}

/* --- who reads -------------------------------------------------------------------------------- */

typedef struct
{
  Helper helper;
  atomic_bool by_helper, by_reader;
} Seen;

static void
going_away_cb (P2pYamux *yamux, uint32_t code, void *data)
{
  Seen *seen = data;

  (void) yamux;
  (void) code;
  atomic_store (pthread_equal (pthread_self (), seen->helper.thread) ? &seen->by_helper
                                                                     : &seen->by_reader,
                true);
}

/* GOAWAY, which nobody waits for, comes while the helper waits: who hears it has read. */
static void
hear_once (Seen *seen)
{
  uint32_t id;
  Peer peer;

  start (&peer);
  seen->helper.strm = open_stream (&peer, &id);
  peer.end.yamux->options.going_away = going_away_cb;
  peer.end.yamux->options.data = seen;
  helper_start (&seen->helper, seen->helper.strm);
  WAIT_FOR (is_helped (&peer, id));
  raw_send (peer.fd, YAMUX_GO_AWAY, 0, 0, YAMUX_GO_AWAY_NORMAL, NULL);
  WAIT_FOR (atomic_load (&seen->by_helper) || atomic_load (&seen->by_reader));
  (void) helper_stop (&seen->helper);
  peer.end.yamux->options.data = &peer.end;
  p2p_stream_close (seen->helper.strm);
  peer_stop (&peer);
}

/* The reader thread may come in between two waits of the helper, now and then. */
static void
test_reads (void)
{
  Seen seen = { .by_helper = false };

  for (unsigned i = 0; i < TRIES && !atomic_load (&seen.by_helper); i++)
    hear_once (&seen);
  g_assert_true (atomic_load (&seen.by_helper));
}

/* --- what is read ----------------------------------------------------------------------------- */

static void
test_alone (void)
{
  unsigned n_came = 0;
  P2pStream *strm;
  Helper helper;
  uint32_t id;
  Peer peer;

  start (&peer);
  strm = open_stream (&peer, &id);
  for (unsigned i = 0; i < ROUNDS; i++)
    {
      unsigned char byte = 0;

      helper_start (&helper, strm);
      if (i % 2)
        WAIT_FOR (is_helped (&peer, id));
      raw_send (peer.fd, YAMUX_DATA, 0, id, 1, "abcdefgh" + i % 8);
      n_came += helper_join (&helper);
      must_read (strm, &byte, 1);
      g_assert_cmpint (byte, ==, "abcdefgh"[i % 8]);
    }
  g_assert_cmpuint (n_came, >, 0);
  p2p_stream_close (strm);
  peer_stop (&peer);
}

static void *
read_main (void *data)
{
  char byte;

  must_read (data, &byte, 1);
  return NULL;
}

/* Somebody else comes to wait: the helper reads for both, and when it goes the reader thread does.
 */
static void
test_others (void)
{
  P2pStream *strm, *other;
  uint32_t id, other_id;
  pthread_t thread;
  Helper helper;
  Peer peer;

  start (&peer);
  strm = open_stream (&peer, &id);
  other = open_stream (&peer, &other_id);
  for (unsigned i = 0; i < ROUNDS; i++)
    {
      helper_start (&helper, strm);
      WAIT_FOR (is_helped (&peer, id));
      P2P_PTHREAD (pthread_create (&thread, NULL, read_main, other));
      if (i % 2)
        g_assert_false (helper_stop (&helper));
      raw_send (peer.fd, YAMUX_DATA, 0, other_id, 1, "o");
      P2P_PTHREAD (pthread_join (thread, NULL));
      if (i % 2 == 0)
        g_assert_false (helper_stop (&helper));
    }
  p2p_stream_close (strm);
  p2p_stream_close (other);
  peer_stop (&peer);
}

/* A session in which others wait has no helper. */
static void
test_not_alone (void)
{
  P2pStream *strm, *other;
  uint32_t id, other_id;
  pthread_t thread;
  Peer peer;

  start (&peer);
  strm = open_stream (&peer, &id);
  other = open_stream (&peer, &other_id);
  P2P_PTHREAD (pthread_create (&thread, NULL, read_main, other));
  WAIT_FOR (count_waiting (peer.end.yamux) > 0);
  g_assert_false (p2p_yamux_stream_wait_soon (strm, WITHIN));
  raw_send (peer.fd, YAMUX_DATA, 0, other_id, 1, "o");
  P2P_PTHREAD (pthread_join (thread, NULL));
  p2p_stream_close (strm);
  p2p_stream_close (other);
  peer_stop (&peer);
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Starts a helper, and ends the session while it waits. */
static void
end_while_helped (Peer *peer, void (*end) (Peer *peer))
{
  P2pStream *strm;
  Helper helper;
  uint32_t id;

  start (peer);
  strm = open_stream (peer, &id);
  helper_start (&helper, strm);
  WAIT_FOR (is_helped (peer, id));
  end (peer);
  end_await (&peer->end);
  (void) helper_join (&helper); /* what has come is the end */
  g_assert_false (p2p_yamux_stream_wait_soon (strm, WITHIN));
  p2p_stream_close (strm);
}

static void
close_session (Peer *peer)
{
  p2p_yamux_close (peer->end.yamux, "the test ends it");
}

static void
close_peer (Peer *peer)
{
  p2p_fd_close (&peer->fd);
}

static void
send_fault (Peer *peer)
{
  raw_send (peer->fd, 9, 0, 0, 0, NULL);
  peer_expect_fault (peer, "the peer sent a frame of an unknown type");
}

static void
test_end (void)
{
  void (*const ends[]) (Peer * peer) = { close_session, close_peer, send_fault };
  const char *const whys[] = { "the test ends it", "the peer closed the connection",
                               "the peer sent a frame of an unknown type" };

  for (unsigned i = 0; i < TRIES * G_N_ELEMENTS (ends); i++)
    {
      Peer peer;

      end_while_helped (&peer, ends[i % G_N_ELEMENTS (ends)]);
      g_assert_cmpstr (peer.end.why, ==, whys[i % G_N_ELEMENTS (ends)]);
      peer_stop (&peer);
    }
}

static void *
ask_main (void *data)
{
  P2pIo io;
  char byte;
  size_t n;

  do
    io = p2p_stream_read (data, &byte, 1, &n, P2P_TRY);
  while (io == P2P_IO_AGAIN);
  return GINT_TO_POINTER (io);
}

/* Who asks without waiting, and so reads for itself as well while the reader thread naps, hears the
 * end and touches nothing that has gone. */
static void
test_asks (void)
{
  for (unsigned i = 0; i < TRIES; i++)
    {
      P2pStream *strm, *asked;
      uint32_t id, asked_id;
      pthread_t thread;
      Helper helper;
      Peer peer;
      void *io;

      start (&peer);
      strm = open_stream (&peer, &id);
      asked = open_stream (&peer, &asked_id);
      helper_start (&helper, strm);
      P2P_PTHREAD (pthread_create (&thread, NULL, ask_main, asked));
      WAIT_FOR (is_helped (&peer, id));
      (void) helper_stop (&helper);
      close_session (&peer);
      P2P_PTHREAD (pthread_join (thread, &io));
      g_assert_cmpint (GPOINTER_TO_INT (io), ==, P2P_IO_RESET);
      p2p_stream_close (strm);
      p2p_stream_close (asked);
      peer_stop (&peer);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/yamux-help/reads", test_reads);
  g_test_add_func ("/yamux-help/alone", test_alone);
  g_test_add_func ("/yamux-help/others", test_others);
  g_test_add_func ("/yamux-help/not-alone", test_not_alone);
  g_test_add_func ("/yamux-help/end", test_end);
  g_test_add_func ("/yamux-help/asks", test_asks);
  return g_test_run ();
}
