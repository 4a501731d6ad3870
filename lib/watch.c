/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* See watch.h. The table grows by chunks, with one compare-and-swap each; a chunk is found without
 * a lock.
 *
 * Who arms stores the waiter first and looks at what was seen then; who notes does it the other way
 * round: so one of the two sees the other. Both may: the slot's own protocol takes the object out
 * once. What was seen is not taken away by asking anew, but by reading: until then every park asks.
 */
#include "lib/watch.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define CHUNK 1024
#define MAX_CHUNKS 1024 /* a million descriptors: the kernel's own limit of a process */
#define WATCHED_EVENTS (EPOLLET | EPOLLIN | EPOLLRDHUP)

static _Atomic (P2pWatch *) chunks[MAX_CHUNKS]; /* (owned) */

static P2pWatch *
add_chunk (unsigned i)
{
  P2pWatch *chunk = aligned_alloc (_Alignof (P2pWatch), sizeof (P2pWatch) * CHUNK), *other = NULL;

  g_assert (chunk); /* as g_malloc () */
  memset (chunk, 0, sizeof (P2pWatch) * CHUNK);
  if (atomic_compare_exchange_strong (&chunks[i], &other, chunk))
    return chunk;
  free (chunk);
  return other;
}

static P2pWatch *
find (uint32_t fd)
{
  P2pWatch *chunk = fd / CHUNK < MAX_CHUNKS
                        ? atomic_load_explicit (&chunks[fd / CHUNK], memory_order_acquire)
                        : NULL;

  return chunk ? &chunk[fd % CHUNK] : NULL;
}

/* A new generation: what is still on its way from another set, or for a descriptor that had this
 * number, is for nobody. */
static uint32_t
start (P2pWatched *watched, int fd)
{
  P2pWatch *watch = find ((uint32_t) fd);
  uint32_t generation;

  if (!watch && fd / CHUNK < MAX_CHUNKS)
    watch = &add_chunk ((unsigned) fd / CHUNK)[fd % CHUNK];
  g_assert (watch);
  generation = (uint32_t) (atomic_load (&watch->state) >> 32) + 1;
  atomic_store (&watch->state, (uint64_t) generation << 32);
  watched->watch = watch;
  return generation;
}

static struct epoll_event
make_event (uint32_t generation, int fd, uint32_t events)
{
  return (struct epoll_event){ .events = events,
                               .data.u64 = (uint64_t) generation << 32 | (uint32_t) fd };
}

static bool
join_set (P2pWatched *watched, int epoll_fd, int fd, uint32_t events, uint64_t waiter)
{
  struct epoll_event event;

  if (watched->epoll_fd >= 0)
    (void) epoll_ctl (watched->epoll_fd, EPOLL_CTL_DEL, fd, &event); /* that set may be gone */
  watched->epoll_fd = -1;
  event = make_event (start (watched, fd), fd, events);
  atomic_store (&watched->watch->waiter, waiter);
  if (epoll_ctl (epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0
      && (errno != EEXIST || epoll_ctl (epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0))
    {
      watched->watch = NULL;
      return false;
    }
  watched->epoll_fd = epoll_fd;
  watched->resting = false;
  return true;
}

/* The kernel reports at once what is there. */
static bool
look_anew (P2pWatched *watched, int fd, uint32_t events)
{
  uint32_t generation
      = (uint32_t) (atomic_load_explicit (&watched->watch->state, memory_order_relaxed) >> 32);
  struct epoll_event event = make_event (generation, fd, events);

  if (epoll_ctl (watched->epoll_fd, EPOLL_CTL_MOD, fd, &event) != 0)
    return false;
  watched->resting = false;
  return true;
}

static uint64_t
wanted_bits (short events)
{
  return P2P_WATCH_GONE | ((events & POLLIN) ? P2P_WATCH_IN | P2P_WATCH_LEFT : 0)
         | ((events & POLLOUT) ? P2P_WATCH_OUT : 0) | ((events & POLLRDHUP) ? P2P_WATCH_LEFT : 0);
}

bool
p2p_watch_arm (P2pWatched *watched, int epoll_fd, int fd, short events, uint64_t waiter)
{
  uint32_t reported = WATCHED_EVENTS | ((events & POLLOUT) ? EPOLLOUT : 0);

  waiter |= wanted_bits (events) << 24;
  if (watched->epoll_fd != epoll_fd)
    return join_set (watched, epoll_fd, fd, reported, waiter);
  atomic_store (&watched->watch->waiter, waiter);
  /* Room to write is asked for seldom, and not kept. */
  if (!(atomic_load (&watched->watch->state) & P2P_WATCH_KEPT) && !watched->unsure
      && !watched->resting && !(events & POLLOUT))
    return true;
  return look_anew (watched, fd, reported);
}

void
p2p_watch_rest (P2pWatched *watched, int fd)
{
  struct epoll_event event = make_event (0, fd, EPOLLET);

  if (!watched->watch || watched->resting)
    return;
  /* Generation 0 is nobody's, so that a hang-up, which is always reported, finds no one either. */
  watched->resting = epoll_ctl (watched->epoll_fd, EPOLL_CTL_MOD, fd, &event) == 0;
}

void
p2p_watch_forget_fd (int fd)
{
  P2pWatch *watch = find ((uint32_t) fd);

  if (watch)
    atomic_fetch_and (&watch->state, ~(uint64_t) P2P_WATCH_IN);
}

bool
p2p_watch_note (uint64_t event_data, uint32_t epoll_events, uint64_t *ret_waiter)
{
  P2pWatch *watch = find ((uint32_t) event_data);
  uint64_t seen = ((epoll_events & EPOLLIN) ? P2P_WATCH_IN : 0)
                  | ((epoll_events & EPOLLRDHUP) ? P2P_WATCH_LEFT : 0)
                  | ((epoll_events & (EPOLLHUP | EPOLLERR)) ? P2P_WATCH_GONE : 0);
  uint64_t word;

  if (!watch)
    return false;
  word = atomic_load (&watch->state);
  do
    if (word >> 32 != event_data >> 32)
      return false;
  while (!atomic_compare_exchange_weak (&watch->state, &word, word | seen));
  if (epoll_events & EPOLLOUT)
    seen |= P2P_WATCH_OUT;
  *ret_waiter = atomic_load (&watch->waiter);
  return (*ret_waiter >> 24 & seen) != 0;
}
