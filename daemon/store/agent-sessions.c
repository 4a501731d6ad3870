/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table agent_sessions. See agent-sessions.h. */
#include "daemon/store/agent-sessions.h"

#include "daemon/store/store-priv.h"

static void *
read_row (StoreTx *tx, StoreStmt *stmt)
{
  StoreAgentSession *row = g_new0 (StoreAgentSession, 1);

  (void) tx;
  row->id = sqlite3_column_int64 (stmt, 0);
  row->agent_id = sqlite3_column_int64 (stmt, 1);
  row->instance = store_column_text (stmt, 2);
  row->address = store_column_text (stmt, 3);
  row->version = store_column_text (stmt, 4);
  row->connected_at = sqlite3_column_int64 (stmt, 5);
  row->disconnected_at = sqlite3_column_int64 (stmt, 6);
  row->reason = store_column_text (stmt, 7);
  row->bytes_in = sqlite3_column_int64 (stmt, 8);
  row->bytes_out = sqlite3_column_int64 (stmt, 9);
  return row;
}

void
store_agent_session_free (StoreAgentSession *row)
{
  if (!row)
    return;
  g_free (row->instance);
  g_free (row->address);
  g_free (row->version);
  g_free (row->reason);
  g_free (row);
}

static void
free_row (void *row)
{
  store_agent_session_free (row);
}

bool
store_agent_session_insert (StoreTx *tx, StoreAgentSession *row, GError **error)
{
  return store_run_int (
      tx,
      store_query (
          tx, error,
          "INSERT INTO agent_sessions (agent_id, instance, address, version, connected_at, "
          "seen_at, disconnected_at, reason, bytes_in, bytes_out) "
          "SELECT id, $2, $3, $4, $5, $5, $6, $7, $8, $9 FROM agents WHERE id = $1 "
          "RETURNING id",
          "itttiitii", row->agent_id, row->instance, row->address, row->version, row->connected_at,
          row->disconnected_at, row->reason, row->bytes_in, row->bytes_out),
      "agent session", 0, &row->id, error);
}

bool
store_agent_session_update (StoreTx *tx, const StoreAgentSession *row, GError **error)
{
  return store_run (
      tx,
      store_query (
          tx, error,
          "UPDATE agent_sessions SET connected_at = $2, disconnected_at = CASE WHEN $3 > 0 "
          "AND $3 < $2 THEN $2 ELSE $3 END, reason = $4, bytes_in = $5, bytes_out = $6 "
          "WHERE id = $1",
          "iiitii", row->id, row->connected_at, row->disconnected_at, row->reason, row->bytes_in,
          row->bytes_out),
      "agent session", error);
}

bool
store_agent_sessions_touch (StoreTx *tx, int64_t at, GError **error)
{
  return store_run (tx,
                    store_query (tx, error,
                                 "UPDATE agent_sessions SET seen_at = CASE WHEN connected_at > $1 "
                                 "THEN connected_at ELSE $1 "
                                 "END WHERE disconnected_at = 0",
                                 "i", at),
                    "agent sessions", error);
}

bool
store_agent_sessions_close_stale (StoreTx *tx, const char *reason, GError **error)
{
  return store_run (tx,
                    store_query (tx, error,
                                 "UPDATE agent_sessions SET disconnected_at = seen_at, reason = $1 "
                                 "WHERE disconnected_at = 0",
                                 "t", reason),
                    "agent sessions", error);
}

bool
store_agent_sessions_prune (StoreTx *tx, int64_t before, unsigned keep, GError **error)
{
  return store_run (
             tx,
             store_query (
                 tx, error,
                 "DELETE FROM agent_sessions WHERE disconnected_at > 0 AND disconnected_at < $1",
                 "i", before),
             "agent sessions", error)
         && store_run (
             tx,
             store_query (
                 tx, error,
                 "DELETE FROM agent_sessions WHERE disconnected_at > 0 AND id IN (SELECT id "
                 "FROM (SELECT id, row_number () OVER (PARTITION BY agent_id ORDER BY id "
                 "DESC) AS place FROM agent_sessions) AS numbered WHERE place > $1)",
                 "i", (int64_t) keep),
             "agent sessions", error);
}

GPtrArray *
store_agent_session_list (StoreTx *tx,
                          int64_t agent_id,
                          int64_t before_id,
                          unsigned limit,
                          GError **error)
{
  return store_read_all (
      tx,
      store_query (tx, error,
                   "SELECT id, agent_id, instance, address, version, connected_at, "
                   "disconnected_at, reason, bytes_in, bytes_out FROM agent_sessions "
                   "WHERE agent_id = $1 AND ($2 = 0 OR id < $2) ORDER BY id DESC LIMIT $3",
                   "iii", agent_id, before_id, store_limit (limit)),
      read_row, free_row, "agent sessions", error);
}

/* All rows of two numbers: takes stmt. */
static GArray *
read_pairs (StoreTx *tx, StoreStmt *taken, GError **error)
{
  g_autoptr (StoreStmt) stmt = taken;
  g_autoptr (GArray) pairs = g_array_new (false, false, 2 * sizeof (int64_t));
  StoreStep step;

  if (!stmt)
    return NULL;
  while ((step = store_step (tx, stmt, "agent sessions", error)) == STORE_STEP_ROW)
    {
      int64_t pair[2] = { sqlite3_column_int64 (stmt, 0), sqlite3_column_int64 (stmt, 1) };

      g_array_append_vals (pairs, pair, 1);
    }
  return step == STORE_STEP_DONE ? g_steal_pointer (&pairs) : NULL;
}

GArray *
store_agent_session_spans (StoreTx *tx, int64_t agent_id, int64_t since, GError **error)
{
  G_STATIC_ASSERT (sizeof (StoreSpan) == 2 * sizeof (int64_t));

  return read_pairs (
      tx,
      store_query (tx, error,
                   "SELECT connected_at, disconnected_at FROM agent_sessions WHERE "
                   "agent_id = $1 AND (disconnected_at = 0 OR disconnected_at >= $2) "
                   "ORDER BY connected_at, id",
                   "ii", agent_id, since),
      error);
}

bool
store_agent_session_horizon (StoreTx *tx,
                             int64_t agent_id,
                             unsigned keep,
                             int64_t *ret_at,
                             GError **error)
{
  return store_run_int (tx,
                        store_query (tx, error,
                                     "SELECT connected_at FROM agent_sessions WHERE agent_id = $1 "
                                     "ORDER BY id DESC LIMIT 1 OFFSET $2",
                                     "ii", agent_id, (int64_t) keep - 1),
                        "agent sessions", 0, ret_at, error);
}

GArray *
store_agent_session_last_ends (StoreTx *tx, GError **error)
{
  G_STATIC_ASSERT (sizeof (StoreAgentEnd) == 2 * sizeof (int64_t));

  return read_pairs (
      tx,
      store_query (tx, error,
                   "SELECT agent_id, max (disconnected_at) FROM agent_sessions WHERE "
                   "disconnected_at > 0 GROUP BY agent_id",
                   ""),
      error);
}
