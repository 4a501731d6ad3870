/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The deadlines of parked objects: a heap of slots by the time when each is to be looked at.
 *
 * Lazy: a slot stays in the heap as long as its object lives, and a park whose deadline is not
 * earlier than the slot's place only stores it. A connection that parks a thousand times in its 60
 * s of idle time-out is moved once. Any thread that owns a slot may move or remove it; the holder
 * of the waiter's role advances. deadlines.lock guards the heap. */
#include "lib/pool-priv.h"

/* When a slot is due whose object is not parked, or has no deadline, it is looked at again so much
 * later. */
#define LOOK_AGAIN_US (1000 * 1000)
#define LOOK_AT_LEAST_US (60 * LOOK_AGAIN_US)
#define LOOK_AT_MOST 256 /* in one turn of the role */

void
p2p_deadlines_init (P2pPool *pool)
{
  p2p_mutex_init (&pool->deadlines.lock, P2P_LOCK_TIMERS);
  atomic_init (&pool->deadlines.next_us, P2P_FOREVER);
  atomic_init (&pool->deadlines.waiting_us, 0);
}

void
p2p_deadlines_done (P2pPool *pool)
{
  g_assert (pool->deadlines.n == 0);
  g_free (pool->deadlines.heap);
  p2p_mutex_done (&pool->deadlines.lock);
}

void
p2p_deadlines_reserve (P2pPool *pool, unsigned n_slots)
{
  P2P_LOCKED (&pool->deadlines.lock);
  pool->deadlines.size += n_slots;
  pool->deadlines.heap = g_renew (P2pSlot *, pool->deadlines.heap, pool->deadlines.size);
}

static int64_t
due_us (P2pSlot *slot)
{
  return atomic_load_explicit (&slot->due_us, memory_order_relaxed);
}

static void
put_locked (P2pPool *pool, unsigned i, P2pSlot *slot)
{
  pool->deadlines.heap[i] = slot;
  slot->heap_index = i;
}

static void
sift_locked (P2pPool *pool, unsigned i, P2pSlot *slot)
{
  P2pSlot **heap = pool->deadlines.heap;
  unsigned n = pool->deadlines.n, child;

  for (; i > 0 && due_us (heap[(i - 1) / 2]) > due_us (slot); i = (i - 1) / 2)
    put_locked (pool, i, heap[(i - 1) / 2]);
  for (; (child = 2 * i + 1) < n; i = child)
    {
      if (child + 1 < n && due_us (heap[child + 1]) < due_us (heap[child]))
        child++;
      if (due_us (heap[child]) >= due_us (slot))
        break;
      put_locked (pool, i, heap[child]);
    }
  put_locked (pool, i, slot);
}

/* Sequentially consistent: see p2p_park () and announce_wait (). */
static int64_t
publish_next_locked (P2pPool *pool)
{
  int64_t next_us = pool->deadlines.n > 0 ? due_us (pool->deadlines.heap[0]) : P2P_FOREVER;

  if (next_us != atomic_load_explicit (&pool->deadlines.next_us, memory_order_relaxed))
    atomic_store (&pool->deadlines.next_us, next_us);
  return next_us;
}

void
p2p_deadlines_move (P2pPool *pool, P2pSlot *slot, int64_t deadline_us)
{
  int64_t next_us;

  p2p_mutex_lock (&pool->deadlines.lock);
  if (due_us (slot) == P2P_FOREVER)
    {
      g_assert (pool->deadlines.n < pool->deadlines.size);
      slot->heap_index = pool->deadlines.n++;
    }
  atomic_store (&slot->due_us, deadline_us);
  sift_locked (pool, slot->heap_index, slot);
  next_us = publish_next_locked (pool);
  p2p_mutex_unlock (&pool->deadlines.lock);
  if (next_us < atomic_load (&pool->deadlines.waiting_us))
    p2p_waiter_kick (pool);
}

void
p2p_deadlines_remove (P2pPool *pool, P2pSlot *slot)
{
  P2pSlot *last;

  P2P_LOCKED (&pool->deadlines.lock);
  if (due_us (slot) == P2P_FOREVER)
    return;
  last = pool->deadlines.heap[--pool->deadlines.n];
  if (last != slot)
    sift_locked (pool, slot->heap_index, last);
  atomic_store (&slot->due_us, P2P_FOREVER);
  (void) publish_next_locked (pool);
}

/* Wakes the object of a slot whose time has come, if its deadline has passed; answers when to look
 * again. The word is read before the deadline, so the deadline is that of the word's park or of a
 * later one, and then the wake fails. */
static int64_t
look_locked (P2pSlot *slot, uint64_t word, int64_t now_us, P2pTaskList *list)
{
  int64_t deadline_us = atomic_load (&slot->deadline_us);

  if (deadline_us > now_us)
    return MIN (deadline_us, now_us + LOOK_AT_LEAST_US);
  if (p2p_slot_wake (slot, p2p_slot_generation (word), P2P_WAKE_TIMEOUT))
    {
      slot->parked->task.queued_at_us = now_us;
      p2p_task_list_append (list, &slot->parked->task);
    }
  return now_us + LOOK_AGAIN_US;
}

/* p2p_park () stores the deadline, then the word, and then reads due_us; here due_us is stored
 * before the word is read again: so a park at the same time is seen by one of the two. */
static void
handle_due_locked (P2pSlot *slot, int64_t now_us, P2pTaskList *list)
{
  uint64_t word, again = atomic_load (&slot->word);

  do
    {
      word = again;
      atomic_store (&slot->due_us, look_locked (slot, word, now_us, list));
      again = atomic_load (&slot->word);
    }
  while (p2p_slot_generation (again) != p2p_slot_generation (word));
}

void
p2p_deadlines_advance (P2pPool *pool, int64_t now_us, P2pTaskList *list)
{
  P2P_LOCKED (&pool->deadlines.lock);
  for (unsigned i = 0; i < LOOK_AT_MOST && pool->deadlines.n > 0; i++)
    {
      P2pSlot *slot = pool->deadlines.heap[0];

      if (due_us (slot) > now_us)
        break;
      handle_due_locked (slot, now_us, list);
      sift_locked (pool, 0, slot);
    }
  (void) publish_next_locked (pool);
}
