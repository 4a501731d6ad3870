/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Time. No state; any thread. */
#include "lib/clock.h"

#include <glib.h>
#include <limits.h>

static int64_t
read_us (clockid_t id)
{
  struct timespec ts;

  (void) clock_gettime (id, &ts); /* cannot fail for these two clocks */
  return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
p2p_now_us (void)
{
  return read_us (CLOCK_MONOTONIC);
}

int64_t
p2p_deadline_ms (int64_t timeout_ms)
{
  g_assert (timeout_ms >= 0);
  return p2p_now_us () + timeout_ms * 1000;
}

int
p2p_deadline_poll_ms (int64_t deadline_us)
{
  int64_t left_ms;

  if (deadline_us == P2P_FOREVER)
    return -1;
  if (deadline_us == P2P_TRY)
    return 0;
  left_ms = (deadline_us - p2p_now_us () + 999) / 1000;
  return (int) CLAMP (left_ms, 0, INT_MAX);
}

struct timespec
p2p_deadline_timespec (int64_t deadline_us)
{
  return (struct timespec){ .tv_sec = deadline_us / 1000000,
                            .tv_nsec = (deadline_us % 1000000) * 1000 };
}

int64_t
p2p_wall_ms (void)
{
  return read_us (CLOCK_REALTIME) / 1000;
}
