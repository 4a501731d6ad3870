/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Spans, arena, clock, descriptors and locks. */
#include "lib/arena.h"
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/lock.h"
#include "lib/span.h"

#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

static void
test_span_numbers (void)
{
  static const struct
  {
    P2pSpan text;
    bool good;
    uint64_t value;
  } rows[] = {
    { P2P_SPAN ("0"), true, 0 },
    { P2P_SPAN ("18446744073709551615"), true, UINT64_MAX },
    { P2P_SPAN ("18446744073709551616"), false, 0 },
    { P2P_SPAN (""), false, 0 },
    { P2P_SPAN ("+1"), false, 0 },
    { P2P_SPAN ("-1"), false, 0 },
    { P2P_SPAN (" 1"), false, 0 },
    { P2P_SPAN ("0x1"), false, 0 },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      uint64_t value = 0;

      g_assert_cmpint (p2p_span_to_u64 (rows[i].text, &value), ==, rows[i].good);
      g_assert_cmpuint (value, ==, rows[i].value);
    }
}

static void
test_span_split (void)
{
  P2pSpan rest = P2P_SPAN ("a, b,");

  g_assert_true (p2p_span_equal (p2p_span_split (&rest, ','), P2P_SPAN ("a")));
  g_assert_true (p2p_span_equal (p2p_span_trim (p2p_span_split (&rest, ',')), P2P_SPAN ("b")));
  g_assert_cmpuint (rest.n, ==, 0);
  g_assert_true (p2p_span_equal_nocase (P2P_SPAN ("HoSt"), P2P_SPAN ("host")));
  g_assert_false (p2p_span_has_suffix (P2P_SPAN ("m"), P2P_SPAN (".com")));
}

static void
test_arena (void)
{
  static _Alignas (16) char block[64];
  P2pArena arena;

  p2p_arena_init (&arena, block, sizeof block);
  g_assert_true (p2p_span_equal (p2p_arena_printf (&arena, "%d-%s", 7, "x"), P2P_SPAN ("7-x")));
  g_assert_true (p2p_span_equal (p2p_arena_copy (&arena, P2P_SPAN ("abc")), P2P_SPAN ("abc")));
  g_assert_false (p2p_arena_overflowed (&arena));
  g_assert_null (p2p_arena_alloc (&arena, 33));
  g_assert_true (p2p_arena_overflowed (&arena));
  g_assert_nonnull (p2p_arena_alloc (&arena, 32));
  p2p_arena_clear (&arena);
  g_assert_false (p2p_arena_overflowed (&arena));
  g_assert_null (p2p_arena_alloc (&arena, SIZE_MAX));
}

static void
test_clock (void)
{
  int64_t soon = p2p_deadline_ms (10);

  g_assert_cmpint (p2p_deadline_poll_ms (P2P_TRY), ==, 0);
  g_assert_cmpint (p2p_deadline_poll_ms (P2P_FOREVER), ==, -1);
  g_assert_cmpint (p2p_deadline_poll_ms (soon), <=, 10);
  g_assert_cmpint (p2p_deadline_poll_ms (1), ==, 0);
}

static void
test_fd (void)
{
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  {
    p2p_autofd reader = fds[0];
    p2p_autofd writer = fds[1];

    g_assert_cmpint (reader, !=, writer);
  }
  g_assert_cmpint (fcntl (fds[0], F_GETFD), ==, -1);
  g_assert_cmpint (fcntl (fds[1], F_GETFD), ==, -1);
}

static void
test_cond_deadline (void)
{
  P2pMutex lock;
  pthread_cond_t cond;

  p2p_mutex_init (&lock, P2P_LOCK_LEAF);
  p2p_cond_init (&cond);
  p2p_mutex_lock (&lock);
  g_assert_false (p2p_cond_wait (&cond, &lock, p2p_deadline_ms (5)));
  p2p_lock_assert_held (&lock);
  p2p_mutex_unlock (&lock);
  p2p_cond_done (&cond);
  p2p_mutex_done (&lock);
}

static void
test_lock_order (void)
{
  P2pMutex outer, inner;

  if (g_test_subprocess ())
    {
      g_setenv ("P2P_LOCK_DEBUG", "1", TRUE);
      p2p_lock_setup ();
      p2p_mutex_init (&outer, P2P_LOCK_POOL);
      p2p_mutex_init (&inner, P2P_LOCK_LEAF);
      p2p_mutex_lock (&inner);
      p2p_mutex_lock (&outer);
      return;
    }
  g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*POOL taken while LEAF is held*");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  p2p_lock_setup ();
  g_test_add_func ("/span/numbers", test_span_numbers);
  g_test_add_func ("/span/split", test_span_split);
  g_test_add_func ("/arena", test_arena);
  g_test_add_func ("/clock", test_clock);
  g_test_add_func ("/fd", test_fd);
  g_test_add_func ("/lock/cond-deadline", test_cond_deadline);
  g_test_add_func ("/lock/order", test_lock_order);
  return g_test_run ();
}
