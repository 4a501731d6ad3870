/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table certificates: keys and chains of the public listeners. The database is readable by its
 * owner alone. */
#include "daemon/store/store-priv.h"

#include "lib/clock.h"

#define COLUMNS                                                                                  \
  "id, version, coalesce (listener_id, 0), hostname_pattern, source, enabled, certificate_pem, " \
  "private_key_pem, certificate_path, private_key_path, created_at, not_after"

static void *
read_certificate (StoreTx *tx, StoreStmt *stmt)
{
  StoreCertificate *row = g_new0 (StoreCertificate, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->listener_id = sqlite3_column_int64 (stmt, 2);
  row->hostname_pattern = store_column_text (stmt, 3);
  row->source
      = (StoreCertificateSource) store_column_word (tx, stmt, 4, store_certificate_source_words);
  row->enabled = sqlite3_column_int64 (stmt, 5) != 0;
  row->certificate_pem = store_column_text (stmt, 6);
  row->private_key_pem = store_column_text (stmt, 7);
  row->certificate_path = store_column_text (stmt, 8);
  row->private_key_path = store_column_text (stmt, 9);
  row->created_at = sqlite3_column_int64 (stmt, 10);
  row->not_after = sqlite3_column_int64 (stmt, 11);
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
      store_query (tx, error,
                   "INSERT INTO certificates (listener_id, hostname_pattern, source, enabled, "
                   "certificate_pem, private_key_pem, certificate_path, private_key_path, "
                   "created_at, not_after) "
                   "VALUES (nullif ($1, 0), $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id",
                   "ittittttii", row->listener_id, row->hostname_pattern,
                   store_certificate_source_words[row->source], (int64_t) row->enabled,
                   row->certificate_pem, row->private_key_pem, row->certificate_path,
                   row->private_key_path, row->created_at, row->not_after),
      object, 0, &row->id, error);
}

bool
store_certificate_update (StoreTx *tx, StoreCertificate *row, int64_t if_version, GError **error)
{
  return store_finish_versioned (
      tx,
      store_query (tx, error,
                   "UPDATE certificates SET listener_id = nullif ($1, 0), hostname_pattern = $2, "
                   "source = $3, enabled = $4, certificate_pem = $5, private_key_pem = $6, "
                   "certificate_path = $7, private_key_path = $8, not_after = $9, "
                   "version = version + 1 WHERE id = $10 AND ($11 = 0 OR version = $11) "
                   "RETURNING version",
                   "ittittttiii", row->listener_id, row->hostname_pattern,
                   store_certificate_source_words[row->source], (int64_t) row->enabled,
                   row->certificate_pem, row->private_key_pem, row->certificate_path,
                   row->private_key_path, row->not_after, row->id, if_version),
      "SELECT version FROM certificates WHERE id = $1", "certificate", row->hostname_pattern,
      row->id, if_version, &row->version, error);
}

bool
store_certificate_delete (StoreTx *tx, int64_t id, int64_t if_version, GError **error)
{
  return store_finish_versioned (
      tx,
      store_query (tx, error,
                   "DELETE FROM certificates WHERE id = $1 AND ($2 = 0 OR version = $2) "
                   "RETURNING version",
                   "ii", id, if_version),
      "SELECT version FROM certificates WHERE id = $1", "certificate", NULL, id, if_version, NULL,
      error);
}

StoreCertificate *
store_certificate_get (StoreTx *tx, int64_t id, GError **error)
{
  return store_read_one (
      tx, store_query (tx, error, "SELECT " COLUMNS " FROM certificates WHERE id = $1", "i", id),
      read_certificate, free_certificate, "certificate", id, error);
}

GPtrArray *
store_certificate_list (StoreTx *tx, int64_t after_id, unsigned limit, GError **error)
{
  return store_read_all (tx,
                         store_query (tx, error,
                                      "SELECT " COLUMNS
                                      " FROM certificates WHERE id > $1 AND source <> 'fallback' "
                                      "ORDER BY id LIMIT $2",
                                      "ii", after_id, store_limit (limit)),
                         read_certificate, free_certificate, "certificates", error);
}
