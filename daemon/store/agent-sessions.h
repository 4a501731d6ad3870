/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table agent_sessions: when agents were connected, and why that ended. As daemon/store/store.h
 * says of all calls. */
#pragma once

#include "daemon/store/store.h"

typedef struct
{
  int64_t id, agent_id;
  char *instance; /* "" unknown */
  char *address;  /* with the port */
  char *version;  /* "" unknown */
  int64_t connected_at;
  int64_t disconnected_at;     /* 0: open */
  char *reason;                /* "" while it is open */
  int64_t bytes_in, bytes_out; /* 0 while it is open */
} StoreAgentSession;

void store_agent_session_free (StoreAgentSession *row);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (StoreAgentSession, store_agent_session_free)

/* Sets row->id; leaves it 0 when the agent has been deleted. disconnected_at, reason and bytes as
 * they are. */
bool store_agent_session_insert (StoreTx *tx, StoreAgentSession *row, GError **error);
/* Writes both times, reason and bytes; nothing if it is gone. */
bool store_agent_session_update (StoreTx *tx, const StoreAgentSession *row, GError **error);
/* Open ones are open at that time, which may be before what was said earlier. */
bool store_agent_sessions_touch (StoreTx *tx, int64_t at, GError **error);
/* Ends those that are open, when they were seen last. */
bool store_agent_sessions_close_stale (StoreTx *tx, const char *reason, GError **error);
/* Deletes those that ended before that time, and of each agent all but the newest keep. */
bool store_agent_sessions_prune (StoreTx *tx, int64_t before, unsigned keep, GError **error);

/* Newest first: ids below before_id (0: from the newest). */
GPtrArray *store_agent_session_list (StoreTx *tx,
                                     int64_t agent_id,
                                     int64_t before_id,
                                     unsigned limit,
                                     GError **error);

typedef struct
{
  int64_t from, to; /* to is 0 while it is open */
} StoreSpan;

/* StoreSpan of the agent's sessions that were open at some time since then, in the order in which
 * they began. */
GArray *store_agent_session_spans (StoreTx *tx, int64_t agent_id, int64_t since, GError **error);
/* When the oldest of the newest keep began, or 0 when there are fewer: what was before may have
 * been deleted. */
bool store_agent_session_horizon (StoreTx *tx,
                                  int64_t agent_id,
                                  unsigned keep,
                                  int64_t *ret_at,
                                  GError **error);

typedef struct
{
  int64_t agent_id, at;
} StoreAgentEnd;

/* StoreAgentEnd of each agent that was ever connected: when it was so last. */
GArray *store_agent_session_last_ends (StoreTx *tx, GError **error);
