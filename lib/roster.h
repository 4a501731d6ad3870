/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Roster: the connections that are open, so that all can be cut when their server ends. Any thread.
 */
#pragma once

#include "lib/lock.h"
#include "lib/stream.h"

typedef struct P2pRosterEntry P2pRosterEntry;
struct P2pRosterEntry
{
  P2pStream *strm; /* (borrowed) its socket is open while the entry is listed */
  P2pRosterEntry *prev, *next; /* (lock: roster) */
};

typedef struct
{
  P2pMutex lock;
  P2pRosterEntry *first; /* (lock) */
} P2pRoster;

void p2p_roster_init (P2pRoster *roster);
/* Must be empty. */
void p2p_roster_done (P2pRoster *roster);

void p2p_roster_add (P2pRoster *roster, P2pRosterEntry *entry, P2pStream *strm);
/* Before the stream is closed. */
void p2p_roster_remove (P2pRoster *roster, P2pRosterEntry *entry);

/* Ends both directions of all of them: whoever waits for one wakes. Does not block. */
void p2p_roster_cut (P2pRoster *roster);
