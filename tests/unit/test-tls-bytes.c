/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS on a transport that is cut, speaks badly, or brings bytes one by one or many at once; and
 * what an idle stream holds. */
#include "lib/lock.h"
#include "tests/unit/memory-stream.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/tls-sites.h"

#include <malloc.h>
#include <sys/socket.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)                                  \
    || __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED true
#else
#define SANITIZED false
#endif

static void
test_cut (void)
{
  P2pStream *a, *b;
  char buf[10];
  size_t n;

  /* The transport ends without close_notify. */
  stream_pair_tls (&a, &b);
  g_assert_cmpint (shutdown (p2p_stream_fd (a), SHUT_WR), ==, 0);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_RESET);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_RESET);
  stream_pair_close (a, b);

  /* Within a record. */
  stream_pair_tls (&a, &b);
  g_assert_cmpint (send (p2p_stream_fd (a), "\x17\x03\x03\x00\x20xyz", 8, 0), ==, 8);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, p2p_deadline_ms (5)), ==,
                   P2P_IO_TIMEOUT);
  g_assert_cmpint (shutdown (p2p_stream_fd (a), SHUT_WR), ==, 0);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_RESET);
  stream_pair_close (a, b);
}

static void
test_garbage (void)
{
  static const char forged[] = "\x17\x03\x03\x00\x18"
                               "abcdefghijklmnopqrstuvwx";
  g_autoptr (P2pTlsServer) server = tls_sites_server (NULL);
  g_autofree char *sentence = NULL;
  struct iovec iov = { "x", 1 };
  P2pStream *a, *b;
  char buf[10];
  size_t n;

  /* A record that nobody encrypted. */
  stream_pair_tls (&a, &b);
  g_assert_cmpint (send (p2p_stream_fd (a), forged, sizeof forged - 1, 0), ==, sizeof forged - 1);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_TLS);
  g_assert_cmpint (p2p_stream_write_all (b, &iov, 1, NULL, SOON), ==, P2P_IO_TLS);
  stream_pair_close (a, b);

  /* Plain HTTP on a TLS port. */
  stream_pair_tcp (&a, &b);
  b = p2p_stream_tls_server_new (b, server);
  g_assert_cmpint (send (p2p_stream_fd (a), "GET / HTTP/1.1\r\n\r\n", 18, 0), ==, 18);
  g_assert_cmpint (p2p_stream_tls_handshake (b, SOON), ==, P2P_IO_TLS);
  sentence = p2p_stream_tls_dup_error (b);
  g_assert_nonnull (sentence);
  stream_pair_close (a, b);

  /* Nothing at all, then a hang-up. */
  stream_pair_tcp (&a, &b);
  b = p2p_stream_tls_server_new (b, server);
  g_assert_cmpint (p2p_stream_tls_handshake (b, P2P_TRY), ==, P2P_IO_AGAIN);
  g_assert_cmpint (p2p_stream_tls_handshake (b, p2p_deadline_ms (5)), ==, P2P_IO_TIMEOUT);
  p2p_stream_close (a);
  g_assert_cmpint (p2p_stream_tls_handshake (b, SOON), ==, P2P_IO_RESET);
  p2p_stream_close (b);
}

/* Every byte of handshake and data comes alone. */
static void
test_byte_by_byte (void)
{
  for (unsigned tls12 = 0; tls12 < 2; tls12++)
    {
      P2pStream *a, *b;
      struct iovec iov = { "hello", 5 };
      char buf[10];
      size_t n = 0;

      memory_stream_pair (1, &a, &b);
      tls_fixture_wrap (tls12, &a, &b);
      g_assert_cmpint (p2p_stream_writev (a, &iov, 1, &n, SOON), ==, P2P_IO_OK);
      g_assert_cmpuint (n, ==, 5);
      for (P2pIo io = P2P_IO_AGAIN; io != P2P_IO_OK;)
        {
          g_assert_cmpint (io, ==, P2P_IO_AGAIN);
          (void) p2p_stream_flush (a, P2P_TRY);
          io = p2p_stream_read (b, buf, sizeof buf, &n, P2P_TRY);
        }
      g_assert_cmpmem (buf, n, "hello", 5);
      stream_pair_close (a, b);
    }
}

/* Two records in one segment: after the first nothing is in the socket, and yet there is something
 * to read. */
static void
test_read_ahead (void)
{
  P2pStream *a, *b;
  struct iovec iov = { "GET 1", 5 };
  P2pWait item = { .want = P2P_READABLE };
  char buf[100];
  size_t n;

  stream_pair_tls (&a, &b);
  item.strm = b;
  for (unsigned i = 0; i < 2; i++)
    g_assert_cmpint (p2p_stream_write_all (a, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpuint (n, ==, 5);
  g_assert_cmpint (recv (p2p_stream_fd (b), buf, 1, MSG_DONTWAIT | MSG_PEEK), ==, -1);
  g_assert_cmpuint (p2p_stream_pending (b), >, 0);
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_read (b, buf, 2, &n, P2P_TRY), ==, P2P_IO_OK);
  /* The rest of a record that GnuTLS has decrypted. */
  g_assert_cmpuint (p2p_stream_pending (b), ==, 3);
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpuint (p2p_stream_pending (b), ==, 0);
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_AGAIN);
  stream_pair_close (a, b);
}

#define N_IDLE 64

static void
test_idle_memory (void)
{
  P2pStream *idle[N_IDLE];
  size_t before, each;

  if (SANITIZED)
    {
      g_test_skip ("the sanitizers have an allocator of their own");
      return;
    }
  for (unsigned warm = 0; warm < 2; warm++)
    {
      before = mallinfo2 ().uordblks;
      for (unsigned i = 0; i < N_IDLE; i++)
        {
          P2pStream *a;

          stream_pair_tls (&a, &idle[i]);
          p2p_stream_reset (a);
          p2p_stream_close (a);
        }
      each = (mallinfo2 ().uordblks - before) / N_IDLE;
      for (unsigned i = 0; i < N_IDLE; i++)
        p2p_stream_close (idle[i]);
    }
  g_test_message ("%zu bytes for an idle TLS stream", each);
  g_assert_cmpuint (each, <, 28 * 1024);
}

int
main (int argc, char **argv)
{
  int rc;

  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  tls_sites_init ();
  g_test_add_func ("/tls/cut", test_cut);
  g_test_add_func ("/tls/garbage", test_garbage);
  g_test_add_func ("/tls/byte-by-byte", test_byte_by_byte);
  g_test_add_func ("/tls/read-ahead", test_read_ahead);
  g_test_add_func ("/tls/idle-memory", test_idle_memory);
  rc = g_test_run ();
  tls_sites_done ();
  return rc;
}
