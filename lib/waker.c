/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Waker: the bell of a waiting thread, an eventfd that goes into its poll. Each thread owns one,
 * made at first use and closed when the thread ends; any thread may ring it while a stream holds it
 * armed. Without a descriptor left it has none, and who waits asks again and again instead
 * (stream.c); the next wait tries to make one. */
#include "lib/stream-priv.h"

#include "lib/fd.h"
#include "lib/lock.h"

#include <glib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

typedef struct
{
  P2pBell bell;
  int fd;
  /* Set by the first ring since the last drain: one write is enough. */
  atomic_bool rung;
} Waker;

static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
ring (P2pBell *bell)
{
  Waker *waker = (Waker *) bell;

  if (waker->fd >= 0 && !atomic_exchange_explicit (&waker->rung, true, memory_order_acq_rel))
    g_assert (eventfd_write (waker->fd, 1) == 0);
}

static _Thread_local Waker self = { .bell = { .ring = ring }, .fd = -1 };

static void
thread_end_cb (void *data)
{
  Waker *waker = data;

  p2p_fd_close (&waker->fd);
}

static void
once_cb (void)
{
  P2P_PTHREAD (pthread_key_create (&at_thread_end, thread_end_cb));
}

P2pBell *
p2p_waker_self (void)
{
  if (G_UNLIKELY (self.fd < 0))
    {
      P2P_PTHREAD (pthread_once (&once, once_cb));
      self.fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
      if (self.fd < 0)
        return &self.bell;
      P2P_PTHREAD (pthread_setspecific (at_thread_end, &self));
    }
  return &self.bell;
}

int
p2p_waker_fd (P2pBell *waker)
{
  return ((Waker *) waker)->fd;
}

/* A ring between the two steps writes nothing. That loses nothing: whoever drains asks the streams
 * afresh afterwards, under their locks, and what was rung for happened before. */
void
p2p_waker_drain (P2pBell *waker)
{
  Waker *w = (Waker *) waker;
  eventfd_t count;

  if (w->fd < 0)
    return;
  /* EAGAIN: nobody rang. */
  (void) eventfd_read (w->fd, &count);
  (void) atomic_exchange_explicit (&w->rung, false, memory_order_acq_rel);
}
