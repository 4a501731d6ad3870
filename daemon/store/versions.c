/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Ids and versions of all rows of a table: what the configuration needs to see which rows it has
 * already. */
#include "daemon/store/store-priv.h"

GArray *
store_list_versions (StoreTx *tx, StoreTable table, GError **error)
{
  static const char *const queries[] = {
    [STORE_TABLE_LISTENERS] = "SELECT id, version FROM listeners ORDER BY id",
    [STORE_TABLE_ROUTES] = "SELECT id, version FROM routes ORDER BY id",
    [STORE_TABLE_AGENTS] = "SELECT id, version FROM agents ORDER BY id",
    [STORE_TABLE_CERTIFICATES] = "SELECT id, version FROM certificates ORDER BY id",
  };
  g_autoptr (StoreStmt) stmt = store_query (tx, error, queries[table], "");
  g_autoptr (GArray) versions = g_array_new (false, false, sizeof (StoreVersion));
  StoreStep step;

  if (!stmt)
    return NULL;
  while ((step = store_step (tx, stmt, "configuration", error)) == STORE_STEP_ROW)
    {
      StoreVersion version = { sqlite3_column_int64 (stmt, 0), sqlite3_column_int64 (stmt, 1) };

      g_array_append_val (versions, version);
    }
  return step == STORE_STEP_DONE ? g_steal_pointer (&versions) : NULL;
}
