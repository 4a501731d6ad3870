/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How each kind of pair is made. No state; any thread. */
#include "tests/unit/stream-pairs.h"

#include "lib/fd.h"
#include "lib/stream-tcp.h"
#include "tests/unit/memory-stream.h"
#include "tests/unit/tls-fixture.h"

#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>

void
stream_pair_tcp (P2pStream **ret_a, P2pStream **ret_b)
{
  p2p_autofd listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;
  int fd;

  g_assert_cmpint (listener, >=, 0);
  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, len), ==, 0);
  g_assert_cmpint (listen (listener, 8), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *) &address, &len), ==, 0);
  g_assert_cmpint (
      p2p_stream_tcp_connect ((struct sockaddr *) &address, len, p2p_deadline_ms (20000), ret_a),
      ==, P2P_IO_OK);
  fd = accept4 (listener, NULL, NULL, SOCK_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  *ret_b = p2p_stream_tcp_new (fd);
}

static void
stream_pair_unix (P2pStream **ret_a, P2pStream **ret_b)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *ret_a = p2p_stream_tcp_new (fds[0]);
  *ret_b = p2p_stream_tcp_new (fds[1]);
}

void
stream_pair_memory (P2pStream **ret_a, P2pStream **ret_b)
{
  memory_stream_pair (256 * 1024, ret_a, ret_b);
}

void
stream_pair_tls (P2pStream **ret_a, P2pStream **ret_b)
{
  stream_pair_tcp (ret_a, ret_b);
  tls_fixture_wrap (false, ret_a, ret_b);
}

static void
pair_tls12_tcp (P2pStream **ret_a, P2pStream **ret_b)
{
  stream_pair_tcp (ret_a, ret_b);
  tls_fixture_wrap (true, ret_a, ret_b);
}

static void
pair_tls_memory (P2pStream **ret_a, P2pStream **ret_b)
{
  stream_pair_memory (ret_a, ret_b);
  tls_fixture_wrap (false, ret_a, ret_b);
}

static void
pair_tls_tls (P2pStream **ret_a, P2pStream **ret_b)
{
  stream_pair_tls (ret_a, ret_b);
  tls_fixture_wrap (false, ret_a, ret_b);
}

const StreamPairs stream_pairs[] = {
  { "tcp", stream_pair_tcp, true },
  { "unix", stream_pair_unix, true },
  { "memory", stream_pair_memory, false },
  { "tls", stream_pair_tls, true },
  { "tls1.2", pair_tls12_tcp, true },
  { "tls-over-memory", pair_tls_memory, false },
  { "tls-over-tls", pair_tls_tls, true },
  { "yamux", stream_pair_yamux, false },
  { NULL, NULL, false },
};

void
stream_pair_close (P2pStream *a, P2pStream *b)
{
  p2p_stream_close (a);
  p2p_stream_close (b);
}
