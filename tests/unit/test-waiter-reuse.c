/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Parking where a descriptor, an object or an event comes a second time. */
#include "lib/fd.h"
#include "lib/stream-tcp.h"
#include "tests/unit/waiter-fixture.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One stream asked for reading and writing by two items: one descriptor. Only for what has no bell.
 */
static void
test_same_descriptor (void)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, &stream_pairs[0], NULL);
  g_assert_cmpint (p2p_stream_fd (fix.near[0]), >=, 0);
  fix.items[1] = (P2pWait){ .strm = fix.near[0], .want = 0 };
  fix.n_items = 2;
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  waiter_fixture_expect (&fix, 1, P2P_WAKE_READY);
  fix.items[1].want = P2P_WRITABLE;
  get_byte (fix.near[0]);
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  waiter_fixture_expect (&fix, 2, P2P_WAKE_READY);
  waiter_fixture_done (&fix);
}

/* The object goes on with another connection, whose descriptor has the number of the one before. */
static void
test_number_again (void)
{
  WaiterFixture fix;
  int fd, fds[2];

  waiter_fixture_init (&fix, &stream_pairs[0], NULL);
  waiter_fixture_park (&fix, p2p_deadline_ms (1));
  waiter_fixture_expect (&fix, 1, P2P_WAKE_TIMEOUT);
  fd = p2p_stream_fd (fix.near[0]);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  p2p_stream_close (fix.near[0]);
  p2p_stream_close (fix.far[0]);
  g_assert_cmpint (dup3 (fds[0], fd, O_CLOEXEC), ==, fd);
  p2p_fd_close (&fds[0]);
  fix.near[0] = fix.items[0].strm = p2p_stream_tcp_new (fd);
  fix.far[0] = p2p_stream_tcp_new (fds[1]);
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  waiter_fixture_expect (&fix, 2, P2P_WAKE_READY);
  waiter_fixture_done (&fix);
}

/* The connection goes on with another object. */
static void
test_object_again (void)
{
  WaiterFixture fix;

  waiter_fixture_init (&fix, &stream_pairs[0], NULL);
  waiter_fixture_park (&fix, p2p_deadline_ms (1));
  waiter_fixture_expect (&fix, 1, P2P_WAKE_TIMEOUT);
  waiter_fixture_again (&fix);
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  put_byte (fix.far[0]);
  waiter_fixture_expect (&fix, 2, P2P_WAKE_READY);
  waiter_fixture_done (&fix);
}

/* What was meant for an earlier park wakes nobody. */
static void
test_late_event (void)
{
  WaiterFixture fix;
  P2pSlot *slot;

  waiter_fixture_init (&fix, &stream_pairs[0], NULL);
  slot = fix.parked.slot;
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  p2p_parked_kick (&fix.parked);
  waiter_fixture_expect (&fix, 1, P2P_WAKE_STOP);
  waiter_fixture_park (&fix, p2p_deadline_ms (PATIENCE_MS));
  WAIT_FOR (p2p_pool_get_stats (fix.pool).parked == 1);
  g_assert_false (
      p2p_slot_wake (slot, p2p_slot_generation (atomic_load (&slot->word)) - 1, P2P_WAKE_READY));
  g_assert_cmpuint (p2p_pool_get_stats (fix.pool).parked, ==, 1);
  g_assert_cmpuint (atomic_load (&fix.n_runs), ==, 1);
  waiter_fixture_done (&fix);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/waiter/same-descriptor", test_same_descriptor);
  g_test_add_func ("/waiter/number-again", test_number_again);
  g_test_add_func ("/waiter/object-again", test_object_again);
  g_test_add_func ("/waiter/late-event", test_late_event);
  return g_test_run ();
}
