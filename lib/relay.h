/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Relay: two streams joined (an upgraded connection, an agent's stream and its origin). Both
 * directions run at the same time in one worker, each with a bounded buffer of its own, half-close
 * kept. After 200 ms without a byte, or at once when others wait already, the relay parks and holds
 * neither a worker nor a buffer. */
#pragma once

#include "lib/pool.h"
#include "lib/stream.h"

#include <stdatomic.h>

typedef struct P2pRelay P2pRelay;

typedef struct
{
  uint64_t a_to_b_bytes, b_to_a_bytes;
  P2pIo end; /* P2P_IO_EOF: both directions ended in order */
} P2pRelayResult;

typedef struct
{
  P2pPool *pool;         /* (borrowed) where it goes on after parking (nullable: never parks) */
  int64_t idle_ms;       /* ends after so long without a byte; 0: never */
  /* When it has lived for so long, the kernel asks from time to time whether the peers are there
   * still: one that is idle for days must not stay when they are not. Eight system calls. */
  int64_t watch_after_ms;
  int64_t write_stall_ms; /* ends when one side takes no byte for so long while some wait for it */
  /* That is for b alone: a is a tunnel's stream, whose other end judges its readers itself and takes
   * from it in large pieces. */
  bool a_may_stall;
  bool a_aborts; /* a failure of a ends it at once, even while b takes nothing: what a said is not
                    wanted any more */
  const atomic_bool *stop; /* (borrowed) (nullable) ends it soon once true, even while bytes move */
  /* Both streams are closed already. Called once, on a worker. (nullable) */
  void (*done) (const P2pRelayResult *result, void *data);
  void *data;
} P2pRelayOptions;

/* Takes over both streams and runs the relay on the calling worker until it ends or parks. early_a
 * and early_b are bytes already read from a and b (copied). */
void p2p_relay_run (P2pStream *take_a,
                    P2pSpan early_a,
                    P2pStream *take_b,
                    P2pSpan early_b,
                    const P2pRelayOptions *options);
