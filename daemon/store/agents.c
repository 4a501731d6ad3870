/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table agents: only the hash of a token is kept. */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"

#define COLUMNS "id, version, public_id, name, enabled, labels, token_sha256, created_at"

static void *
read_agent (StoreTx *tx, StoreStmt *stmt)
{
  StoreAgent *row = g_new0 (StoreAgent, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->public_id = store_column_text (stmt, 2);
  row->name = store_column_text (stmt, 3);
  row->enabled = sqlite3_column_int64 (stmt, 4) != 0;
  row->labels = store_column_pairs (tx, stmt, 5);
  store_column_hash (tx, stmt, 6, row->token_sha256);
  row->created_at = sqlite3_column_int64 (stmt, 7);
  return row;
}

static void
free_agent (void *row)
{
  store_agent_free (row);
}

bool
store_agent_insert (StoreTx *tx, StoreAgent *row, GError **error)
{
  g_autofree char *object = g_strdup_printf ("agent '%s'", row->name);
  g_autofree char *labels = store_pairs_to_json (row->labels);

  if (row->created_at == 0)
    row->created_at = p2p_wall_ms ();
  row->version = 1;
  return store_run_int (
      tx,
      store_query (
          tx, error,
          "INSERT INTO agents (public_id, name, enabled, labels, token_sha256, created_at) "
          "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
          "ttithi", row->public_id, row->name, (int64_t) row->enabled, labels, row->token_sha256,
          row->created_at),
      object, 0, &row->id, error);
}

bool
store_agent_update (StoreTx *tx, StoreAgent *row, int64_t if_version, GError **error)
{
  g_autofree char *labels = store_pairs_to_json (row->labels);

  return store_finish_versioned (
      tx,
      store_query (tx, error,
                   "UPDATE agents SET name = $1, enabled = $2, labels = $3, version = version + 1 "
                   "WHERE id = $4 AND ($5 = 0 OR version = $5) RETURNING version",
                   "titii", row->name, (int64_t) row->enabled, labels, row->id, if_version),
      "SELECT version FROM agents WHERE id = $1", "agent", row->name, row->id, if_version,
      &row->version, error);
}

bool
store_agent_set_token (StoreTx *tx,
                       int64_t id,
                       const uint8_t token_sha256[STORE_HASH_SIZE],
                       GError **error)
{
  return store_finish_versioned (tx,
                                 store_query (tx, error,
                                              "UPDATE agents SET token_sha256 = $2, version = "
                                              "version + 1 WHERE id = $1 RETURNING version",
                                              "ih", id, token_sha256),
                                 "SELECT version FROM agents WHERE id = $1", "agent", NULL, id, 0,
                                 NULL, error);
}

bool
store_agent_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error)
{
  return store_finish_versioned (
      tx,
      store_query (
          tx, error,
          "DELETE FROM agents WHERE id = $1 AND ($2 = 0 OR version = $2) RETURNING version", "ii",
          id, if_version),
      "SELECT version FROM agents WHERE id = $1", "agent", NULL, id, if_version, NULL, error);
}

StoreAgent *
store_agent_get (StoreTx *tx, int64_t id, GError **error)
{
  return store_read_one (
      tx, store_query (tx, error, "SELECT " COLUMNS " FROM agents WHERE id = $1", "i", id),
      read_agent, free_agent, "agent", id, error);
}

GPtrArray *
store_agent_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error)
{
  return store_read_all (
      tx,
      store_query (tx, error, "SELECT " COLUMNS " FROM agents WHERE id > $1 ORDER BY id LIMIT $2",
                   "ii", after_id, store_limit (limit)),
      read_agent, free_agent, "agents", error);
}
