/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How long the agent waits before the next try. */
#include "agent/backoff.h"

#include <glib.h>

#define SECOND INT64_C (1000000)

static void
test_backoff_failures (void)
{
  Backoff backoff = { 0 };
  int64_t now_us = 100 * SECOND, pause_ms = backoff_after_failure (&backoff, now_us);

  g_assert_cmpint (pause_ms, >=, 100);
  g_assert_cmpint (pause_ms, <=, 1000);
  for (int i = 0; i < 20; i++)
    {
      pause_ms = backoff_after_failure (&backoff, now_us);
      /* and a second for the try itself: back within 5 s */
      g_assert_cmpint (pause_ms, <=, 4000);
    }
  g_assert_cmpint (pause_ms, >=, 3600);
  now_us += 601 * SECOND;
  for (int i = 0; i < 20; i++)
    {
      pause_ms = backoff_after_failure (&backoff, now_us);
      g_assert_cmpint (pause_ms, <=, 30000);
    }
  g_assert_cmpint (pause_ms, >=, 27000);
}

/* What the pauses have grown to is kept for each kind by itself. */
static void
test_backoff_both (void)
{
  Backoff backoff = { 0 };

  for (int i = 0; i < 20; i++)
    g_assert_cmpint (backoff_after_failure (&backoff, SECOND), <=, 4000);
  /* a session that dies soon after a long outage */
  g_assert_cmpint (backoff_after_session (&backoff, 59999, 2 * SECOND), <=, 1000);
  g_assert_cmpint (backoff_after_session (&backoff, 59999, 2 * SECOND), <=, 2000);
  g_assert_cmpint (backoff_after_failure (&backoff, 3 * SECOND), >=, 3600);
  /* a longer one resets both */
  g_assert_cmpint (backoff_after_session (&backoff, 60000, 4 * SECOND), <=, 1000);
  g_assert_cmpint (backoff_after_failure (&backoff, 5 * SECOND), <=, 1000);
}

/* Many agents that lost the same daemon do not come back in step, however long it took. */
static void
test_backoff_chance (void)
{
  int64_t least = INT64_MAX, most = 0;

  for (int agent = 0; agent < 100; agent++)
    {
      Backoff backoff = { 0 };
      int64_t pause_ms = 0;

      for (int i = 0; i < 20; i++)
        pause_ms = backoff_after_failure (&backoff, SECOND);
      least = MIN (least, pause_ms);
      most = MAX (most, pause_ms);
    }
  g_assert_cmpint (most - least, >, 200);
}

/* A link that flaps, or a daemon that is started again and again: for ten minutes the agent is back
 * within 5 s of each end. */
static void
test_backoff_sessions (void)
{
  Backoff backoff = { 0 };
  int64_t pause_ms = 0, now_us = SECOND;

  for (int i = 0; i <= 20; i++, now_us += 30 * SECOND)
    {
      pause_ms = backoff_after_session (&backoff, 29000, now_us);
      g_assert_cmpint (pause_ms, <=, 4000);
      g_assert_cmpint (backoff_after_failure (&backoff, now_us), <=, 4000);
    }
  g_assert_cmpint (pause_ms, >=, 3600);
  for (int i = 0; i < 20; i++, now_us += 59 * SECOND)
    pause_ms = backoff_after_session (&backoff, 58000, now_us);
  g_assert_cmpint (pause_ms, >=, 27000);
  g_assert_cmpint (pause_ms, <=, 30000);
  /* one that lived resets it */
  pause_ms = backoff_after_session (&backoff, 60000, now_us);
  g_assert_cmpint (pause_ms, >=, 100);
  g_assert_cmpint (pause_ms, <=, 1000);
  for (int i = 0; i < 20; i++)
    g_assert_cmpint (backoff_after_session (&backoff, 1000, now_us + SECOND), <=, 4000);
  /* and it ends the outage before: the next failures are short ones */
  g_assert_cmpint (backoff_after_failure (&backoff, now_us + 2 * SECOND), <=, 4000);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/agent/backoff/failures", test_backoff_failures);
  g_test_add_func ("/agent/backoff/sessions", test_backoff_sessions);
  g_test_add_func ("/agent/backoff/both", test_backoff_both);
  g_test_add_func ("/agent/backoff/chance", test_backoff_chance);
  return g_test_run ();
}
