/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table routes. A route is written and read together with its targets (targets.c). */
#include "daemon/store/store-priv.h"

#define COLUMNS                                                                                    \
  "id, version, listener_id, name, priority, host_pattern, path_prefix, enabled, is_default, "     \
  "path_security_mode, action, target_load_balancing, redirect_target_mode, "                      \
  "redirect_target, redirect_status_code, redirect_preserve_path_suffix, "                         \
  "redirect_preserve_query"

static void *
read_route (StoreTx *tx, StoreStmt *stmt)
{
  StoreRoute *row = g_new0 (StoreRoute, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->listener_id = sqlite3_column_int64 (stmt, 2);
  row->name = store_column_text (stmt, 3);
  row->priority = sqlite3_column_int64 (stmt, 4);
  row->host_pattern = store_column_text (stmt, 5);
  row->path_prefix = store_column_text (stmt, 6);
  row->enabled = sqlite3_column_int64 (stmt, 7) != 0;
  row->is_default = sqlite3_column_int64 (stmt, 8) != 0;
  row->path_security_mode
      = (StorePathSecurity) store_column_word (tx, stmt, 9, store_path_security_words);
  row->action = (StoreAction) store_column_word (tx, stmt, 10, store_action_words);
  row->target_load_balancing
      = (StoreBalancing) store_column_word (tx, stmt, 11, store_balancing_words);
  row->redirect_target_mode
      = (StoreRedirectMode) store_column_word (tx, stmt, 12, store_redirect_mode_words);
  row->redirect_target = store_column_text (stmt, 13);
  row->redirect_status_code = sqlite3_column_int64 (stmt, 14);
  row->redirect_preserve_path_suffix = sqlite3_column_int64 (stmt, 15) != 0;
  row->redirect_preserve_query = sqlite3_column_int64 (stmt, 16) != 0;
  return row;
}

static void
free_route (void *row)
{
  store_route_free (row);
}

/* $1 to $15 of an INSERT or UPDATE. */
#define TYPES "itittiitttttiii"
#define VALUES(row)                                                                                \
  (row)->listener_id, (row)->name, (row)->priority, (row)->host_pattern, (row)->path_prefix,       \
      (int64_t) (row)->enabled, (int64_t) (row)->is_default,                                       \
      store_path_security_words[(row)->path_security_mode], store_action_words[(row)->action],     \
      store_balancing_words[(row)->target_load_balancing],                                         \
      store_redirect_mode_words[(row)->redirect_target_mode], (row)->redirect_target,              \
      (row)->redirect_status_code, (int64_t) (row)->redirect_preserve_path_suffix,                 \
      (int64_t) (row)->redirect_preserve_query

/* The foreign key would say so too, but without the field. */
static bool
check_listener (StoreTx *tx, const StoreRoute *row, GError **error)
{
  int64_t n = 0;

  if (!store_run_int (tx,
                      store_query (tx, error, "SELECT count(*) FROM listeners WHERE id = $1", "i",
                                   row->listener_id),
                      "listeners", 0, &n, error))
    return false;
  if (n == 0)
    store_set_error (error, STORE_ERROR_REFERENCE, "listener_id",
                     "route '%s': there is no listener %" G_GINT64_FORMAT, row->name,
                     row->listener_id);
  return n != 0;
}

bool
store_route_insert (StoreTx *tx, StoreRoute *row, GError **error)
{
  g_autofree char *object = g_strdup_printf ("route '%s'", row->name);

  row->version = 1;
  return check_listener (tx, row, error)
         && store_run_int (tx,
                           store_query (tx, error,
                                        "INSERT INTO routes (listener_id, name, priority, "
                                        "host_pattern, path_prefix, enabled, is_default, "
                                        "path_security_mode, action, target_load_balancing, "
                                        "redirect_target_mode, redirect_target, "
                                        "redirect_status_code, redirect_preserve_path_suffix, "
                                        "redirect_preserve_query) VALUES ($1, $2, $3, $4, $5, $6, "
                                        "$7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id",
                                        TYPES, VALUES (row)),
                           object, 0, &row->id, error)
         && store_targets_write (tx, row, error);
}

bool
store_route_update (StoreTx *tx, StoreRoute *row, int64_t if_version, GError **error)
{
  return check_listener (tx, row, error)
         && store_finish_versioned (
             tx,
             store_query (
                 tx, error,
                 "UPDATE routes SET listener_id = $1, name = $2, priority = $3, host_pattern = $4, "
                 "path_prefix = $5, enabled = $6, is_default = $7, path_security_mode = $8, "
                 "action = $9, target_load_balancing = $10, redirect_target_mode = $11, "
                 "redirect_target = $12, redirect_status_code = $13, "
                 "redirect_preserve_path_suffix = $14, redirect_preserve_query = $15, "
                 "version = version + 1 WHERE id = $16 AND ($17 = 0 OR version = $17) RETURNING "
                 "version",
                 TYPES "ii", VALUES (row), row->id, if_version),
             "SELECT version FROM routes WHERE id = $1", "route", row->name, row->id, if_version,
             &row->version, error)
         && store_targets_write (tx, row, error);
}

bool
store_route_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error)
{
  return store_finish_versioned (
      tx,
      store_query (
          tx, error,
          "DELETE FROM routes WHERE id = $1 AND ($2 = 0 OR version = $2) RETURNING version", "ii",
          id, if_version),
      "SELECT version FROM routes WHERE id = $1", "route", NULL, id, if_version, NULL, error);
}

StoreRoute *
store_route_get (StoreTx *tx, int64_t id, GError **error)
{
  g_autoptr (StoreRoute) row = store_read_one (
      tx, store_query (tx, error, "SELECT " COLUMNS " FROM routes WHERE id = $1", "i", id),
      read_route, free_route, "route", id, error);

  if (!row || !(row->targets = store_targets_read (tx, id, error)))
    return NULL;
  return g_steal_pointer (&row);
}

GPtrArray *
store_route_list (StoreTx *tx,
                  int64_t listener_id,
                  int64_t after_id,
                  unsigned limit,
                  GError **error)
{
  g_autoptr (GPtrArray) rows = store_read_all (
      tx,
      store_query (tx, error,
                   "SELECT " COLUMNS " FROM routes WHERE ($1 = 0 OR listener_id = $1) AND id > $2 "
                   "ORDER BY id LIMIT $3",
                   "iii", listener_id, after_id, store_limit (limit)),
      read_route, free_route, "routes", error);

  for (unsigned i = 0; rows && i < rows->len; i++)
    {
      StoreRoute *row = rows->pdata[i];

      if (!(row->targets = store_targets_read (tx, row->id, error)))
        return NULL;
    }
  return g_steal_pointer (&rows);
}
