/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Mutexes and conditions: pthread ones with a class from lock-classes.inc. The order of that table
 * is the lock order. Error checking and order recording are on when P2P_LOCK_DEBUG=1 is in the
 * environment at p2p_lock_setup () (the tests set it): taking a lock against the order then aborts
 * with both names. Not GMutex: its futex is invisible to TSan. Conditions wait on CLOCK_MONOTONIC.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum
{
#define P2P_LOCK_CLASS(name, what) P2P_LOCK_##name,
#include "lib/lock-classes.inc"
#undef P2P_LOCK_CLASS
  P2P_LOCK_N_CLASSES
} P2pLockClass;

typedef struct
{
  pthread_mutex_t mutex;
  P2pLockClass lock_class;
  pthread_t owner; /* only meaningful while held, and only in debug mode */
  bool held;
} P2pMutex;

/* Once, before the first thread. Without a call the debug mode is off. */
void p2p_lock_setup (void);

void p2p_mutex_init (P2pMutex *lock, P2pLockClass lock_class);
void p2p_mutex_done (P2pMutex *lock);
void p2p_mutex_lock (P2pMutex *lock);
bool p2p_mutex_trylock (P2pMutex *lock);
void p2p_mutex_unlock (P2pMutex *lock);
/* Aborts in debug mode unless the calling thread holds it. */
void p2p_lock_assert_held (P2pMutex *lock);

void p2p_cond_init (pthread_cond_t *cond);
void p2p_cond_done (pthread_cond_t *cond);
void p2p_cond_signal (pthread_cond_t *cond);
void p2p_cond_broadcast (pthread_cond_t *cond);
/* Waits until signalled or until deadline_us (see clock.h); false when the deadline passed. */
bool p2p_cond_wait (pthread_cond_t *cond, P2pMutex *lock, int64_t deadline_us);

/* The one checking macro for pthread calls: any error of theirs is a bug of ours. */
#define P2P_PTHREAD(call) p2p_pthread_check ((call), #call)
void p2p_pthread_check (int error, const char *call);

typedef P2pMutex P2pMutexLocker;
static inline P2pMutexLocker *
p2p_mutex_locker_new (P2pMutex *lock)
{
  p2p_mutex_lock (lock);
  return lock;
}
static inline void
p2p_mutex_locker_free (P2pMutexLocker **lock)
{
  if (*lock)
    p2p_mutex_unlock (*lock);
}
/* P2P_LOCKED (&self->lock); holds it to the end of the enclosing block. */
#define P2P_LOCKED_NAME(line) locker_##line
#define P2P_LOCKED_LINE(lock, line)                                                                \
  __attribute__ ((cleanup (p2p_mutex_locker_free), unused)) P2pMutexLocker *P2P_LOCKED_NAME (line) \
      = p2p_mutex_locker_new (lock)
#define P2P_LOCKED_EXPAND(lock, line) P2P_LOCKED_LINE (lock, line)
#define P2P_LOCKED(lock) P2P_LOCKED_EXPAND (lock, __LINE__)
