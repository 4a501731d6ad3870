/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Mutexes and conditions. Debug mode keeps, for each thread, a list of the classes that it holds.
 */
#include "lib/lock.h"

#include "lib/clock.h"

#include <errno.h>
#include <glib.h>
#include <stdlib.h>

#define MAX_HELD 16

static bool debug; /* written once, before the first thread */

static _Thread_local struct
{
  P2pMutex *locks[MAX_HELD];
  unsigned n;
} held;

static const char *
class_name (P2pLockClass lock_class)
{
  static const char *const names[] = {
#define P2P_LOCK_CLASS(name, what) #name,
#include "lib/lock-classes.inc"
#undef P2P_LOCK_CLASS
  };

  return names[lock_class];
}

void
p2p_pthread_check (int error, const char *call)
{
  if (G_UNLIKELY (error != 0))
    g_error ("%s: %s", call, g_strerror (error));
}

void
p2p_lock_setup (void)
{
  debug = g_strcmp0 (g_getenv ("P2P_LOCK_DEBUG"), "1") == 0;
}

void
p2p_mutex_init (P2pMutex *lock, P2pLockClass lock_class)
{
  pthread_mutexattr_t attr;

  *lock = (P2pMutex){ .lock_class = lock_class };
  P2P_PTHREAD (pthread_mutexattr_init (&attr));
  P2P_PTHREAD (pthread_mutexattr_settype (&attr, debug ? PTHREAD_MUTEX_ERRORCHECK
                                                       : PTHREAD_MUTEX_NORMAL));
  P2P_PTHREAD (pthread_mutex_init (&lock->mutex, &attr));
  P2P_PTHREAD (pthread_mutexattr_destroy (&attr));
}

void
p2p_mutex_done (P2pMutex *lock)
{
  P2P_PTHREAD (pthread_mutex_destroy (&lock->mutex));
}

static void
check_order (const P2pMutex *lock)
{
  for (unsigned i = 0; i < held.n; i++)
    if (held.locks[i]->lock_class >= lock->lock_class)
      g_error ("lock order: %s taken while %s is held", class_name (lock->lock_class),
               class_name (held.locks[i]->lock_class));
}

static void
note_taken (P2pMutex *lock)
{
  g_assert (held.n < MAX_HELD);
  held.locks[held.n++] = lock;
  lock->owner = pthread_self ();
  lock->held = true;
}

static void
note_given (P2pMutex *lock)
{
  lock->held = false;
  for (unsigned i = held.n; i > 0; i--)
    if (held.locks[i - 1] == lock)
      {
        held.locks[i - 1] = held.locks[--held.n];
        return;
      }
  g_error ("lock %s given back by a thread that does not hold it", class_name (lock->lock_class));
}

void
p2p_mutex_lock (P2pMutex *lock)
{
  if (debug)
    check_order (lock);
  P2P_PTHREAD (pthread_mutex_lock (&lock->mutex));
  if (debug)
    note_taken (lock);
}

bool
p2p_mutex_trylock (P2pMutex *lock)
{
  int error = pthread_mutex_trylock (&lock->mutex);

  if (error == EBUSY)
    return false;
  p2p_pthread_check (error, "pthread_mutex_trylock");
  if (debug)
    note_taken (lock);
  return true;
}

void
p2p_mutex_unlock (P2pMutex *lock)
{
  if (debug)
    note_given (lock);
  P2P_PTHREAD (pthread_mutex_unlock (&lock->mutex));
}

void
p2p_lock_assert_held (P2pMutex *lock)
{
  if (debug)
    g_assert (lock->held && pthread_equal (lock->owner, pthread_self ()));
}

void
p2p_cond_init (pthread_cond_t *cond)
{
  pthread_condattr_t attr;

  P2P_PTHREAD (pthread_condattr_init (&attr));
  P2P_PTHREAD (pthread_condattr_setclock (&attr, CLOCK_MONOTONIC));
  P2P_PTHREAD (pthread_cond_init (cond, &attr));
  P2P_PTHREAD (pthread_condattr_destroy (&attr));
}

void
p2p_cond_done (pthread_cond_t *cond)
{
  P2P_PTHREAD (pthread_cond_destroy (cond));
}

void
p2p_cond_signal (pthread_cond_t *cond)
{
  P2P_PTHREAD (pthread_cond_signal (cond));
}

void
p2p_cond_broadcast (pthread_cond_t *cond)
{
  P2P_PTHREAD (pthread_cond_broadcast (cond));
}

bool
p2p_cond_wait (pthread_cond_t *cond, P2pMutex *lock, int64_t deadline_us)
{
  struct timespec until = p2p_deadline_timespec (deadline_us);
  int error;

  if (debug)
    note_given (lock);
  if (deadline_us == P2P_FOREVER)
    error = pthread_cond_wait (cond, &lock->mutex);
  else
    error = pthread_cond_timedwait (cond, &lock->mutex, &until);
  if (debug)
    note_taken (lock);
  if (error == ETIMEDOUT)
    return false;
  p2p_pthread_check (error, "pthread_cond_timedwait");
  return true;
}
