/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table audit: one row a change, in the transaction of the change. */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"

static void *
read_audit (StoreTx *tx, StoreStmt *stmt)
{
  StoreAudit *row = g_new0 (StoreAudit, 1);

  (void) tx;
  row->id = sqlite3_column_int64 (stmt, 0);
  row->at = sqlite3_column_int64 (stmt, 1);
  row->principal = store_column_text (stmt, 2);
  row->address = store_column_text (stmt, 3);
  row->action = store_column_text (stmt, 4);
  row->resource = store_column_text (stmt, 5);
  row->object_id = sqlite3_column_int64 (stmt, 6);
  row->before = store_column_text_or_null (stmt, 7);
  row->after = store_column_text_or_null (stmt, 8);
  row->request_id = store_column_text (stmt, 9);
  return row;
}

static void
free_audit (void *row)
{
  store_audit_free (row);
}

bool
store_audit_insert (StoreTx *tx, StoreAudit *row, GError **error)
{
  if (row->at == 0)
    row->at = p2p_wall_ms ();
  return store_run_int (
      tx,
      store_query (
          tx, error,
          "INSERT INTO audit (at, principal, address, action, resource, object_id, before, "
          "after, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
          "ittttittt", row->at, row->principal, row->address, row->action, row->resource,
          row->object_id, row->before, row->after, row->request_id),
      "audit", 0, &row->id, error);
}

GPtrArray *
store_audit_list (StoreTx *tx,
                  const StoreAuditFilter *filter,
                  int64_t before_id,
                  unsigned limit,
                  GError **error)
{
  return store_read_all (
      tx,
      store_query (
          tx, error,
          "SELECT id, at, principal, address, action, resource, object_id, before, after, "
          "request_id "
          "FROM audit WHERE ($1 = 0 OR id < $1) AND ($2 = 0 OR at >= $2) AND ($3 = 0 OR at < $3) "
          "AND ($4 IS NULL OR principal = $4) AND ($5 IS NULL OR resource = $5) "
          "ORDER BY id DESC LIMIT $6",
          "iiitti", before_id, filter->from, filter->to, filter->principal, filter->resource,
          store_limit (limit)),
      read_audit, free_audit, "audit", error);
}
