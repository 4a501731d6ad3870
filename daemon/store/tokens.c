/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table api_tokens: only the hash of a token is kept. */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"

#define COLUMNS \
  "id, version, name, role, enabled, token_sha256, created_at, expires_at, last_used_at"

static void *
read_token (StoreTx *tx, StoreStmt *stmt)
{
  StoreToken *row = g_new0 (StoreToken, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->name = store_column_text (stmt, 2);
  row->role = (StoreRole) store_column_word (tx, stmt, 3, store_role_words);
  row->enabled = sqlite3_column_int64 (stmt, 4) != 0;
  store_column_hash (tx, stmt, 5, row->token_sha256);
  row->created_at = sqlite3_column_int64 (stmt, 6);
  row->expires_at = sqlite3_column_int64 (stmt, 7);
  row->last_used_at = sqlite3_column_int64 (stmt, 8);
  return row;
}

static void
free_token (void *row)
{
  store_token_free (row);
}

bool
store_token_insert (StoreTx *tx, StoreToken *row, GError **error)
{
  g_autofree char *object = g_strdup_printf ("token '%s'", row->name);

  if (row->created_at == 0)
    row->created_at = p2p_wall_ms ();
  row->version = 1;
  return store_run_int (
      tx,
      store_query (tx, error,
                   "INSERT INTO api_tokens (name, role, enabled, token_sha256, created_at, "
                   "expires_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
                   "ttihiii", row->name, store_role_words[row->role], (int64_t) row->enabled,
                   row->token_sha256, row->created_at, row->expires_at, row->last_used_at),
      object, 0, &row->id, error);
}

bool
store_token_update (StoreTx *tx, StoreToken *row, int64_t if_version, GError **error)
{
  return store_finish_versioned (
      tx,
      store_query (tx, error,
                   "UPDATE api_tokens SET name = $1, role = $2, enabled = $3, expires_at = $4, "
                   "version = version + 1 "
                   "WHERE id = $5 AND ($6 = 0 OR version = $6) RETURNING version",
                   "ttiiii", row->name, store_role_words[row->role], (int64_t) row->enabled,
                   row->expires_at, row->id, if_version),
      "SELECT version FROM api_tokens WHERE id = $1", "token", row->name, row->id, if_version,
      &row->version, error);
}

bool
store_token_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error)
{
  return store_finish_versioned (
      tx,
      store_query (
          tx, error,
          "DELETE FROM api_tokens WHERE id = $1 AND ($2 = 0 OR version = $2) RETURNING version",
          "ii", id, if_version),
      "SELECT version FROM api_tokens WHERE id = $1", "token", NULL, id, if_version, NULL, error);
}

StoreToken *
store_token_get (StoreTx *tx, int64_t id, GError **error)
{
  return store_read_one (
      tx, store_query (tx, error, "SELECT " COLUMNS " FROM api_tokens WHERE id = $1", "i", id),
      read_token, free_token, "token", id, error);
}

StoreToken *
store_token_find (StoreTx *tx, const uint8_t token_sha256[STORE_HASH_SIZE], GError **error)
{
  return store_read_one (tx,
                         store_query (tx, error,
                                      "SELECT " COLUMNS " FROM api_tokens WHERE token_sha256 = $1",
                                      "h", token_sha256),
                         read_token, free_token, "token", 0, error);
}

GPtrArray *
store_token_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error)
{
  return store_read_all (tx,
                         store_query (tx, error,
                                      "SELECT " COLUMNS
                                      " FROM api_tokens WHERE id > $1 ORDER BY id LIMIT $2",
                                      "ii", after_id, store_limit (limit)),
                         read_token, free_token, "tokens", error);
}

bool
store_token_set_used (StoreTx *tx, int64_t id, int64_t at, GError **error)
{
  return store_run (tx,
                    store_query (tx, error, "UPDATE api_tokens SET last_used_at = $2 WHERE id = $1",
                                 "ii", id, at),
                    "token", error);
}
