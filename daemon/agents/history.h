/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The history of the agents' sessions, as it goes into the store. A thread of its own writes; the
 * others leave word under a lock that is held for memory only (class LEAF), so they may come with
 * the registry's. What cannot be written is kept and tried again. */
#pragma once

#include "daemon/store/store.h"
#include "lib/clock.h"

/* Kept of each agent; older than that, or beyond that number, they are deleted. */
#define HISTORY_DAYS 31
#define HISTORY_KEEP 10000

/* One session, from its begin to its end. */
typedef struct HistoryEntry HistoryEntry;

typedef struct
{
  int64_t agent_id;
  const char *instance, *address, *version; /* (copied) */
  P2pStamp connected;
} HistoryBegin;

/* Closes what an earlier run of the daemon left open, then starts the thread. store: (borrowed)
 * until history_stop (). */
void history_start (Store *store);
/* Writes what is left, once, and joins. No entry is used afterwards. */
void history_stop (void);

/* NULL when there is no history, or far too much of it: the others bear that. */
HistoryEntry *history_begin (const HistoryBegin *begin);
typedef struct
{
  P2pStamp at;
  const char *reason; /* (copied) */
  uint64_t bytes_in, bytes_out;
} HistoryEnd;

/* It takes no new streams any more; the first call counts. */
void history_leave (HistoryEntry *entry, const HistoryEnd *end);
/* It is over; after history_leave (). The entry is gone. */
void history_end (HistoryEntry *take_entry, uint64_t bytes_in, uint64_t bytes_out);
/* Stamps of sessions that are not over are set right soon. */
void history_clock_was_set (void);
