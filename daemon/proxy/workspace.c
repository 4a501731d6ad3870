/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Workspaces on a free list. At most KEEP_MAX idle ones keep their pages; the rest go back to the
 * system at once, so that a burst of slow requests does not stay in memory for ever. */
#include "daemon/proxy/workspace.h"

#include "lib/lock.h"

#include <glib.h>

#define KEEP_MAX 32

static struct
{
  P2pMutex lock;
  Workspace *first; /* (owned) (lock) */
  unsigned n;       /* (lock) */
} idle;

void
workspace_setup (void)
{
  p2p_mutex_init (&idle.lock, P2P_LOCK_BUFFERS);
}

void
workspace_teardown (void)
{
  while (idle.first)
    g_free (workspace_take ());
  p2p_mutex_done (&idle.lock);
}

Workspace *
workspace_take (void)
{
  Workspace *ws;

  p2p_mutex_lock (&idle.lock);
  ws = idle.first;
  if (ws)
    {
      idle.first = ws->next;
      idle.n--;
    }
  p2p_mutex_unlock (&idle.lock);
  return ws ? ws : g_malloc (sizeof *ws);
}

void
workspace_give (Workspace *ws)
{
  p2p_mutex_lock (&idle.lock);
  if (idle.n < KEEP_MAX)
    {
      ws->next = g_steal_pointer (&idle.first);
      idle.first = g_steal_pointer (&ws);
      idle.n++;
    }
  p2p_mutex_unlock (&idle.lock);
  g_free (ws);
}
