/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Overlapping tries. The table of them is the main thread's; what their threads share with it is
 * guarded by dials.lock. See dials.h. */
#include "agent/dials.h"

#include "lib/lock.h"

#include <glib.h>
#include <pthread.h>

#define DIAL_MS 10000
#define DIALS_MAX 12
#define STACK_SIZE ((size_t) 256 << 10)

typedef struct
{
  pthread_t thread;
  DialStop stop;
  unsigned first_address; /* constant; see dial_connect () */
  DialOutcome outcome; /* its thread's until over */
  bool over;           /* (lock: dials) */
  bool forgotten;      /* (lock: dials) */
} Try;

static struct
{
  void (*ring) (void);
  Try *tries[DIALS_MAX]; /* the main thread's (owned) (nullable) */
  unsigned first_address; /* the main thread's: of the next try */

  P2pMutex lock;
  pthread_cond_t turn;
  Try *asking; /* (lock) (borrowed) (nullable) */
  bool won;    /* (lock) one is through: the others need not ask */
} dials;

/* --- on the tries' threads -------------------------------------------------------------------- */

/* False: nobody waits for this try any more, and nothing is heard of it. */
static bool
await_turn (Try *try, int64_t deadline_us)
{
  bool in_time = true;
  P2P_LOCKED (&dials.lock);

  while (in_time && !try->forgotten && !dials.won && dials.asking && !dials.asking->forgotten)
    in_time = p2p_cond_wait (&dials.turn, &dials.lock, deadline_us);
  if (!in_time || dials.won)
    try->forgotten = true;
  if (!try->forgotten)
    dials.asking = try;
  return !try->forgotten;
}

static void
end_turn (Try *try)
{
  P2P_LOCKED (&dials.lock);

  if (dials.asking != try)
    return;
  dials.asking = NULL;
  dials.won = try->outcome.result == DIAL_OK && !try->forgotten;
  p2p_cond_broadcast (&dials.turn);
}

static void
run (Try *try)
{
  int64_t deadline_us = p2p_deadline_ms (DIAL_MS);
  DialOutcome *outcome = &try->outcome;
  P2pStream *strm = NULL;

  outcome->result = DIAL_FAILED;
  if (dial_connect (&strm, &try->stop, try->first_address, deadline_us, &outcome->why) != P2P_IO_OK)
    return;
  if (await_turn (try, deadline_us))
    {
      outcome->result = dial_ask (strm, deadline_us, &outcome->why);
      end_turn (try);
    }
  if (outcome->result == DIAL_OK)
    outcome->strm = strm;
  else
    dial_close (strm, &try->stop);
}

static void *
try_main (void *data)
{
  Try *try = data;

  (void) pthread_setname_np (pthread_self (), "dial"); /* for people only */
  run (try);
  p2p_mutex_lock (&dials.lock);
  try->over = true;
  p2p_mutex_unlock (&dials.lock);
  dials.ring ();
  return NULL;
}

/* --- the main thread -------------------------------------------------------------------------- */

void
dials_init (void (*ring) (void))
{
  dials.ring = ring;
  p2p_mutex_init (&dials.lock, P2P_LOCK_LEAF);
  p2p_cond_init (&dials.turn);
}

static bool
start_thread (Try *try)
{
  pthread_attr_t attr;
  int failure;

  P2P_PTHREAD (pthread_attr_init (&attr));
  P2P_PTHREAD (pthread_attr_setstacksize (&attr, STACK_SIZE));
  failure = pthread_create (&try->thread, &attr, try_main, try);
  P2P_PTHREAD (pthread_attr_destroy (&attr));
  return failure == 0;
}

bool
dials_start (void)
{
  Try **slot = NULL, *try;

  for (unsigned i = 0; i < DIALS_MAX && !slot; i++)
    if (!dials.tries[i])
      slot = &dials.tries[i];
  if (!slot)
    return false;
  try = g_new0 (Try, 1);
  try->first_address = dials.first_address;
  if (dial_stop_init (&try->stop))
    {
      if (start_thread (try))
        {
          dials.first_address++;
          *slot = try;
          return true;
        }
      dial_stop_done (&try->stop);
    }
  g_free (try);
  return false;
}

bool
dials_are_under_way (void)
{
  P2P_LOCKED (&dials.lock);

  for (unsigned i = 0; i < DIALS_MAX; i++)
    if (dials.tries[i] && !dials.tries[i]->over && !dials.tries[i]->forgotten)
      return true;
  return false;
}

void
dials_stop (void)
{
  p2p_mutex_lock (&dials.lock);
  for (unsigned i = 0; i < DIALS_MAX; i++)
    if (dials.tries[i])
      dials.tries[i]->forgotten = true;
  dials.won = false;
  p2p_cond_broadcast (&dials.turn);
  p2p_mutex_unlock (&dials.lock);
  for (unsigned i = 0; i < DIALS_MAX; i++)
    if (dials.tries[i])
      dial_stop (&dials.tries[i]->stop);
}

static bool
is_over (Try *try, bool *ret_forgotten)
{
  P2P_LOCKED (&dials.lock);

  *ret_forgotten = try->forgotten;
  return try->over;
}

/* Joins it and takes what it left. */
static DialOutcome
free_try (Try **slot)
{
  Try *try = g_steal_pointer (slot);
  DialOutcome outcome;

  P2P_PTHREAD (pthread_join (try->thread, NULL));
  outcome = try->outcome;
  dial_stop_done (&try->stop);
  g_free (try);
  return outcome;
}

static void
throw_away (DialOutcome outcome)
{
  p2p_stream_close (outcome.strm);
  g_free (outcome.why);
}

/* The next one begins where this one got through. */
static void
note_win (unsigned first_address)
{
  dials.first_address = first_address;
  atomic_store (&agent.first_address, first_address);
  dials_stop ();
}

bool
dials_take (DialOutcome *ret_outcome)
{
  for (unsigned i = 0; i < DIALS_MAX; i++)
    {
      bool forgotten;
      unsigned first_address;

      if (!dials.tries[i] || !is_over (dials.tries[i], &forgotten))
        continue;
      if (forgotten)
        {
          throw_away (free_try (&dials.tries[i]));
          continue;
        }
      first_address = dials.tries[i]->first_address;
      *ret_outcome = free_try (&dials.tries[i]);
      if (ret_outcome->result == DIAL_OK)
        note_win (first_address);
      return true;
    }
  return false;
}

void
dials_done (void)
{
  dials_stop ();
  for (unsigned i = 0; i < DIALS_MAX; i++)
    if (dials.tries[i])
      throw_away (free_try (&dials.tries[i]));
  p2p_cond_done (&dials.turn);
  p2p_mutex_done (&dials.lock);
}
