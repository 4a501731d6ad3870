/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Workspaces on a free list. Those that nobody needed since the last look go back to the system, so
 * that neither a burst nor large bodies stay in memory; they are mapped, not allocated, so that
 * they really do. */
#include "daemon/proxy/workspace.h"

#include "lib/lock.h"

#include <glib.h>
#include <sys/mman.h>

static struct
{
  P2pMutex lock;
  Workspace *first; /* (owned) (lock) */
  unsigned n;       /* (lock) in the list */
  unsigned n_least; /* (lock) least n since the last look: so many were not needed */
} idle;

void
workspace_setup (void)
{
  p2p_mutex_init (&idle.lock, P2P_LOCK_BUFFERS);
}

static Workspace *
map_new (void)
{
  void *p
      = mmap (NULL, sizeof (Workspace), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

  if (p == MAP_FAILED)
    g_error ("no memory for the buffers of a request");
  return p;
}

static void
unmap (Workspace *ws)
{
  g_assert (munmap (ws, sizeof *ws) == 0);
}

static Workspace *
take_idle (void)
{
  P2P_LOCKED (&idle.lock);
  Workspace *ws = idle.first;

  if (ws)
    {
      idle.first = ws->next;
      idle.n--;
      idle.n_least = MIN (idle.n_least, idle.n);
    }
  return ws;
}

Workspace *
workspace_take (void)
{
  Workspace *ws = take_idle ();

  return ws ? ws : map_new ();
}

void
workspace_give (Workspace *ws)
{
  P2P_LOCKED (&idle.lock);

  ws->next = idle.first;
  idle.first = ws;
  idle.n++;
}

void
workspaces_reap (void)
{
  unsigned n_spare;

  p2p_mutex_lock (&idle.lock);
  n_spare = (idle.n_least + 1) / 2; /* half at a time: the next burst may be near */
  idle.n_least = idle.n - n_spare;
  p2p_mutex_unlock (&idle.lock);
  for (unsigned i = 0; i < n_spare; i++)
    {
      Workspace *ws = take_idle ();

      if (ws)
        unmap (ws);
    }
}

void
workspace_teardown (void)
{
  Workspace *ws;

  while ((ws = take_idle ()))
    unmap (ws);
  p2p_mutex_done (&idle.lock);
}
