/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* TLS 1.3 KeyUpdate during traffic both ways, a reader and a writer thread at each end: GnuTLS's
 * own after 2^24 records, and the peer's that asks for one in return. Without the rule in
 * stream-tls.h these corrupt the stream or crash. */
#include "lib/lock.h"
#include "lib/stream-tls-priv.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/tls-fixture.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define SOON p2p_deadline_ms (60000)
#define N_RECORDS 3000
#define RECORD_SIZE(i) (1 + (i) * 37 % 4096)
#define N_TRANSFERS 8
/* Asked for at these records; GnuTLS takes eight a second from a peer. */
#define ASKS_AT(i) ((i) % 750 == 500)

static bool must_be_asked; /* written while no thread runs */

/* One end of one transfer. */
typedef struct
{
  P2pStream *strm;
  bool asks;           /* the writer asks for new keys on its way */
  atomic_uint n_read;  /* records */
  pthread_t reader, writer;
} End;

static void *
writer_main (void *data)
{
  End *end = data;
  unsigned char buf[4096];

  for (unsigned i = 0; i < N_RECORDS; i++)
    {
      struct iovec iov = { buf, RECORD_SIZE (i) };

      memset (buf, (int) (i & 255), sizeof buf);
      /* Who is asked must have something to say after it. */
      while (!end->asks && i == N_RECORDS / 2 && must_be_asked
             && atomic_load (&end->n_read) < N_RECORDS / 2)
        g_thread_yield ();
      if (end->asks && ASKS_AT (i))
        {
          P2pIo io = p2p_stream_tls_key_update (end->strm, true);

          g_assert_true (io == P2P_IO_OK || io == P2P_IO_AGAIN);
        }
      g_assert_cmpint (p2p_stream_write_all (end->strm, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
    }
  g_assert_cmpint (p2p_stream_shutdown (end->strm, SOON), ==, P2P_IO_OK);
  return NULL;
}

static void *
reader_main (void *data)
{
  End *end = data;
  unsigned char buf[16384];
  unsigned record = 0;
  size_t in_record = 0, n;
  P2pIo io;

  while ((io = p2p_stream_read (end->strm, buf, sizeof buf, &n, SOON)) == P2P_IO_OK)
    for (size_t i = 0; i < n; i++)
      {
        if (buf[i] != (unsigned char) record)
          g_error ("record %u: byte %zu differs", record, in_record);
        if (++in_record == RECORD_SIZE (record))
          {
            atomic_store (&end->n_read, ++record);
            in_record = 0;
          }
      }
  g_assert_cmpint (io, ==, P2P_IO_EOF);
  g_assert_cmpuint (record, ==, N_RECORDS);
  return NULL;
}

static void
run_both_ways (End *ends, unsigned n_ends)
{
  for (unsigned i = 0; i < n_ends; i++)
    {
      P2P_PTHREAD (pthread_create (&ends[i].reader, NULL, reader_main, &ends[i]));
      P2P_PTHREAD (pthread_create (&ends[i].writer, NULL, writer_main, &ends[i]));
    }
  for (unsigned i = 0; i < n_ends; i++)
    {
      P2P_PTHREAD (pthread_join (ends[i].reader, NULL));
      P2P_PTHREAD (pthread_join (ends[i].writer, NULL));
    }
}

static uint64_t
record_number (P2pStream *strm, unsigned read)
{
  unsigned char seq[8];
  uint64_t number = 0;

  g_assert_cmpint (
      gnutls_record_get_state (p2p_stream_tls_session (strm), read, NULL, NULL, NULL, seq), >=, 0);
  for (unsigned i = 0; i < 8; i++)
    number = number << 8 | seq[i];
  return number;
}

static void
test_automatic (void)
{
  P2pStream *a, *b;

  stream_pair_tls (&a, &b);
  tls_fixture_set_near_limit (a, b);
  tls_fixture_set_near_limit (b, a);
  End ends[2] = { { .strm = a }, { .strm = b } };
  run_both_ways (ends, 2);
  /* New keys count from 0. */
  for (unsigned read = 0; read < 2; read++)
    {
      g_assert_cmpuint (record_number (a, read), <, N_RECORDS + 100);
      g_assert_cmpuint (record_number (b, read), <, N_RECORDS + 100);
    }
  p2p_stream_close (a);
  p2p_stream_close (b);
}

static void
test_asked_for (void)
{
  static End ends[2 * N_TRANSFERS];

  must_be_asked = true;
  for (unsigned i = 0; i < 2 * N_TRANSFERS; i += 2)
    {
      ends[i].asks = true;
      stream_pair_tls (&ends[i].strm, &ends[i + 1].strm);
    }
  run_both_ways (ends, 2 * N_TRANSFERS);
  must_be_asked = false;
  for (unsigned i = 0; i < 2 * N_TRANSFERS; i++)
    {
      /* Both directions have had new keys, which count from 0: the answers came, too. Else it were
       * the fixture's byte, all records and close_notify at least. */
      g_assert_cmpuint (record_number (ends[i].strm, 0), <, N_RECORDS + 2);
      p2p_stream_close (ends[i].strm);
    }
}

/* GnuTLS answers with the next record that is sent (RFC 8446 section 4.6.3 asks for no more). */
static void
test_answer (void)
{
  P2pStream *a, *b;
  struct iovec iov = { "x", 1 };
  char buf[10];
  size_t n;

  stream_pair_tls (&a, &b);
  g_assert_cmpint (p2p_stream_tls_key_update (a, true), ==, P2P_IO_OK);
  /* A message of the handshake protocol is no data and no end. */
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, p2p_deadline_ms (20)), ==,
                   P2P_IO_TIMEOUT);
  g_assert_cmpint (p2p_stream_write_all (b, &iov, 1, NULL, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_read (a, buf, sizeof buf, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (record_number (a, 1), ==, 1);
  g_assert_cmpuint (record_number (b, 0), ==, 1);
  p2p_stream_close (a);
  p2p_stream_close (b);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  g_test_add_func ("/tls-keyupdate/automatic", test_automatic);
  g_test_add_func ("/tls-keyupdate/asked-for", test_asked_for);
  g_test_add_func ("/tls-keyupdate/answer", test_answer);
  return g_test_run ();
}
