/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table users. */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"

#define COLUMNS "id, version, username, password_hash, role, created_at, last_login_at"

static void *
read_user (StoreTx *tx, StoreStmt *stmt)
{
  StoreUser *row = g_new0 (StoreUser, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->username = store_column_text (stmt, 2);
  row->password_hash = store_column_text (stmt, 3);
  row->role = (StoreRole) store_column_word (tx, stmt, 4, store_role_words);
  row->created_at = sqlite3_column_int64 (stmt, 5);
  row->last_login_at = sqlite3_column_int64 (stmt, 6);
  return row;
}

static void
free_user (void *row)
{
  store_user_free (row);
}

bool
store_user_insert (StoreTx *tx, StoreUser *row, GError **error)
{
  g_autofree char *object = g_strdup_printf ("user '%s'", row->username);

  if (row->created_at == 0)
    row->created_at = p2p_wall_ms ();
  row->version = 1;
  return store_run_int (
      tx,
      store_query (tx, error,
                   "INSERT INTO users (username, password_hash, role, created_at, last_login_at) "
                   "VALUES ($1, $2, $3, $4, $5) RETURNING id",
                   "tttii", row->username, row->password_hash, store_role_words[row->role],
                   row->created_at, row->last_login_at),
      object, 0, &row->id, error);
}

bool
store_user_update (StoreTx *tx, StoreUser *row, int64_t if_version, GError **error)
{
  return store_finish_versioned (
      tx,
      store_query (
          tx, error,
          "UPDATE users SET username = $1, password_hash = $2, role = $3, version = version + 1 "
          "WHERE id = $4 AND ($5 = 0 OR version = $5) RETURNING version",
          "tttii", row->username, row->password_hash, store_role_words[row->role], row->id,
          if_version),
      "SELECT version FROM users WHERE id = $1", "user", row->username, row->id, if_version,
      &row->version, error);
}

bool
store_user_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error)
{
  return store_finish_versioned (
      tx,
      store_query (tx, error,
                   "DELETE FROM users WHERE id = $1 AND ($2 = 0 OR version = $2) RETURNING version",
                   "ii", id, if_version),
      "SELECT version FROM users WHERE id = $1", "user", NULL, id, if_version, NULL, error);
}

StoreUser *
store_user_get (StoreTx *tx, int64_t id, GError **error)
{
  return store_read_one (
      tx, store_query (tx, error, "SELECT " COLUMNS " FROM users WHERE id = $1", "i", id),
      read_user, free_user, "user", id, error);
}

StoreUser *
store_user_find (StoreTx *tx, const char *username, GError **error)
{
  return store_read_one (
      tx,
      store_query (tx, error, "SELECT " COLUMNS " FROM users WHERE username = $1", "t", username),
      read_user, free_user, "user", 0, error);
}

GPtrArray *
store_user_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error)
{
  return store_read_all (
      tx,
      store_query (tx, error, "SELECT " COLUMNS " FROM users WHERE id > $1 ORDER BY id LIMIT $2",
                   "ii", after_id, store_limit (limit)),
      read_user, free_user, "users", error);
}

int64_t
store_user_count (StoreTx *tx, StoreRole role, GError **error)
{
  int64_t n = 0;

  if (!store_run_int (tx,
                      store_query (tx, error, "SELECT count(*) FROM users WHERE role = $1", "t",
                                   store_role_words[role]),
                      "users", 0, &n, error))
    return -1;
  return n;
}

bool
store_user_set_last_login (StoreTx *tx, int64_t id, int64_t at, GError **error)
{
  return store_run (
      tx,
      store_query (tx, error, "UPDATE users SET last_login_at = $2 WHERE id = $1", "ii", id, at),
      "user", error);
}
