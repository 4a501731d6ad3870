/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table listeners. A listener that routes name cannot be deleted. */
#include "daemon/store/store-priv.h"

#define COLUMNS                                                                                    \
  "id, version, name, protocol, bind_address, port, enabled, trusted_proxy_cidrs, "                \
  "accept_proxy_protocol"

static void *
read_listener (StoreTx *tx, StoreStmt *stmt)
{
  StoreListener *row = g_new0 (StoreListener, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->name = store_column_text (stmt, 2);
  row->protocol = (StoreProtocol) store_column_word (tx, stmt, 3, store_protocol_words);
  row->bind_address = store_column_text (stmt, 4);
  row->port = sqlite3_column_int64 (stmt, 5);
  row->enabled = sqlite3_column_int64 (stmt, 6) != 0;
  row->trusted_proxy_cidrs = store_column_strings (tx, stmt, 7);
  row->accept_proxy_protocol
      = (StoreProxyProtocol) store_column_word (tx, stmt, 8, store_proxy_protocol_words);
  return row;
}

static void
free_listener (void *row)
{
  store_listener_free (row);
}

bool
store_listener_insert (StoreTx *tx, StoreListener *row, GError **error)
{
  g_autofree char *object = g_strdup_printf ("listener '%s'", row->name);
  g_autofree char *cidrs = store_strings_to_json (row->trusted_proxy_cidrs);

  row->version = 1;
  return store_run_int (
      tx,
      store_query (tx, error,
                   "INSERT INTO listeners (name, protocol, bind_address, port, enabled, "
                   "trusted_proxy_cidrs, accept_proxy_protocol) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
                   "tttiitt", row->name, store_protocol_words[row->protocol], row->bind_address,
                   row->port, (int64_t) row->enabled, cidrs,
                   store_proxy_protocol_words[row->accept_proxy_protocol]),
      object, 0, &row->id, error);
}

bool
store_listener_update (StoreTx *tx, StoreListener *row, int64_t if_version, GError **error)
{
  g_autofree char *cidrs = store_strings_to_json (row->trusted_proxy_cidrs);

  return store_finish_versioned (
      tx,
      store_query (
          tx, error,
          "UPDATE listeners SET name = $1, protocol = $2, bind_address = $3, port = $4, enabled = "
          "$5, trusted_proxy_cidrs = $6, accept_proxy_protocol = $7, "
          "version = version + 1 WHERE id = $8 AND ($9 = 0 OR version = $9) RETURNING version",
          "tttiittii", row->name, store_protocol_words[row->protocol], row->bind_address, row->port,
          (int64_t) row->enabled, cidrs, store_proxy_protocol_words[row->accept_proxy_protocol],
          row->id, if_version),
      "SELECT version FROM listeners WHERE id = $1", "listener", row->name, row->id, if_version,
      &row->version, error);
}

static void *
read_name (StoreTx *tx, StoreStmt *stmt)
{
  (void) tx;
  return store_column_text (stmt, 0);
}

/* Says by what, at most three by name. */
static bool
refuse_users (StoreTx *tx,
              int64_t id,
              int64_t n,
              const char *noun,
              StoreStmt *take_names,
              GError **error)
{
  g_autoptr (GPtrArray) names = store_read_all (tx, take_names, read_name, g_free, noun, error);
  g_autofree char *users = NULL;

  if (!names)
    return false;
  g_ptr_array_add (names, NULL);
  users = g_strjoinv ("', '", (char **) names->pdata);
  store_set_error (error, STORE_ERROR_CONFLICT, NULL,
                   "listener %" G_GINT64_FORMAT ": is in use by %" G_GINT64_FORMAT " %s%s: '%s'%s",
                   id, n, noun, n == 1 ? "" : "s", users, n > 3 ? ", ..." : "");
  return false;
}

static bool
check_unused (StoreTx *tx, int64_t id, GError **error)
{
  int64_t n = 0;

  if (!store_run_int (
          tx,
          store_query (tx, error, "SELECT count(*) FROM routes WHERE listener_id = $1", "i", id),
          "routes", 0, &n, error))
    return false;
  if (n > 0)
    return refuse_users (
        tx, id, n, "route",
        store_query (tx, error,
                     "SELECT name FROM routes WHERE listener_id = $1 ORDER BY priority, id LIMIT 3",
                     "i", id),
        error);
  /* Its fallback goes with it. */
  if (!store_run_int (tx,
                      store_query (tx, error,
                                   "SELECT count(*) FROM certificates WHERE listener_id = $1 "
                                   "AND source <> 'fallback'",
                                   "i", id),
                      "certificates", 0, &n, error))
    return false;
  if (n == 0)
    return true;
  return refuse_users (tx, id, n, "certificate",
                       store_query (tx, error,
                                    "SELECT hostname_pattern FROM certificates "
                                    "WHERE listener_id = $1 AND source <> 'fallback' "
                                    "ORDER BY id LIMIT 3",
                                    "i", id),
                       error);
}

bool
store_listener_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error)
{
  return check_unused (tx, id, error)
         && store_finish_versioned (tx,
                                    store_query (tx, error,
                                                 "DELETE FROM listeners WHERE id = $1 AND ($2 = 0 "
                                                 "OR version = $2) RETURNING version",
                                                 "ii", id, if_version),
                                    "SELECT version FROM listeners WHERE id = $1", "listener", NULL,
                                    id, if_version, NULL, error);
}

StoreListener *
store_listener_get (StoreTx *tx, int64_t id, GError **error)
{
  return store_read_one (
      tx, store_query (tx, error, "SELECT " COLUMNS " FROM listeners WHERE id = $1", "i", id),
      read_listener, free_listener, "listener", id, error);
}

GPtrArray *
store_listener_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error)
{
  return store_read_all (tx,
                         store_query (tx, error,
                                      "SELECT " COLUMNS
                                      " FROM listeners WHERE id > $1 ORDER BY id LIMIT $2",
                                      "ii", after_id, store_limit (limit)),
                         read_listener, free_listener, "listeners", error);
}
