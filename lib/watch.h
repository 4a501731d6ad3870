/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Watches: what the epoll set of a pool has said about a descriptor, for the pool and for the
 * streams that read; others use pool.h.
 *
 * A descriptor stays in the set, edge-triggered, from its first park until it is closed, so that
 * most parks cost no system call. An edge that nobody waited for is kept until the next read, and
 * so is a read that left bytes: then the park has the kernel look anew, which makes a level of it
 * again. Watches are found by the descriptor's number and never freed; a generation tells those of
 * an earlier descriptor.
 *
 * P2pWatched belongs to who owns the stream. P2pWatch: atomics; the holder of the waiter's role
 * adds, the owner takes away. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum
{
  P2P_WATCH_IN = 1 << 0,
  P2P_WATCH_OUT = 1 << 1,  /* wakes only; not kept */
  P2P_WATCH_LEFT = 1 << 2, /* the peer sends no more: stays */
  P2P_WATCH_GONE = 1 << 3, /* nor does it take anything: stays, wakes whoever waits */
  P2P_WATCH_KEPT = P2P_WATCH_IN | P2P_WATCH_LEFT | P2P_WATCH_GONE,
};

typedef struct
{
  _Alignas(64) _Atomic uint64_t state; /* generation << 32 | what was seen */
  _Atomic uint64_t
      waiter; /* generation of the park << 32 | what it wants << 24 | index of the slot */
} P2pWatch;

/* A stream's part: from nothing by P2P_WATCHED_NONE. */
typedef struct
{
  P2pWatch *watch; /* (borrowed: static) (nullable: in no set) */
  int epoll_fd;    /* the set that it is in; -1: none */
  _Atomic bool
      resting; /* in the set, but not to be reported; a reader and a writer may both want that */
  bool unsure; /* the last read filled its buffer: more may be there, of which no edge will tell */
} P2pWatched;

#define P2P_WATCHED_NONE ((P2pWatched){ .epoll_fd = -1 })

/* events: POLLIN, POLLOUT, POLLRDHUP. waiter: without what it wants. False: no memory, or no watch
 * left. */
bool p2p_watch_arm (P2pWatched *watched, int epoll_fd, int fd, short events, uint64_t waiter);

/* True: it is in the set, and nothing was seen since the last read. */
static inline bool
p2p_watch_is_quiet (const P2pWatched *watched)
{
  return watched->watch && !watched->resting && !watched->unsure
         && !(atomic_load (&watched->watch->state) & P2P_WATCH_KEPT);
}

/* A thread waits for the descriptor itself: nobody else is to be woken. */
void p2p_watch_rest (P2pWatched *watched, int fd);

/* Before somebody reads the descriptor without its stream. */
void p2p_watch_forget_fd (int fd);

/* The set said so. True: *ret_waiter waits for that. */
bool p2p_watch_note (uint64_t event_data, uint32_t epoll_events, uint64_t *ret_waiter);

/* Before a read. */
static inline void
p2p_watch_forget (P2pWatched *watched)
{
  watched->unsure = false;
  if (watched->watch
      && (atomic_load_explicit (&watched->watch->state, memory_order_relaxed) & P2P_WATCH_IN))
    atomic_fetch_and (&watched->watch->state, ~(uint64_t) P2P_WATCH_IN);
}

