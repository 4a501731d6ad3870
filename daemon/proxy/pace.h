/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Pace: whether somebody who is waited for keeps up a rate of bytes, on average over a window. It
 * has the window's time, loses what it is waited for, and earns back what its bytes are worth,
 * never beyond the window: so nobody who was fast once can be slow for longer afterwards.
 * Arithmetic only; one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct
{
  int64_t left_us; /* the window at first */
  uint64_t seen;   /* bytes that have been counted */
} Pace;

/* n: all bytes so far. False: too slow. rate: bytes a second, at most 10^9; 0: any will do. */
static inline bool
pace_advance (Pace *pace, uint64_t n, int64_t waited_us, int64_t rate, int64_t window_us)
{
  uint64_t got = n - pace->seen;
  int64_t earned_us = window_us;

  if (rate == 0)
    return true;
  pace->seen = n;
  if (got < UINT64_C (1) << 40)
    earned_us = (int64_t) (got * 1000000 / (uint64_t) rate);
  pace->left_us += earned_us - waited_us;
  if (pace->left_us > window_us)
    pace->left_us = window_us;
  return pace->left_us > 0;
}
