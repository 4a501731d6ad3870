/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See waiter-fixture.h. */
#include "tests/unit/waiter-fixture.h"

P2pPool *
waiter_fixture_pool (unsigned threads_max)
{
  const P2pPoolOptions options = {
    .name = "test", .threads_min = 2, .threads_max = threads_max, .queue_max = 1000, .idle_ms = 50
  };
  g_autoptr (GError) error = NULL;
  P2pPool *pool = p2p_pool_new (&options, &error);

  g_assert_no_error (error);
  return pool;
}

static void
run_cb (P2pParked *parked, P2pWake wake)
{
  WaiterFixture *fix = (WaiterFixture *) parked;

  atomic_store (&fix->wake, wake);
  atomic_fetch_add (&fix->n_runs, 1);
}

void
waiter_fixture_init (WaiterFixture *fix, const StreamPairs *first, const StreamPairs *second)
{
  const StreamPairs *rows[] = { first, second };

  *fix = (WaiterFixture){ .pool = waiter_fixture_pool (4) };
  for (unsigned i = 0; i < 2 && rows[i]; i++)
    {
      rows[i]->make (&fix->near[i], &fix->far[i]);
      fix->items[i] = (P2pWait){ .strm = fix->near[i], .want = P2P_READABLE };
      fix->n_items++;
    }
  p2p_parked_init (&fix->parked, fix->pool, run_cb);
}

void
waiter_fixture_done (WaiterFixture *fix)
{
  g_assert_true (p2p_pool_stop (fix->pool, p2p_deadline_ms (PATIENCE_MS)));
  p2p_parked_done (&fix->parked);
  for (unsigned i = 0; i < 2; i++)
    {
      p2p_stream_close (fix->near[i]);
      p2p_stream_close (fix->far[i]);
    }
  p2p_pool_free (fix->pool);
}

void
waiter_fixture_park (WaiterFixture *fix, int64_t deadline_us)
{
  p2p_park (&fix->parked, fix->items, fix->n_items, deadline_us);
}

void
waiter_fixture_expect (WaiterFixture *fix, unsigned n_runs, P2pWake wake)
{
  WAIT_FOR (atomic_load (&fix->n_runs) == n_runs);
  g_assert_cmpuint (atomic_load (&fix->wake), ==, wake);
  WAIT_FOR (p2p_pool_get_stats (fix->pool).parked == 0);
}

void
put_byte (P2pStream *strm)
{
  struct iovec iov = { .iov_base = "x", .iov_len = 1 };
  size_t n;

  g_assert_cmpint (p2p_stream_write_all (strm, &iov, 1, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
                   P2P_IO_OK);
}

void
get_byte (P2pStream *strm)
{
  char byte;
  size_t n;

  g_assert_cmpint (p2p_stream_read (strm, &byte, 1, &n, p2p_deadline_ms (PATIENCE_MS)), ==,
                   P2P_IO_OK);
  g_assert_cmpint (byte, ==, 'x');
}

void
waiter_fixture_again (WaiterFixture *fix)
{
  p2p_parked_done (&fix->parked);
  p2p_parked_init (&fix->parked, fix->pool, run_cb);
}
