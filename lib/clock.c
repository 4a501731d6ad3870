/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Time. No state; any thread. */
#include "lib/clock.h"

#include <glib.h>
#include <limits.h>

#define SET_MS 2000 /* the two clocks are not read at once */

static int64_t
read_us (clockid_t id)
{
  struct timespec ts;

  (void) clock_gettime (id, &ts); /* cannot fail for these clocks */
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

int64_t
p2p_wall_ahead_ms (void)
{
  return p2p_wall_ms () - read_us (CLOCK_BOOTTIME) / 1000;
}

bool
p2p_wall_was_set (int64_t before_ahead_ms, int64_t ahead_ms)
{
  return ABS (ahead_ms - before_ahead_ms) > SET_MS;
}

P2pStamp
p2p_stamp_now (void)
{
  return (P2pStamp){ .wall_ms = p2p_wall_ms (), .ahead_ms = p2p_wall_ahead_ms () };
}

int64_t
p2p_stamp_ms (P2pStamp stamp)
{
  int64_t ahead_ms;

  if (stamp.wall_ms == 0 || stamp.ahead_ms == P2P_STAMP_FIXED)
    return stamp.wall_ms;
  ahead_ms = p2p_wall_ahead_ms ();
  return p2p_wall_was_set (stamp.ahead_ms, ahead_ms) ? stamp.wall_ms + ahead_ms - stamp.ahead_ms
                                                     : stamp.wall_ms;
}
