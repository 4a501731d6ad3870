/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Parking: the places (slots) of parked objects and the protocol by which one is taken out exactly
 * once.
 *
 * Descriptors, deadlines, bells, kicks and the pool's stop all go through p2p_slot_wake (): one
 * compare-and-swap PARKED → QUEUED, and the winner queues the object. A wake that comes while
 * p2p_park () is still arming (a frame between the question and the registration, or the second
 * item of two) leaves a mark ARMING → RUNG instead, and p2p_park () makes the task: nobody else can
 * have the object while its streams are being armed. The word's generation counts parks, so that an
 * event of an earlier park, or of a connection that is gone, wakes nobody.
 *
 * Any thread parks what it owns; any thread wakes. pool->lock guards the free list and the table of
 * chunks. */
#include "lib/pool-priv.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
make_word (uint32_t generation, P2pWake wake, P2pSlotState state)
{
  return (uint64_t) generation << 32 | (uint64_t) wake << 8 | state;
}

static P2pWake
word_wake (uint64_t word)
{
  return (P2pWake) (word >> 8 & 0xff);
}

/* Slots --------------------------------------------------------------------------------------- */

void
p2p_slots_init (P2pPool *pool)
{
  pool->slots.chunks = calloc (P2P_SLOT_MAX_CHUNKS, sizeof *pool->slots.chunks);
  g_assert (pool->slots.chunks);
}

void
p2p_slots_done (P2pPool *pool)
{
  g_assert (pool->slots.n_used == 0); /* an object was not p2p_parked_done () */
  for (unsigned i = 0; i < pool->slots.n_chunks; i++)
    free (atomic_load_explicit (&pool->slots.chunks[i], memory_order_relaxed));
  free (pool->slots.chunks);
}

P2pSlot *
p2p_slots_get (P2pPool *pool, uint32_t index)
{
  return &atomic_load_explicit (&pool->slots.chunks[index / P2P_SLOT_CHUNK],
                                memory_order_acquire)[index % P2P_SLOT_CHUNK];
}

static _Thread_local bool collecting;
static _Thread_local P2pTaskList collected; /* each is a P2pParked's */

static void
ring_cb (P2pBell *bell)
{
  P2pSlot *slot = (P2pSlot *) ((char *) bell - offsetof (P2pSlot, bell));
  uint32_t generation = p2p_slot_generation (atomic_load (&slot->word));

  /* No ring comes after disarming, so this park is the one that it is meant for. */
  if (!p2p_slot_wake (slot, generation, P2P_WAKE_READY))
    return;
  if (collecting)
    p2p_task_list_append (&collected, &slot->parked->task);
  else
    p2p_pool_submit (slot->pool, &slot->parked->task);
}

void
p2p_parked_collect_begin (void)
{
  g_assert (!collecting);
  collecting = true;
}

static P2pPool *
pool_of (P2pTask *task)
{
  return ((P2pParked *) ((char *) task - offsetof (P2pParked, task)))->pool;
}

/* Moves the first one's pool's from *list to *ret_same. */
static P2pPool *
take_one_pool (P2pTaskList *list, P2pTaskList *ret_same)
{
  P2pTaskList others = { NULL, NULL, 0 };
  P2pPool *pool = pool_of (list->head);
  int64_t now_us = p2p_now_us ();

  *ret_same = (P2pTaskList){ NULL, NULL, 0 };
  for (P2pTask *task = list->head, *next; task; task = next)
    {
      next = task->next;
      task->queued_at_us = now_us;
      p2p_task_list_append (pool_of (task) == pool ? ret_same : &others, task);
    }
  *list = others;
  return pool;
}

void
p2p_parked_collect_end (void)
{
  P2pTaskList list = collected, same;

  collecting = false;
  collected = (P2pTaskList){ NULL, NULL, 0 };
  while (list.head)
    {
      P2pPool *pool = take_one_pool (&list, &same);

      p2p_pool_submit_all (pool, &same);
    }
}

static P2pSlot *
new_chunk (P2pPool *pool, uint32_t first_index)
{
  P2pSlot *chunk = aligned_alloc (_Alignof (P2pSlot), sizeof (P2pSlot) * P2P_SLOT_CHUNK);

  g_assert (chunk); /* as g_malloc () */
  for (unsigned i = 0; i < P2P_SLOT_CHUNK; i++)
    {
      P2pSlot *slot = &chunk[i];

      memset (slot, 0, sizeof *slot);
      slot->bell.ring = ring_cb;
      slot->pool = pool;
      slot->index = first_index + i;
      slot->next_free = i + 1 < P2P_SLOT_CHUNK ? slot + 1 : NULL;
      atomic_init (&slot->deadline_us, P2P_FOREVER);
      atomic_init (&slot->due_us, P2P_FOREVER);
    }
  return chunk;
}

static void
add_chunk (P2pPool *pool)
{
  P2pSlot *chunk;
  unsigned i;

  /* Before the lock: TIMERS stands above POOL. Perhaps more than is needed then, which does no
   * harm. */
  p2p_deadlines_reserve (pool, P2P_SLOT_CHUNK);
  p2p_mutex_lock (&pool->lock);
  i = pool->slots.n_chunks++;
  g_assert (i < P2P_SLOT_MAX_CHUNKS); /* a million objects: descriptors end long before */
  chunk = new_chunk (pool, i * P2P_SLOT_CHUNK);
  chunk[P2P_SLOT_CHUNK - 1].next_free = pool->slots.free;
  pool->slots.free = chunk;
  atomic_store_explicit (&pool->slots.chunks[i], chunk, memory_order_release);
  p2p_mutex_unlock (&pool->lock);
}

static P2pSlot *
take_slot (P2pPool *pool)
{
  for (;; add_chunk (pool))
    {
      P2P_LOCKED (&pool->lock);
      P2pSlot *slot = pool->slots.free;

      if (!slot)
        continue;
      pool->slots.free = slot->next_free;
      slot->next_free = NULL;
      pool->slots.n_used++;
      return slot;
    }
}

/* Waking -------------------------------------------------------------------------------------- */

bool
p2p_slot_wake (P2pSlot *slot, uint32_t generation, P2pWake wake)
{
  uint64_t word = atomic_load (&slot->word);

  for (;;)
    {
      P2pSlotState state = p2p_slot_state (word);

      if (p2p_slot_generation (word) != generation)
        return false;
      if (state == P2P_SLOT_PARKED)
        {
          if (!atomic_compare_exchange_weak (&slot->word, &word,
                                             make_word (generation, wake, P2P_SLOT_QUEUED)))
            continue;
          slot->parked->wake = wake;
          atomic_fetch_sub_explicit (&slot->pool->n_parked, 1, memory_order_relaxed);
          return true;
        }
      if (state != P2P_SLOT_ARMING)
        return false;
      if (atomic_compare_exchange_weak (&slot->word, &word,
                                        make_word (generation, wake, P2P_SLOT_RUNG)))
        return false;
    }
}

void
p2p_slots_stop (P2pPool *pool, P2pTaskList *list)
{
  int64_t now_us = p2p_now_us ();
  unsigned n_chunks;

  p2p_mutex_lock (&pool->lock);
  n_chunks = pool->slots.n_chunks;
  p2p_mutex_unlock (&pool->lock);
  for (uint32_t i = 0; i < n_chunks * P2P_SLOT_CHUNK; i++)
    {
      P2pSlot *slot = p2p_slots_get (pool, i);

      if (!p2p_slot_wake (slot, p2p_slot_generation (atomic_load (&slot->word)), P2P_WAKE_STOP))
        continue;
      slot->parked->task.queued_at_us = now_us;
      p2p_task_list_append (list, &slot->parked->task);
    }
}

static void
run_cb (P2pTask *task)
{
  P2pParked *parked = (P2pParked *) ((char *) task - offsetof (P2pParked, task));
  P2pSlot *slot = parked->slot;
  uint64_t word = atomic_load_explicit (&slot->word, memory_order_relaxed);

  g_assert (p2p_slot_state (word) == P2P_SLOT_QUEUED);
  atomic_store_explicit (&slot->word, make_word (p2p_slot_generation (word), 0, P2P_SLOT_IDLE),
                         memory_order_relaxed);
  for (unsigned i = 0; i < G_N_ELEMENTS (slot->armed); i++)
    if (slot->armed[i])
      {
        P2pStream *strm = slot->armed[i];

        slot->armed[i] = NULL;
        strm->ops->disarm (strm);
      }
  parked->run (parked, parked->wake);
}

/* Parking ------------------------------------------------------------------------------------- */

void
p2p_parked_init (P2pParked *parked, P2pPool *pool, void (*run) (P2pParked *parked, P2pWake wake))
{
  P2pSlot *slot = take_slot (pool);

  *parked = (P2pParked){ .run = run, .pool = pool, .slot = slot, .task = { .run = run_cb } };
  slot->parked = parked;
}

void
p2p_parked_done (P2pParked *parked)
{
  P2pSlot *slot = parked->slot;
  P2pPool *pool = parked->pool;

  if (!slot)
    return;
  g_assert (p2p_slot_state (atomic_load (&slot->word)) == P2P_SLOT_IDLE);
  p2p_deadlines_remove (pool, slot);
  atomic_store (&slot->deadline_us, P2P_FOREVER);
  slot->parked = NULL;
  parked->slot = NULL;
  P2P_LOCKED (&pool->lock);
  slot->next_free = pool->slots.free;
  pool->slots.free = slot;
  pool->slots.n_used--;
}

/* True: nothing is ready and everything is armed. False: *ret_wake says why not. */
static bool
arm_items (P2pSlot *slot,
           const P2pWait *items,
           unsigned n_items,
           uint32_t generation,
           P2pWake *ret_wake)
{
  P2pArm arms[2] = { { .fd = -1 }, { .fd = -1 } };

  *ret_wake = P2P_WAKE_READY;
  for (unsigned i = 0; i < n_items; i++)
    {
      P2pStream *strm = items[i].strm;

      if (!strm)
        continue;
      if (strm->ops->arm (strm, items[i].want, &slot->bell, &arms[i]) != 0)
        return false;
      slot->armed[i] = strm;
    }
  if (arms[0].fd >= 0 && arms[0].fd == arms[1].fd)
    {
      arms[0].events |= arms[1].events;
      arms[1].fd = -1;
    }
  for (unsigned i = 0; i < n_items; i++)
    if (arms[i].fd >= 0
        && !p2p_watch_arm (arms[i].watched, slot->pool->epoll_fd, arms[i].fd, arms[i].events,
                           (uint64_t) generation << 32 | slot->index))
      {
        *ret_wake = P2P_WAKE_TIMEOUT; /* nobody would wake it, so it gives up now */
        return false;
      }
  return true;
}

/* p2p_pool_stop () sets stopping before it looks at the slots, and here the slot is ARMING before
 * stopping is read: one of the two sees the other. The same holds for the deadline, see
 * deadlines.c. */
void
p2p_park (P2pParked *parked, const P2pWait *items, unsigned n_items, int64_t deadline_us)
{
  P2pSlot *slot = parked->slot;
  P2pPool *pool = parked->pool;
  uint64_t word = atomic_load_explicit (&slot->word, memory_order_relaxed);
  uint32_t generation = p2p_slot_generation (word) + 1;
  P2pWake wake = P2P_WAKE_STOP;

  g_assert (n_items <= 2 && p2p_slot_state (word) == P2P_SLOT_IDLE);
  atomic_store_explicit (&slot->deadline_us, deadline_us, memory_order_relaxed);
  word = make_word (generation, P2P_WAKE_READY, P2P_SLOT_ARMING);
  atomic_store (&slot->word, word);
  if (deadline_us < atomic_load (&slot->due_us))
    p2p_deadlines_move (pool, slot, deadline_us);

  if (!atomic_load (&pool->stopping) && arm_items (slot, items, n_items, generation, &wake))
    {
      atomic_fetch_add_explicit (&pool->n_parked, 1, memory_order_relaxed);
      if (atomic_compare_exchange_strong (&slot->word, &word,
                                          make_word (generation, P2P_WAKE_READY, P2P_SLOT_PARKED)))
        return;
      atomic_fetch_sub_explicit (&pool->n_parked, 1, memory_order_relaxed);
      wake = word_wake (word);
    }
  word = atomic_exchange (&slot->word, make_word (generation, wake, P2P_SLOT_QUEUED));
  if (p2p_slot_state (word) == P2P_SLOT_RUNG && word_wake (word) == P2P_WAKE_STOP)
    wake = P2P_WAKE_STOP; /* a kick is not lost because bytes came as well */
  parked->wake = wake;
  p2p_pool_submit (pool, &parked->task);
}

void
p2p_parked_kick (P2pParked *parked)
{
  P2pSlot *slot = parked->slot;
  uint32_t generation = p2p_slot_generation (atomic_load (&slot->word));

  if (p2p_slot_wake (slot, generation, P2P_WAKE_STOP))
    p2p_pool_submit (parked->pool, &parked->task);
}
