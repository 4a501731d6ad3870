/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Pauses between tries. See backoff.h. */
#include "agent/backoff.h"

#include <glib.h>

#define FIRST_MIN_MS 100
#define FIRST_MAX_MS 1000
#define QUICK_MAX_MS 4000 /* with a second for the try itself: back within 5 s */
#define LONG_US (600 * INT64_C (1000000))
#define SLOW_MAX_MS 30000
#define LIVED_MS 60000

/* Doubles, and keeps a tenth of chance in it so that many agents do not come back in step.
 * trouble_us: how long it has lasted. */
static int64_t
next_pause (int64_t *pause_ms, int64_t trouble_us)
{
  int64_t max_ms = trouble_us > LONG_US ? SLOW_MAX_MS : QUICK_MAX_MS;

  if (*pause_ms == 0)
    *pause_ms = g_random_int_range (FIRST_MIN_MS, FIRST_MAX_MS + 1);
  else
    *pause_ms = MIN (*pause_ms * 2, max_ms) * g_random_int_range (90, 101) / 100;
  return *pause_ms;
}

int64_t
backoff_after_session (Backoff *backoff, int64_t lived_ms, int64_t now_us)
{
  backoff->outage_since_us = now_us;
  if (lived_ms >= LIVED_MS)
    *backoff = (Backoff){ .outage_since_us = now_us };
  if (backoff->unsteady_since_us == 0)
    backoff->unsteady_since_us = now_us;
  return next_pause (&backoff->session_pause_ms, now_us - backoff->unsteady_since_us);
}

int64_t
backoff_after_failure (Backoff *backoff, int64_t now_us)
{
  if (backoff->outage_since_us == 0)
    backoff->outage_since_us = now_us;
  return next_pause (&backoff->failure_pause_ms, now_us - backoff->outage_since_us);
}
