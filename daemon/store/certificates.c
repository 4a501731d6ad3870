/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table certificates: keys and chains of the public listeners. The database is readable by its
 * owner alone. */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"

#define COLUMNS                                                                                  \
  "id, version, coalesce (listener_id, 0), hostname_pattern, certificate_pem, private_key_pem, " \
  "created_at, not_after"

static void *
read_certificate (StoreTx *tx, StoreStmt *stmt)
{
  StoreCertificate *row = g_new0 (StoreCertificate, 1);

  (void) tx;
  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->listener_id = sqlite3_column_int64 (stmt, 2);
  row->hostname_pattern = store_column_text (stmt, 3);
  row->certificate_pem = store_column_text (stmt, 4);
  row->private_key_pem = store_column_text (stmt, 5);
  row->created_at = sqlite3_column_int64 (stmt, 6);
  row->not_after = sqlite3_column_int64 (stmt, 7);
  return row;
}

static void
free_certificate (void *row)
{
  store_certificate_free (row);
}

bool
store_certificate_insert (StoreTx *tx, StoreCertificate *row, GError **error)
{
  g_autofree char *object = g_strdup_printf ("certificate '%s'", row->hostname_pattern);

  if (row->created_at == 0)
    row->created_at = p2p_wall_ms ();
  row->version = 1;
  return store_run_int (
      tx,
      store_query (
          tx, error,
          "INSERT INTO certificates (listener_id, hostname_pattern, source, certificate_pem, "
          "private_key_pem, created_at, not_after) "
          "VALUES (nullif ($1, 0), $2, 'self_signed', $3, $4, $5, $6) RETURNING id",
          "itttii", row->listener_id, row->hostname_pattern, row->certificate_pem,
          row->private_key_pem, row->created_at, row->not_after),
      object, 0, &row->id, error);
}

bool
store_certificate_delete (StoreTx *tx, int64_t id, GError **error)
{
  return store_run (tx, store_query (tx, error, "DELETE FROM certificates WHERE id = $1", "i", id),
                    "certificate", error);
}

StoreCertificate *
store_certificate_get (StoreTx *tx, int64_t id, GError **error)
{
  return store_read_one (
      tx, store_query (tx, error, "SELECT " COLUMNS " FROM certificates WHERE id = $1", "i", id),
      read_certificate, free_certificate, "certificate", id, error);
}

StoreCertificate *
store_certificate_find (StoreTx *tx,
                        int64_t listener_id,
                        const char *hostname_pattern,
                        GError **error)
{
  return store_read_one (
      tx,
      store_query (tx, error,
                   "SELECT " COLUMNS " FROM certificates "
                   "WHERE hostname_pattern = $2 AND coalesce (listener_id, 0) = $1",
                   "it", listener_id, hostname_pattern),
      read_certificate, free_certificate, "certificate", 0, error);
}

GPtrArray *
store_certificate_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error)
{
  return store_read_all (tx,
                         store_query (tx, error,
                                      "SELECT " COLUMNS
                                      " FROM certificates WHERE id > $1 ORDER BY id LIMIT $2",
                                      "ii", after_id, store_limit (limit)),
                         read_certificate, free_certificate, "certificates", error);
}
