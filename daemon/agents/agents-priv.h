/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What the files of the agents' room share: the registry and its sessions. */
#pragma once

#include "daemon/agents/agents.h"
#include "daemon/agents/history.h"
#include "daemon/agents/place.h"
#include "daemon/agents/reports.h"
#include "lib/clock.h"
#include "lib/lock.h"
#include "lib/pool.h"
#include "lib/yamux.h"

#include <stdatomic.h>

typedef struct Session Session;

typedef enum
{
  SESSION_LIVE,     /* takes new streams; or is not listed yet */
  SESSION_WAITING,  /* for the place, which another instance holds */
  SESSION_DRAINING, /* its streams end, then it does */
  SESSION_ENDED,    /* the reader thread is over, the keeper joins it */
} SessionState;

/* One tunnel. Owned by the registry's list; freed by the keeper alone, after it has joined the
 * reader thread. */
struct Session
{
  int64_t agent_id;
  char *agent_name;     /* (owned) for the log */
  uint8_t token_sha256[32]; /* of the token that it came with */
  P2pYamux *yamux;      /* (owned) set before it is listed */
  char instance[33];    /* "" when the agent sent none */
  char reported_name[128];
  char version[32];
  char address[64];
  P2pStamp connected;
  SessionState state;     /* (lock) */
  int64_t drain_until_us; /* (lock) SESSION_DRAINING */
  const char *why;        /* (lock) (static) why it drained or ended */
  char reason[160];       /* (lock) the same with names; "": why says it all */
  HistoryEntry *history;  /* (lock) (nullable) taken by the keeper at the end */
  bool degraded;          /* (lock) the last probe found no answer */
  bool probing;           /* (lock) a probe is under way: it holds the session */
  int64_t probe_at_us;    /* (lock) */
  uint64_t probe_bytes;   /* (lock) what streams had carried then, the probe's own included */
  P2pTask probe_task;     /* (pool) */
};

/* What is remembered of an agent beyond its sessions. */
typedef struct
{
  int64_t id;
  Session *live;              /* (lock) (borrowed: the list) (nullable) */
  Place *place;               /* (lock) (owned) (nullable) once it was lost to another instance */
  P2pStamp disconnected;      /* (lock) */
  bool has_report;            /* (lock) */
  AgentReport report;         /* (lock) */
  AgentReports *reports;      /* (lock) (owned) (nullable) over time */
} Known;

typedef struct
{
  AgentsOptions options; /* constant */
  P2pPool *pool;         /* (owned) probes */
  P2pYamuxBudget *budget; /* (owned) of all sessions */
  P2pMutex lock;
  pthread_cond_t cond; /* rings the keeper, and whoever waits for the list to become empty */
  GHashTable *known;   /* (lock) id to Known (owned) */
  GPtrArray *sessions; /* (lock) of Session (owned by the keeper) */
  unsigned n_live;     /* (lock) */
  bool stopping;       /* (lock) no more tunnels */
  bool stop_keeper;    /* (lock) */
  pthread_t keeper;
} Registry;
extern Registry registry;

/* Of one agent, so that nobody piles up threads by coming again and again. */
#define DRAINING_MAX 4 /* then the oldest is closed */
#define WAITING_MAX 4  /* then the newest is */

Known *registry_get_known_locked (int64_t id);

/* Makes it the agent's session; one that held the place drains, and the log says by whom it was
 * displaced. An instance that lost the place just now waits for it first (place.h). False: too many
 * agents, the daemon is ending, or the agent has no right to be here any more; the session then
 * belongs to the keeper still, ending. */
bool registry_add (Session *session);
/* Gives the place to a session that waits for it, if it is time: the keeper asks for each. */
void registry_try_place_locked (Session *session);
/* Why it drained or ended, for people. */
const char *session_reason_locked (const Session *session);
/* It takes no new streams any more: to the history, and the place is free if it had it. */
void session_leave_locked (Session *session);
/* No new streams; ends after the drain time, or as soon as no stream is open. */
void session_drain_locked (Session *session, const char *why);

/* Starts Yamux over the stream (taken). NULL with an error. The session is the registry's to keep.
 * half_close: the agent goes on sending after our FIN. */
Session *session_new (P2pStream *take_strm,
                      const ConfigAgent *agent,
                      bool half_close,
                      GError **error);

/* The keeper's thread: ends drained sessions, joins ended ones, sends probes. */
void *keeper_main (void *data);
/* Whether it is time for a probe: one every 15 s ± 5 when no stream carried a byte since the last,
 * none otherwise. True: probing is set, and probe_run () has to follow. */
bool session_take_probe_locked (Session *session, int64_t now_us);
/* On a worker; up to 5 s. */
void probe_run (P2pTask *task);
