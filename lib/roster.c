/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The connections that are open. */
#include "lib/roster.h"

#include <glib.h>
#include <sys/socket.h>

void
p2p_roster_init (P2pRoster *roster)
{
  p2p_mutex_init (&roster->lock, P2P_LOCK_LEAF);
  roster->first = NULL;
}

void
p2p_roster_done (P2pRoster *roster)
{
  g_assert (!roster->first);
  p2p_mutex_done (&roster->lock);
}

void
p2p_roster_add (P2pRoster *roster, P2pRosterEntry *entry, P2pStream *strm)
{
  P2P_LOCKED (&roster->lock);

  entry->strm = strm;
  entry->prev = NULL;
  entry->next = roster->first;
  if (entry->next)
    entry->next->prev = entry;
  roster->first = entry;
}

void
p2p_roster_remove (P2pRoster *roster, P2pRosterEntry *entry)
{
  P2P_LOCKED (&roster->lock);

  *(entry->prev ? &entry->prev->next : &roster->first) = entry->next;
  if (entry->next)
    entry->next->prev = entry->prev;
}

void
p2p_roster_cut (P2pRoster *roster)
{
  P2P_LOCKED (&roster->lock);

  /* The sockets are open: an entry goes before its stream closes. shutdown () does not block. */
  for (P2pRosterEntry *entry = roster->first; entry; entry = entry->next)
    (void) shutdown (p2p_stream_fd (entry->strm), SHUT_RDWR); /* fails when the peer is gone */
}
