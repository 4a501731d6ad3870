/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The waiter's role: one worker at a time waits in epoll, for descriptors, deadlines and the kick,
 * and takes out a batch. Only the holder of the role enters p2p_waiter_wait (); any thread may
 * kick. */
#include "lib/pool-priv.h"

#include "lib/fd.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define KICK UINT64_MAX /* no descriptor has this number */

bool
p2p_waiter_init (P2pPool *pool, GError **error)
{
  struct epoll_event event = { .events = EPOLLIN, .data.u64 = KICK };

  pool->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  pool->kick_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (pool->epoll_fd >= 0 && pool->kick_fd >= 0
      && epoll_ctl (pool->epoll_fd, EPOLL_CTL_ADD, pool->kick_fd, &event) == 0)
    return true;
  g_set_error (error, G_FILE_ERROR, g_file_error_from_errno (errno), "pool '%s': epoll: %s",
               pool->options.name, g_strerror (errno));
  return false;
}

void
p2p_waiter_done (P2pPool *pool)
{
  p2p_fd_close (&pool->kick_fd);
  p2p_fd_close (&pool->epoll_fd);
}

void
p2p_waiter_kick (P2pPool *pool)
{
  uint64_t one = 1;

  /* EAGAIN: the counter is full, so the descriptor is readable anyway. */
  (void) !write (pool->kick_fd, &one, sizeof one);
}

static void
drain_kick (P2pPool *pool)
{
  uint64_t count;

  /* EAGAIN: drained already. */
  (void) !read (pool->kick_fd, &count, sizeof count);
}

/* Says until when the holder waits. Who moves the earliest deadline stores it first and reads
 * waiting_us then, the holder the other way round: so one of the two sees the other. */
static int
announce_wait (P2pPool *pool)
{
  int64_t next_us = atomic_load (&pool->deadlines.next_us);
  int64_t again_us;

  for (;; next_us = again_us)
    {
      atomic_store (&pool->deadlines.waiting_us, next_us);
      again_us = atomic_load (&pool->deadlines.next_us);
      if (again_us == next_us)
        return p2p_deadline_poll_ms (next_us);
    }
}

int64_t
p2p_waiter_wait (P2pPool *pool, bool poll_only, P2pTaskList *list)
{
  struct epoll_event events[P2P_POOL_BATCH];
  int timeout_ms = poll_only ? 0 : announce_wait (pool);
  int n = epoll_wait (pool->epoll_fd, events, P2P_POOL_BATCH, timeout_ms);
  int64_t now_us = p2p_now_us ();

  atomic_store_explicit (&pool->deadlines.waiting_us, 0, memory_order_relaxed);
  g_assert (n >= 0 || errno == EINTR);
  for (int i = 0; i < n; i++)
    {
      uint64_t id = events[i].data.u64, waiter;
      P2pSlot *slot;

      if (id == KICK)
        {
          drain_kick (pool);
          continue;
        }
      if (!p2p_watch_note (id, events[i].events, &waiter))
        continue;
      slot = p2p_slots_get (pool, (uint32_t) waiter & P2P_SLOT_INDEX_MASK);
      if (!p2p_slot_wake (slot, (uint32_t) (waiter >> 32), P2P_WAKE_READY))
        continue;
      slot->parked->task.queued_at_us = now_us;
      p2p_task_list_append (list, &slot->parked->task);
    }
  if (atomic_load_explicit (&pool->deadlines.next_us, memory_order_relaxed) <= now_us)
    p2p_deadlines_advance (pool, now_us, list);
  return now_us;
}
