/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What every stream promises, over every back end, and waiting for two of them. */
#include "lib/lock.h"
#include "lib/stream.h"
#include "lib/tls.h"
#include "tests/unit/memory-stream.h"
#include "tests/unit/stream-pairs.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define SOON p2p_deadline_ms (20000)

static void
write_text (P2pStream *strm, const char *text)
{
  struct iovec iov = { (char *) text, strlen (text) };
  size_t n;

  g_assert_cmpint (p2p_stream_write_all (strm, &iov, 1, &n, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (n, ==, strlen (text));
}

static void
expect_text (P2pStream *strm, const char *text)
{
  char buf[100];
  size_t have = 0;

  while (have < strlen (text))
    {
      size_t n;

      g_assert_cmpint (p2p_stream_read (strm, buf + have, sizeof buf - have, &n, SOON), ==,
                       P2P_IO_OK);
      have += n;
    }
  g_assert_cmpmem (buf, have, text, strlen (text));
}

static void
test_basics (const void *data)
{
  const StreamPairs *row = data;
  P2pStream *a, *b;
  struct iovec parts[] = { { "on", 2 }, { "", 0 }, { "e two", 5 } };
  char buf[8];
  size_t n;

  row->make (&a, &b);
  g_assert_cmpint (p2p_stream_read (a, buf, sizeof buf, &n, P2P_TRY), ==, P2P_IO_AGAIN);
  g_assert_cmpint (p2p_stream_read (a, buf, sizeof buf, &n, p2p_deadline_ms (5)), ==,
                   P2P_IO_TIMEOUT);
  g_assert_cmpint (p2p_stream_write_all (a, parts, G_N_ELEMENTS (parts), NULL, SOON), ==,
                   P2P_IO_OK);
  expect_text (b, "one two");

  /* Half-close: the other direction goes on. */
  g_assert_cmpint (p2p_stream_shutdown (a, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_EOF);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_EOF);
  write_text (b, "answer");
  expect_text (a, "answer");
  p2p_stream_close (b);
  g_assert_cmpint (p2p_stream_read (a, buf, sizeof buf, &n, SOON), ==, P2P_IO_EOF);
  p2p_stream_close (a);
}

static void
test_reset (const void *data)
{
  const StreamPairs *row = data;
  P2pStream *a, *b;
  char buf[8];
  size_t n;
  P2pIo io;

  row->make (&a, &b);
  write_text (b, "unread"); /* makes a Unix socket's close an abort as well */
  p2p_stream_reset (a);
  p2p_stream_close (a);
  do
    io = p2p_stream_read (b, buf, sizeof buf, &n, SOON);
  while (io == P2P_IO_OK);
  g_assert_cmpint (io, ==, P2P_IO_RESET);
  p2p_stream_close (b);
}

/* The writer finds it first, and the kernel tells it once: the reader must not take what follows
 * for an orderly end. */
static void
test_reset_writer_first (const void *data)
{
  const StreamPairs *row = data;
  P2pStream *a, *b;
  P2pWait item = { 0 };
  struct iovec more = { "more", 4 };
  char buf[8];
  size_t n;
  P2pIo io;

  row->make (&a, &b);
  write_text (b, "unread");
  p2p_stream_reset (a);
  p2p_stream_close (a);
  item.strm = b;
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (item.ready & P2P_HANGUP, !=, 0);
  for (unsigned i = 0; i < 2; i++)
    g_assert_cmpint (p2p_stream_write_all (b, &more, 1, NULL, SOON), ==, P2P_IO_RESET);
  do
    io = p2p_stream_read (b, buf, sizeof buf, &n, SOON);
  while (io == P2P_IO_OK);
  g_assert_cmpint (io, ==, P2P_IO_RESET);
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_RESET);
  p2p_stream_close (b);
}

/* The reset that a peer's kernel answers with when the peer has said all and closed: what it said
 * was whole. */
static void
test_reset_behind_fin (void)
{
  P2pStream *a, *b;
  P2pWait item = { 0 };
  struct iovec more = { "more", 4 };
  char buf[8];
  size_t n;

  stream_pair_tcp (&a, &b);
  write_text (a, "all");
  p2p_stream_close (a);
  item = (P2pWait){ .strm = b, .want = P2P_LEFT };
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_write_all (b, &more, 1, NULL, SOON), ==, P2P_IO_OK);
  item.want = 0;
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (item.ready & P2P_HANGUP, !=, 0);
  g_assert_cmpint (p2p_stream_write_all (b, &more, 1, NULL, SOON), ==, P2P_IO_RESET);
  expect_text (b, "all");
  g_assert_cmpint (p2p_stream_read (b, buf, sizeof buf, &n, SOON), ==, P2P_IO_EOF);
  p2p_stream_close (b);
}

static void
test_ready_bits (const void *data)
{
  const StreamPairs *row = data;
  P2pStream *a, *b;
  P2pWait item = { .want = P2P_READABLE };
  char buf[8];
  size_t n;

  row->make (&a, &b);
  item.strm = a;
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_AGAIN);
  g_assert_cmpint (p2p_stream_wait (&item, 1, p2p_deadline_ms (5)), ==, P2P_IO_TIMEOUT);
  item.want |= P2P_WRITABLE;
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_OK);
  g_assert_cmpuint (item.ready, ==, P2P_WRITABLE);

  /* A FIN can be read and is no hang-up. */
  g_assert_cmpint (p2p_stream_shutdown (b, SOON), ==, P2P_IO_OK);
  item.want = P2P_READABLE;
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (item.ready, ==, P2P_READABLE);
  g_assert_cmpint (p2p_stream_read (a, buf, sizeof buf, &n, P2P_TRY), ==, P2P_IO_EOF);
  item.want = 0;
  g_assert_cmpint (p2p_stream_wait (&item, 1, P2P_TRY), ==, P2P_IO_AGAIN);

  /* The end of both is, even when not asked for. */
  g_assert_cmpint (p2p_stream_shutdown (a, SOON), ==, P2P_IO_OK);
  p2p_stream_close (b);
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  g_assert_cmpuint (item.ready & P2P_HANGUP, !=, 0);
  p2p_stream_close (a);
}

/* The peer's FIN, behind bytes that nobody has read. */
static void
test_left (const void *data)
{
  const StreamPairs *row = data;
  P2pStream *a, *b;
  P2pWait item = { .want = P2P_LEFT };
  char buf[8];
  size_t n;

  row->make (&a, &b);
  item.strm = a;
  if (p2p_stream_fd (a) >= 0)
    {
      write_text (b, "hello");
      g_assert_cmpint (p2p_stream_wait (&item, 1, p2p_deadline_ms (5)), ==, P2P_IO_TIMEOUT);
      g_assert_no_errno (shutdown (p2p_stream_fd (b), SHUT_WR));
      g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
      g_assert_cmpuint (item.ready, ==, P2P_LEFT);
      item.want = P2P_READABLE; /* who does not ask is not told */
      g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
      g_assert_cmpuint (item.ready, ==, P2P_READABLE);
      g_assert_cmpint (p2p_stream_read (a, buf, sizeof buf, &n, SOON), ==, P2P_IO_OK);
      g_assert_cmpmem (buf, n, "hello", 5);
    }
  p2p_stream_close (a);
  p2p_stream_close (b);
}

/* A writer that fills what there is must wait for the reader, on one side or the other. */
#define BULK_BYTES (3 * 1024 * 1024 + 17)

typedef struct
{
  P2pStream *strm;
  P2pIo io;
  size_t n;
} Bulk;

static void *
bulk_write_main (void *data)
{
  Bulk *bulk = data;
  g_autofree unsigned char *bytes = g_malloc (BULK_BYTES);
  struct iovec iov[20];
  size_t at = 0;

  for (size_t i = 0; i < BULK_BYTES; i++)
    bytes[i] = (unsigned char) (i * 31 + i / 251);
  for (size_t i = 0; i < G_N_ELEMENTS (iov); i++)
    {
      size_t n = i + 1 < G_N_ELEMENTS (iov) ? i * i * 100 : BULK_BYTES - at;

      iov[i] = (struct iovec){ bytes + at, n };
      at += n;
    }
  bulk->io = p2p_stream_write_all (bulk->strm, iov, G_N_ELEMENTS (iov), &bulk->n, SOON);
  if (bulk->io == P2P_IO_OK)
    bulk->io = p2p_stream_shutdown (bulk->strm, SOON);
  return NULL;
}

static void
bulk_read (P2pStream *strm)
{
  unsigned char buf[50000];
  size_t at = 0, n;
  P2pIo io;

  while ((io = p2p_stream_read (strm, buf, sizeof buf, &n, SOON)) == P2P_IO_OK)
    for (size_t i = 0; i < n; i++, at++)
      if (buf[i] != (unsigned char) (at * 31 + at / 251))
        g_error ("byte %zu differs", at);
  g_assert_cmpint (io, ==, P2P_IO_EOF);
  g_assert_cmpuint (at, ==, BULK_BYTES);
}

static void *
bulk_read_main (void *data)
{
  bulk_read (data);
  return NULL;
}

/* A reader and a writer thread on each end, where the back end allows it. */
static void
test_bulk (const void *data)
{
  const StreamPairs *row = data;
  P2pStream *a, *b;
  pthread_t a_writer, b_writer, a_reader;

  row->make (&a, &b);
  Bulk from_a = { .strm = a }, from_b = { .strm = b };
  P2P_PTHREAD (pthread_create (&a_writer, NULL, bulk_write_main, &from_a));
  if (row->two_threads)
    P2P_PTHREAD (pthread_create (&b_writer, NULL, bulk_write_main, &from_b));
  if (row->two_threads)
    P2P_PTHREAD (pthread_create (&a_reader, NULL, bulk_read_main, a));
  bulk_read (b);
  P2P_PTHREAD (pthread_join (a_writer, NULL));
  if (row->two_threads)
    P2P_PTHREAD (pthread_join (b_writer, NULL));
  if (row->two_threads)
    P2P_PTHREAD (pthread_join (a_reader, NULL));
  g_assert_cmpint (from_a.io, ==, P2P_IO_OK);
  g_assert_cmpint (from_b.io, ==, P2P_IO_OK);
  g_assert_cmpuint (from_a.n, ==, BULK_BYTES);
  p2p_stream_close (a);
  p2p_stream_close (b);
}

static void
test_stalled_writer (const void *data)
{
  const StreamPairs *row = data;
  P2pStream *a, *b;
  g_autofree char *bytes = g_malloc0 (64 * 1024 * 1024);
  struct iovec iov = { bytes, 64 * 1024 * 1024 };
  P2pWait item = { .want = P2P_WRITABLE };
  int64_t deadline = SOON;
  size_t n = 0;

  row->make (&a, &b);
  g_assert_cmpint (p2p_stream_write_all (a, &iov, 1, &n, p2p_deadline_ms (20)), ==, P2P_IO_TIMEOUT);
  g_assert_cmpuint (n, >, 0);
  g_assert_cmpuint (n, <, iov.iov_len);
  item.strm = a;
  /* The kernel may still move bytes from one side's buffer to the other's. */
  while (p2p_stream_writev (a, &iov, 1, &n, P2P_TRY) == P2P_IO_OK
         || p2p_stream_wait (&item, 1, P2P_TRY) == P2P_IO_OK)
    g_assert_cmpint (p2p_now_us (), <, deadline);
  /* The peer leaves: the waiting writer learns it. */
  p2p_stream_close (b);
  g_assert_cmpint (p2p_stream_wait (&item, 1, SOON), ==, P2P_IO_OK);
  g_assert_cmpint (p2p_stream_write_all (a, &iov, 1, &n, SOON), ==, P2P_IO_RESET);
  p2p_stream_close (a);
}

/* Two items of any two back ends; another thread makes the one or the other ready while the wait is
 * on. */
typedef struct
{
  P2pStream *strm;
  pthread_t thread;
} Later;

static void *
later_main (void *data)
{
  Later *later = data;
  int64_t until = p2p_deadline_ms (3);

  while (p2p_now_us () < until)
    g_thread_yield ();
  write_text (later->strm, "x");
  return NULL;
}

typedef struct
{
  P2pStream *near[2], *far[2];
} TwoPairs;

static void
wait_in_rounds (TwoPairs *pairs)
{
  P2pStream **near = pairs->near, **far = pairs->far;

  for (unsigned round = 0; round < 6; round++)
    {
      unsigned which = round % 2;
      P2pWait items[2] = { { near[0], P2P_READABLE, 0 }, { near[1], P2P_READABLE, 0 } };
      Later later = { .strm = far[which] };
      char buf[8];
      size_t n;

      P2P_PTHREAD (pthread_create (&later.thread, NULL, later_main, &later));
      g_assert_cmpint (p2p_stream_wait (items, 2, SOON), ==, P2P_IO_OK);
      g_assert_cmpuint (items[which].ready, ==, P2P_READABLE);
      g_assert_cmpuint (items[1 - which].ready, ==, 0);
      g_assert_cmpint (p2p_stream_read (near[which], buf, sizeof buf, &n, P2P_TRY), ==, P2P_IO_OK);
      g_assert_cmpuint (n, ==, 1);
      P2P_PTHREAD (pthread_join (later.thread, NULL));
      /* A late ring of the round before must not look like readiness. */
      g_assert_cmpint (p2p_stream_wait (items, 2, p2p_deadline_ms (2)), ==, P2P_IO_TIMEOUT);
    }
}

static void *
wait_main (void *data)
{
  wait_in_rounds (data);
  return NULL;
}

/* A thread without a waker, and no descriptor to make one of: it has to look itself. */
static void
wait_without_descriptors (TwoPairs *pairs)
{
  struct rlimit usual, low;
  pthread_t thread;

  g_assert_cmpint (getrlimit (RLIMIT_NOFILE, &usual), ==, 0);
  low = (struct rlimit){ .rlim_cur = 3, .rlim_max = usual.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &low), ==, 0);
  P2P_PTHREAD (pthread_create (&thread, NULL, wait_main, pairs));
  P2P_PTHREAD (pthread_join (thread, NULL));
  g_assert_cmpint (setrlimit (RLIMIT_NOFILE, &usual), ==, 0);
}

static void
with_two (const StreamPairs *first, const StreamPairs *second, void (*test) (TwoPairs *pairs))
{
  TwoPairs pairs;

  first->make (&pairs.near[0], &pairs.far[0]);
  second->make (&pairs.near[1], &pairs.far[1]);
  test (&pairs);
  for (unsigned i = 0; i < 2; i++)
    {
      p2p_stream_close (pairs.near[i]);
      p2p_stream_close (pairs.far[i]);
    }
}

static void
test_wait_two (const void *data)
{
  for (const StreamPairs *second = stream_pairs; second->name; second++)
    with_two (data, second, wait_in_rounds);
}

static void
test_wait_deaf (const void *data)
{
  with_two (data, data, wait_without_descriptors);
}

static void
test_wait_absent (void)
{
  P2pWait items[2] = { { NULL, P2P_READABLE, 0 }, { NULL, P2P_WRITABLE, 0 } };

  g_assert_cmpint (p2p_stream_wait (items, 2, P2P_TRY), ==, P2P_IO_AGAIN);
  g_assert_cmpint (p2p_stream_wait (items, 2, p2p_deadline_ms (2)), ==, P2P_IO_TIMEOUT);
}

static void
add_for_pairs (const char *name, void (*test) (const void *data))
{
  for (const StreamPairs *row = stream_pairs; row->name; row++)
    {
      g_autofree char *path = g_strdup_printf ("/stream/%s/%s", name, row->name);

      g_test_add_data_func (path, row, test);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  p2p_tls_setup ();
  add_for_pairs ("basics", test_basics);
  add_for_pairs ("reset", test_reset);
  add_for_pairs ("reset-writer-first", test_reset_writer_first);
  g_test_add_func ("/stream/reset-behind-fin", test_reset_behind_fin);
  add_for_pairs ("ready-bits", test_ready_bits);
  add_for_pairs ("left", test_left);
  add_for_pairs ("bulk", test_bulk);
  add_for_pairs ("stalled-writer", test_stalled_writer);
  add_for_pairs ("wait-two", test_wait_two);
  add_for_pairs ("wait-deaf", test_wait_deaf);
  g_test_add_func ("/stream/wait-absent", test_wait_absent);
  return g_test_run ();
}
