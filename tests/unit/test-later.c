/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a worker puts off: done once for several tasks, in time, and before it sleeps. */
#include "lib/clock.h"
#include "lib/pool.h"
#include "lib/relay.h"
#include "lib/stream-priv.h"
#include "tests/unit/wait-for.h"

#include <glib.h>
#include <stdatomic.h>

#define N_TASKS 5

typedef struct
{
  P2pTask task;
  unsigned number;
} Numbered;

static atomic_bool gate_open;
static atomic_bool at_gate;
static atomic_uint n_ran;

/* By what one worker does; the test reads them when all tasks have run and the pool is gone. */
static unsigned n_called, n_called_when_last_ran, n_known, n_new, n_refused;
static bool sleeps;

static void
called_cb (void *data)
{
  g_assert_true (data == &n_called);
  n_called++;
}

static bool
put_off (unsigned number)
{
  bool known = true, put = p2p_pool_later (called_cb, &n_called, &known);

  if (!put)
    n_refused++;
  else if (known)
    n_known++;
  else
    n_new++;
  if (number == N_TASKS - 1)
    n_called_when_last_ran = n_called;
  return put;
}

static void
numbered_cb (P2pTask *task)
{
  unsigned number = ((Numbered *) task)->number;
  bool put;

  if (number == 0)
    {
      atomic_store (&at_gate, true);
      WAIT_FOR (atomic_load (&gate_open));
    }
  put = put_off (number);
  if (sleeps)
    {
      unsigned before = n_called;

      p2p_pool_sleep_begin ();
      g_assert_cmpuint (n_called, ==, before + (put ? 1 : 0));
      p2p_pool_sleep_end ();
    }
  atomic_fetch_add (&n_ran, 1);
}

/* A pool of one thread, and the gate shut. */
static P2pPool *
begin_tasks (bool with_sleep)
{
  const P2pPoolOptions options
      = { .name = "test", .threads_min = 1, .threads_max = 1, .queue_max = 100, .idle_ms = 30000 };
  g_autoptr (GError) error = NULL;
  P2pPool *pool = p2p_pool_new (&options, &error);

  g_assert_no_error (error);
  atomic_store (&gate_open, false);
  atomic_store (&at_gate, false);
  atomic_store (&n_ran, 0);
  n_called = n_called_when_last_ran = n_known = n_new = n_refused = 0;
  sleeps = with_sleep;
  return pool;
}

static void
end_tasks (P2pPool *pool)
{
  g_assert_true (p2p_pool_stop (pool, p2p_deadline_ms (PATIENCE_MS)));
  p2p_pool_free (pool);
}

/* All tasks but the first wait behind it. */
static void
run_tasks (bool with_sleep)
{
  P2pPool *pool = begin_tasks (with_sleep);
  Numbered tasks[N_TASKS] = { 0 };

  for (unsigned i = 0; i < N_TASKS; i++)
    {
      tasks[i] = (Numbered){ .task.run = numbered_cb, .number = i };
      p2p_pool_submit (pool, &tasks[i].task);
      WAIT_FOR (atomic_load (&at_gate));
    }
  atomic_store (&gate_open, true);
  WAIT_FOR (atomic_load (&n_ran) == N_TASKS);
  end_tasks (pool);
}

/* The first task finds nobody behind it. The second begins it, the last does it itself, and before
 * the worker looks for something else it is called: once, unless the tasks took their time. */
static void
test_once (void)
{
  run_tasks (false);
  g_assert_cmpuint (n_refused, ==, 2);
  g_assert_cmpuint (n_new + n_known, ==, N_TASKS - 2);
  g_assert_cmpuint (n_new, >=, 1);
  g_assert_cmpuint (n_called, ==, n_new);
  g_assert_cmpuint (n_called_when_last_ran, <=, n_new);
}

static void
test_before_sleep (void)
{
  run_tasks (true);
  g_assert_cmpuint (n_refused, ==, 2);
  g_assert_cmpuint (n_new, ==, N_TASKS - 2);
  g_assert_cmpuint (n_called, ==, n_new);
}

/* --- a task that never sleeps ----------------------------------------------------------------- */

static int64_t bulk_until_us;

/* Has bytes until somebody was called, and takes all there are. */
static P2pIo
bulk_try_read (P2pStream *strm, void *buf, size_t size, size_t *ret_n)
{
  (void) strm;
  if (n_called > 0 || p2p_now_us () >= bulk_until_us)
    return P2P_IO_EOF;
  memset (buf, 0, size);
  *ret_n = size;
  return P2P_IO_OK;
}

static P2pIo
bulk_try_writev (P2pStream *strm, const struct iovec *iov, int n_iov, size_t *ret_n)
{
  (void) strm;
  *ret_n = 0;
  for (int i = 0; i < n_iov; i++)
    *ret_n += iov[i].iov_len;
  return P2P_IO_OK;
}

static P2pIo
bulk_try (P2pStream *strm)
{
  (void) strm;
  return P2P_IO_OK;
}

static void
bulk_end (P2pStream *strm)
{
  (void) strm;
}

static int
bulk_fd (P2pStream *strm)
{
  (void) strm;
  return -1;
}

static const P2pStreamOps bulk_ops = {
  .name = "bulk",
  .try_read = bulk_try_read,
  .try_writev = bulk_try_writev,
  .try_flush = bulk_try,
  .try_shutdown = bulk_try,
  .reset = bulk_end,
  .close = bulk_end,
  .fd = bulk_fd,
};

static void
bulk_cb (P2pTask *task)
{
  P2pStream from = { &bulk_ops }, to = { &bulk_ops };
  P2pRelayOptions options = { 0 };

  (void) task;
  p2p_relay_run (&from, P2P_SPAN_NONE, &to, P2P_SPAN_NONE, &options);
  n_called_when_last_ran = n_called;
  atomic_fetch_add (&n_ran, 1);
}

/* What was put off before it does not wait for its end. */
static void
test_bulk (void)
{
  Numbered first = { .task.run = numbered_cb }, second = { .task.run = numbered_cb, .number = 1 };
  P2pTask bulk = { .run = bulk_cb };
  P2pPool *pool = begin_tasks (false);

  bulk_until_us = p2p_deadline_ms (PATIENCE_MS);
  p2p_pool_submit (pool, &first.task);
  WAIT_FOR (atomic_load (&at_gate));
  p2p_pool_submit (pool, &second.task);
  p2p_pool_submit (pool, &bulk);
  atomic_store (&gate_open, true);
  WAIT_FOR (atomic_load (&n_ran) == 3);
  end_tasks (pool);
  g_assert_cmpuint (n_new, ==, 1);
  g_assert_cmpuint (n_called_when_last_ran, ==, 1);
}

static void
test_no_worker (void)
{
  bool known = true;

  g_assert_false (p2p_pool_later (called_cb, &n_called, &known));
  g_assert_true (known);
  p2p_pool_do_later ();
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/later/once", test_once);
  g_test_add_func ("/later/before-sleep", test_before_sleep);
  g_test_add_func ("/later/bulk", test_bulk);
  g_test_add_func ("/later/no-worker", test_no_worker);
  return g_test_run ();
}
