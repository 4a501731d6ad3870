/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A thread that has the send turn of a Yamux session and is held up with it, by its scheduler for
 * one: nobody waits for the answer to a ping that it has not sent yet. */
#include "lib/stream-priv.h"
#include "tests/unit/yamux-raw.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define DEAD_AFTER_MS 1000
#define HELD_UP_MS (2 * DEAD_AFTER_MS)

/* --- a transport on which one thread is slow -------------------------------------------------- */

typedef struct
{
  P2pStream base;
  P2pStream *lower; /* (owned) */
} Transport;

static _Thread_local bool is_slow;
static atomic_uint n_slow_writes; /* the first two take their time */

static P2pStream *
lower_of (P2pStream *strm)
{
  return ((Transport *) strm)->lower;
}

static P2pIo
transport_try_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  return lower_of (strm)->ops->try_read (lower_of (strm), buf, size, ret_n);
}

static P2pIo
transport_try_writev (P2pStream *strm, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  if (is_slow && atomic_fetch_add (&n_slow_writes, 1) < 2)
    (void) poll (NULL, 0, HELD_UP_MS); /* this is how slow it is */
  return lower_of (strm)->ops->try_writev (lower_of (strm), iov, n_iov, ret_n);
}

static P2pIo
transport_try_flush (P2pStream *strm)
{
  return lower_of (strm)->ops->try_flush (lower_of (strm));
}

static P2pIo
transport_try_shutdown (P2pStream *strm)
{
  return lower_of (strm)->ops->try_shutdown (lower_of (strm));
}

static void
transport_reset (P2pStream *strm)
{
  lower_of (strm)->ops->reset (lower_of (strm));
}

static void
transport_close (P2pStream *strm)
{
  p2p_stream_close (lower_of (strm));
  g_free (strm);
}

static size_t
transport_pending (P2pStream *strm)
{
  return lower_of (strm)->ops->pending (lower_of (strm));
}

static int
transport_fd (P2pStream *strm)
{
  return lower_of (strm)->ops->fd (lower_of (strm));
}

static unsigned
transport_arm (P2pStream *strm, unsigned want, P2pBell *bell, P2pArm *ret_arm)
{
  return lower_of (strm)->ops->arm (lower_of (strm), want, bell, ret_arm);
}

static void
transport_disarm (P2pStream *strm)
{
  lower_of (strm)->ops->disarm (lower_of (strm));
}

static unsigned
transport_polled (P2pStream *strm, unsigned want, short revents)
{
  return lower_of (strm)->ops->polled (lower_of (strm), want, revents);
}

static const P2pStreamOps transport_ops = {
  .name = "slow",
  .try_read = transport_try_read,
  .try_writev = transport_try_writev,
  .try_flush = transport_try_flush,
  .try_shutdown = transport_try_shutdown,
  .reset = transport_reset,
  .close = transport_close,
  .pending = transport_pending,
  .fd = transport_fd,
  .arm = transport_arm,
  .disarm = transport_disarm,
  .polled = transport_polled,
};

static void
start (Peer *peer, P2pYamuxOptions options)
{
  Transport *transport = g_new0 (Transport, 1);
  int fds[2];

  memset (peer, 0, sizeof *peer);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  transport->base.ops = &transport_ops;
  transport->lower = p2p_stream_tcp_new (fds[0]);
  peer->fd = fds[1];
  options.role = P2P_YAMUX_SERVER;
  end_start (&peer->end, &transport->base, options);
}

/* --- the test --------------------------------------------------------------------------------- */

static void
answer_ping (Peer *peer)
{
  RawFrame ping = raw_expect (peer->fd, YAMUX_PING, YAMUX_SYN, 0);

  raw_send (peer->fd, YAMUX_PING, YAMUX_ACK, 0, ping.length, NULL);
}

static void *
write_main (void *data)
{
  is_slow = true;
  must_write (data, "x", 1);
  return NULL;
}

/* A ping falls due while the first write is under way and goes with the second. */
static void
test_held_up (void)
{
  P2pStream *strm;
  pthread_t thread;
  Peer peer;

  start (&peer,
         (P2pYamuxOptions){ .ping_interval_ms = HELD_UP_MS / 2, .dead_after_ms = DEAD_AFTER_MS });
  answer_ping (&peer);
  strm = must_open (&peer.end);
  P2P_PTHREAD (pthread_create (&thread, NULL, write_main, strm));
  answer_ping (&peer);
  P2P_PTHREAD (pthread_join (thread, NULL));
  g_assert_true (p2p_yamux_is_open (peer.end.yamux));
  p2p_stream_close (strm);

  /* Then the peer is silent. */
  end_await (&peer.end);
  g_assert_cmpstr (peer.end.why, ==, "the peer is silent");
  peer_stop (&peer);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/yamux-turn/held-up", test_held_up);
  return g_test_run ();
}
