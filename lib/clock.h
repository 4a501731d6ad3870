/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Time: CLOCK_MONOTONIC microseconds for deadlines and durations, UTC milliseconds for stamps.
 * A deadline is an absolute monotonic time in microseconds. Any thread; nothing blocks. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define P2P_TRY ((int64_t) 0)            /* as a deadline: do not block, answer P2P_IO_AGAIN */
#define P2P_FOREVER ((int64_t) INT64_MAX) /* only for threads that something else wakes and joins */

/* Monotonic now, in microseconds. */
int64_t p2p_now_us (void);

/* The deadline that is timeout_ms from now; never P2P_TRY. */
int64_t p2p_deadline_ms (int64_t timeout_ms);

/* What poll() and epoll_wait() take: milliseconds to the deadline, rounded up; 0 if it passed or is
 * P2P_TRY, -1 for P2P_FOREVER. */
int p2p_deadline_poll_ms (int64_t deadline_us);

/* The deadline as a CLOCK_MONOTONIC timespec, for pthread_cond_timedwait. */
struct timespec p2p_deadline_timespec (int64_t deadline_us);

/* Wall clock: milliseconds since the epoch, UTC. For stamps only, never for time-outs. */
int64_t p2p_wall_ms (void);

/* How far the wall clock is ahead of the time since the boot (sleep included), in milliseconds: the
 * same until somebody sets the clock. */
int64_t p2p_wall_ahead_ms (void);
/* Whether the clock was set in between, and not just corrected a little. */
bool p2p_wall_was_set (int64_t before_ahead_ms, int64_t ahead_ms);

/* A moment that is told later, when the clock may have been set: a machine without a battery for it
 * boots in the past. */
typedef struct
{
  int64_t wall_ms;  /* what the clock showed then; 0: never */
  int64_t ahead_ms; /* p2p_wall_ahead_ms () then; P2P_STAMP_FIXED */
} P2pStamp;

#define P2P_STAMP_FIXED INT64_MIN /* of an earlier run: wall_ms is all that is known */

P2pStamp p2p_stamp_now (void);
/* When that was by the clock as it is now: wall_ms for as long as nobody set it. */
int64_t p2p_stamp_ms (P2pStamp stamp);
