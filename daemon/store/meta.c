/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table meta: single values by key. */
#include "daemon/store/store-priv.h"

static void *
read_value (StoreTx *tx, StoreStmt *stmt)
{
  (void) tx;
  return store_column_text (stmt, 0);
}

char *
store_meta_get (StoreTx *tx, const char *key, GError **error)
{
  return store_read_one (tx,
                         store_query (tx, error, "SELECT value FROM meta WHERE key = $1", "t", key),
                         read_value, g_free, key, 0, error);
}

bool
store_meta_insert (StoreTx *tx, const char *key, const char *value, GError **error)
{
  return store_run (
      tx,
      store_query (tx, error, "INSERT INTO meta (key, value) VALUES ($1, $2)", "tt", key, value),
      key, error);
}

bool
store_meta_set (StoreTx *tx, const char *key, const char *value, GError **error)
{
  return store_run (tx,
                    store_query (tx, error,
                                 "INSERT INTO meta (key, value) VALUES ($1, $2) "
                                 "ON CONFLICT (key) DO UPDATE SET value = $2",
                                 "tt", key, value),
                    key, error);
}
