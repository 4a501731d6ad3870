/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table sessions: who is signed in. A session is found by the hash of its token; it has no version.
 */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"

#define SELECT                                                                         \
  "SELECT s.id, s.user_id, u.username, u.role, s.kind, s.token_sha256, s.created_at, " \
  "s.last_used_at, s.expires_at, "                                                     \
  "s.address, s.client FROM sessions AS s JOIN users AS u ON u.id = s.user_id "

static void *
read_session (StoreTx *tx, StoreStmt *stmt)
{
  StoreSession *row = g_new0 (StoreSession, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->user_id = sqlite3_column_int64 (stmt, 1);
  row->username = store_column_text (stmt, 2);
  row->role = (StoreRole) store_column_word (tx, stmt, 3, store_role_words);
  row->kind = (StoreSessionKind) store_column_word (tx, stmt, 4, store_session_kind_words);
  store_column_hash (tx, stmt, 5, row->token_sha256);
  row->created_at = sqlite3_column_int64 (stmt, 6);
  row->last_used_at = sqlite3_column_int64 (stmt, 7);
  row->expires_at = sqlite3_column_int64 (stmt, 8);
  row->address = store_column_text (stmt, 9);
  row->client = store_column_text (stmt, 10);
  return row;
}

static void
free_session (void *row)
{
  store_session_free (row);
}

bool
store_session_insert (StoreTx *tx, StoreSession *row, GError **error)
{
  if (row->created_at == 0)
    row->created_at = p2p_wall_ms ();
  return store_run_int (
      tx,
      store_query (tx, error,
                   "INSERT INTO sessions (user_id, kind, token_sha256, created_at, last_used_at, "
                   "expires_at, address, client) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                   "RETURNING id",
                   "ithiiitt", row->user_id, store_session_kind_words[row->kind], row->token_sha256,
                   row->created_at, row->last_used_at, row->expires_at, row->address, row->client),
      "session", 0, &row->id, error);
}

StoreSession *
store_session_get (StoreTx *tx, int64_t id, GError **error)
{
  return store_read_one (tx, store_query (tx, error, SELECT "WHERE s.id = $1", "i", id),
                         read_session, free_session, "session", id, error);
}

StoreSession *
store_session_find (StoreTx *tx, const uint8_t token_sha256[STORE_HASH_SIZE], GError **error)
{
  return store_read_one (
      tx, store_query (tx, error, SELECT "WHERE s.token_sha256 = $1", "h", token_sha256),
      read_session, free_session, "session", 0, error);
}

bool
store_session_set_used (StoreTx *tx,
                        int64_t id,
                        int64_t last_used_at,
                        int64_t expires_at,
                        GError **error)
{
  return store_run (
      tx,
      store_query (tx, error,
                   "UPDATE sessions SET last_used_at = $2, expires_at = $3 WHERE id = $1", "iii",
                   id, last_used_at, expires_at),
      "session", error);
}

bool
store_session_delete (StoreTx *tx, int64_t id, GError **error)
{
  int64_t deleted = 0;

  if (!store_run_int (
          tx, store_query (tx, error, "DELETE FROM sessions WHERE id = $1 RETURNING id", "i", id),
          "session", 0, &deleted, error))
    return false;
  if (deleted == 0)
    store_set_not_found (error, "session", id);
  return deleted != 0;
}

bool
store_session_delete_of_user (StoreTx *tx, int64_t user_id, int64_t keep_id, GError **error)
{
  return store_run (tx,
                    store_query (tx, error, "DELETE FROM sessions WHERE user_id = $1 AND id <> $2",
                                 "ii", user_id, keep_id),
                    "sessions", error);
}

bool
store_session_delete_expired (StoreTx *tx, int64_t now, GError **error)
{
  return store_run (
      tx, store_query (tx, error, "DELETE FROM sessions WHERE expires_at <= $1", "i", now),
      "sessions", error);
}

GPtrArray *
store_session_list (StoreTx *tx, int64_t user_id, int64_t after_id, unsigned limit, GError **error)
{
  return store_read_all (
      tx,
      store_query (tx, error,
                   SELECT "WHERE ($1 = 0 OR s.user_id = $1) AND s.id > $2 ORDER BY s.id LIMIT $3",
                   "iii", user_id, after_id, store_limit (limit)),
      read_session, free_session, "sessions", error);
}
