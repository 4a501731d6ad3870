/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The checker's table: one entry a pair that is to be checked, and the order in which they are due.
 * Everything stands under the checker's lock but what an entry's own check does while it runs. */
#pragma once

#include "daemon/health/health-priv.h"
#include "lib/pool.h"

typedef struct
{
  int64_t target_id, agent_id;
} PairKey;

typedef struct
{
  P2pTask task;               /* first: the pool gives it back */
  PairKey key;
  ConfigTargetState *state;   /* (owned reference) */
  const ConfigRoute *route;   /* (lock) (borrowed: checker.cfg) */
  const ConfigTarget *target; /* (lock) (borrowed: checker.cfg) */
  int64_t due_us;             /* (lock) */
  GSequenceIter *place;       /* (lock) in the queue; NULL: its check runs */
  bool seen;                  /* (lock) while a new snapshot is taken over */
  bool gone;                  /* (lock) not in the table any more: freed when its check has ended */
  int64_t asked_us;           /* its check: when the last one began */
  bool looked, online;        /* its check: the agent was looked at, and was connected then */
} Check;

typedef struct
{
  P2pMutex lock;
  pthread_cond_t cond;
  Config
      *cfg; /* (lock) (owned reference) the snapshot that the table was made from; scheduler only */
  GHashTable *table;   /* (lock) (owned) PairKey -> Check */
  GSequence *queue;    /* (lock) (owned) of Check, borrowed: by due_us */
  unsigned n_running;  /* (lock) */
  bool stop;           /* (lock) */
  bool stale;          /* (lock) there is a newer snapshot */
  GRand *rand;         /* (lock) (owned) */
  P2pPool *pool;       /* (owned) */
  pthread_t thread;
  bool runs;           /* main thread */
  atomic_bool cutting; /* nobody waits for answers any more */
} Checker;
extern Checker checker;

/* table.c */
void checker_table_init (void);
void checker_table_done (void);
/* Takes over the snapshot in force: new pairs are due soon, those that are gone or another question
 * now are forgotten. Scheduler. */
void checker_sync_locked (void);
/* Puts it into the queue. */
void checker_enqueue_locked (Check *check, int64_t due_us);
void checker_free_check (Check *check);
