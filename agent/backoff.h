/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* How long to wait before the next try (tunnel.md, "Coming back"). A value; no thread of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct
{
  int64_t session_pause_ms, failure_pause_ms; /* the last one; 0: none yet */
  int64_t outage_since_us;                    /* monotonic; 0: none */
  int64_t unsteady_since_us; /* monotonic; no session has lived for long since; 0: none has ended */
} Backoff;

/* After a session: lived_ms is how long it was up. A random 0.1 to 1 s, doubling to 4 s while
 * sessions live less than 60 s, to 30 s when that has gone on for ten minutes; one that lived
 * longer begins both pauses anew. A link that flaps, or a daemon that is restarted some times, is
 * no reason to stay away: two programs with one id and token are kept apart by the daemon. */
int64_t backoff_after_session (Backoff *backoff, int64_t lived_ms, int64_t now_us);

/* From a try that does not get through to the next: a random 0.1 to 1 s, doubling to 4 s, to 30 s
 * when the outage is older than ten minutes. */
int64_t backoff_after_failure (Backoff *backoff, int64_t now_us);
