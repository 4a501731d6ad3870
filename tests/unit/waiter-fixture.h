/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* For the tests of parking: a pool, and one object that is parked on streams whose other ends the
 * test holds. */
#pragma once

#include "lib/pool-priv.h"
#include "tests/unit/stream-pairs.h"
#include "tests/unit/wait-for.h"

#include <glib.h>
#include <stdatomic.h>

/* One object with two streams whose far ends the test holds. Its run () notes how it was
 * woken, and no more. */
typedef struct
{
  P2pParked parked;
  P2pPool *pool;      /* (owned) */
  P2pStream *near[2]; /* (owned) (nullable) */
  P2pStream *far[2];  /* (owned) (nullable) */
  P2pWait items[2];
  unsigned n_items;
  _Atomic unsigned n_runs;
  _Atomic unsigned wake;
} WaiterFixture;

/* On one stream, or two when second is not NULL. */
void waiter_fixture_init (WaiterFixture *fix, const StreamPairs *first, const StreamPairs *second);
/* Stops the pool, which wakes what is parked. */
void waiter_fixture_done (WaiterFixture *fix);
void waiter_fixture_park (WaiterFixture *fix, int64_t deadline_us);
/* Waits until it has been woken n_runs times in all, the last time like this. */
void waiter_fixture_expect (WaiterFixture *fix, unsigned n_runs, P2pWake wake);
/* The object anew, with the same pool and streams. */
void waiter_fixture_again (WaiterFixture *fix);

P2pPool *waiter_fixture_pool (unsigned threads_max);

void put_byte (P2pStream *strm);
void get_byte (P2pStream *strm);
