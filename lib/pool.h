/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Worker pool: threads that run tasks, and one of them at a time waits in epoll for what is parked
 * (the waiter's role, see doc/architecture.md). Each kind of work (public, tunnel, management) has
 * a pool of its own, so that none can starve another.
 *
 * Any thread may submit and park. A task runs on exactly one worker at a time. */
#pragma once

#include "lib/stream.h"

#include <glib.h>

typedef struct P2pPool P2pPool;
typedef struct P2pTask P2pTask;
typedef struct P2pParked P2pParked;

struct P2pTask
{
  void (*run) (P2pTask *task);
  P2pTask *next;        /* (pool) */
  int64_t queued_at_us; /* (pool) */
};

typedef struct
{
  const char *name; /* (static) for thread names and the watchdog's log, at most 10 characters */
  unsigned threads_min; /* kept when idle */
  unsigned threads_max;
  unsigned queue_max;   /* tasks that wait; p2p_pool_is_full () beyond */
  int64_t idle_ms;      /* a thread idle for longer ends; 30 000 */
  unsigned n_lanes;     /* pools that share the processors with it, itself included; 0: alone */
} P2pPoolOptions;

P2pPool *p2p_pool_new (const P2pPoolOptions *options, GError **error);

const char *p2p_pool_get_name (P2pPool *pool);

/* Never fails and never blocks; who accepts new work from peers asks p2p_pool_is_full () first.
 * After p2p_pool_stop () has begun tasks still run, until the pool is empty. */
void p2p_pool_submit (P2pPool *pool, P2pTask *task);

/* Around a call that sleeps until a peer says something, or somebody else: when all workers that
 * run a task sleep so, another one comes for the pool's work at once. Nothing on other threads;
 * errno stays. */
void p2p_pool_sleep_begin (void);
void p2p_pool_sleep_end (void);

/* On a worker behind whose task others wait: true, and func (data) is called on this thread when
 * those have run, 250 us from now at most if none of them takes longer, and before the thread
 * sleeps; no lock is held then. *ret_known: it was put off before, and is called once for both.
 * False, and *ret_known untouched: the caller does it now. */
typedef void (*P2pLaterFunc) (void *data);
bool p2p_pool_later (P2pLaterFunc func, void *data, bool *ret_known);
/* Calls what this thread has put off: before it waits for something that depends on it. No lock may
 * be held that those take. */
void p2p_pool_do_later (void);
/* The same, if its time has come: in the loop of a task that moves bytes for as long as its peers
 * have and take some, which may be seconds without a sleep. */
void p2p_pool_do_overdue (void);

/* No worker is free, no thread can be made, and the queue is at its limit. */
bool p2p_pool_is_full (P2pPool *pool);

typedef struct
{
  unsigned threads, idle, queued, parked;
  uint64_t tasks_done;
} P2pPoolStats;
P2pPoolStats p2p_pool_get_stats (P2pPool *pool);

/* True when the queue has been non-empty without any task taken for longer than limit_ms: the
 * watchdog asks. */
bool p2p_pool_is_stuck (P2pPool *pool, int64_t limit_ms);

/* What the pool's threads run at this moment: for the watchdog's log. */
typedef struct
{
  void (*run) (P2pTask *task);
  int64_t since_us;
} P2pPoolBusy;
typedef void (*P2pPoolBusyFunc) (const P2pPoolBusy *busy, void *data);
void p2p_pool_foreach_busy (P2pPool *pool, P2pPoolBusyFunc func, void *data);

/* All parked objects wake with P2P_WAKE_STOP, from now on every park wakes at once so; then waits
 * until every task is done, or the deadline; false: the deadline passed and tasks still run. */
bool p2p_pool_stop (P2pPool *pool, int64_t deadline_us);
/* Joins the threads: after p2p_pool_stop () answered true. */
void p2p_pool_free (P2pPool *pool);

typedef enum
{
  P2P_WAKE_READY,   /* what was wanted is there, or a hang-up, or perhaps nothing (a hint) */
  P2P_WAKE_TIMEOUT, /* the deadline passed */
  P2P_WAKE_STOP,    /* the pool is ending, or p2p_parked_kick () was called */
} P2pWake;

/* An object that can be parked: put one inside the connection. While parked it belongs to the pool
 * alone: nobody reads, writes, closes or frees it or its streams until run () is called, exactly
 * once for each park. */
struct P2pParked
{
  void (*run) (P2pParked *parked, P2pWake wake);
  P2pPool *pool; /* (borrowed) */
  struct P2pSlot *slot; /* (pool) */
  P2pTask task;         /* (pool) */
  P2pWake wake;         /* (pool) */
};

void
p2p_parked_init (P2pParked *parked, P2pPool *pool, void (*run) (P2pParked *parked, P2pWake wake));
/* Not while parked. Must be called before the streams it was parked with are closed. */
void p2p_parked_done (P2pParked *parked);

/* Parks until the first item (at most two, as in p2p_stream_wait ()) is ready, the deadline passes
 * or the pool stops. The layers are asked from the top for bytes they hold; any yes is a task at
 * once. The caller must not touch the object afterwards: another worker may have it already. The
 * items are copied. */
void p2p_park (P2pParked *parked, const P2pWait *items, unsigned n_items, int64_t deadline_us);

/* Between the two what this thread wakes by ringing the bells of streams is kept, and then queued
 * together: one wake-up for what arrived together. Not nested. */
void p2p_parked_collect_begin (void);
void p2p_parked_collect_end (void);

/* Wakes a parked object with P2P_WAKE_STOP; nothing if it is not parked. The caller guarantees that
 * it is not freed meanwhile. Any thread. */
void p2p_parked_kick (P2pParked *parked);
