/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Pairs of Yamux streams: all in one pair of sessions over TLS over TCP, made at first use and
 * ended when the program exits. accepted_cb () runs on the reader thread; `lock` guards what it
 * leaves. */
#include "lib/lock.h"
#include "lib/yamux.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/tls-fixture.h"

#include <stdlib.h>

static P2pYamux *opener, *acceptor; /* (owned) (nullable: not yet used) */
static P2pMutex lock = { .mutex = PTHREAD_MUTEX_INITIALIZER, .lock_class = P2P_LOCK_LEAF };
/* One pair at a time is made, whichever thread asks. Outermost: it is held while the session's
 * locks are taken. */
static P2pMutex turn = { .mutex = PTHREAD_MUTEX_INITIALIZER, .lock_class = P2P_LOCK_CONFIG_WRITE };
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static P2pStream *accepted; /* (owned) (nullable) (lock: lock) */

static void
accepted_cb (P2pYamux *yamux, P2pStream *take_strm, void *data)
{
  P2P_LOCKED (&lock);

  (void) yamux;
  (void) data;
  g_assert_null (accepted);
  accepted = take_strm;
  p2p_cond_signal (&changed);
}

static void
ended_cb (P2pYamux *yamux, const char *why, bool ours, void *data)
{
  (void) yamux;
  (void) ours;
  (void) data;
  g_test_message ("session ended: %s", why);
}

static void
end_sessions_cb (void)
{
  p2p_yamux_close (opener, "test over");
  p2p_yamux_close (acceptor, "test over");
  p2p_yamux_join (opener);
  p2p_yamux_join (acceptor);
  p2p_yamux_unref (opener);
  p2p_yamux_unref (acceptor);
}

static void
begin_sessions (void)
{
  P2pYamuxOptions options = { .name = "pair",
                              .accept_backlog = 256,
                              .peer_half_close = true,
                              .accepted = accepted_cb,
                              .ended = ended_cb };
  P2pStream *a, *b;

  stream_pair_tcp (&a, &b);
  tls_fixture_wrap (false, &a, &b);
  options.role = P2P_YAMUX_CLIENT;
  acceptor = p2p_yamux_new (a, &options, NULL);
  options.role = P2P_YAMUX_SERVER;
  opener = p2p_yamux_new (b, &options, NULL);
  g_assert_true (acceptor && opener);
  g_assert_cmpint (atexit (end_sessions_cb), ==, 0);
}

void
stream_pair_yamux (P2pStream **ret_a, P2pStream **ret_b)
{
  char byte;
  size_t n;
  P2P_LOCKED (&turn);

  if (!opener)
    begin_sessions ();
  g_assert_cmpint (p2p_yamux_open (opener, p2p_deadline_ms (20000), ret_a), ==, P2P_IO_OK);
  /* The SYN waits for the first bytes, or for somebody who wants to read. */
  g_assert_cmpint (p2p_stream_read (*ret_a, &byte, 1, &n, P2P_TRY), ==, P2P_IO_AGAIN);
  p2p_mutex_lock (&lock);
  while (!accepted)
    (void) p2p_cond_wait (&changed, &lock, P2P_FOREVER);
  *ret_b = g_steal_pointer (&accepted);
  p2p_mutex_unlock (&lock);
}
