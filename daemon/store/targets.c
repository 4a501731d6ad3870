/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Table targets: the list of a route. A target that stays keeps its id; its version grows only when
 * one of its own members changed, so that the snapshot can share what did not. */
#include "daemon/store/store-priv.h"

#define COLUMNS                                                                                   \
  "id, version, name, type, enabled, transport, url, match_labels, host_header, "                 \
  "custom_host_header, "                                                                          \
  "allowed_upgrades, tls_skip_verify, tls_server_name, tls_ca_pem, upstream_connect_timeout_ms, " \
  "upstream_response_header_timeout_ms, upstream_idle_timeout_ms, static_status_code, "           \
  "static_response_headers, "                                                                     \
  "static_response_body"

static void *
read_target (StoreTx *tx, StoreStmt *stmt)
{
  StoreTarget *row = g_new0 (StoreTarget, 1);

  row->id = sqlite3_column_int64 (stmt, 0);
  row->version = sqlite3_column_int64 (stmt, 1);
  row->name = store_column_text (stmt, 2);
  row->type = (StoreTargetType) store_column_word (tx, stmt, 3, store_target_type_words);
  row->enabled = sqlite3_column_int64 (stmt, 4) != 0;
  row->transport = (StoreTransport) store_column_word (tx, stmt, 5, store_transport_words);
  row->url = store_column_text (stmt, 6);
  row->match_labels = store_column_pairs (tx, stmt, 7);
  row->host_header = (StoreHostHeader) store_column_word (tx, stmt, 8, store_host_header_words);
  row->custom_host_header = store_column_text (stmt, 9);
  row->allowed_upgrades = store_column_strings (tx, stmt, 10);
  row->tls_skip_verify = sqlite3_column_int64 (stmt, 11) != 0;
  row->tls_server_name = store_column_text (stmt, 12);
  row->tls_ca_pem = store_column_text (stmt, 13);
  row->upstream_connect_timeout_ms = sqlite3_column_int64 (stmt, 14);
  row->upstream_response_header_timeout_ms = sqlite3_column_int64 (stmt, 15);
  row->upstream_idle_timeout_ms = sqlite3_column_int64 (stmt, 16);
  row->static_status_code = sqlite3_column_int64 (stmt, 17);
  row->static_response_headers = store_column_pairs (tx, stmt, 18);
  row->static_response_body = store_column_text (stmt, 19);
  return row;
}

static void
free_target (void *row)
{
  store_target_free (row);
}

GPtrArray *
store_targets_read (StoreTx *tx, int64_t route_id, GError **error)
{
  return store_read_all (tx,
                         store_query (tx, error,
                                      "SELECT " COLUMNS
                                      " FROM targets WHERE route_id = $1 ORDER BY position",
                                      "i", route_id),
                         read_target, free_target, "targets", error);
}

static bool
targets_equal (const StoreTarget *a, const StoreTarget *b)
{
  return strcmp (a->name, b->name) == 0 && a->type == b->type && a->enabled == b->enabled
         && a->transport == b->transport && strcmp (a->url, b->url) == 0
         && store_pairs_equal (a->match_labels, b->match_labels) && a->host_header == b->host_header
         && strcmp (a->custom_host_header, b->custom_host_header) == 0
         && g_strv_equal ((const char *const *) a->allowed_upgrades,
                          (const char *const *) b->allowed_upgrades)
         && a->tls_skip_verify == b->tls_skip_verify
         && strcmp (a->tls_server_name, b->tls_server_name) == 0
         && strcmp (a->tls_ca_pem, b->tls_ca_pem) == 0
         && a->upstream_connect_timeout_ms == b->upstream_connect_timeout_ms
         && a->upstream_response_header_timeout_ms == b->upstream_response_header_timeout_ms
         && a->upstream_idle_timeout_ms == b->upstream_idle_timeout_ms
         && a->static_status_code == b->static_status_code
         && store_pairs_equal (a->static_response_headers, b->static_response_headers)
         && strcmp (a->static_response_body, b->static_response_body) == 0;
}

static bool
insert_target (StoreTx *tx,
               int64_t route_id,
               unsigned position,
               StoreTarget *row,
               const char *object,
               GError **error)
{
  g_autofree char *labels = store_pairs_to_json (row->match_labels);
  g_autofree char *upgrades = store_strings_to_json (row->allowed_upgrades);
  g_autofree char *headers = store_pairs_to_json (row->static_response_headers);

  row->version = 1;
  return store_run_int (
      tx,
      store_query (
          tx, error,
          "INSERT INTO targets (route_id, position, name, type, enabled, transport, url, "
          "match_labels, "
          "host_header, custom_host_header, allowed_upgrades, tls_skip_verify, tls_server_name, "
          "tls_ca_pem, "
          "upstream_connect_timeout_ms, upstream_response_header_timeout_ms, "
          "upstream_idle_timeout_ms, "
          "static_status_code, static_response_headers, static_response_body) VALUES ($1, $2, $3, "
          "$4, $5, "
          "$6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING id",
          "iittitt"
          "ttttittiiiitt",
          route_id, (int64_t) position, row->name, store_target_type_words[row->type],
          (int64_t) row->enabled, store_transport_words[row->transport], row->url, labels,
          store_host_header_words[row->host_header], row->custom_host_header, upgrades,
          (int64_t) row->tls_skip_verify, row->tls_server_name, row->tls_ca_pem,
          row->upstream_connect_timeout_ms, row->upstream_response_header_timeout_ms,
          row->upstream_idle_timeout_ms, row->static_status_code, headers,
          row->static_response_body),
      object, 0, &row->id, error);
}

static bool
update_target (StoreTx *tx, unsigned position, StoreTarget *row, const char *object, GError **error)
{
  g_autofree char *labels = store_pairs_to_json (row->match_labels);
  g_autofree char *upgrades = store_strings_to_json (row->allowed_upgrades);
  g_autofree char *headers = store_pairs_to_json (row->static_response_headers);

  return store_run_int (
      tx,
      store_query (
          tx, error,
          "UPDATE targets SET position = $2, name = $3, type = $4, enabled = $5, transport = $6, "
          "url = $7, "
          "match_labels = $8, host_header = $9, custom_host_header = $10, allowed_upgrades = $11, "
          "tls_skip_verify = $12, tls_server_name = $13, tls_ca_pem = $14, "
          "upstream_connect_timeout_ms = $15, upstream_response_header_timeout_ms = $16, "
          "upstream_idle_timeout_ms = $17, static_status_code = $18, static_response_headers = "
          "$19, "
          "static_response_body = $20, version = version + 1 WHERE id = $1 RETURNING version",
          "iittitt"
          "ttttittiiiitt",
          row->id, (int64_t) position, row->name, store_target_type_words[row->type],
          (int64_t) row->enabled, store_transport_words[row->transport], row->url, labels,
          store_host_header_words[row->host_header], row->custom_host_header, upgrades,
          (int64_t) row->tls_skip_verify, row->tls_server_name, row->tls_ca_pem,
          row->upstream_connect_timeout_ms, row->upstream_response_header_timeout_ms,
          row->upstream_idle_timeout_ms, row->static_status_code, headers,
          row->static_response_body),
      object, 0, &row->version, error);
}

/* Takes the target with this id out of those that were there. */
static StoreTarget *
take_present (GPtrArray *present, int64_t id)
{
  for (unsigned i = 0; i < present->len; i++)
    if (((StoreTarget *) present->pdata[i])->id == id)
      return g_ptr_array_steal_index (present, i);
  return NULL;
}

static bool
write_target (StoreTx *tx,
              const StoreRoute *route,
              unsigned position,
              GPtrArray *present,
              GError **error)
{
  StoreTarget *row = route->targets->pdata[position];
  g_autofree char *object = g_strdup_printf ("route '%s': target '%s'", route->name, row->name);
  g_autoptr (StoreTarget) before = NULL;

  if (row->id == 0)
    return insert_target (tx, route->id, position, row, object, error);
  before = take_present (present, row->id);
  if (!before)
    {
      g_autofree char *field = g_strdup_printf ("targets[%u].id", position);

      store_set_error (error, STORE_ERROR_REFERENCE, field,
                       "%s: the route has no target %" G_GINT64_FORMAT, object, row->id);
      return false;
    }
  row->version = before->version;
  if (!targets_equal (before, row))
    return update_target (tx, position, row, object, error);
  return store_run (
      tx,
      store_query (tx, error, "UPDATE targets SET position = $2 WHERE id = $1 AND position <> $2",
                   "ii", row->id, (int64_t) position),
      object, error);
}

bool
store_targets_write (StoreTx *tx, StoreRoute *route, GError **error)
{
  g_autoptr (GPtrArray) present = store_targets_read (tx, route->id, error);

  if (!present)
    return false;
  for (unsigned i = 0; i < route->targets->len; i++)
    if (!write_target (tx, route, i, present, error))
      return false;
  for (unsigned i = 0; i < present->len; i++)
    if (!store_run (tx,
                    store_query (tx, error, "DELETE FROM targets WHERE id = $1", "i",
                                 ((StoreTarget *) present->pdata[i])->id),
                    "target", error))
      return false;
  return true;
}
